// SPDX-License-Identifier: MIT
// Operators from operators: dense matrices, sums and shifts, projections.
#include "linalg/span.h"

#include "base/alloc.h"
#include "kernel/kernel.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

// What tw_linop_free frees: op comes first, and is its own context.
typedef struct made {
    tw_linop op;
    const double *a; // dense
    int64_t count;   // sum
    double *weight, shift;
    const tw_linop **term;
    const tw_linop *inner; // projection
    tw_panel *panel;
    int64_t k;
    bool away;
    double *x, *c;   // [k][n] orthonormal; [k][block]
    double *scratch; // [block][n]
} made;

void tw_linop_free(tw_linop *op)
{
    made *m = (made *)op;
    if (!m) return;
    free(m->weight);
    free(m->term);
    tw_panel_free(m->panel);
    free(m->x);
    free(m->c);
    free(m->scratch);
    free(m);
}

static tw_status make(int64_t n, int64_t block, double rounding, made **out)
{
    tw_status st = tw_alloc(1, sizeof **out, out);
    if (st == TW_OK) (*out)->op = (tw_linop){.n = n, .ctx = *out, .block = block, .rounding = rounding};
    return st;
}

static tw_status apply_dense(void *ctx, int64_t k, const double *x, double *y)
{
    const made *m = ctx;
    int64_t n = m->op.n;
    tw_kernels_find("f64")->gemm(false, true, k, n, n, x, n, m->a, n, 0, y, n);
    return TW_OK;
}

tw_status tw_linop_dense(int64_t n, const double *a, tw_linop **out)
{
    tw_status st = TW_OK;
    made *m = NULL;
    if (n < 1) return tw_fail(TW_EINVAL, "matrix: found n = %" PRId64 ", expected at least 1", n);
    TW_TRY(make(n, n < 8 ? n : 8, DBL_EPSILON * sqrt((double)n), &m));
    m->op.apply = apply_dense;
    m->a = a;
    *out = &m->op;
done:
    return st;
}

static tw_status apply_sum(void *ctx, int64_t k, const double *x, double *y)
{
    const made *m = ctx;
    int64_t n = m->op.n;
    for (int64_t j = 0, b; j < k; j += b, x += b * n, y += b * n) {
        b = k - j < m->op.block ? k - j : m->op.block;
        for (int64_t i = 0; i < b * n; i++) y[i] = m->shift * x[i];
        for (int64_t t = 0; t < m->count; t++) {
            tw_status st = m->term[t]->apply(m->term[t]->ctx, b, x, m->scratch);
            if (st != TW_OK) return st;
            for (int64_t i = 0; i < b * n; i++) y[i] += m->weight[t] * m->scratch[i];
        }
    }
    return TW_OK;
}

tw_status tw_linop_sum(int64_t count, const double *weight, const tw_linop *const *term, double shift, tw_linop **out)
{
    tw_status st = TW_OK;
    made *m = NULL;

    if (count < 1) return tw_fail(TW_EINVAL, "sum of operators: found %" PRId64 " terms, expected at least 1", count);
    for (int64_t t = 0; t < count; t++) {
        TW_TRY(tw_linop_valid(term[t]));
        if (term[t]->n != term[0]->n)
            return tw_fail(TW_EINVAL, "sum of operators: term %" PRId64 " has n = %" PRId64 ", expected %" PRId64, t,
                           term[t]->n, term[0]->n);
        if (!isfinite(weight[t]) || !isfinite(shift))
            return tw_fail(TW_EINVAL, "sum of operators: weight %" PRId64 " is %g, shift %g, expected finite numbers",
                           t, weight[t], shift);
    }
    TW_TRY(make(term[0]->n, term[0]->block, DBL_EPSILON, &m));
    m->op.apply = apply_sum;
    m->count = count;
    m->shift = shift;
    TW_TRY(tw_alloc(count, sizeof *m->weight, &m->weight));
    TW_TRY(tw_alloc(count, sizeof *m->term, &m->term));
    memcpy(m->weight, weight, (size_t)count * sizeof *weight);
    for (int64_t t = 0; t < count; t++) {
        m->term[t] = term[t];
        if (term[t]->block > m->op.block) m->op.block = term[t]->block;
        m->op.rounding = fmax(m->op.rounding, term[t]->rounding);
    }
    TW_TRY(tw_alloc(m->op.block, (size_t)m->op.n * sizeof(double), &m->scratch));
    *out = &m->op;
    m = NULL;
done:
    if (m) tw_linop_free(&m->op);
    return st;
}

// y := P y in place.
static tw_status project(const made *m, int64_t k, double *y)
{
    tw_status st = tw_panel_dot(m->panel, m->k, m->x, k, y, m->c);
    if (st != TW_OK) return st;
    if (m->away) return tw_panel_subtract(m->panel, m->k, m->x, k, y, m->c, 0, NULL, NULL);
    return tw_panel_combine(m->panel, m->k, m->x, k, m->c, y);
}

static tw_status apply_projection(void *ctx, int64_t k, const double *x, double *y)
{
    tw_status st = TW_OK;
    const made *m = ctx;
    int64_t n = m->op.n;
    for (int64_t j = 0, b; j < k; j += b, x += b * n, y += b * n) {
        b = k - j < m->op.block ? k - j : m->op.block;
        memcpy(m->scratch, x, (size_t)(b * n) * sizeof *x);
        TW_TRY(project(m, b, m->scratch));
        TW_TRY(m->inner->apply(m->inner->ctx, b, m->scratch, y));
        TW_TRY(project(m, b, y));
    }
done:
    return st;
}

static tw_status projection(const tw_linop *op, int64_t k, const double *x, bool away, tw_linop **out)
{
    tw_status st = TW_OK;
    made *m = NULL;

    TW_TRY(tw_linop_valid(op));
    if (k < 1 || k > op->n)
        return tw_fail(TW_EINVAL, "projection: found %" PRId64 " vectors, expected 1 to n = %" PRId64, k, op->n);
    TW_TRY(make(op->n, op->block, op->rounding, &m));
    m->op.apply = apply_projection;
    m->inner = op;
    m->k = k;
    m->away = away;
    TW_TRY(tw_panel_new(op->n, k > op->block ? k : op->block, &m->panel));
    TW_TRY(tw_alloc(k, (size_t)op->n * sizeof(double), &m->x));
    TW_TRY(tw_alloc(k * op->block, sizeof(double), &m->c));
    TW_TRY(tw_alloc(op->block, (size_t)op->n * sizeof(double), &m->scratch));
    TW_TRY(tw_span(m->panel, k, x, "projection: vectors", m->x));
    *out = &m->op;
    m = NULL;
done:
    if (m) tw_linop_free(&m->op);
    return st;
}

tw_status tw_linop_onto(const tw_linop *op, int64_t k, const double *x, tw_linop **out)
{
    return projection(op, k, x, false, out);
}

tw_status tw_linop_away(const tw_linop *op, int64_t k, const double *x, tw_linop **out)
{
    return projection(op, k, x, true, out);
}
