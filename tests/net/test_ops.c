// SPDX-License-Identifier: MIT
// Every operation's four sweeps, in double, on random shapes: against central differences, and against each other by
// transposition. The list of ops is net/ops.def.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/op.h"

static const tw_op_kind *const ops[] = {
#define OP(symbol) &symbol,
#include "net/ops.def"
#undef OP
};

// One op on its own, with every array there is.
typedef struct bench {
    tw_node node;
    const tw_kernels *kern;
    int64_t s, k, n, in[2], out; // in, out: numbers a sample, all positions
    double *stat;
    double *x[2], *y, *d, *e, *yb, *xb[2], *w, *wb; // [s][p][f], [n]
    double *xt[2], *yt, *ybt, *xbt[2], *wt, *wbt;   // [s][p][k][f], [n][k]
    void *scratch;
    int inputs;
    bool curved;
} bench;

static double *room(int64_t n)
{
    double *x = NULL;
    must(tw_alloc(n, sizeof *x, &x));
    return x;
}

static double *normals(int64_t n, uint64_t index)
{
    double *x = room(n);
    tw_rng rng = tw_rng_at(31, TW_RNG_TEST, index);
    tw_rng_normals(&rng, n, x);
    return x;
}

// Every way an op can be told to work.
static int variants(const tw_op_kind *op)
{
    if (op == &tw_op_activation) return TW_ACT_COUNT;
    if (op == &tw_op_matmul) return 4;                             // transposed factors
    if (op == &tw_op_batch_norm || op == &tw_op_softmax) return 2; // the batch's statistics or fixed ones; causal
    if (op == &tw_op_conv_groups) return 2;                        // depthwise, and groups of several channels
    return 1;
}

// Shapes of layers that are not images' alone. c and f are small numbers of any size.
static void make_layer(tw_node *n, int variant, int64_t h, int64_t w, int64_t c, int64_t f)
{
    if (n->op == &tw_op_matmul) { // two heads of c columns; the inner size c or h w as the flags say, f what is left
        n->groups = 2;
        n->ta = variant & 1;
        n->tb = variant >> 1;
        int64_t inner = n->ta ? n->pin : c;
        n->in = 2 * c;
        n->pin2 = n->tb ? f : inner;
        n->in2 = 2 * (n->tb ? inner : f);
        n->pout = n->ta ? c : n->pin;
        n->out = 2 * f;
    } else if (n->op == &tw_op_softmax) {
        n->groups = 2;
        n->in = n->out = 2 * c;
        n->scale = 0.7;
        n->causal = variant;
    } else if (n->op == &tw_op_slice) {
        n->place = n->pin / 2;
        n->pout = n->pin - n->place;
        n->first = c / 2;
        n->out = c - n->first;
    } else if (n->op == &tw_op_concat) {
        n->in2 = f;
        n->out = c + f;
    } else if (n->op == &tw_op_embed) {
        n->words = 5;
        n->pin = h * w * c + 1;
        n->in = 1;
        n->pout = h * w * c;
        n->out = f;
        n->weight = 0;
        n->bias = n->words * f;
    } else if (n->op == &tw_op_dropout) {
        n->rate = 0.3;
    } else if (n->op == &tw_op_batch_norm || n->op == &tw_op_layer_norm) {
        n->eps = 0.3; // so that forgetting it shows
        n->weight = 0;
        n->bias = c;
        n->stat = 0;
        n->fixed = n->op == &tw_op_batch_norm && variant;
    } else if (n->op == &tw_op_bias) {
        n->weight = 0;
        n->bias = c; // where the parameters end; it has no second tensor
    } else if (n->op == &tw_op_conv_groups) {
        n->groups = variant ? c : 2;
        n->in = variant ? c : 2 * c;
        n->out = n->groups * f;
        n->win = (tw_window){h, w, n->in, (h + 1) / 2, w, 3, 3, 2, 1, 0};
        n->win.ow = (w + 1) / 2;
        n->pout = n->win.oh * n->win.ow;
        n->weight = 0;
        n->bias = n->out * 9 * n->in / n->groups;
    }
}

