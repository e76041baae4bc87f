// SPDX-License-Identifier: MIT
// Recipes: a table of keys, and values that fit it. A value is kept as text in one canonical form, so that writing a
// recipe and reading it back is the identity.
#include "run/recipe.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include "data/spec.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum kind { TEXT, CHOICE, INT, REAL, SEED, FLAG, CADENCE } kind;

#define ROW(key, type, fallback, least, most, choices, text) {type, least, most},
static const struct {
    kind kind;
    double least, most;
} limits[] = {
#include "run/recipe.def"
};
#undef ROW
enum { ROWS = sizeof limits / sizeof *limits };

// What a person calls each kind.
#define WORDS_TEXT "text"
#define WORDS_CHOICE "word"
#define WORDS_INT "whole number"
#define WORDS_REAL "number"
#define WORDS_SEED "seed"
#define WORDS_FLAG "yes or no"
#define WORDS_CADENCE "cadence"
#define ROW(key, type, fallback, least, most, choices, text) {key, WORDS_##type, fallback, choices, text},
static const tw_recipe_key rows[] = {
#include "run/recipe.def"
};
#undef ROW

int tw_recipe_rows(void) { return ROWS; }
const tw_recipe_key *tw_recipe_row(int row) { return &rows[row]; }

int64_t tw_recipe_keys(const tw_recipe_key **out)
{
    *out = rows;
    return ROWS;
}

// --- names ---

// "probes.also.3.kind" becomes "probes.also.*.kind" and 3; item is -1 where no number stands. False: too long.
static bool with_star(const char *key, char *out, int *item)
{
    size_t used = 0;
    *item = -1;
    for (const char *part = key;;) {
        size_t length = strcspn(part, ".");
        bool number = length > 0 && length < 5 && strspn(part, "0123456789") == length && part != key;
        if (used + length + 2 > TW_RECIPE_KEY) return false;
        if (number) {
            *item = atoi(part);
            out[used++] = '*';
        } else {
            memcpy(out + used, part, length);
            used += length;
        }
        if (!part[length]) break;
        out[used++] = '.';
        part += length + 1;
    }
    out[used] = '\0';
    return true;
}

static int find(const char *key, int *item)
{
    char name[TW_RECIPE_KEY];
    if (!with_star(key, name, item)) return -1;
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].key, name) == 0) return i;
    return -1;
}

static bool begins_a_key(const char *name, const char *next)
{
    char star[TW_RECIPE_KEY];
    int item;
    if (!with_star(name, star, &item)) return false;
    size_t length = strlen(star);
    for (int i = 0; i < ROWS; i++)
        if (strncmp(rows[i].key, star, length) == 0 && strncmp(rows[i].key + length, next, strlen(next)) == 0)
            return true;
    return false;
}

bool tw_recipe_is_list(const char *name) { return begins_a_key(name, ".*."); }
bool tw_recipe_is_section(const char *name) { return begins_a_key(name, ".") && !tw_recipe_is_list(name); }

// The key that was probably meant: the same last part elsewhere, else the nearest of the same section, else of all.
static void nearest(const char *key, char *near, size_t size)
{
    char words[8192], star[TW_RECIPE_KEY], section[TW_RECIPE_KEY] = "";
    int item;
    near[0] = '\0';
    if (!with_star(key, star, &item)) return;
    const char *dot = strrchr(star, '.'), *leaf = dot ? dot + 1 : star;
    for (int i = 0; i < ROWS; i++) {
        const char *end = strrchr(rows[i].key, '.');
        if (strcmp(end ? end + 1 : rows[i].key, leaf) == 0) {
            snprintf(near, size, "%s", rows[i].key);
            return;
        }
    }
    if (dot) snprintf(section, sizeof section, "%.*s.", (int)(dot - star), star);
    for (int everywhere = !dot || !begins_a_key(section, ""); everywhere <= 1; everywhere++) {
        size_t used = 0;
        words[0] = '\0';
        for (int i = 0; i < ROWS; i++) {
            if (!everywhere && strncmp(rows[i].key, section, strlen(section)) != 0) continue;
            int part = everywhere && !dot ? (int)strcspn(rows[i].key, ".") : (int)strlen(rows[i].key);
            used += (size_t)snprintf(words + used, sizeof words - used, "%.*s ", part, rows[i].key);
        }
        if (used > 0) {
            tw_nearest(star, words, near, size);
            return;
        }
    }
}

