// SPDX-License-Identifier: MIT
// Normalisation, y = gamma h + beta with h = (x - mean) r, r = 1/sqrt(var + eps) over groups of N numbers: a channel
// over all samples and positions (batch norm, Ioffe & Szegedy, ICML 2015), or the features of one position (layer norm,
// Ba et al., arXiv 1607.06450). With <.> the mean over a group and P(u) = u - <u> - h <u h>:
//
//   tangent           ht  = r P(xt)                      since  rt = -r^2 <h xt>
//                     yt  = gamma ht + gt h + bt
//   backward          u   = gamma yb,   xb += r P(u),   gb = sum yb h,   bb = sum yb
//   backward_tangent  ut  = gamma ybt + gt yb
//                     xbt += r [ -r <h xt> P(u) + ut - <ut> - ht <u h> - h <ut h + u ht> ]
//                     gbt = sum (ybt h + yb ht),   bbt = sum ybt
//
// Exact for any eps: nothing uses <h^2> = 1. In batch norm a sample's output depends on its batch, so a shard is the
// whole batch (tw_net_shard), and single samples have no gradient of their own. With fixed statistics mean and r are
// constants and P is the identity. gamma is the node's weight, beta its bias; d keeps h, mean, r.
#include "net/op.h"

#include <string.h>

static tw_groups groups_of(const tw_view *v, bool columns)
{
    const tw_node *n = v->node;
    return (tw_groups){.rows = v->s * n->pout, .f = n->out, .columns = columns, .fixed = columns && n->fixed};
}

static int64_t groups_in(const tw_groups *g) { return g->columns ? g->f : g->rows; }

static void forward(const tw_view *v, tw_groups g)
{
    const tw_node *n = v->node;
    void *mean = tw_to(v, v->d, g.rows * g.f), *r = tw_to(v, mean, groups_in(&g));
    v->kern->norm->stats(&g, n->eps, g.fixed ? tw_at(v, v->stat, n->stat) : v->x[0], mean, r);
    v->kern->norm->hat(&g, v->x[0], mean, r, v->d);
    v->kern->norm->affine(&g, tw_at(v, v->w, n->weight), tw_at(v, v->w, n->bias), v->d, v->y);
}

static void backward(const tw_view *v, tw_groups g)
{
    const tw_node *n = v->node;
    const void *r = tw_at(v, v->d, g.rows * g.f + groups_in(&g));
    if (v->wb) {
        v->kern->norm->column_dots(g.rows, 1, g.f, false, v->d, v->yb, tw_to(v, v->wb, n->weight));
        v->kern->map->bias_sum(g.rows, 1, g.f, v->yb, tw_to(v, v->wb, n->bias));
    }
    if (v->xb[0]) v->kern->norm->bwd(&g, 1, n->add[0], tw_at(v, v->w, n->weight), v->yb, v->d, r, v->xb[0]);
}

// ht into scratch; zero where the input does not move.
static void hat_tangent(const tw_view *v, const tw_groups *g)
{
    const void *r = tw_at(v, v->d, g->rows * g->f + groups_in(g));
    if (v->xt[0])
        v->kern->norm->hat_tan(g, v->k, v->xt[0], v->d, r, v->scratch);
    else
        memset(v->scratch, 0, (size_t)(g->rows * v->k * g->f * (int64_t)v->kern->real));
}

static void tangent(const tw_view *v, tw_groups g)
{
    const tw_node *n = v->node;
    hat_tangent(v, &g);
    v->kern->norm->affine_tan(&g, v->k, tw_at(v, v->w, n->weight), tw_at(v, v->wt, v->k * n->weight),
                              tw_at(v, v->wt, v->k * n->bias), v->d, v->scratch, v->yt);
}

static void backward_tangent(const tw_view *v, tw_groups g)
{
    const tw_node *n = v->node;
    int64_t k = v->k;
    const void *r = tw_at(v, v->d, g.rows * g.f + groups_in(&g)), *gamma = tw_at(v, v->w, n->weight);
    if (v->product_rule) hat_tangent(v, &g);
    if (v->wbt) {
        void *gbt = tw_to(v, v->wbt, k * n->weight);
        v->kern->norm->column_dots(g.rows, k, g.f, false, v->d, v->ybt, gbt);
        if (v->product_rule) v->kern->norm->column_dots(g.rows, k, g.f, true, v->yb, v->scratch, gbt);
        v->kern->map->bias_sum(g.rows, k, g.f, v->ybt, tw_to(v, v->wbt, k * n->bias));
    }
    if (!v->xbt[0]) return;
    if (v->product_rule)
        v->kern->norm->bwd_tan(&g, k, n->add[0], gamma, tw_at(v, v->wt, k * n->weight), v->yb, v->ybt, v->xt[0], v->d,
                               v->scratch, r, v->xbt[0]);
    else
        v->kern->norm->bwd(&g, k, n->add[0], gamma, v->ybt, v->d, r, v->xbt[0]);
}

// |sum over a sample's positions of yb h|^2 + |sum of yb|^2. Not for batch statistics: see above.
static void gradient_norms(const tw_view *v, double *room, double *norm)
{
    const tw_node *n = v->node;
    int64_t f = n->out, size = n->pout * f;
    for (int64_t i = 0; i < v->s; i++) {
        const void *yb = tw_at(v, v->yb, i * size);
        v->kern->norm->column_dots(n->pout, 1, f, false, tw_at(v, v->d, i * size), yb, v->scratch);
        v->kern->map->bias_sum(n->pout, 1, f, yb, tw_to(v, v->scratch, f));
        v->kern->map->square_norms(1, 2 * f, v->scratch, room);
        norm[i] += room[0];
    }
}

static int64_t scratch(const tw_node *n, int64_t s, int64_t k) { return (s * n->pout * k + 2) * n->out; }

static int64_t batch_kept(const tw_node *n, int64_t s) { return (s * n->pout + 2) * n->out; }

static int64_t layer_kept(const tw_node *n, int64_t s) { return s * n->pout * (n->out + 2); }

static void batch_forward(const tw_view *v) { forward(v, groups_of(v, true)); }
static void batch_backward(const tw_view *v) { backward(v, groups_of(v, true)); }
static void batch_tangent(const tw_view *v) { tangent(v, groups_of(v, true)); }
static void batch_backward_tangent(const tw_view *v) { backward_tangent(v, groups_of(v, true)); }

static void layer_forward(const tw_view *v) { forward(v, groups_of(v, false)); }
static void layer_backward(const tw_view *v) { backward(v, groups_of(v, false)); }
static void layer_tangent(const tw_view *v) { tangent(v, groups_of(v, false)); }
static void layer_backward_tangent(const tw_view *v) { backward_tangent(v, groups_of(v, false)); }

const tw_op_kind tw_op_batch_norm = {
    .name = "batch-norm",
    .keeps = true,
    .forward = batch_forward,
    .backward = batch_backward,
    .tangent = batch_tangent,
    .backward_tangent = batch_backward_tangent,
    .gradient_norms = gradient_norms,
    .scratch = scratch,
    .kept = batch_kept,
};

const tw_op_kind tw_op_layer_norm = {
    .name = "layer-norm",
    .keeps = true,
    .forward = layer_forward,
    .backward = layer_backward,
    .tangent = layer_tangent,
    .backward_tangent = layer_backward_tangent,
    .gradient_norms = gradient_norms,
    .scratch = scratch,
    .kept = layer_kept,
};
