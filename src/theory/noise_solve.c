// SPDX-License-Identifier: MIT
// The whole stationary law of a regression problem: frame, noise, stability, covariance, losses.
//
// Steps and symbols as in docs/noise.md; each part of the mathematics is in its own file noise_*.c.
#include "theory/noise.h"

#include "base/options.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static tw_status common_checks(int64_t D, int64_t S, double mu, const double *Gamma, const double *w0)
{
    if (D < 1) return tw_fail(TW_EINVAL, "D: found %" PRId64 ", expected at least 1", D);
    if (S < 1) return tw_fail(TW_EINVAL, "S: found %" PRId64 ", expected at least 1", S);
    if (!(mu >= 0 && mu < 1)) return tw_fail(TW_EINVAL, "mu: found %g, expected a number in [0, 1)", mu);
    tw_status st = tw_noise_check_symmetric("Gamma", D, Gamma);
    return st == TW_OK ? tw_noise_check_finite("w0", D, w0) : st;
}

static bool all_zero(int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

static bool diagonal(int64_t n, const double *a)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (i != j && a[i * n + j] != 0) return false;
    return true;
}

static void times(int64_t rows, int64_t cols, const double *a, const double *x, double *y)
{
    for (int64_t i = 0; i < rows; i++) y[i] = tw_noise_dot(cols, a + i * cols, x);
}

static void times_transposed(int64_t rows, int64_t cols, const double *a, const double *x, double *y)
{
    memset(y, 0, (size_t)cols * sizeof *y);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) y[j] += a[i * cols + j] * x[i];
}

static double trace(int64_t n, const double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i * n + i];
    return sum;
}

static double quadratic(int64_t n, const double *a, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * tw_noise_dot(n, a + i * n, x);
    return sum;
}

// w* = R (w~0 + V diag(1/h) V^T (R b - K~ w~0)), w~0 = R^-1 w0. K~ V = V diag(h), so V^T K~ w~0 = h . V^T w~0.
static tw_status minimiser(const tw_noise_frame *f, const double *b, const double *w0, double *w_star)
{
    tw_status st = TW_OK;
    int64_t D = f->D, r = f->r;
    double *t = NULL;
    TW_TRY(tw_alloc(2 * D + 2 * r, sizeof *t, &t));
    double *start = t, *full = t + D, *vb = t + 2 * D, *vw = vb + r;
    times(D, D, f->inverse_root, w0, start);
    times_transposed(D, r, f->RV, b, vb);
    times_transposed(D, r, f->V, start, vw);
    for (int64_t k = 0; k < r; k++) vb[k] = vb[k] / f->h[k] - vw[k];
    times(D, r, f->V, vb, full);
    for (int64_t i = 0; i < D; i++) full[i] += start[i];
    times(D, D, f->root, full, w_star);
    if (r == D) { // the whole space moves: w0 leaves no trace, not even its rounding
        times_transposed(D, r, f->RV, b, vb);
        for (int64_t k = 0; k < r; k++) vb[k] /= f->h[k];
        times(D, r, f->RV, vb, w_star);
    }
done:
    free(t);
    return st;
}

static tw_status new_law(int64_t D, tw_noise_law **out)
{
    tw_noise_law *law = NULL;
    tw_status st = tw_alloc(1, sizeof *law, &law);
    if (st != TW_OK) return st;
    law->D = D;
    *out = law;
    return TW_OK;
}

void tw_noise_law_free(tw_noise_law *law)
{
    if (!law) return;
    free(law->w_star);
    free(law->Sigma);
    free(law->C);
    free(law->eig_Sigma);
    free(law->Sigma_ct_hessian);
    free(law->Sigma_dt_hessian);
    free(law->Sigma_dt_printed);
    free(law->C_at_min);
    free(law);
}

// In the eigenbasis to original coordinates: noise covariances are R^-1 V X V^T R^-1 only inside the range; they are
// computed in original coordinates instead. This one is for covariances of weights: (RV) X (RV)^T.
static tw_status weights_from(const tw_noise_frame *f, const double *X, double *out)
{
    tw_status st = TW_OK;
    double *t = NULL;
    TW_TRY(tw_alloc(f->D * f->r, sizeof *t, &t));
    TW_TRY(tw_noise_mul(false, false, f->D, f->r, f->r, f->RV, X, t));
    TW_TRY(tw_noise_mul(false, true, f->D, f->D, f->r, t, f->RV, out));
    tw_noise_symmetrise(f->D, out);
done:
    free(t);
    return st;
}

