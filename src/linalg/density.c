// SPDX-License-Identifier: MIT
// The density of eigenvalues by stochastic Lanczos quadrature.
//
// For a unit vector z = sum of c_i v_i the measure with mass c_i^2 at lambda_i has mean 1/n at each eigenvalue over
// random directions z. Its Gauss quadrature: k Lanczos steps from z give the tridiagonal T = S diag(theta) S'; nodes
// theta_j, weights S_1j^2, which sum to 1 (Golub & Meurant 2010, ch. 6). Several probes run side by side, so that the
// operator sees blocks, but each keeps a recurrence of its own: probes stay independent, and three vectors a probe
// suffice. Lanczos vectors lose orthogonality then; a node that appears twice shares its weight among its copies, and
// the quadrature is that of exact Lanczos for a matrix with eigenvalues in tiny clusters around the true ones
// (Greenbaum, Linear Algebra Appl. 113 (1989) 7). Bins, bands and what they claim: docs/slq.md.
#include "linalg/panel.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/rng.h"
#include "linalg/dense.h"
#include "linalg/student.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static tw_status check_opts(const tw_linop *op, const tw_density_opts *o)
{
    tw_status st = tw_linop_valid(op);
    if (st != TW_OK) return st;
    if (o->probes < 2 || o->steps < 1 || o->bins < 1)
        return tw_fail(TW_EINVAL,
                       "density: found probes = %" PRId64 ", steps = %" PRId64 ", bins = %" PRId64
                       ", expected at least 2, 1 and 1",
                       o->probes, o->steps, o->bins);
    if (!(o->lo <= o->hi) || !isfinite(o->lo) || !isfinite(o->hi))
        return tw_fail(TW_EINVAL, "density: found range %g to %g, expected lo <= hi", o->lo, o->hi);
    if (!(o->width >= 0 && o->linear >= 0) || !isfinite(o->width) || !isfinite(o->linear))
        return tw_fail(TW_EINVAL, "density: width or linear is negative or not finite");
    if (!(o->confidence > 0 && o->confidence < 1))
        return tw_fail(TW_EINVAL, "density: found confidence = %g, expected between 0 and 1", o->confidence);
    return TW_OK;
}

void tw_density_free(tw_density *d)
{
    if (!d) return;
    free(d->edge);
    free(d->mass);
    free(d->mass_error);
    free(d->mass_lo);
    free(d->mass_hi);
    free(d->cumulative);
    free(d->cumulative_error);
    free(d->cumulative_lo);
    free(d->cumulative_hi);
    free(d->node);
    free(d->weight);
    free(d);
}

static tw_status density_alloc(int64_t n, const tw_density_opts *o, tw_density **out)
{
    tw_status st = TW_OK;
    tw_density *d = NULL;
    TW_TRY(tw_alloc(1, sizeof *d, &d));
    d->n = n;
    d->bins = o->bins;
    d->probes = o->probes;
    d->steps = o->steps < n ? o->steps : n;
    d->symlog = o->symlog;
    d->confidence = o->confidence;
    double **column[] = {&d->mass,       &d->mass_error,       &d->mass_lo,       &d->mass_hi,
                         &d->cumulative, &d->cumulative_error, &d->cumulative_lo, &d->cumulative_hi};
    for (size_t i = 0; i < sizeof column / sizeof *column; i++) TW_TRY(tw_alloc(d->bins, sizeof(double), column[i]));
    TW_TRY(tw_alloc(d->bins, 2 * sizeof(double), &d->edge)); // bins + 1
    TW_TRY(tw_alloc(d->probes * d->steps, sizeof(double), &d->node));
    TW_TRY(tw_alloc(d->probes * d->steps, sizeof(double), &d->weight));
    *out = d;
    d = NULL;
done:
    tw_density_free(d);
    return st;
}

// ---- Lanczos of k probes side by side ----

typedef struct recurrence {
    int64_t n, k;
    double *before, *now, *next; // [k][n]
    const double *alpha, *beta;  // [k] of this step
    double *part;                // [slabs][k]
    tw_panel *panel;
    uint64_t seed, first; // probes first ... first + k - 1
} recurrence;

static int64_t slab_end(int64_t n, int64_t slab) { return (slab + 1) * TW_SLAB < n ? (slab + 1) * TW_SLAB : n; }

static tw_status dot_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const recurrence *r = ctx;
    for (int64_t j = 0; j < r->k; j++) {
        double sum = 0;
        for (int64_t i = slab * TW_SLAB; i < slab_end(r->n, slab); i++)
            sum += r->now[j * r->n + i] * r->next[j * r->n + i];
        r->part[j * ((r->n + TW_SLAB - 1) / TW_SLAB) + slab] = sum;
    }
    return TW_OK;
}

