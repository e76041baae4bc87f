// SPDX-License-Identifier: MIT
// Reading NAME:key=value,... against a table of names and their keys.
#include "train/words.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include <math.h>
#include <string.h>

enum { MOST_NAMES = 32 };

static bool place_of(const char *word, const char *choices, double *out)
{
    size_t wanted = strlen(word);
    double place = 0;
    for (const char *at = choices; *at; at += strspn(at, " "), place++) {
        size_t length = strcspn(at, " ");
        if (length == wanted && memcmp(word, at, length) == 0) {
            *out = place;
            return true;
        }
        at += length;
    }
    return false;
}

static tw_status read_value(const char *what, const char *name, const tw_word *word, const char *text, double *out)
{
    char *end, near[64];
    if (word->choices) {
        if (place_of(text, word->choices, out)) return TW_OK;
        tw_nearest(text, word->choices, near, sizeof near);
        return tw_fail(TW_EINVAL, "%s %s: %s: found \"%s\", expected one of: %s; did you mean %s?", what, name,
                       word->key, text, word->choices, near);
    }
    double number = strtod(text, &end);
    if (!*text || *end || !(number >= word->least && number <= word->most) || (word->whole && number != floor(number)))
        return tw_fail(TW_EINVAL, "%s %s: %s: found \"%s\", expected a %s from %g to %g", what, name, word->key, text,
                       word->whole ? "whole number" : "number", word->least, word->most);
    *out = number;
    return TW_OK;
}

static tw_status unknown_name(const char *what, const char *name, int64_t names, const tw_words *table)
{
    const char *known[MOST_NAMES];
    char all[512] = "";
    for (int64_t i = 0; i < names && i < MOST_NAMES; i++) {
        known[i] = table[i].name;
        if (i > 0) strncat(all, ", ", sizeof all - strlen(all) - 1);
        strncat(all, known[i], sizeof all - strlen(all) - 1);
    }
    const char *near = tw_nearest_of(name, (int)names, known);
    return tw_fail(TW_EINVAL, "%s: found \"%s\", expected one of: %s%s%s%s", what, name, all,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static tw_status unknown_key(const char *what, const tw_words *words, const char *key)
{
    char all[512] = "", near[64];
    for (const tw_word *word = words->word; word->key; word++) {
        if (all[0]) strncat(all, " ", sizeof all - strlen(all) - 1);
        strncat(all, word->key, sizeof all - strlen(all) - 1);
    }
    if (!all[0]) return tw_fail(TW_EINVAL, "%s %s: found %s=, expected no key", what, words->name, key);
    tw_nearest(key, all, near, sizeof near);
    return tw_fail(TW_EINVAL, "%s %s: found %s=, expected one of: %s; did you mean %s=?", what, words->name, key, all,
                   near);
}

tw_status tw_words_read(const char *what, const char *text, int64_t names, const tw_words *table, int64_t *name,
                        double value[TW_MOST_WORDS])
{
    tw_status st = TW_OK;
    char *copy = NULL;
    double read[TW_MOST_WORDS] = {0};
    bool given[TW_MOST_WORDS] = {false};
    int64_t which = 0;

    TW_TRY(tw_strdup(text ? text : "", &copy));
    char *at = strchr(copy, ':');
    if (at) *at++ = '\0';
    while (which < names && strcmp(table[which].name, copy) != 0) which++;
    if (which == names) {
        st = unknown_name(what, copy, names, table);
        goto done;
    }
    const tw_words *words = &table[which];
    for (int i = 0; words->word[i].key; i++)
        TW_TRY(read_value(what, words->name, &words->word[i], words->word[i].fallback, &read[i]));
    for (char *next; at; at = next) {
        next = strchr(at, ',');
        if (next) *next++ = '\0';
        char *equals = strchr(at, '=');
        if (!equals) {
            st = tw_fail(TW_EINVAL, "%s %s: found \"%s\", expected key=value", what, words->name, at);
            goto done;
        }
        *equals = '\0';
        int i = 0;
        while (words->word[i].key && strcmp(words->word[i].key, at) != 0) i++;
        if (!words->word[i].key) {
            st = unknown_key(what, words, at);
            goto done;
        }
        if (given[i]) {
            st = tw_fail(TW_EINVAL, "%s %s: found %s= twice", what, words->name, at);
            goto done;
        }
        given[i] = true;
        TW_TRY(read_value(what, words->name, &words->word[i], equals + 1, &read[i]));
    }
    *name = which;
    memcpy(value, read, sizeof read);
done:
    free(copy);
    return st;
}
