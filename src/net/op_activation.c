// SPDX-License-Identifier: MIT
// Activation: y = phi(z), one number at a time, in place where nobody else reads z.
//
//   forward           y    = phi(z), and keeps d = phi'(z), e = phi''(z)
//   backward          zb   = d yb, and e becomes phi''(z) yb
//   tangent           yt   = d zt
//   backward_tangent  zbt  = d ybt + e zt                       (product rule on backward)
//
// Every activation is the same two multiplications once d and e are kept. For identity, relu and leaky relu phi'' = 0
// almost everywhere and e is left out; at the kink phi' is the left one, so relu'(0) = 0.
#include "net/op.h"

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    v->kern->map->activate[n->activation](v->s * n->pout * n->out, n->slope, v->x[0], v->y, v->d, v->e);
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t count = v->s * n->pout * n->out;
    if (v->e) v->kern->map->multiply(count, v->e, v->yb, v->e);
    if (!v->xb[0]) return;
    if (n->add[0])
        v->kern->map->multiply_add(count, v->d, v->yb, v->xb[0]);
    else
        v->kern->map->multiply(count, v->d, v->yb, v->xb[0]);
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    v->kern->map->scale_tangent(v->s * n->pout, v->k, n->out, v->d, v->xt[0], v->yt);
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    const void *e = v->product_rule ? v->e : NULL;
    v->kern->map->activate_bwd_tan(v->s * n->pout, v->k, n->out, n->add[0], v->d, e, v->xt[0], v->ybt, v->xbt[0]);
}

const tw_op_kind tw_op_activation = {
    .name = "activation",
    .passes = true,
    .keeps = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