// next -= alpha now + beta before, and its squared length.
static tw_status subtract_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const recurrence *r = ctx;
    for (int64_t j = 0; j < r->k; j++) {
        double sum = 0;
        for (int64_t i = slab * TW_SLAB; i < slab_end(r->n, slab); i++) {
            double *x = r->next + j * r->n + i;
            *x -= r->alpha[j] * r->now[j * r->n + i];
            *x -= r->beta[j] * r->before[j * r->n + i];
            sum += *x * *x;
        }
        r->part[j * ((r->n + TW_SLAB - 1) / TW_SLAB) + slab] = sum;
    }
    return TW_OK;
}

static tw_status draw_probe(void *ctx, int64_t column, int thread)
{
    (void)thread;
    const recurrence *r = ctx;
    tw_rng rng = tw_rng_at(r->seed, TW_RNG_PROBE, r->first + (uint64_t)column);
    tw_rng_normals(&rng, r->n, r->next + column * r->n);
    return TW_OK;
}

static tw_status run(recurrence *r, tw_shard_fn fn, double *sum)
{
    int64_t slabs = (r->n + TW_SLAB - 1) / TW_SLAB;
    tw_status st = tw_shards_run(slabs, fn, r);
    for (int64_t j = 0; j < r->k && st == TW_OK; j++) sum[j] = tw_tree_sum(slabs, r->part + j * slabs);
    return st;
}

// before := now, now := next / |next|, unless |next| is rounding: then the probe has seen all it can, and rests at 0.
static void turn(recurrence *r, const double *square, const double *scale, double *beta)
{
    double *spare = r->before;
    r->before = r->now;
    r->now = r->next;
    r->next = spare;
    for (int64_t j = 0; j < r->k; j++) {
        double length = sqrt(square[j]);
        beta[j] = length > 32 * DBL_EPSILON * scale[j] ? length : 0;
        for (int64_t i = 0; i < r->n; i++) r->now[j * r->n + i] = beta[j] > 0 ? r->now[j * r->n + i] / beta[j] : 0;
    }
}

// Nodes and weights of T's leading steps x steps part.
static tw_status quadrature(int64_t steps, const double *alpha, const double *beta, double *vectors, double *node,
                            double *weight)
{
    tw_status st = TW_OK;
    double sum = 0;
    TW_TRY(tw_tridiag_eig(steps, alpha, beta, node, vectors));
    for (int64_t i = 0; i < steps; i++) sum += weight[i] = vectors[i * steps] * vectors[i * steps];
    for (int64_t i = 0; i < steps; i++) weight[i] /= sum;
done:
    return st;
}

typedef struct slq {
    recurrence r;
    double *space, *part;        // the three panels
    double *alpha, *beta;        // [probes][steps]; beta[j] couples j and j + 1
    double *a, *b, *sum, *scale; // [block]
    double *vectors;             // [steps][steps]
    double *node, *weight;       // [probes][steps] one tenth of the steps fewer
    int64_t fewer;
    double unit;
} slq;

static tw_status lanczos_group(slq *s, const tw_linop *op, const tw_density_opts *o, tw_density *d)
{
    tw_status st = TW_OK;
    recurrence *r = &s->r;
    TW_TRY(tw_panel_columns(r->n, r->k, draw_probe, r));
    memset(r->now, 0, (size_t)(r->k * r->n) * sizeof *r->now);
    for (int64_t j = 0; j < r->k; j++) s->a[j] = s->b[j] = s->scale[j] = 0;
    r->alpha = s->a;
    r->beta = s->b;
    TW_TRY(run(r, subtract_slab, s->sum)); // the lengths
    turn(r, s->sum, s->scale, s->b);
    for (int64_t j = 0; j < r->k; j++) s->b[j] = 0;
    for (int64_t step = 0; step < d->steps; step++) {
        double max = 0;
        TW_TRY(tw_panel_apply(r->panel, op, r->k, r->now, r->next, &d->products, &max));
        if (s->unit == 0 && max > 0) s->unit = max < 0x1p-300 || max > 0x1p300 ? ldexp(1, ilogb(max)) : 1;
        if (s->unit > 0 && s->unit != 1) tw_panel_scale(r->k * r->n, r->next, 1 / s->unit);
        TW_TRY(run(r, dot_slab, s->a));
        TW_TRY(run(r, subtract_slab, s->sum));
        for (int64_t j = 0; j < r->k; j++) {
            s->scale[j] = fmax(s->scale[j], fabs(s->a[j]) + s->b[j]);
            s->alpha[((int64_t)r->first + j) * d->steps + step] = s->a[j];
        }
        turn(r, s->sum, s->scale, s->b);
        for (int64_t j = 0; j < r->k; j++) s->beta[((int64_t)r->first + j) * d->steps + step] = s->b[j];
        if (o->progress.tick &&
            !o->progress.tick(o->progress.ctx, "density", (double)d->products, (double)(d->probes * d->steps))) {
            st = tw_fail(TW_ESTOPPED, "density: stopped after %" PRId64 " products", d->products);
            goto done;
        }
    }
done:
    return st;
}

