// SPDX-License-Identifier: MIT
// Momentum SGD on linear regression, thousands of independent replicas at once, with error bars from the replicas.
//
// Replicas are independent, so the standard error of a mean over them needs no model of the autocorrelation inside one:
// each replica gives one time average, and the spread of those averages is the error. Groups of sixteen replicas are
// shards: same bits for any number of threads.
#ifndef SIM_REGRESSION_H
#define SIM_REGRESSION_H

#include "base/status.h"

// D = 1, streaming Gaussian data; see sim/regression_one.inc. steps and burn are rounded up to
// multiples of 4 at S = 1, of 16 at S = 2, of 8 above.
typedef struct tw_regression_one {
    int64_t S, replicas, burn, steps; // replicas: a multiple of 16
    double a, s, lambda, mu;          // variance of x, standard deviation of the residual at w*, step, momentum
    double gamma, delta;              // L2, and w* minus the best predictor
    uint64_t seed;
} tw_regression_one;

// Any D: streaming Gaussian (N = 0) or a data set, simulated as written: x, input noise, label noise, batch by batch.
typedef struct tw_regression_many {
    int64_t D, S, N, replicas, burn, steps;
    double mu, sigma;
    const double *root_A, *root_B; // streaming: [D][D] factors, x = root_A z; root_B NULL: no input noise
    const double *u;               // [D]
    const double *X, *y;           // data: [N][D], [N]
    const double *Gamma, *Lambda;  // [D][D]
    const double *start, *centre;  // [D]: first w, and w* about which moments are taken
    bool replacement;
    uint64_t seed;
} tw_regression_many;

typedef struct tw_regression_law {
    int64_t D, replicas, diverged; // replicas that left the finite numbers; they are not in the means
    double *Sigma, *error;         // [D][D]: mean over replicas of the time average, and its standard error
    double mean, mean_error;       // of the weighted sum asked for
} tw_regression_law;

// weight[D][D]: mean = sum weight . Sigma. last[replicas]: |w - w*| at the end, or NULL.
TW_NODISCARD tw_status tw_regression_run_one(const tw_regression_one *in, double weight, const tw_progress *progress,
                                             float *last, tw_regression_law **out);
TW_NODISCARD tw_status tw_regression_run_many(const tw_regression_many *in, const double *weight,
                                              const tw_progress *progress, float *last, tw_regression_law **out);
void tw_regression_law_free(tw_regression_law *law);

// Hill's estimate from the k largest of n independent magnitudes (sorted in place, largest first): beta and the ends of
// its 95 % interval, beta (1 -+ 1.96/sqrt k) (asymptotic normality, Hall 1982). TW_EINVAL: not 2 <= k < n.
typedef struct tw_hill {
    double beta, low, high;
    int64_t k;
} tw_hill;
TW_NODISCARD tw_status tw_hill_estimate(int64_t n, float *x, int64_t k, tw_hill *out);

#endif