// The node of one op on images of h x w x c, with f features out.
static tw_node make_node(const tw_op_kind *op, int variant, int64_t h, int64_t w, int64_t c, int64_t f)
{
    tw_activation activation = op == &tw_op_activation ? (tw_activation)variant : TW_ACT_IDENTITY;
    tw_node n = {.op = op,
                 .pin = h * w,
                 .in = c,
                 .pout = h * w,
                 .out = c,
                 .weight = -1,
                 .bias = -1,
                 .activation = activation,
                 .slope = activation == TW_ACT_LEAKY_RELU ? 0.2 : 0};
    n.input[0] = 1;
    n.input[1] = -1;
    n.groups = 1;
    n.scale = 1;
    n.stat = -1;
    if (op == &tw_op_add || op == &tw_op_multiply || op == &tw_op_concat || op == &tw_op_matmul) {
        n.input[1] = 2;
        n.pin2 = n.pin;
        n.in2 = c;
    }
    make_layer(&n, variant, h, w, c, f);
    if (op == &tw_op_dense) {
        n.pin = n.pout = 1;
        n.out = f;
    } else if (op == &tw_op_flatten) {
        n.pout = 1;
        n.out = h * w * c;
    } else if (op == &tw_op_conv) { // padded by one before and stride 2 one way round, to meet every edge
        n.win = (tw_window){h, w, c, h, w, 3, 2, 1, 1, 0};
        if (h % 2 == 0) n.win = (tw_window){h, w, c, h / 2, (w + 1) / 2, 3, 3, 2, 0, 1};
        n.pout = n.win.oh * n.win.ow;
        n.out = f;
    } else if (op == &tw_op_max_pool || op == &tw_op_mean_pool) {
        int64_t size = h < 2 || w < 2 ? 1 : 2;
        n.win = (tw_window){h, w, c, (h - size) / size + 1, (w - size) / size + 1, size, size, size, 0, 0};
        n.pout = n.win.oh * n.win.ow;
    }
    if (op == &tw_op_dense || op == &tw_op_conv) {
        n.weight = 0;
        n.bias = n.out * n.in * (op == &tw_op_conv ? n.win.kh * n.win.kw : 1);
    }
    return n;
}

static void bench_open(bench *b, const tw_op_kind *op, int variant, const int64_t *shape)
{
    *b = (bench){.node = make_node(op, variant, shape[2], shape[3], shape[4], shape[5]),
                 .kern = tw_kernels_find("f64"),
                 .s = shape[0],
                 .k = shape[1],
                 .curved = op == &tw_op_activation && variant > TW_ACT_LEAKY_RELU};
    const tw_node *node = &b->node;
    b->inputs = node->input[1] >= 0 ? 2 : 1;
    b->in[0] = node->pin * node->in;
    b->in[1] = node->pin2 * node->in2;
    b->out = node->pout * node->out;
    int64_t biases = op == &tw_op_embed ? b->out : op == &tw_op_bias ? 0 : node->out;
    b->n = node->weight >= 0 ? node->bias + biases : 0;
    b->stat = normals(2 * node->out, 6);
    for (int64_t i = node->out; i < 2 * node->out; i++) b->stat[i] = 0.5 + b->stat[i] * b->stat[i]; // variances
    b->yb = normals(b->s * b->out, 1), b->w = normals(b->n, 2);
    b->wt = normals(b->n * b->k, 4), b->ybt = normals(b->s * b->k * b->out, 5);
    for (int i = 0; i < b->inputs; i++) {
        b->x[i] = normals(b->s * b->in[i], (uint64_t)(10 + i));
        for (int64_t j = 0; !b->curved && j < b->s * b->in[i]; j++)
            b->x[i][j] += b->x[i][j] > 0 ? 0.1 : -0.1; // no difference meets a kink
        for (int64_t j = 0; op == &tw_op_embed && j < b->s * b->in[i]; j++)
            b->x[i][j] = (double)(j * j % node->words) + 0.5; // read as whole numbers: constant around here
        b->xt[i] = normals(b->s * b->k * b->in[i], (uint64_t)(20 + i));
        b->xb[i] = room(b->s * b->in[i]);
        b->xbt[i] = room(b->s * b->k * b->in[i]);
    }
    int64_t kept = op->kept ? op->kept(node, b->s) : b->s * b->out;
    b->y = room(b->s * b->out), b->d = room(kept), b->e = room(b->s * b->out), b->wb = room(b->n);
    b->yt = room(b->s * b->k * b->out), b->wbt = room(b->n * b->k);
    b->scratch = room(node->op->scratch ? node->op->scratch(node, b->s, b->k) : 0);
}

