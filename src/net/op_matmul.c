// SPDX-License-Identifier: MIT
// Product of two values, head by head: Y_h = op(A_h) op(B_h), a value's positions being the rows of its matrices and
// head h its h-th run of columns; op is the transpose where ta or tb is set.
//
//   forward           Y    = op(A) op(B)
//   backward          op(A)b  += Yb op(B)',                 op(B)b  += op(A)' Yb
//   tangent           Yt   = op(At) op(B) + op(A) op(Bt)
//   backward_tangent  op(A)bt += Ybt op(B)' + Yb op(Bt)',   op(B)bt += op(A)' Ybt + op(At)' Yb
//
// Direction c of a tangent [p][k][f] is a matrix with k f numbers from row to row.
#include "net/op.h"

// One matrix of one sample, head and direction: k = 1 for values.
typedef struct piece {
    void *x;
    int64_t ld;
} piece;

static piece of(const tw_view *v, const void *x, int64_t rows, int64_t f, int64_t sample, int64_t head, int64_t k,
                int64_t c)
{
    int64_t width = f / v->node->groups;
    return (piece){tw_to(v, (void *)(uintptr_t)x, (sample * rows * k + c) * f + head * width), k * f};
}

static piece left(const tw_view *v, const void *x, int64_t i, int64_t h, int64_t k, int64_t c)
{
    return of(v, x, v->node->pin, v->node->in, i, h, k, c);
}

static piece right(const tw_view *v, const void *x, int64_t i, int64_t h, int64_t k, int64_t c)
{
    return of(v, x, v->node->pin2, v->node->in2, i, h, k, c);
}

static piece result(const tw_view *v, const void *x, int64_t i, int64_t h, int64_t k, int64_t c)
{
    return of(v, x, v->node->pout, v->node->out, i, h, k, c);
}

static int64_t inner(const tw_node *n) { return n->ta ? n->pin : n->in / n->groups; }

static void product(const tw_view *v, piece a, piece b, bool add, piece y)
{
    const tw_node *n = v->node;
    v->kern->gemm(n->ta, n->tb, n->pout, n->out / n->groups, inner(n), a.x, a.ld, b.x, b.ld, add, y.x, y.ld);
}

// The adjoint of A: Yb op(B)', or its transpose op(B) Yb'.
static void to_left(const tw_view *v, piece yb, piece b, bool add, piece ab)
{
    const tw_node *n = v->node;
    int64_t m = n->pout, cols = n->out / n->groups;
    if (n->ta)
        v->kern->gemm(n->tb, true, inner(n), m, cols, b.x, b.ld, yb.x, yb.ld, add, ab.x, ab.ld);
    else
        v->kern->gemm(false, !n->tb, m, inner(n), cols, yb.x, yb.ld, b.x, b.ld, add, ab.x, ab.ld);
}

static void to_right(const tw_view *v, piece yb, piece a, bool add, piece bb)
{
    const tw_node *n = v->node;
    int64_t m = n->pout, cols = n->out / n->groups;
    if (n->tb)
        v->kern->gemm(true, n->ta, cols, inner(n), m, yb.x, yb.ld, a.x, a.ld, add, bb.x, bb.ld);
    else
        v->kern->gemm(!n->ta, false, inner(n), cols, m, a.x, a.ld, yb.x, yb.ld, add, bb.x, bb.ld);
}

static void forward(const tw_view *v)
{
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t h = 0; h < v->node->groups; h++)
            product(v, left(v, v->x[0], i, h, 1, 0), right(v, v->x[1], i, h, 1, 0), false, result(v, v->y, i, h, 1, 0));
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t h = 0; h < n->groups; h++) {
            piece yb = result(v, v->yb, i, h, 1, 0);
            if (v->xb[0]) to_left(v, yb, right(v, v->x[1], i, h, 1, 0), n->add[0], left(v, v->xb[0], i, h, 1, 0));
            if (v->xb[1]) to_right(v, yb, left(v, v->x[0], i, h, 1, 0), n->add[1], right(v, v->xb[1], i, h, 1, 0));
        }
}

static void tangent(const tw_view *v)
{
    int64_t k = v->k;
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t h = 0; h < v->node->groups; h++)
            for (int64_t c = 0; c < k; c++) {
                piece yt = result(v, v->yt, i, h, k, c);
                if (v->xt[0]) product(v, left(v, v->xt[0], i, h, k, c), right(v, v->x[1], i, h, 1, 0), false, yt);
                if (v->xt[1])
                    product(v, left(v, v->x[0], i, h, 1, 0), right(v, v->xt[1], i, h, k, c), v->xt[0] != NULL, yt);
            }
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k;
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t h = 0; h < n->groups; h++)
            for (int64_t c = 0; c < k; c++) {
                piece ybt = result(v, v->ybt, i, h, k, c), yb = result(v, v->yb, i, h, 1, 0);
                if (v->xbt[0]) {
                    piece to = left(v, v->xbt[0], i, h, k, c);
                    to_left(v, ybt, right(v, v->x[1], i, h, 1, 0), n->add[0], to);
                    if (v->product_rule && v->xt[1]) to_left(v, yb, right(v, v->xt[1], i, h, k, c), true, to);
                }
                if (v->xbt[1]) {
                    piece to = right(v, v->xbt[1], i, h, k, c);
                    to_right(v, ybt, left(v, v->x[0], i, h, 1, 0), n->add[1], to);
                    if (v->product_rule && v->xt[0]) to_right(v, yb, left(v, v->xt[0], i, h, k, c), true, to);
                }
            }
}

const tw_op_kind tw_op_matmul = {
    .name = "matmul",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
};
