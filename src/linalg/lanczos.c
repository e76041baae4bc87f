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
// The vectors are dealt to ranks (linalg/panel.h), so each holds its rows of V, Q and W; T and what follows from it is
// everybody's. With opts->basis_dir they lie in a file (linalg/basis.h), together with the state after each step, and a
// search that was killed goes on from there to the same bits.
//
// T is measured in whole, never assumed tridiagonal, so a start from given vectors, a random block thrown in and a
// block that lost rank need no special case. Everything is in units of a power of two near |A|, when |A| is far from 1.
// Source: Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602. Derivation and guarantees: docs/block-lanczos.md.
#include "linalg/eigs.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/rng.h"
#include "data/checksum.h"
#include "linalg/basis.h"
#include "linalg/dense.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct krylov {
    const tw_linop *op;
    const tw_lanczos_opts *opts;
    tw_panel *panel;
    tw_basis *disk;                       // NULL: the vectors are in memory
    int64_t n, count, block, basis, room; // room: vectors at v
    int64_t stride;                       // from one to the next
    double *memory;                       // [room][stride], NULL when they are on disk
    double *v, *spare;                    // V, then Q, then W; where a restart puts them: v itself, or the other half
    int64_t m, q, last;                   // V has m vectors, Q q; the last block of V has last
    int64_t clean;                        // vectors on disk that have not changed since the last commit
    int half;                             // v is this half of the file
    double *t;                            // [basis][basis]
    double *theta, *y;                    // Ritz values, ascending, and vectors of T
    double *gram;                         // W W' before W was made orthonormal
    double *c, *floor;                    // coefficients; lengths that are rounding
    double *estimate;                     // residual of each wanted pair, in units
    double unit;                          // 0 until the first product that is not zero
    double scale;                         // largest |theta| so far, in units
    uint64_t drawn;                       // random vectors so far
    int64_t products, restarts;
    // Where tw_lanczos is: rounds of certification done, looks for missed pairs in this one, whether in one, until
    // when, the values before it, and how many looks found something.
    int64_t round, again, end, found_late;
    bool looking, ritz_holds; // theta and y belong to T
    double *before;
    int64_t *saved; // scratch for the state on disk
} krylov;

static double *vector(const krylov *k, int64_t i) { return k->v + i * k->stride; }

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

// --- the state on disk: a list of numbers, the same to be read as was written ---

typedef struct field {
    void *at;
    size_t bytes;
} field;

enum { FIELDS = 21 };

static void fields_of(krylov *k, field *f)
{
    const size_t real = sizeof(double), basis = (size_t)k->basis, block = (size_t)(k->room - k->basis);
    const field list[FIELDS] = {
        {&k->m, sizeof k->m},
        {&k->q, sizeof k->q},
        {&k->last, sizeof k->last},
        {&k->unit, real},
        {&k->scale, real},
        {&k->drawn, sizeof k->drawn},
        {&k->products, sizeof k->products},
        {&k->restarts, sizeof k->restarts},
        {&k->round, sizeof k->round},
        {&k->again, sizeof k->again},
        {&k->end, sizeof k->end},
        {&k->found_late, sizeof k->found_late},
        {&k->looking, sizeof k->looking},
        {&k->ritz_holds, sizeof k->ritz_holds},
        {k->before, (size_t)k->count * real},
        {k->estimate, (size_t)k->count * real},
        {k->floor, block * real},
        {k->gram, block * block * real},
        {k->theta, basis * real},
        {k->t, basis * basis * real},
        {k->y, basis * basis * real},
    };
    memcpy(f, list, sizeof list);
}

static int64_t saved_bytes(krylov *k)
{
    field f[FIELDS];
    size_t bytes = 0;
    fields_of(k, f);
    for (int i = 0; i < FIELDS; i++) bytes += f[i].bytes;
    return (int64_t)bytes;
}

// Everything up to here holds, should the program be killed.
static tw_status commit(krylov *k)
{
    if (!k->disk) return TW_OK;
    field f[FIELDS];
    char *at = (char *)k->saved;
    fields_of(k, f);
    for (int i = 0; i < FIELDS; i++) {
        memcpy(at, f[i].at, f[i].bytes);
        at += f[i].bytes;
    }
    tw_status st =
        tw_basis_commit(k->disk, k->half, least(k->clean, k->m + k->q), k->m + k->q, k->saved, at - (char *)k->saved);
    k->clean = k->m + k->q;
    return st;
}

