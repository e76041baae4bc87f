// SPDX-License-Identifier: MIT
// Eigenpairs near those that are known: Rayleigh-Ritz on a space that grows by one residual at a time.
//
//   space     V [m][n] orthonormal, U = A V as it was multiplied, T = V U'
//   ritz      T y = theta y: the pair (theta, x = V' y) of A has the residual r = U' y - theta x, with no product more
//   grow      V takes the residual of the first wanted pair that is not converged; no product goes to a pair that is
//   restart   V := the best Ritz vectors, U likewise: as good as thick-restart Lanczos
//   audit     a fresh product of one combination of all wanted vectors must agree with what U says of it
//
// Block Lanczos from k known vectors multiplies all of them in every round, and k more for fresh residuals. Here k
// known vectors that have moved little cost k products, the audit's one, and those that the moved ones need. A random
// vector beside the known ones gives what they all miss a chance to be seen, here and, at the next look, again. Source:
// Davidson's method without a preconditioner (Saad 2011, Numerical Methods for Large Eigenvalue Problems, section 8.4);
// Stathopoulos, Saad & Wu, SIAM J. Sci. Comput. 19 (1998) 227 on its restarts. docs/block-lanczos.md.
// The vectors are dealt to ranks as those of Lanczos are (linalg/panel.h).
#include "linalg/eigs.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "linalg/dense.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct space {
    const tw_linop *op;
    const tw_lanczos_opts *opts;
    tw_panel *panel;
    int64_t n, count, width, basis;
    int64_t rows;             // of each vector, on this rank
    int64_t m, q;             // V has m vectors, multiplied; q more stand behind them, orthonormal, to be multiplied
    double *v, *u;            // [basis + widest][rows]
    double *t;                // [basis][basis]
    double *theta, *y;        // Ritz values, ascending, and vectors of T
    double *x, *r;            // [count][rows] wanted Ritz vectors and their residuals, in units
    double *turn;             // [basis][basis] coefficients of a restart
    double *c, *floor, *norm; // coefficients; lengths that are rounding; |r|
    double unit, scale;       // 0 until the first product that is not zero; largest |theta| so far, in units
    uint64_t drawn;
    int64_t products, restarts;
} space;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static tw_status space_init(space *s, const tw_linop *op, const tw_lanczos_opts *o)
{
    tw_status st = TW_OK;
    s->op = op;
    s->opts = o;
    s->n = op->n;
    s->count = o->top + o->bottom;
    s->width = least(s->n, least(s->count, o->block > 0 ? o->block : op->block));
    int64_t widest = least(s->n, most(s->count, o->starts) + 1);
    int64_t chosen = most(3 * s->count, s->count + 12);
    s->basis = least(s->n, most(o->basis > 0 ? o->basis : chosen, most(widest, s->count) + 2 * s->width));
    int64_t room = s->basis + widest;

    TW_TRY(tw_panel_new_dealt(s->n, room, &s->panel));
    s->rows = s->panel->rows;
    TW_TRY(tw_alloc(room, (size_t)s->rows * sizeof(double), &s->v));
    TW_TRY(tw_alloc(room, (size_t)s->rows * sizeof(double), &s->u));
    TW_TRY(tw_alloc(s->count, (size_t)s->rows * sizeof(double), &s->x));
    TW_TRY(tw_alloc(s->count, (size_t)s->rows * sizeof(double), &s->r));
    TW_TRY(tw_alloc(s->basis * s->basis, sizeof(double), &s->t));
    TW_TRY(tw_alloc(s->basis * s->basis, sizeof(double), &s->turn));
    TW_TRY(tw_alloc(s->basis, sizeof(double), &s->theta));
    TW_TRY(tw_alloc(s->basis * s->basis, sizeof(double), &s->y));
    TW_TRY(tw_alloc(room * most(s->basis, widest), sizeof(double), &s->c));
    TW_TRY(tw_alloc(most(widest, s->count), sizeof(double), &s->floor));
    TW_TRY(tw_alloc(s->count, sizeof(double), &s->norm));
done:
    return st;
}

static void space_free(space *s)
{
    tw_panel_free(s->panel);
    free(s->v);
    free(s->u);
    free(s->x);
    free(s->r);
    free(s->t);
    free(s->turn);
    free(s->theta);
    free(s->y);
    free(s->c);
    free(s->floor);
    free(s->norm);
}

