// SPDX-License-Identifier: MIT
// Pooling over windows inside the image: the largest or the mean of each window and channel.
//
// Both are linear once forward has chosen the maxima, so tangents take the same way as values and adjoints the
// transposed one, and backward_tangent is backward on ybt. Where two numbers tie, the first is the maximum.
#include "net/op.h"

static void max_forward(const tw_view *v) { v->kern->image->max_pool(&v->node->win, v->s, v->x[0], v->y, v->d); }

static void max_backward(const tw_view *v)
{
    if (!v->xb[0]) return;
    tw_begin_adjoint(v, 0, 1, v->xb[0]);
    v->kern->image->pool_scatter(&v->node->win, v->s, 1, v->yb, v->d, v->xb[0]);
}

static void max_tangent(const tw_view *v)
{
    v->kern->image->pool_gather(&v->node->win, v->s, v->k, v->xt[0], v->d, v->yt);
}

static void max_backward_tangent(const tw_view *v)
{
    if (!v->xbt[0]) return;
    tw_begin_adjoint(v, 0, v->k, v->xbt[0]);
    v->kern->image->pool_scatter(&v->node->win, v->s, v->k, v->ybt, v->d, v->xbt[0]);
}

const tw_op_kind tw_op_max_pool = {
    .name = "max-pool",
    .passes = true,
    .keeps = true,
    .forward = max_forward,
    .backward = max_backward,
    .tangent = max_tangent,
    .backward_tangent = max_backward_tangent,
};

static void mean_forward(const tw_view *v) { v->kern->image->mean_pool(&v->node->win, v->s, 1, v->x[0], v->y); }

static void mean_backward(const tw_view *v)
{
    if (!v->xb[0]) return;
    tw_begin_adjoint(v, 0, 1, v->xb[0]);
    v->kern->image->mean_scatter(&v->node->win, v->s, 1, v->yb, v->xb[0]);
}

static void mean_tangent(const tw_view *v) { v->kern->image->mean_pool(&v->node->win, v->s, v->k, v->xt[0], v->yt); }

static void mean_backward_tangent(const tw_view *v)
{
    if (!v->xbt[0]) return;
    tw_begin_adjoint(v, 0, v->k, v->xbt[0]);
    v->kern->image->mean_scatter(&v->node->win, v->s, v->k, v->ybt, v->xbt[0]);
}

const tw_op_kind tw_op_mean_pool = {
    .name = "mean-pool",
    .passes = true,
    .forward = mean_forward,
    .backward = mean_backward,
    .tangent = mean_tangent,
    .backward_tangent = mean_backward_tangent,
};