static void bench_close(bench *b)
{
    for (int i = 0; i < b->inputs; i++) free(b->x[i]), free(b->xt[i]), free(b->xb[i]), free(b->xbt[i]);
    free(b->yb), free(b->w), free(b->wt), free(b->ybt), free(b->y), free(b->d), free(b->e), free(b->wb);
    free(b->yt), free(b->wbt), free(b->scratch), free(b->stat);
}

static tw_view view(bench *b)
{
    tw_view v = {.kern = b->kern,
                 .node = &b->node,
                 .s = b->s,
                 .k = b->k,
                 .y = b->y,
                 .d = b->d,
                 .e = b->curved ? b->e : NULL,
                 .yb = b->yb,
                 .yt = b->yt,
                 .ybt = b->ybt,
                 .w = b->w,
                 .wt = b->wt,
                 .wb = b->wb,
                 .wbt = b->wbt,
                 .product_rule = true,
                 .stat = b->stat,
                 .drop = {.on = true, .seed = 3},
                 .scratch = b->scratch};
    for (int i = 0; i < b->inputs; i++) {
        v.x[i] = b->x[i];
        v.xb[i] = b->xb[i];
        v.xt[i] = b->xt[i];
        v.xbt[i] = b->xbt[i];
    }
    return v;
}

