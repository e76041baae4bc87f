// SPDX-License-Identifier: MIT
// Learning rates as functions of the step, and of what was observed.
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "train/words.h"

typedef struct tw_schedule {
    int64_t kind;
    double value[TW_MOST_WORDS];
} tw_schedule;

TW_NODISCARD tw_status tw_schedule_read(const char *text, tw_schedule *out);

int64_t tw_schedule_words(int64_t i, tw_words *out); // as tw_train_words

// Of step 0, 1, ...; cuts: how often the plateau was cut.
double tw_schedule_at(const tw_schedule *s, double lr, int64_t epoch_steps, int64_t step, int64_t cuts);

// The rule of "plateau": whether a value seen leads to a cut. Starts at {INFINITY, 0, 0}.
typedef struct tw_plateau {
    double best;
    int64_t bad; // observations since, as the rule counts them
    int64_t cuts;
} tw_plateau;
void tw_plateau_observe(const tw_schedule *s, double value, tw_plateau *p);

#endif
