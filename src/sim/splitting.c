// SPDX-License-Identifier: MIT
// Rare escapes by adaptive multilevel splitting on the coordinate xi = max_i x_i; with parts, the largest share of the
// way from a coordinate's start to an end of it.
//
// T = (n0 / N0) / p: a long run near the minimum passes `outer` upwards, after having been below `inner`, N0 times in
// n0 steps; p is the chance that such a passage reaches the end before it is back below inner. Of N trajectories from
// stored passages the K with the lowest maximum are stopped, the others' share multiplied into p, and each is started
// again where a surviving one first rose above that level. Ties are stopped together and maxima compared strictly,
// which keeps the estimate of p unbiased for a chain in discrete time. Source: Cerou & Guyader, Stoch. Anal. Appl. 25
// (2007) 417; Brehier et al., Ann. Appl. Probab. 26 (2016) 3559.
#include "sim/escape.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/rng.h"
#include "base/shards.h"
#include "linalg/student.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PILOT = 200000 };

typedef struct force {
    const tw_escape_chain_spec *c;
    tw_escape_landscape potential;
    double sd;
    int64_t batch;
    double *z; // [n], for correlated noise
} force;

static double end_of(const tw_escape_chain_spec *c) { return c->parts > 0 ? 1 : c->absorb; }

static double start_of(const tw_escape_chain_spec *c, int64_t i)
{
    return c->parts > 0 ? c->part[i % c->parts].start : c->start;
}

static force force_of(const tw_escape_chain_spec *c, double *z)
{
    double sd = c->noise == TW_ESCAPE_WHITE ? sqrt(2 * c->eta * c->strength) : c->eta * sqrt(c->strength / c->B);
    tw_escape_landscape potential = {.shape = TW_ESCAPE_POLY, .terms = c->terms, .coef = c->coef};
    return (force){c, potential, sd, (int64_t)c->B, z};
}

static double share_of(const tw_escape_chain_spec *c, const tw_escape_part *p, double x)
{
    double up = (x - p->start) / (p->absorb - p->start);
    return c->both ? fmax(up, (p->start - x) / (p->start - p->lo)) : up;
}

static double advance_parts(const force *f, tw_rng *rng, double *x)
{
    const tw_escape_chain_spec *c = f->c;
    double top = -INFINITY;
    for (int64_t i = 0; c->noise == TW_ESCAPE_FULL && i < c->n; i++) f->z[i] = tw_rng_normal(rng);
    for (int64_t i = 0; i < c->n; i++) {
        const tw_escape_part *p = &c->part[i % c->parts];
        double to = x[i], noise = 0;
        if (c->noise == TW_ESCAPE_SAMPLES) {
            for (int64_t b = 0; b < f->batch; b++)
                noise -= tw_escape_value(&p->landscape, 1, x[i] - c->strength * tw_rng_normal(rng)) * c->eta / c->B;
        } else {
            to -= c->eta * tw_escape_value(&p->landscape, 1, x[i]);
            if (c->noise == TW_ESCAPE_FULL) {
                for (int64_t j = 0; j < c->n; j++) noise += c->root[i * c->n + j] * f->z[j];
                noise *= c->eta / sqrt(c->B);
            } else {
                double sd = f->sd;
                if (c->noise == TW_ESCAPE_SHARP)
                    sd = c->eta * sqrt(hypot(tw_escape_value(&p->landscape, 2, x[i]), c->strength) / c->B);
                noise = sd * tw_rng_normal(rng);
            }
        }
        to += noise;
        if (c->both || to >= p->lo) x[i] = to;
        top = fmax(top, share_of(c, p, x[i]));
    }
    return top;
}

