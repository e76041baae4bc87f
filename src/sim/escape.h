// SPDX-License-Identifier: MIT
// Escapes of SGD-like chains on a sum of one-dimensional potentials, thousands of replicas at once, and rare ones by
// splitting.
//
//   x_i+ = x_i - eta L_i'(x_i) + noise_i,   L = sum over i of L_i(x_i);   the end: any x_i >= absorb_i
//
// L_i is the same polynomial for all i, or given coordinate by coordinate as any function (parts); then the end may be
// on both sides, and the noise correlated.
// A coordinate's move below lo is not made. The lanes compute in float (a normal is off by at most 1e-6 (1 + |x|)),
// splitting in double. Source: Xie, Sato & Sugiyama 2021; docs/escape.md.
#ifndef SIM_ESCAPE_H
#define SIM_ESCAPE_H

#include "sim/ledger.h"
#include "thalweg/theory_escape.h"

enum { TW_ESCAPE_TERMS = 12 }; // coefficients of a polynomial at most

typedef enum tw_escape_noise {
    TW_ESCAPE_WHITE,    // sqrt(2 eta D) xi
    TW_ESCAPE_SHARP,    // eta sqrt(s / B) xi with s = sqrt(L''^2 + delta^2): covariance H / B of the gradient
    TW_ESCAPE_GAUSSIAN, // eta sqrt(C / B) xi
    TW_ESCAPE_SAMPLES,  // the gradient is the mean over B samples of L'(x - sigma z), z ~ N(0, 1): data noise
    TW_ESCAPE_FULL      // eta R xi / sqrt(B) with R = root: covariance R R' / B; needs parts
} tw_escape_noise;

typedef struct tw_escape_chain_spec {
    int64_t n, terms;
    double coef[TW_ESCAPE_TERMS]; // of one coordinate's potential
    tw_escape_noise noise;
    double strength; // D, delta, C or sigma
    double eta, B;
    double start, absorb, lo;
    uint64_t seed;
    int64_t parts; // > 0: coordinate i lies on part[i mod parts], and coef, start, absorb, lo are not read
    const struct tw_escape_part *part;
    bool both;          // parts: the end is also at lo
    const double *root; // TW_ESCAPE_FULL: [n][n]
} tw_escape_chain_spec;

typedef struct tw_escape_part {
    tw_escape_landscape landscape;
    double start, absorb, lo;
} tw_escape_part;

// Functions are tabulated over [lo, absorb] (6.7 sigma wider with samples) in 8192 cells of cubic Hermite form.
// steps[replicas] until the end, escaped[replicas]; those alive after max_steps are cut off there. Replicas are dealt
// to groups by number, so the answer is the same on any number of threads.
TW_NODISCARD tw_status tw_escape_simulate(const tw_escape_chain_spec *chain, int64_t replicas, int64_t max_steps,
                                          const tw_progress *progress, int64_t *steps, bool *escaped);
// The same with what is finished kept in a ledger (sim/ledger.h) under names that begin with key, and found again.
TW_NODISCARD tw_status tw_escape_simulate_kept(const tw_escape_chain_spec *chain, int64_t replicas, int64_t max_steps,
                                               tw_ledger *ledger, const char *key, const tw_progress *progress,
                                               int64_t *steps, bool *escaped);
const char *tw_escape_lanes_name(void); // "avx512" or "plain"

// Mean steps by adaptive multilevel splitting on max_i x_i, with parts on the largest share of the way to an end (Cerou
// & Guyader 2007): an unbiased estimate of the rate from each of `repeats` independent runs of `paths` trajectories;
// error: relative standard error of the rate from their spread. Escapes that happen while the well is explored are not
// rare: rare is then false, and nothing else is set. TW_ENUMERIC: some repeat lost all its trajectories.
typedef struct tw_escape_splitting {
    bool rare;
    double mean, error, lo, hi; // 95 % interval by Student's t on the rate
    int64_t repeats, paths, steps;
    double inner, outer; // a path begins where max x passes outer, after having been below inner
} tw_escape_splitting;
TW_NODISCARD tw_status tw_escape_split(const tw_escape_chain_spec *chain, int64_t repeats, int64_t paths,
                                       tw_ledger *ledger, const char *key, const tw_progress *progress,
                                       tw_escape_splitting *out);

#endif