// Everything that needs only the frame and the noise: status, limits, gain; Sigma when stable.
static tw_status stationary_part(const tw_noise_frame *f, const tw_noise_operator *op, const tw_noise_opts *opts,
                                 tw_noise_law *law)
{
    tw_status st = TW_OK;
    double *X = NULL, *scratch = NULL;
    int64_t D = f->D, r = f->r;
    bool positive = true;

    law->rank = r;
    law->h_min = r ? f->h[0] : 0;
    law->h_max = r ? f->h[r - 1] : 0;
    law->status = tw_noise_frame_status(f);
    if (law->status == TW_NOISE_NOT_A_MINIMUM) goto done;
    if (r && opts->want_limit) {
        TW_TRY(tw_noise_limit(op, f, &law->lr_scale_max));
        law->has_limit = true;
    }
    if (law->status == TW_NOISE_GD_UNSTABLE) goto done;
    TW_TRY(tw_noise_gain(op, f, &law->gain));
    law->has_gain = true;
    if (opts->want_rho) TW_TRY(tw_noise_radius(op, f, law->gain, &law->rho));
    if (law->gain < 1) {
        TW_TRY(tw_alloc(r * r, sizeof *X, &X));
        TW_TRY(tw_noise_stationary(op, f, opts->cg_tol, X, &positive));
    }
    if (!(law->gain < 1) || !positive) {
        law->status = TW_NOISE_NOISE_UNSTABLE;
        goto done;
    }
    TW_TRY(tw_alloc(D * D, sizeof *law->Sigma, &law->Sigma));
    TW_TRY(tw_alloc(D, sizeof *law->eig_Sigma, &law->eig_Sigma));
    TW_TRY(tw_alloc(D * D, sizeof *scratch, &scratch));
    TW_TRY(weights_from(f, X, law->Sigma));
    TW_TRY(tw_noise_eig(D, law->Sigma, law->eig_Sigma, scratch));
    law->tr_Sigma = trace(D, law->Sigma);
done:
    free(X);
    free(scratch);
    return st;
}

static tw_status finish_losses(const double *Ao, const double *Gamma, tw_noise_law *law)
{
    int64_t D = law->D;
    law->tr_AoSigma = tw_noise_dot(D * D, Ao, law->Sigma);
    law->L_data = (law->tr_AoSigma + law->res2) / 2;
    law->L_reg = (tw_noise_dot(D * D, Gamma, law->Sigma) + quadratic(D, Gamma, law->w_star)) / 2;
    return TW_OK;
}

// Section 5: tau, kappa and the two Hessian approximations with s2 the residual variance.
static tw_status closed_forms(const tw_noise_population *in, const tw_noise_frame *f, double s2, tw_noise_law *law)
{
    tw_status st = TW_OK;
    int64_t D = f->D, r = f->r;
    double S = (double)in->S, mu = in->mu, tau = 0, base = s2 / (S * (1 - mu)), *w = NULL, *left = NULL, *right = NULL;

    TW_TRY(tw_alloc(r, sizeof *w, &w));
    TW_TRY(tw_alloc(D * r, sizeof *left, &left));
    TW_TRY(tw_alloc(D * r, sizeof *right, &right));
    TW_TRY(tw_alloc(D * D, sizeof(double), &law->Sigma_ct_hessian));
    TW_TRY(tw_alloc(D * D, sizeof(double), &law->Sigma_dt_hessian));
    TW_TRY(tw_alloc(D * D, sizeof(double), &law->Sigma_dt_printed));
    for (int64_t k = 0; k < r; k++)
        tau += f->h[k] / (2 * (1 - mu) - ((1 - mu) / (1 + mu) + (in->c1 - 1) / S) * f->h[k]);
    law->tau = tau;
    law->kappa = tau / (1 - in->c2 * tau / S);
    law->has_closed = true;
    for (int64_t k = 0; k < r; k++) w[k] = base / 2;
    TW_TRY(tw_noise_compose(D, r, f->RV, w, law->Sigma_ct_hessian));
    for (int64_t k = 0; k < r; k++) w[k] = base / (2 - f->h[k] / (1 + mu));
    TW_TRY(tw_noise_compose(D, r, f->RV, w, law->Sigma_dt_hessian));
    // (2I - A Lambda/(1+mu))^-1 Lambda = R^-1 V diag(.) V^T R^3.
    TW_TRY(tw_noise_mul(false, false, D, r, D, f->inverse_root, f->V, left));
    for (int64_t i = 0; i < D; i++)
        for (int64_t k = 0; k < r; k++) left[i * r + k] *= w[k];
    double *cube = law->Sigma_dt_printed; // holds Lambda RV for a moment
    TW_TRY(tw_noise_mul(false, false, D, r, D, f->root, f->RV, right));
    TW_TRY(tw_noise_mul(false, false, D, r, D, f->root, right, cube));
    memcpy(right, cube, (size_t)(D * r) * sizeof *right);
    TW_TRY(tw_noise_mul(false, true, D, D, r, left, right, law->Sigma_dt_printed));
done:
    free(w);
    free(left);
    free(right);
    return st;
}

