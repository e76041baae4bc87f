// SPDX-License-Identifier: MIT
// Trace, squared Frobenius norm and diagonal from products with random signs.
//
//   Hutchinson  E z'Az = tr A for random signs z; variance 2 (|A|_F^2 - sum of A_ii^2)
//   Hutch++     Q an orthonormal basis of A S, S random signs, with one third of the products; then
//               tr A = tr Q'AQ + tr PAP, P = I - QQ': the first exactly, the second by Hutchinson. Q is independent of
//               the signs of the second part, so given Q those samples are independent with the right mean: their
//               t interval is honest.
//   norm        E |Az|^2 = tr A'A
//   diagonal    E z * (Az) = diag A
// As many products as the matrix has columns give the exact answer, from unit vectors. The vectors are dealt to ranks
// (linalg/panel.h), but for unit vectors, whose matrix is small. Derivations: docs/traces.md.
#include "linalg/panel.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/rng.h"
#include "linalg/student.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct probing {
    const tw_linop *op;
    const tw_trace_opts *opts;
    tw_panel *panel;
    int64_t n, rows, block, products, total; // rows: of each vector, on this rank
    uint64_t drawn;
    double *z, *y; // [block][rows]
    double *dots;  // [block][block]
    double max;
} probing;

static tw_status check_opts(const tw_linop *op, const tw_trace_opts *o)
{
    tw_status st = tw_linop_valid(op);
    if (st != TW_OK) return st;
    if (o->products < 6)
        return tw_fail(TW_EINVAL, "estimate: found products = %" PRId64 ", expected at least 6", o->products);
    if (!(o->confidence > 0 && o->confidence < 1))
        return tw_fail(TW_EINVAL, "estimate: found confidence = %g, expected between 0 and 1", o->confidence);
    if (o->method != TW_HUTCHINSON && o->method != TW_HUTCHPP)
        return tw_fail(TW_EINVAL, "estimate: unknown method %d", (int)o->method);
    return TW_OK;
}

static tw_status probing_init(probing *p, const tw_linop *op, const tw_trace_opts *opts, int64_t room)
{
    tw_status st = TW_OK;
    p->op = op;
    p->opts = opts;
    p->n = op->n;
    p->block = op->block < op->n ? op->block : op->n;
    p->total = opts->products < op->n ? opts->products : op->n;
    int64_t most = room > p->block ? room : p->block;
    TW_TRY(opts->products < op->n ? tw_panel_new_dealt(p->n, most, &p->panel) : tw_panel_new(p->n, most, &p->panel));
    p->rows = p->panel->rows;
    TW_TRY(tw_alloc(p->block, (size_t)p->rows * sizeof(double), &p->z));
    TW_TRY(tw_alloc(p->block, (size_t)p->rows * sizeof(double), &p->y));
    TW_TRY(tw_alloc(p->block * p->block, sizeof(double), &p->dots));
done:
    return st;
}

static void probing_free(probing *p)
{
    tw_panel_free(p->panel);
    free(p->z);
    free(p->y);
    free(p->dots);
}

typedef struct draw {
    probing *p;
    double *z;
} draw;

static tw_status draw_signs(void *ctx, int64_t column, int thread)
{
    (void)thread;
    const draw *d = ctx;
    tw_rng rng = tw_rng_at(d->p->opts->seed, TW_RNG_PROBE, d->p->drawn + (uint64_t)column);
    tw_rng_signs(&rng, d->p->n, d->z + column * d->p->n);
    return TW_OK;
}

// Signs that are dealt are drawn whole, vector by vector.
static tw_status signs(probing *p, int64_t k, double *z)
{
    tw_status st = TW_OK;
    double *whole = NULL;
    if (!p->panel->dealt) {
        draw d = {p, z};
        TW_TRY(tw_panel_columns(p->n, k, draw_signs, &d));
    } else {
        TW_TRY(tw_alloc(p->n, sizeof *whole, &whole));
        for (int64_t j = 0; j < k; j++) {
            tw_rng rng = tw_rng_at(p->opts->seed, TW_RNG_PROBE, p->drawn + (uint64_t)j);
            tw_rng_signs(&rng, p->n, whole);
            tw_panel_own(p->panel, whole, z + j * p->rows);
        }
    }
    p->drawn += (uint64_t)k;
done:
    free(whole);
    return st;
}