// A random vector goes behind the given ones; one that is dealt is drawn whole.
static tw_status add_random(space *s, int64_t given)
{
    tw_status st = TW_OK;
    double *whole = NULL, *to = s->v + (s->m + given) * s->rows;
    tw_rng rng = tw_rng_at(s->opts->seed, TW_RNG_START, s->drawn++);
    if (s->panel->dealt) TW_TRY(tw_alloc(s->n, sizeof *whole, &whole));
    tw_rng_normals(&rng, s->n, whole ? whole : to);
    if (whole) tw_panel_own(s->panel, whole, to);
    for (int64_t i = 0; i <= given; i++) s->floor[i] = 256 * DBL_EPSILON * sqrt((double)s->n); // entries are at most 1
    TW_TRY(tw_panel_orthonormal(s->panel, s->m, s->v, given + 1, s->v + s->m * s->rows, s->floor, &s->q));
done:
    free(whole);
    return st;
}

static tw_status start(space *s)
{
    tw_status st = TW_OK;
    int64_t kept = 0, n = s->n;
    for (int64_t i = 0; i < s->opts->starts && kept + 1 < n; i++) { // of any length; zero vectors are left out
        const double *from = s->opts->start + i * n;
        double max = 0;
        TW_TRY(tw_panel_max(s->panel, 1, from, "start: vector", &max));
        if (max == 0) continue;
        double *to = s->v + kept++ * s->rows;
        tw_panel_own(s->panel, from, to);
        for (int64_t j = 0; j < s->rows; j++) to[j] /= max;
    }
    TW_TRY(add_random(s, kept));
done:
    return st;
}

// V takes the q vectors behind it.
static tw_status grow(space *s)
{
    tw_status st = TW_OK;
    int64_t m = s->m, q = s->q, all = m + q;
    double *u = s->u + m * s->rows, max = 0;
    TW_TRY(tw_panel_apply(s->panel, s->op, q, s->v + m * s->rows, u, &s->products, &max));
    if (s->unit == 0 && max > 0) s->unit = max < 0x1p-300 || max > 0x1p300 ? ldexp(1, ilogb(max)) : 1;
    if (s->unit > 0 && s->unit != 1) tw_panel_scale(q * s->rows, u, 1 / s->unit);
    TW_TRY(tw_panel_dot(s->panel, all, s->v, q, u, s->c));
    for (int64_t i = 0; i < all; i++)
        for (int64_t j = 0; j < q; j++) {
            double c = i < m ? s->c[i * q + j] : (s->c[i * q + j] + s->c[(m + j) * q + i - m]) / 2;
            s->t[i * s->basis + m + j] = s->t[(m + j) * s->basis + i] = c;
        }
    s->m = all;
    s->q = 0;
done:
    return st;
}

// The place of wanted pair i among the ascending Ritz values.
static int64_t place(const space *s, int64_t i) { return i < s->opts->top ? s->m - 1 - i : i - s->opts->top; }

// Ritz pairs, and the residuals of the wanted ones, largest first or smallest first as wanted.
static tw_status ritz(space *s)
{
    tw_status st = TW_OK;
    int64_t m = s->m, k = s->count;
    for (int64_t i = 0; i < m; i++) memcpy(s->c + i * m, s->t + i * s->basis, (size_t)m * sizeof *s->c);
    TW_TRY(tw_sym_eig(m, s->c, s->theta, s->y));
    s->scale = fmax(s->scale, fmax(fabs(s->theta[0]), fabs(s->theta[m - 1])));
    if (m < k) goto done;
    for (int64_t i = 0; i < m; i++)
        for (int64_t a = 0; a < k; a++) s->c[i * k + a] = s->y[place(s, a) * m + i];
    TW_TRY(tw_panel_combine(s->panel, m, s->v, k, s->c, s->x));
    TW_TRY(tw_panel_combine(s->panel, m, s->u, k, s->c, s->r));
    for (int64_t i = 0; i < k; i++)
        for (int64_t a = 0; a < k; a++) s->c[i * k + a] = i == a ? s->theta[place(s, a)] : 0;
    TW_TRY(tw_panel_subtract(s->panel, k, s->x, k, s->r, s->c, k, s->r, s->c));
    for (int64_t a = 0; a < k; a++) s->norm[a] = sqrt(fmax(s->c[a * k + a], 0));
done:
    return st;
}

