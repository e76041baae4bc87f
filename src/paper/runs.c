// SPDX-License-Identifier: MIT
// A paper's runs from their recipes: first those that stand alone, then those that start from another's weights.
#include "paper/runs.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "train/many.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMBERS = 512 };

typedef struct member {
    const tw_paper_run *run;
    int seed;
} member;

typedef struct job {
    const tw_paper *paper;
    const tw_effort *effort;
    member member[MEMBERS];
    int64_t count;
} job;

const tw_paper_run *tw_paper_run_named(const tw_paper *paper, const char *name)
{
    for (int i = 0; paper->run && paper->run[i].name; i++)
        if (strcmp(paper->run[i].name, name) == 0) return &paper->run[i];
    return NULL;
}

bool tw_paper_next_word(const char **at, size_t size, char *buffer)
{
    *at += strspn(*at, " ");
    size_t length = strcspn(*at, " ");
    if (length == 0 || length >= size) return false;
    memcpy(buffer, *at, length);
    buffer[length] = '\0';
    *at += length;
    return true;
}

bool tw_claim_is_at(const tw_paper *paper, const tw_claim *claim, tw_scale scale)
{
    char name[64];
    for (const char *at = claim->runs; at && tw_paper_next_word(&at, sizeof name, name);) {
        const tw_paper_run *run = tw_paper_run_named(paper, name);
        if (!run || !run->at[scale]) return false;
    }
    return true;
}

const char *tw_paper_run_folder(const tw_effort *effort, const char *name, int s, size_t size, char *buffer)
{
    snprintf(buffer, size, "%s/runs/%s-%" PRIu64, effort->folder, name, effort->seed + (uint64_t)s);
    return buffer;
}

static tw_status set_lines(tw_recipe *recipe, const char *name, const char *lines)
{
    tw_status st = TW_OK;
    char *copy = NULL, *save = NULL;
    TW_TRY(tw_strdup(lines ? lines : "", &copy));
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *equals = strchr(line, '=');
        if (!equals) {
            st = tw_fail(TW_EINVAL, "run %s: found \"%s\", expected KEY=VALUE", name, line);
            goto done;
        }
        *equals = '\0';
        TW_TRY(tw_recipe_set(recipe, name, line, equals + 1));
    }
done:
    free(copy);
    return st;
}

// The weights that the run before has kept: it knows its steps an epoch.
static tw_status set_start(const tw_paper_run *run, const tw_effort *effort, int s, tw_recipe *recipe)
{
    tw_status st = TW_OK;
    tw_run *before = NULL;
    char folder[4096], path[4200], *steps = NULL;
    tw_paper_run_folder(effort, run->after, s, sizeof folder, folder);
    TW_TRY(tw_run_open(folder, false, &before));
    TW_TRY(tw_run_load_text(before, "epoch steps", &steps));
    long long epoch = steps ? strtoll(steps, NULL, 10) : 0;
    snprintf(path, sizeof path, "%s/weights-%lld.safetensors", folder, epoch * (long long)run->after_epochs);
    TW_TRY(tw_recipe_set(recipe, run->name, "model.weights", path));
done:
    free(steps);
    if (before && tw_run_close(before) != TW_OK && st == TW_OK) st = TW_EIO;
    return st;
}

tw_status tw_paper_run_recipe(const tw_paper *paper, const tw_paper_run *run, const tw_effort *effort, int s,
                              tw_recipe **out)
{
    tw_status st = TW_OK;
    tw_recipe *recipe = NULL;
    char seed[32];
    (void)paper;
    TW_TRY(tw_recipe_parse(run->name, run->base, strlen(run->base), &recipe));
    TW_TRY(set_lines(recipe, run->name, run->changes));
    TW_TRY(set_lines(recipe, run->name, run->at[effort->scale]));
    TW_TRY(tw_recipe_set(recipe, run->name, "data.source", effort->data));
    snprintf(seed, sizeof seed, "%" PRIu64, effort->seed + (uint64_t)s);
    TW_TRY(tw_recipe_set(recipe, run->name, "seeds.run", seed));
    if (run->after) TW_TRY(set_start(run, effort, s, recipe));
    *out = recipe;
    recipe = NULL;
done:
    tw_recipe_free(recipe);
    return st;
}

