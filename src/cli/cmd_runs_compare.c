// SPDX-License-Identifier: MIT
// thalweg runs compare: what differs in the recipes, and in the last numbers.
#include "cli/runs.h"

#include "base/alloc.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 32 };

typedef struct sheet {
    int runs;
    json_t *run[MOST];
    tw_recipe *recipe[MOST];
} sheet;

static tw_status read_run(const char *folder, sheet *s)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    TW_TRY(tw_run_open(folder, false, &run));
    TW_TRY(tw_runs_json(run, folder, &s->run[s->runs]));
    const char *text = json_string_value(json_object_get(s->run[s->runs], "recipe"));
    s->runs++;
    if (text) TW_TRY(tw_recipe_parse(folder, text, strlen(text), &s->recipe[s->runs - 1]));
done:
    tw_runs_close(run);
    return st;
}

static const char *value_of(const tw_recipe *recipe, const char *key)
{
    const char *text = recipe ? tw_recipe_str(recipe, key) : NULL;
    return text ? text : "-";
}

static void show_head(const sheet *s, const char *what)
{
    printf("%-30s", what);
    for (int i = 0; i < s->runs; i++) { // the end of a long name tells members of a grid apart
        const char *name = json_string_value(json_object_get(s->run[i], "run"));
        size_t length = strlen(name);
        printf("  %20s", length > 20 ? name + length - 20 : name);
    }
    printf("\n");
}

static json_t *recipes(const sheet *s, bool show)
{
    const tw_recipe_key *key;
    int64_t count = tw_recipe_keys(&key);
    json_t *all = json_object();
    if (show) show_head(s, "recipe");
    for (int64_t k = 0; k < count; k++) {
        if (strchr(key[k].key, '*')) continue;
        bool differ = false;
        for (int i = 1; i < s->runs; i++)
            differ = differ || strcmp(value_of(s->recipe[i], key[k].key), value_of(s->recipe[0], key[k].key)) != 0;
        if (!differ) continue;
        json_t *row = json_array();
        if (show) printf("%-30s", key[k].key);
        for (int i = 0; i < s->runs; i++) {
            json_array_append_new(row, json_string(value_of(s->recipe[i], key[k].key)));
            if (show) printf("  %20.20s", value_of(s->recipe[i], key[k].key));
        }
        if (show) printf("\n");
        json_object_set_new(all, key[k].key, row);
    }
    if (show && json_object_size(all) == 0) printf("(the same)\n");
    return all;
}

// Series that at least two of the runs have.
static json_t *numbers(const sheet *s, bool show)
{
    json_t *all = json_object(), *one;
    const char *name;
    if (show) printf("\n");
    if (show) show_head(s, "last value");
    for (int first = 0; first < s->runs; first++) json_object_foreach(json_object_get(s->run[first], "last"), name, one)
        {
            int having = 0;
            for (int i = 0; i < s->runs; i++)
                having += json_object_get(json_object_get(s->run[i], "last"), name) != NULL;
            if (having < 2 || json_object_get(all, name)) continue;
            json_t *row = json_array();
            if (show) printf("%-30s", name);
            for (int i = 0; i < s->runs; i++) {
                const json_t *value =
                    json_object_get(json_object_get(json_object_get(s->run[i], "last"), name), "value");
                bool number = json_is_number(value);
                json_array_append_new(row, tw_json_real(number ? json_number_value(value) : NAN));
                if (show && number) printf("  %20.8g", json_number_value(value));
                if (show && !number) printf("  %20s", "-");
            }
            if (show) printf("\n");
            json_object_set_new(all, name, row);
        }
    return all;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    sheet s = {0};
    char *const *word;
    int words = tw_args_words(args, &word);
    bool json = tw_args_flag(args, "json");
    if (words < 2 || words > MOST)
        return tw_fail(TW_EINVAL, "found %d words, expected the folders of 2 to %d runs", words, MOST);
    for (int i = 0; i < words; i++) TW_TRY(read_run(word[i], &s));
    json_t *keys = recipes(&s, !json), *values = numbers(&s, !json), *folders = json_array();
    for (int i = 0; i < words; i++) json_array_append_new(folders, json_string(word[i]));
    json_t *result = json_pack("{s:o, s:o, s:o}", "runs", folders, "recipe", keys, "last", values);
    if (json)
        TW_TRY(tw_show_json(result));
    else
        json_decref(result);
done:
    for (int i = 0; i < MOST; i++) {
        json_decref(s.run[i]);
        tw_recipe_free(s.recipe[i]);
    }
    return st;
}

const tw_command tw_cmd_runs_compare = {
    .name = "runs compare",
    .summary = "runs beside each other: what differs in their recipes, and their last numbers",
    .about = "Keys of the recipe that differ, then the last value of each series that at least two of the runs have.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\n"
               "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --lr 0.3 --run b\n"
               "thalweg runs compare a b",
    .words = "RUN RUN...",
    .run = run,
    .one_rank = true,
};
