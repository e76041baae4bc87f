// SPDX-License-Identifier: MIT
// The exact strength of minibatch noise: stationary laws of momentum SGD on quadratic losses.
//
//   m_t = mu m_{t-1} + g_t,   w_t = w_{t-1} - Lambda m_t,   g_t = (minibatch gradient of the data loss) + Gamma w_{t-1}
//
// Matrices are full, row-major, symmetric: A[i D + j]. Sigma = E[(w - w*)(w - w*)^T], C = stationary average of the
// gradient noise covariance. K = A + B + Gamma is the Hessian of the training loss; h are the eigenvalues of Lambda K.
// No routine returns NaN or infinity: what is not defined has its flag false, or its pointer NULL.
// Source: Ziyin, Liu, Mori & Ueda, "Strength of Minibatch Noise in SGD", ICLR 2022; derivations: docs/noise.md.
#ifndef THALWEG_THEORY_NOISE_H
#define THALWEG_THEORY_NOISE_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_noise_status {
    TW_NOISE_STABLE = 0,
    TW_NOISE_NOT_A_MINIMUM,    // smallest h on the moving subspace <= 1e-12 max |h|: no restoring force
    TW_NOISE_GD_UNSTABLE,      // h_max >= 2 (1 + mu): even noiseless gradient descent diverges
    TW_NOISE_NOISE_UNSTABLE,   // noise gain >= 1: second moments grow without bound
    TW_NOISE_MARGINAL,         // natural gradient without label noise
    TW_NOISE_NO_STATIONARY_LAW // E ln |1 - z chi^2_S / S| >= 0
} tw_noise_status;

// "stable", "not_a_minimum", ...
TW_API const char *tw_noise_status_name(tw_noise_status status);

// Linear regression y = u^T x + eps on streaming data: x ~ (0, A) with E[(x^T M x) x x^T] = c1 A M A + c2 Tr(AM) A for
// what the model observes (Gaussian: 2, 1), input noise N(0, B), label variance sigma2.
typedef struct tw_noise_population {
    int64_t D, S;
    double mu;
    const double *A, *B, *Gamma, *Lambda; // [D][D]
    const double *u, *w0;                 // [D]
    double sigma2, c1, c2;
} tw_noise_population;

// Linear regression on N given samples; batches with or without replacement, independent from step to step.
typedef struct tw_noise_data {
    int64_t N, D, S;
    double mu;
    const double *X, *y;          // [N][D], [N]
    const double *Gamma, *Lambda; // [D][D]
    const double *w0;             // [D]
    bool replacement;
} tw_noise_data;

typedef struct tw_noise_law {
    int64_t D, rank; // rank of the moving subspace, range(Lambda^1/2 (A+B) Lambda^1/2) + range(... Gamma ...)
    tw_noise_status status;
    double h_min, h_max; // over the moving subspace (0 when rank is 0)
    bool has_limit;      // lr_scale_max is known (K positive)
    double lr_scale_max; // t: stable exactly when Lambda is replaced by t' Lambda, 0 < t' < t
    bool has_gain;       // gain and rho are known (GD stable)
    double gain;         // spectral radius of L^-1 N; stable iff < 1
    double rho;          // factor per step of the slowest second moment (asked for with want_rho)
    // Only when stable, else NULL and 0:
    double *w_star, *Sigma, *C; // [D], [D][D], [D][D]
    double *eig_Sigma;          // [D] ascending
    double L_data, L_reg, tr_AoSigma, tr_Sigma, res2;
    bool has_test; // population only
    double L_test;
    bool has_closed; // Gamma = 0: section 5 closed form and the two Hessian approximations
    double tau, kappa;
    double *Sigma_ct_hessian, *Sigma_dt_hessian; // [D][D] symmetric
    double *Sigma_dt_printed; // [D][D] sigma^2/(S(1-mu)) (2I - A Lambda/(1+mu))^-1 Lambda: not symmetric unless A and
                              // Lambda commute; kept because published reference values use it
    bool has_l2;              // diagonal A, Gamma != 0, scalar Lambda, mu = 0, Gaussian
    double kappa_l2, r_l2;
    // Data set only:
    double c_SN;
    double *C_at_min; // [D][D], in every status but not_a_minimum
} tw_noise_law;