static tw_status recipe_of(void *ctx, int64_t i, tw_recipe **recipe, char *folder, size_t size)
{
    const job *j = ctx;
    const member *m = &j->member[i];
    tw_paper_run_folder(j->effort, m->run->name, m->seed, size, folder);
    return tw_paper_run_recipe(j->paper, m->run, j->effort, m->seed, recipe);
}

// A stored recipe as this version understands it: keys that came later have their defaults.
static tw_status as_understood(const char *folder, const char *given, char **out)
{
    tw_recipe *recipe = NULL;
    tw_status st = tw_recipe_parse(folder, given, strlen(given), &recipe);
    if (st == TW_OK) st = tw_recipe_text(recipe, out);
    tw_recipe_free(recipe);
    return st;
}

// Whether the run is there and has come to its end. TW_EINVAL: it is another run.
static tw_status look(const job *j, const member *m, bool *done)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    tw_recipe *recipe = NULL;
    char folder[4096], database[4200], *given = NULL, *before = NULL, *text = NULL, *status = NULL;
    *done = false;
    tw_paper_run_folder(j->effort, m->run->name, m->seed, sizeof folder, folder);
    snprintf(database, sizeof database, "%s/run.sqlite", folder);
    if (access(database, F_OK) != 0) return TW_OK;
    TW_TRY(tw_run_open(folder, false, &run));
    TW_TRY(tw_run_load_text(run, "recipe as given", &given));
    if (!given) goto done; // stopped before it began
    TW_TRY(tw_paper_run_recipe(j->paper, m->run, j->effort, m->seed, &recipe));
    TW_TRY(tw_recipe_text(recipe, &text));
    TW_TRY(as_understood(folder, given, &before));
    if (strcmp(text, before) != 0) {
        st = tw_fail(TW_EINVAL,
                     "%s: found a run by another recipe, expected the one of this claim; give another --folder, or "
                     "thalweg runs delete it",
                     folder);
        goto done;
    }
    TW_TRY(tw_run_load_text(run, "status", &status));
    *done = status && (strcmp(status, "done") == 0 || strcmp(status, "diverged") == 0);
done:
    if (run && tw_run_close(run) != TW_OK && st == TW_OK) st = TW_EIO;
    tw_recipe_free(recipe);
    free(given);
    free(before);
    free(text);
    free(status);
    return st;
}

static tw_status add(job *j, const tw_paper_run *run, int seed, bool later)
{
    tw_status st = TW_OK;
    member m = {run, seed};
    bool done;
    if ((run->after != NULL) != later) return TW_OK;
    for (int64_t i = 0; i < j->count; i++)
        if (j->member[i].run == run && j->member[i].seed == seed) return TW_OK;
    TW_TRY(look(j, &m, &done));
    if (done) return TW_OK;
    if (j->count == MEMBERS) return tw_fail(TW_EINVAL, "%s: more than %d runs", j->paper->name, (int)MEMBERS);
    j->member[j->count++] = m;
done:
    return st;
}

// Runs of the claims that are asked for, and the runs those start from.
static tw_status gather(job *j, const char *only, bool later)
{
    tw_status st = TW_OK;
    char name[64];
    j->count = 0;
    for (int s = 0; s < j->effort->seeds; s++)
        for (int c = 0; c < j->paper->claims; c++) {
            const tw_claim *claim = &j->paper->claim[c];
            if (!tw_claim_is_wanted(only, claim->id) || !tw_claim_is_at(j->paper, claim, j->effort->scale)) continue;
            for (const char *at = claim->runs; at && tw_paper_next_word(&at, sizeof name, name);) {
                const tw_paper_run *run = tw_paper_run_named(j->paper, name);
                if (run->after) TW_TRY(add(j, tw_paper_run_named(j->paper, run->after), s, later));
                TW_TRY(add(j, run, s, later));
            }
        }
done:
    return st;
}

