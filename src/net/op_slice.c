// SPDX-License-Identifier: MIT
// A part of a value: positions from `place` on and features from `first` on, as many as the output has.
//
//   forward, tangent            y  = part of x
//   backward, backward_tangent  that part of xb += yb, the rest of xb += 0
#include "net/op.h"

static void take(const tw_view *v, int64_t k, const void *x, void *y)
{
    const tw_node *n = v->node;
    for (int64_t i = 0; i < v->s; i++)
        v->kern->block->copy(n->pout * k, n->out, false, n->in,
                             tw_at(v, x, (i * n->pin + n->place) * k * n->in + n->first), n->out,
                             tw_to(v, y, i * n->pout * k * n->out));
}

static void give(const tw_view *v, int64_t k, const void *yb, void *xb)
{
    const tw_node *n = v->node;
    if (!xb) return;
    tw_begin_adjoint(v, 0, k, xb);
    for (int64_t i = 0; i < v->s; i++)
        v->kern->block->copy(n->pout * k, n->out, true, n->out, tw_at(v, yb, i * n->pout * k * n->out), n->in,
                             tw_to(v, xb, (i * n->pin + n->place) * k * n->in + n->first));
}

static void forward(const tw_view *v) { take(v, 1, v->x[0], v->y); }

static void backward(const tw_view *v) { give(v, 1, v->yb, v->xb[0]); }

static void tangent(const tw_view *v) { take(v, v->k, v->xt[0], v->yt); }

static void backward_tangent(const tw_view *v) { give(v, v->k, v->ybt, v->xbt[0]); }

const tw_op_kind tw_op_slice = {
    .name = "slice",
    .passes = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
