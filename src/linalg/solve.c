// SPDX-License-Identifier: MIT
// Linear systems (A + shift I) x = b by MINRES (Paige & Saunders, SIAM J. Numer. Anal. 12 (1975) 617): the least
// residual in the Krylov space, whatever the signs of the eigenvalues.
//
//   Lanczos     beta' v' = B v - alpha v - beta v-,                            B = A + shift I
//   rotation    delta2 = c delta + s alpha,  gamma = s delta - c alpha,  eps' = s beta',  delta' = -c beta'
//               rho = |(gamma, beta')|,  c' = gamma / rho,  s' = beta' / rho,  tau = c' phi,  phi' = s' phi
//   solution    d = (v - delta2 d- - eps d--) / rho,  x += tau d
//
// phi is the residual as the recurrence knows it, which rounding makes untrue in the end: for a singular B it goes on
// to fall while x grows without bound. So |b - B x| is looked at with a fresh product when phi is small enough, and
// besides after 32, 64, 128, ... products; the best x is kept. Where phi was true but not small enough things go on;
// where it was not, what is left is solved for anew if the last attempt has at least halved it. Several right-hand
// sides go side by side, their products in blocks.
#include "base/alloc.h"
#include "base/options.h"
#include "linalg/panel.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { HERE, BEFORE, D, DD, X, BEST, KEPT, FIRST_LOOK = 32 }; // vectors of a right-hand side

typedef struct linear {
    double *vector[KEPT];               // [rows] each
    double norm, wanted;                // |b|, and the residual asked for
    double beta, phi, c, s, delta, eps; // of the recurrence
    double size;                        // of B, about, from below
    double best, began;                 // residual of the best x; and with which this attempt began
    int64_t products, look;             // look at the residual after so many
    bool open, over, null, converged;   // over: look now; null: what is left lies in the null space
} linear;

typedef struct solver {
    const tw_linop *op;
    const tw_solve_opts *opts;
    tw_panel *panel;
    linear *system;
    int64_t count, done; // at once; right-hand sides finished before
    int64_t total, applied;
    double *memory, *in, *out; // in, out [count][rows]
    double max;
} solver;

static tw_status norm_of(solver *s, const double *x, double *norm)
{
    tw_status st = tw_panel_dot(s->panel, 1, x, 1, x, norm);
    *norm = sqrt(*norm);
    return st;
}

// Begins with the residual r, of length beta.
static void begin(const solver *s, linear *y, const double *r, double beta)
{
    int64_t rows = s->panel->rows;
    size_t size = (size_t)rows * sizeof(double);
    for (int64_t i = 0; i < rows; i++) y->vector[HERE][i] = r[i] / beta;
    memset(y->vector[BEFORE], 0, size);
    memset(y->vector[D], 0, size);
    memset(y->vector[DD], 0, size);
    y->beta = 0;
    y->phi = y->began = beta;
    y->c = -1;
    y->s = y->delta = y->eps = 0;
    y->null = false;
}

static tw_status multiply(solver *s, int64_t k)
{
    const tw_progress *progress = &s->opts->progress;
    tw_status st = tw_panel_apply(s->panel, s->op, k, s->in, s->out, &s->applied, &s->max);
    if (st != TW_OK) return st;
    if (progress->tick && !progress->tick(progress->ctx, "systems", (double)s->done, (double)s->total))
        return tw_fail(TW_ESTOPPED, "systems: stopped after %" PRId64 " products", s->applied);
    return TW_OK;
}