// Theorem 4: A and Gamma diagonal, scalar rate, no momentum, Gaussian.
static void l2_forms(const tw_noise_population *in, tw_noise_law *law)
{
    int64_t D = in->D;
    double lambda = in->Lambda[0], S = (double)in->S, tau = 0, r = 0;
    if (in->mu != 0 || in->c1 != 2 || in->c2 != 1 || !diagonal(D, in->A) || !diagonal(D, in->Gamma) ||
        !diagonal(D, in->Lambda) || !all_zero(D * D, in->B))
        return;
    for (int64_t i = 0; i < D; i++) {
        double a = in->A[i * D + i], g = in->Gamma[i * D + i], k = a + g, u = in->u[i];
        if (in->Lambda[i * D + i] != lambda) return;
        if (k == 0) continue; // a = gamma = 0: nothing moves there
        double G = 2 - lambda * (k + a * a / (S * k));
        tau += a * a / (k * G);
        r += a * a * a * g * g * u * u / (k * k * k * G);
    }
    double den = 1 - lambda * tau / S;
    law->kappa_l2 = tau / den;
    law->r_l2 = r / den;
    law->has_l2 = true;
}

// (c1-1) Ao Sigma Ao + c2 Tr(Ao Sigma) Ao + (the same at delta) + s2 Ao, over S: in original coordinates.
static tw_status population_noise(const tw_noise_population *in, const double *Ao, const double *Sigma,
                                  const double *Adelta, double weight, double *out)
{
    tw_status st = TW_OK;
    int64_t D = in->D;
    double S = (double)in->S, tr = tw_noise_dot(D * D, Ao, Sigma);
    TW_TRY(tw_noise_congruence(true, D, D, Ao, Sigma, out));
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++) {
            double rank_one = Adelta[i] * Adelta[j];
            out[i * D + j] = ((in->c1 - 1) * (out[i * D + j] + rank_one) + (in->c2 * tr + weight) * Ao[i * D + j]) / S;
        }
done:
    return st;
}

// beta = Ao^+ A u. With B = 0, u itself serves: only Ao delta enters.
static tw_status best_predictor(const tw_noise_population *in, const double *Ao, bool no_input_noise, double *beta)
{
    tw_status st = TW_OK;
    int64_t D = in->D;
    double *w = NULL, *v = NULL, *t = NULL;
    memcpy(beta, in->u, (size_t)D * sizeof *beta);
    if (no_input_noise) return TW_OK;
    TW_TRY(tw_alloc(D, sizeof *w, &w));
    TW_TRY(tw_alloc(D * D, sizeof *v, &v));
    TW_TRY(tw_alloc(2 * D, sizeof *t, &t));
    TW_TRY(tw_noise_eig(D, in->A, w, v));
    if (w[0] < -1e-10 * fabs(w[D - 1])) {
        st = tw_fail(TW_EINVAL, "A: found smallest eigenvalue %g, expected a positive semidefinite matrix", w[0]);
        goto done;
    }
    TW_TRY(tw_noise_eig(D, in->B, w, v));
    if (w[0] < -1e-10 * fabs(w[D - 1])) {
        st = tw_fail(TW_EINVAL, "B: found smallest eigenvalue %g, expected a positive semidefinite matrix", w[0]);
        goto done;
    }
    TW_TRY(tw_noise_eig(D, Ao, w, v));
    times(D, D, in->A, in->u, t);
    times_transposed(D, D, v, t, t + D);
    for (int64_t i = 0; i < D; i++) t[D + i] = w[i] > 1e-12 * w[D - 1] ? t[D + i] / w[i] : 0;
    times(D, D, v, t + D, beta);
done:
    free(w);
    free(v);
    free(t);
    return st;
}

