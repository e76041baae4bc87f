// SPDX-License-Identifier: MIT
// All sweeps but the first of a convolution behind which a relu stands, and perhaps a max-pool.
//
// With z = P(x) W' + b, y = pool(relu(z)), the adjoint of z is D S' yb, D = relu'(z) and S the choice of the pool, both
// constant while weights and data stand; and so is its tangent, D S' ybt; and of the tangent zt only S D zt is read. So
// outputs of z where D S' is nothing are not live: whatever is multiplied with their adjoints is nothing, and their
// tangents, which nobody reads, are left 0. The formulas are those of op_conv.c, summed over
// the live outputs alone (kernel/live.inc), a few images at a time: about half of them behind a relu, a quarter and
// less behind a relu and a 2 x 2 pool.
#include "net/op.h"

#include <string.h>

typedef struct room {
    tw_live l;
    int32_t *start, *channel;
} room;

static int64_t aligned(int64_t numbers) { return (numbers + 15) / 16 * 16; }

// What some images need: pieces of scratch, in whole cache lines, and their numbers.
static int64_t plan(const tw_node *n, int64_t s, int64_t k, const tw_view *v, room *r)
{
    *r = (room){.l = {.win = n->win, .out = n->out, .k = k, .most = n->live_most}};
    int64_t images = tw_live_images(&r->l);
    r->l.images = images < s ? images : s;
    int64_t channel = aligned(r->l.images * n->pout + 1);
    // Where a pool chooses fewer are live, but the list of one image is written with room for a number more.
    int64_t rest = channel + aligned(r->l.images * n->live_most + n->pout * n->out - n->live_most + 1);
    int64_t used = rest + aligned(tw_live_room(&r->l));
    if (!v) return used;
    r->start = tw_to(v, v->scratch, 0);
    r->channel = tw_to(v, v->scratch, channel);
    r->l.start = r->start;
    r->l.channel = r->channel;
    r->l.room = tw_to(v, v->scratch, rest);
    return used;
}

int64_t tw_conv_live_scratch(const tw_node *n, int64_t s, int64_t k)
{
    room r;
    return plan(n, s, k, NULL, &r);
}

bool tw_conv_is_live(const tw_view *v) { return v->live && v->kern->live; }

// The live outputs of images first, first + 1, ..., at most as many as there is room for, one list behind another.
static void list(const tw_view *v, int64_t first, room *r)
{
    const tw_node *n = v->node;
    int64_t outputs = n->pout * n->out, windows = v->live_pool ? v->live_pool->oh * v->live_pool->ow : 0;
    if (r->l.images > v->s - first) r->l.images = v->s - first;
    int32_t before = 0;
    for (int64_t i = 0; i < r->l.images; i++) {
        int32_t *start = r->start + i * n->pout;
        v->kern->image->live(n->pout, n->out, tw_at(v, v->live, (first + i) * outputs), windows,
                             windows ? v->live_index + (first + i) * windows * n->out : NULL, start,
                             r->channel + before);
        for (int64_t p = 0; p <= n->pout; p++) start[p] += before;
        before = start[n->pout];
    }
}

// Adjoints, or their tangents along k directions: with xt and wt NULL only the terms in ybt.
static void adjoints(const tw_view *v, int64_t k, const void *xt, const void *wt, const void *ybt, void *wb, void *xb)
{
    const tw_node *n = v->node;
    room r;
    plan(n, v->s, k, v, &r);
    int64_t image = n->pin * n->in, outputs = n->pout * n->out, real = (int64_t)v->kern->real;
    void *weight = wb ? tw_to(v, wb, k * n->weight) : NULL,
         *bias = wb && n->bias >= 0 ? tw_to(v, wb, k * n->bias) : NULL;
    if (weight) memset(weight, 0, (size_t)(k * n->weights * real));
    if (bias) memset(bias, 0, (size_t)(k * n->out * real));
    if (xb) tw_begin_adjoint(v, 0, k, xb);
    for (int64_t i = 0; i < v->s; i += r.l.images) {
        list(v, i, &r);
        const void *yb = tw_at(v, v->yb, i * outputs), *ybti = tw_at(v, ybt, i * k * outputs);
        if (weight)
            v->kern->live->grad(&r.l, tw_at(v, v->x[0], i * image), xt ? tw_at(v, xt, i * k * image) : NULL, yb, ybti,
                                weight, bias);
        if (xb) v->kern->live->back(&r.l, tw_at(v, v->w, n->weight), wt, yb, ybti, tw_to(v, xb, i * k * image));
    }
}

void tw_conv_live_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    const void *xt = v->xt[0];
    int64_t k = v->k, image = n->pin * n->in, outputs = n->pout * n->out;
    room r;
    plan(n, v->s, k, v, &r);
    for (int64_t i = 0; i < v->s; i += r.l.images) {
        list(v, i, &r);
        v->kern->live->tan(&r.l, tw_at(v, v->x[0], i * image), xt ? tw_at(v, xt, i * k * image) : NULL,
                           tw_at(v, v->w, n->weight), tw_at(v, v->wt, k * n->weight),
                           n->bias >= 0 ? tw_at(v, v->wt, k * n->bias) : NULL, tw_to(v, v->yt, i * k * outputs));
    }
}

void tw_conv_live_backward(const tw_view *v) { adjoints(v, 1, NULL, NULL, v->yb, v->wb, v->xb[0]); }

void tw_conv_live_backward_tangent(const tw_view *v)
{
    bool rule = v->product_rule;
    adjoints(v, v->k, rule ? v->xt[0] : NULL, rule ? tw_at(v, v->wt, v->k * v->node->weight) : NULL, v->ybt, v->wbt,
             v->xbt[0]);
}
