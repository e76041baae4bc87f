// SPDX-License-Identifier: MIT
// Products of panels, slab by slab. Slabs are joined in the tree of base/shards.h.
#include "linalg/panel.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "kernel/kernel.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static int64_t slabs(int64_t n) { return (n + TW_SLAB - 1) / TW_SLAB; }

tw_status tw_linop_valid(const tw_linop *op)
{
    if (op->n < 1) return tw_fail(TW_EINVAL, "operator: found n = %" PRId64 ", expected at least 1", op->n);
    if (op->block < 1) return tw_fail(TW_EINVAL, "operator: found block = %" PRId64 ", expected at least 1", op->block);
    return TW_OK;
}

tw_status tw_panel_new(int64_t n, int64_t room, tw_panel **out)
{
    tw_status st = TW_OK;
    tw_panel *p = NULL;

    TW_TRY(tw_alloc(1, sizeof *p, &p));
    p->n = p->rows = p->stride = n;
    p->room = room;
    p->threads = tw_threads();
    TW_TRY(tw_parts_new(&p->parts));
    TW_TRY(tw_alloc(room * room, sizeof(double), &p->small));
    TW_TRY(tw_alloc(slabs(n), sizeof(double), &p->slab_max));
    TW_TRY(tw_alloc((int64_t)p->threads * room * TW_SLAB, sizeof(double), &p->scratch));
    *out = p;
    p = NULL;
done:
    tw_panel_free(p);
    return st;
}

tw_status tw_panel_new_dealt(int64_t n, int64_t room, tw_panel **out)
{
    tw_status st = tw_panel_new(n, room, out);
    if (st != TW_OK || tw_ranks_together() == 1 || slabs(n) == 1) return st; // a single slab is everybody's
    tw_panel *p = *out;
    tw_dealt mine = tw_ranks_mine(slabs(n));
    int64_t end = mine.last * TW_SLAB < n ? mine.last * TW_SLAB : n;
    p->first = mine.first * TW_SLAB < n ? mine.first * TW_SLAB : n;
    p->rows = p->stride = end - p->first;
    p->dealt = true;
    return TW_OK;
}

void tw_panel_free(tw_panel *p)
{
    if (!p) return;
    free(p->whole);
    tw_parts_free(p->parts);
    free(p->small);
    free(p->slab_max);
    free(p->scratch);
    free(p);
}

// One job on slabs: y -= c' x, then d = z y'; or y = c' x.
typedef struct job {
    tw_panel *p;
    const tw_kernels *kern;
    int64_t m, k, l;
    const double *x, *c, *z;
    double *y;
    const char *what;
} job;

static int64_t slab_length(const job *j, int64_t slab)
{
    int64_t left = j->p->n - slab * TW_SLAB;
    return left < TW_SLAB ? left : TW_SLAB;
}

static tw_status subtract_slab(void *ctx, int64_t slab, int thread, void *part)
{
    (void)thread;
    const job *j = ctx;
    int64_t n = j->p->stride, at = slab * TW_SLAB - j->p->first, s = slab_length(j, slab);
    if (j->c) j->kern->gemm(true, false, j->k, s, j->m, j->c, j->k, j->x + at, n, 1, j->y + at, n);
    j->kern->gemm(false, true, j->l, j->k, s, j->z + at, n, j->y + at, n, 0, part, j->k);
    return TW_OK;
}

static tw_status only_subtract_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const job *j = ctx;
    int64_t n = j->p->stride, at = slab * TW_SLAB - j->p->first;
    j->kern->gemm(true, false, j->k, slab_length(j, slab), j->m, j->c, j->k, j->x + at, n, 1, j->y + at, n);
    return TW_OK;
}

static tw_status sum_slabs(tw_panel *p, int64_t count, tw_shard_part_fn fn, job *j, double *out)
{
    return p->dealt ? tw_shards_sum_dealt(p->parts, slabs(p->n), TW_F64, count, fn, j, out)
                    : tw_shards_sum(p->parts, slabs(p->n), TW_F64, count, fn, j, out);
}

static tw_status run_slabs(const tw_panel *p, tw_shard_fn fn, job *j)
{
    return p->dealt ? tw_shards_run_dealt(slabs(p->n), fn, j) : tw_shards_run(slabs(p->n), fn, j);
}

tw_status tw_panel_dot(tw_panel *p, int64_t m, const double *x, int64_t k, const double *y, double *c)
{
    if (m == 0 || k == 0) return TW_OK;
    job j = {.p = p, .kern = tw_kernels_find("f64"), .k = k, .l = m, .z = x, .y = (double *)(uintptr_t)y};
    return sum_slabs(p, m * k, subtract_slab, &j, c);
}

tw_status tw_panel_subtract(tw_panel *p, int64_t m, const double *x, int64_t k, double *y, const double *c, int64_t l,
                            const double *z, double *d)
{
    if (k == 0) return TW_OK;
    for (int64_t i = 0; i < m * k; i++) p->small[i] = -c[i];
    job j = {.p = p, .kern = tw_kernels_find("f64"), .m = m, .k = k, .l = l, .x = x, .z = z, .y = y};
    j.c = m > 0 ? p->small : NULL;
    if (l > 0) return sum_slabs(p, l * k, subtract_slab, &j, d);
    return m > 0 ? run_slabs(p, only_subtract_slab, &j) : TW_OK;
}

