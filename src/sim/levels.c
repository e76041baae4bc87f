// SPDX-License-Identifier: MIT
// Adaptive multilevel splitting: what is the same for every chain (sim/levels.h).
#include "sim/levels.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/shards.h"
#include "linalg/student.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

tw_status tw_split_record(tw_split_path *p, int64_t n, const double *x, double top)
{
    tw_status st = TW_OK;
    double *state = NULL, *tops = NULL;
    if (p->count == p->room) {
        int64_t room = p->room ? 2 * p->room : 64;
        TW_TRY(tw_alloc(room * n, sizeof *state, &state));
        TW_TRY(tw_alloc(room, sizeof *tops, &tops));
        if (p->count) {
            memcpy(state, p->state, (size_t)(p->count * n) * sizeof *state);
            memcpy(tops, p->top, (size_t)p->count * sizeof *tops);
        }
        free(p->state);
        free(p->top);
        p->state = state;
        p->top = tops;
        p->room = room;
        state = tops = NULL;
    }
    memcpy(p->state + p->count * n, x, (size_t)n * sizeof *x);
    p->top[p->count++] = top;
done:
    free(state);
    free(tops);
    return st;
}

double tw_split_best(const tw_split_path *p) { return p->top[p->count - 1]; }

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

tw_status tw_levels_ends(int64_t count, double *score, double *inner, double *outer)
{
    qsort(score, (size_t)count, sizeof *score, ascending);
    *inner = score[count / 2];
    *outer = score[count / 10 * 9];
    if (*inner < *outer) return TW_OK;
    return tw_fail(TW_ENUMERIC, "splitting: without noise near the start nothing escapes");
}

typedef struct job {
    const tw_levels *s;
    double *log_rate; // [repeats]
    int64_t *steps;   // [repeats]
    int64_t done;
    bool frequent; // the end was reached by chance
} job;

typedef struct run {
    const tw_levels *s;
    void *desk;
    tw_split_path *path; // [paths]
    double *best;        // [paths], sorted
    int64_t steps;
} run;

// ln p; -inf when every trajectory was lost.
static tw_status levels(run *r, tw_rng *rng, double *log_p)
{
    tw_status st = TW_OK;
    const tw_levels *s = r->s;
    int64_t N = s->paths, K = N / 10 > 0 ? N / 10 : 1, n = s->n;
    *log_p = 0;
    for (;;) {
        for (int64_t i = 0; i < N; i++) r->best[i] = tw_split_best(&r->path[i]);
        qsort(r->best, (size_t)N, sizeof *r->best, ascending);
        double level = r->best[K - 1];
        if (level >= s->end) break;
        int64_t killed = 0, alive = 0;
        for (int64_t i = 0; i < N; i++) killed += tw_split_best(&r->path[i]) <= level;
        *log_p += log1p(-(double)killed / (double)N);
        if (killed == N) break;
        for (int64_t i = 0; i < N; i++) { // survivors first
            if (tw_split_best(&r->path[i]) <= level) continue;
            tw_split_path swap = r->path[alive];
            r->path[alive++] = r->path[i];
            r->path[i] = swap;
        }
        for (int64_t i = alive; i < N; i++) {
            const tw_split_path *from = &r->path[tw_rng_below(rng, (uint64_t)alive)];
            r->path[i].count = 0;
            for (int64_t k = 0; k < from->count; k++) {
                TW_TRY(tw_split_record(&r->path[i], n, from->state + k * n, from->top[k]));
                if (from->top[k] > level) break;
            }
        }
        TW_TRY(s->finish(r->desk, alive, r->path, &r->steps));
    }
    int64_t reached = 0;
    for (int64_t i = 0; i < N; i++) reached += tw_split_best(&r->path[i]) >= s->end;
    *log_p += log((double)reached / (double)N);
done:
    return st;
}

