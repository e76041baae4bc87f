// SPDX-License-Identifier: MIT
// Out of a box around the centre of a quadratic well: n independent Ornstein-Uhlenbeck processes, the first to leave.
//
// With D_i = (eta / 2B) h_i each coordinate has the stationary variance v = eta / (2B) whatever its sharpness, and
// survives like S(h_i t), where S belongs to dx = -x dt + sqrt(2 v) dW on (-r, r):
//
//   S(t) = sum of c_k e^(-mu_k t),   T = integral of the product of S(h_i t)
//
// With u = e^(x^2 / 4v) psi the generator becomes -v psi'' + (x^2 / 4v - 1/2) psi = mu psi, a matrix in cosines. Its
// lowest eigenvalue is e^(-r^2 / 2v) small and would drown in rounding: it is found by inverse iteration with
//
//   (A^-1 f)(x) = integral from x to r of e^(y^2/2v) (integral from 0 to y of e^(-z^2/2v) f(z) / v dz) dy,
//
// where everything is positive.
#include "theory/escape.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include "theory/gauss.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { MODES = 240, PANELS = 60, NODES = PANELS * TW_GAUSS };

typedef struct survival {
    double v, r;
    double mu[MODES], c[MODES];
    double calm; // S = 1 to rounding up to here
} survival;

// Lowest pair by inverse iteration: mu and c = <1, u> u(0) / <u, u>, inner products with weight e^(-x^2 / 2v).
static void slowest(const tw_gauss *g, survival *s)
{
    static _Thread_local double f[NODES], rise[NODES], fresh[NODES];
    double half = s->r / PANELS / 2, v = s->v, top = s->r * s->r / (2 * v), centre = 1;
    for (int i = 0; i < NODES; i++) f[i] = 1;
    for (int round = 0; round < 60; round++) {
        double inner = 0, tail = 0, before = centre;
        for (int p = 0; p < PANELS; p++) { // rise: e^(y^2/2v - top) times the inner integral at y
            double m[TW_GAUSS], x;
            for (int j = 0; j < TW_GAUSS; j++) {
                x = half * (2 * p + 1 + g->t[j]);
                m[j] = exp(-x * x / (2 * v)) * f[p * TW_GAUSS + j] / v;
            }
            for (int j = 0; j < TW_GAUSS; j++) {
                double sum = inner;
                for (int k = 0; k < TW_GAUSS; k++) sum += half * g->upto[j][k] * m[k];
                x = half * (2 * p + 1 + g->t[j]);
                rise[p * TW_GAUSS + j] = sum * exp(x * x / (2 * v) - top);
            }
            for (int k = 0; k < TW_GAUSS; k++) inner += half * g->w[k] * m[k];
        }
        for (int p = PANELS - 1; p >= 0; p--) {
            const double *h = rise + p * TW_GAUSS;
            double whole = 0;
            for (int k = 0; k < TW_GAUSS; k++) whole += half * g->w[k] * h[k];
            for (int j = 0; j < TW_GAUSS; j++) {
                double upto = 0;
                for (int k = 0; k < TW_GAUSS; k++) upto += half * g->upto[j][k] * h[k];
                fresh[p * TW_GAUSS + j] = tail + (whole - upto);
            }
            tail += whole;
        }
        centre = tail; // at x = 0, with f(0) = 1
        for (int i = 0; i < NODES; i++) f[i] = fresh[i] / centre;
        if (fabs(centre - before) < 1e-15 * centre) break;
    }
    double one = 0, square = 0;
    for (int p = 0; p < PANELS; p++)
        for (int j = 0; j < TW_GAUSS; j++) {
            double x = half * (2 * p + 1 + g->t[j]), w = g->w[j] * exp(-x * x / (2 * v)), u = f[p * TW_GAUSS + j];
            one += w * u;
            square += w * u * u;
        }
    s->mu[0] = exp(-top) / centre;
    s->c[0] = one / square;
}

// The integral of x^2 cos(a x) over (0, r) for a r = q pi, times 2 / r: what the matrix is made of.
static double square_cosine(int64_t q, double r)
{
    if (q == 0) return 2 * r * r / 3;
    double a = M_PI * (double)q;
    return 4 * r * r * (q % 2 ? -1 : 1) / (a * a);
}

