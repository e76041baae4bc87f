// SPDX-License-Identifier: MIT
// The generator of paper 1, section 13: SplitMix64, Box-Muller pairs, mixtures of k Gaussians.
#ifndef DATA_GAUSS_H
#define DATA_GAUSS_H

#include "data/raw.h"

// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) and the numbers made from it. Sequential on purpose: files elsewhere
// were made by this very order. Whatever need not agree with them uses base/rng.
typedef struct tw_splitmix {
    uint64_t state;
    double spare;
    bool has_spare;
} tw_splitmix;

uint64_t tw_splitmix_next(tw_splitmix *g);
double tw_splitmix_uniform(tw_splitmix *g); // [0, 1), 53 bits
double tw_splitmix_normal(tw_splitmix *g);

typedef struct tw_gauss {
    int64_t classes, dim, n;
    double separation;
    uint64_t seed;
    double random; // fraction of labels drawn again
    int64_t stream;
} tw_gauss;

TW_NODISCARD tw_status tw_gauss_make(const tw_gauss *gauss, tw_raw *out);

#endif
