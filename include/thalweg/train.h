// SPDX-License-Identifier: MIT
// One trajectory through the loss: plain stochastic gradient descent.
#ifndef THALWEG_TRAIN_H
#define THALWEG_TRAIN_H

#include "thalweg/net.h"
#include "thalweg/run.h"

#ifdef __cplusplus
extern "C" {
#endif

// w <- w - lr (1/b) sum of the batch's gradients - lr l2 w. Every epoch visits each sample once in an order drawn from
// (seed, epoch); the last batch of an epoch may be smaller and is divided by its own size.
typedef struct tw_sgd_opts {
    size_t size;
    double lr;
    int64_t batch, epochs;
    uint64_t seed;        // of the order of samples
    tw_progress progress; // ticked after every batch, in samples
    int64_t first_epoch;  // number of the first epoch: epochs 0-2, then 3-4 give the bits of 0-4
} tw_sgd_opts;

static inline tw_sgd_opts tw_sgd_defaults(void)
{
    tw_sgd_opts opts = {sizeof opts, 0.1, 64, 5, 0, {NULL, NULL}, 0};
    return opts;
}

// What happened. Diverging is an answer, not an error: training stops at the first batch whose loss is not finite and
// the weights are those before the step that led there.
typedef struct tw_sgd_curve {
    int64_t epochs;   // finished
    double *loss;     // [epochs] mean over the epoch of each batch's loss before its step, l2 term left out
    double *accuracy; // [epochs] likewise; NAN for regression
    int64_t steps;    // taken
    bool diverged;
    int64_t diverged_step; // 1 is the first
} tw_sgd_curve;

// Trains net in place. The caller frees *out with tw_sgd_curve_free.
// TW_EINVAL  lr not positive and finite, batch < 1, epochs or first_epoch < 0, net and data do not fit;  TW_ENOMEM;
// TW_ESTOPPED: the
//            weights are those of the last finished step.
TW_API TW_NODISCARD tw_status tw_sgd(tw_net *net, const tw_data *data, const tw_sgd_opts *opts, tw_sgd_curve **out);
TW_API void tw_sgd_curve_free(tw_sgd_curve *curve);

// ---- recorded runs: docs/runs.md -----------------------------------------------------------------------------------

typedef struct tw_recorded {
    int64_t steps, total; // taken, and wanted
    int64_t epoch_steps;  // steps an epoch
    bool diverged;        // the loss was not finite: an answer, not an error; the weights are the last finite ones
    double train_seconds; // of this process, without probes
    double probe_seconds;
    double store_seconds;
    double predicted_share; // of the probes: their cost in gradients over that of the steps
} tw_recorded;

// Trains as the recipe says, into a new run in `folder`: curves, probes, states, last weights. TW_EINVAL: a run is
// there, or the recipe asks for what cannot be; TW_ESTOPPED: progress said so, and the run can be resumed; else as
// tw_run_new, tw_data_open and tw_net_new.
TW_API TW_NODISCARD tw_status tw_record(const tw_recipe *recipe, const char *folder, tw_progress progress,
                                        tw_recorded *out);
// Goes on with a run, from its last state, to the bits of one that was never stopped. changes: NULL, or a recipe whose
// stop.* and outputs.* take the place of the run's where they are given; TW_EINVAL: it gives another key.
TW_API TW_NODISCARD tw_status tw_record_resume(const char *folder, const tw_recipe *changes, tw_progress progress,
                                               tw_recorded *out);

#ifdef __cplusplus
}
#endif
#endif
