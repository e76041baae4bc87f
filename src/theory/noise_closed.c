// SPDX-License-Identifier: MIT
// Where the stationary law has a closed form: label noise, its approximations, large dimension, weight decay in one
// dimension, natural gradient.
//
// Label noise, eigenvalues h_i = lambda a_i:  G_i = 2(1-mu) - ((1-mu)/(1+mu) + (c1-1)/S) h_i,  tau = sum h_i / G_i,
// Sigma_i = (sigma^2/S)(1 + c2 kappa/S) lambda / G_i,  kappa = tau / (1 - c2 tau/S);  stable iff all G_i > 0 and
// c2 tau < S. Source: Theorems 2 to 4 and 6 and Corollary 1, as corrected in docs/noise.md.
#include "theory/noise.h"

#include <inttypes.h>
#include <math.h>

static tw_status check_spectrum(int64_t D, const double *a)
{
    if (D < 1) return tw_fail(TW_EINVAL, "D: found %" PRId64 ", expected at least 1", D);
    double top = 0;
    for (int64_t i = 0; i < D; i++) {
        if (!(a[i] >= 0 && isfinite(a[i])))
            return tw_fail(TW_EINVAL, "a[%" PRId64 "]: found %g, expected an eigenvalue, at least 0", i, a[i]);
        top = fmax(top, a[i]);
    }
    return top > 0 ? TW_OK : tw_fail(TW_EINVAL, "a: found only zeros, expected a positive eigenvalue");
}

static tw_status check_step(double lambda, double S, double mu)
{
    if (!(lambda > 0 && isfinite(lambda)))
        return tw_fail(TW_EINVAL, "lambda: found %g, expected a positive number", lambda);
    if (!(S > 0 && isfinite(S))) return tw_fail(TW_EINVAL, "S: found %g, expected at least 1", S);
    if (!(mu >= 0 && mu < 1)) return tw_fail(TW_EINVAL, "mu: found %g, expected a number in [0, 1)", mu);
    return TW_OK;
}

// tau = sum h/G, or infinity once some G <= 0. discrete false drops the (1-mu)/(1+mu) term (continuous time).
static double tau_of(int64_t D, const double *a, double lambda, double S, double mu, double c1, bool discrete)
{
    double tau = 0, slope = (discrete ? (1 - mu) / (1 + mu) : 0) + (c1 - 1) / S;
    for (int64_t i = 0; i < D; i++) {
        double h = lambda * a[i], G = 2 * (1 - mu) - slope * h;
        if (!(G > 0)) return INFINITY;
        tau += h / G;
    }
    return tau;
}

// Every real distribution's fourth moments: outside, the forms of section 5 may be finite and mean nothing.
static tw_status check_law(double c1, double c2)
{
    if (c2 >= 0 && c1 + c2 >= 1 && isfinite(c1 + c2)) return TW_OK;
    return tw_fail(TW_EINVAL, "c1, c2: found %g, %g, expected c2 >= 0 and c1 + c2 >= 1", c1, c2);
}

tw_status tw_noise_step_max(int64_t D, const double *a, int64_t S, double mu, double c1, double c2, double *lambda_max)
{
    tw_status st = check_spectrum(D, a);
    if (st == TW_OK) st = check_step(1, (double)S, mu);
    if (st != TW_OK) return st;
    if (S < 1) return tw_fail(TW_EINVAL, "S: found %" PRId64 ", expected at least 1", S);
    st = check_law(c1, c2);
    if (st != TW_OK) return st;
    double low = 0, high = 1;
    while (c2 * tau_of(D, a, high, (double)S, mu, c1, true) < (double)S) {
        low = high;
        high *= 2;
    }
    for (;;) { // tau rises with lambda
        double middle = low + (high - low) / 2;
        if (!(middle > low && middle < high)) break;
        double tau = tau_of(D, a, middle, (double)S, mu, c1, true);
        if (isfinite(tau) && c2 * tau < (double)S)
            low = middle;
        else
            high = middle;
    }
    *lambda_max = high;
    return TW_OK;
}

static bool section5(int64_t D, const double *a, double lambda, double S, double mu, double sigma2, double c1,
                     double c2, bool discrete, double *variance)
{
    double tau = tau_of(D, a, lambda, S, mu, c1, discrete), slope = (discrete ? (1 - mu) / (1 + mu) : 0) + (c1 - 1) / S;
    if (!isfinite(tau) || !(c2 * tau < S)) return false;
    double factor = sigma2 / S / (1 - c2 * tau / S) * lambda;
    for (int64_t i = 0; i < D; i++) variance[i] = a[i] > 0 ? factor / (2 * (1 - mu) - slope * lambda * a[i]) : 0;
    return true;
}