static tw_status multiply(probing *p, int64_t k, const double *x, double *y)
{
    const tw_progress *progress = &p->opts->progress;
    tw_status st = tw_panel_apply(p->panel, p->op, k, x, y, &p->products, &p->max);
    if (st != TW_OK) return st;
    if (progress->tick && !progress->tick(progress->ctx, "probes", (double)p->products, (double)p->total))
        return tw_fail(TW_ESTOPPED, "probes: stopped after %" PRId64 " products", p->products);
    return TW_OK;
}

static void units(probing *p, int64_t first, int64_t k)
{
    memset(p->z, 0, (size_t)(k * p->n) * sizeof *p->z);
    for (int64_t j = 0; j < k; j++) p->z[j * p->n + first + j] = 1;
}

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

// diagonal [n] from n unit vectors; *squares, when asked for by squares_too, the sum of all squared entries.
static tw_status exact(probing *p, double *diagonal, double *squares)
{
    tw_status st = TW_OK;
    double *norm = NULL;
    TW_TRY(tw_alloc(p->n, sizeof *norm, &norm));
    for (int64_t i = 0, k; i < p->n; i += k) {
        k = at_most(p->block, p->n - i);
        units(p, i, k);
        TW_TRY(multiply(p, k, p->z, p->y));
        TW_TRY(tw_panel_dot(p->panel, k, p->y, k, p->y, p->dots));
        for (int64_t j = 0; j < k; j++) {
            diagonal[i + j] = p->y[j * p->n + i + j];
            norm[i + j] = p->dots[j * k + j];
        }
    }
    *squares = tw_tree_sum(p->n, norm);
done:
    free(norm);
    return st;
}

static tw_status finish(const probing *p, double confidence, int64_t count, const double *sample, double base,
                        tw_estimate *out)
{
    tw_estimate e = {.products = p->products};
    tw_mean_error(count, sample, &e.value, &e.error);
    e.value += base;
    double reach = tw_student(count - 1, confidence) * e.error;
    e.lo = e.value - reach;
    e.hi = e.value + reach;
    if (!isfinite(e.value) || !isfinite(e.error))
        return tw_fail(TW_ENUMERIC, "estimate: found %g +- %g, expected finite numbers", e.value, e.error);
    *out = e;
    return TW_OK;
}

static tw_status finish_exact(const probing *p, double value, tw_estimate *out)
{
    if (!isfinite(value)) return tw_fail(TW_ENUMERIC, "estimate: found %g, expected a finite number", value);
    *out = (tw_estimate){.value = value, .lo = value, .hi = value, .products = p->products, .exact = true};
    return TW_OK;
}

// sample[i] = z'Az, z random signs freed of the r directions of q; or |Az|^2 when squares.
static tw_status sample_forms(probing *p, int64_t r, const double *q, bool squares, int64_t count, double *sample)
{
    tw_status st = TW_OK;
    double *c = NULL;
    TW_TRY(tw_alloc(r * p->block, sizeof *c, &c));
    for (int64_t i = 0, k; i < count; i += k) {
        k = at_most(p->block, count - i);
        TW_TRY(signs(p, k, p->z));
        TW_TRY(tw_panel_dot(p->panel, r, q, k, p->z, c));
        TW_TRY(tw_panel_subtract(p->panel, r, q, k, p->z, c, 0, NULL, NULL));
        TW_TRY(multiply(p, k, p->z, p->y));
        TW_TRY(tw_panel_dot(p->panel, k, squares ? p->y : p->z, k, p->y, p->dots));
        for (int64_t j = 0; j < k; j++) sample[i + j] = p->dots[j * k + j];
    }
done:
    free(c);
    return st;
}

// q [k][rows]: an orthonormal basis of A S, *rank vectors; *inside = tr Q'AQ.
static tw_status sketch(probing *p, int64_t k, double *q, int64_t *rank, double *inside)
{
    tw_status st = TW_OK;
    double *s = NULL, *floor = NULL, *dots = NULL, max = 0;

    *inside = 0;
    *rank = 0;
    TW_TRY(tw_alloc(k, (size_t)p->rows * sizeof *s, &s));
    TW_TRY(tw_alloc(k, sizeof *floor, &floor));
    TW_TRY(tw_alloc(k * k, sizeof *dots, &dots));
    TW_TRY(signs(p, k, s));
    TW_TRY(multiply(p, k, s, q));
    max = p->max;
    if (max == 0) goto done; // nothing in the range
    for (int64_t i = 0; i < k * p->rows; i++) q[i] /= max;
    TW_TRY(tw_panel_orthonormal(p->panel, 0, NULL, k, q, floor, rank));
    TW_TRY(multiply(p, *rank, q, s));
    TW_TRY(tw_panel_dot(p->panel, *rank, q, *rank, s, dots));
    for (int64_t i = 0; i < *rank; i++) *inside += dots[i * *rank + i];
done:
    free(s);
    free(floor);
    free(dots);
    return st;
}