static void recall(krylov *k)
{
    field f[FIELDS];
    tw_basis_state(k->disk, &k->half, k->saved);
    const char *at = (const char *)k->saved;
    fields_of(k, f);
    for (int i = 0; i < FIELDS; i++) {
        memcpy(f[i].at, at, f[i].bytes);
        at += f[i].bytes;
    }
    k->v = tw_basis_half(k->disk, k->half);
    k->spare = tw_basis_half(k->disk, !k->half);
    k->clean = k->m + k->q;
}

// What is written next goes to the other half, if there is one: the last commit keeps its own.
static void change_half(krylov *k)
{
    double *v = k->v;
    if (!k->disk) return;
    k->v = k->spare;
    k->spare = v;
    k->half = !k->half;
    k->clean = 0;
}

static tw_status open_disk(krylov *k, bool *held)
{
    tw_status st = TW_OK;
    const tw_lanczos_opts *o = k->opts;
    int64_t found = 0;
    uint64_t start = 0;
    char *text = NULL;
    const char *problem = o->problem ? o->problem : "";
    const size_t room = strlen(problem) + 400;

    if (o->starts > 0) TW_TRY(tw_checksum(o->start, (size_t)(o->starts * k->n) * sizeof *o->start, &start));
    TW_TRY(tw_alloc((int64_t)room, 1, &text));
    snprintf(text, room,
             "%s; n %" PRId64 ", top %" PRId64 ", bottom %" PRId64 ", tolerance %.17g%s, block %" PRId64
             ", basis %" PRId64 ", check %" PRId64 ", seed %" PRIu64 ", start %016" PRIx64,
             problem, k->n, o->top, o->bottom, o->tolerance, o->of_each ? " of each" : "", k->block, k->basis, o->check,
             o->seed, start);
    TW_TRY(tw_alloc(saved_bytes(k), 1, &k->saved));
    TW_TRY(tw_basis_open(o->basis_dir, text, k->panel, saved_bytes(k), &found, &k->disk));
    k->stride = k->panel->stride;
    k->v = tw_basis_half(k->disk, 0);
    k->spare = tw_basis_half(k->disk, 1);
    *held = found > 0;
    if (found > 0) recall(k);
done:
    free(text);
    return st;
}

// Sizes alone; returns the widest block.
static int64_t plan(krylov *k, const tw_linop *op, const tw_lanczos_opts *o)
{
    k->op = op;
    k->opts = o;
    k->n = op->n;
    k->count = o->top + o->bottom;
    k->block = least(k->n, o->block > 0 ? o->block : op->block);
    int64_t widest = least(k->n, most(most(k->block, k->count), o->starts + 1));
    int64_t chosen = most(3 * k->count, k->count + 5 * k->block);
    k->basis = least(k->n, most(o->basis > 0 ? o->basis : chosen, k->count + 2 * widest));
    k->room = k->basis + widest;
    return widest;
}

int64_t tw_lanczos_bytes(const tw_linop *op, const tw_lanczos_opts *opts)
{
    krylov k = {0};
    plan(&k, op, opts);
    return k.room * k.n * (int64_t)sizeof *k.v;
}

static tw_status krylov_init(krylov *k, const tw_linop *op, const tw_lanczos_opts *o, bool *held)
{
    tw_status st = TW_OK;
    int64_t widest = plan(k, op, o);
    TW_TRY(tw_panel_new_dealt(k->n, k->room, &k->panel));
    k->stride = k->panel->stride;
    if (!o->basis_dir) {
        TW_TRY(tw_alloc(k->room, (size_t)k->stride * sizeof(double), &k->memory));
        k->v = k->spare = k->memory;
    }
    TW_TRY(tw_alloc(k->basis * k->basis, sizeof(double), &k->t));
    TW_TRY(tw_alloc(k->basis, sizeof(double), &k->theta));
    TW_TRY(tw_alloc(k->basis * k->basis, sizeof(double), &k->y));
    TW_TRY(tw_alloc(widest * widest, sizeof(double), &k->gram));
    TW_TRY(tw_alloc(k->basis * most(k->basis, widest), sizeof(double), &k->c));
    TW_TRY(tw_alloc(widest, sizeof(double), &k->floor));
    TW_TRY(tw_alloc(k->count, sizeof(double), &k->estimate));
    TW_TRY(tw_alloc(k->count, sizeof(double), &k->before));
    *held = false;
    if (o->basis_dir) TW_TRY(open_disk(k, held));
done:
    return st;
}

