// SPDX-License-Identifier: MIT
// Eigenpairs at the ends of the spectrum: block Lanczos, thick restart, full reorthogonalisation.
//
//   basis     V [m][n] orthonormal, and Q [q][n], orthonormal and orthogonal to V: the block to be multiplied next
//   expand    W = A Q; C = (V; Q) W' are the next q columns of T = V A V'; W -= C' (V; Q), twice; V := (V; Q), Q := W
//   ritz      T y = theta y: the pair (theta, V' y) of A has residual |W' y_last| with y_last the part of y that
//   belongs
//             to the last block, as A V is in the span of V and W. So |residual|^2 = y_last' (W W') y_last.
//   restart   V := the best Ritz vectors; T := diag(theta); Q stays. The relation above still holds.
//
// T is measured in whole, never assumed tridiagonal, so a start from given vectors, a random block thrown in and a
// block that lost rank need no special case. Everything is in units of a power of two near |A|, when |A| is far from 1.
// Source: Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602. Derivation and guarantees: docs/block-lanczos.md.
#include "linalg/eigs.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "linalg/dense.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct krylov {
    const tw_linop *op;
    const tw_lanczos_opts *opts;
    tw_panel *panel;
    int64_t n, count, block, basis, room; // room: vectors at v
    int64_t m, q, last;                   // V has m vectors, Q q; the last block of V has last
    double *v;                            // [room][n]: V, then Q, then W
    double *t;                            // [basis][basis]
    double *theta, *y;                    // Ritz values, ascending, and vectors of T
    double *gram;                         // W W' before W was made orthonormal
    double *c, *floor;                    // coefficients; lengths that are rounding
    double *estimate;                     // residual of each wanted pair, in units
    double unit;                          // 0 until the first product that is not zero
    double scale;                         // largest |theta| so far, in units
    uint64_t drawn;                       // random vectors so far
    int64_t products, restarts;
} krylov;

