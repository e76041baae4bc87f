// SPDX-License-Identifier: MIT
// The first of n independent copies to leave: not T_1 / n, but the integral of S(t)^n.
//
//   S(t) = sum of c_k e^(-lambda_k t),  c_k = u_k(start) (integral of m u_k) / (integral of m u_k^2)
//
// u_k are eigenfunctions of the generator with weight m = D^(alpha-1) e^-Phi and stiffness 1/s' = D^alpha e^-Phi, flat
// at lo and zero at absorb, here in spectral elements with Gauss-Lobatto nodes and a lumped mass: the symmetric matrix
// is well scaled however small m is. The slowest eigenvalue, which decides rare escapes, is its Rayleigh quotient, a
// sum of squares over another: eigenvectors wrong by e make it wrong by e^2. The sum of c_k / lambda_k must be the mean
// time of one copy by quadrature (theory/escape_mfpt.c), which shares no code with this. Source: docs/escape.md.
#include "theory/escape.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include "theory/gauss.h"
#include <inttypes.h>
#include <math.h>

enum { ORDER = 15, ELEMENTS = 40, NODES = ELEMENTS * ORDER }; // the last node, at absorb, is no unknown

// Gauss-Lobatto nodes, weights, and derivatives of the Lagrange polynomials there.
typedef struct lobatto {
    double t[ORDER + 1], w[ORDER + 1], slope[ORDER + 1][ORDER + 1]; // slope[i][j] = l_j'(t_i)
} lobatto;

static double legendre(double t, double *before)
{
    double p = t, last = 1;
    for (int k = 1; k < ORDER; k++) {
        double next = ((2 * k + 1) * t * p - k * last) / (k + 1);
        last = p;
        p = next;
    }
    *before = last;
    return p;
}

static void lobatto_init(lobatto *g)
{
    double p[ORDER + 1], before;
    for (int i = 0; i <= ORDER; i++) { // zeros of (1 - t^2) P'
        double t = -cos(M_PI * i / ORDER);
        for (int step = 0; step < 50 && i > 0 && i < ORDER; step++) {
            p[i] = legendre(t, &before);
            // (1 - t^2) P' = ORDER (P_{N-1} - t P_N), whose derivative is -N (N + 1) P_N.
            double change = (before - t * p[i]) / (-(ORDER + 1) * p[i]);
            t -= change;
            if (fabs(change) < 1e-16) break;
        }
        g->t[i] = t;
        p[i] = legendre(t, &before);
        g->w[i] = 2 / (ORDER * (ORDER + 1) * p[i] * p[i]);
    }
    for (int i = 0; i <= ORDER; i++)
        for (int j = 0; j <= ORDER; j++)
            g->slope[i][j] = i != j       ? p[i] / (p[j] * (g->t[i] - g->t[j]))
                             : i == 0     ? -ORDER * (ORDER + 1) / 4.0
                             : i == ORDER ? ORDER * (ORDER + 1) / 4.0
                                          : 0;
}

typedef struct copies {
    const tw_escape_problem *p;
    int start; // its node
    double x[NODES + 1], phi[NODES + 1], d[NODES + 1];
    double mass[NODES + 1]; // lumped, relative to the largest e^-Phi
    double lambda[NODES], c[NODES];
} copies;

// lo, or where e^-Phi has fallen by e^-50 of its largest behind the start: what lies beyond holds 1e-21 of the time,
// and only spoils the scale of the matrix.
static double nearer(const tw_escape_problem *p)
{
    enum { LOOKS = 8192 };
    double width = (p->start - p->lo) / LOOKS, phi = 0, least = 0;
    for (int i = 0; i < LOOKS; i++) {
        double x = p->start - (i + 0.5) * width;
        phi -= width * tw_escape_value(&p->landscape, 1, x) / tw_escape_diffusion_at(p, x);
        least = fmin(least, phi);
        if (phi - least > 50) return x;
    }
    return p->lo;
}

// Elements dealt to both sides of the start, nodes, Phi by quadrature of L'/D inside each stretch between nodes.
static void lay_out(copies *s, const lobatto *g, const tw_gauss *q)
{
    const tw_escape_problem *p = s->p;
    const double lo = nearer(p);
    int left = p->start > lo ? (int)(ELEMENTS * (p->start - lo) / (p->absorb - lo) + 0.5) : 0;
    if (left < 1 && p->start > lo) left = 1;
    if (left > ELEMENTS - 1) left = ELEMENTS - 1;
    s->start = left * ORDER;
    for (int e = 0; e < ELEMENTS; e++) {
        double from = e < left ? lo + (p->start - lo) * e / left
                               : p->start + (p->absorb - p->start) * (e - left) / (ELEMENTS - left);
        double to = e < left ? lo + (p->start - lo) * (e + 1) / left
                             : p->start + (p->absorb - p->start) * (e + 1 - left) / (ELEMENTS - left);
        for (int i = 0; i <= ORDER; i++) s->x[e * ORDER + i] = from + (to - from) * (1 + g->t[i]) / 2;
    }
    double least = 0;
    for (int k = 0; k <= NODES; k++) {
        s->d[k] = tw_escape_diffusion_at(p, s->x[k]);
        if (k == 0) continue;
        double half = (s->x[k] - s->x[k - 1]) / 2;
        s->phi[k] = s->phi[k - 1];
        for (int j = 0; j < TW_GAUSS; j++) {
            double x = s->x[k - 1] + half * (1 + q->t[j]);
            s->phi[k] += half * q->w[j] * tw_escape_value(&p->landscape, 1, x) / tw_escape_diffusion_at(p, x);
        }
        least = fmin(least, s->phi[k]);
    }
    for (int k = 0; k <= NODES; k++) s->phi[k] -= least;
}

