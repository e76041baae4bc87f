// SPDX-License-Identifier: MIT
// Dropout: y = mask x, mask 0 with probability `rate` and 1/(1 - rate) otherwise (Srivastava et al., JMLR 15 (2014)
// 1929, in the inverted form). A sample's mask is a function of (seed, step, sample, node, unit): neither order nor
// threads matter. Off under every measurement, and then the identity.
//
//   forward y = mask x     backward xb += mask yb     tangent yt = mask xt     backward_tangent xbt += mask ybt
#include "net/op.h"

static int64_t rows(const tw_view *v) { return v->s * v->node->pout; }

static void through(const tw_view *v, int64_t k, bool add, const void *x, void *y)
{
    int64_t f = v->node->out;
    if (v->drop.on)
        v->kern->map->activate_bwd_tan(rows(v), k, f, add, v->d, NULL, NULL, x, y);
    else
        v->kern->block->copy(rows(v) * k, f, add, f, x, f, y);
}

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t units = n->pout * n->out;
    const uint64_t golden = 0x9e3779b97f4a7c15; // spreads (step, node) over the seeds
    uint64_t seed = v->drop.seed + golden * ((uint64_t)v->drop.step * 4096 + (uint64_t)n->index + 1);
    for (int64_t i = 0; v->drop.on && i < v->s; i++) {
        int64_t sample = v->drop.sample ? v->drop.sample[i] : v->drop.first + i;
        v->kern->block->mask(units, n->rate, seed, (uint64_t)sample, tw_to(v, v->d, i * units));
    }
    through(v, 1, false, v->x[0], v->y);
}

static void backward(const tw_view *v)
{
    if (v->xb[0]) through(v, 1, v->node->add[0], v->yb, v->xb[0]);
}

static void tangent(const tw_view *v) { through(v, v->k, false, v->xt[0], v->yt); }

static void backward_tangent(const tw_view *v)
{
    if (v->xbt[0]) through(v, v->k, v->node->add[0], v->ybt, v->xbt[0]);
}

const tw_op_kind tw_op_dropout = {
    .name = "dropout",
    .keeps = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
