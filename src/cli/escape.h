// SPDX-License-Identifier: MIT
// One point of an escape experiment: what was asked for, what was measured, what theory says.
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include "base/json.h"
#include "cli/args.h"
#include "sim/escape.h"
#include "thalweg/theory_escape.h"

typedef struct tw_escape_setting {
    double coef[TW_ESCAPE_TERMS];
    int64_t terms, dim;
    tw_escape_noise noise;
    double strength;
    double lr, batch, k, barrier; // k: L(sqrt(k) x); barrier: factor of L
    double start, absorb, lo;     // at k = 1
    int64_t replicas, max_steps, repeats, paths;
    bool split;
    uint64_t seed;
} tw_escape_setting;

typedef struct tw_escape_measured {
    double at;                      // value of what is swept
    double x;                       // what ln tau is expected to be linear in: batch, 1 / lr, 1 / k or the barrier
    double lr;                      // k times lr: the rate at which the chain of k = 1 gives the same steps
    double tau, lo, hi, ln_tau, se; // steps; 95 % interval
    int64_t events;                 // escapes seen; 0 with splitting
    double weibull; // score of shape 1, N(0, 1) where times are exponential; NAN: splitting or too few events
    bool split;
    double chain, sde, formula, exponent; // steps; NAN: not defined here
    char note[160];                       // why not
} tw_escape_measured;

// --potential, --noise and the ends, with their defaults found on the landscape.
TW_NODISCARD tw_status tw_escape_read(const tw_args *args, tw_escape_setting *out);
TW_NODISCARD tw_status tw_escape_measure(const tw_escape_setting *s, const tw_progress *progress,
                                         tw_escape_measured *out);

#endif