// One step with `product` = A v in place of what follows.
static tw_status advance(solver *s, linear *y, double *product)
{
    tw_status st = TW_OK;
    int64_t rows = s->panel->rows;
    double *v = y->vector[HERE], *before = y->vector[BEFORE], *d = y->vector[D], *dd = y->vector[DD], alpha, beta;
    for (int64_t i = 0; i < rows; i++) product[i] += s->opts->shift * v[i] - y->beta * before[i];
    TW_TRY(tw_panel_dot(s->panel, 1, v, 1, product, &alpha));
    for (int64_t i = 0; i < rows; i++) product[i] -= alpha * v[i];
    TW_TRY(norm_of(s, product, &beta));
    double delta2 = y->c * y->delta + y->s * alpha, gamma = y->s * y->delta - y->c * alpha, eps = y->eps;
    y->eps = y->s * beta;
    y->delta = -y->c * beta;
    double rho = hypot(gamma, beta);
    y->products++;
    y->size = fmax(y->size, hypot(alpha, beta));
    // |B r| = phi |(gamma, c beta)|: where it is nothing, r lies in the null space, and a step would only add to x.
    if (hypot(gamma, y->delta) <= 4 * s->op->rounding * y->size) {
        y->over = y->null = true;
        goto done;
    }
    y->c = gamma / rho;
    y->s = beta / rho;
    double tau = y->c * y->phi;
    y->phi *= y->s;
    for (int64_t i = 0; i < rows; i++) {
        dd[i] = (v[i] - delta2 * d[i] - eps * dd[i]) / rho;
        y->vector[X][i] += tau * dd[i];
        before[i] = beta > 0 ? product[i] / beta : 0;
    }
    y->vector[D] = dd;
    y->vector[DD] = d;
    y->vector[HERE] = before;
    y->vector[BEFORE] = v;
    y->beta = beta;
    y->null = !(beta > 0);
    y->over = y->null || y->phi <= y->wanted / 2 || y->products >= y->look;
done:
    return st;
}

// b - B x from `product` = A x, in whose place it is put, decides how to go on.
static tw_status audit(solver *s, linear *y, const double *b, double *product)
{
    tw_status st = TW_OK;
    double found, *x = y->vector[X];
    for (int64_t i = 0; i < s->panel->rows; i++) product[i] = b[i] - product[i] - s->opts->shift * x[i];
    TW_TRY(norm_of(s, product, &found));
    y->products++;
    y->look = 2 * y->products;
    y->over = false;
    if (found < y->best) {
        memcpy(y->vector[BEST], x, (size_t)s->panel->rows * sizeof *x);
        y->best = found;
    }
    y->converged = found <= y->wanted;
    y->open = !y->converged && y->products + 2 <= s->opts->max_products;
    if (!y->open || (!y->null && found <= 2 * y->phi && y->phi > y->wanted / 2)) goto done;
    y->open = found <= y->began / 2;
    if (y->open) begin(s, y, product, found);
done:
    return st;
}

// The open systems' vectors `which`, side by side, times A; those that want an audit, or those that do not.
static tw_status products(solver *s, bool over, int which, int64_t *k)
{
    *k = 0;
    for (int64_t j = 0; j < s->count; j++)
        if (s->system[j].open && s->system[j].over == over)
            memcpy(s->in + s->panel->rows * (*k)++, s->system[j].vector[which],
                   (size_t)s->panel->rows * sizeof(double));
    return *k > 0 ? multiply(s, *k) : TW_OK;
}

static tw_status solve_together(solver *s, const double *const *b)
{
    tw_status st = TW_OK;
    int64_t rows = s->panel->rows, k;
    for (bool open = true; open;) {
        TW_TRY(products(s, false, HERE, &k));
        for (int64_t j = 0, at = 0; j < s->count; j++) {
            linear *y = &s->system[j];
            if (!y->open || y->over) continue;
            TW_TRY(advance(s, y, s->out + rows * at++));
            if (y->products + 1 >= s->opts->max_products) y->over = true; // one is kept for the audit
        }
        TW_TRY(products(s, true, X, &k));
        for (int64_t j = 0, at = 0; j < s->count; j++)
            if (s->system[j].open && s->system[j].over) TW_TRY(audit(s, &s->system[j], b[j], s->out + rows * at++));
        open = false;
        for (int64_t j = 0; j < s->count; j++) open = open || s->system[j].open;
    }
done:
    return st;
}

static tw_status check(const tw_linop *op, const tw_solve_opts *o, int64_t count)
{
    tw_status st = tw_linop_valid(op);
    if (st != TW_OK) return st;
    if (count < 1) return tw_fail(TW_EINVAL, "systems: found %" PRId64 ", expected at least 1", count);
    if (!isfinite(o->shift)) return tw_fail(TW_EINVAL, "systems: found shift = %g, expected a number", o->shift);
    if (!(o->tolerance > 0 && o->tolerance < 1))
        return tw_fail(TW_EINVAL, "systems: found tolerance = %g, expected between 0 and 1", o->tolerance);
    if (o->max_products < 2)
        return tw_fail(TW_EINVAL, "systems: found max_products = %" PRId64 ", expected at least 2", o->max_products);
    return TW_OK;
}