static tw_status check_population(const tw_noise_population *in)
{
    tw_status st = TW_OK;
    TW_TRY(common_checks(in->D, in->S, in->mu, in->Gamma, in->w0));
    TW_TRY(tw_noise_check_symmetric("A", in->D, in->A));
    TW_TRY(tw_noise_check_symmetric("B", in->D, in->B));
    TW_TRY(tw_noise_check_finite("u", in->D, in->u));
    if (!(in->sigma2 >= 0 && isfinite(in->sigma2)))
        st = tw_fail(TW_EINVAL, "sigma2: found %g, expected a variance, at least 0", in->sigma2);
    else if (!(in->c2 >= 0 && in->c1 + in->c2 >= 1 && isfinite(in->c1 + in->c2)))
        st = tw_fail(TW_EINVAL, "c1, c2: found %g, %g, expected c2 >= 0 and c1 + c2 >= 1 (any real distribution)",
                     in->c1, in->c2);
done:
    return st;
}

tw_status tw_noise_solve_population(const tw_noise_population *in, const tw_noise_opts *opts, tw_noise_law **out)
{
    TW_OPTIONS(tw_noise, opts);
    tw_status st = TW_OK;
    tw_noise_frame f = {0};
    tw_noise_operator op = {0};
    tw_noise_law *law = NULL;
    int64_t D = in->D;
    double *block = NULL, *Ao = NULL, *w_star = NULL;

    TW_TRY(check_population(in));
    bool no_gamma = all_zero(D * D, in->Gamma), no_input_noise = all_zero(D * D, in->B);
    TW_TRY(new_law(D, &law));
    TW_TRY(tw_alloc(D * D, sizeof *Ao, &Ao));
    TW_TRY(tw_alloc(5 * D, sizeof *block, &block));
    TW_TRY(tw_alloc(D, sizeof *w_star, &w_star));
    double *beta = block, *Adelta = block + D, *delta = block + 2 * D, *b = block + 3 * D, *Ad = block + 4 * D;
    for (int64_t i = 0; i < D * D; i++) Ao[i] = in->A[i] + in->B[i];
    TW_TRY(tw_noise_frame_make(D, in->mu, Ao, in->Gamma, no_gamma, in->Lambda, opts->rank_tol, &f));
    int64_t r = f.r;

    op = (tw_noise_operator){.r = r, .diagonal = no_gamma, .c1 = in->c1, .c2 = in->c2, .scale = 1 / (double)in->S};
    TW_TRY(tw_alloc(no_gamma ? r : r * r, sizeof(double), &op.A));
    TW_TRY(tw_alloc(r * r, sizeof(double), &op.C0));
    TW_TRY(tw_alloc(no_gamma ? 1 : 2 * r * r, sizeof(double), &op.scratch));
    if (no_gamma)
        memcpy(op.A, f.h, (size_t)r * sizeof *op.A);
    else
        TW_TRY(tw_noise_congruence(true, D, r, f.RV, Ao, op.A));

    double weight = 0, s2 = in->sigma2;
    if (tw_noise_frame_status(&f) != TW_NOISE_NOT_A_MINIMUM) {
        TW_TRY(best_predictor(in, Ao, no_input_noise, beta));
        times(D, D, in->A, in->u, b);
        TW_TRY(minimiser(&f, b, in->w0, w_star));
        if (!no_input_noise) { // s2 = sigma2 + u^T A (u - beta)
            for (int64_t i = 0; i < D; i++) delta[i] = in->u[i] - beta[i];
            s2 += fmax(0, tw_noise_dot(D, b, delta));
        }
        if (!no_gamma) { // without L2, A_o w* = A u
            for (int64_t i = 0; i < D; i++) delta[i] = w_star[i] - beta[i];
            times(D, D, Ao, delta, Adelta);
        }
        double misfit = no_gamma ? 0 : fmax(0, tw_noise_dot(D, delta, Adelta));
        weight = in->c2 * misfit + s2;
        law->res2 = misfit + s2;
        times_transposed(D, r, f.RV, Adelta, Ad);
        for (int64_t i = 0; i < r; i++)
            for (int64_t j = 0; j < r; j++) {
                double a = no_gamma ? (i == j ? op.A[i] : 0) : op.A[i * r + j];
                op.C0[i * r + j] = op.scale * ((in->c1 - 1) * Ad[i] * Ad[j] + weight * a);
            }
    }
    TW_TRY(stationary_part(&f, &op, opts, law));
    if (law->status == TW_NOISE_STABLE) {
        TW_TRY(tw_alloc(D * D, sizeof *law->C, &law->C));
        TW_TRY(population_noise(in, Ao, law->Sigma, Adelta, weight, law->C));
        law->w_star = w_star;
        w_star = NULL;
        TW_TRY(finish_losses(Ao, in->Gamma, law));
        for (int64_t i = 0; i < D; i++) delta[i] = law->w_star[i] - in->u[i];
        law->L_test = (tw_noise_dot(D * D, in->A, law->Sigma) + quadratic(D, in->A, delta)) / 2;
        law->has_test = true;
        if (no_gamma)
            TW_TRY(closed_forms(in, &f, s2, law));
        else
            l2_forms(in, law);
    } else {
        law->res2 = 0;
    }
    *out = law;
    law = NULL;
done:
    tw_noise_law_free(law);
    tw_noise_operator_drop(&op);
    tw_noise_frame_drop(&f);
    free(block);
    free(Ao);
    free(w_star);
    return st;
}