// --- values ---

static void canonical_real(double x, char *out, size_t size)
{
    for (int digits = 6; digits <= 17; digits++) { // the shortest that reads back as the same double
        snprintf(out, size, "%.*g", digits, x);
        if (strtod(out, NULL) == x) return;
    }
}

tw_status tw_cadence_parse(const char *where, const char *text, tw_cadence *out)
{
    char word[16] = "", unit[16] = "", more;
    long long number = 0;
    tw_cadence made = {TW_NEVER, 0};
    if (strcmp(text, "never") == 0) {
        *out = made;
        return TW_OK;
    }
    if (sscanf(text, "%12lld %15s %c", &number, unit, &more) == 2) {
        if (strcmp(unit, "step") == 0 || strcmp(unit, "steps") == 0) made.unit = TW_STEPS;
        if (strcmp(unit, "epoch") == 0 || strcmp(unit, "epochs") == 0) made.unit = TW_EPOCHS;
    } else if (sscanf(text, "%15s %12lld %c", word, &number, &more) == 2 && strcmp(word, "log") == 0 &&
               number <= 1000) {
        made.unit = TW_LOG;
    }
    if (made.unit == TW_NEVER || number < 1)
        return tw_fail(TW_EINVAL, "%s: found \"%.64s\", expected never, N steps, N epochs or log N (so many a decade)",
                       where, text);
    made.every = number;
    *out = made;
    return TW_OK;
}

static bool is_power(int64_t every, int64_t step)
{
    double place = (double)every * log10((double)step); // the j nearest to it give the powers nearest to step
    for (int64_t j = (int64_t)place - 1; j <= (int64_t)place + 2; j++)
        if (j >= 0 && llround(pow(10, (double)j / (double)every)) == step) return true;
    return false;
}

bool tw_cadence_due(const tw_cadence *cadence, int64_t step, int64_t steps_an_epoch)
{
    switch (cadence->unit) {
    case TW_NEVER:
        return false;
    case TW_STEPS:
        return step % cadence->every == 0;
    case TW_EPOCHS:
        return step % steps_an_epoch == 0 && step / steps_an_epoch % cadence->every == 0;
    case TW_LOG:
        return step == 0 || is_power(cadence->every, step);
    }
    return false;
}

static tw_status bad(const char *where, const char *value, const char *expected)
{
    return tw_fail(TW_EINVAL, "%s: found \"%.64s\", expected %s", where, value, expected);
}

static tw_status fit_number(int row, const char *where, const char *value, char *out, size_t size)
{
    char *end, expected[160];
    double least = limits[row].least, most = limits[row].most;
    bool whole = limits[row].kind == INT, good;
    if (whole) {
        errno = 0;
        long long x = strtoll(value, &end, 10);
        good = end != value && !*end && !errno && (double)x >= least && (double)x <= most;
        snprintf(out, size, "%lld", x);
    } else {
        double x = strtod(value, &end);
        good = end != value && !*end && x >= least && x <= most; // NaN is not
        canonical_real(x, out, size);
    }
    if (good) return TW_OK;
    snprintf(expected, sizeof expected, "a %s from %g to %g", rows[row].kind, least, most);
    return bad(where, value, expected);
}

static tw_status fit_choice(int row, const char *where, const char *value, char *out, size_t size)
{
    char near[64], padded[TW_RECIPE_TEXT + 3], all[1024];
    snprintf(all, sizeof all, " %s ", rows[row].choices);
    snprintf(padded, sizeof padded, " %s ", value);
    if (!strchr(value, ' ') && *value && strstr(all, padded)) {
        snprintf(out, size, "%s", value);
        return TW_OK;
    }
    tw_nearest(value, rows[row].choices, near, sizeof near);
    return tw_fail(TW_EINVAL, "%s: found \"%.64s\", expected one of: %s; the nearest is %s", where, value,
                   rows[row].choices, near);
}

static tw_status fit_seed(const char *where, const char *value, char *out, size_t size)
{
    char *end;
    errno = 0;
    unsigned long long x = strtoull(value, &end, 10);
    if (end == value || *end || errno || strchr(value, '-'))
        return bad(where, value, "a whole number from 0 to 18446744073709551615");
    snprintf(out, size, "%llu", x);
    return TW_OK;
}