static tw_status solution_new(int64_t n, int64_t count, tw_solution **out)
{
    tw_status st = TW_OK;
    tw_solution *x = NULL;
    TW_TRY(tw_alloc(1, sizeof *x, &x));
    x->n = n;
    x->count = count;
    TW_TRY(tw_alloc(count, (size_t)n * sizeof *x->x, &x->x));
    TW_TRY(tw_alloc(count, sizeof *x->residual, &x->residual));
    TW_TRY(tw_alloc(count, sizeof *x->norm, &x->norm));
    TW_TRY(tw_alloc(count, sizeof *x->products, &x->products));
    TW_TRY(tw_alloc(count, sizeof *x->converged, &x->converged));
    *out = x;
    x = NULL;
done:
    tw_solution_free(x);
    return st;
}

static tw_status open_systems(solver *s, const double *const *b)
{
    tw_status st = TW_OK;
    int64_t rows = s->panel->rows;
    memset(s->memory, 0, (size_t)(s->count * KEPT * rows) * sizeof(double));
    for (int64_t j = 0; j < s->count; j++) {
        linear *y = &s->system[j];
        *y = (linear){.products = 0};
        for (int v = 0; v < KEPT; v++) y->vector[v] = s->memory + (j * KEPT + v) * rows;
        TW_TRY(norm_of(s, b[j], &y->norm));
        y->wanted = s->opts->tolerance * y->norm;
        y->best = y->norm; // of x = 0
        y->look = FIRST_LOOK;
        y->open = y->norm > 0;
        y->converged = !y->open;
        if (y->open) begin(s, y, b[j], y->norm);
    }
done:
    return st;
}

tw_status tw_solve(const tw_linop *op, const tw_solve_opts *opts, int64_t count, const double *b, tw_solution **out)
{
    TW_OPTIONS(tw_solve, opts);
    tw_status st = TW_OK;
    solver s = {.op = op, .opts = opts, .total = count};
    tw_solution *x = NULL;
    const double **own = NULL;
    double *columns = NULL, most;

    TW_TRY(check(op, opts, count));
    int64_t together = op->block < count ? op->block : count;
    TW_TRY(tw_panel_new_dealt(op->n, together, &s.panel));
    TW_TRY(solution_new(op->n, count, &x));
    int64_t rows = s.panel->rows;
    TW_TRY(tw_alloc(together, sizeof *s.system, &s.system));
    TW_TRY(tw_alloc(together * KEPT, (size_t)rows * sizeof(double), &s.memory));
    TW_TRY(tw_alloc(2 * together, (size_t)rows * sizeof(double), &s.in));
    TW_TRY(tw_alloc(together, (size_t)rows * sizeof(double), &columns));
    TW_TRY(tw_alloc(together, sizeof *own, &own));
    s.out = s.in + together * rows;
    for (s.done = 0; s.done < count; s.done += s.count) {
        s.count = count - s.done < together ? count - s.done : together;
        for (int64_t j = 0; j < s.count; j++) {
            TW_TRY(tw_panel_max(s.panel, 1, b + (s.done + j) * op->n, "right-hand side", &most));
            tw_panel_own(s.panel, b + (s.done + j) * op->n, columns + j * rows);
            own[j] = columns + j * rows;
        }
        TW_TRY(open_systems(&s, own));
        TW_TRY(solve_together(&s, own));
        for (int64_t j = 0; j < s.count; j++) {
            const linear *y = &s.system[j];
            TW_TRY(tw_panel_whole(s.panel, y->vector[BEST], x->x + (s.done + j) * op->n));
            x->residual[s.done + j] = y->best;
            x->norm[s.done + j] = y->norm;
            x->products[s.done + j] = y->products;
            x->converged[s.done + j] = y->converged;
            x->converged_count += y->converged;
        }
    }
    *out = x;
    x = NULL;
done:
    free(own);
    free(columns);
    free(s.in);
    free(s.memory);
    free(s.system);
    tw_panel_free(s.panel);
    tw_solution_free(x);
    return st;
}

void tw_solution_free(tw_solution *x)
{
    if (!x) return;
    free(x->x);
    free(x->residual);
    free(x->norm);
    free(x->products);
    free(x->converged);
    free(x);
}