tw_status tw_noise_label(int64_t D, const double *a, double lambda, int64_t S, double mu, double sigma2, double c1,
                         double c2, tw_noise_lines *lines, double *law)
{
    tw_status st = check_spectrum(D, a);
    double s = (double)S;
    if (st == TW_OK) st = check_step(lambda, s, mu);
    if (st == TW_OK) st = check_law(c1, c2);
    if (st != TW_OK) return st;
    lines->exact = section5(D, a, lambda, s, mu, sigma2, c1, c2, true, law);
    for (int64_t i = 0; i < D; i++) {
        double left = 2 - lambda * a[i] / (1 + mu);
        law[D + i] = a[i] > 0 && left > 0 ? sigma2 * lambda / (s * (1 - mu) * left) : 0;
        law[2 * D + i] = a[i] > 0 ? sigma2 * lambda / (2 * s * (1 - mu)) : 0;
    }
    lines->ct_minibatch = section5(D, a, lambda, s, mu, sigma2, c1, c2, false, law + 3 * D);
    return TW_OK;
}

tw_status tw_noise_scaling_error(int64_t D, const double *a, double lambda, double S, double mu, double c, bool *ok,
                                 double *error)
{
    tw_status st = TW_OK;
    double *v = NULL;
    TW_TRY(check_spectrum(D, a));
    TW_TRY(check_step(lambda, S, mu));
    TW_TRY(check_step(c * lambda, c * S, mu));
    TW_TRY(tw_alloc(2 * D, sizeof *v, &v));
    *error = 0;
    *ok =
        section5(D, a, lambda, S, mu, 1, 2, 1, true, v) && section5(D, a, c * lambda, c * S, mu, 1, 2, 1, true, v + D);
    if (*ok) {
        double size = sqrt(tw_noise_dot(D, v, v));
        for (int64_t i = 0; i < D; i++) v[D + i] -= v[i];
        *error = sqrt(tw_noise_dot(D, v + D, v + D)) / size;
    }
done:
    free(v);
    return st;
}

// One law of Theorem 6; kappa leaves lambda out.
static bool high_dimension(int64_t D, const double *a, double lambda, double S, double c1, double residual,
                           double *kappa, double *trace)
{
    double tau = tau_of(D, a, lambda, S, 0, c1, true) / lambda;
    if (!isfinite(tau) || !(lambda * tau < S)) return false;
    *kappa = tau / (1 - lambda * tau / S);
    *trace = lambda * residual / S * *kappa;
    return true;
}

tw_status tw_noise_high_dimension(int64_t D, const double *a, double lambda, int64_t S, double sigma2, double alpha,
                                  tw_noise_highdim *out)
{
    tw_status st = TW_OK;
    tw_noise_highdim v = {0};
    TW_TRY(check_spectrum(D, a));
    TW_TRY(check_step(lambda, (double)S, 0));
    if (S < 1 || !(alpha > 0 && isfinite(alpha)) || !(sigma2 >= 0 && isfinite(sigma2)))
        return tw_fail(TW_EINVAL,
                       "S, alpha, sigma2: found %" PRId64 ", %g, %g, expected S >= 1, alpha > 0, sigma2 >= 0", S, alpha,
                       sigma2);
    double residual = sigma2 * fmax(0, 1 - 1 / alpha);
    v.paper_stable = high_dimension(D, a, lambda, (double)S, 0, residual, &v.kappa_paper, &v.tr_ASigma_paper);
    v.gauss_stable = high_dimension(D, a, lambda, (double)S, 2, residual, &v.kappa_gauss, &v.tr_ASigma_gauss);
    TW_TRY(tw_noise_step_max(D, a, S, 0, 0, 1, &v.lambda_max_paper));
    TW_TRY(tw_noise_step_max(D, a, S, 0, 2, 1, &v.lambda_max_gauss));
    double top = 0;
    for (int64_t i = 0; i < D; i++) top = fmax(top, a[i]);
    v.status = v.paper_stable ? TW_NOISE_STABLE : lambda * top >= 2 ? TW_NOISE_GD_UNSTABLE : TW_NOISE_NOISE_UNSTABLE;
    *out = v;
done:
    return st;
}

// L_test(k) = 1/2 [ t + (lambda a^2/S)(2 t + sigma^2)/e ], t = a u^2 (1 - a/k)^2, e = 2k - lambda k^2 - 2 lambda a^2/S.
typedef struct decay {
    double a, lambda, S, u, sigma2;
} decay;

static double decay_loss(const decay *d, double k)
{
    double miss = 1 - d->a / k, t = d->a * d->u * d->u * miss * miss, b = d->lambda * d->a * d->a / d->S;
    return (t + b * (2 * t + d->sigma2) / (2 * k - d->lambda * k * k - 2 * b)) / 2;
}