static void primal(bench *b)
{
    tw_view v = view(b);
    v.node->op->forward(&v);
    v.node->op->backward(&v);
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

// Direction c of [rows][k][f] as a dense [rows][f].
static double *direction(const double *x, int64_t rows, int64_t k, int64_t f, int64_t c)
{
    double *out = room(rows * f);
    for (int64_t i = 0; i < rows; i++) memcpy(out + i * f, x + (i * k + c) * f, (size_t)f * sizeof *x);
    return out;
}

static double *input_direction(const bench *b, int i, const double *xt, int64_t c)
{
    return direction(xt, b->s * (i ? b->node.pin2 : b->node.pin), b->k, i ? b->node.in2 : b->node.in, c);
}

static double *output_direction(const bench *b, const double *yt, int64_t c)
{
    return direction(yt, b->s * b->node.pout, b->k, b->node.out, c);
}

// Parameter tangents lie tensor by tensor: weight [k][count], then bias [k][out].
static double parameter(const bench *b, const double *block, int64_t c, int64_t i)
{
    int64_t size = b->node.bias;
    return i < size ? block[c * size + i] : block[b->k * size + c * (b->n - size) + i - size];
}

static void move(bench *b, double *const *x, const double *w, const double *yb, int64_t c, double h)
{
    double *ybt = output_direction(b, b->ybt, c);
    for (int i = 0; i < b->inputs; i++) {
        double *xt = input_direction(b, i, b->xt[i], c);
        for (int64_t j = 0; j < b->s * b->in[i]; j++) b->x[i][j] = x[i][j] + h * xt[j];
        free(xt);
    }
    for (int64_t i = 0; i < b->n; i++) b->w[i] = w[i] + h * parameter(b, b->wt, c, i);
    for (int64_t i = 0; i < b->s * b->out; i++) b->yb[i] = yb[i] + h * ybt[i];
    free(ybt);
}

static double *copy(int64_t n, const double *x)
{
    double *out = room(n);
    if (n > 0) memcpy(out, x, (size_t)n * sizeof *x);
    return out;
}

// The bound: central differences of order four are off by about h^4 times a fifth derivative (below 20 here) and by
// rounding / h; h = 1e-3 makes both about 2e-11. Inputs of kinked activations are kept 0.1 away from the kink; those of
// maxima differ by more than the step with these streams.
static void check_differences(bench *b)
{
    const double step[4] = {-2, -1, 1, 2}, weight[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    double h = b->node.op == &tw_op_max_pool ? 1e-6 : 1e-3; // pools are linear: any step is exact but for rounding
    double *x[2] = {NULL, NULL}, *w = copy(b->n, b->w), *yb = copy(b->s * b->out, b->yb), *xbt[2] = {NULL, NULL};
    for (int i = 0; i < b->inputs; i++) x[i] = copy(b->s * b->in[i], b->x[i]);
    primal(b);
    tw_view v = view(b);
    v.node->op->tangent(&v);
    v.node->op->backward_tangent(&v);
    double *yt = copy(b->s * b->k * b->out, b->yt), *wbt = copy(b->n * b->k, b->wbt);
    for (int i = 0; i < b->inputs; i++) xbt[i] = copy(b->s * b->k * b->in[i], b->xbt[i]);
    for (int64_t c = 0; c < b->k; c++) {
        double *dy = room(b->s * b->out), *dwb = room(b->n), *dxb[2] = {room(b->s * b->in[0]), room(b->s * b->in[1])};
        for (int i = 0; i < 4; i++) {
            move(b, x, w, yb, c, step[i] * h);
            primal(b);
            for (int64_t j = 0; j < b->s * b->out; j++) dy[j] += weight[i] * b->y[j] / h;
            for (int64_t j = 0; j < b->n; j++) dwb[j] += weight[i] * b->wb[j] / h;
            for (int a = 0; a < b->inputs; a++)
                for (int64_t j = 0; j < b->s * b->in[a]; j++) dxb[a][j] += weight[i] * b->xb[a][j] / h;
        }
        double *found = output_direction(b, yt, c);
        double size = sqrt(dot(b->s * b->in[0], dxb[0], dxb[0]) + dot(b->s * b->in[1], dxb[1], dxb[1]) +
                           dot(b->s * b->out, dy, dy) + dot(b->n, dwb, dwb));
        double value = sqrt(dot(b->s * b->out, b->y, b->y) + dot(b->s * b->in[0], b->xb[0], b->xb[0]) +
                            dot(b->n, b->wb, b->wb)); // what is rounded where the derivative vanishes
        double bound = (h < 1e-5 ? 1e-8 : 1e-10) * size + 4 * DBL_EPSILON / h * value;
        for (int64_t j = 0; j < b->s * b->out; j++) assert_near(found[j], dy[j], bound);
        for (int64_t j = 0; j < b->n; j++) assert_near(parameter(b, wbt, c, j), dwb[j], bound);
        free(found);
        for (int i = 0; i < b->inputs; i++) {
            found = input_direction(b, i, xbt[i], c);
            for (int64_t j = 0; j < b->s * b->in[i]; j++) assert_near(found[j], dxb[i][j], bound);
            free(found);
        }
        free(dy), free(dwb), free(dxb[0]), free(dxb[1]);
    }
    for (int i = 0; i < b->inputs; i++) free(x[i]), free(xbt[i]);
    free(w), free(yb), free(yt), free(wbt);
}

// With the adjoint of the output held still, what is left of backward_tangent is the second derivative of <yb, y>, a
// symmetric matrix: direction 0 along direction 1 is direction 1 along direction 0. Bound: rounding of the sums.
static void check_symmetry(bench *b)
{
    if (b->k < 2) return;
    memset(b->ybt, 0, (size_t)(b->s * b->k * b->out) * sizeof *b->ybt);
    primal(b);
    tw_view v = view(b);
    v.node->op->tangent(&v);
    v.node->op->backward_tangent(&v);
    double found[2] = {0}, size = 0;
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < b->inputs; i++) {
            double *image = input_direction(b, i, b->xbt[i], c), *other = input_direction(b, i, b->xt[i], 1 - c);
            found[c] += dot(b->s * b->in[i], image, other);
            size += sqrt(dot(b->s * b->in[i], image, image) * dot(b->s * b->in[i], other, other));
            free(image), free(other);
        }
        for (int64_t i = 0; i < b->n; i++) {
            double part = parameter(b, b->wbt, c, i) * parameter(b, b->wt, 1 - c, i);
            found[c] += part;
            size += fabs(part);
        }
    }
    assert_near(found[0], found[1], 1e-13 * size);
}