// One step in place; how far it is.
static double advance(const force *f, tw_rng *rng, double *x)
{
    const tw_escape_chain_spec *c = f->c;
    double top = -INFINITY;
    if (c->parts > 0) return advance_parts(f, rng, x);
    for (int64_t i = 0; i < c->n; i++) {
        double to = x[i];
        if (c->noise == TW_ESCAPE_SAMPLES) {
            double sum = 0;
            for (int64_t b = 0; b < f->batch; b++)
                sum += tw_escape_value(&f->potential, 1, x[i] - c->strength * tw_rng_normal(rng));
            to -= c->eta / c->B * sum;
        } else {
            double sd = f->sd;
            if (c->noise == TW_ESCAPE_SHARP)
                sd = c->eta * sqrt(hypot(tw_escape_value(&f->potential, 2, x[i]), c->strength) / c->B);
            to += sd * tw_rng_normal(rng) - c->eta * tw_escape_value(&f->potential, 1, x[i]);
        }
        if (to >= c->lo) x[i] = to;
        top = fmax(top, x[i]);
    }
    return top;
}

// A trajectory: the states where its maximum rose, so that others can go on from there.
typedef struct path {
    double *state; // [room][n]
    double *top;   // [room] rising
    int64_t count, room;
    tw_rng rng;
} path;

static tw_status record(path *p, int64_t n, const double *x, double top)
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

typedef struct job {
    const tw_escape_chain_spec *c;
    double inner, outer;
    int64_t paths;
    double *log_rate; // [repeats]
    int64_t *steps;   // [repeats]
    const tw_progress *progress;
    int64_t repeats, done;
    tw_ledger *ledger;
    const char *key;
    bool frequent; // the end was reached by chance
} job;

typedef struct run {
    job *j;
    force f;
    path *path;   // [paths]
    double *x;    // [n]
    double *best; // [paths], sorted
    int64_t n0, steps;
} run;

// Goes on from the last record until below inner or at the end.
static tw_status finish(run *r, path *p)
{
    tw_status st = TW_OK;
    const tw_escape_chain_spec *c = r->j->c;
    double top = p->top[p->count - 1];
    memcpy(r->x, p->state + (p->count - 1) * c->n, (size_t)c->n * sizeof *r->x);
    while (top < end_of(c)) {
        double here = advance(&r->f, &p->rng, r->x);
        r->steps++;
        if (here <= r->j->inner) break;
        if (here <= top) continue;
        TW_TRY(record(p, c->n, r->x, here));
        top = here;
    }
done:
    return st;
}

