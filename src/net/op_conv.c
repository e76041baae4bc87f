// SPDX-License-Identifier: MIT
// Convolution: a dense layer on patches, y = P(x) W' + b, with P the windows of the image and W of shape
// [out][kh][kw][in] in memory (PyTorch's [out][in][kh][kw] on disk).
//
//   forward           y     = P(x) W' + b
//   backward          xb    = P'(yb W)             Wb  = yb' P(x)                bb  = sum yb
//   tangent           yt    = P(xt) W' + P(x) V' + c
//   backward_tangent  xbt   = P'(ybt W + yb V)     Wbt = ybt' P(x) + yb' P(xt)   bbt = sum ybt
//
// P is linear and P' (adding patches back) its transpose, so these are the formulas of op_dense.c with positions for
// samples. Patches are made for a few lines of places at a time, as many as stay in a core's cache: they never exist
// whole; and where the kernels can do without them, not at all (net/op_conv_direct.c). Where a relu follows, all sweeps
// but the first work only what it lets through (net/op_conv_live.c).
#include "net/op.h"

enum { CACHE = 1 << 20 }; // bytes of patches at once: the second-level cache of today's cores

static int64_t patch_size(const tw_node *n) { return n->win.kh * n->win.kw * n->in; }

// Lines of places made at once: a function of shape and k alone, so that sums keep their order.
static int64_t lines_at_once(const tw_node *n, int64_t s, int64_t k)
{
    int64_t line = n->win.ow * k * patch_size(n) * (int64_t)sizeof(double), lines = CACHE / line;
    return lines < 1 ? 1 : lines > s * n->win.oh ? s * n->win.oh : lines;
}

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t patch = patch_size(n), all = v->s * n->win.oh, step = lines_at_once(n, v->s, 1), ow = n->win.ow;
    const bool direct = tw_conv_is_direct(v, 1);
    if (direct) tw_conv_direct_forward(v);
    for (int64_t at = 0; !direct && at < all; at += step) {
        int64_t lines = all - at < step ? all - at : step;
        v->kern->image->patches(&n->win, 1, at, lines, v->x[0], v->scratch);
        v->kern->gemm(false, true, lines * ow, n->out, patch, v->scratch, patch, tw_at(v, v->w, n->weight), patch, 0,
                      tw_to(v, v->y, at * ow * n->out), n->out);
    }
    if (n->bias >= 0) v->kern->map->bias_add(v->s * n->pout, n->out, tw_at(v, v->w, n->bias), v->y);
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t patch = patch_size(n), all = v->s * n->win.oh, step = lines_at_once(n, v->s, 1), ow = n->win.ow;
    if (tw_conv_is_live(v)) {
        tw_conv_live_backward(v);
        return;
    }
    const bool direct = tw_conv_is_direct(v, 1);
    if (direct)
        tw_conv_direct_backward(v);
    else if (v->xb[0])
        tw_begin_adjoint(v, 0, 1, v->xb[0]);
    for (int64_t at = 0; !direct && at < all; at += step) {
        int64_t lines = all - at < step ? all - at : step, rows = lines * ow;
        const void *yb = tw_at(v, v->yb, at * ow * n->out);
        if (v->wb) {
            v->kern->image->patches(&n->win, 1, at, lines, v->x[0], v->scratch);
            v->kern->gemm(true, false, n->out, patch, rows, yb, n->out, v->scratch, patch, at > 0,
                          tw_to(v, v->wb, n->weight), patch);
        }
        if (v->xb[0]) {
            v->kern->gemm(false, false, rows, patch, n->out, yb, n->out, tw_at(v, v->w, n->weight), patch, 0,
                          v->scratch, patch);
            v->kern->image->patches_add(&n->win, 1, at, lines, v->scratch, v->xb[0]);
        }
    }
    if (v->wb && n->bias >= 0) v->kern->map->bias_sum(v->s * n->pout, 1, n->out, v->yb, tw_to(v, v->wb, n->bias));
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k, patch = patch_size(n), all = v->s * n->win.oh, step = lines_at_once(n, v->s, k), ow = n->win.ow;
    if (tw_conv_is_live(v)) {
        tw_conv_live_tangent(v);
        return;
    }
    const bool direct = tw_conv_is_direct(v, k);
    if (direct) tw_conv_direct_tangent(v);
    for (int64_t at = 0; !direct && at < all; at += step) {
        int64_t lines = all - at < step ? all - at : step, rows = lines * ow;
        void *yt = tw_to(v, v->yt, at * ow * k * n->out);
        v->kern->image->patches(&n->win, 1, at, lines, v->x[0], v->scratch);
        v->kern->gemm(false, true, rows, k * n->out, patch, v->scratch, patch, tw_at(v, v->wt, k * n->weight), patch, 0,
                      yt, k * n->out);
        if (!v->xt[0]) continue;
        v->kern->image->patches(&n->win, k, at, lines, v->xt[0], v->scratch);
        v->kern->gemm(false, true, rows * k, n->out, patch, v->scratch, patch, tw_at(v, v->w, n->weight), patch, 1, yt,
                      n->out);
    }
    if (n->bias >= 0) v->kern->map->bias_add_block(v->s * n->pout, k, n->out, tw_at(v, v->wt, k * n->bias), v->yt);
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k, patch = patch_size(n), all = v->s * n->win.oh, step = lines_at_once(n, v->s, k), ow = n->win.ow;
    int64_t size = n->out * patch;
    bool rule = v->product_rule;
    if (tw_conv_is_live(v)) {
        tw_conv_live_backward_tangent(v);
        return;
    }
    const bool direct = tw_conv_is_direct(v, k);
    if (direct)
        tw_conv_direct_backward_tangent(v);
    else if (v->xbt[0])
        tw_begin_adjoint(v, 0, k, v->xbt[0]);
    for (int64_t at = 0; !direct && at < all; at += step) {
        int64_t lines = all - at < step ? all - at : step, rows = lines * ow;
        const void *ybt = tw_at(v, v->ybt, at * ow * k * n->out), *yb = tw_at(v, v->yb, at * ow * n->out);
        if (v->wbt) {
            void *wbt = tw_to(v, v->wbt, k * n->weight);
            v->kern->image->patches(&n->win, 1, at, lines, v->x[0], v->scratch);
            v->kern->gemm(true, false, k * n->out, patch, rows, ybt, k * n->out, v->scratch, patch, at > 0, wbt, patch);
            if (rule && v->xt[0]) {
                v->kern->image->patches(&n->win, k, at, lines, v->xt[0], v->scratch);
                for (int64_t c = 0; c < k; c++)
                    v->kern->gemm(true, false, n->out, patch, rows, yb, n->out, tw_at(v, v->scratch, c * patch),
                                  k * patch, 1, tw_to(v, wbt, c * size), patch);
            }
        }
        if (!v->xbt[0]) continue;
        v->kern->gemm(false, false, rows * k, patch, n->out, ybt, n->out, tw_at(v, v->w, n->weight), patch, 0,
                      v->scratch, patch);
        for (int64_t c = 0; rule && c < k; c++)
            v->kern->gemm(false, false, rows, patch, n->out, yb, n->out, tw_at(v, v->wt, k * n->weight + c * size),
                          patch, 1, tw_to(v, v->scratch, c * patch), k * patch);
        v->kern->image->patches_add(&n->win, k, at, lines, v->scratch, v->xbt[0]);
    }
    if (v->wbt && n->bias >= 0)
        v->kern->map->bias_sum(v->s * n->pout, k, n->out, v->ybt, tw_to(v, v->wbt, k * n->bias));
}

