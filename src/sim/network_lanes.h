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
    const char *name;
} tw_network_lanes;

extern const tw_network_lanes tw_network_plain, tw_network_avx512;

int64_t tw_network_room(const tw_escape_net *net); // floats

#endif