// The passages of `outer`, one a path; n0 counts the steps they took.
static tw_status passages(run *r, int64_t repeat)
{
    tw_status st = TW_OK;
    job *j = r->j;
    const tw_escape_chain_spec *c = r->j->c;
    tw_rng rng = tw_rng_at(c->seed, TW_RNG_SIM, ((uint64_t)1 << 62) + (uint64_t)repeat + 1);
    int64_t found = 0;
    bool below = false, counting = false;
    for (int64_t i = 0; i < c->n; i++) r->x[i] = start_of(c, i);
    for (int64_t t = 0; found < r->j->paths; t++) {
        double here = advance(&r->f, &rng, r->x);
        r->steps++;
        if (counting) r->n0++;
        if (here >= end_of(c)) {
#pragma omp atomic write
            j->frequent = true;
            goto done;
        }
        below = below || here <= r->j->inner;
        if (!below || here < r->j->outer) continue;
        below = false;
        if (counting) TW_TRY(record(&r->path[found++], c->n, r->x, here));
        counting = true; // the first passage starts the clock
    }
done:
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double best_of(const path *p) { return p->top[p->count - 1]; }

// ln p; -inf when every trajectory was lost.
static tw_status levels(run *r, tw_rng *rng, double *log_p)
{
    tw_status st = TW_OK;
    const tw_escape_chain_spec *c = r->j->c;
    int64_t N = r->j->paths, K = N / 10 > 0 ? N / 10 : 1, n = c->n;
    *log_p = 0;
    for (;;) {
        for (int64_t i = 0; i < N; i++) r->best[i] = best_of(&r->path[i]);
        qsort(r->best, (size_t)N, sizeof *r->best, ascending);
        double level = r->best[K - 1];
        if (level >= end_of(c)) break;
        int64_t killed = 0, alive = 0;
        for (int64_t i = 0; i < N; i++) killed += best_of(&r->path[i]) <= level;
        *log_p += log1p(-(double)killed / (double)N);
        if (killed == N) break;
        for (int64_t i = 0; i < N; i++) { // survivors first
            if (best_of(&r->path[i]) <= level) continue;
            path swap = r->path[alive];
            r->path[alive++] = r->path[i];
            r->path[i] = swap;
        }
        for (int64_t i = alive; i < N; i++) {
            const path *from = &r->path[tw_rng_below(rng, (uint64_t)alive)];
            path *p = &r->path[i];
            p->count = 0;
            for (int64_t k = 0; k < from->count; k++) {
                TW_TRY(record(p, n, from->state + k * n, from->top[k]));
                if (from->top[k] > level) break;
            }
            TW_TRY(finish(r, p));
        }
    }
    int64_t reached = 0;
    for (int64_t i = 0; i < N; i++) reached += best_of(&r->path[i]) >= end_of(c);
    *log_p += log((double)reached / (double)N);
done:
    return st;
}

static tw_status one_repeat(void *ctx, int64_t repeat, int thread)
{
    tw_status st = TW_OK;
    job *j = ctx;
    run r = {.j = j};
    uint64_t base = ((uint64_t)1 << 61) + (uint64_t)repeat * ((uint64_t)j->paths + 1);
    double log_p = 0, kept[2];
    int64_t done, found;
    char name[96];
    snprintf(name, sizeof name, "%.60s/split%" PRId64, j->key ? j->key : "", repeat);
    if (j->ledger && tw_ledger_get(j->ledger, name, 2, &found, kept) && found == 2) {
        j->log_rate[repeat] = kept[0];
        j->steps[repeat] = (int64_t)kept[1];
        goto counted;
    }
    TW_TRY(tw_alloc(j->paths, sizeof *r.path, &r.path));
    TW_TRY(tw_alloc(j->paths, sizeof *r.best, &r.best));
    TW_TRY(tw_alloc(2 * j->c->n, sizeof *r.x, &r.x));
    r.f = force_of(j->c, r.x + j->c->n);
    TW_TRY(passages(&r, repeat));
    if (r.n0 == 0 || j->frequent) goto done;
    for (int64_t i = 0; i < j->paths; i++) {
        r.path[i].rng = tw_rng_at(j->c->seed, TW_RNG_SIM, base + (uint64_t)i);
        TW_TRY(finish(&r, &r.path[i]));
    }
    tw_rng rng = tw_rng_at(j->c->seed, TW_RNG_SIM, base + (uint64_t)j->paths);
    TW_TRY(levels(&r, &rng, &log_p));
    j->log_rate[repeat] = log((double)j->paths / (double)r.n0) + log_p;
    j->steps[repeat] = r.steps;
    kept[0] = j->log_rate[repeat];
    kept[1] = (double)r.steps;
    if (j->ledger) TW_TRY(tw_ledger_put(j->ledger, name, 2, kept));
counted:
#pragma omp atomic capture
    done = ++j->done;
    if (thread == 0 && j->progress && j->progress->tick &&
        !j->progress->tick(j->progress->ctx, "splitting", (double)done, (double)j->repeats))
        st = tw_fail(TW_ESTOPPED, "splitting: stopped after %" PRId64 " of %" PRId64 " repeats", done, j->repeats);
done:
    for (int64_t i = 0; r.path && i < j->paths; i++) {
        free(r.path[i].state);
        free(r.path[i].top);
    }
    free(r.path);
    free(r.best);
    free(r.x);
    return st;
}

// inner: the median of max x near the minimum; outer: its 90th percentile.
static tw_status pilot(job *j)
{
    tw_status st = TW_OK;
    const tw_escape_chain_spec *c = j->c;
    double *x = NULL, *top = NULL;
    force f;
    tw_rng rng = tw_rng_at(c->seed, TW_RNG_SIM, (uint64_t)1 << 62);
    TW_TRY(tw_alloc(2 * c->n, sizeof *x, &x));
    f = force_of(c, x + c->n);
    TW_TRY(tw_alloc(PILOT, sizeof *top, &top));
    for (int64_t i = 0; i < c->n; i++) x[i] = start_of(c, i);
    for (int64_t t = -PILOT / 10; t < PILOT; t++) {
        double here = advance(&f, &rng, x);
        if (here >= end_of(c)) {
            j->frequent = true;
            goto done;
        }
        if (t >= 0) top[t] = here;
    }
    qsort(top, PILOT, sizeof *top, ascending);
    j->inner = top[PILOT / 2];
    j->outer = top[PILOT / 10 * 9];
    if (!(j->inner < j->outer)) st = tw_fail(TW_ENUMERIC, "splitting: without noise near the start nothing escapes");
done:
    free(x);
    free(top);
    return st;
}

// What each rank found; one rank's escape by chance is everybody's.
static tw_status share(job *j)
{
    tw_status st = TW_OK;
    bool *chance = NULL;
    const int64_t word = sizeof *j->steps, mark = sizeof *chance;
    TW_TRY(tw_alloc(j->repeats, sizeof *chance, &chance));
    for (int64_t i = 0; i < j->repeats; i++) chance[i] = j->frequent;
    TW_TRY(tw_ranks_gather(j->repeats, word, j->repeats * word, j->log_rate));
    TW_TRY(tw_ranks_gather(j->repeats, word, j->repeats * word, j->steps));
    TW_TRY(tw_ranks_gather(j->repeats, mark, j->repeats * mark, chance));
    for (int64_t i = 0; i < j->repeats; i++) j->frequent = j->frequent || chance[i];
done:
    free(chance);
    return st;
}

tw_status tw_escape_split(const tw_escape_chain_spec *c, int64_t repeats, int64_t paths, tw_ledger *ledger,
                          const char *key, const tw_progress *progress, tw_escape_splitting *out)
{
    tw_status st = TW_OK;
    int64_t one = 0;
    bool ended = false;
    job j = {.c = c, .paths = paths, .repeats = repeats, .progress = progress, .ledger = ledger, .key = key};

    if (repeats < 4 || paths < 10)
        return tw_fail(TW_EINVAL,
                       "splitting: found %" PRId64 " repeats of %" PRId64 " paths, expected at least 4 of 10", repeats,
                       paths);
    TW_TRY(tw_escape_simulate(c, 1, 1, NULL, &one, &ended)); // checks the numbers
    TW_TRY(pilot(&j));
    if (j.frequent) goto frequent;
    TW_TRY(tw_alloc(repeats, sizeof *j.log_rate, &j.log_rate));
    TW_TRY(tw_alloc(repeats, sizeof *j.steps, &j.steps));
    TW_TRY(tw_shards_run_dealt(repeats, one_repeat, &j));
    TW_TRY(share(&j));
    if (j.frequent) goto frequent;
    double top = -INFINITY, sum = 0, square = 0, m = (double)repeats;
    int64_t steps = PILOT;
    for (int64_t i = 0; i < repeats; i++) {
        steps += j.steps[i];
        top = fmax(top, j.log_rate[i]);
        if (!isfinite(j.log_rate[i])) {
            st = tw_fail(TW_ENUMERIC,
                         "splitting: repeat %" PRId64 " lost all its %" PRId64 " paths: more paths are "
                         "needed, or max x is the wrong coordinate",
                         i, paths);
            goto done;
        }
    }
    for (int64_t i = 0; i < repeats; i++) sum += exp(j.log_rate[i] - top) / m;
    for (int64_t i = 0; i < repeats; i++) square += pow(exp(j.log_rate[i] - top) - sum, 2);
    double error = sqrt(square / (m - 1) / m) / sum, t = tw_student(repeats - 1, 0.95) * error, mean = exp(-top) / sum;
    *out = (tw_escape_splitting){true,    mean,  error, mean / (1 + t), t < 1 ? mean / (1 - t) : INFINITY,
                                 repeats, paths, steps, j.inner,        j.outer};
    goto done;
frequent:
    *out = (tw_escape_splitting){.rare = false};
done:
    free(j.log_rate);
    free(j.steps);
    return st;
}