static tw_status modes(copies *s, const lobatto *g)
{
    static const double alphas[] = {0, 0.5, 1};
    tw_status st = TW_OK;
    double *a = NULL, *vector = NULL, alpha = alphas[s->p->convention];
    TW_TRY(tw_alloc(NODES * NODES, sizeof *a, &a));
    TW_TRY(tw_alloc(NODES * NODES, sizeof *vector, &vector));
    for (int e = 0; e < ELEMENTS; e++)
        for (int i = 0; i <= ORDER; i++) {
            int k = e * ORDER + i;
            double half = (s->x[(e + 1) * ORDER] - s->x[e * ORDER]) / 2;
            s->mass[k] += half * g->w[i] * pow(s->d[k], alpha - 1) * exp(-s->phi[k]);
        }
    for (int e = 0; e < ELEMENTS; e++)
        for (int q = 0; q <= ORDER; q++) {
            int at = e * ORDER + q;
            double half = (s->x[(e + 1) * ORDER] - s->x[e * ORDER]) / 2;
            double stiff = g->w[q] / half * pow(s->d[at], alpha);
            for (int i = 0; i <= ORDER; i++)
                for (int j = 0; j <= ORDER; j++) {
                    int r = e * ORDER + i, t = e * ORDER + j;
                    if (r == NODES || t == NODES) continue;
                    // e^-Phi over the roots of both masses, by one exponential: each alone may underflow.
                    double roots = exp(-s->phi[at] - (log(s->mass[r]) + log(s->mass[t])) / 2);
                    a[r * NODES + t] += stiff * roots * g->slope[q][i] * g->slope[q][j];
                }
        }
    TW_TRY(tw_sym_eig(NODES, a, s->lambda, vector));
    for (int k = 0; k < NODES; k++) { // u = vector / root of mass
        double all = 0, here = vector[k * NODES + s->start] / sqrt(s->mass[s->start]);
        for (int i = 0; i < NODES; i++) all += sqrt(s->mass[i]) * vector[k * NODES + i];
        s->c[k] = here * all;
    }
    double above = 0, below = 0, *u = a;
    for (int i = 0; i < NODES; i++) u[i] = vector[i] / sqrt(s->mass[i]);
    u[NODES] = 0; // a has room for it
    for (int e = 0; e < ELEMENTS; e++)
        for (int q = 0; q <= ORDER; q++) {
            double half = (s->x[(e + 1) * ORDER] - s->x[e * ORDER]) / 2, slope = 0;
            int at = e * ORDER + q;
            // Differences from u there, which the derivative of a constant makes exact.
            for (int j = 0; j <= ORDER; j++) slope += g->slope[q][j] * (u[e * ORDER + j] - u[at]);
            above += g->w[q] / half * pow(s->d[at], alpha) * exp(-s->phi[at]) * slope * slope;
        }
    for (int i = 0; i < NODES; i++) below += s->mass[i] * u[i] * u[i];
    s->lambda[0] = above / below;
done:
    free(a);
    free(vector);
    return st;
}

static double survive(const copies *s, double t)
{
    double sum = 0;
    for (int k = 0; k < NODES && s->lambda[k] * t < 45; k++) sum += s->c[k] * exp(-s->lambda[k] * t);
    return fmin(1, fmax(0, sum));
}

tw_status tw_escape_first(const tw_escape_problem *p, int64_t n, double *mean, double *slowest)
{
    tw_status st = TW_OK;
    copies *s = NULL;
    tw_escape_time one;
    tw_gauss q;
    lobatto g;
    double single = 0, total, from;
    if (n < 1) return tw_fail(TW_EINVAL, "copies: found %" PRId64 ", expected at least one", n);
    if (p->landscape.shape == TW_ESCAPE_PIECEWISE)
        return tw_fail(TW_EINVAL, "copies: found a piecewise landscape, expected a smooth one");
    TW_TRY(tw_escape_mfpt(p, &one));
    TW_TRY(tw_alloc(1, sizeof *s, &s));
    s->p = p;
    tw_gauss_init(&q);
    lobatto_init(&g);
    lay_out(s, &g, &q);
    if (s->phi[0] > 600 || s->phi[NODES] > 600) {
        st = tw_fail(TW_ENUMERIC, "copies: the exponent reaches %g, beyond what a double holds (600): a lo nearer by?",
                     fmax(s->phi[0], s->phi[NODES]));
        goto done;
    }
    TW_TRY(modes(s, &g));
    for (int k = 0; k < NODES; k++) single += s->c[k] / s->lambda[k];
    if (!(fabs(single - one.mean) < 1e-8 * one.mean)) {
        st = tw_fail(TW_ENUMERIC, "copies: one copy takes %.12g by its modes and %.12g by quadrature, expected to 1e-8",
                     single, one.mean);
        goto done;
    }
    // Earlier than this less than 1e-10 of the time passes.
    total = from = 1e-10 / ((double)n * s->lambda[0]);
    while ((double)n * s->lambda[0] * from < 45) {
        double to = 1.25 * from, half = (to - from) / 2;
        for (int j = 0; j < TW_GAUSS; j++)
            total += half * q.w[j] * pow(survive(s, from + half * (1 + q.t[j])), (double)n);
        from = to;
    }
    *mean = total;
    *slowest = s->lambda[0];
done:
    free(s);
    return st;
}