typedef struct tw_noise_opts {
    size_t size;
    double rank_tol; // singular values below rank_tol x largest count as zero
    double cg_tol;   // relative residual of the stationary equation
    bool want_rho;   // rho costs some ten gains more
    bool want_limit; // so does lr_scale_max
} tw_noise_opts;

static inline tw_noise_opts tw_noise_defaults(void)
{
    tw_noise_opts opts = {sizeof opts, 1e-12, 1e-15, true, true};
    return opts;
}

// Exact stationary law by preconditioned conjugate gradients on (L - N) X = C0 in the eigenbasis of
// Lambda^1/2 K Lambda^1/2: no commutation, rank or positivity of Gamma is assumed, and no D^2 x D^2 matrix is formed.
// Cost of a product: r^2 flops for population without Gamma, 8 r^3 with, 4 N r^2 for a data set. D up to some 2000.
//
// TW_EINVAL  S < 1, mu outside [0, 1), Lambda not positive definite, sigma2 < 0, c2 < 0 or c1 + c2 < 1, a number not
//            finite, A or B not positive semidefinite, S > N without replacement.  TW_ENOMEM, TW_ENUMERIC.
TW_API TW_NODISCARD tw_status tw_noise_solve_population(const tw_noise_population *in, const tw_noise_opts *opts,
                                                        tw_noise_law **out);
TW_API TW_NODISCARD tw_status tw_noise_solve_data(const tw_noise_data *in, const tw_noise_opts *opts,
                                                  tw_noise_law **out);
TW_API void tw_noise_law_free(tw_noise_law *law);

// Definition 1, Proposition 1. gradients [N][P]; outputs [P][P]. TW_EINVAL: S < 1, or S > N.
TW_API TW_NODISCARD tw_status tw_noise_covariance(int64_t N, int64_t P, int64_t S, const double *gradients,
                                                  double *with_replacement, double *without_replacement);

// c of C(w) = c [mean g g^T - mean g mean g^T]: 1/S, or (N-S)/(S(N-1)) without replacement.
TW_API double tw_noise_batch_factor(int64_t N, int64_t S, bool replacement);

// Theorem 1 for a given C: Sigma on range(H). Status not_a_minimum when H is not positive on its range or C reaches
// outside it; gd_unstable. Sigma is written only when stable.
TW_API TW_NODISCARD tw_status tw_noise_lyapunov(int64_t D, double mu, const double *H, const double *Lambda,
                                                const double *C, tw_noise_status *status, double *Sigma);
// The same equation read from right to left: C from Sigma.
TW_API TW_NODISCARD tw_status tw_noise_lyapunov_inverse(int64_t D, double mu, const double *H, const double *Lambda,
                                                        const double *Sigma, double *C);

// Corollaries 2 and 3: C = (2 L0/S) H0 - (1/S) Gamma w w^T Gamma at a minimum w of L0 + w^T Gamma w / 2, squared loss,
// one output, and the Sigma that follows. The formula can give an indefinite C; indefinite says so.
typedef struct tw_noise_minimum {
    tw_noise_status status;
    bool indefinite;
} tw_noise_minimum;
TW_API TW_NODISCARD tw_status tw_noise_at_minimum(int64_t D, int64_t S, double mu, const double *H0, double L0,
                                                  const double *Gamma, const double *w_star, const double *Lambda,
                                                  tw_noise_minimum *out, double *C, double *Sigma);

// Theorem 6 (law c1 = 0, "paper") and the same with the Gaussian fourth moment: eigenvalues a[D] of the data's second
// moment, alpha = N/D. kappa excludes lambda; tr_ASigma is Tr[A Sigma].
typedef struct tw_noise_highdim {
    tw_noise_status status;          // of the paper's law
    bool paper_stable, gauss_stable; // the fields below are 0 when not
    double tr_ASigma_paper, kappa_paper, tr_ASigma_gauss, kappa_gauss;
    double lambda_max_paper, lambda_max_gauss;
} tw_noise_highdim;
TW_API TW_NODISCARD tw_status tw_noise_high_dimension(int64_t D, const double *a, double lambda, int64_t S,
                                                      double sigma2, double alpha, tw_noise_highdim *out);

// Largest stable lambda of section 5 for eigenvalues a[D] of the feature covariance and the law (c1, c2):
// all G_i > 0 and c2 tau < S. Rounded to a relative 1e-15.
TW_API TW_NODISCARD tw_status tw_noise_step_max(int64_t D, const double *a, int64_t S, double mu, double c1, double c2,
                                                double *lambda_max);