static tw_status spectrum(const tw_gauss *g, survival *s)
{
    tw_status st = TW_OK;
    double *a = NULL, *value = NULL, *vector = NULL, *weight = NULL, r = s->r, v = s->v;
    TW_TRY(tw_alloc(MODES * MODES, sizeof *a, &a));
    TW_TRY(tw_alloc(MODES, sizeof *value, &value));
    TW_TRY(tw_alloc(MODES * MODES, sizeof *vector, &vector));
    TW_TRY(tw_alloc(MODES, sizeof *weight, &weight));
    // Basis sqrt(2/r) cos((j + 1/2) pi x / r) on (0, r): the product of two is half of cos of sum and difference.
    for (int64_t i = 0; i < MODES; i++)
        for (int64_t j = 0; j < MODES; j++) {
            double xx = (square_cosine(i - j, r) + square_cosine(i + j + 1, r)) / 2, k = ((double)i + 0.5) * M_PI / r;
            a[i * MODES + j] = xx / (4 * v) + (i == j ? v * k * k - 0.5 : 0);
        }
    TW_TRY(tw_sym_eig(MODES, a, value, vector));
    for (int p = 0; p < PANELS * 4; p++) // <1, u> = integral of e^(-x^2/4v) psi
        for (int t = 0; t < TW_GAUSS; t++) {
            double half = r / (PANELS * 4) / 2, x = half * (2 * p + 1 + g->t[t]), w = half * g->w[t];
            for (int j = 0; j < MODES; j++)
                weight[j] += w * exp(-x * x / (4 * v)) * sqrt(2 / r) * cos((j + 0.5) * M_PI * x / r);
        }
    for (int k = 0; k < MODES; k++) {
        double centre = 0, one = 0;
        for (int j = 0; j < MODES; j++) {
            centre += sqrt(2 / r) * vector[k * MODES + j];
            one += weight[j] * vector[k * MODES + j];
        }
        s->mu[k] = value[k];
        s->c[k] = centre * one;
    }
    slowest(g, s);
    s->calm = r * r / (4 * v * 45); // the chance to have left is below erfc(sqrt(45))
done:
    free(a);
    free(value);
    free(vector);
    free(weight);
    return st;
}

static double survive(const survival *s, double t)
{
    double sum = 0;
    if (t < s->calm) return 1;
    for (int k = 0; k < MODES && s->mu[k] * t < 745; k++) sum += s->c[k] * exp(-s->mu[k] * t);
    return sum;
}

tw_status tw_escape_box(int64_t n, const double *h, double eta, double B, double half_width, double *mean)
{
    tw_status st = TW_OK;
    survival *s = NULL;
    tw_gauss g;
    double sum = 0, sharpest = 0, total = 0;

    if (n < 1) return tw_fail(TW_EINVAL, "H_eigs: found none, expected at least one");
    for (int64_t i = 0; i < n; i++) {
        if (!(h[i] > 0) || !isfinite(h[i]))
            return tw_fail(TW_EINVAL, "H_eigs[%" PRId64 "]: found %g, expected a positive number", i, h[i]);
        sum += h[i];
        sharpest = fmax(sharpest, h[i]);
    }
    bool fine = isfinite(eta) && isfinite(B) && isfinite(half_width) && eta > 0 && B > 0 && half_width > 0;
    if (!fine)
        return tw_fail(TW_EINVAL, "box: found eta = %g, B = %g, half_width = %g, expected positive numbers", eta, B,
                       half_width);
    TW_TRY(tw_alloc(1, sizeof *s, &s));
    s->v = eta / (2 * B);
    s->r = half_width;
    if (s->r * s->r / (2 * s->v) > 600) {
        st = tw_fail(TW_ENUMERIC, "box: the exponent r^2 B / eta = %g is beyond what a double holds (600)",
                     s->r * s->r / (2 * s->v));
        goto done;
    }
    tw_gauss_init(&g);
    TW_TRY(spectrum(&g, s));
    double from = s->calm / sharpest; // before: nothing leaves
    total = from;
    while (s->mu[0] * sum * from < 45) {
        double to = 1.25 * from, half = (to - from) / 2;
        for (int j = 0; j < TW_GAUSS; j++) {
            double product = 1;
            for (int64_t i = 0; i < n; i++) product *= survive(s, h[i] * (from + half * (1 + g.t[j])));
            total += half * g.w[j] * product;
        }
        from = to;
    }
    *mean = total;
done:
    free(s);
    return st;
}
