// SPDX-License-Identifier: MIT
// Dense layer: y = x W' + b with W of shape [out][in], PyTorch's layout.
//
//   forward           y     = x W' + b
//   backward          xb    = yb W            Wb  = yb' x               bb  = sum yb
//   tangent           yt    = xt W' + x V' + c                          for the direction (V, c)
//   backward_tangent  xbt   = ybt W + yb V    Wbt = ybt' x + yb' xt     bbt = sum ybt
//
// k directions at once: tangents are [s][k][f], so xt W' is one product of s k rows, and x times the k stacked V lands
// in the same layout. The terms with yb need one product a direction, on strided rows. Cost in units of 2 s in out
// flops: backward 2, tangent 2 k, backward_tangent 4 k; half of each for a layer that reads data.
#include "net/op.h"

static void forward(const tw_view *v)
{
    const tw_node *n = v->node;
    v->kern->gemm(false, true, v->s, n->out, n->in, v->x[0], n->in, tw_at(v, v->w, n->weight), n->in, 0, v->y, n->out);
    if (n->bias >= 0) v->kern->map->bias_add(v->s, n->out, tw_at(v, v->w, n->bias), v->y);
}

static void backward(const tw_view *v)
{
    const tw_node *n = v->node;
    if (v->xb[0])
        v->kern->gemm(false, false, v->s, n->in, n->out, v->yb, n->out, tw_at(v, v->w, n->weight), n->in, n->add[0],
                      v->xb[0], n->in);
    if (!v->wb) return;
    v->kern->gemm(true, false, n->out, n->in, v->s, v->yb, n->out, v->x[0], n->in, 0, tw_to(v, v->wb, n->weight),
                  n->in);
    if (n->bias >= 0) v->kern->map->bias_sum(v->s, 1, n->out, v->yb, tw_to(v, v->wb, n->bias));
}

static void tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k;
    v->kern->gemm(false, true, v->s, k * n->out, n->in, v->x[0], n->in, tw_at(v, v->wt, k * n->weight), n->in, 0, v->yt,
                  k * n->out);
    if (v->xt[0])
        v->kern->gemm(false, true, v->s * k, n->out, n->in, v->xt[0], n->in, tw_at(v, v->w, n->weight), n->in, 1, v->yt,
                      n->out);
    if (n->bias >= 0) v->kern->map->bias_add_block(v->s, k, n->out, tw_at(v, v->wt, k * n->bias), v->yt);
}

// Below this many weights the k products of a direction each cost more in calls than in flops: they are made one
// product of k times the width, on directions laid side by side, [out][k][in].
enum { SMALL = 4096 };

static bool small(const tw_node *n) { return n->in * n->out <= SMALL; }

static int64_t scratch(const tw_node *n, int64_t s, int64_t k)
{
    (void)s;
    return small(n) ? k * n->in * n->out : 0;
}

static void backward_tangent(const tw_view *v)
{
    const tw_node *n = v->node;
    int64_t k = v->k, size = n->in * n->out;
    bool rule = v->product_rule, wide = rule && k > 1 && small(n);
    if (v->xbt[0]) {
        v->kern->gemm(false, false, v->s * k, n->in, n->out, v->ybt, n->out, tw_at(v, v->w, n->weight), n->in,
                      n->add[0], v->xbt[0], n->in);
        if (wide) {
            v->kern->image->scatter_positions(1, n->out, k, n->in, false, tw_at(v, v->wt, k * n->weight), v->scratch);
            v->kern->gemm(false, false, v->s, k * n->in, n->out, v->yb, n->out, v->scratch, k * n->in, 1, v->xbt[0],
                          k * n->in);
        }
        for (int64_t c = 0; rule && !wide && c < k; c++)
            v->kern->gemm(false, false, v->s, n->in, n->out, v->yb, n->out, tw_at(v, v->wt, k * n->weight + c * size),
                          n->in, 1, tw_to(v, v->xbt[0], c * n->in), k * n->in);
    }
    if (!v->wbt) return;
    void *wbt = tw_to(v, v->wbt, k * n->weight);
    bool begun = wide && v->xt[0];
    if (begun) {
        v->kern->gemm(true, false, n->out, k * n->in, v->s, v->yb, n->out, v->xt[0], k * n->in, 0, v->scratch,
                      k * n->in);
        v->kern->image->gather_positions(1, n->out, k, n->in, v->scratch, wbt);
    }
    v->kern->gemm(true, false, k * n->out, n->in, v->s, v->ybt, k * n->out, v->x[0], n->in, begun, wbt, n->in);
    for (int64_t c = 0; rule && !wide && v->xt[0] && c < k; c++)
        v->kern->gemm(true, false, n->out, n->in, v->s, v->yb, n->out, tw_at(v, v->xt[0], c * n->in), k * n->in, 1,
                      tw_to(v, wbt, c * size), n->in);
    if (n->bias >= 0) v->kern->map->bias_sum(v->s, k, n->out, v->ybt, tw_to(v, v->wbt, k * n->bias));
}

// |yb_i' x_i|^2 = |yb_i|^2 |x_i|^2, and |yb_i|^2 for the bias: no per-sample gradient is ever formed.
static void gradient_norms(const tw_view *v, double *scratch, double *norm)
{
    const tw_node *n = v->node;
    double *outer = scratch, *inner = scratch + v->s;
    v->kern->map->square_norms(v->s, n->out, v->yb, outer);
    v->kern->map->square_norms(v->s, n->in, v->x[0], inner);
    for (int64_t i = 0; i < v->s; i++) norm[i] += outer[i] * (inner[i] + (n->bias >= 0 ? 1 : 0));
}

const tw_op_kind tw_op_dense = {
    .name = "dense",
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .backward_tangent = backward_tangent,
    .gradient_norms = gradient_norms,
    .scratch = scratch,
};
