// SPDX-License-Identifier: MIT
// Counter-based random numbers (Philox 4x32-10, Salmon et al., SC 2011): a stream is (seed, purpose, index), so what a
// sample draws depends on neither order nor threads.
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "thalweg/base.h"

typedef enum tw_purpose { // appended only: the numbers are part of every stored result
    TW_RNG_INIT = 1,      // initial weights; index = parameter tensor
    TW_RNG_ORDER,         // order of samples; index = epoch
    TW_RNG_SPLIT,         // train/validation splits and subsets
    TW_RNG_LABELS,        // random labels
    TW_RNG_GENERATE,      // generated data; index = sample
    TW_RNG_PROBE,         // probe vectors of traces and SLQ; index = probe
    TW_RNG_START,         // start vectors of Lanczos; index = column
    TW_RNG_MODEL_LABELS,  // labels drawn from the model (sampled Fisher); index = sample
    TW_RNG_SIM,           // simulators; index = replica
    TW_RNG_DROPOUT,       // dropout masks
    TW_RNG_AUGMENT,       // augmentation
    TW_RNG_TEST,          // tests
    TW_RNG_DRAW,          // batches drawn with replacement or independently; index = epoch or step
    TW_RNG_STEP,          // noise of step rules; index = step, blocks by parameter
    TW_RNG_CURVATURE      // samples and start vectors of rules that look at curvature; index = how often they did
} tw_purpose;

typedef struct tw_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t word[4];
    int left;     // words not yet used
    double spare; // second normal of a Box-Muller pair
    bool has_spare;
} tw_rng;

// The raw block function, for vectorised users and for the published test vectors.
void tw_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// key = seed; counter words 2 and 3 = index (low 32 bits) and (high bits of index, purpose); words 0 and 1 count
// blocks.
tw_rng tw_rng_at(uint64_t seed, tw_purpose purpose, uint64_t index);

uint32_t tw_rng_u32(tw_rng *rng);
uint64_t tw_rng_u64(tw_rng *rng);
double tw_rng_uniform(tw_rng *rng);             // [0, 1), 53 bits
double tw_rng_normal(tw_rng *rng);              // Box-Muller
uint64_t tw_rng_below(tw_rng *rng, uint64_t n); // uniform on 0 ... n-1, unbiased; n >= 1
void tw_rng_shuffle(tw_rng *rng, int64_t n, int64_t *index);
void tw_rng_normals(tw_rng *rng, int64_t n, double *x);
void tw_rng_signs(tw_rng *rng, int64_t n, double *x); // +1 or -1 (Rademacher)

#endif
