// SPDX-License-Identifier: MIT
// An operation: four sweeps on one shard.
//
// Notation: x value, xb adjoint, xt tangent, xbt tangent of the adjoint; s samples, k directions, f features. A NULL
// tangent is zero, and a NULL adjoint of the input is not wanted (the network's input is data). Parameter tangents lie
// tensor by tensor, [k][count] at k * offset, so the k directions of one tensor stand as one stacked matrix.
#ifndef NET_OP_H
#define NET_OP_H

#include "kernel/kernel.h"

typedef struct tw_op_kind tw_op_kind;

typedef struct tw_node {
    const tw_op_kind *op;
    int input;            // index of the value it reads; value 0 is the network's input, node i makes value i + 1
    int64_t in, out;      // features
    int64_t weight, bias; // offsets in the parameter block, -1: none
    tw_activation activation;
    double slope;
} tw_node;

typedef struct tw_view {
    const tw_kernels *kern;
    const tw_node *node;
    int64_t s, k;
    const void *x; // [s][in]
    void *y;       // [s][out]
    void *d, *e;   // [s][out]: phi' and, after backward, phi'' yb; e NULL where phi'' = 0
    void *yb, *xb; // [s][out], [s][in]
    const void *xt;
    void *yt;           // [s][k][in], [s][k][out]
    void *ybt, *xbt;    // [s][k][out], [s][k][in]
    const void *w, *wt; // parameters, [n]; their tangents, or NULL
    void *wb, *wbt;     // parameter gradients [n] and their tangents, written (not added to); NULL: not wanted
    bool product_rule;  // backward_tangent: false drops every term but the linear image of ybt (Gauss-Newton)
} tw_view;

struct tw_op_kind {
    const char *name;
    bool in_place; // values and adjoints of input and output share memory
    void (*forward)(const tw_view *v);
    void (*backward)(const tw_view *v);
    void (*tangent)(const tw_view *v);
    void (*backward_tangent)(const tw_view *v);
    // norm[s] += |parameter gradient of sample s|^2; scratch holds 2 s numbers. NULL: no parameters.
    void (*gradient_norms)(const tw_view *v, double *scratch, double *norm);
};

#define OP(symbol) extern const tw_op_kind symbol;
#include "net/ops.def"
#undef OP

#endif
