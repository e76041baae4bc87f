// SPDX-License-Identifier: MIT
// How far minibatch noise throws a network about: predicted at a minimum, and measured along trajectories from there.
#ifndef THALWEG_TRAIN_NOISE_H
#define THALWEG_TRAIN_NOISE_H

#include "thalweg/curv_noise.h"

#ifdef __cplusplus
extern "C" {
#endif

// m <- mu m + g, w <- w - lr m, g the gradient of a batch and the l2 term; batches are independent from step to step.
typedef struct tw_fluctuation_opts {
    size_t size;
    double lr, momentum; // mu in [0, 1)
    int64_t batch;
    bool replacement;
    int64_t top;         // leading eigenvectors of the Hessian looked along
    int64_t replicas;    // independent trajectories from the network's weights, >= 4
    int64_t burn, steps; // steps of each that are not kept, and kept
    double tolerance;    // of eigenpairs
    uint64_t seed;
    tw_progress progress;
} tw_fluctuation_opts;

static inline tw_fluctuation_opts tw_fluctuation_defaults(void)
{
    tw_fluctuation_opts opts = {sizeof opts, 0.1, 0, 32, true, 5, 16, 1000, 1000, 1e-5, 0, {NULL, NULL}};
    return opts;
}

// Along eigenvector v of the Hessian of the objective (l2 included) with eigenvalue a, h = lr a: Theorem 1 is diagonal,
//
//   v' Sigma v = lr^2 v'Cv / [2(1-mu) h - (1-mu)/(1+mu) h^2]     0 < h < 2(1+mu)
//
// for any C, commuting with H or not. Predictions are NAN outside that range.
typedef struct tw_fluctuation_mode {
    double eigenvalue, residual;
    bool converged;
    double noise;         // v'Cv at the weights
    double relaxation;    // steps in which a displacement falls by e; INFINITY: never
    double predicted;     // v' Sigma v from the measured v'Cv
    double from_paper;    // C = (2L/SK) H; squared losses, else NAN
    double from_hessian;  // C = H/S
    tw_measured variance; // over time and trajectories; standard error by the jackknife over trajectories
    tw_measured mean;     // of v'(w - w0): far from 0 where w0 is no minimum or the valley is not a parabola
    bool settled;         // burn >= 5 relaxation: else the start is still seen
} tw_fluctuation_mode;

typedef struct tw_fluctuation {
    int64_t n, top;
    double loss, gradient_norm; // of the objective at w0
    tw_measured final_loss;     // mean over the trajectories' batches, l2 term left out
    int64_t diverged;           // trajectories that left the finite numbers; they are in no mean
    tw_fluctuation_mode *mode;  // [top]
} tw_fluctuation;

// net comes back with the weights it had. Standard errors need no model of the autocorrelation: trajectories are
// independent. TW_EINVAL: an option out of range; TW_ENUMERIC: fewer than 4 trajectories stayed finite; TW_ENOMEM;
// TW_ESTOPPED. Source: Ziyin, Liu, Mori & Ueda, ICLR 2022, Theorem 1; docs/noise.md, "Networks".
TW_API TW_NODISCARD tw_status tw_fluctuation_new(tw_net *net, const tw_data *data, const tw_fluctuation_opts *opts,
                                                 tw_fluctuation **out);
TW_API void tw_fluctuation_free(tw_fluctuation *fluctuation);

#ifdef __cplusplus
}
#endif
#endif
