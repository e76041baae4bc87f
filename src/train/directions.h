// SPDX-License-Identifier: MIT
// The sharpest directions of the loss on a subset of the data, as rules use them.
#ifndef TRAIN_DIRECTIONS_H
#define TRAIN_DIRECTIONS_H

#include "train/trainer.h"

typedef struct tw_directions_opts {
    int64_t k, samples; // samples: of the subset, drawn anew each time
    double tolerance;
    bool random;   // a random orthonormal basis instead: the control
    int64_t count; // how often it was done before: the index of what is drawn
    bool warm;     // e holds those found before: Lanczos starts in their span and a random vector
} tw_directions_opts;

// e [k][n] in the order of memory, orthonormal to rounding of the net's type; value [k]. k <= n. t->products grows
// by how many it took.
TW_NODISCARD tw_status tw_directions(tw_trainer *t, const tw_directions_opts *opts, double *e, double *value);

// The same samples as data of their own. The caller frees x, label and target.
TW_NODISCARD tw_status tw_directions_subset(const tw_trainer *t, int64_t samples, int64_t count, tw_data *out);
void tw_directions_drop(tw_data *subset);

#endif