static void krylov_free(krylov *k)
{
    tw_basis_close(k->disk, false);
    tw_panel_free(k->panel);
    free(k->memory);
    free(k->before);
    free(k->saved);
    free(k->t);
    free(k->theta);
    free(k->y);
    free(k->gram);
    free(k->c);
    free(k->floor);
    free(k->estimate);
}

typedef struct draw {
    const krylov *k;
    double *x; // [columns][stride], whole vectors
    int64_t stride;
} draw;

static tw_status draw_column(void *ctx, int64_t column, int thread)
{
    (void)thread;
    const draw *d = ctx;
    tw_rng rng = tw_rng_at(d->k->opts->seed, TW_RNG_START, d->k->drawn + (uint64_t)column);
    tw_rng_normals(&rng, d->k->n, d->x + column * d->stride);
    return TW_OK;
}

// count random vectors from vector `first` on. Those that are dealt are drawn whole, one by one.
static tw_status draw_vectors(krylov *k, int64_t first, int64_t count)
{
    tw_status st = TW_OK;
    double *whole = NULL;
    draw d = {k, vector(k, first), k->stride};
    if (!k->panel->dealt) {
        TW_TRY(tw_panel_columns(k->n, count, draw_column, &d));
    } else {
        TW_TRY(tw_alloc(k->n, sizeof *whole, &whole));
        d = (draw){k, whole, 0};
    }
    for (int64_t i = 0; whole && i < count; i++) {
        TW_TRY(draw_column(&d, i, 0));
        tw_panel_own(k->panel, whole, vector(k, first + i));
    }
    k->drawn += (uint64_t)count;
done:
    free(whole);
    return st;
}

// Q := the given vectors at the place of Q, then fresh random ones up to width; orthonormal.
static tw_status random_block(krylov *k, int64_t given, int64_t width)
{
    tw_status st = TW_OK;
    width = least(width, k->n - k->m);
    k->clean = least(k->clean, k->m);
    TW_TRY(draw_vectors(k, k->m + given, width - given));
    for (int64_t i = 0; i < width; i++) k->floor[i] = 0;
    TW_TRY(tw_panel_orthonormal(k->panel, k->m, k->v, width, vector(k, k->m), k->floor, &k->q));
done:
    return st;
}

static tw_status start(krylov *k)
{
    tw_status st = TW_OK;
    int64_t given = k->opts->starts, kept = 0;
    for (int64_t i = 0; i < given; i++) { // of any length; zero vectors are left out
        double max = 0;
        const double *x = k->opts->start + i * k->n;
        TW_TRY(tw_panel_max(k->panel, 1, x, "start: vector", &max));
        if (max == 0) continue;
        double *to = vector(k, kept++);
        tw_panel_own(k->panel, x, to);
        for (int64_t j = 0; j < k->panel->rows; j++) to[j] /= max;
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
    double *w = vector(k, all), max = 0;

    TW_TRY(tw_panel_apply(k->panel, k->op, q, vector(k, m), w, &k->products, &max));
    if (k->unit == 0 && max > 0) k->unit = max < 0x1p-300 || max > 0x1p300 ? ldexp(1, ilogb(max)) : 1;
    for (int64_t j = 0; k->unit > 0 && k->unit != 1 && j < q; j++)
        tw_panel_scale(k->panel->rows, w + j * k->stride, 1 / k->unit);

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
    k->ritz_holds = true;
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
    TW_TRY(tw_panel_combine(k->panel, m, k->v, kept, k->c, k->spare));
    for (int64_t j = 0; j < k->q && k->panel->rows > 0; j++)
        memmove(k->spare + (kept + j) * k->stride, vector(k, m + j), (size_t)k->panel->rows * sizeof *k->v);
    change_half(k);
    for (int64_t a = 0; a < kept; a++) {
        for (int64_t b = 0; b < kept; b++) k->t[a * k->basis + b] = 0;
        k->t[a * k->basis + a] = k->theta[a < bottom ? a : m - kept + a];
    }
    k->m = kept;
    k->ritz_holds = false;
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
    TW_TRY(commit(k));
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

// Fresh random vectors, orthogonal to all that is known, will be multiplied: whether that moves a wanted value by more
// than its residual allows.
static tw_status begin_look(krylov *k)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < k->count; i++) k->before[i] = k->theta[place(k, i)];
    k->end = k->products + k->opts->check;
    TW_TRY(restart(k, k->count + (k->basis - k->count - 2 * k->block) / 2));
    k->q = 0; // what is left of the residuals is below tolerance; the last word is that of fresh products
    k->looking = true;
    TW_TRY(commit(k));
done:
    return st;
}

