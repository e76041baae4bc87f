// SPDX-License-Identifier: MIT
// Two values side by side, position by position: y = [a, b].
//
//   forward, tangent            y  = [a, b]
//   backward, backward_tangent  ab += left part of yb,  bb += right part
#include "net/op.h"

#include <string.h>

static void join(const tw_view *v, int64_t k, const void *const *part, void *y)
{
    const tw_node *n = v->node;
    int64_t rows = v->s * n->pout * k, real = (int64_t)v->kern->real;
    const int64_t width[2] = {n->in, n->in2};
    if (!part[0] || !part[1]) memset(y, 0, (size_t)(rows * n->out * real)); // data does not move
    for (int i = 0; i < 2; i++)
        if (part[i]) v->kern->block->copy(rows, width[i], false, width[i], part[i], n->out, tw_to(v, y, i * n->in));
}

static void split(const tw_view *v, int64_t k, const void *yb, void *const *part)
{
    const tw_node *n = v->node;
    const int64_t width[2] = {n->in, n->in2};
    for (int i = 0; i < 2; i++)
        if (part[i])
            v->kern->block->copy(v->s * n->pout * k, width[i], n->add[i], n->out, tw_at(v, yb, i * n->in), width[i],
                                 part[i]);
}

static void forward(const tw_view *v) { join(v, 1, v->x, v->y); }

static void backward(const tw_view *v) { split(v, 1, v->yb, v->xb); }

static void tangent(const tw_view *v) { join(v, v->k, v->xt, v->yt); }

static void backward_tangent(const tw_view *v) { split(v, v->k, v->ybt, v->xbt); }

const tw_op_kind tw_op_concat = {
    .name = "concat",
    .passes = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
