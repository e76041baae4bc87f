// SPDX-License-Identifier: MIT
// thalweg recipe: a recipe as it is understood, or every key there is.
#include "cli/show.h"

#include "thalweg/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_cell(const char *text)
{
    for (; *text; text++) { // a bar would end the cell
        if (*text == '|') fputc('\\', stdout);
        fputc(*text, stdout);
    }
}

static void put_choices(const char *choices)
{
    for (const char *at = choices; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        printf("%s`%.*s`", at == choices ? "" : ", ", (int)length, at);
        at += length;
    }
}

// A table in Markdown: it stands in docs/recipe.md as it is printed here, and a test compares them.
static tw_status show_keys(const tw_args *args)
{
    const tw_recipe_key *key;
    int64_t count = tw_recipe_keys(&key);
    if (tw_args_flag(args, "json")) {
        json_t *list = json_array();
        for (int64_t i = 0; i < count; i++)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s?, s:s}", "key", key[i].key, "kind", key[i].kind,
                                                  "default", key[i].fallback, "choices", key[i].choices, "text",
                                                  key[i].text));
        return tw_show_json(json_pack("{s:o}", "keys", list));
    }
    printf("| key | kind | default | one of | what |\n| --- | --- | --- | --- | --- |\n");
    for (int64_t i = 0; i < count; i++) {
        printf("| `%s` | %s | ", key[i].key, key[i].kind);
        if (key[i].fallback) printf("`%s`", key[i].fallback);
        printf(" | ");
        if (key[i].choices) put_choices(key[i].choices);
        printf(" | ");
        put_cell(key[i].text);
        printf(" |\n");
    }
    return TW_OK;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_recipe *recipe = NULL;
    char *const *word, *text = NULL;
    int words = tw_args_words(args, &word);
    if (tw_args_flag(args, "keys")) return show_keys(args);
    if (words != 1) return tw_fail(TW_EINVAL, "found %d words, expected one recipe, or --keys", words);
    TW_TRY(tw_recipe_load(word[0], &recipe));
    TW_TRY(tw_recipe_text(recipe, &text));
    if (tw_args_flag(args, "json"))
        st = tw_show_json(json_pack("{s:s, s:s}", "file", word[0], "recipe", text));
    else
        fputs(text, stdout);
done:
    free(text);
    tw_recipe_free(recipe);
    return st;
}

static const tw_flag flags[] = {
    {"keys", NULL, NULL, "every key a recipe can have, as a table"},
    {0},
};

const tw_command tw_cmd_recipe = {
    .name = "recipe",
    .summary = "a recipe as it is understood, or every key there is",
    .about = "Reads a recipe as train does, and writes it with every default filled in: YAML that gives the same run.",
    .example =
        "echo '{optim: {lr: 0.2}, probes: {also: [{kind: eigs, every: log 8}]}}' > r.yaml\nthalweg recipe r.yaml",
    .words = "[RECIPE.yaml]",
    .flags = flags,
    .run = run,
    .one_rank = true,
};
