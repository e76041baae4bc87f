// SPDX-License-Identifier: MIT
// Runs side by side, as processes: a run then has the bits that it would have alone, and one that dies takes no other
// with it.
#include "train/many.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// In memory shared with the processes: each writes only its own.
typedef struct shared {
    volatile double done; // part of its steps
    volatile sig_atomic_t stop;
    pid_t parent; // a run whose parent is gone stops, and can be resumed
    tw_many_result result;
} shared;

typedef struct many {
    int64_t count;
    tw_many_fn fn;
    void *ctx;
    shared *state; // [count]
    pid_t *child;  // [count], 0: not running
} many;

const char *tw_many_word(tw_many_outcome outcome)
{
    static const char *const word[] = {"waiting", "done", "diverged", "failed", "stopped"};
    return word[outcome];
}

// --- one run, in its own process ---

static bool note(void *ctx, const char *what, double done, double total)
{
    shared *s = ctx;
    (void)what;
    s->done = total > 0 ? done / total : 0;
    return !s->stop && getppid() == s->parent;
}

static tw_many_outcome work(const many *m, int64_t i)
{
    tw_status st = TW_OK;
    shared *s = &m->state[i];
    tw_recipe *recipe = NULL;
    tw_recorded result = {0};
    char folder[4096], database[4200];
    TW_TRY(tw_threads_set(1));
    TW_TRY(m->fn(m->ctx, i, &recipe, folder, sizeof folder));
    snprintf(database, sizeof database, "%s/run.sqlite", folder);
    if (access(database, F_OK) == 0) {
        st = tw_record_resume(folder, NULL, (tw_progress){note, s}, &result);
        if (st != TW_EFORMAT || !strstr(tw_error(), "before it began")) goto done;
    }
    st = tw_record(recipe, folder, (tw_progress){note, s}, &result);
done:
    if (st != TW_OK) snprintf(s->result.message, sizeof s->result.message, "%s", tw_error());
    tw_recipe_free(recipe);
    return st == TW_ESTOPPED ? TW_MANY_STOPPED
           : st != TW_OK     ? TW_MANY_FAILED
           : result.diverged ? TW_MANY_DIVERGED
                             : TW_MANY_DONE;
}

// --- all of them ---

static tw_status start(many *m, int64_t i)
{
    fflush(stdout);
    fflush(stderr);
    m->state[i].parent = getpid();
    pid_t child = fork();
    if (child < 0) return tw_fail(TW_EIO, "runs: no further process: %s", strerror(errno));
    if (child == 0) {
        tw_ranks_leave();
        signal(SIGINT, SIG_IGN); // the first process is asked, and asks
        signal(SIGTERM, SIG_IGN);
        m->state[i].result.outcome = work(m, i);
        _exit(0);
    }
    m->child[i] = child;
    return TW_OK;
}

static int reap(many *m)
{
    int running = 0, status;
    for (int64_t i = 0; i < m->count; i++) {
        if (!m->child[i]) continue;
        if (waitpid(m->child[i], &status, WNOHANG) != m->child[i]) {
            running++;
            continue;
        }
        m->child[i] = 0;
        if (!WIFEXITED(status)) {
            m->state[i].result.outcome = TW_MANY_FAILED;
            snprintf(m->state[i].result.message, sizeof m->state[i].result.message,
                     "its process was ended by signal %d", WTERMSIG(status));
        }
        m->state[i].done = 1;
    }
    return running;
}

// A single run is rank 0's: a shard that all work on would have several writers.
static tw_dealt dealt_of(int64_t count)
{
    if (count == 1) return (tw_dealt){0, tw_rank() == 0};
    return tw_ranks_mine(count);
}

static tw_status run_all(many *m, tw_progress progress)
{
    tw_status st = TW_OK;
    const tw_dealt mine = dealt_of(m->count);
    int64_t next = mine.first;
    bool stopping = false;
    for (;;) {
        int running = reap(m);
        while (!stopping && next < mine.last && running < tw_threads()) {
            TW_TRY(start(m, next));
            next++;
            running++;
        }
        if (running == 0) break;
        double done = 0;
        for (int64_t i = mine.first; i < next; i++) done += m->state[i].done;
        if (!stopping && progress.tick &&
            !progress.tick(progress.ctx, "runs", done, (double)(mine.last - mine.first))) {
            stopping = true;
            for (int64_t i = 0; i < m->count; i++) m->state[i].stop = 1;
        }
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
    }
    if (stopping) st = tw_fail(TW_ESTOPPED, "runs: stopped; the same words go on with them");
done:
    for (int64_t i = 0; i < m->count; i++) m->state[i].stop = 1;
    while (reap(m) > 0) usleep(20000);
    return st;
}

tw_status tw_record_many(int64_t count, tw_many_fn fn, void *ctx, tw_progress progress, tw_many_result *result)
{
    tw_status st = TW_OK;
    many m = {.count = count, .fn = fn, .ctx = ctx};
    size_t bytes = (size_t)count * sizeof *m.state;
    if (count == 0) return TW_OK;
    TW_TRY(tw_alloc(count, sizeof *m.child, &m.child));
    m.state = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m.state == MAP_FAILED) {
        m.state = NULL;
        st = tw_fail(TW_ENOMEM, "runs: no shared memory: %s", strerror(errno));
        goto done;
    }
    st = run_all(&m, progress);
    for (int64_t i = 0; i < count; i++) result[i] = m.state[i].result;
    if (st == TW_OK && count == 1) TW_TRY(tw_ranks_share(result, sizeof *result));
    const int64_t one = sizeof *result;
    if (st == TW_OK) TW_TRY(tw_ranks_gather(count, one, count * one, result));
done:
    if (m.state) munmap(m.state, bytes);
    free(m.child);
    return st;
}
