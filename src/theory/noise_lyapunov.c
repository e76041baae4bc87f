// SPDX-License-Identifier: MIT
// Given noise: per-sample gradients to C, C to Sigma and back (Theorem 1), and C at a minimum of a squared loss.
//
//   (1-mu)(Lambda H Sigma + Sigma H Lambda) - q Lambda H Sigma H Lambda
//       + p (Lambda H Lambda H Sigma + Sigma H Lambda H Lambda) = Lambda C Lambda,
//   q = (1+mu^2)/(1-mu^2), p = mu/(1-mu^2).  In the scaled eigenbasis it reads d_ij X_ij = (V^T R C R V)_ij.
// Source: the paper's Definition 1, Theorem 1 and Corollaries 2 and 3, with the corrections of docs/noise.md.
#include "theory/noise.h"

#include "linalg/dense.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *tw_noise_status_name(tw_noise_status status)
{
    static const char *const names[] = {"stable",         "not_a_minimum", "gd_unstable",
                                        "noise_unstable", "marginal",      "no_stationary_law"};
    return names[status];
}

tw_status tw_noise_covariance(int64_t N, int64_t P, int64_t S, const double *gradients, double *with, double *without)
{
    tw_status st = TW_OK;
    double *g = NULL, *mean = NULL;
    if (N < 1 || P < 1) return tw_fail(TW_EINVAL, "N, P: found %" PRId64 ", %" PRId64 ", expected at least 1", N, P);
    if (S < 1 || S > N) return tw_fail(TW_EINVAL, "S: found %" PRId64 ", expected 1 ... N = %" PRId64, S, N);
    TW_TRY(tw_noise_check_finite("gradients", N * P, gradients));
    TW_TRY(tw_alloc(N * P, sizeof *g, &g));
    TW_TRY(tw_alloc(P, sizeof *mean, &mean));
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < P; j++) mean[j] += gradients[i * P + j] / (double)N;
    for (int64_t i = 0; i < N; i++) // centred first: no cancellation
        for (int64_t j = 0; j < P; j++) g[i * P + j] = gradients[i * P + j] - mean[j];
    TW_TRY(tw_noise_mul(true, false, P, P, N, g, g, with));
    tw_noise_symmetrise(P, with);
    for (int64_t i = 0; i < P * P; i++) {
        double c = with[i] / (double)N;
        with[i] = c * tw_noise_batch_factor(N, S, true);
        without[i] = c * tw_noise_batch_factor(N, S, false);
    }
done:
    free(g);
    free(mean);
    return st;
}

// Projected on range(R H R), on which C is taken; *outside is the part of C that lies off it, relative to C.
static tw_status solve(const tw_noise_frame *f, const double *C, double *Sigma, double *outside)
{
    tw_status st = TW_OK;
    int64_t D = f->D, r = f->r;
    double *X = NULL, *t = NULL, *full = NULL;
    TW_TRY(tw_alloc(D * D, sizeof *X, &X));
    TW_TRY(tw_alloc(D * D, sizeof *t, &t));
    TW_TRY(tw_alloc(D * D, sizeof *full, &full));
    TW_TRY(tw_noise_congruence(true, D, r, f->RV, C, X));
    TW_TRY(tw_noise_congruence(false, D, D, f->root, C, full));
    double all = tw_noise_dot(D * D, full, full), inside = tw_noise_dot(r * r, X, X);
    *outside = all > 0 ? sqrt(fmax(0, all - inside) / all) : 0;
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < r; j++) X[i * r + j] /= tw_noise_lyapunov_factor(f->mu, f->h[i], f->h[j]);
    TW_TRY(tw_noise_mul(false, false, D, r, r, f->RV, X, t));
    TW_TRY(tw_noise_mul(false, true, D, D, r, t, f->RV, Sigma));
    tw_noise_symmetrise(D, Sigma);
done:
    free(X);
    free(t);
    free(full);
    return st;
}

// The frame of H, split as a positive part (none) and H itself, so that the range and signs of H decide.
static tw_status frame_of(int64_t D, double mu, const double *H, const double *Lambda, tw_noise_frame *f)
{
    tw_status st = TW_OK;
    double *zero = NULL;
    if (D < 1) return tw_fail(TW_EINVAL, "D: found %" PRId64 ", expected at least 1", D);
    if (!(mu >= 0 && mu < 1)) return tw_fail(TW_EINVAL, "mu: found %g, expected a number in [0, 1)", mu);
    TW_TRY(tw_noise_check_symmetric("H", D, H));
    TW_TRY(tw_alloc(D * D, sizeof *zero, &zero));
    TW_TRY(tw_noise_frame_make(D, mu, zero, H, false, Lambda, 1e-12, f));
done:
    free(zero);
    return st;
}

