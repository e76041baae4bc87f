// SPDX-License-Identifier: MIT
// Building a graph, value by value. Each step returns the number of the value it made.
#ifndef NET_BUILD_H
#define NET_BUILD_H

#include "net/net.h"

typedef struct tw_builder {
    tw_net *net;
    int64_t h[TW_MOST_NODES + 1], w[TW_MOST_NODES + 1], c[TW_MOST_NODES + 1]; // shape of each value
    int64_t image[TW_MOST_NODES + 1][2]; // of flattened values: channels and positions before; {1, 1} otherwise
    tw_status st;                        // the first failure; later steps do nothing
} tw_builder;

// The network's input, value 0.
void tw_build_begin(tw_builder *b, tw_net *net, int64_t c, int64_t h, int64_t w);
int tw_build_dense(tw_builder *b, int value, const char *name, int64_t out, bool bias);
int tw_build_activation(tw_builder *b, int value, tw_activation activation, double slope);
// same: TensorFlow's padding, which for stride 2 on an even size pads after and not before; else no padding.
int tw_build_conv(tw_builder *b, int value, const char *name, int64_t out, int64_t size, int64_t stride, bool same);
int tw_build_pool(tw_builder *b, int value, bool mean, int64_t size, int64_t stride);
int tw_build_flatten(tw_builder *b, int value);
int tw_build_add(tw_builder *b, int left, int right);
// Outputs, which nodes share memory, and which adjoints are added to.
tw_status tw_build_end(tw_builder *b, int value);

#endif