// |sum over positions of yb_p P_p|^2, sample by sample: positions share the weights, so norms do not factor as in a
// dense layer, and each sample's gradient is formed in turn.
static void gradient_norms(const tw_view *v, double *room, double *norm)
{
    const tw_node *n = v->node;
    int64_t patch = patch_size(n), step = lines_at_once(n, v->s, 1), ow = n->win.ow;
    void *g = tw_to(v, v->scratch, step * ow * patch), *gb = tw_to(v, g, n->out * patch);
    for (int64_t i = 0; i < v->s; i++) {
        for (int64_t done = 0; done < n->win.oh; done += step) {
            int64_t lines = n->win.oh - done < step ? n->win.oh - done : step, at = i * n->win.oh + done;
            v->kern->image->patches(&n->win, 1, at, lines, v->x[0], v->scratch);
            v->kern->gemm(true, false, n->out, patch, lines * ow, tw_at(v, v->yb, at * ow * n->out), n->out, v->scratch,
                          patch, done > 0, g, patch);
        }
        v->kern->map->square_norms(1, n->out * patch, g, room);
        norm[i] += room[0];
        if (n->bias < 0) continue;
        v->kern->map->bias_sum(n->pout, 1, n->out, tw_at(v, v->yb, i * n->pout * n->out), gb);
        v->kern->map->square_norms(1, n->out, gb, room);
        norm[i] += room[0];
    }
}

// Room for the patches, and for one sample's gradient behind them.
static int64_t scratch(const tw_node *n, int64_t s, int64_t k)
{
    int64_t line = n->win.ow * k * patch_size(n), cache = CACHE / (int64_t)sizeof(double);
    int64_t dense = (line > cache ? line : cache) + n->out * patch_size(n) + n->out;
    int64_t live = n->relu > 0 ? tw_conv_live_scratch(n, s, k) : 0;
    int64_t direct = tw_conv_direct_scratch(n, s, k), most = live > dense ? live : dense;
    return direct > most ? direct : most;
}

const tw_op_kind tw_op_conv = {
    .name = "conv",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
    .gradient_norms = gradient_norms,
    .scratch = scratch,
};