// All directions at once are each direction alone. Bound: sums in another order.
static void check_directions(bench *b)
{
    primal(b);
    tw_view v = view(b);
    v.node->op->tangent(&v);
    v.node->op->backward_tangent(&v);
    for (int64_t c = 0; c < b->k; c++) {
        double *xt[2] = {NULL, NULL}, *xbt[2] = {NULL, NULL}, *ybt = output_direction(b, b->ybt, c);
        double *yt = room(b->s * b->out), *wt = room(b->n), *wbt = room(b->n), *all = output_direction(b, b->yt, c);
        for (int64_t i = 0; i < b->n; i++) wt[i] = parameter(b, b->wt, c, i);
        v = view(b);
        v.k = 1;
        v.yt = yt, v.wt = wt, v.wbt = wbt, v.ybt = ybt;
        for (int i = 0; i < b->inputs; i++) {
            v.xt[i] = xt[i] = input_direction(b, i, b->xt[i], c);
            v.xbt[i] = xbt[i] = room(b->s * b->in[i]);
        }
        v.node->op->tangent(&v);
        v.node->op->backward_tangent(&v);
        double size = 1e-12 * (1 + sqrt(dot(b->s * b->out, all, all)) + sqrt(dot(b->n, wbt, wbt)));
        for (int64_t i = 0; i < b->s * b->out; i++) assert_near(yt[i], all[i], size);
        for (int64_t i = 0; i < b->n; i++) assert_near(wbt[i], parameter(b, b->wbt, c, i), size);
        for (int i = 0; i < b->inputs; i++) {
            double *with = input_direction(b, i, b->xbt[i], c);
            size = 1e-12 * (1 + sqrt(dot(b->s * b->in[i], with, with)));
            for (int64_t j = 0; j < b->s * b->in[i]; j++) assert_near(xbt[i][j], with[j], size);
            free(with), free(xt[i]), free(xbt[i]);
        }
        free(ybt), free(yt), free(wt), free(wbt), free(all);
    }
}

// <J v, u> = <v, J' u>: tangent and backward are each other's transpose. Bound: rounding of the longer sum.
static void check_transposition(bench *b)
{
    primal(b);
    tw_view v = view(b);
    v.node->op->tangent(&v);
    for (int64_t c = 0; c < b->k; c++) {
        double *yt = output_direction(b, b->yt, c), left = dot(b->s * b->out, yt, b->yb), right = 0, size = 0;
        for (int i = 0; i < b->inputs; i++) {
            double *xt = input_direction(b, i, b->xt[i], c);
            right += dot(b->s * b->in[i], xt, b->xb[i]);
            free(xt);
        }
        for (int64_t i = 0; i < b->n; i++) right += parameter(b, b->wt, c, i) * b->wb[i];
        for (int64_t i = 0; i < b->s * b->out; i++) size += fabs(yt[i] * b->yb[i]);
        assert_near(left, right, 64 * DBL_EPSILON * (size + fabs(right)) * sqrt((double)b->in[0]));
        free(yt);
    }
}