static tw_status check_data(const tw_noise_data *in)
{
    tw_status st = TW_OK;
    TW_TRY(common_checks(in->D, in->S, in->mu, in->Gamma, in->w0));
    if (in->N < 1) st = tw_fail(TW_EINVAL, "N: found %" PRId64 ", expected at least 1", in->N);
    if (st == TW_OK && !in->replacement && in->S > in->N)
        st = tw_fail(TW_EINVAL, "S: found %" PRId64 ", expected at most N = %" PRId64 " without replacement", in->S,
                     in->N);
    if (st == TW_OK) st = tw_noise_check_finite("X", in->N * in->D, in->X);
    if (st == TW_OK) st = tw_noise_check_finite("y", in->N, in->y);
done:
    return st;
}

double tw_noise_batch_factor(int64_t N, int64_t S, bool replacement)
{
    if (replacement) return 1 / (double)S;
    return N == 1 ? 0 : (double)(N - S) / ((double)S * (double)(N - 1));
}

// c [ Z^T diag(q) Z / N - g g^T ] for rows Z[N][r].
static tw_status weighted_outer(int64_t N, int64_t r, const double *Z, const double *q, double c, const double *g,
                                double *out)
{
    tw_status st = TW_OK;
    double *t = NULL;
    TW_TRY(tw_alloc(N * r, sizeof *t, &t));
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < r; j++) t[i * r + j] = q[i] / (double)N * Z[i * r + j];
    TW_TRY(tw_noise_mul(true, false, r, r, N, Z, t, out));
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < r; j++) out[i * r + j] = c * (out[i * r + j] - g[i] * g[j]);
    tw_noise_symmetrise(r, out);
done:
    free(t);
    return st;
}

// C = c [ mean (x^T Sigma x + r^2) x x^T - A Sigma A - g0 g0^T ] in original coordinates.
static tw_status data_noise(const tw_noise_data *in, const double *A, const double *Sigma, const double *res2,
                            const double *g0, double c, double *out)
{
    tw_status st = TW_OK;
    int64_t N = in->N, D = in->D;
    double *xs = NULL, *q = NULL, *asa = NULL;
    TW_TRY(tw_alloc(N * D, sizeof *xs, &xs));
    TW_TRY(tw_alloc(N, sizeof *q, &q));
    TW_TRY(tw_alloc(D * D, sizeof *asa, &asa));
    TW_TRY(tw_noise_mul(false, false, N, D, D, in->X, Sigma, xs));
    for (int64_t i = 0; i < N; i++) q[i] = tw_noise_dot(D, xs + i * D, in->X + i * D) + res2[i];
    TW_TRY(weighted_outer(N, D, in->X, q, c, g0, out));
    TW_TRY(tw_noise_congruence(true, D, D, A, Sigma, asa));
    for (int64_t i = 0; i < D * D; i++) out[i] -= c * asa[i];
done:
    free(xs);
    free(q);
    free(asa);
    return st;
}