static tw_status end_look(krylov *k, bool *missed)
{
    tw_status st = TW_OK;
    *missed = false;
    while (k->products < k->end && k->m < k->n && !spent(k)) TW_TRY(step(k));
    for (int64_t i = 0; i < k->count && k->m >= k->count && k->ritz_holds; i++)
        *missed = *missed || fabs(k->theta[place(k, i)] - k->before[i]) > limit(k, i) + 64 * DBL_EPSILON * k->scale;
    k->looking = false;
    k->found_late += *missed;
done:
    return st;
}

// Until nothing more is missed, or no more can be done.
static tw_status search(krylov *k)
{
    tw_status st = TW_OK;
    bool missed = true;
    for (; missed && k->again < 16; k->again++) {
        if (!k->looking) {
            TW_TRY(iterate(k));
            if (looking_converged(k) < k->count || k->m == k->n || k->opts->check == 0 || spent(k)) break;
            TW_TRY(begin_look(k));
        }
        TW_TRY(end_look(k, &missed));
    }
    k->again = 0;
done:
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
    change_half(k);
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
static tw_status go_on(krylov *k, const tw_eigs *e)
{
    tw_status st = TW_OK;
    int64_t c = k->count;
    double unit = k->unit > 0 ? k->unit : 1;
    const size_t bytes = (size_t)k->panel->rows * sizeof *k->v;
    for (int64_t i = 0; i < c; i++) {
        if (bytes > 0) memcpy(vector(k, c + i), vector(k, i), bytes);
        if (bytes > 0) memcpy(vector(k, i), e->vector + i * k->stride, bytes);
        for (int64_t j = 0; j < c; j++) k->t[i * k->basis + j] = 0;
        k->t[i * k->basis + i] = e->value[i] / unit;
        k->floor[i] = 8 * DBL_EPSILON * k->scale;
    }
    k->m = c;
    TW_TRY(tw_panel_orthonormal(k->panel, c, k->v, c, vector(k, c), k->floor, &k->q));
    if (k->q > k->n - c) k->q = k->n - c;
    TW_TRY(step(k));
done:
    return st;
}

tw_status tw_lanczos(const tw_linop *op, const tw_lanczos_opts *opts, tw_eigs **out)
{
    TW_OPTIONS(tw_lanczos, opts);
    tw_status st = TW_OK;
    krylov k = {0};
    tw_eigs *e = NULL;
    bool held;

    TW_TRY(check_opts(op, opts));
    if (opts->starts > 0 && opts->check == 0 && !opts->basis_dir) return tw_eigs_follow(op, opts, out);
    TW_TRY(krylov_init(&k, op, opts, &held));
    TW_TRY(tw_eigs_new(k.panel, opts->top, opts->bottom, &e));
    if (!held) TW_TRY(start(&k));
    for (;;) {
        TW_TRY(search(&k));
        TW_TRY(certify(&k, e));
        if (e->converged_count == e->count || k.m == k.n || spent(&k) || k.round == 3) break;
        k.round++;
        TW_TRY(go_on(&k, e));
    }
    e->found_late = k.found_late;
    bool whole = e->converged_count == e->count || k.m == k.n;
    tw_basis_close(k.disk, whole);
    k.disk = NULL;
    free(k.memory);
    k.memory = NULL;
    TW_TRY(tw_eigs_whole(e, k.panel));
    *out = e;
    e = NULL;
done:
    tw_eigs_free(e);
    krylov_free(&k);
    return st;
}
