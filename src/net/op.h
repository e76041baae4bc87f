// SPDX-License-Identifier: MIT
// An operation: four sweeps on one shard.
//
// Notation: x value, xb adjoint, xt tangent, xbt tangent of the adjoint; s samples, k directions, f features. A NULL
// tangent is zero, and a NULL adjoint of the input is not wanted (the network's input is data). Parameter tangents lie
// tensor by tensor, [k][count] at k * offset, so the k directions of one tensor stand as one stacked matrix.
//
// A value has p positions (pixels) of f features (channels), channel last: [s][p][f], its tangents [s][p][k][f]. A
// plain vector has one position. So for everything that treats positions alike, s p is simply a larger number of
// samples.
#ifndef NET_OP_H
#define NET_OP_H

#include "kernel/kernel.h"

typedef struct tw_op_kind tw_op_kind;

enum { TW_MOST_INPUTS = 2 };

typedef struct tw_node {
    const tw_op_kind *op;
    int input[TW_MOST_INPUTS]; // values it reads: value 0 is the network's input, node i makes value i + 1; -1: none
    bool add[TW_MOST_INPUTS];  // whether the adjoint of that input was begun by a later reader and must be added to
    bool in_place;             // value and adjoint of input[0] and output share memory (its only reader)
    int64_t pin, in;           // positions and features of input[0]
    int64_t pout, out;
    int relu,
        pool; // of a convolution: the relu that alone reads it, the pool that alone reads that; 0: none, i: node i
    int64_t live_most;    // and how many of its outputs these let through at most
    int64_t weight, bias; // offsets in the parameter block, -1: none
    tw_activation activation;
    double slope;
    tw_window win;           // convolutions and pools
    int64_t pin2, in2;       // positions and features of input[1], where there is one
    int64_t weights, biases; // numbers at weight and bias
    bool unread;             // nobody reads its value, as of the last of a chain of states: its adjoint is 0
    bool shared;             // a later node has the same parameters: gradients add to what that one wrote
    int64_t groups;          // of a convolution, heads of a product, runs of a softmax
    bool ta, tb, causal;     // products: transposed factors; softmax: a position sees none after it
    double scale;            // of what a softmax reads
    int64_t place, first;    // slice: the first position and feature taken
    int64_t words;           // embedding: how many there are
    double rate;             // dropout
    double eps, momentum;    // norms; the part of a batch in the running statistics
    int64_t stat;            // offset of running mean and variance in the net's statistics, -1: none
    bool fixed;              // batch norm with the running statistics as constants
    int index;               // of this node
} tw_node;

// Which masks dropout draws: a function of (seed, step, sample, node, unit).
typedef struct tw_dropping {
    bool on; // off: dropout is the identity, as under every measurement
    uint64_t seed;
    int64_t step;
    const int64_t *sample; // [s] numbers in the data set; NULL: first, first + 1, ...
    int64_t first;
} tw_dropping;

typedef struct tw_view {
    const tw_kernels *kern;
    const tw_node *node;
    int64_t s, k;
    const void *x[TW_MOST_INPUTS]; // [s][pin][in]
    void *y;                       // [s][pout][out]
    void *d, *e; // what forward keeps (phi', positions of maxima), and phi'' yb; e NULL where phi'' = 0
    void *yb, *xb[TW_MOST_INPUTS];
    const void *xt[TW_MOST_INPUTS];
    void *yt;
    void *ybt, *xbt[TW_MOST_INPUTS];
    const void *w, *wt;         // parameters, [n]; their tangents, or NULL
    void *wb, *wbt;             // parameter gradients [n] and their tangents, written (not added to); NULL: not wanted
    bool product_rule;          // backward_tangent: false drops every term but the linear image of ybt (Gauss-Newton)
    void *scratch;              // tw_op_kind.scratch numbers
    const void *live;           // of a convolution with a relu: its derivative at every output
    const int32_t *live_index;  // and, with a pool, what that chose, by window
    const tw_window *live_pool; // of that pool
    const void *stat;           // running statistics, as wide as the parameters' type
    tw_dropping drop;
} tw_view;

struct tw_op_kind {
    const char *name;
    bool keeps;        // wants d
    bool reads_output; // needs its own value later: no reader may overwrite it in place
    bool passes;       // later sweeps read neither the values nor, after backward, the adjoints it stands between
    bool permutes;     // tangents of input and output differ in layout even where values share memory
    void (*forward)(const tw_view *v);
    void (*backward)(const tw_view *v);
    void (*tangent)(const tw_view *v);
    void (*backward_tangent)(const tw_view *v);
    // norm[s] += |parameter gradient of sample s|^2; scratch holds 2 s numbers. NULL: no parameters.
    void (*gradient_norms)(const tw_view *v, double *scratch, double *norm);
    int64_t (*scratch)(const tw_node *node, int64_t s, int64_t k); // numbers; NULL: none
    int64_t (*kept)(const tw_node *node, int64_t s);               // numbers of d; NULL: as many as the output has
};

#define OP(symbol) extern const tw_op_kind symbol;
#include "net/ops.def"
#undef OP

// The address of number offset in a block of the table's type.
static inline const void *tw_at(const tw_view *v, const void *block, int64_t offset)
{
    return (const char *)block + offset * (int64_t)v->kern->real;
}

static inline void *tw_to(const tw_view *v, void *block, int64_t offset)
{
    return (char *)block + offset * (int64_t)v->kern->real;
}

// Convolutions of which only some outputs are live (net/op_conv_live.c).
bool tw_conv_is_live(const tw_view *v);
void tw_conv_live_tangent(const tw_view *v);
void tw_conv_live_backward(const tw_view *v);
void tw_conv_live_backward_tangent(const tw_view *v);
int64_t tw_conv_live_scratch(const tw_node *n, int64_t s, int64_t k);

// Convolutions without patches (net/op_conv_direct.c): weights and adjoints of the input; biases are the caller's.
bool tw_conv_is_direct(const tw_view *v, int64_t k);
void tw_conv_direct_forward(const tw_view *v);
void tw_conv_direct_tangent(const tw_view *v);
void tw_conv_direct_backward(const tw_view *v);
void tw_conv_direct_backward_tangent(const tw_view *v);
int64_t tw_conv_direct_scratch(const tw_node *n, int64_t s, int64_t k);

// Zero the adjoint of input i before it is added to, unless a later reader has begun it.
void tw_begin_adjoint(const tw_view *v, int i, int64_t k, void *xb);

#endif