// Stationary variances of section 5 along the eigenvectors of A, scalar lambda: law[4][D] = exact, dt_hessian,
// ct_hessian, ct_minibatch. TW_EINVAL: out of range, or (c1, c2) of no distribution. exact and ct_minibatch are written
// only when they exist (their flag).
typedef struct tw_noise_lines {
    bool exact, ct_minibatch;
} tw_noise_lines;
TW_API TW_NODISCARD tw_status tw_noise_label(int64_t D, const double *a, double lambda, int64_t S, double mu,
                                             double sigma2, double c1, double c2, tw_noise_lines *lines, double *law);

// || Sigma(c lambda, c S) - Sigma(lambda, S) || / || Sigma(lambda, S) || (Frobenius), Gaussian features; *ok false when
// either is unstable. S may be fractional here: it enters the formulas only.
TW_API TW_NODISCARD tw_status tw_noise_scaling_error(int64_t D, const double *a, double lambda, double S, double mu,
                                                     double c, bool *ok, double *error);

// A Hessian known in part: k eigenvalues a > 0 that count weight times (1 for an eigenvalue), the noise v'Mv along
// each, and the rest of the trace, in eigenvalues between 0 and the smallest a.
typedef struct tw_noise_modes {
    int64_t k;
    const double *a, *weight, *noise; // [k]; noise is looked at by tw_noise_modes_break only
    double rest;                      // >= 0
} tw_noise_modes;

// Largest stable step of section 5 for the law (c1, c2), in a bracket: *least if the rest sits at the smallest a, *most
// if it is spread near 0. S need not be an integer. TW_EINVAL: out of range.
TW_API TW_NODISCARD tw_status tw_noise_modes_step_max(const tw_noise_modes *modes, double S, double mu, double c1,
                                                      double c2, double *least, double *most);
// From the reference (lambda, S): the factor c at which (c lambda, c S) has changed the stationary variances along the
// modes by the relative size limit (Euclidean), or makes them infinite; the rest sits at the smallest a. up: c > 1,
// else 1/S <= c < 1. 0: nowhere. *stable false: the reference itself is unstable.
TW_API TW_NODISCARD tw_status tw_noise_modes_break(const tw_noise_modes *modes, double lambda, double S, double mu,
                                                   double c1, double c2, double limit, bool up, bool *stable,
                                                   double *factor);

// Corollary 1, D = 1, mu = 0: weight decay that minimises the stationary test loss.
typedef struct tw_noise_decay {
    bool exists; // some gamma is stable
    tw_noise_status status;
    double gamma_lo, gamma_hi, gamma_star, L_test_star;
    bool stable_at_zero;
} tw_noise_decay;
TW_API TW_NODISCARD tw_status tw_noise_decay_1d(double a, double lambda, int64_t S, double u, double sigma2,
                                                tw_noise_decay *out);

// Natural gradient with the per-sample Fisher matrix of the stationary state: Sigma = s A^-1, Lambda = l A^-1.
typedef struct tw_noise_ngd {
    tw_noise_status status; // marginal iff sigma2 = 0
    double s, l, l_max;
} tw_noise_ngd;
TW_API TW_NODISCARD tw_status tw_noise_natural_gradient(int64_t D, const double *A, double lambda, int64_t S, double mu,
                                                        double sigma2, tw_noise_ngd *out, double *Sigma, double *C);

// Tail P(|w| > v) ~ v^-beta of the stationary law, isotropic Gaussian features of variance a in D dimensions, mu = 0.
typedef struct tw_noise_tail {
    tw_noise_status status;
    bool has_exact;
    double beta_exact;      // E|1 - z chi^2_S/S|^beta = 1
    bool has_estimates;     // the next two: D = 1
    double beta_moment;     // moment matching: 2S/z - S
    double beta_continuous; // continuous time: 2S/z + 1
    bool has_log_mean;      // D = 1
    double log_mean;        // E ln|1 - z chi^2_S/S|
    bool second_moment_finite;
} tw_noise_tail;
TW_API TW_NODISCARD tw_status tw_noise_tail_index(double a, double lambda, int64_t S, int64_t D, tw_noise_tail *out);

#ifdef __cplusplus
}
#endif
#endif
