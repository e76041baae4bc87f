// SPDX-License-Identifier: MIT
// What a trainer is inside, for the rules that look at the whole of a gradient.
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "train/gradient.h"
#include "train/optimizer.h"
#include "train/sampling.h"
#include "train/schedule.h"

struct tw_trainer {
    tw_net *net;
    const tw_data *data;
    tw_trainer_opts opts; // words are not kept
    tw_rule rule;
    tw_schedule schedule;
    tw_sampling sampling;
    tw_gradient sweep;
    tw_plateau plateau; // of the schedule
    double best;        // early stopping
    int64_t bad;
    int64_t step;     // taken
    int64_t products; // with the Hessian, asked for by the rule
    bool diverged;
    double epoch_loss, epoch_samples; // summed over the epoch so far
    // the batch
    const int64_t *index;
    int64_t first, count;
    tw_gradient_sums sums;
    void *g;           // [n] in the net's type: the gradient is scale g + l2 w
    double scale;      // 1 / samples
    double clip;       // factor of the gradient, 1 when it is not shortened
    void *stat_before; // [stats] of batch norms, before the batch
    void *before;      // [n], the weights before the last step
    double *partial;   // [slabs][TW_MOST_SUMS]
};

// The default of a rule's `gradient`: sum over the batch at the present weights.
TW_NODISCARD tw_status tw_trainer_batch_gradient(tw_trainer *t, bool squares);
// All the data instead of the batch.
TW_NODISCARD tw_status tw_trainer_full_gradient(tw_trainer *t, const double *weight, bool squares);

// Walks over all parameters a few hundred at a time: fn gets weights and gradient (l2 term in, not clipped) in double
// and may add to sum[sums], which come back joined in a fixed order. It may write the numbers of its own range.
enum { TW_MOST_SUMS = 128 };
typedef void (*tw_walk_fn)(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum);
TW_NODISCARD tw_status tw_trainer_walk(tw_trainer *t, tw_walk_fn fn, void *ctx, int sums, double *sum);

#endif