tw_status tw_trace(const tw_linop *op, const tw_trace_opts *opts, tw_estimate *out)
{
    TW_OPTIONS(tw_trace, opts);
    tw_status st = TW_OK;
    probing p = {0};
    double *diagonal = NULL, *sample = NULL, *q = NULL, squares = 0, inside = 0;
    int64_t rank = 0, third = 0;

    TW_TRY(check_opts(op, opts));
    third = opts->method == TW_HUTCHPP && opts->products < op->n ? opts->products / 3 : 0;
    TW_TRY(probing_init(&p, op, opts, third));
    if (opts->products >= op->n) {
        TW_TRY(tw_alloc(op->n, sizeof *diagonal, &diagonal));
        TW_TRY(exact(&p, diagonal, &squares));
        TW_TRY(finish_exact(&p, tw_tree_sum(op->n, diagonal), out));
        goto done;
    }
    if (third > 0) {
        TW_TRY(tw_alloc(third, (size_t)p.rows * sizeof *q, &q));
        TW_TRY(sketch(&p, third, q, &rank, &inside));
    }
    int64_t count = opts->products - p.products;
    TW_TRY(tw_alloc(count, sizeof *sample, &sample));
    TW_TRY(sample_forms(&p, rank, q, false, count, sample));
    TW_TRY(finish(&p, opts->confidence, count, sample, inside, out));
done:
    probing_free(&p);
    free(diagonal);
    free(sample);
    free(q);
    return st;
}

tw_status tw_frobenius2(const tw_linop *op, const tw_trace_opts *opts, tw_estimate *out)
{
    TW_OPTIONS(tw_trace, opts);
    tw_status st = TW_OK;
    probing p = {0};
    double *work = NULL, squares = 0;

    TW_TRY(check_opts(op, opts));
    TW_TRY(probing_init(&p, op, opts, 0));
    TW_TRY(tw_alloc(p.total, sizeof *work, &work));
    if (opts->products >= op->n) {
        TW_TRY(exact(&p, work, &squares));
        TW_TRY(finish_exact(&p, squares, out));
    } else {
        TW_TRY(sample_forms(&p, 0, NULL, true, p.total, work));
        TW_TRY(finish(&p, opts->confidence, p.total, work, 0, out));
    }
done:
    probing_free(&p);
    free(work);
    return st;
}

tw_status tw_diagonal(const tw_linop *op, const tw_trace_opts *opts, double *diagonal, double *error, int64_t *products)
{
    TW_OPTIONS(tw_trace, opts);
    tw_status st = TW_OK;
    probing p = {0};
    double *mean = NULL, *spread = NULL, squares = 0; // spread: sum of squared deviations (Welford)

    TW_TRY(check_opts(op, opts));
    TW_TRY(probing_init(&p, op, opts, 0));
    TW_TRY(tw_alloc(p.rows, sizeof *mean, &mean));
    TW_TRY(tw_alloc(p.rows, sizeof *spread, &spread));
    if (opts->products >= op->n) {
        TW_TRY(exact(&p, mean, &squares));
    } else {
        for (int64_t done_before = 0, k; done_before < p.total; done_before += k) {
            k = at_most(p.block, p.total - done_before);
            TW_TRY(signs(&p, k, p.z));
            TW_TRY(multiply(&p, k, p.z, p.y));
            for (int64_t j = 0; j < k; j++)
                for (int64_t i = 0; i < p.rows; i++) {
                    double x = p.z[j * p.rows + i] * p.y[j * p.rows + i], off = x - mean[i];
                    mean[i] += off / (double)(done_before + j + 1);
                    spread[i] += off * (x - mean[i]);
                }
        }
        for (int64_t i = 0; i < p.rows; i++) spread[i] = sqrt(spread[i] / ((double)p.total * (double)(p.total - 1)));
    }
    TW_TRY(tw_panel_whole(p.panel, mean, diagonal));
    TW_TRY(tw_panel_whole(p.panel, spread, error));
    *products = p.products;
done:
    probing_free(&p);
    free(mean);
    free(spread);
    return st;
}
