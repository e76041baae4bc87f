// SPDX-License-Identifier: MIT
// The anisotropic PAC-Bayes bound, and what one SGD step does to a least-squares loss.
//
// Source: Li et al., "Hessian based analysis of SGD for deep nets", SDM 2020; Maurer, arXiv cs/0411099 (the constant
// 2 sqrt(n)); Langford, JMLR 6 (2005) 273 (n + 1 and the inversion). Logarithms are natural, losses lie in [0, 1].
#ifndef THALWEG_THEORY_BOUND_H
#define THALWEG_THEORY_BOUND_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// kl(q || p) between two coins, without cancellation for p near q; INFINITY where it is infinite.
// TW_EINVAL  q or p is not in [0, 1].
TW_API TW_NODISCARD tw_status tw_kl(double q, double p, double *out);

// The largest and smallest p with kl(q || p) <= c, and 1 - upper, which keeps its digits when upper is close to 1.
typedef struct tw_kl_range {
    double upper, one_minus_upper, lower;
} tw_kl_range;

// TW_EINVAL  q is not in [0, 1] or c is negative or not a number.
TW_API TW_NODISCARD tw_status tw_kl_inverse(double q, double c, tw_kl_range *out);

// From k errors in draws independent draws: the upper end of a 1 - delta interval of the mean, by the Chernoff form
// kl^-1(k / draws, ln(2 / delta) / draws).
// TW_EINVAL  draws < 1, errors outside 0 ... draws, delta outside (0, 1).
TW_API TW_NODISCARD tw_status tw_gibbs_upper(int64_t errors, int64_t draws, double delta, double *out);

// What goes into the bound. p coordinates; prior N(theta0, diag prior_var), posterior N(theta, diag 1/nu) with
// nu_j = max(beta H_jj, 1/prior_var_j): a negative curvature falls back on the prior.
typedef struct tw_pac_bayes_input {
    int64_t p, n; // coordinates >= 0, training samples >= 1
    double delta; // the bound holds with probability 1 - delta
    double gibbs; // mean error under the posterior on the training set, in [0, 1]
    double beta;  // 1: the paper's posterior
    const double *theta, *theta0, *prior_var, *hess_diag; // [p]
} tw_pac_bayes_input;

// One form of the bound: kl(gibbs || L) <= rhs; bound = kl^-1(gibbs, rhs); pinsker = gibbs + sqrt(rhs / 2), may
// exceed 1.
typedef struct tw_pac_bayes_form {
    double rhs, bound, pinsker;
    bool vacuous; // bound is 1 to within rounding of its complement
} tw_pac_bayes_form;

typedef struct tw_pac_bayes_value {
    int64_t active;             // coordinates with beta H_jj > 1/prior_var_j: an effective dimension
    double effective_curvature; // sum over the active ones of ln(nu_j prior_var_j)
    double weighted_norm;       // sum of (theta_j - theta0_j)^2 / prior_var_j
    double kl_exact;            // KL(posterior || prior)
    double kl_paper_upper;      // (effective_curvature + weighted_norm) / 2 >= kl_exact
    tw_pac_bayes_form langford; // exact KL, ln((n + 1) / delta)
    tw_pac_bayes_form maurer;   // exact KL, ln(2 sqrt(n) / delta); the one to quote (n >= 8)
    tw_pac_bayes_form paper;    // upper KL, ln((n + 1) / delta)
} tw_pac_bayes_value;

// nu: NULL, or p doubles that receive the posterior's precisions.
// TW_EINVAL  names the first bad field and coordinate: prior_var not positive, anything not finite, n < 1, delta
//            outside (0, 1), gibbs outside [0, 1].
TW_API TW_NODISCARD tw_status tw_pac_bayes(const tw_pac_bayes_input *in, double *nu, tw_pac_bayes_value *out);

// The best prior variance of the grid sigma_i^2 = c exp(-i/b), i = 1 ... imax, each paid for with confidence
// 6 delta / (pi^2 i^2) (union bound over all i). in->prior_var is the data-independent shape s_j that the variance
// multiplies; NULL: all ones. gibbs is held fixed. Maurer's constant.
typedef struct tw_prior_choice {
    int64_t index;
    double variance, rhs, bound;
} tw_prior_choice;

// TW_EINVAL  as tw_pac_bayes, and c <= 0, b <= 0 or imax < 1;  TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_prior_grid(const tw_pac_bayes_input *in, double c, double b, int64_t imax,
                                            tw_prior_choice *out);

// The change of f = (1/2n)|X theta - y|^2 in one step theta - eta g_B, over every batch there is.
typedef struct tw_step_change {
    double loss;            // f(theta)
    double mean[2], var[2]; // population mean and variance; [0] with, [1] without replacement
} tw_step_change;

// x: [n][d] row-major; y: [n]; theta: [d]. Exact by enumeration.
// TW_EINVAL  n, d or batch < 1, batch > n, more than 10^7 batches, anything not finite;  TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_least_squares_step(int64_t n, int64_t d, const double *x, const double *y,
                                                    const double *theta, double eta, int64_t batch,
                                                    tw_step_change *out);

#ifdef __cplusplus
}
#endif
#endif
