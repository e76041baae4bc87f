// SPDX-License-Identifier: MIT
// Images moved at random while training: which flip and shift a sample gets is a function of (seed, epoch, sample).
#ifndef TRAIN_AUGMENT_H
#define TRAIN_AUGMENT_H

#include "base/status.h"
#include "thalweg/data.h"

typedef struct tw_augment {
    bool flip;     // left to right, with probability 1/2
    int64_t shift; // by -shift ... shift rows and columns, uniformly and independently; 0: not
} tw_augment;

// How one sample is moved: its pixel (r, c) comes from (r - down, c - right) of the sample, flipped before.
typedef struct tw_move {
    bool flip;
    int64_t down, right;
} tw_move;

// "none", "flip", "shift:4", "flip,shift:4". TW_EINVAL: another word, a word twice, no number of pixels.
TW_NODISCARD tw_status tw_augment_read(const char *text, tw_augment *out);
bool tw_augment_is_on(const tw_augment *a);
// TW_EINVAL: the samples are no images, or smaller than the shift. Names both.
TW_NODISCARD tw_status tw_augment_fits(const tw_augment *a, const char *text, const tw_data *data);

tw_move tw_augment_draw(const tw_augment *a, uint64_t seed, int64_t epoch, int64_t sample);
// to = from moved, zero where nothing came from. Images [planes][height][width][inner] of numbers of `real` bytes.
void tw_augment_move(const tw_move *move, int64_t planes, int64_t height, int64_t width, int64_t inner, int64_t real,
                     const void *from, void *to);

#endif
