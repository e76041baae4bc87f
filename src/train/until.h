// SPDX-License-Identifier: MIT
// Training until the whole training set's loss has fallen far enough.
#ifndef TRAIN_UNTIL_H
#define TRAIN_UNTIL_H

#include "thalweg/trainer.h"

typedef struct tw_until {
    int64_t epochs, steps;
    double loss, accuracy; // of all samples at the end, l2 term left out
    bool reached;          // loss <= target: runs can then be compared at equal loss
    bool diverged;         // an answer, not an error: the loss was not finite
} tw_until;

// Looks at the end of each epoch, and before the first; epochs: at most so many (0: none is made). target < 0 is never
// reached. What tw_trainer_new and tw_loss return; TW_ESTOPPED.
TW_NODISCARD tw_status tw_train_until(tw_net *net, const tw_data *data, const tw_trainer_opts *opts, int64_t epochs,
                                      double target, tw_progress progress, tw_until *out);

#endif