static bool close_enough(const space *s, int64_t i)
{
    double of = s->opts->of_each ? fabs(s->theta[place(s, i)]) : s->scale;
    return s->m == s->n || s->norm[i] <= 0.9 * s->opts->tolerance * of; // a margin for the audit
}

static int64_t near_count(const space *s)
{
    int64_t near = 0;
    for (int64_t i = 0; i < s->count && s->m >= s->count; i++) near += close_enough(s, i);
    return near;
}

// s->turn [m][kept]: Ritz vectors a of T, in columns, corrected to first order for what V lost of its orthonormality in
// restarts before, y - y (y' V V' y - 1) / 2, so that losses do not add up. U turns likewise and stays A V.
static tw_status turns(space *s, int64_t kept, int64_t bottom)
{
    tw_status st = TW_OK;
    int64_t m = s->m;
    double *gram = s->c, *gy = s->t; // T is made anew
    TW_TRY(tw_panel_dot(s->panel, m, s->v, m, s->v, gram));
    for (int64_t a = 0; a < kept; a++) {
        const double *y = s->y + (a < bottom ? a : m - kept + a) * m;
        for (int64_t i = 0; i < m; i++) {
            double sum = 0;
            for (int64_t j = 0; j < m; j++) sum += gram[i * m + j] * y[j];
            gy[a * m + i] = sum;
            s->turn[i * kept + a] = y[i];
        }
    }
    for (int64_t a = 0; a < kept; a++)
        for (int64_t b = 0; b < kept; b++) {
            const double *y = s->y + (b < bottom ? b : m - kept + b) * m;
            double off = a == b ? -1 : 0;
            for (int64_t i = 0; i < m; i++) off += y[i] * gy[a * m + i];
            for (int64_t i = 0; i < m; i++) s->turn[i * kept + a] -= y[i] * off / 2;
        }
done:
    return st;
}

// V := the Ritz vectors nearest to the wanted ends.
static tw_status restart(space *s)
{
    tw_status st = TW_OK;
    int64_t m = s->m, spare = (s->basis - s->count - s->width) / 2;
    int64_t top = s->opts->top + spare * s->opts->top / s->count;
    int64_t bottom = s->opts->bottom + spare * s->opts->bottom / s->count, kept = top + bottom;
    if (kept >= m) goto done;
    TW_TRY(turns(s, kept, bottom));
    TW_TRY(tw_panel_combine(s->panel, m, s->u, kept, s->turn, s->u));
    TW_TRY(tw_panel_combine(s->panel, m, s->v, kept, s->turn, s->v));
    for (int64_t a = 0; a < kept; a++) {
        for (int64_t b = 0; b < kept; b++) s->t[a * s->basis + b] = 0;
        s->t[a * s->basis + a] = s->theta[a < bottom ? a : m - kept + a];
    }
    s->m = kept;
    s->restarts++;
done:
    return st;
}

// The residuals of the first unconverged pairs, orthonormal, behind V; a random vector where they are rounding.
static tw_status choose(space *s)
{
    tw_status st = TW_OK;
    int64_t chosen = 0, rows = s->rows, picked[64];
    for (int64_t i = 0; i < s->count && chosen < least(s->width, 64); i++)
        if (s->m >= s->count && !close_enough(s, i)) picked[chosen++] = i;
    if (s->m + most(chosen, 1) > s->basis) TW_TRY(restart(s));
    chosen = least(chosen, s->n - s->m);
    for (int64_t j = 0; j < chosen; j++) {
        if (rows > 0) memcpy(s->v + (s->m + j) * rows, s->r + picked[j] * rows, (size_t)rows * sizeof *s->v);
        s->floor[j] = 32 * DBL_EPSILON * s->scale;
    }
    if (chosen > 0) TW_TRY(tw_panel_orthonormal(s->panel, s->m, s->v, chosen, s->v + s->m * rows, s->floor, &s->q));
    if (s->q == 0) TW_TRY(add_random(s, 0));
done:
    return st;
}

static bool spent(const space *s) { return s->products + s->width + 1 > s->opts->max_products; }

static tw_status tick(const space *s)
{
    const tw_progress *p = &s->opts->progress;
    if (p->tick && !p->tick(p->ctx, "eigenpairs", (double)near_count(s), (double)s->count))
        return tw_fail(TW_ESTOPPED, "eigenpairs: stopped after %" PRId64 " products", s->products);
    return TW_OK;
}

