// SPDX-License-Identifier: MIT
// Many runs as one job: one for every combination of values and seeds.
#include "cli/train_grid.h"

#include "base/alloc.h"
#include "cli/runs.h"
#include "train/many.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { AXES = 8, VALUES = 64, MEMBERS = 4096, NAME = 200 };

typedef struct axis {
    char key[128];
    int values;
    char *value[VALUES]; // borrowed from grid.words
} axis;

typedef struct grid {
    const tw_args *args;
    const tw_recipe *recipe;
    const char *folder;
    char *words;
    int axes;
    axis axis[AXES];
    int64_t seeds, members;
    uint64_t first_seed;
    tw_many_result *result; // [members]
} grid;

// --- what the members are ---

// "optim.lr=0.01,0.1": a key and its values.
static tw_status read_axis(grid *g, char *line)
{
    char *equals = strchr(line, '=');
    if (!equals || g->axes == AXES)
        return tw_fail(TW_EINVAL, "--grid: found \"%s\", expected at most %d of KEY=VALUE,VALUE,...", line, AXES);
    axis *a = &g->axis[g->axes++];
    *equals = '\0';
    snprintf(a->key, sizeof a->key, "%s", line);
    char *save = NULL;
    for (char *value = strtok_r(equals + 1, ",", &save); value; value = strtok_r(NULL, ",", &save)) {
        if (a->values == VALUES) return tw_fail(TW_EINVAL, "--grid: %s: found more than %d values", a->key, VALUES);
        a->value[a->values++] = value;
    }
    if (a->values == 0) return tw_fail(TW_EINVAL, "--grid: %s: found no value, expected at least one", a->key);
    return TW_OK;
}

static tw_status copy_of(const tw_recipe *recipe, tw_recipe **out)
{
    char *text = NULL;
    tw_status st = tw_recipe_text(recipe, &text);
    if (st == TW_OK) st = tw_recipe_parse("recipe", text, strlen(text), out);
    free(text);
    return st;
}

// The recipe and the name of a member: the last axis runs fastest, seeds fastest of all.
static tw_status member_of(const grid *g, int64_t member, tw_recipe **out, char *name)
{
    tw_status st = TW_OK;
    tw_recipe *recipe = NULL;
    char seed[32];
    int64_t rest = member / g->seeds;
    int at[AXES];
    for (int a = g->axes - 1; a >= 0; a--) {
        at[a] = (int)(rest % g->axis[a].values);
        rest /= g->axis[a].values;
    }
    TW_TRY(copy_of(g->recipe, &recipe));
    size_t used = 0;
    name[0] = '\0';
    for (int a = 0; a < g->axes; a++) {
        const axis *x = &g->axis[a];
        TW_TRY(tw_recipe_set(recipe, "--grid", x->key, x->value[at[a]]));
        const char *leaf = strrchr(x->key, '.');
        if (used < NAME)
            used += (size_t)snprintf(name + used, NAME - used, "%s%s=%s", a ? "," : "", leaf ? leaf + 1 : x->key,
                                     x->value[at[a]]);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, g->first_seed + (uint64_t)(member % g->seeds));
    if (g->seeds > 1) {
        TW_TRY(tw_recipe_set(recipe, "--seeds", "seeds.run", seed));
        if (used < NAME) used += (size_t)snprintf(name + used, NAME - used, "%sseed=%s", g->axes ? "," : "", seed);
    }
    if (used >= NAME) {
        st = tw_fail(TW_EINVAL, "--grid: found values too long to name a folder by");
        goto done;
    }
    for (char *c = name; *c; c++)
        if (*c == '/' || *c == ' ') *c = '_';
    *out = recipe;
    recipe = NULL;
done:
    tw_recipe_free(recipe);
    return st;
}

static tw_status recipe_of(void *ctx, int64_t member, tw_recipe **out, char *folder, size_t size)
{
    const grid *g = ctx;
    char name[NAME];
    tw_status st = member_of(g, member, out, name);
    if (st == TW_OK) snprintf(folder, size, "%s/%s", g->folder, name);
    return st;
}

// --- all of them ---

static tw_status show(grid *g)
{
    tw_status st = TW_OK;
    tw_recipe *recipe = NULL;
    tw_run *run = NULL;
    json_t *list = json_array();
    bool json = tw_args_flag(g->args, "json");
    int64_t short_of = 0;
    if (!json) printf("%-44s  %-9s  %9s  %14s\n", "run", "status", "step", "loss");
    for (int64_t i = 0; i < g->members; i++) {
        char name[NAME], folder[4096];
        double loss = NAN;
        int64_t step = -1;
        const tw_many_result *found = &g->result[i];
        TW_TRY(member_of(g, i, &recipe, name));
        tw_recipe_free(recipe);
        recipe = NULL;
        snprintf(folder, sizeof folder, "%s/%s", g->folder, name);
        if (tw_run_open(folder, false, &run) == TW_OK) {
            TW_TRY(tw_runs_loss(run, &step, &loss));
            tw_runs_close(run);
            run = NULL;
        }
        short_of += found->outcome != TW_MANY_DONE;
        if (json)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o, s:s}", "run", folder, "status",
                                                  tw_many_word(found->outcome), "step", (json_int_t)step, "loss",
                                                  tw_json_real(loss), "message", found->message));
        else
            printf("%-44s  %-9s  %9" PRId64 "  %14.6g%s%s\n", folder, tw_many_word(found->outcome), step, loss,
                   *found->message ? "  " : "", found->message);
    }
    if (json) TW_TRY(tw_show_json(json_pack("{s:s, s:O}", "grid", g->folder, "runs", list)));
    if (short_of > 0) tw_show_shortfall("%" PRId64 " of %" PRId64 " runs did not end well", short_of, g->members);
done:
    json_decref(list);
    tw_recipe_free(recipe);
    tw_runs_close(run);
    return st;
}

// Every member's words are read before the first begins.
static tw_status check_all(const grid *g)
{
    tw_status st = TW_OK;
    char name[NAME];
    for (int64_t i = 0; i < g->members && st == TW_OK; i++) {
        tw_recipe *recipe = NULL;
        st = member_of(g, i, &recipe, name);
        tw_recipe_free(recipe);
    }
    return st;
}

tw_status tw_train_grid(const tw_args *args, const tw_recipe *recipe, const char *folder, const char *grid_words,
                        int64_t seeds)
{
    tw_status st = TW_OK;
    grid g = {.args = args, .recipe = recipe, .folder = folder, .seeds = seeds, .members = seeds};

    g.first_seed = tw_recipe_seed(recipe, "seeds.run");
    TW_TRY(tw_strdup(grid_words ? grid_words : "", &g.words));
    char *save = NULL;
    for (char *line = strtok_r(g.words, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        TW_TRY(read_axis(&g, line));
        g.members *= g.axis[g.axes - 1].values;
        if (g.members > MEMBERS) {
            st = tw_fail(TW_EINVAL, "--grid: found %" PRId64 " runs, expected at most %d", g.members, MEMBERS);
            goto done;
        }
    }
    TW_TRY(check_all(&g));
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        st = tw_fail(TW_EIO, "%s: the folder cannot be made: %s", folder, strerror(errno));
        goto done;
    }
    TW_TRY(tw_alloc(g.members, sizeof *g.result, &g.result));
    st = tw_record_many(g.members, recipe_of, &g, tw_show_progress(args), g.result);
    tw_show_progress_end();
    if (st == TW_OK) st = show(&g);
done:
    free(g.result);
    free(g.words);
    return st;
}
