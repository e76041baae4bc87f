// SPDX-License-Identifier: MIT
// The mean error of a network whose weights are drawn from a Gaussian.
#ifndef TRAIN_GIBBS_H
#define TRAIN_GIBBS_H

#include "thalweg/net.h"

typedef struct tw_gibbs {
    double mean, error; // over the draws; standard error
    int64_t overflowed; // draws with a loss that is not finite: every sample counts as wrong
} tw_gibbs;

// Weights theta + z / sqrt(nu), z standard normal: number first + i is drawn from (seed, first + i) alone, coordinate
// after coordinate, so that posteriors that are images of each other meet the same z. The network is left with the last
// draw. TW_EINVAL: labels are missing, draws < 2; TW_ENOMEM; TW_ESTOPPED.
TW_NODISCARD tw_status tw_gibbs_draw(tw_net *net, const tw_data *data, const double *theta, const double *nu,
                                     uint64_t seed, int64_t first, int64_t draws, tw_progress progress, tw_gibbs *out);

#endif
