// SPDX-License-Identifier: MIT
// Product of two values of one shape, number by number: y = a b, the gates of an LSTM.
//
//   forward           y    = a b
//   backward          ab  += b yb,              bb  += a yb
//   tangent           yt   = b at + a bt
//   backward_tangent  abt += b ybt + bt yb,     bbt += a ybt + at yb
#include "net/op.h"

static int64_t rows(const tw_view *v) { return v->s * v->node->pout; }

static void forward(const tw_view *v) { v->kern->map->multiply(rows(v) * v->node->out, v->x[0], v->x[1], v->y); }

static void backward(const tw_view *v)
{
    for (int i = 0; i < 2; i++)
        if (v->xb[i])
            v->kern->map->activate_bwd_tan(rows(v), 1, v->node->out, v->node->add[i], v->x[1 - i], NULL, NULL, v->yb,
                                           v->xb[i]);
}

// The loop of an activation's product rule is this one too: out = d ybt + e zt.
static void tangent(const tw_view *v)
{
    int lead = v->xt[0] ? 0 : 1;
    const void *e = v->xt[1 - lead] ? v->x[lead] : NULL;
    v->kern->map->activate_bwd_tan(rows(v), v->k, v->node->out, false, v->x[1 - lead], e, v->xt[1 - lead], v->xt[lead],
                                   v->yt);
}

static void backward_tangent(const tw_view *v)
{
    for (int i = 0; i < 2; i++) {
        if (!v->xbt[i]) continue;
        const void *e = v->product_rule && v->xt[1 - i] ? v->yb : NULL;
        v->kern->map->activate_bwd_tan(rows(v), v->k, v->node->out, v->node->add[i], v->x[1 - i], e, v->xt[1 - i],
                                       v->ybt, v->xbt[i]);
    }
}

const tw_op_kind tw_op_multiply = {
    .name = "multiply",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
