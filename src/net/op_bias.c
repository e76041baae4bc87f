// SPDX-License-Identifier: MIT
// A vector added at every position: y = x + b, b of f numbers (the node's weight).
//
//   forward           y   = x + b
//   backward          xb  += yb,    bb  = sum yb
//   tangent           yt  = xt + bt
//   backward_tangent  xbt += ybt,   bbt = sum ybt
#include "net/op.h"

static void pass(const tw_view *v, int64_t k, bool add, const void *from, void *to)
{
    int64_t f = v->node->out;
    v->kern->block->copy(v->s * v->node->pout * k, f, add, f, from, f, to);
}

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    pass(v, 1, false, v->x[0], v->y);
    v->kern->map->bias_add(v->s * n->pout, n->out, tw_at(v, v->w, n->weight), v->y);
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    if (v->xb[0]) pass(v, 1, n->add[0], v->yb, v->xb[0]);
    if (v->wb) v->kern->map->bias_sum(v->s * n->pout, 1, n->out, v->yb, tw_to(v, v->wb, n->weight));
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t rows = v->s * n->pout;
    const void *bt = tw_at(v, v->wt, v->k * n->weight);
    if (v->xt[0]) {
        pass(v, v->k, false, v->xt[0], v->yt);
        v->kern->map->bias_add_block(rows, v->k, n->out, bt, v->yt);
    } else { // a step of 0 from row to row: the same k directions at every position
        v->kern->block->copy(rows, v->k * n->out, false, 0, bt, v->k * n->out, v->yt);
    }
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    if (v->xbt[0]) pass(v, v->k, n->add[0], v->ybt, v->xbt[0]);
    if (v->wbt) v->kern->map->bias_sum(v->s * n->pout, v->k, n->out, v->ybt, tw_to(v, v->wbt, v->k * n->weight));
}

static void gradient_norms(const tw_view *v, double *room, double *norm)
{
    const tw_node *n = v->node;
    for (int64_t i = 0; i < v->s; i++) {
        v->kern->map->bias_sum(n->pout, 1, n->out, tw_at(v, v->yb, i * n->pout * n->out), v->scratch);
        v->kern->map->square_norms(1, n->out, v->scratch, room);
        norm[i] += room[0];
    }
}

static int64_t scratch(const tw_node *n, int64_t s, int64_t k)
{
    (void)s, (void)k;
    return n->out;
}

const tw_op_kind tw_op_bias = {
    .name = "bias",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
    .gradient_norms = gradient_norms,
    .scratch = scratch,
};
