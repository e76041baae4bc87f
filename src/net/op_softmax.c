// SPDX-License-Identifier: MIT
// Softmax over runs of n features: y = softmax(c x), in attention one run a head with c = 1/sqrt(width of a head).
// With <.,.> over a run:
//
//   forward           y    = exp(c x) / sum exp(c x)
//   backward          xb  += c y (yb - <y, yb>)
//   tangent           yt   = c y (xt - <y, xt>)
//   backward_tangent  xbt += c [ y (ybt - <y, ybt>) + yt (yb - <y, yb>) - y <yt, yb> ]
//
// causal: position i sees only the first i + 1 numbers of its runs; the others have y = 0, and with it every
// derivative.
#include "net/op.h"

static int64_t rows(const tw_view *v) { return v->s * v->node->pout; }

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    v->kern->norm->softmax(rows(v), n->pout, n->groups, n->out / n->groups, n->causal, n->scale, v->x[0], v->y);
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    if (v->xb[0])
        v->kern->norm->softmax_tan(rows(v), 1, n->groups, n->out / n->groups, n->add[0], n->scale, v->y, v->yb,
                                   v->xb[0]);
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    v->kern->norm->softmax_tan(rows(v), v->k, n->groups, n->out / n->groups, false, n->scale, v->y, v->xt[0], v->yt);
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    if (!v->xbt[0]) return;
    if (v->product_rule)
        v->kern->norm->softmax_bwd_tan(rows(v), v->k, n->groups, n->out / n->groups, n->add[0], n->scale, v->y, v->yb,
                                       v->xt[0], v->ybt, v->xbt[0]);
    else
        v->kern->norm->softmax_tan(rows(v), v->k, n->groups, n->out / n->groups, n->add[0], n->scale, v->y, v->ybt,
                                   v->xbt[0]);
}

const tw_op_kind tw_op_softmax = {
    .name = "softmax",
    .reads_output = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
