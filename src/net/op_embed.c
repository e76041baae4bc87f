// SPDX-License-Identifier: MIT
// Embedding: y_t = E[x_t] + P[t], x_t whole numbers below `words` carried as numbers of the table's type. E is the
// node's weight [words][f], P its bias [positions][f]. The input may be longer than the output; the rest is not read.
//
//   forward           y = E[x] + P
//   backward          Eb[w] = sum of yb over places with x = w,   Pb = sum over samples of yb
//   tangent           yt = Et[x] + Pt
//   backward_tangent  Ebt, Pbt as backward, of ybt: linear in the parameters, constant in x
#include "net/op.h"

static void look_up(const tw_view *v, int64_t k, const void *w, void *y)
{
    const tw_node *n = v->node;
    v->kern->block->embed(v->s, n->pin * n->in, n->pout, k, n->out, n->words, v->x[0], tw_at(v, w, k * n->weight),
                          tw_at(v, w, k * n->bias), y);
}

static void sum(const tw_view *v, int64_t k, const void *yb, void *xb, void *wb)
{
    const tw_node *n = v->node;
    if (xb) tw_begin_adjoint(v, 0, k, xb);
    if (wb)
        v->kern->block->embed_sum(v->s, n->pin * n->in, n->pout, k, n->out, n->words, v->x[0], yb,
                                  tw_to(v, wb, k * n->weight), tw_to(v, wb, k * n->bias));
}

static void forward(const tw_view *v) { look_up(v, 1, v->w, v->y); }

static void backward(const tw_view *v) { sum(v, 1, v->yb, v->xb[0], v->wb); }

static void tangent(const tw_view *v) { look_up(v, v->k, v->wt, v->yt); }

static void backward_tangent(const tw_view *v) { sum(v, v->k, v->ybt, v->xbt[0], v->wbt); }

const tw_op_kind tw_op_embed = {
    .name = "embed",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