static tw_status fit_flag(const char *where, const char *value, char *out, size_t size)
{
    static const char *const word[] = {"true", "false", "yes", "no"};
    for (int i = 0; i < 4; i++)
        if (strcmp(value, word[i]) == 0) {
            snprintf(out, size, "%s", word[i % 2]);
            return TW_OK;
        }
    return bad(where, value, "true or false");
}

static tw_status fit_cadence(const char *where, const char *value, char *out, size_t size)
{
    tw_cadence c;
    tw_status st = tw_cadence_parse(where, value, &c);
    if (st != TW_OK) return st;
    const char *plural = c.every == 1 ? "" : "s";
    if (c.unit == TW_NEVER) snprintf(out, size, "never");
    if (c.unit == TW_STEPS) snprintf(out, size, "%" PRId64 " step%s", c.every, plural);
    if (c.unit == TW_EPOCHS) snprintf(out, size, "%" PRId64 " epoch%s", c.every, plural);
    if (c.unit == TW_LOG) snprintf(out, size, "log %" PRId64, c.every);
    return TW_OK;
}

// Control characters would break messages, tables and pages; bytes that are no ASCII are somebody's file names.
static tw_status fit_text(const char *where, const char *value, char *out, size_t size)
{
    bool plain = *value != '\0';
    for (const char *c = value; *c; c++) plain = plain && ((unsigned char)*c >= 32 && *c != 127);
    if (!plain) return bad(where, "", "text without control characters");
    snprintf(out, size, "%s", value);
    return TW_OK;
}

static tw_status fit(int row, const char *where, const char *value, char *out, size_t size)
{
    if (strlen(value) >= TW_RECIPE_TEXT)
        return tw_fail(TW_EINVAL, "%s: found %zu bytes, expected fewer than %d", where, strlen(value), TW_RECIPE_TEXT);
    switch (limits[row].kind) {
    case INT:
    case REAL:
        return fit_number(row, where, value, out, size);
    case CHOICE:
        return fit_choice(row, where, value, out, size);
    case SEED:
        return fit_seed(where, value, out, size);
    case FLAG:
        return fit_flag(where, value, out, size);
    case CADENCE:
        return fit_cadence(where, value, out, size);
    case TEXT:
        break;
    }
    return fit_text(where, value, out, size);
}

// --- the recipe ---

tw_status tw_recipe_new(tw_recipe **out) { return tw_alloc(1, sizeof **out, out); }

void tw_recipe_free(tw_recipe *recipe)
{
    if (!recipe) return;
    for (int64_t i = 0; i < recipe->count; i++) free(recipe->entry[i].text);
    free(recipe->entry);
    free(recipe);
}

static tw_recipe_entry *entry_of(const tw_recipe *recipe, int row, int item)
{
    for (int64_t i = 0; i < recipe->count; i++)
        if (recipe->entry[i].row == row && recipe->entry[i].item == item) return &recipe->entry[i];
    return NULL;
}

static tw_status add_entry(tw_recipe *recipe, int row, int item, tw_recipe_entry **out)
{
    if (recipe->count == recipe->room) {
        tw_recipe_entry *larger = NULL;
        tw_status st = tw_alloc(recipe->room * 2 + 32, sizeof *larger, &larger);
        if (st != TW_OK) return st;
        if (recipe->count) memcpy(larger, recipe->entry, (size_t)recipe->count * sizeof *larger);
        free(recipe->entry);
        recipe->entry = larger;
        recipe->room = recipe->room * 2 + 32;
    }
    *out = &recipe->entry[recipe->count++];
    **out = (tw_recipe_entry){row, item, NULL, 0};
    return TW_OK;
}

static tw_status unknown(const char *where, const char *key)
{
    char near[TW_RECIPE_KEY];
    nearest(key, near, sizeof near);
    return tw_fail(TW_EINVAL, "%s: found \"%.100s\", expected a key of a recipe; the nearest is %s", where, key, near);
}

