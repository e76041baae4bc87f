// SPDX-License-Identifier: MIT
// The anisotropic PAC-Bayes bound of a trained network, with everything measured that goes into it.
//
// Source: Li et al., "Hessian based analysis of SGD for deep nets", SDM 2020; docs/bound.md, "Networks".
#ifndef THALWEG_TRAIN_BOUND_H
#define THALWEG_TRAIN_BOUND_H

#include "thalweg/net.h"
#include "thalweg/theory_bound.h"

#ifdef __cplusplus
extern "C" {
#endif

// The loss that is bounded is the 0-1 error. Prior N(theta0, sigma_i^2 diag s), sigma_i^2 = c exp(-i/b), i = 1 ...
// scales, each scale paid for with confidence 6 delta / (pi^2 i^2). Posterior N(theta, diag 1/nu), theta the network's
// weights and nu_j = max(beta H_jj, 1/(sigma_i^2 s_j)), for four beta: 0, 1 (the paper's), m/10 and m, m samples.
typedef struct tw_network_bound_opts {
    size_t size;
    double delta;    // the bound fails for an unlucky training sample with at most this probability
    double delta_mc; // and for unlucky draws from the posteriors with at most this: delta + delta_mc < 1
    int64_t draws;   // of each posterior, for its Gibbs error, >= 2
    int64_t pilot;   // draws at each scale of the prior that only choose the scale, >= 2; never used again
    double c, b;     // of the grid of scales
    int64_t scales;
    int64_t probes; // random vectors for the Hessian's diagonal where it is not swept exactly (tw_diagonals_agree), >=
                    // 6; as many as parameters or more: exact
    int64_t memory; // bytes for the Hessian's kept state; 0: no limit
    uint64_t seed;  // of draws and probes
    tw_progress progress;
} tw_network_bound_opts;

static inline tw_network_bound_opts tw_network_bound_defaults(void)
{
    tw_network_bound_opts opts = {sizeof opts, 0.05, 0.01, 1000, 16, 100, 2, 30, 2048, 0, 0, {NULL, NULL}};
    return opts;
}

enum { TW_NETWORK_POSTERIORS = 4 };

// One posterior. All of them hold at once with probability 1 - delta - delta_mc: delta_mc is shared between them, and
// the bound over the sample holds for every posterior and scale anyway.
typedef struct tw_posterior_bound {
    double beta;
    int64_t scale;                        // i
    double variance, delta;               // sigma_i^2 and 6 delta / (pi^2 i^2)
    int64_t active;                       // coordinates with beta H_jj > 1/(sigma_i^2 s_j)
    double effective_curvature;           // sum over the active ones of ln(nu_j sigma_i^2 s_j)
    double curvature_low, curvature_high; // the same at 2 standard errors of the diagonal below and above; equal: exact
    double weighted_norm;                 // sum of (theta_j - theta0_j)^2 / (sigma_i^2 s_j)
    double kl_exact, kl_paper_upper;
    double gibbs, gibbs_error;     // mean training error of the draws and its standard error
    double gibbs_low, gibbs_high;  // kl^-1(gibbs, ln(2/delta') / draws), delta' = delta_mc / TW_NETWORK_POSTERIORS
    double rhs;                    // [KL + ln(xi/delta_i)]/m: xi = 2 sqrt(m) for m >= 8, m + 1 for fewer samples
    double low, high;              // kl^-1(gibbs_low, rhs) and kl^-1(gibbs_high, rhs): the error on new samples
    double paper;                  // high in the paper's form: KL without its trace part, xi = m + 1
    bool vacuous;                  // high is no lower than the error 1 - 1/classes of guessing
    double test_gibbs, test_error; // mean error on the test samples of the first draws, and its standard error; NAN
    int64_t overflowed;            // draws with a loss that is not finite: counted as wrong everywhere
} tw_posterior_bound;

typedef struct tw_network_bound {
    int64_t n, samples, classes; // parameters, training samples
    double loss, error;          // at theta: objective without l2 term, training error
    double test_error;           // at theta; NAN: no test samples
    int64_t test_samples;
    bool exact; // the diagonal
    int64_t products;
    double *diagonal, *diagonal_error;             // [n] of the Hessian of the objective; standard errors
    double trace, trace_error;                     // sum of the diagonal; at most this standard error
    double largest, largest_error, smallest;       // entry
    int64_t negative;                              // entries below 0
    int64_t scales;                                // of the grid
    double *variance, *curvature, *norm, *rhs;     // [scales] at beta = 1: sigma_i^2, EC, weighted norm, right side
    int64_t *active;                               // [scales] at beta = 1
    double *pilot_bound;                           // [scales][TW_NETWORK_POSTERIORS]; NAN: cannot be the best
    tw_posterior_bound row[TW_NETWORK_POSTERIORS]; // beta 0, 1, m/10, m
    int best;                                      // row with the least `high`
    double confidence;                             // 1 - delta - delta_mc
    bool swept;                                    // the diagonal is exact by one sweep, without products
} tw_network_bound;

// s_j for the prior's shape: the mean square over the tensor of theta0 that j is in; for a tensor that starts at zero
// the one before it, and 1 where there is none. A function of theta0 alone, so as free of the data as theta0 is.
TW_API void tw_prior_shape(const tw_net *net, const double *theta0, double *shape);

// net holds theta, and comes back with it. test: NULL, or samples for the test errors. theta0 [n]: must not depend on
// the samples, or the bound is void. shape [n]: positive, free of the samples likewise; NULL: ones.
//
// TW_EINVAL  an option out of range; numeric targets; batch norm that couples samples; more than one answer a sample;
//            theta0 not finite, shape not positive;  TW_ENOMEM;  TW_ESTOPPED.
TW_API TW_NODISCARD tw_status tw_network_bound_new(tw_net *net, const tw_data *data, const tw_data *test,
                                                   const double *theta0, const double *shape,
                                                   const tw_network_bound_opts *opts, tw_network_bound **out);
TW_API void tw_network_bound_free(tw_network_bound *bound);

// ---- rescaling of ReLU layers --------------------------------------------------------------------------------------

// t [n]: weights of layer l times alpha_l, its biases times alpha_1 ... alpha_l: a chain of layers with max(0, .)
// between them is the same function at t * w as at w when the alphas' product is 1. A layer is a tensor of two axes or
// more with the vectors that follow it.
// TW_EINVAL  count is not the number of layers, an alpha is not positive, their product is not 1 (to 1e-12).
TW_API TW_NODISCARD tw_status tw_rescaling(const tw_net *net, int64_t count, const double *alpha, double *t);
TW_API int64_t tw_rescaling_layers(const tw_net *net);

// Whether it is the same function: *change is the largest change of a sample's loss between w and t * w, over
// 1 + |loss|. net comes back with the weights it had.
TW_API TW_NODISCARD tw_status tw_rescaling_change(tw_net *net, const tw_data *data, const double *t, double *change);

#ifdef __cplusplus
}
#endif
#endif
