// SPDX-License-Identifier: MIT
// The summed gradient of a batch, its loss and right answers: one sweep over shards, with memory planned once.
#ifndef TRAIN_GRADIENT_H
#define TRAIN_GRADIENT_H

#include "net/sweep.h"
#include "train/augment.h"

typedef struct tw_gradient {
    tw_net *net;
    const tw_data *data;
    int64_t most;    // samples of the largest batch
    int64_t largest; // samples a shard of it: what was planned
    int threads;     // that memory is for
    tw_state *state; // [threads]
    void *memory, *scratch;
    int32_t *labels; // [threads][largest]
    double *targets; // [threads][largest][targets]
    double *sums;    // [shards]
    int64_t *right;  // [shards]
    double *squares; // [shards] of |g_i|^2
    double *norms;   // [threads][3 largest]
    void *image;     // [threads][in], where a sample is moved from
    tw_parts *parts;
    // the batch
    const int64_t *index;
    int64_t first, count, shard;
    tw_data
        near; // of data that are dealt to ranks: the samples of this rank's shards, from place near_first of the batch
    int64_t near_first, near_room;
    const double *weight;
    bool wants_squares;
    // set by the caller
    bool track;    // running statistics of batch norms follow this batch
    uint64_t seed; // of dropout, with the step
    int64_t step;
    tw_augment augment; // of images, by seed, epoch and sample
    int64_t epoch;
} tw_gradient;

typedef struct tw_gradient_sums {
    double loss, squares; // over the batch; squares: of |g_i|^2, when asked for
    int64_t right;
} tw_gradient_sums;

TW_NODISCARD tw_status tw_gradient_open(tw_net *net, const tw_data *data, int64_t most, tw_gradient *out);
void tw_gradient_close(tw_gradient *g);

// out [n] = sum of the gradients of samples index[first ...) (first ... when index is NULL), each times weight[sample]
// when there are weights. With weights there are no squares.
TW_NODISCARD tw_status tw_gradient_sum(tw_gradient *g, const int64_t *index, int64_t first, int64_t count,
                                       const double *weight, bool squares, void *out, tw_gradient_sums *sums);

#endif
