// SPDX-License-Identifier: MIT
// The chain that is run, exactly: mean steps until it passes the absorbing end.
//
//   T(x) = 1 + integral over [lo, absorb) of k(x, y) T(y) dy + (mass below lo) T(x),   k: the normal law of x+
//
// On Gauss panels of one to two standard deviations this converges as fast as T is smooth. The matrix is eliminated by
// the method of Grassmann, Taksar & Heyman (1985): the probability of staying is never used, nothing is subtracted, and
// T keeps its relative accuracy when escapes take e^600 steps.
#include "theory/escape.h"

#include "base/alloc.h"
#include "theory/gauss.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_NODES = 8000 };

typedef struct chain {
    const tw_escape_problem *p;
    double eta;
    tw_gauss gauss;
    int64_t n, room;
    double *x, *w; // [room]
    double *a;     // [n][n]
    double *e, *r; // [n] probability to leave for good, steps until the next look
} chain;

static tw_status add_node(chain *c, double x, double w)
{
    if (c->n >= MOST_NODES)
        return tw_fail(TW_ENUMERIC,
                       "chain: more than %d nodes are needed: the noise at x = %g is too small for the range",
                       (int)MOST_NODES, x);
    c->x[c->n] = x;
    c->w[c->n++] = w;
    return TW_OK;
}

// Panels no wider than `wide` standard deviations of the noise at their left end and middle.
static tw_status make_nodes(chain *c, double wide)
{
    tw_status st = TW_OK;
    double breaks[TW_ESCAPE_BREAKS];
    int count = tw_escape_breaks(c->p, breaks);
    c->n = 0;
    for (int b = 0; b + 1 < count; b++) {
        double at = breaks[b], end = breaks[b + 1];
        while (at < end) {
            double inside = at + 1e-9 * (end - at), d = tw_escape_diffusion_at(c->p, inside);
            if (!(d > 0) || !isfinite(d))
                return tw_fail(TW_EINVAL, "diffusion: found D = %g at x = %g, expected a positive number", d, inside);
            double width = wide * sqrt(2 * c->eta * d);
            double there = tw_escape_diffusion_at(c->p, fmin(at + width, end - 1e-9 * (end - at)));
            if (there > 0 && there < d) width = wide * sqrt(2 * c->eta * there);
            double left = ceil((end - at) / width), half = (end - at) / left / 2;
            for (int j = 0; j < TW_GAUSS; j++)
                TW_TRY(add_node(c, at + half * (1 + c->gauss.t[j]), half * c->gauss.w[j]));
            at = left <= 1 ? end : at + 2 * half;
        }
    }
done:
    return st;
}

// The law of the next place: mean and standard deviation.
static void next(const chain *c, double x, double *mean, double *sd)
{
    *mean = x - c->eta * tw_escape_value(&c->p->landscape, 1, x);
    *sd = sqrt(2 * c->eta * tw_escape_diffusion_at(c->p, x));
}

static double density(double y, double mean, double sd)
{
    double z = (y - mean) / sd;
    return exp(-z * z / 2) / (sd * sqrt(2 * M_PI));
}

static void eliminate(chain *c)
{
    int64_t n = c->n;
    for (int64_t i = 0; i < n; i++) {
        double mean, sd;
        next(c, c->x[i], &mean, &sd);
        for (int64_t j = 0; j < n; j++) c->a[i * n + j] = j == i ? 0 : c->w[j] * density(c->x[j], mean, sd);
        c->e[i] = erfc((c->p->absorb - mean) / (sd * M_SQRT2)) / 2;
        c->r[i] = 1;
    }
    for (int64_t k = n - 1; k >= 0; k--) {
        const double *row = c->a + k * n;
        double d = c->e[k];
        for (int64_t j = 0; j < k; j++) d += row[j];
        for (int64_t i = 0; i < k; i++) {
            double f = c->a[i * n + k] / d, *to = c->a + i * n;
            if (f == 0) continue;
            for (int64_t j = 0; j < k; j++) to[j] += f * row[j];
            to[i] = 0;
            c->e[i] += f * c->e[k];
            c->r[i] += f * c->r[k];
        }
    }
    for (int64_t k = 0; k < n; k++) { // r becomes T
        double d = c->e[k], sum = c->r[k];
        for (int64_t j = 0; j < k; j++) {
            d += c->a[k * n + j];
            sum += c->a[k * n + j] * c->r[j];
        }
        c->r[k] = sum / d;
    }
}

static tw_status solve(chain *c, double wide, double *out)
{
    tw_status st = TW_OK;
    double mean, sd, sum = 1;
    TW_TRY(make_nodes(c, wide));
    free(c->a);
    c->a = NULL;
    TW_TRY(tw_alloc(c->n * c->n, sizeof(double), &c->a));
    eliminate(c);
    next(c, c->p->start, &mean, &sd);
    for (int64_t j = 0; j < c->n; j++) sum += c->w[j] * density(c->x[j], mean, sd) * c->r[j];
    *out = sum / (1 - erfc((mean - c->p->lo) / (sd * M_SQRT2)) / 2);
done:
    return st;
}

tw_status tw_escape_chain(const tw_escape_problem *p, double eta, tw_escape_time *out)
{
    tw_status st = TW_OK;
    chain c = {.p = p, .eta = eta};
    double rough = 0, fine = 0;

    TW_TRY(tw_escape_check(p));
    if (!(eta > 0) || !isfinite(eta)) return tw_fail(TW_EINVAL, "eta: found %g, expected a positive number", eta);
    tw_gauss_init(&c.gauss);
    TW_TRY(tw_alloc(MOST_NODES, sizeof(double), &c.x));
    TW_TRY(tw_alloc(MOST_NODES, sizeof(double), &c.w));
    TW_TRY(tw_alloc(MOST_NODES, sizeof(double), &c.e));
    TW_TRY(tw_alloc(MOST_NODES, sizeof(double), &c.r));
    TW_TRY(solve(&c, 2.6, &rough));
    TW_TRY(solve(&c, 1.95, &fine));
    double error = fabs(fine - rough) / fine;
    if (!isfinite(fine))
        st = tw_fail(TW_ENUMERIC, "chain: the mean number of steps is beyond what a double holds");
    else if (error > tw_escape_tolerance(p))
        st = tw_fail(TW_ENUMERIC, "chain: %.15g and %.15g steps with finer panels do not agree to %g", rough, fine,
                     tw_escape_tolerance(p));
    else
        *out = (tw_escape_time){fine, log(fine), error, NAN};
done:
    free(c.x);
    free(c.w);
    free(c.a);
    free(c.e);
    free(c.r);
    return st;
}
