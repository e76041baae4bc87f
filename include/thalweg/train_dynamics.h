// SPDX-License-Identifier: MIT
// What one step of SGD does to the loss, given the weights; and what many runs from one start do.
#ifndef THALWEG_TRAIN_DYNAMICS_H
#define THALWEG_TRAIN_DYNAMICS_H

#include "thalweg/curv_noise.h"

#ifdef __cplusplus
extern "C" {
#endif

// f: the whole objective on all m samples (l2 included); g_i the gradient of sample i (l2 included), mu their mean, C
// the covariance of a batch's mean gradient g_B, M_B = C + mu mu'. A step is w - lr P g_B; P = 1 unless
// `precondition` says otherwise; D = its change of f.
//
//   mean  E D = -lr mu'P mu + (lr^2/2) Tr(P H P M_B)               exact where f is quadratic
//   var   var D = a'Ca + (lr^4/2) Tr(PHPC PHPC), a = -lr P mu + lr^2 PHP mu      and g_B Gaussian
//   tails P(D - E D >= sqrt(2 V x) + c x) <= exp(-x), V = var D, c = 2 max eigenvalue of (lr^2/2) C^1/2 PHP C^1/2, or 0
//   E g_t'g_(t+1) = |mu|^2 - lr Tr(P H M_B)                         two independent batches, P = 1
typedef struct tw_step_law_opts {
    size_t size;
    double lr;
    int64_t batch;
    bool replacement;
    int64_t draws; // batches drawn, >= 100; all of them are taken instead when there are no more than that
    double power;  // P = diag(1 / (s_j + eps)^power), s_j = mean_i g_ij^2; 0: P = 1
    double eps;
    uint64_t seed;
    tw_progress progress;
    int64_t memory; // bytes that may be used, 0: no limit; what needs more is refused before it begins
} tw_step_law_opts;

static inline tw_step_law_opts tw_step_law_defaults(void)
{
    tw_step_law_opts opts = {sizeof opts, 0.1, 32, false, 4000, 0, 1e-8, 0, {NULL, NULL}, 0};
    return opts;
}

enum { TW_LAW_LEVELS = 4, TW_LAW_TAILS = 6, TW_LAW_QUANTILES = 7 };

typedef struct tw_law_moments {
    tw_measured mean, variance; // standard errors; 0 for formulas and where all batches were taken
    double skewness, excess;    // third and fourth cumulant over powers of the variance; 0 for a Gaussian
} tw_law_moments;

typedef struct tw_step_law {
    int64_t n, samples, batch, draws;
    bool enumerated;          // every batch there is, each once: figures are exact
    double loss;              // f at the weights
    double gradient2;         // |mu|^2
    double trace_m, trace_hm; // Tr M_1 of single samples, Tr(P H P M_B)
    double best_lr;           // mu'P mu / Tr(P H P M_B): of the largest expected decrease; negative: any step goes down
    tw_law_moments predicted; // by the formulas above
    tw_law_moments quadratic; // of -lr mu'P g_B + (lr^2/2) g_B'PHP g_B over the same batches: what is left to f's
                              // third and higher derivatives is the difference from `measured`
    tw_law_moments measured;
    tw_measured falls;                   // P(D < 0)
    double quantile[TW_LAW_QUANTILES];   // of D at .01 .05 .25 .5 .75 .95 .99
    double level[TW_LAW_LEVELS];         // .5 .9 .95 .99
    tw_measured coverage[TW_LAW_LEVELS]; // of the central interval that a Gaussian of the predicted mean and variance
                                         // has at that level; NAN: it has no width
    double tail_x[TW_LAW_TAILS], tail_at[TW_LAW_TAILS]; // x, and the D from which the bound speaks
    tw_measured tail[TW_LAW_TAILS];                     // how often D lies there; the bound is exp(-x)
    double subgamma;                                    // c
    double inner_predicted;
    tw_measured inner; // g_t'g_(t+1)
    double cosine[3];  // quantiles .1 .5 .9 of cos(g_t, g_(t+1))
    // One layer, one output, half-mse ("least squares"): a step that makes E f fall whatever the weights are, with
    // batches of one and labels that some weights fit; and by how much at these weights, over every sample.
    bool least_squares, logistic;
    double safe_lr, safe_factor, safe_ratio; // lambda+ / max x'Hx; 1 - lambda+^2 / max x'Hx; E f_(t+1) / f_t
    // One layer, one output, logistic loss: Tr M <= max |x|^2 f.
    double noise_share; // Tr M / (max |x|^2 f)
} tw_step_law;

// At the network's present weights, on all of data. Keeps the samples' gradients (samples x parameters doubles) and
// takes as many Hessian products as there are samples. TW_EINVAL: an option out of range, samples coupled by batch
// norm; TW_ENOMEM, with both numbers where more is needed than opts->memory; TW_ENUMERIC; TW_ESTOPPED. The same bits on
// any number of threads. Source: Li et al., SDM 2020, section on dynamics; docs/dynamics.md.
TW_API TW_NODISCARD tw_status tw_step_law_new(const tw_net *net, const tw_data *data, const tw_step_law_opts *opts,
                                              tw_step_law **out);
TW_API void tw_step_law_free(tw_step_law *law);
// What it allocates on as many threads as there are, in bytes, before it begins; kept states of products come on top
// and are recomputed instead where they do not fit.
TW_API double tw_step_law_bytes(const tw_net *net, const tw_data *data, const tw_step_law_opts *opts);

// ---- many runs from one start --------------------------------------------------------------------------------------

typedef struct tw_ensemble_opts {
    size_t size;
    const char *optim, *sampling; // words of a trainer
    double lr;
    int64_t batch, epochs, runs; // runs >= 4; run r draws its batches by seed + r
    int64_t looks;               // steps looked at, evenly spread over the logarithm of the step; >= 2
    uint64_t seed;
    tw_progress progress;
} tw_ensemble_opts;

static inline tw_ensemble_opts tw_ensemble_defaults(void)
{
    tw_ensemble_opts opts = {sizeof opts, "sgd", "shuffle", 0.1, 10, 50, 100, 40, 0, {NULL, NULL}};
    return opts;
}

enum { TW_ENSEMBLE_QUANTILES = 5 };

// One step looked at, over the runs that are still finite. f on all samples, before the step; D its change.
typedef struct tw_ensemble_look {
    int64_t step; // 0 is the first
    int64_t runs;
    double loss[TW_ENSEMBLE_QUANTILES];   // quantiles .05 .25 .5 .75 .95 of f
    double change[TW_ENSEMBLE_QUANTILES]; // and of D
    tw_measured mean_loss, mean_change;
    double spread;     // standard deviation of D
    tw_measured falls; // P(D < 0)
    tw_measured inner; // g_t'g_(t+1)
    double cosine[3];  // quantiles .1 .5 .9 of cos(g_t, g_(t+1))
} tw_ensemble_look;

typedef struct tw_ensemble {
    int64_t runs, diverged, steps, looks; // steps: of each run
    tw_ensemble_look *look;               // [looks]
    int64_t phase; // the first look where mean D is within two standard errors of 0, or P(D < 0) < 0.6; -1: one phase
    double *final_loss; // [runs], NAN where a run diverged
} tw_ensemble;

// From the network's present weights, which do not change; runs side by side, a thread each, the same bits on any
// number of them. TW_EINVAL: an option, named; TW_ENUMERIC: fewer than 4 runs stayed finite; TW_ENOMEM; TW_ESTOPPED.
TW_API TW_NODISCARD tw_status tw_ensemble_new(const tw_net *net, const tw_data *data, const tw_ensemble_opts *opts,
                                              tw_ensemble **out);
TW_API void tw_ensemble_free(tw_ensemble *ensemble);

#ifdef __cplusplus
}
#endif
#endif
