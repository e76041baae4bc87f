// SPDX-License-Identifier: MIT
// Flatten: p positions of f features become one vector of p f, in the order they have in memory (row, column, channel).
//
// Values and adjoints need no work where they share memory, and a copy where somebody else reads the input. Tangents go
// from [p][k][f] to [k][p f] and back.
#include "net/op.h"

#include <string.h>

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    if (!n->in_place) memcpy(v->y, v->x[0], (size_t)(v->s * n->out * (int64_t)v->kern->real));
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    if (!n->in_place && v->xb[0]) v->kern->image->scatter_positions(v->s, n->pin, 1, n->in, n->add[0], v->yb, v->xb[0]);
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    v->kern->image->gather_positions(v->s, n->pin, v->k, n->in, v->xt[0], v->yt);
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    if (v->xbt[0]) v->kern->image->scatter_positions(v->s, n->pin, v->k, n->in, n->add[0], v->ybt, v->xbt[0]);
}

const tw_op_kind tw_op_flatten = {
    .name = "flatten",
    .passes = true,
    .permutes = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
