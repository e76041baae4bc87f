// SPDX-License-Identifier: MIT
// Grouped convolution: channels in g groups, each with filters of its own; g = channels is depthwise. W is of shape
// [out][kh][kw][in / g] in memory (PyTorch's [out][in / g][kh][kw] on disk), b of shape [out].
//
// The formulas are those of op_conv.c within a group. A group's channels of one sample are copied into an image of
// their own, which lies first in scratch; its patches lie behind.
#include "net/op.h"

static int64_t in_group(const tw_node *n) { return n->in / n->groups; }

static int64_t out_group(const tw_node *n) { return n->out / n->groups; }

static int64_t patch_size(const tw_node *n) { return n->win.kh * n->win.kw * in_group(n); }

static tw_window window(const tw_node *n)
{
    tw_window win = n->win;
    win.c = in_group(n);
    return win;
}

static int64_t image_size(const tw_node *n, int64_t k) { return n->pin * k * in_group(n); }

// Patches [pout][k][patch] of group g of sample i: behind the image in scratch.
static void *cut(const tw_view *v, int64_t k, const void *x, int64_t i, int64_t g)
{
    const tw_node *n = v->node;
    tw_window win = window(n);
    void *cols = tw_to(v, v->scratch, image_size(n, k));
    v->kern->block->copy(n->pin * k, in_group(n), false, n->in, tw_at(v, x, i * n->pin * k * n->in + g * in_group(n)),
                         in_group(n), v->scratch);
    v->kern->image->patches(&win, k, 0, n->win.oh, v->scratch, cols);
    return cols;
}

// Patches back into the channels of group g of sample i, which are added to.
static void paste(const tw_view *v, int64_t k, const void *cols, int64_t i, int64_t g, void *xb)
{
    const tw_node *n = v->node;
    tw_window win = window(n);
    void *to = tw_to(v, xb, i * n->pin * k * n->in + g * in_group(n));
    v->kern->block->copy(n->pin * k, in_group(n), false, n->in, to, in_group(n), v->scratch);
    v->kern->image->patches_add(&win, k, 0, n->win.oh, cols, v->scratch);
    v->kern->block->copy(n->pin * k, in_group(n), false, in_group(n), v->scratch, n->in, to);
}

static const void *filters(const tw_view *v, const void *w, int64_t k, int64_t c, int64_t g)
{
    const tw_node *n = v->node;
    return tw_at(v, w, k * n->weight + (c * n->out + g * out_group(n)) * patch_size(n));
}

// Group g of sample i of an output array with k directions: [pout] rows of k out numbers for direction c.
static void *places(const tw_view *v, const void *y, int64_t k, int64_t c, int64_t i, int64_t g)
{
    const tw_node *n = v->node;
    return tw_to(v, (void *)(uintptr_t)y, (i * n->pout * k + c) * n->out + g * out_group(n));
}

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t patch = patch_size(n);
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t g = 0; g < n->groups; g++)
            v->kern->gemm(false, true, n->pout, out_group(n), patch, cut(v, 1, v->x[0], i, g), patch,
                          filters(v, v->w, 1, 0, g), patch, 0, places(v, v->y, 1, 0, i, g), n->out);
    if (n->bias >= 0) v->kern->map->bias_add(v->s * n->pout, n->out, tw_at(v, v->w, n->bias), v->y);
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t patch = patch_size(n), og = out_group(n);
    if (v->xb[0]) tw_begin_adjoint(v, 0, 1, v->xb[0]);
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t g = 0; g < n->groups; g++) {
            const void *yb = places(v, v->yb, 1, 0, i, g);
            if (v->wb)
                v->kern->gemm(true, false, og, patch, n->pout, yb, n->out, cut(v, 1, v->x[0], i, g), patch, i > 0,
                              (void *)(uintptr_t)filters(v, v->wb, 1, 0, g), patch);
            if (!v->xb[0]) continue;
            void *cols = tw_to(v, v->scratch, image_size(n, 1));
            v->kern->gemm(false, false, n->pout, patch, og, yb, n->out, filters(v, v->w, 1, 0, g), patch, 0, cols,
                          patch);
            paste(v, 1, cols, i, g, v->xb[0]);
        }
    if (v->wb && n->bias >= 0) v->kern->map->bias_sum(v->s * n->pout, 1, n->out, v->yb, tw_to(v, v->wb, n->bias));
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k, patch = patch_size(n), og = out_group(n);
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t g = 0; g < n->groups; g++) {
            const void *cols = cut(v, 1, v->x[0], i, g);
            for (int64_t c = 0; c < k; c++)
                v->kern->gemm(false, true, n->pout, og, patch, cols, patch, filters(v, v->wt, k, c, g), patch, 0,
                              places(v, v->yt, k, c, i, g), k * n->out);
            if (!v->xt[0]) continue;
            v->kern->gemm(false, true, n->pout * k, og, patch, cut(v, k, v->xt[0], i, g), patch,
                          filters(v, v->w, 1, 0, g), patch, 1, places(v, v->yt, k, 0, i, g), n->out);
        }
    if (n->bias >= 0) v->kern->map->bias_add_block(v->s * n->pout, k, n->out, tw_at(v, v->wt, k * n->bias), v->yt);
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k, patch = patch_size(n), og = out_group(n);
    bool rule = v->product_rule;
    if (v->xbt[0]) tw_begin_adjoint(v, 0, k, v->xbt[0]);
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t g = 0; g < n->groups; g++) {
            const void *yb = places(v, v->yb, 1, 0, i, g);
            if (v->wbt) {
                const void *cols = cut(v, 1, v->x[0], i, g);
                for (int64_t c = 0; c < k; c++)
                    v->kern->gemm(true, false, og, patch, n->pout, places(v, v->ybt, k, c, i, g), k * n->out, cols,
                                  patch, i > 0, (void *)(uintptr_t)filters(v, v->wbt, k, c, g), patch);
                if (rule && v->xt[0]) {
                    cols = cut(v, k, v->xt[0], i, g);
                    for (int64_t c = 0; c < k; c++)
                        v->kern->gemm(true, false, og, patch, n->pout, yb, n->out, tw_at(v, cols, c * patch), k * patch,
                                      1, (void *)(uintptr_t)filters(v, v->wbt, k, c, g), patch);
                }
            }
            if (!v->xbt[0]) continue;
            void *cols = tw_to(v, v->scratch, image_size(n, k));
            v->kern->gemm(false, false, n->pout * k, patch, og, places(v, v->ybt, k, 0, i, g), n->out,
                          filters(v, v->w, 1, 0, g), patch, 0, cols, patch);
            for (int64_t c = 0; rule && c < k; c++)
                v->kern->gemm(false, false, n->pout, patch, og, yb, n->out, filters(v, v->wt, k, c, g), patch, 1,
                              tw_to(v, cols, c * patch), k * patch);
            paste(v, k, cols, i, g, v->xbt[0]);
        }
    if (v->wbt && n->bias >= 0)
        v->kern->map->bias_sum(v->s * n->pout, k, n->out, v->ybt, tw_to(v, v->wbt, k * n->bias));
}

static int64_t scratch(const tw_node *n, int64_t s, int64_t k)
{
    (void)s;
    return image_size(n, k) + n->pout * k * patch_size(n);
}

const tw_op_kind tw_op_conv_groups = {
    .name = "grouped-conv",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
    .scratch = scratch,
};
