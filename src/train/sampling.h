// SPDX-License-Identifier: MIT
// Which samples a batch has: a function of (seed, epoch, place in the epoch) alone.
#ifndef TRAIN_SAMPLING_H
#define TRAIN_SAMPLING_H

#include "train/words.h"

typedef struct tw_sampling {
    int64_t kind;
    double value[TW_MOST_WORDS];
    int64_t m, batch, epoch_steps;
    uint64_t seed;
    int64_t ready;  // epoch or step for which index is drawn, -1: none
    int64_t *index; // [m + batch]
} tw_sampling;

TW_NODISCARD tw_status tw_sampling_open(const char *text, int64_t m, int64_t batch, uint64_t seed, tw_sampling *out);
void tw_sampling_close(tw_sampling *s);
TW_NODISCARD tw_status tw_sampling_read(const char *text, tw_sampling *out); // the words alone
void tw_sampling_make_full(tw_sampling *s);                                  // every batch is all samples

int64_t tw_sampling_words(int64_t i, tw_words *out); // as tw_train_words

// Samples index[*first ...) of a batch of *count, or *first ... themselves when *index is NULL.
void tw_sampling_batch(tw_sampling *s, int64_t epoch, int64_t place, const int64_t **index, int64_t *first,
                       int64_t *count);

#endif
