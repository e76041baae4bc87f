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

// For builders: a node that reads value and makes h x w positions of c features, NULL after a failure; a parameter
// tensor layer.what (layer alone when what is empty), its offset; and the number of the last value, which moves one
// number at a time, so that what stood in channel order before flattening still does.
tw_node *tw_build_next(tw_builder *b, int value, const tw_op_kind *op, int64_t h, int64_t w, int64_t c);
int64_t tw_build_param(tw_builder *b, const char *layer, const char *what, tw_param p);
int tw_build_same_order(tw_builder *b, int value);

// The network's input, value 0.
void tw_build_begin(tw_builder *b, tw_net *net, int64_t c, int64_t h, int64_t w);
int tw_build_dense(tw_builder *b, int value, const char *name, int64_t out, bool bias);
int tw_build_activation(tw_builder *b, int value, tw_activation activation, double slope);
// same: TensorFlow's padding, which for stride 2 on an even size pads after and not before; else no padding.
int tw_build_conv(tw_builder *b, int value, const char *name, int64_t out, int64_t size, int64_t stride, bool same);
// The same in groups (1: none), with or without a bias.
int tw_build_conv_groups(tw_builder *b, int value, const char *name, int64_t out, int64_t size, int64_t stride,
                         bool same, int64_t groups, bool bias);
int tw_build_linear(tw_builder *b, int value, const char *name, int64_t out, bool bias); // dense at each position
int tw_build_batch_norm(tw_builder *b, int value, const char *name, double eps, double momentum, bool fixed);
int tw_build_layer_norm(tw_builder *b, int value, const char *name, double eps);
int tw_build_dropout(tw_builder *b, int value, double rate);
// The network's input as whole numbers below words, the first positions of them.
int tw_build_embed(tw_builder *b, const char *word_name, const char *place_name, int64_t positions, int64_t words,
                   int64_t out);
int tw_build_matmul(tw_builder *b, int left, int right, int64_t heads, bool ta, bool tb);
int tw_build_softmax(tw_builder *b, int value, int64_t runs, double scale, bool causal);
// Softmax attention of each position to all (causal: to itself and those before), with heads that divide the features;
// linear layers name.qkv and name.proj.
int tw_build_attention(tw_builder *b, int value, const char *name, int64_t heads, bool causal);
// The last state of an LSTM over the positions of value (net/model_sequence.c), at most TW_MOST_STEPS of them: every
// step has nodes of its own.
enum { TW_MOST_STEPS = 48 };
int tw_build_lstm(tw_builder *b, int value, const char *name, int64_t hidden);
int tw_build_slice(tw_builder *b, int value, int64_t place, int64_t places, int64_t first, int64_t features);
int tw_build_concat(tw_builder *b, int left, int right);
int tw_build_multiply(tw_builder *b, int left, int right);
// y = x W' + b, or b alone, with parameters that several nodes share (made by tw_build_shared).
typedef struct tw_shared {
    int64_t weight, bias, in, out;
} tw_shared;
tw_shared tw_build_shared(tw_builder *b, const char *weight_name, const char *bias_name, int64_t in, int64_t out,
                          int64_t fan);
int tw_build_dense_shared(tw_builder *b, int value, const tw_shared *p);
int tw_build_bias_shared(tw_builder *b, int value, const tw_shared *p);
int tw_build_pool(tw_builder *b, int value, bool mean, int64_t size, int64_t stride);
int tw_build_flatten(tw_builder *b, int value);
int tw_build_add(tw_builder *b, int left, int right);
// The output is kept at each position, not flattened: for losses taken at each.
tw_status tw_build_end_positions(tw_builder *b, int value);
// Outputs, which nodes share memory, and which adjoints are added to.
tw_status tw_build_end(tw_builder *b, int value);

#endif