static double decay_slope(const decay *d, double k)
{
    double miss = 1 - d->a / k, b = d->lambda * d->a * d->a / d->S, t = d->a * d->u * d->u * miss * miss;
    double dt = 2 * d->a * d->u * d->u * miss * d->a / (k * k);
    double e = 2 * k - d->lambda * k * k - 2 * b, de = 2 - 2 * d->lambda * k;
    return (dt + b * (2 * dt / e - (2 * t + d->sigma2) * de / (e * e))) / 2;
}

tw_status tw_noise_decay_1d(double a, double lambda, int64_t S, double u, double sigma2, tw_noise_decay *out)
{
    enum { GRID = 4096 };
    tw_noise_decay v = {.status = TW_NOISE_NOISE_UNSTABLE};
    tw_status st = check_spectrum(1, &a);
    if (st == TW_OK) st = check_step(lambda, (double)S, 0);
    if (st != TW_OK) return st;
    if (S < 1 || !isfinite(u) || !(sigma2 >= 0 && isfinite(sigma2)))
        return tw_fail(TW_EINVAL, "S, u, sigma2: found %" PRId64 ", %g, %g, expected S >= 1, u finite, sigma2 >= 0", S,
                       u, sigma2);
    decay d = {a, lambda, (double)S, u, sigma2};
    double left = 1 - 2 * lambda * a * lambda * a / d.S;
    if (left > 0) {
        double k_high = (1 + sqrt(left)) / lambda, k_low = 2 * lambda * a * a / d.S / (lambda * k_high);
        v.exists = true;
        v.status = TW_NOISE_STABLE;
        v.gamma_lo = k_low - a;
        v.gamma_hi = k_high - a;
        v.stable_at_zero = k_low < a && a < k_high;
        // The loss is infinite at both ends; the grid, denser near the lower one, picks the valley.
        double best = INFINITY, span = k_high - k_low, low = k_low, high = k_high;
        for (int i = 1; i < GRID; i++) {
            double x = (double)i / GRID, loss = decay_loss(&d, k_low + span * x * x * x);
            if (loss < best) {
                double below = (double)(i - 1) / GRID, above = (double)(i + 1) / GRID;
                best = loss;
                low = k_low + span * below * below * below;
                high = k_low + span * above * above * above;
            }
        }
        for (;;) {
            double middle = low + (high - low) / 2;
            if (!(middle > low && middle < high)) break;
            if (decay_slope(&d, middle) > 0)
                high = middle;
            else
                low = middle;
        }
        v.gamma_star = high - a;
        v.L_test_star = decay_loss(&d, high);
    }
    *out = v;
    return TW_OK;
}

tw_status tw_noise_natural_gradient(int64_t D, const double *A, double lambda, int64_t S, double mu, double sigma2,
                                    tw_noise_ngd *out, double *Sigma, double *C)
{
    tw_status st = TW_OK;
    double *w = NULL, *v = NULL, s, size = (double)S, n = 1 + (double)D;
    TW_TRY(check_step(lambda, size, mu));
    if (S < 1 || D < 1 || !(sigma2 >= 0 && isfinite(sigma2)))
        return tw_fail(TW_EINVAL, "D, S, sigma2: found %" PRId64 ", %" PRId64 ", %g, expected D, S >= 1, sigma2 >= 0",
                       D, S, sigma2);
    TW_TRY(tw_noise_check_symmetric("A", D, A));
    TW_TRY(tw_alloc(D, sizeof *w, &w));
    TW_TRY(tw_alloc(D * D, sizeof *v, &v));
    TW_TRY(tw_noise_eig(D, A, w, v));
    if (!(w[0] > 1e-14 * w[D - 1])) {
        st = tw_fail(TW_EINVAL, "A: found smallest eigenvalue %g, expected a positive definite matrix", w[0]);
        goto done;
    }
    // 2(1-mu)(1+D) s^2 + b s - lambda sigma^2/S = 0, its positive root without cancellation.
    double a = 2 * (1 - mu) * n, c = lambda * sigma2 / size;
    double b = 2 * (1 - mu) * sigma2 - (1 - mu) / (1 + mu) * lambda - lambda / size * n, root = sqrt(b * b + 4 * a * c);
    s = b > 0 ? 2 * c / (b + root) : (root - b) / (2 * a);
    *out = (tw_noise_ngd){.s = s, .l = lambda / (s * n + sigma2)};
    out->l_max = 2 * (1 - mu) * size / (size * (1 - mu) / (1 + mu) + n);
    // Without label noise l equals l_max for every lambda, algebraically.
    out->status = sigma2 == 0 ? TW_NOISE_MARGINAL : out->l < out->l_max ? TW_NOISE_STABLE : TW_NOISE_NOISE_UNSTABLE;
    for (int64_t i = 0; i < D * D; i++) C[i] = (s * n + sigma2) / size * A[i];
    for (int64_t i = 0; i < D; i++) w[i] = s / w[i];
    TW_TRY(tw_noise_compose(D, D, v, w, Sigma));
done:
    free(w);
    free(v);
    return st;
}
