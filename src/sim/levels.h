// SPDX-License-Identifier: MIT
// Adaptive multilevel splitting over any chain and score: the levels, the repeats and their spread.
//
// T = (n0 / N0) / p: a long run near the minimum passes `outer` upwards, after having been below `inner`, N0 times in
// n0 steps; p is the chance that such a passage reaches the end before it is back below inner. Of N trajectories from
// stored passages the K with the lowest maximum are stopped, the others' share multiplied into p, and each is started
// again where a surviving one first rose above that level. Ties are stopped together and maxima compared strictly,
// which keeps the estimate of p unbiased for a chain in discrete time. Source: Cerou & Guyader, Stoch. Anal. Appl. 25
// (2007) 417; Brehier et al., Ann. Appl. Probab. 26 (2016) 3559.
#ifndef SIM_LEVELS_H
#define SIM_LEVELS_H

#include "base/rng.h"
#include "sim/escape.h"

// A trajectory: the states where its maximum rose, so that others can go on from there.
typedef struct tw_split_path {
    double *state; // [room][n]
    double *top;   // [room] rising scores
    int64_t count, room;
    tw_rng rng; // its own, for chains that draw one by one
} tw_split_path;

TW_NODISCARD tw_status tw_split_record(tw_split_path *path, int64_t n, const double *state, double top);
double tw_split_best(const tw_split_path *path); // its highest score

typedef struct tw_levels {
    int64_t n;         // numbers of a state
    double end;        // a score of at least this is out
    const char *score; // its name in messages
    uint64_t seed;
    int64_t repeats, paths;
    void *ctx;
    // What one repeat needs; close also takes a desk that open left halfway.
    tw_status (*open)(void *ctx, int64_t repeat, void **desk);
    void (*close)(void *desk);
    // A passage into each of path[paths], its first record; *cycles, *n0: how many cycles from a passage to the next,
    // or to the end, were seen, and their steps; *steps grows by all that were made. *frequent: the end was reached too
    // often for a matter of rare escapes, and the passages are not there.
    tw_status (*passages)(void *desk, tw_split_path *path, int64_t *cycles, int64_t *n0, int64_t *steps,
                          bool *frequent);
    // Paths first ... paths - 1 go on from their last record until they are back at inner or out.
    tw_status (*finish)(void *desk, int64_t first, tw_split_path *path, int64_t *steps);
    tw_ledger *ledger; // or NULL; key: names begin with it
    const char *key;
    const tw_progress *progress;
} tw_levels;

// out->rare is false, and nothing else set, where the end was reached by chance; inner, outer and the pilot's steps are
// the caller's. TW_ENUMERIC: some repeat lost all its trajectories.
TW_NODISCARD tw_status tw_levels_run(const tw_levels *levels, tw_escape_splitting *out);
TW_NODISCARD tw_status tw_levels_check(int64_t repeats, int64_t paths);
// Median and 90th percentile of scores seen near the minimum, which are sorted. TW_ENUMERIC: they are one.
TW_NODISCARD tw_status tw_levels_ends(int64_t count, double *score, double *inner, double *outer);

#endif
