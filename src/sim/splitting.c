// SPDX-License-Identifier: MIT
// Rare escapes by adaptive multilevel splitting on the coordinate xi = max_i x_i; with parts, the largest share of the
// way from a coordinate's start to an end of it. One trajectory at a time, in double; the levels are those of
// sim/levels.h.
#include "sim/levels.h"

#include "base/alloc.h"
#include <math.h>
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

typedef struct job {
    const tw_escape_chain_spec *c;
    double inner, outer;
    int64_t paths;
} job;

typedef struct desk { // of one repeat
    const job *j;
    force f;
    double *x; // [2 n]: a state, and room for correlated noise
    int64_t repeat;
} desk;

static tw_status open_desk(void *ctx, int64_t repeat, void **out)
{
    tw_status st = TW_OK;
    const job *j = ctx;
    desk *d = NULL;
    TW_TRY(tw_alloc(1, sizeof *d, &d));
    *out = d;
    d->j = j;
    d->repeat = repeat;
    TW_TRY(tw_alloc(2 * j->c->n, sizeof *d->x, &d->x));
    d->f = force_of(j->c, d->x + j->c->n);
done:
    return st;
}

static void close_desk(void *d_)
{
    desk *d = d_;
    free(d->x);
    free(d);
}

static tw_status finish(void *d_, int64_t first, tw_split_path *path, int64_t *steps)
{
    tw_status st = TW_OK;
    desk *d = d_;
    const tw_escape_chain_spec *c = d->j->c;
    for (tw_split_path *p = path + first; p < path + d->j->paths; p++) {
        double top = tw_split_best(p);
        memcpy(d->x, p->state + (p->count - 1) * c->n, (size_t)c->n * sizeof *d->x);
        while (top < end_of(c)) {
            double here = advance(&d->f, &p->rng, d->x);
            ++*steps;
            if (here <= d->j->inner) break;
            if (here <= top) continue;
            TW_TRY(tw_split_record(p, c->n, d->x, here));
            top = here;
        }
    }
done:
    return st;
}

static tw_status passages(void *d_, tw_split_path *path, int64_t *cycles, int64_t *n0, int64_t *steps, bool *frequent)
{
    tw_status st = TW_OK;
    desk *d = d_;
    const tw_escape_chain_spec *c = d->j->c;
    tw_rng rng = tw_rng_at(c->seed, TW_RNG_SIM, ((uint64_t)1 << 62) + (uint64_t)d->repeat + 1);
    int64_t found = 0;
    bool below = false, counting = false;
    for (int64_t i = 0; i < c->n; i++) d->x[i] = start_of(c, i);
    while (found < d->j->paths) {
        double here = advance(&d->f, &rng, d->x);
        ++*steps;
        if (counting) ++*n0;
        *frequent = here >= end_of(c);
        if (*frequent) break;
        below = below || here <= d->j->inner;
        if (!below || here < d->j->outer) continue;
        below = false;
        if (counting) TW_TRY(tw_split_record(&path[found++], c->n, d->x, here));
        counting = true; // the first passage starts the clock
    }
    *cycles = found;
done:
    return st;
}

// inner: the median of the score near the minimum; outer: its 90th percentile.
static tw_status pilot(job *j, bool *frequent)
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
        *frequent = here >= end_of(c);
        if (*frequent) goto done;
        if (t >= 0) top[t] = here;
    }
    TW_TRY(tw_levels_ends(PILOT, top, &j->inner, &j->outer));
done:
    free(x);
    free(top);
    return st;
}

tw_status tw_escape_split(const tw_escape_chain_spec *c, int64_t repeats, int64_t paths, tw_ledger *ledger,
                          const char *key, const tw_progress *progress, tw_escape_splitting *out)
{
    tw_status st = TW_OK;
    int64_t one = 0;
    bool ended = false, frequent = false;
    job j = {.c = c, .paths = paths};
    tw_levels levels = {.n = c->n,
                        .end = end_of(c),
                        .score = "max x",
                        .seed = c->seed,
                        .repeats = repeats,
                        .paths = paths,
                        .ctx = &j,
                        .open = open_desk,
                        .close = close_desk,
                        .passages = passages,
                        .finish = finish,
                        .ledger = ledger,
                        .key = key,
                        .progress = progress};
    tw_escape_splitting found = {.rare = false};
    TW_TRY(tw_levels_check(repeats, paths));
    TW_TRY(tw_escape_simulate(c, 1, 1, NULL, &one, &ended)); // checks the numbers
    TW_TRY(pilot(&j, &frequent));
    if (!frequent) TW_TRY(tw_levels_run(&levels, &found));
    if (found.rare) {
        found.steps += PILOT;
        found.inner = j.inner;
        found.outer = j.outer;
    }
    *out = found;
done:
    return st;
}