static tw_status make_all(job *j)
{
    tw_status st = TW_OK;
    tw_many_result *result = NULL;
    TW_TRY(tw_alloc(j->count, sizeof *result, &result));
    TW_TRY(tw_ranks_wait()); // all have seen which runs there are
    TW_TRY(tw_record_many(j->count, recipe_of, j, j->effort->progress, result));
    for (int64_t i = 0; i < j->count; i++)
        if (result[i].outcome == TW_MANY_FAILED) {
            st = tw_fail(TW_EIO, "run %s, seed %" PRIu64 ": %s", j->member[i].run->name,
                         j->effort->seed + (uint64_t)j->member[i].seed, result[i].message);
            goto done;
        }
done:
    free(result);
    return st;
}

static tw_status make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return TW_OK;
    return tw_fail(TW_EIO, "%s: the folder cannot be made: %s", path, strerror(errno));
}

tw_status tw_paper_runs_make(const tw_paper *paper, const tw_effort *effort, const char *only, int64_t *made)
{
    tw_status st = TW_OK;
    job *j = NULL;
    char path[4200];
    *made = 0;
    if (!paper->run) return TW_OK;
    TW_TRY(make_folder(effort->folder));
    snprintf(path, sizeof path, "%s/runs", effort->folder);
    TW_TRY(make_folder(path));
    TW_TRY(tw_alloc(1, sizeof *j, &j));
    j->paper = paper;
    j->effort = effort;
    for (int later = 0; later < 2; later++) {
        TW_TRY(gather(j, only, later));
        *made += j->count;
        TW_TRY(make_all(j));
    }
done:
    free(j);
    return st;
}

tw_status tw_paper_series(const tw_effort *effort, const char *name, int s, const char *series, tw_series **out,
                          double **epoch)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    char folder[4096], *steps = NULL;
    tw_series *found = NULL;
    tw_paper_run_folder(effort, name, s, sizeof folder, folder);
    TW_TRY(tw_run_open(folder, false, &run));
    TW_TRY(tw_run_load_text(run, "epoch steps", &steps));
    TW_TRY(tw_run_series(run, series, 1, &found));
    double per = steps ? strtod(steps, NULL) : 1;
    TW_TRY(tw_alloc(found->count + 1, sizeof **epoch, epoch));
    for (int64_t i = 0; i < found->count; i++) (*epoch)[i] = (double)found->step[i] / per;
    *out = found;
    found = NULL;
done:
    if (run && tw_run_close(run) != TW_OK && st == TW_OK) st = TW_EIO;
    tw_series_free(found);
    free(steps);
    return st;
}

tw_status tw_claim_runs_seconds(const tw_effort *effort, const tw_claim *claim, double *seconds)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    tw_times *times = NULL;
    char name[64], folder[4096];
    *seconds = 0;
    for (const char *at = claim->runs; at && tw_paper_next_word(&at, sizeof name, name);)
        for (int s = 0; s < effort->seeds; s++) {
            TW_TRY(tw_run_open(tw_paper_run_folder(effort, name, s, sizeof folder, folder), false, &run));
            TW_TRY(tw_run_times(run, &times));
            for (int64_t i = 0; i < times->count; i++) *seconds += times->seconds[i];
            tw_times_free(times);
            times = NULL;
            TW_TRY(tw_run_close(run));
            run = NULL;
        }
done:
    tw_times_free(times);
    if (run && tw_run_close(run) != TW_OK && st == TW_OK) st = TW_EIO;
    return st;
}