static tw_status combine_slab(void *ctx, int64_t slab, int thread)
{
    const job *j = ctx;
    int64_t n = j->p->stride, at = slab * TW_SLAB - j->p->first, s = slab_length(j, slab);
    double *scratch = j->p->scratch + (int64_t)thread * j->p->room * TW_SLAB;
    j->kern->gemm(true, false, j->k, s, j->m, j->c, j->k, j->x + at, n, 0, scratch, s);
    for (int64_t i = 0; i < j->k; i++) memcpy(j->y + i * n + at, scratch + i * s, (size_t)s * sizeof *scratch);
    return TW_OK;
}

tw_status tw_panel_combine(tw_panel *p, int64_t m, const double *x, int64_t k, const double *c, double *y)
{
    if (tw_threads() > p->threads) { // raised since the panel was made
        double *more = NULL;
        tw_status st = tw_alloc((int64_t)tw_threads() * p->room * TW_SLAB, sizeof(double), &more);
        if (st != TW_OK) return st;
        free(p->scratch);
        p->scratch = more;
        p->threads = tw_threads();
    }
    job j = {.p = p, .kern = tw_kernels_find("f64"), .m = m, .k = k, .x = x, .c = c, .y = y};
    return k > 0 ? run_slabs(p, combine_slab, &j) : TW_OK;
}

tw_status tw_panel_columns(int64_t n, int64_t k, tw_shard_fn fn, void *ctx)
{
    if (n > TW_SLAB) return tw_shards_run(k, fn, ctx);
    tw_status st = TW_OK;
    for (int64_t j = 0; j < k && st == TW_OK; j++) st = fn(ctx, j, 0);
    return st;
}

static tw_status max_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const job *j = ctx;
    int64_t at = slab * TW_SLAB, s = slab_length(j, slab);
    double max = 0;
    for (int64_t v = 0; v < j->k; v++) {
        const double *x = j->x + v * j->p->n + at;
        for (int64_t i = 0; i < s; i++) {
            double size = fabs(x[i]);
            if (!(size <= 1.7976931348623157e308))
                return tw_fail(TW_ENUMERIC, "%s %" PRId64 ": entry %" PRId64 " is %g, expected a finite number",
                               j->what, v, at + i, x[i]);
            if (size > max) max = size;
        }
    }
    j->p->slab_max[slab] = max;
    return TW_OK;
}

tw_status tw_panel_max(tw_panel *p, int64_t k, const double *x, const char *what, double *max)
{
    job j = {.p = p, .k = k, .x = x, .what = what};
    tw_status st = tw_shards_run(slabs(p->n), max_slab, &j);
    if (st != TW_OK) return st;
    *max = 0;
    for (int64_t i = 0; i < slabs(p->n); i++)
        if (p->slab_max[i] > *max) *max = p->slab_max[i];
    return TW_OK;
}

void tw_panel_scale(int64_t count, double *x, double factor)
{
    for (int64_t i = 0; i < count; i++) x[i] *= factor;
}

void tw_panel_own(const tw_panel *p, const double *y, double *x)
{
    if (p->rows > 0) memcpy(x, y + p->first, (size_t)p->rows * sizeof *x);
}

tw_status tw_panel_whole(const tw_panel *p, const double *x, double *y)
{
    if (p->rows > 0) memcpy(y + p->first, x, (size_t)p->rows * sizeof *y);
    return p->dealt ? tw_ranks_gather(slabs(p->n), TW_SLAB * (int64_t)sizeof *y, p->n * (int64_t)sizeof *y, y) : TW_OK;
}

static tw_status apply_block(tw_panel *p, const tw_linop *op, int64_t b, const double *x, double *y, double *max)
{
    tw_status st = TW_OK;
    const int64_t n = p->n;
    const bool whole = p->stride == n && !p->dealt;
    double *wx = whole ? NULL : p->whole, *wy = whole ? NULL : p->whole + b * n;
    for (int64_t j = 0; !whole && j < b; j++) TW_TRY(tw_panel_whole(p, x + j * p->stride, wx + j * n));
    TW_TRY(op->apply(op->ctx, b, whole ? x : wx, whole ? y : wy));
    TW_TRY(tw_panel_max(p, b, whole ? y : wy, "operator: product of vector", max)); // all ranks see the same fault
    for (int64_t j = 0; !whole && j < b; j++) tw_panel_own(p, wy + j * n, y + j * p->stride);
done:
    return st;
}

tw_status tw_panel_apply(tw_panel *p, const tw_linop *op, int64_t k, const double *x, double *y, int64_t *products,
                         double *max)
{
    tw_status st = TW_OK;
    const int64_t wide = k < op->block ? k : op->block;
    if ((p->dealt || p->stride != p->n) && p->wide < wide) {
        double *more = NULL;
        TW_TRY(tw_alloc(2 * wide, (size_t)p->n * sizeof *more, &more));
        free(p->whole);
        p->whole = more;
        p->wide = wide;
    }
    *max = 0;
    for (int64_t j = 0; j < k; j += op->block) {
        int64_t b = k - j < op->block ? k - j : op->block;
        double here = 0;
        TW_TRY(apply_block(p, op, b, x + j * p->stride, y + j * p->stride, &here));
        if (here > *max) *max = here;
        *products += b;
    }
done:
    return st;
}
