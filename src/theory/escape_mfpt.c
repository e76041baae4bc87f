// SPDX-License-Identifier: MIT
// Mean first-passage times of diffusions in one dimension, and from a ball, by nested quadrature.
//
//   Phi(x) = integral of L'/D from start,   s'(y) = D^-alpha e^Phi,   m(z) = D^(alpha-1) e^-Phi
//   T      = integral from start to absorb of s'(y) (integral from lo to y of m) dy
//
// alpha = 0 Ito, 1/2 Stratonovich, 1 isothermal. Every term is positive, so nothing cancels; e^Phi is taken relative to
// the largest Phi and e^-Phi to the smallest, so nothing overflows. Panels are doubled until the answer stands still.
// Source: Gardiner, Stochastic Methods, 2009, section 5.5; docs/escape.md.
#include "theory/escape.h"

#include "base/alloc.h"
#include "theory/gauss.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_PANELS = 1 << 15 };

typedef struct panels {
    const tw_escape_problem *p;
    tw_gauss gauss;
    double breaks[TW_ESCAPE_BREAKS];
    int count;
    double *phi, *d; // [panels][TW_GAUSS]
} panels;

// ln T and the exponent with so many panels, dealt to the stretches between breaks by length.
static tw_status sweep(panels *q, int64_t about, double *log_mean, double *exponent)
{
    static const double alphas[] = {0, 0.5, 1};
    const tw_escape_problem *p = q->p;
    const tw_gauss *g = &q->gauss;
    double alpha = alphas[p->convention], whole = p->absorb - p->lo;
    double phi = 0, at_start = 0, low = INFINITY, high = -INFINITY;

    for (int pass = 0; pass < 2; pass++) { // first Phi, then the integrals
        double m_sum = 0, total = 0;
        int64_t node = 0;
        for (int b = 0; b + 1 < q->count; b++) {
            double from = q->breaks[b], length = q->breaks[b + 1] - from;
            int64_t here = 1 + (int64_t)((double)about * length / whole);
            double half = length / (double)here / 2;
            if (pass == 0 && from == p->start) at_start = phi;
            for (int64_t i = 0; i < here; i++, node += TW_GAUSS) {
                double middle = from + half * (double)(2 * i + 1), *f = q->phi + node, *d = q->d + node;
                if (pass == 0) {
                    double slope[TW_GAUSS];
                    for (int j = 0; j < TW_GAUSS; j++) {
                        double x = middle + half * g->t[j];
                        d[j] = tw_escape_diffusion_at(p, x);
                        if (!(d[j] > 0) || !isfinite(d[j]))
                            return tw_fail(TW_EINVAL, "diffusion: found D = %g at x = %g, expected a positive number",
                                           d[j], x);
                        slope[j] = tw_escape_value(&p->landscape, 1, x) / d[j];
                    }
                    for (int j = 0; j < TW_GAUSS; j++) {
                        double sum = 0;
                        for (int k = 0; k < TW_GAUSS; k++) sum += g->upto[j][k] * slope[k];
                        f[j] = phi + half * sum;
                        low = fmin(low, f[j]);
                        if (from >= p->start) high = fmax(high, f[j]);
                    }
                    for (int k = 0; k < TW_GAUSS; k++) phi += half * g->w[k] * slope[k];
                } else {
                    double m[TW_GAUSS];
                    for (int j = 0; j < TW_GAUSS; j++) m[j] = pow(d[j], alpha - 1) * exp(low - f[j]);
                    for (int j = 0; from >= p->start && j < TW_GAUSS; j++) {
                        double sum = 0;
                        for (int k = 0; k < TW_GAUSS; k++) sum += g->upto[j][k] * m[k];
                        total += half * g->w[j] * pow(d[j], -alpha) * exp(f[j] - high) * (m_sum + half * sum);
                    }
                    for (int k = 0; k < TW_GAUSS; k++) m_sum += half * g->w[k] * m[k];
                }
            }
        }
        if (pass == 1) *log_mean = log(total) + high - low;
    }
    *exponent = phi - at_start;
    return TW_OK;
}

tw_status tw_escape_mfpt(const tw_escape_problem *p, tw_escape_time *out)
{
    tw_status st = TW_OK;
    panels q = {.p = p};
    double before = NAN, now = NAN, exponent = 0;

    TW_TRY(tw_escape_check(p));
    if (p->convention > TW_ESCAPE_ISOTHERMAL) return tw_fail(TW_EINVAL, "convention: unknown");
    tw_gauss_init(&q.gauss);
    q.count = tw_escape_breaks(p, q.breaks);
    for (int64_t about = 64; about <= MOST_PANELS; about *= 2) {
        free(q.phi);
        free(q.d);
        q.phi = q.d = NULL;
        TW_TRY(tw_alloc(about + TW_ESCAPE_BREAKS, TW_GAUSS * sizeof(double), &q.phi));
        TW_TRY(tw_alloc(about + TW_ESCAPE_BREAKS, TW_GAUSS * sizeof(double), &q.d));
        before = now;
        TW_TRY(sweep(&q, about, &now, &exponent));
        if (fabs(now - before) < 1e-12 * fmax(1, fabs(now))) break;
    }
    if (!(fabs(now - before) < tw_escape_tolerance(p)))
        st = tw_fail(TW_ENUMERIC, "mean escape time: ln T = %.15g and %.15g with twice the panels do not agree to %g",
                     before, now, tw_escape_tolerance(p));
    else if (now > 709)
        st = tw_fail(TW_ENUMERIC, "mean escape time: e^%.6g is beyond what a double holds", now);
    if (st == TW_OK) *out = (tw_escape_time){exp(now), now, fabs(now - before), exponent};
done:
    free(q.phi);
    free(q.d);
    return st;
}

// T = integral over r < R of r^(1-n) e^(V/D) (integral over u < r of u^(n-1) e^(-V/D) / D du) dr, with u = r q: the
// powers of r leave one r, and nothing is small against what it is subtracted from.
tw_status tw_escape_ball(int64_t n, double lambda, double D, double R, double *mean)
{
    enum { PANELS = 60, INNER = 20 };
    tw_gauss g;
    double total = 0, top = lambda * R * R / (2 * D), half = R / PANELS / 2;
    bool fine = isfinite(lambda) && isfinite(D) && isfinite(R);
    if (n < 1 || !fine || !(lambda > 0) || !(D > 0) || !(R > 0))
        return tw_fail(TW_EINVAL, "ball: found n = %" PRId64 ", lambda = %g, D = %g, R = %g, expected positive numbers",
                       n, lambda, D, R);
    tw_gauss_init(&g);
    for (int i = 0; i < PANELS; i++)
        for (int j = 0; j < TW_GAUSS; j++) {
            double r = half * (2 * i + 1 + g.t[j]), steep = lambda * r * r / (2 * D), inner = 0;
            for (int k = 0; k < INNER; k++)
                for (int l = 0; l < TW_GAUSS; l++) {
                    double q = (2 * k + 1 + g.t[l]) / (2 * INNER);
                    inner += g.w[l] / (2 * INNER) * pow(q, (double)n - 1) * exp(-steep * q * q);
                }
            total += half * g.w[j] * r / D * exp(steep - top) * inner;
        }
    double log_mean = log(total) + top;
    if (!(log_mean < 709))
        return tw_fail(TW_ENUMERIC, "ball: a mean time of e^%.6g is beyond what a double holds", log_mean);
    *mean = exp(log_mean);
    return TW_OK;
}
