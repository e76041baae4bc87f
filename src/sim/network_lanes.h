// SPDX-License-Identifier: MIT
// What each instruction set offers escapes of networks.
#ifndef SIM_NETWORK_LANES_H
#define SIM_NETWORK_LANES_H

#include "sim/network.h"

typedef struct tw_network_lanes {
    // Replicas first ... first + count - 1; factor as float, or NULL; room as tw_network_room says, 64-byte aligned.
    void (*group)(const tw_escape_walk *walk, const float *factor, int64_t first, int64_t count, int64_t max_steps,
                  float *room, int64_t *steps, bool *escaped);
    // The gradient of one sample's loss, without l2, at the weights w[n][16] of each lane: g[n][16].
    void (*gradient)(const tw_escape_net *net, const int64_t sample[16], const float *w, float *room, float *g);
    // Steps of sixteen walkers whose states are w[n][16], in place, each drawing as its replica from *block on, until
    // the score of one is at most low or above high, and at most so many: their number, *block and all scores. The
    // score is the largest |w_i - a_i|, or normal . (w - a). room: as above.
    int64_t (*go)(const tw_escape_walk *walk, const float *factor, const int64_t replica[16], uint64_t *block,
                  const float low[16], const float high[16], int64_t most, float *room, float *w, float score[16]);
    const char *name;
} tw_network_lanes;

extern const tw_network_lanes tw_network_plain, tw_network_avx512;
const tw_network_lanes *tw_network_best(void); // of this processor

int64_t tw_network_room(const tw_escape_net *net); // floats

#endif