tw_status tw_noise_solve_data(const tw_noise_data *in, const tw_noise_opts *opts, tw_noise_law **out)
{
    TW_OPTIONS(tw_noise, opts);
    tw_status st = TW_OK;
    tw_noise_frame f = {0};
    tw_noise_operator op = {0};
    tw_noise_law *law = NULL;
    int64_t D = in->D, N = in->N;
    double *A = NULL, *b = NULL, *res2 = NULL, *w_star = NULL, *g0 = NULL, *gz = NULL;

    TW_TRY(check_data(in));
    double c = tw_noise_batch_factor(N, in->S, in->replacement);
    TW_TRY(new_law(D, &law));
    TW_TRY(tw_alloc(D * D, sizeof *A, &A));
    TW_TRY(tw_alloc(D, sizeof *b, &b));
    TW_TRY(tw_alloc(N, sizeof *res2, &res2));
    TW_TRY(tw_alloc(D, sizeof *w_star, &w_star));
    TW_TRY(tw_alloc(D, sizeof *g0, &g0));
    TW_TRY(tw_alloc(D, sizeof *gz, &gz));
    TW_TRY(tw_noise_mul(true, false, D, D, N, in->X, in->X, A));
    for (int64_t i = 0; i < D * D; i++) A[i] /= (double)N;
    tw_noise_symmetrise(D, A);
    TW_TRY(tw_noise_frame_make(D, in->mu, A, in->Gamma, all_zero(D * D, in->Gamma), in->Lambda, opts->rank_tol, &f));
    int64_t r = f.r;
    op = (tw_noise_operator){.r = r, .N = N, .scale = c};
    TW_TRY(tw_alloc(N * r, sizeof(double), &op.Z));
    TW_TRY(tw_alloc(r * r, sizeof(double), &op.A));
    TW_TRY(tw_alloc(r * r, sizeof(double), &op.C0));
    TW_TRY(tw_alloc(2 * r * r + N * r, sizeof(double), &op.scratch));
    TW_TRY(tw_noise_mul(false, false, N, r, D, in->X, f.RV, op.Z));
    TW_TRY(tw_noise_congruence(true, D, r, f.RV, A, op.A));
    law->c_SN = c;
    if (tw_noise_frame_status(&f) != TW_NOISE_NOT_A_MINIMUM) {
        times_transposed(N, D, in->X, in->y, b);
        for (int64_t i = 0; i < D; i++) b[i] /= (double)N;
        TW_TRY(minimiser(&f, b, in->w0, w_star));
        times(D, D, in->Gamma, w_star, g0); // at the minimum, the data's gradient is -Gamma w*
        for (int64_t i = 0; i < D; i++) g0[i] = -g0[i];
        for (int64_t i = 0; i < N; i++) {
            double e = tw_noise_dot(D, in->X + i * D, w_star) - in->y[i];
            res2[i] = e * e;
            law->res2 += e * e / (double)N;
        }
        times_transposed(D, r, f.RV, g0, gz);
        TW_TRY(weighted_outer(N, r, op.Z, res2, c, gz, op.C0));
        TW_TRY(tw_alloc(D * D, sizeof(double), &law->C_at_min));
        TW_TRY(weighted_outer(N, D, in->X, res2, c, g0, law->C_at_min));
    }
    TW_TRY(stationary_part(&f, &op, opts, law));
    if (law->status == TW_NOISE_STABLE) {
        TW_TRY(tw_alloc(D * D, sizeof *law->C, &law->C));
        TW_TRY(data_noise(in, A, law->Sigma, res2, g0, c, law->C));
        law->w_star = w_star;
        w_star = NULL;
        TW_TRY(finish_losses(A, in->Gamma, law));
    } else {
        law->res2 = 0;
    }
    *out = law;
    law = NULL;
done:
    tw_noise_law_free(law);
    tw_noise_operator_drop(&op);
    tw_noise_frame_drop(&f);
    free(A);
    free(b);
    free(res2);
    free(w_star);
    free(g0);
    free(gz);
    return st;
}