static tw_status all_quadratures(slq *s, const tw_linop *op, const tw_density_opts *o, tw_density *d)
{
    tw_status st = TW_OK;
    recurrence *r = &s->r;
    int64_t block = op->block < d->probes ? op->block : d->probes, total = d->probes * d->steps;

    r->n = op->n;
    r->seed = o->seed;
    s->fewer = d->steps - (d->steps + 9) / 10;
    TW_TRY(tw_panel_new(op->n, 1, &r->panel));
    TW_TRY(tw_alloc(3 * block, (size_t)op->n * sizeof(double), &s->space));
    TW_TRY(tw_alloc(block * ((op->n + TW_SLAB - 1) / TW_SLAB), sizeof(double), &s->part));
    TW_TRY(tw_alloc(total, sizeof(double), &s->alpha));
    TW_TRY(tw_alloc(total, sizeof(double), &s->beta));
    TW_TRY(tw_alloc(block, 4 * sizeof(double), &s->a));
    TW_TRY(tw_alloc(d->steps * d->steps, sizeof(double), &s->vectors));
    TW_TRY(tw_alloc(total, sizeof(double), &s->node));
    TW_TRY(tw_alloc(total, sizeof(double), &s->weight));
    s->b = s->a + block;
    s->sum = s->b + block;
    s->scale = s->sum + block;
    r->part = s->part;
    for (int64_t first = 0; first < d->probes; first += block) {
        r->first = (uint64_t)first;
        r->k = d->probes - first < block ? d->probes - first : block;
        r->before = s->space;
        r->now = s->space + block * op->n;
        r->next = s->space + 2 * block * op->n;
        TW_TRY(lanczos_group(s, op, o, d));
    }
    for (int64_t p = 0; p < d->probes; p++) {
        int64_t at = p * d->steps;
        TW_TRY(quadrature(d->steps, s->alpha + at, s->beta + at, s->vectors, d->node + at, d->weight + at));
        TW_TRY(quadrature(s->fewer, s->alpha + at, s->beta + at, s->vectors, s->node + at, s->weight + at));
    }
    if (s->unit > 0) {
        tw_panel_scale(total, d->node, s->unit);
        tw_panel_scale(total, s->node, s->unit);
    }
done:
    return st;
}

// ---- bins ----

static double axis(const tw_density *d, double x) { return d->symlog ? asinh(x / d->linear) : x; }
static double from_axis(const tw_density *d, double t) { return d->symlog ? d->linear * sinh(t) : t; }

// Edges from the options or, when lo = hi, from the nodes that have weight; *from, *to on the axis.
static void place_bins(const tw_density_opts *o, tw_density *d, double *from, double *to)
{
    double min = INFINITY, max = -INFINITY, most = 0;
    for (int64_t i = 0; i < d->probes * d->steps; i++)
        if (d->weight[i] > DBL_EPSILON * DBL_EPSILON) { // below: rests of probes that ended early
            min = fmin(min, d->node[i]);
            max = fmax(max, d->node[i]);
        }
    most = fmax(fabs(min), fabs(max));
    d->linear = o->linear > 0 ? o->linear : most > 0 ? 1e-4 * most : 1;
    *from = axis(d, o->lo < o->hi ? o->lo : min);
    *to = axis(d, o->lo < o->hi ? o->hi : max);
    if (o->lo == o->hi) { // room for what broadening puts beyond the outermost nodes
        double span = *to - *from, edge = fmax(fabs(*from), fabs(*to));
        if (!(span > 1e-9 * edge)) span = edge > 0 ? edge : 1;
        double spare = fmax(0.02 * span, 4 * (o->width > 0 ? o->width : span / (double)d->bins));
        *from -= spare;
        *to += spare;
    }
    d->width = o->width > 0 ? o->width : (*to - *from) / (double)d->bins;
    for (int64_t i = 0; i <= d->bins; i++)
        d->edge[i] = from_axis(d, *from + (*to - *from) * (double)i / (double)d->bins);
}

// The normal mass between a and b, a < b, from the tail on whose side both lie: no cancellation far out.
static double normal_between(double a, double b)
{
    const double r = 0.70710678118654752440;
    if (a > 0) return (erfc(a * r) - erfc(b * r)) / 2;
    if (b < 0) return (erfc(-b * r) - erfc(-a * r)) / 2;
    return 1 - (erfc(-a * r) + erfc(b * r)) / 2;
}