// z = sum of the wanted vectors with signs, over sqrt(k): A z by a fresh product against what U says. *off: their
// distance times sqrt(k), by which a residual could be wrong if all of the disagreement were that pair's.
static tw_status audit(space *s, double *off)
{
    tw_status st = TW_OK;
    int64_t rows = s->rows, k = s->count;
    double *z = s->v + s->m * rows, *az = s->u + s->m * rows, *c = s->c, max = 0; // room has at least one vector more
    tw_rng rng = tw_rng_at(s->opts->seed, TW_RNG_START, UINT64_MAX);
    tw_rng_signs(&rng, k, c);
    for (int64_t i = 0; i < k; i++) c[i] /= sqrt((double)k);
    TW_TRY(tw_panel_combine(s->panel, k, s->x, 1, c, z));
    TW_TRY(tw_panel_apply(s->panel, s->op, 1, z, az, &s->products, &max));
    if (s->unit > 0 && s->unit != 1) tw_panel_scale(rows, az, 1 / s->unit);
    TW_TRY(tw_panel_subtract(s->panel, k, s->r, 1, az, c, 0, NULL, NULL));
    for (int64_t i = 0; i < k; i++) c[i] *= s->theta[place(s, i)];
    TW_TRY(tw_panel_subtract(s->panel, k, s->x, 1, az, c, 1, az, c + k));
    *off = sqrt(fmax(c[k], 0) * (double)k);
done:
    return st;
}

// Values and residuals as the products of the space have them.
static tw_status take(space *s, tw_eigs *e, double unit)
{
    tw_status st = TW_OK;
    int64_t k = s->count;
    TW_TRY(tw_panel_dot(s->panel, k, s->x, k, s->x, s->c));
    for (int64_t i = 0; i < k * k; i++) e->orthogonality = fmax(e->orthogonality, fabs(s->c[i] - (i / k == i % k)));
    for (int64_t i = 0; i < k; i++) {
        e->value[i] = s->theta[place(s, i)] * unit;
        e->residual[i] = s->norm[i] * unit;
    }
done:
    return st;
}

static tw_status finish(space *s, tw_eigs *e)
{
    tw_status st = TW_OK;
    double unit = s->unit > 0 ? s->unit : 1, off = 0;
    double rounding = fmax(s->op->rounding, DBL_EPSILON * sqrt((double)s->n));
    if (s->rows > 0) memcpy(e->vector, s->x, (size_t)(s->count * s->rows) * sizeof *s->x);
    TW_TRY(audit(s, &off));
    e->products = s->products;
    e->restarts = s->restarts;
    if (off <= 16 * rounding * (double)s->count * s->scale)
        TW_TRY(take(s, e, unit));
    else // products that do not repeat, or worse rounding than the operator says: each pair by a product of its own
        TW_TRY(tw_eigs_certify(e, s->panel, s->op, unit, s->r));
    e->scale = s->scale * unit;
    for (int64_t i = 0; i < s->count; i++) e->scale = fmax(e->scale, fabs(e->value[i]));
    TW_TRY(tw_eigs_judge(e, s->opts->tolerance, s->opts->of_each, 4 * rounding * e->scale));
done:
    return st;
}

tw_status tw_eigs_follow(const tw_linop *op, const tw_lanczos_opts *opts, tw_eigs **out)
{
    tw_status st = TW_OK;
    space s = {0};
    tw_eigs *e = NULL;
    TW_TRY(space_init(&s, op, opts));
    TW_TRY(tw_eigs_new(s.panel, opts->top, opts->bottom, &e));
    TW_TRY(start(&s));
    TW_TRY(grow(&s));
    TW_TRY(ritz(&s));
    while (s.m < s.n && near_count(&s) < s.count && (s.m < s.count || !spent(&s))) {
        TW_TRY(choose(&s));
        TW_TRY(grow(&s));
        TW_TRY(ritz(&s));
        TW_TRY(tick(&s));
    }
    TW_TRY(finish(&s, e));
    TW_TRY(tw_eigs_whole(e, s.panel));
    *out = e;
    e = NULL;
done:
    tw_eigs_free(e);
    space_free(&s);
    return st;
}
