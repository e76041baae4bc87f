// SPDX-License-Identifier: MIT
// Many runs as one job: each is a process with one thread, so that they share nothing but a page of progress.
#include "cli/train_grid.h"

#include "base/alloc.h"
#include "cli/runs.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AXES = 8, VALUES = 64, MEMBERS = 4096, NAME = 200 };

typedef struct axis {
    char key[128];
    int values;
    char *value[VALUES]; // borrowed from grid.words
} axis;

typedef enum outcome { WAITING, DONE, DIVERGED, FAILED, STOPPED } outcome;

// In memory shared with the processes: each writes only its own.
typedef struct shared {
    volatile double done; // part of its steps
    volatile sig_atomic_t stop;
    int outcome;
    char message[256];
} shared;

typedef struct grid {
    const tw_args *args;
    const tw_recipe *recipe;
    const char *folder;
    char *words;
    int axes;
    axis axis[AXES];
    int64_t seeds, members;
    uint64_t first_seed;
    shared *state; // [members]
    pid_t *child;  // [members], 0: not running
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

// --- one member, in its own process ---

static bool note(void *ctx, const char *what, double done, double total)
{
    shared *s = ctx;
    (void)what;
    s->done = total > 0 ? done / total : 0;
    return !s->stop;
}

static outcome work(const grid *g, int64_t member)
{
    tw_status st = TW_OK;
    shared *s = &g->state[member];
    tw_recipe *recipe = NULL;
    tw_recorded result = {0};
    char name[NAME], folder[4096], database[4200];
    TW_TRY(tw_threads_set(1));
    TW_TRY(member_of(g, member, &recipe, name));
    snprintf(folder, sizeof folder, "%s/%s", g->folder, name);
    snprintf(database, sizeof database, "%s/run.sqlite", folder);
    if (access(database, F_OK) == 0) {
        st = tw_record_resume(folder, NULL, (tw_progress){note, s}, &result);
        if (st != TW_EFORMAT || !strstr(tw_error(), "before it began")) goto done;
    }
    st = tw_record(recipe, folder, (tw_progress){note, s}, &result);
done:
    if (st != TW_OK) snprintf(s->message, sizeof s->message, "%s", tw_error());
    tw_recipe_free(recipe);
    return st == TW_ESTOPPED ? STOPPED : st != TW_OK ? FAILED : result.diverged ? DIVERGED : DONE;
}

// --- all of them ---

static tw_status start(grid *g, int64_t member)
{
    fflush(stdout);
    fflush(stderr);
    pid_t child = fork();
    if (child < 0) return tw_fail(TW_EIO, "grid: no further process: %s", strerror(errno));
    if (child == 0) {
        signal(SIGINT, SIG_IGN); // the first process is asked, and asks
        signal(SIGTERM, SIG_IGN);
        g->state[member].outcome = work(g, member);
        _exit(0);
    }
    g->child[member] = child;
    return TW_OK;
}

static int reap(grid *g)
{
    int running = 0, status;
    for (int64_t i = 0; i < g->members; i++) {
        if (!g->child[i]) continue;
        if (waitpid(g->child[i], &status, WNOHANG) != g->child[i]) {
            running++;
            continue;
        }
        g->child[i] = 0;
        if (!WIFEXITED(status)) {
            g->state[i].outcome = FAILED;
            snprintf(g->state[i].message, sizeof g->state[i].message, "its process was ended by signal %d",
                     WTERMSIG(status));
        }
        g->state[i].done = 1;
    }
    return running;
}

static tw_status run_all(grid *g)
{
    tw_status st = TW_OK;
    tw_progress progress = tw_show_progress(g->args);
    int64_t next = 0;
    bool stopping = false;
    for (;;) {
        int running = reap(g);
        while (!stopping && next < g->members && running < tw_threads()) {
            TW_TRY(start(g, next));
            next++;
            running++;
        }
        if (running == 0) break;
        double done = 0;
        for (int64_t i = 0; i < next; i++) done += g->state[i].done;
        if (!stopping && !progress.tick(progress.ctx, "runs", done, (double)g->members)) {
            stopping = true;
            for (int64_t i = 0; i < g->members; i++) g->state[i].stop = 1;
        }
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
    }
    if (stopping) st = tw_fail(TW_ESTOPPED, "grid: stopped; the same words go on with it");
done:
    for (int64_t i = 0; i < g->members; i++) g->state[i].stop = 1;
    while (reap(g) > 0) usleep(20000);
    return st;
}

static tw_status show(grid *g)
{
    static const char *const words[] = {"waiting", "done", "diverged", "failed", "stopped"};
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
        outcome found = (outcome)g->state[i].outcome;
        TW_TRY(member_of(g, i, &recipe, name));
        tw_recipe_free(recipe);
        recipe = NULL;
        snprintf(folder, sizeof folder, "%s/%s", g->folder, name);
        if (tw_run_open(folder, false, &run) == TW_OK) {
            TW_TRY(tw_runs_loss(run, &step, &loss));
            tw_runs_close(run);
            run = NULL;
        }
        short_of += found != DONE;
        if (json)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o, s:s}", "run", folder, "status", words[found],
                                                  "step", (json_int_t)step, "loss", tw_json_real(loss), "message",
                                                  g->state[i].message));
        else
            printf("%-44s  %-9s  %9" PRId64 "  %14.6g%s%s\n", folder, words[found], step, loss,
                   *g->state[i].message ? "  " : "", g->state[i].message);
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
    size_t bytes = 0;

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
    TW_TRY(tw_alloc(g.members, sizeof *g.child, &g.child));
    bytes = (size_t)g.members * sizeof *g.state;
    g.state = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (g.state == MAP_FAILED) {
        g.state = NULL;
        st = tw_fail(TW_ENOMEM, "grid: no shared memory: %s", strerror(errno));
        goto done;
    }
    st = run_all(&g);
    tw_show_progress_end();
    if (st == TW_OK) st = show(&g);
done:
    if (g.state) munmap(g.state, bytes);
    free(g.child);
    free(g.words);
    return st;
}