// mass [bins] of one probe.
static void bin_masses(const tw_density *d, double from, double to, int64_t steps, const double *node,
                       const double *weight, double *mass)
{
    for (int64_t b = 0; b < d->bins; b++) mass[b] = 0;
    for (int64_t i = 0; i < steps; i++) {
        double x = axis(d, node[i]);
        if (weight[i] == 0) continue;
        for (int64_t b = 0; b < d->bins; b++) {
            double lo = from + (to - from) * (double)b / (double)d->bins;
            double hi = from + (to - from) * (double)(b + 1) / (double)d->bins;
            lo = b == 0 ? -INFINITY : (lo - x) / d->width;
            hi = b == d->bins - 1 ? INFINITY : (hi - x) / d->width;
            mass[b] += weight[i] * normal_between(lo, hi);
        }
    }
}

static void band(const tw_density *d, const double *sample, double *mean, double *error, double *lo, double *hi)
{
    double t = tw_student(d->probes - 1, d->confidence);
    for (int64_t b = 0; b < d->bins; b++) {
        tw_mean_error(d->probes, sample + b * d->probes, mean + b, error + b);
        lo[b] = fmax(0, mean[b] - t * error[b]);
        hi[b] = fmin(1, mean[b] + t * error[b]);
    }
}

// s: NULL when the nodes of fewer steps are not there.
static tw_status fill_bins(const slq *s, const tw_density_opts *o, tw_density *d)
{
    tw_status st = TW_OK;
    double *mass = NULL, *sample = NULL, *gathered = NULL, *change = NULL, from, to;

    TW_TRY(tw_alloc(d->bins, sizeof *mass, &mass));
    TW_TRY(tw_alloc(d->bins, sizeof *change, &change));
    TW_TRY(tw_alloc(d->bins * d->probes, sizeof *sample, &sample));
    TW_TRY(tw_alloc(d->bins * d->probes, sizeof *gathered, &gathered));
    place_bins(o, d, &from, &to);
    for (int64_t p = 0; p < d->probes; p++) {
        int64_t at = p * d->steps;
        double sum = 0;
        bin_masses(d, from, to, d->steps, d->node + at, d->weight + at, mass);
        for (int64_t b = 0; b < d->bins; b++) {
            sum += mass[b];
            sample[b * d->probes + p] = mass[b];
            gathered[b * d->probes + p] = b < d->bins - 1 ? sum : 1; // exactly, whatever rounding did
            change[b] += sum / (double)d->probes;
        }
        if (!s) continue;
        bin_masses(d, from, to, s->fewer, s->node + at, s->weight + at, mass);
        sum = 0;
        for (int64_t b = 0; b < d->bins; b++) change[b] -= (sum += mass[b]) / (double)d->probes;
    }
    band(d, sample, d->mass, d->mass_error, d->mass_lo, d->mass_hi);
    band(d, gathered, d->cumulative, d->cumulative_error, d->cumulative_lo, d->cumulative_hi);
    for (int64_t b = 0; b < d->bins && s; b++) d->truncation = fmax(d->truncation, fabs(change[b]));
    if (!s) d->truncation = NAN;
done:
    free(mass);
    free(change);
    free(sample);
    free(gathered);
    return st;
}

tw_status tw_density_new(const tw_linop *op, const tw_density_opts *opts, tw_density **out)
{
    TW_OPTIONS(tw_density, opts);
    tw_status st = TW_OK;
    slq s = {0};
    tw_density *d = NULL;

    TW_TRY(check_opts(op, opts));
    TW_TRY(density_alloc(op->n, opts, &d));
    TW_TRY(all_quadratures(&s, op, opts, d));
    TW_TRY(fill_bins(&s, opts, d));
    *out = d;
    d = NULL;
done:
    tw_density_free(d);
    tw_panel_free(s.r.panel);
    free(s.space);
    free(s.part);
    free(s.alpha);
    free(s.beta);
    free(s.a);
    free(s.vectors);
    free(s.node);
    free(s.weight);
    return st;
}

tw_status tw_density_rebin(const tw_density *from, const tw_density_opts *opts, tw_density **out)
{
    TW_OPTIONS(tw_density, opts);
    tw_status st = TW_OK;
    tw_density *d = NULL;
    const tw_linop shape = {.n = from->n, .block = 1};
    tw_density_opts o = *opts;

    o.probes = from->probes;
    o.steps = from->steps;
    TW_TRY(check_opts(&shape, &o));
    TW_TRY(density_alloc(from->n, &o, &d));
    size_t size = (size_t)(d->probes * d->steps) * sizeof *d->node;
    memcpy(d->node, from->node, size);
    memcpy(d->weight, from->weight, size);
    d->products = from->products;
    TW_TRY(fill_bins(NULL, &o, d));
    *out = d;
    d = NULL;
done:
    tw_density_free(d);
    return st;
}