static tw_status one_repeat(void *ctx, int64_t repeat, int thread)
{
    tw_status st = TW_OK;
    job *j = ctx;
    const tw_levels *s = j->s;
    run r = {.s = s};
    uint64_t base = ((uint64_t)1 << 61) + (uint64_t)repeat * ((uint64_t)s->paths + 1);
    double log_p = 0, kept[2];
    int64_t done, found, cycles = 0, n0 = 0;
    bool frequent = false;
    char name[96];
    snprintf(name, sizeof name, "%.60s/split%" PRId64, s->key ? s->key : "", repeat);
    if (s->ledger && tw_ledger_get(s->ledger, name, 2, &found, kept) && found == 2) {
        j->log_rate[repeat] = kept[0];
        j->steps[repeat] = (int64_t)kept[1];
        goto counted;
    }
    TW_TRY(tw_alloc(s->paths, sizeof *r.path, &r.path));
    TW_TRY(tw_alloc(s->paths, sizeof *r.best, &r.best));
    TW_TRY(s->open(s->ctx, repeat, &r.desk));
    TW_TRY(s->passages(r.desk, r.path, &cycles, &n0, &r.steps, &frequent));
    if (frequent) {
#pragma omp atomic write
        j->frequent = true;
    }
    if (n0 == 0 || frequent || j->frequent) goto done;
    for (int64_t i = 0; i < s->paths; i++) r.path[i].rng = tw_rng_at(s->seed, TW_RNG_SIM, base + (uint64_t)i);
    TW_TRY(s->finish(r.desk, 0, r.path, &r.steps));
    tw_rng rng = tw_rng_at(s->seed, TW_RNG_SIM, base + (uint64_t)s->paths);
    TW_TRY(levels(&r, &rng, &log_p));
    j->log_rate[repeat] = log((double)cycles / (double)n0) + log_p;
    j->steps[repeat] = r.steps;
    kept[0] = j->log_rate[repeat];
    kept[1] = (double)r.steps;
    if (s->ledger) TW_TRY(tw_ledger_put(s->ledger, name, 2, kept));
counted:
#pragma omp atomic capture
    done = ++j->done;
    if (thread == 0 && s->progress && s->progress->tick &&
        !s->progress->tick(s->progress->ctx, "splitting", (double)done, (double)s->repeats))
        st = tw_fail(TW_ESTOPPED, "splitting: stopped after %" PRId64 " of %" PRId64 " repeats", done, s->repeats);
done:
    for (int64_t i = 0; r.path && i < s->paths; i++) {
        free(r.path[i].state);
        free(r.path[i].top);
    }
    free(r.path);
    free(r.best);
    if (r.desk) s->close(r.desk);
    return st;
}

// What each rank found; one rank's escape by chance is everybody's.
static tw_status share(job *j)
{
    tw_status st = TW_OK;
    bool *chance = NULL;
    int64_t repeats = j->s->repeats;
    const int64_t word = sizeof *j->steps, mark = sizeof *chance;
    TW_TRY(tw_alloc(repeats, sizeof *chance, &chance));
    for (int64_t i = 0; i < repeats; i++) chance[i] = j->frequent;
    TW_TRY(tw_ranks_gather(repeats, word, repeats * word, j->log_rate));
    TW_TRY(tw_ranks_gather(repeats, word, repeats * word, j->steps));
    TW_TRY(tw_ranks_gather(repeats, mark, repeats * mark, chance));
    for (int64_t i = 0; i < repeats; i++) j->frequent = j->frequent || chance[i];
done:
    free(chance);
    return st;
}

tw_status tw_levels_check(int64_t repeats, int64_t paths)
{
    if (repeats >= 4 && paths >= 10) return TW_OK;
    return tw_fail(TW_EINVAL, "splitting: found %" PRId64 " repeats of %" PRId64 " paths, expected at least 4 of 10",
                   repeats, paths);
}

tw_status tw_levels_run(const tw_levels *s, tw_escape_splitting *out)
{
    tw_status st = TW_OK;
    job j = {.s = s};
    TW_TRY(tw_alloc(s->repeats, sizeof *j.log_rate, &j.log_rate));
    TW_TRY(tw_alloc(s->repeats, sizeof *j.steps, &j.steps));
    TW_TRY(tw_shards_run_dealt(s->repeats, one_repeat, &j));
    TW_TRY(share(&j));
    if (j.frequent) {
        *out = (tw_escape_splitting){.rare = false};
        goto done;
    }
    double top = -INFINITY, sum = 0, square = 0, m = (double)s->repeats;
    int64_t steps = 0;
    for (int64_t i = 0; i < s->repeats; i++) {
        steps += j.steps[i];
        top = fmax(top, j.log_rate[i]);
        if (!isfinite(j.log_rate[i])) {
            st = tw_fail(TW_ENUMERIC,
                         "splitting: repeat %" PRId64 " lost all its %" PRId64 " paths: more paths are "
                         "needed, or %s is the wrong coordinate",
                         i, s->paths, s->score);
            goto done;
        }
    }
    for (int64_t i = 0; i < s->repeats; i++) sum += exp(j.log_rate[i] - top) / m;
    for (int64_t i = 0; i < s->repeats; i++) square += pow(exp(j.log_rate[i] - top) - sum, 2);
    double error = sqrt(square / (m - 1) / m) / sum, t = tw_student(s->repeats - 1, 0.95) * error;
    double mean = exp(-top) / sum;
    *out = (tw_escape_splitting){.rare = true,
                                 .mean = mean,
                                 .error = error,
                                 .lo = mean / (1 + t),
                                 .hi = t < 1 ? mean / (1 - t) : INFINITY,
                                 .repeats = s->repeats,
                                 .paths = s->paths,
                                 .steps = steps};
done:
    free(j.log_rate);
    free(j.steps);
    return st;
}
