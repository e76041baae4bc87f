// SPDX-License-Identifier: MIT
// Largest step, and how far batch and step scale together, from a spectrum that is known in part.
//
// The laws of label noise (noise_closed.c) see the Hessian through sums over its eigenvalues only, so an eigenvalue can
// count with any weight. With x = lambda/S, b = (1-mu)/(1+mu):
//
//   G_i = 2(1-mu) - (b + (c1-1)/S) lambda a_i        stable: all G_i > 0 and c2 x sum w_i a_i/G_i < 1
//   Sigma_i = x (m_i/a_i) / [G_i (1 - c2 x sum w_i a_i/G_i)],  m_i = v_i'Mv_i
//
// What is left of the trace beyond the known eigenvalues, R, lies in eigenvalues between 0 and the smallest known one,
// a_k. a/G is convex in a and 0 at 0, so its sum is least when R is spread over infinitely many eigenvalues near 0,
// R/(2(1-mu)), and most when it sits in R/a_k copies of a_k: the two ends of the bracket.
// Source: Ziyin, Liu, Mori & Ueda, ICLR 2022, Theorems 2 and 6; docs/noise.md, "Linear scaling".
#include "theory/noise.h"

#include <inttypes.h>
#include <math.h>

static tw_status check(const tw_noise_modes *modes, double S, double mu)
{
    if (modes->k < 1) return tw_fail(TW_EINVAL, "modes: found %" PRId64 ", expected at least 1", modes->k);
    for (int64_t i = 0; i < modes->k; i++)
        if (!(modes->a[i] > 0 && isfinite(modes->a[i]) && modes->weight[i] >= 0 && isfinite(modes->weight[i])))
            return tw_fail(TW_EINVAL, "modes: %" PRId64 ": found eigenvalue %g, weight %g, expected > 0 and >= 0", i,
                           modes->a[i], modes->weight[i]);
    if (!(modes->rest >= 0 && isfinite(modes->rest)))
        return tw_fail(TW_EINVAL, "modes: found rest %g, expected at least 0", modes->rest);
    if (!(S >= 1 && isfinite(S)) || !(mu >= 0 && mu < 1))
        return tw_fail(TW_EINVAL, "S, mu: found %g, %g, expected S >= 1 and mu in [0, 1)", S, mu);
    return TW_OK;
}

static double G_of(double a, double lambda, double S, double mu, double c1)
{
    return 2 * (1 - mu) - ((1 - mu) / (1 + mu) + (c1 - 1) / S) * lambda * a;
}

// sum w lambda a/G; infinity once a G is not positive.
static double tau_of(const tw_noise_modes *modes, double lambda, double S, double mu, double c1, bool most)
{
    double tau = 0, least = INFINITY;
    for (int64_t i = 0; i < modes->k; i++) {
        double G = G_of(modes->a[i], lambda, S, mu, c1);
        if (!(G > 0)) return INFINITY;
        tau += modes->weight[i] * lambda * modes->a[i] / G;
        least = fmin(least, modes->a[i]);
    }
    return tau + lambda * modes->rest / (most ? G_of(least, lambda, S, mu, c1) : 2 * (1 - mu));
}

tw_status tw_noise_modes_step_max(const tw_noise_modes *modes, double S, double mu, double c1, double c2, double *least,
                                  double *most)
{
    tw_status st = check(modes, S, mu);
    if (st != TW_OK) return st;
    if (!(c2 >= 0 && c1 + c2 >= 1 && isfinite(c1 + c2)))
        return tw_fail(TW_EINVAL, "c1, c2: found %g, %g, expected c2 >= 0 and c1 + c2 >= 1", c1, c2);
    for (int end = 0; end < 2; end++) {
        double low = 0, high = 1;
        while (c2 * tau_of(modes, high, S, mu, c1, end == 0) < S) {
            low = high;
            high *= 2;
            if (!isfinite(high)) return tw_fail(TW_EINVAL, "modes: no step is too large");
        }
        for (;;) { // tau rises with lambda
            double middle = low + (high - low) / 2;
            if (!(middle > low && middle < high)) break;
            double tau = tau_of(modes, middle, S, mu, c1, end == 0);
            if (isfinite(tau) && c2 * tau < S)
                low = middle;
            else
                high = middle;
        }
        *(end == 0 ? least : most) = high;
    }
    return TW_OK;
}

// Sigma_i over its scale x, the common factor of both sides; false when unstable.
static bool variances(const tw_noise_modes *modes, double lambda, double S, double mu, double c1, double c2,
                      double *variance)
{
    double tau = tau_of(modes, lambda, S, mu, c1, true);
    if (!isfinite(tau) || !(c2 * tau < S)) return false;
    for (int64_t i = 0; i < modes->k; i++)
        variance[i] = modes->noise[i] / modes->a[i] / (G_of(modes->a[i], lambda, S, mu, c1) * (1 - c2 * tau / S));
    return true;
}

tw_status tw_noise_modes_break(const tw_noise_modes *modes, double lambda, double S, double mu, double c1, double c2,
                               double limit, bool up, bool *stable, double *factor)
{
    tw_status st = TW_OK;
    double *before = NULL, kept = 1, broken = up ? 0x1p40 : 1 / S; // a batch is at least 1
    *factor = 0;
    *stable = false;
    TW_TRY(check(modes, S, mu));
    if (!(lambda > 0 && isfinite(lambda)) || !(limit > 0)) {
        st = tw_fail(TW_EINVAL, "lambda, limit: found %g, %g, expected positive numbers", lambda, limit);
        goto done;
    }
    TW_TRY(tw_alloc(2 * modes->k, sizeof *before, &before));
    double *after = before + modes->k, size = 0;
    *stable = variances(modes, lambda, S, mu, c1, c2, before);
    if (!*stable || (!up && broken >= 1)) goto done;
    for (int64_t i = 0; i < modes->k; i++) size += modes->weight[i] * before[i] * before[i];
    for (int step = 0; step < 200 && fabs(broken - kept) > 1e-12 * kept; step++) {
        // first the far end itself: if the rule holds there, it never breaks
        double middle = step == 0 ? broken : sqrt(kept * broken), off = 0;
        bool ok = variances(modes, middle * lambda, middle * S, mu, c1, c2, after);
        for (int64_t i = 0; ok && i < modes->k; i++)
            off += modes->weight[i] * (after[i] - before[i]) * (after[i] - before[i]);
        ok = ok && sqrt(off) <= limit * sqrt(size);
        if (step == 0 && ok) goto done;
        if (ok)
            kept = middle;
        else
            broken = middle;
    }
    *factor = kept;
done:
    free(before);
    return st;
}
