// SPDX-License-Identifier: MIT
// The sweeps of a convolution without patches: the formulas of op_conv.c, summed where the images lie
// (kernel/direct.inc).
//
// With few channels the patches of op_conv.c cost as much as the products made with them, and the products are thin. At
// every size of the table in docs/performance.md these kernels are as fast or faster; patches are left to tables that
// have none, and to weights whose packed copies (one for each direction, and one more) are more numbers than MOST: then
// they no longer stay in a cache from band to band, and products of patches are large enough to be fast.
#include "net/op.h"

enum { MOST = 3 << 19 };

static tw_direct job(const tw_view *v, int64_t k)
{
    const tw_node *n = v->node;
    tw_direct l = {.win = n->win, .s = v->s, .k = k, .out = n->out};
    tw_direct_room(&l);
    l.room = v->scratch;
    return l;
}

static bool fits(const tw_node *n, int64_t k) { return (k + 1) * n->weights * (int64_t)sizeof(double) <= MOST; }

bool tw_conv_is_direct(const tw_view *v, int64_t k) { return v->kern->direct && fits(v->node, k); }

int64_t tw_conv_direct_scratch(const tw_node *n, int64_t s, int64_t k)
{
    tw_direct l = {.win = n->win, .s = s, .k = k, .out = n->out};
    return fits(n, k) ? tw_direct_room(&l) : 0;
}

void tw_conv_direct_forward(const tw_view *v)
{
    const tw_direct l = job(v, 1);
    v->kern->direct->apply(&l, NULL, v->x[0], tw_at(v, v->w, v->node->weight), NULL, v->y);
}

void tw_conv_direct_backward(const tw_view *v)
{
    const tw_node *n = v->node;
    const tw_direct l = job(v, 1);
    if (v->wb) v->kern->direct->grad(&l, v->x[0], NULL, NULL, v->yb, tw_to(v, v->wb, n->weight));
    if (v->xb[0]) v->kern->direct->back(&l, NULL, v->yb, tw_at(v, v->w, n->weight), NULL, n->add[0], v->xb[0]);
}

void tw_conv_direct_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    const tw_direct l = job(v, v->k);
    v->kern->direct->apply(&l, v->x[0], v->xt[0], tw_at(v, v->w, n->weight), tw_at(v, v->wt, v->k * n->weight), v->yt);
}

void tw_conv_direct_backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    const int64_t k = v->k;
    const bool rule = v->product_rule;
    const tw_direct l = job(v, k);
    if (v->wbt)
        v->kern->direct->grad(&l, v->x[0], rule ? v->xt[0] : NULL, v->yb, v->ybt, tw_to(v, v->wbt, k * n->weight));
    if (v->xbt[0])
        v->kern->direct->back(&l, rule ? v->yb : NULL, v->ybt, tw_at(v, v->w, n->weight),
                              rule ? tw_at(v, v->wt, k * n->weight) : NULL, n->add[0], v->xbt[0]);
}