// line 0: from no file, and what stands there may be replaced.
static tw_status put(tw_recipe *recipe, const char *where, int line, const char *key, const char *value)
{
    tw_status st = TW_OK;
    char place[TW_RECIPE_KEY + 64], text[TW_RECIPE_TEXT], *copy = NULL;
    int item, row = find(key, &item);
    tw_recipe_entry *entry;

    if (row < 0) return unknown(where, key);
    snprintf(place, sizeof place, "%.60s: %.120s", where, key);
    if (item > recipe->items || item >= TW_RECIPE_ITEMS)
        return tw_fail(TW_EINVAL, "%s: found item %d, expected 0 to %d", place, item,
                       recipe->items < TW_RECIPE_ITEMS ? recipe->items : TW_RECIPE_ITEMS - 1);
    TW_TRY(fit(row, place, value, text, sizeof text));
    entry = entry_of(recipe, row, item);
    if (entry && line > 0 && entry->line > 0) {
        st = tw_fail(TW_EINVAL, "%s: found twice, expected once; the first is on line %d", place, entry->line);
        goto done;
    }
    TW_TRY(tw_strdup(text, &copy));
    if (!entry) TW_TRY(add_entry(recipe, row, item, &entry));
    free(entry->text);
    entry->text = copy;
    entry->line = line;
    copy = NULL;
    if (item == recipe->items) recipe->items++;
done:
    free(copy);
    return st;
}

tw_status tw_recipe_set(tw_recipe *recipe, const char *where, const char *key, const char *value)
{
    return put(recipe, where, 0, key, value);
}

tw_status tw_recipe_put(tw_recipe *recipe, const char *name, int line, const char *key, const char *value)
{
    char where[32];
    snprintf(where, sizeof where, "line %d", line);
    tw_status st = put(recipe, where, line, key, value);
    return st == TW_EINVAL ? tw_fail_in(TW_EFORMAT, "%s: ", name) : st;
}

tw_status tw_recipe_check_key(const char *name, int line, const char *key)
{
    char where[32];
    int item;
    if (find(key, &item) >= 0 || tw_recipe_is_section(key) || tw_recipe_is_list(key)) return TW_OK;
    snprintf(where, sizeof where, "line %d", line);
    (void)unknown(where, key);
    return tw_fail_in(TW_EFORMAT, "%s: ", name);
}

const char *tw_recipe_value(const tw_recipe *recipe, int row, int item)
{
    const tw_recipe_entry *entry = entry_of(recipe, row, item);
    return entry ? entry->text : rows[row].fallback;
}

// --- getters ---

static int known(const tw_recipe *recipe, const char *key, int *item)
{
    int row = find(key, item);
    assert(row >= 0 && *item < recipe->items);
    (void)recipe;
    return row;
}

const char *tw_recipe_str(const tw_recipe *recipe, const char *key)
{
    int item, row = known(recipe, key, &item);
    return tw_recipe_value(recipe, row, item);
}

static const char *must_have(const tw_recipe *recipe, const char *key)
{
    const char *text = tw_recipe_str(recipe, key);
    assert(text && "ask tw_recipe_has before");
    return text ? text : "0";
}

bool tw_recipe_has(const tw_recipe *recipe, const char *key) { return tw_recipe_str(recipe, key) != NULL; }

bool tw_recipe_given(const tw_recipe *recipe, const char *key)
{
    int item, row = known(recipe, key, &item);
    return entry_of(recipe, row, item) != NULL;
}

int64_t tw_recipe_int(const tw_recipe *recipe, const char *key) { return strtoll(must_have(recipe, key), NULL, 10); }
uint64_t tw_recipe_seed(const tw_recipe *recipe, const char *key) { return strtoull(must_have(recipe, key), NULL, 10); }
double tw_recipe_real(const tw_recipe *recipe, const char *key) { return strtod(must_have(recipe, key), NULL); }
bool tw_recipe_flag(const tw_recipe *recipe, const char *key) { return *must_have(recipe, key) == 't'; }
int64_t tw_recipe_items(const tw_recipe *recipe) { return recipe->items; }

tw_cadence tw_recipe_cadence(const tw_recipe *recipe, const char *key)
{
    tw_cadence cadence = {TW_NEVER, 0};
    const char *text = tw_recipe_str(recipe, key);
    if (text && tw_cadence_parse(key, text, &cadence) != TW_OK) assert(false && "a value that was accepted");
    return cadence;
}
