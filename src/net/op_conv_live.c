// SPDX-License-Identifier: MIT
// All sweeps but the first of a convolution behind which a relu stands, and perhaps a max-pool.
//
// With z = P(x) W' + b, y = pool(relu(z)), the adjoint of z is D S' yb, D = relu'(z) and S the choice of the pool, both
// constant while weights and data stand; and so is its tangent, D S' ybt; and of the tangent zt only S D zt is read. So
// outputs of z where D S' is nothing are not live: whatever is multiplied with their adjoints is nothing, and their
// tangents, which nobody reads, are left 0. The formulas are those of op_conv.c, summed over
// the live outputs alone (kernel/live.inc), image by image: about half of them behind a relu, a quarter and less behind
// a relu and a 2 x 2 pool. Images whose windows reach outside are worked on padded copies.
#include "net/op.h"

#include <string.h>

// The window on a padded image, so that all places lie inside.
static tw_window inside(const tw_window *win)
{
    tw_window in = *win;
    int64_t high = (win->oh - 1) * win->stride + win->kh, wide = (win->ow - 1) * win->stride + win->kw;
    in.h = high > win->top + win->h ? high : win->top + win->h;
    in.w = wide > win->left + win->w ? wide : win->left + win->w;
    in.top = in.left = 0;
    return in;
}

static bool padded(const tw_window *win, const tw_window *in) { return in->h != win->h || in->w != win->w; }

typedef struct room {
    tw_live l;
    int32_t *start, *channel;
    void *x, *xt; // padded, one image; xt is also xbt
    bool padded;
} room;

static int64_t aligned(int64_t numbers) { return (numbers + 15) / 16 * 16; }

static int64_t plan(const tw_node *n, int64_t k, const tw_view *v, room *r)
{
    *r = (room){.l = {.win = inside(&n->win), .out = n->out, .k = k}};
    r->padded = padded(&n->win, &r->l.win);
    int64_t image = r->padded ? aligned(r->l.win.h * r->l.win.w * n->in) : 0, used = 0;
    int64_t start = used;
    used += aligned(n->pout + 1);
    int64_t channel = used;
    used += aligned(n->pout * n->out);
    int64_t x = used;
    used += image;
    int64_t xt = used;
    used += image * k;
    int64_t rest = used;
    used += aligned(tw_live_room(&r->l));
    if (!v) return used;
    r->start = tw_to(v, v->scratch, start);
    r->channel = tw_to(v, v->scratch, channel);
    r->x = tw_to(v, v->scratch, x);
    r->xt = tw_to(v, v->scratch, xt);
    r->l.start = r->start;
    r->l.channel = r->channel;
    r->l.room = tw_to(v, v->scratch, rest);
    return used;
}

int64_t tw_conv_live_scratch(const tw_node *n, int64_t k)
{
    room r;
    return plan(n, k, NULL, &r);
}

bool tw_conv_is_live(const tw_view *v) { return v->live && v->kern->live; }

static void zero(const tw_view *v, void *x, int64_t numbers)
{
    memset(x, 0, (size_t)(numbers * (int64_t)v->kern->real));
}

// One image of k directions into the middle of a padded one (its rim is zero), and back, adding.
static const void *pad(const tw_view *v, const room *r, int64_t k, const void *x, void *to)
{
    const tw_window *win = &v->node->win;
    int64_t row = win->w * k * win->c, wide = r->l.win.w * k * win->c;
    if (!r->padded) return x;
    v->kern->block->copy(win->h, row, false, row, x, wide, tw_to(v, to, win->top * wide + win->left * k * win->c));
    return to;
}

static void crop_add(const tw_view *v, const room *r, int64_t k, const void *from, void *x)
{
    const tw_window *win = &v->node->win;
    int64_t row = win->w * k * win->c, wide = r->l.win.w * k * win->c;
    v->kern->block->copy(win->h, row, true, wide, tw_at(v, from, win->top * wide + win->left * k * win->c), row, x);
}

static void list(const tw_view *v, int64_t i, const room *r)
{
    const tw_node *n = v->node;
    int64_t outputs = n->pout * n->out, windows = v->live_pool ? v->live_pool->oh * v->live_pool->ow : 0;
    v->kern->image->live(n->pout, n->out, tw_at(v, v->live, i * outputs), windows,
                         windows ? v->live_index + i * windows * n->out : NULL, r->start, r->channel);
}

// Adjoints, or their tangents along k directions: with xt and wt NULL only the terms in ybt.
static void adjoints(const tw_view *v, int64_t k, const void *xt, const void *wt, const void *ybt, void *wb, void *xb)
{
    const tw_node *n = v->node;
    room r;
    plan(n, k, v, &r);
    int64_t image = n->pin * n->in, outputs = n->pout * n->out, large = r.l.win.h * r.l.win.w * n->in;
    void *weight = wb ? tw_to(v, wb, k * n->weight) : NULL,
         *bias = wb && n->bias >= 0 ? tw_to(v, wb, k * n->bias) : NULL;
    if (weight) zero(v, weight, k * n->weights);
    if (bias) zero(v, bias, k * n->out);
    if (xb) tw_begin_adjoint(v, 0, k, xb);
    for (int64_t i = 0; i < v->s; i++) {
        const void *yb = tw_at(v, v->yb, i * outputs), *ybti = tw_at(v, ybt, i * k * outputs);
        list(v, i, &r);
        if (weight) {
            if (r.padded && (i == 0 || xb)) zero(v, r.xt, k * large);
            if (r.padded && i == 0) zero(v, r.x, large);
            const void *x = pad(v, &r, 1, tw_at(v, v->x[0], i * image), r.x);
            v->kern->live->grad(&r.l, x, xt ? pad(v, &r, k, tw_at(v, xt, i * k * image), r.xt) : NULL, yb, ybti, weight,
                                bias);
        }
        if (!xb) continue;
        void *to = tw_to(v, xb, i * k * image);
        if (r.padded) zero(v, r.xt, k * large);
        v->kern->live->back(&r.l, tw_at(v, v->w, n->weight), wt, yb, ybti, r.padded ? r.xt : to);
        if (r.padded) crop_add(v, &r, k, r.xt, to);
    }
}

void tw_conv_live_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    room r;
    int64_t k = v->k;
    plan(n, k, v, &r);
    int64_t image = n->pin * n->in, outputs = n->pout * n->out, large = r.l.win.h * r.l.win.w * n->in;
    const void *xt = v->xt[0];
    if (r.padded) {
        zero(v, r.x, large);
        zero(v, r.xt, k * large);
    }
    for (int64_t i = 0; i < v->s; i++) {
        list(v, i, &r);
        v->kern->live->tan(&r.l, pad(v, &r, 1, tw_at(v, v->x[0], i * image), r.x),
                           xt ? pad(v, &r, k, tw_at(v, xt, i * k * image), r.xt) : NULL, tw_at(v, v->w, n->weight),
                           tw_at(v, v->wt, k * n->weight), n->bias >= 0 ? tw_at(v, v->wt, k * n->bias) : NULL,
                           tw_to(v, v->yt, i * k * outputs));
    }
}

void tw_conv_live_backward(const tw_view *v) { adjoints(v, 1, NULL, NULL, v->yb, v->wb, v->xb[0]); }

void tw_conv_live_backward_tangent(const tw_view *v)
{
    bool rule = v->product_rule;
    adjoints(v, v->k, rule ? v->xt[0] : NULL, rule ? tw_at(v, v->wt, v->k * v->node->weight) : NULL, v->ybt, v->wbt,
             v->xbt[0]);
}