// Without the product rule, backward_tangent of ybt is backward of ybt, direction by direction.
static void check_linear_part(bench *b)
{
    primal(b);
    tw_view v = view(b);
    v.product_rule = false;
    v.node->op->backward_tangent(&v);
    for (int64_t c = 0; c < b->k; c++) {
        double *u = output_direction(b, b->ybt, c),
               size = sqrt((double)(b->s * b->out)) + sqrt((double)(b->in[0] + b->n));
        v = view(b);
        v.yb = u;
        v.e = NULL;
        v.node->op->backward(&v);
        for (int i = 0; i < b->inputs; i++) {
            double *back = input_direction(b, i, b->xbt[i], c);
            for (int64_t j = 0; j < b->s * b->in[i]; j++) assert_near(back[j], b->xb[i][j], 1e-13 * size);
            free(back);
        }
        for (int64_t j = 0; j < b->n; j++) assert_near(parameter(b, b->wbt, c, j), b->wb[j], 1e-13 * size);
        free(u);
    }
}

// With add set, an input's adjoint keeps what a later reader has begun.
static void check_adding(bench *b)
{
    primal(b);
    tw_view v = view(b);
    v.node->op->backward_tangent(&v);
    for (int i = 0; i < b->inputs; i++) {
        double *once = copy(b->s * b->k * b->in[i], b->xbt[i]);
        b->node.add[i] = true;
        v.node->op->backward_tangent(&v);
        for (int64_t j = 0; j < b->s * b->k * b->in[i]; j++)
            assert_near(b->xbt[i][j], 2 * once[j], 1e-13 * (fabs(once[j]) + 1) * (double)b->out);
        b->node.add[i] = false;
        free(once);
    }
}

// Truth: the square of the gradient of each sample, from backward on that sample alone.
static void check_gradient_norms(bench *b)
{
    if (!b->node.op->gradient_norms || (b->node.op == &tw_op_batch_norm && !b->node.fixed)) return;
    double *norm = room(b->s), *scratch = room(2 * b->s);
    primal(b);
    tw_view v = view(b);
    v.node->op->gradient_norms(&v, scratch, norm);
    for (int64_t i = 0; i < b->s; i++) {
        v = view(b);
        v.s = 1;
        v.x[0] = b->x[0] + i * b->in[0];
        v.yb = b->yb + i * b->out;
        v.xb[0] = NULL;
        v.node->op->forward(&v); // what is kept of the sample alone
        v.node->op->backward(&v);
        double truth = dot(b->n, b->wb, b->wb);
        assert_near(norm[i], truth, 1e-13 * truth);
    }
    free(norm), free(scratch);
}

static void every_op(void (*check)(bench *))
{
    static const int64_t shapes[][6] = {// s k h w c f
                                        {1, 1, 1, 1, 1, 1},
                                        {3, 7, 3, 5, 5, 4},
                                        {9, 2, 4, 4, 17, 3},
                                        {2, 1, 6, 3, 2, 19}};
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) {
        for (int a = 0; a < variants(ops[o]); a++)
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                bench b;
                bench_open(&b, ops[o], a, shapes[i]);
                check(&b);
                bench_close(&b);
            }
    }
}

static void tangents_and_their_adjoints_are_central_differences(void **state)
{
    (void)state;
    every_op(check_differences);
}

static void tangent_and_backward_are_transposes(void **state)
{
    (void)state;
    every_op(check_transposition);
}

static void second_derivatives_are_symmetric(void **state)
{
    (void)state;
    every_op(check_symmetry);
}