static tw_status check_opts(const tw_linop *op, const tw_lanczos_opts *o)
{
    tw_status st = tw_linop_valid(op);
    if (st != TW_OK) return st;
    if (o->top < 0 || o->bottom < 0 || o->top > op->n || o->bottom > op->n || o->top + o->bottom < 1 ||
        o->top + o->bottom > op->n)
        return tw_fail(TW_EINVAL,
                       "eigenpairs: found top = %" PRId64 " and bottom = %" PRId64 ", expected 1 to n = %" PRId64
                       " together",
                       o->top, o->bottom, op->n);
    if (!(o->tolerance >= 0 && o->tolerance < 1))
        return tw_fail(TW_EINVAL, "eigenpairs: found tolerance = %g, expected 0 <= tolerance < 1", o->tolerance);
    if (o->max_products < 1)
        return tw_fail(TW_EINVAL, "eigenpairs: found max_products = %" PRId64 ", expected at least 1", o->max_products);
    if (o->block < 0 || o->basis < 0 || o->check < 0 || o->starts < 0 || o->starts > op->n)
        return tw_fail(TW_EINVAL, "eigenpairs: block, basis, check or starts is negative, or starts exceeds n");
    return TW_OK;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static tw_status krylov_init(krylov *k, const tw_linop *op, const tw_lanczos_opts *o)
{
    tw_status st = TW_OK;
    k->op = op;
    k->opts = o;
    k->n = op->n;
    k->count = o->top + o->bottom;
    k->block = least(k->n, o->block > 0 ? o->block : op->block);
    int64_t widest = least(k->n, most(most(k->block, k->count), o->starts + 1));
    int64_t chosen = most(3 * k->count, k->count + 5 * k->block);
    k->basis = least(k->n, most(o->basis > 0 ? o->basis : chosen, k->count + 2 * widest));
    k->room = k->basis + widest;

    TW_TRY(tw_panel_new(k->n, k->room, &k->panel));
    TW_TRY(tw_alloc(k->room, (size_t)k->n * sizeof(double), &k->v));
    TW_TRY(tw_alloc(k->basis * k->basis, sizeof(double), &k->t));
    TW_TRY(tw_alloc(k->basis, sizeof(double), &k->theta));
    TW_TRY(tw_alloc(k->basis * k->basis, sizeof(double), &k->y));
    TW_TRY(tw_alloc(widest * widest, sizeof(double), &k->gram));
    TW_TRY(tw_alloc(k->basis * most(k->basis, widest), sizeof(double), &k->c));
    TW_TRY(tw_alloc(widest, sizeof(double), &k->floor));
    TW_TRY(tw_alloc(k->count, sizeof(double), &k->estimate));
done:
    return st;
}

static void krylov_free(krylov *k)
{
    tw_panel_free(k->panel);
    free(k->v);
    free(k->t);
    free(k->theta);
    free(k->y);
    free(k->gram);
    free(k->c);
    free(k->floor);
    free(k->estimate);
}

typedef struct draw {
    krylov *k;
    double *x;
} draw;

static tw_status draw_column(void *ctx, int64_t column, int thread)
{
    (void)thread;
    const draw *d = ctx;
    tw_rng rng = tw_rng_at(d->k->opts->seed, TW_RNG_START, d->k->drawn + (uint64_t)column);
    tw_rng_normals(&rng, d->k->n, d->x + column * d->k->n);
    return TW_OK;
}

// Q := the given vectors at the place of Q, then fresh random ones up to width; orthonormal.
static tw_status random_block(krylov *k, int64_t given, int64_t width)
{
    tw_status st = TW_OK;
    double *q = k->v + k->m * k->n;
    draw d = {k, q + given * k->n};
    width = least(width, k->n - k->m);
    TW_TRY(tw_panel_columns(k->n, width - given, draw_column, &d));
    k->drawn += (uint64_t)(width - given);
    for (int64_t i = 0; i < width; i++) k->floor[i] = 0;
    TW_TRY(tw_panel_orthonormal(k->panel, k->m, k->v, width, q, k->floor, &k->q));
done:
    return st;
}

static tw_status start(krylov *k)
{
    tw_status st = TW_OK;
    int64_t given = k->opts->starts, kept = 0;
    for (int64_t i = 0; i < given; i++) { // of any length; zero vectors are left out
        double max = 0;
        TW_TRY(tw_panel_max(k->panel, 1, k->opts->start + i * k->n, "start: vector", &max));
        if (max == 0) continue;
        for (int64_t j = 0; j < k->n; j++) k->v[kept * k->n + j] = k->opts->start[i * k->n + j] / max;
        kept++;
    }
    TW_TRY(random_block(k, kept, least(k->n, most(k->block, kept > 0 ? kept + 1 : 0))));
done:
    return st;
}

// V takes Q, and a new Q is made from A Q.
static tw_status expand(krylov *k)
{
    tw_status st = TW_OK;
    int64_t m = k->m, q = k->q, all = m + q;
    double *w = k->v + all * k->n, max = 0;

    TW_TRY(tw_panel_apply(k->panel, k->op, q, k->v + m * k->n, w, &k->products, &max));
    if (k->unit == 0 && max > 0) k->unit = max < 0x1p-300 || max > 0x1p300 ? ldexp(1, ilogb(max)) : 1;
    if (k->unit > 0 && k->unit != 1) tw_panel_scale(q * k->n, w, 1 / k->unit);

    TW_TRY(tw_panel_dot(k->panel, all, k->v, q, w, k->c));
    for (int64_t i = 0; i < all; i++)
        for (int64_t j = 0; j < q; j++) {
            double c = i < m ? k->c[i * q + j] : (k->c[i * q + j] + k->c[(m + j) * q + i - m]) / 2;
            k->t[i * k->basis + m + j] = k->t[(m + j) * k->basis + i] = c;
        }
    TW_TRY(tw_panel_subtract(k->panel, all, k->v, q, w, k->c, q, w, k->gram));
    for (int64_t j = 0; j < q; j++) {
        double length = k->gram[j * q + j];
        for (int64_t i = 0; i < all; i++) length += k->c[i * q + j] * k->c[i * q + j];
        k->floor[j] = 32 * DBL_EPSILON * fmax(sqrt(length), k->scale);
    }
    k->m = all;
    k->last = q;
    TW_TRY(tw_panel_orthonormal(k->panel, all, k->v, q, w, k->floor, &k->q));
    if (k->q > k->n - all) k->q = k->n - all;
done:
    return st;
}

// The place of wanted pair i among the ascending Ritz values.
static int64_t place(const krylov *k, int64_t i) { return i < k->opts->top ? k->m - 1 - i : i - k->opts->top; }

static tw_status ritz(krylov *k)
{
    tw_status st = TW_OK;
    int64_t m = k->m;
    for (int64_t i = 0; i < m; i++) memcpy(k->c + i * m, k->t + i * k->basis, (size_t)m * sizeof *k->c);
    TW_TRY(tw_sym_eig(m, k->c, k->theta, k->y));
    k->scale = fmax(k->scale, fmax(fabs(k->theta[0]), fabs(k->theta[m - 1])));
    for (int64_t i = 0; i < k->count && m >= k->count; i++) {
        const double *y = k->y + place(k, i) * m + m - k->last;
        double sum = 0;
        for (int64_t a = 0; a < k->last; a++)
            for (int64_t b = 0; b < k->last; b++) sum += y[a] * k->gram[a * k->last + b] * y[b];
        k->estimate[i] = sqrt(fmax(sum, 0));
    }
done:
    return st;
}

static double limit(const krylov *k, int64_t i)
{
    return k->opts->tolerance * (k->opts->of_each ? fabs(k->theta[place(k, i)]) : k->scale);
}

// Wanted pairs that look converged, with a margin for what estimates do not see.
static int64_t looking_converged(const krylov *k)
{
    int64_t found = 0;
    if (k->m < k->count) return 0;
    for (int64_t i = 0; i < k->count; i++) found += k->m == k->n || k->estimate[i] <= 0.9 * limit(k, i);
    return found;
}

// V := the Ritz vectors nearest to the wanted ends, keep of them or a few less; Q moves up behind them.
static tw_status restart(krylov *k, int64_t keep)
{
    tw_status st = TW_OK;
    int64_t m = k->m, top = k->opts->top, bottom = k->opts->bottom, spare = most(0, keep - k->count);
    top += spare * top / k->count;
    bottom += spare * k->opts->bottom / k->count;
    int64_t kept = top + bottom;
    if (kept >= m) goto done;

    for (int64_t a = 0; a < kept; a++) {
        const double *y = k->y + (a < bottom ? a : m - kept + a) * m;
        for (int64_t i = 0; i < m; i++) k->c[i * kept + a] = y[i];
    }
    TW_TRY(tw_panel_combine(k->panel, m, k->v, kept, k->c, k->v));
    memmove(k->v + kept * k->n, k->v + m * k->n, (size_t)(k->q * k->n) * sizeof *k->v);
    for (int64_t a = 0; a < kept; a++) {
        for (int64_t b = 0; b < kept; b++) k->t[a * k->basis + b] = 0;
        k->t[a * k->basis + a] = k->theta[a < bottom ? a : m - kept + a];
    }
    k->m = kept;
    k->restarts++;
done:
    return st;
}

// One block more, after making room for it.
static tw_status step(krylov *k)
{
    tw_status st = TW_OK;
    const tw_progress *progress = &k->opts->progress;
    int64_t width = k->q > 0 ? k->q : least(k->block, k->n - k->m); // an exhausted block is replaced by a random one
    if (k->m + width > k->basis) {
        int64_t keep = k->count + (k->basis - k->count - 2 * width) / 2;
        TW_TRY(restart(k, least(keep, k->basis - width)));
    }
    if (k->q == 0) TW_TRY(random_block(k, 0, width));
    TW_TRY(expand(k));
    TW_TRY(ritz(k));
    if (progress->tick && !progress->tick(progress->ctx, "eigenpairs", (double)looking_converged(k), (double)k->count))
        st = tw_fail(TW_ESTOPPED, "eigenpairs: stopped after %" PRId64 " products", k->products);
done:
    return st;
}

static bool spent(const krylov *k) { return k->products + k->q + k->count > k->opts->max_products; }

// Steps until all wanted pairs look converged, the products are spent or the space is exhausted.
static tw_status iterate(krylov *k)
{
    tw_status st = TW_OK;
    while (k->m < k->n && looking_converged(k) < k->count && (k->m < k->count || !spent(k))) TW_TRY(step(k));
done:
    return st;
}

// Multiplies fresh random vectors, orthogonal to all that is known, and looks whether that moves a wanted value by more
// than its residual allows. *missed: it did.
static tw_status look_again(krylov *k, bool *missed)
{
    tw_status st = TW_OK;
    double *before = NULL;
    int64_t end = k->products + k->opts->check;

    *missed = false;
    TW_TRY(tw_alloc(k->count, sizeof *before, &before));
    for (int64_t i = 0; i < k->count; i++) before[i] = k->theta[place(k, i)];
    TW_TRY(restart(k, k->count + (k->basis - k->count - 2 * k->block) / 2));
    k->q = 0; // what is left of the residuals is below tolerance; the last word is that of fresh products
    while (k->products < end && k->m < k->n && !spent(k)) TW_TRY(step(k));
    for (int64_t i = 0; i < k->count && k->m >= k->count; i++)
        *missed = *missed || fabs(k->theta[place(k, i)] - before[i]) > limit(k, i) + 64 * DBL_EPSILON * k->scale;
done:
    free(before);
    return st;
}

// The wanted Ritz vectors with their values and residuals from fresh products; residual vectors stay at v.
static tw_status certify(krylov *k, tw_eigs *e)
{
    tw_status st = TW_OK;
    double unit = k->unit > 0 ? k->unit : 1;
    for (int64_t a = 0; a < k->count; a++)
        for (int64_t i = 0; i < k->m; i++) k->c[i * k->count + a] = k->y[place(k, a) * k->m + i];
    TW_TRY(tw_panel_combine(k->panel, k->m, k->v, k->count, k->c, e->vector));
    e->products = k->products;
    TW_TRY(tw_eigs_certify(e, k->panel, k->op, unit, k->v));
    k->products = e->products;
    e->restarts = k->restarts;
    e->scale = k->scale * unit;
    for (int64_t i = 0; i < k->count; i++) e->scale = fmax(e->scale, fabs(e->value[i]));
    double rounding = fmax(k->op->rounding, DBL_EPSILON * sqrt((double)k->n));
    TW_TRY(tw_eigs_judge(e, k->opts->tolerance, k->opts->of_each, 4 * rounding * e->scale));
done:
    return st;
}

// Begins again from the certified vectors, with their true residuals as the next block.
static tw_status resume(krylov *k, const tw_eigs *e)
{
    tw_status st = TW_OK;
    int64_t c = k->count, n = k->n;
    double unit = k->unit > 0 ? k->unit : 1;
    memmove(k->v + c * n, k->v, (size_t)(c * n) * sizeof *k->v);
    memcpy(k->v, e->vector, (size_t)(c * n) * sizeof *k->v);
    for (int64_t i = 0; i < c; i++) {
        for (int64_t j = 0; j < c; j++) k->t[i * k->basis + j] = 0;
        k->t[i * k->basis + i] = e->value[i] / unit;
        k->floor[i] = 8 * DBL_EPSILON * k->scale;
    }
    k->m = c;
    TW_TRY(tw_panel_orthonormal(k->panel, c, k->v, c, k->v + c * n, k->floor, &k->q));
    if (k->q > n - c) k->q = n - c;
    TW_TRY(step(k));
done:
    return st;
}

tw_status tw_lanczos(const tw_linop *op, const tw_lanczos_opts *opts, tw_eigs **out)
{
    tw_status st = TW_OK;
    krylov k = {0};
    tw_eigs *e = NULL;

    TW_TRY(check_opts(op, opts));
    if (opts->starts > 0 && opts->check == 0) return tw_eigs_follow(op, opts, out);
    TW_TRY(krylov_init(&k, op, opts));
    TW_TRY(tw_eigs_new(k.n, opts->top, opts->bottom, &e));
    TW_TRY(start(&k));
    for (int round = 0; round < 4; round++) {
        bool missed = true;
        for (int again = 0; missed && again < 16; again++) {
            TW_TRY(iterate(&k));
            if (looking_converged(&k) < k.count || k.m == k.n || opts->check == 0) break;
            TW_TRY(look_again(&k, &missed));
            e->found_late += missed;
        }
        TW_TRY(certify(&k, e));
        if (e->converged_count == e->count || k.m == k.n || spent(&k)) break;
        if (round < 3) TW_TRY(resume(&k, e));
    }
    *out = e;
    e = NULL;
done:
    tw_eigs_free(e);
    krylov_free(&k);
    return st;
}