tw_status tw_noise_lyapunov(int64_t D, double mu, const double *H, const double *Lambda, const double *C,
                            tw_noise_status *status, double *Sigma)
{
    tw_status st = TW_OK;
    tw_noise_frame f = {0};
    double *X = NULL, outside = 0;
    TW_TRY(tw_noise_check_symmetric("C", D, C));
    TW_TRY(frame_of(D, mu, H, Lambda, &f));
    tw_noise_status found = tw_noise_frame_status(&f);
    if (found == TW_NOISE_STABLE) {
        TW_TRY(tw_alloc(D * D, sizeof *X, &X));
        TW_TRY(solve(&f, C, X, &outside));
        if (outside > 1e-6) // sqrt of rounding in a difference of squares
            found = TW_NOISE_NOT_A_MINIMUM;
        else
            memcpy(Sigma, X, (size_t)(D * D) * sizeof *X);
    }
    *status = found;
done:
    tw_noise_frame_drop(&f);
    free(X);
    return st;
}

tw_status tw_noise_lyapunov_inverse(int64_t D, double mu, const double *H, const double *Lambda, const double *Sigma,
                                    double *C)
{
    tw_status st = TW_OK;
    double span = (1 - mu) * (1 + mu), q = (1 + mu * mu) / span, p = mu / span;
    double *block = NULL;
    if (D < 1) return tw_fail(TW_EINVAL, "D: found %" PRId64 ", expected at least 1", D);
    if (!(mu >= 0 && mu < 1)) return tw_fail(TW_EINVAL, "mu: found %g, expected a number in [0, 1)", mu);
    TW_TRY(tw_noise_check_symmetric("H", D, H));
    TW_TRY(tw_noise_check_symmetric("Lambda", D, Lambda));
    TW_TRY(tw_noise_check_symmetric("Sigma", D, Sigma));
    TW_TRY(tw_alloc(5 * D * D, sizeof *block, &block));
    double *LH = block, *once = block + D * D, *both = block + 2 * D * D, *twice = block + 3 * D * D,
           *left = block + 4 * D * D;
    TW_TRY(tw_noise_mul(false, false, D, D, D, Lambda, H, LH));
    TW_TRY(tw_noise_mul(false, false, D, D, D, LH, Sigma, once));
    TW_TRY(tw_noise_mul(false, true, D, D, D, once, LH, both));
    TW_TRY(tw_noise_mul(false, false, D, D, D, LH, once, twice));
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++)
            left[i * D + j] = (1 - mu) * (once[i * D + j] + once[j * D + i]) - q * both[i * D + j] +
                              p * (twice[i * D + j] + twice[j * D + i]);
    // C = Lambda^-1 left Lambda^-1; left is symmetric, so rows serve as columns.
    TW_TRY(tw_lu_solve(D, Lambda, D, left));
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++) once[j * D + i] = left[i * D + j];
    TW_TRY(tw_lu_solve(D, Lambda, D, once));
    tw_noise_symmetrise(D, once);
    memcpy(C, once, (size_t)(D * D) * sizeof *C);
done:
    free(block);
    return st;
}

tw_status tw_noise_at_minimum(int64_t D, int64_t S, double mu, const double *H0, double L0, const double *Gamma,
                              const double *w_star, const double *Lambda, tw_noise_minimum *out, double *C,
                              double *Sigma)
{
    tw_status st = TW_OK;
    tw_noise_frame f = {0};
    double *H = NULL, *gw = NULL, *w = NULL, *v = NULL, outside;
    if (S < 1) return tw_fail(TW_EINVAL, "S: found %" PRId64 ", expected at least 1", S);
    if (!(L0 >= 0 && isfinite(L0))) return tw_fail(TW_EINVAL, "L0: found %g, expected a squared loss, at least 0", L0);
    TW_TRY(tw_noise_check_symmetric("H0", D, H0));
    TW_TRY(tw_noise_check_symmetric("Gamma", D, Gamma));
    TW_TRY(tw_noise_check_finite("w_star", D, w_star));
    TW_TRY(tw_alloc(D * D, sizeof *H, &H));
    TW_TRY(tw_alloc(D, sizeof *gw, &gw));
    TW_TRY(tw_alloc(D, sizeof *w, &w));
    TW_TRY(tw_alloc(D * D, sizeof *v, &v));
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++) {
            H[i * D + j] = H0[i * D + j] + Gamma[i * D + j];
            gw[i] += Gamma[i * D + j] * w_star[j];
        }
    TW_TRY(frame_of(D, mu, H, Lambda, &f));
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++) C[i * D + j] = (2 * L0 * H0[i * D + j] - gw[i] * gw[j]) / (double)S;
    TW_TRY(tw_noise_eig(D, C, w, v));
    out->indefinite = w[0] < -1e-12 * fmax(fabs(w[0]), fabs(w[D - 1]));
    out->status = tw_noise_frame_status(&f);
    if (out->status == TW_NOISE_STABLE) TW_TRY(solve(&f, C, Sigma, &outside));
done:
    tw_noise_frame_drop(&f);
    free(H);
    free(gw);
    free(w);
    free(v);
    return st;
}