static void many_directions_are_each_direction_alone(void **state)
{
    (void)state;
    every_op(check_directions);
}

static void without_the_product_rule_adjoints_go_back_linearly(void **state)
{
    (void)state;
    every_op(check_linear_part);
}

static void adjoints_of_values_with_several_readers_add_up(void **state)
{
    (void)state;
    every_op(check_adding);
}

static void gradient_norms_are_those_of_single_samples(void **state)
{
    (void)state;
    every_op(check_gradient_norms);
}

// Truth: libm in double at the far ends, where naive formulas overflow or cancel.
static void activations_are_right_at_the_far_ends(void **state)
{
    (void)state;
    const tw_pointwise *map = tw_kernels_find("f64")->map;
    double z[6] = {-800, -40, -1e-9, 1e-9, 40, 800}, y[6], d[6], e[6];
    map->activate[TW_ACT_SOFTPLUS](6, 0, z, y, d, e);
    const double softplus[6] = {0, exp(-40), log(2.0) - 5e-10, log(2.0) + 5e-10, 40, 800};
    for (int i = 0; i < 6; i++) assert_near(y[i], softplus[i], 8 * DBL_EPSILON * softplus[i]);
    assert_near(d[1], exp(-40), 8 * DBL_EPSILON * exp(-40));
    map->activate[TW_ACT_SIGMOID](6, 0, z, y, d, e);
    assert_near(y[1], exp(-40), 8 * DBL_EPSILON * exp(-40));
    assert_true(y[0] == 0 && y[5] == 1 && d[0] == 0 && d[5] == 0);
    map->activate[TW_ACT_TANH](6, 0, z, y, d, e);
    assert_true(y[0] == -1 && y[5] == 1 && d[0] == 0);
    assert_near(y[3], 1e-9, 4 * DBL_EPSILON * 1e-9);
    map->activate[TW_ACT_GELU](6, 0, z, y, d, e);
    assert_true(y[0] == 0 && y[5] == 800 && d[5] == 1 && e[5] == 0);
}

// Truth: libm in double. Bound: the vector library promises 4 units in the last place of float.
static void float_activations_are_within_a_few_units_in_the_last_place(void **state)
{
    (void)state;
    enum { N = 4001 };
    const tw_pointwise *map = tw_kernels_find("f32")->map;
    float *z = NULL, *y = NULL, *d = NULL;
    must(tw_alloc(N, sizeof *z, &z));
    must(tw_alloc(N, sizeof *y, &y));
    must(tw_alloc(N, sizeof *d, &d));
    for (int i = 0; i < N; i++) z[i] = (float)(i - N / 2) / 200;
    map->activate[TW_ACT_TANH](N, 0, z, y, d, NULL);
    for (int i = 0; i < N; i++)
        assert_near((double)y[i], tanh((double)z[i]), 5 * FLT_EPSILON * fabs(tanh((double)z[i])));
    map->activate[TW_ACT_SIGMOID](N, 0, z, y, d, NULL);
    for (int i = 0; i < N; i++) {
        double truth = 1 / (1 + exp(-(double)z[i]));
        assert_near((double)y[i], truth, 8 * FLT_EPSILON * truth);
    }
    free(z), free(y), free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tangents_and_their_adjoints_are_central_differences),
        cmocka_unit_test(tangent_and_backward_are_transposes),
        cmocka_unit_test(second_derivatives_are_symmetric),
        cmocka_unit_test(many_directions_are_each_direction_alone),
        cmocka_unit_test(without_the_product_rule_adjoints_go_back_linearly),
        cmocka_unit_test(adjoints_of_values_with_several_readers_add_up),
        cmocka_unit_test(gradient_norms_are_those_of_single_samples),
        cmocka_unit_test(activations_are_right_at_the_far_ends),
        cmocka_unit_test(float_activations_are_within_a_few_units_in_the_last_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
