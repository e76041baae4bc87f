// SPDX-License-Identifier: MIT
// Sum of two values of one shape: y = a + b, the joint of a residual block.
//
//   forward           y   = a + b
//   backward          ab += yb,   bb += yb
//   tangent           yt  = at + bt
//   backward_tangent  abt += ybt, bbt += ybt
#include "net/op.h"

#include <string.h>

static void sum(const tw_view *v, int64_t k, const void *a, const void *b, void *y)
{
    int64_t count = v->s * v->node->pout * k * v->node->out;
    const void *first = a ? a : b;
    if (first)
        memcpy(y, first, (size_t)(count * (int64_t)v->kern->real));
    else
        memset(y, 0, (size_t)(count * (int64_t)v->kern->real));
    if (a && b) v->kern->map->axpy(count, 1, b, y);
}

static void share(const tw_view *v, int64_t k, const void *yb, void *const *xb)
{
    int64_t count = v->s * v->node->pout * k * v->node->out;
    for (int i = 0; i < TW_MOST_INPUTS; i++) {
        if (!xb[i]) continue;
        if (v->node->add[i])
            v->kern->map->axpy(count, 1, yb, xb[i]);
        else
            memcpy(xb[i], yb, (size_t)(count * (int64_t)v->kern->real));
    }
}

static void forward(const tw_view *v) { sum(v, 1, v->x[0], v->x[1], v->y); }

static void backward(const tw_view *v) { share(v, 1, v->yb, v->xb); }

static void tangent(const tw_view *v) { sum(v, v->k, v->xt[0], v->xt[1], v->yt); }

static void backward_tangent(const tw_view *v) { share(v, v->k, v->ybt, v->xbt); }

const tw_op_kind tw_op_add = {
    .name = "add",
    .passes = true,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
