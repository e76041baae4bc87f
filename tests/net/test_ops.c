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
    int64_t s, k, n, in, out;
    double *x, *y, *d, *e, *yb, *xb, *w, *wb; // [s][f], [n]
    double *xt, *yt, *ybt, *xbt, *wt, *wbt;   // [s][k][f], [n][k]
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

static void bench_open(bench *b, const tw_op_kind *op, tw_activation activation, int64_t s, int64_t k, int64_t in,
                       int64_t out)
{
    if (op->in_place) out = in;
    *b = (bench){.node = {.op = op,
                          .input = 1,
                          .in = in,
                          .out = out,
                          .weight = -1,
                          .bias = -1,
                          .activation = activation,
                          .slope = activation == TW_ACT_LEAKY_RELU ? 0.2 : 0},
                 .kern = tw_kernels_find("f64"),
                 .s = s,
                 .k = k,
                 .in = in,
                 .out = out,
                 .curved = activation > TW_ACT_LEAKY_RELU};
    if (op == &tw_op_dense) {
        b->node.weight = 0;
        b->node.bias = in * out;
        b->n = in * out + out;
    }
    b->x = normals(s * in, 0), b->yb = normals(s * out, 1), b->w = normals(b->n, 2);
    for (int64_t i = 0; !b->curved && i < s * in; i++)
        b->x[i] += b->x[i] > 0 ? 0.1 : -0.1; // no difference meets a kink
    b->xt = normals(s * k * in, 3), b->wt = normals(b->n * k, 4), b->ybt = normals(s * k * out, 5);
    b->y = room(s * out), b->d = room(s * out), b->e = room(s * out), b->xb = room(s * in), b->wb = room(b->n);
    b->yt = room(s * k * out), b->xbt = room(s * k * in), b->wbt = room(b->n * k);
}

static void bench_close(bench *b)
{
    free(b->x), free(b->yb), free(b->w), free(b->xt), free(b->wt), free(b->ybt), free(b->y), free(b->d), free(b->e);
    free(b->xb), free(b->wb), free(b->yt), free(b->xbt), free(b->wbt);
}

// backward_tangent of an in-place op reads and writes one array: xbt is a copy of ybt that it works on.
static tw_view view(bench *b)
{
    tw_view v = {.kern = b->kern,
                 .node = &b->node,
                 .s = b->s,
                 .k = b->k,
                 .x = b->x,
                 .y = b->y,
                 .d = b->d,
                 .e = b->curved ? b->e : NULL,
                 .yb = b->yb,
                 .xb = b->xb,
                 .xt = b->xt,
                 .yt = b->yt,
                 .ybt = b->ybt,
                 .xbt = b->xbt,
                 .w = b->w,
                 .wt = b->wt,
                 .wb = b->wb,
                 .wbt = b->wbt,
                 .product_rule = true};
    if (b->node.op->in_place) {
        memcpy(b->xbt, b->ybt, (size_t)(b->s * b->k * b->out) * sizeof(double));
        v.ybt = b->xbt;
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

// Parameter tangents lie tensor by tensor: weight [k][in out], then bias [k][out].
static double parameter(const bench *b, const double *block, int64_t c, int64_t i)
{
    int64_t size = b->in * b->out;
    return i < size ? block[c * size + i] : block[b->k * size + c * b->out + i - size];
}

static void move(bench *b, const double *x, const double *w, const double *yb, int64_t c, double h)
{
    double *xt = direction(b->xt, b->s, b->k, b->in, c), *ybt = direction(b->ybt, b->s, b->k, b->out, c);
    for (int64_t i = 0; i < b->s * b->in; i++) b->x[i] = x[i] + h * xt[i];
    for (int64_t i = 0; i < b->n; i++) b->w[i] = w[i] + h * parameter(b, b->wt, c, i);
    for (int64_t i = 0; i < b->s * b->out; i++) b->yb[i] = yb[i] + h * ybt[i];
    free(xt), free(ybt);
}

static double *copy(int64_t n, const double *x)
{
    double *out = room(n);
    if (n > 0) memcpy(out, x, (size_t)n * sizeof *x);
    return out;
}

// The bound: central differences of order four are off by about h^4 times a fifth derivative (below 20 here) and by
// rounding / h; h = 1e-3 makes both about 2e-11. Inputs of kinked activations are kept 0.1 away from the kink.
static void check_differences(bench *b)
{
    const double step[4] = {-2, -1, 1, 2}, weight[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12}, h = 1e-3;
    double *x = copy(b->s * b->in, b->x), *w = copy(b->n, b->w), *yb = copy(b->s * b->out, b->yb);
    primal(b);
    tw_view v = view(b);
    v.node->op->tangent(&v);
    v = view(b);
    v.node->op->backward_tangent(&v);
    double *yt = copy(b->s * b->k * b->out, b->yt), *xbt = copy(b->s * b->k * b->in, b->xbt),
           *wbt = copy(b->n * b->k, b->wbt);
    for (int64_t c = 0; c < b->k; c++) {
        double *dy = room(b->s * b->out), *dxb = room(b->s * b->in), *dwb = room(b->n);
        double *found_y = direction(yt, b->s, b->k, b->out, c), *found_xb = direction(xbt, b->s, b->k, b->in, c);
        for (int i = 0; i < 4; i++) {
            move(b, x, w, yb, c, step[i] * h);
            primal(b);
            for (int64_t j = 0; j < b->s * b->out; j++) dy[j] += weight[i] * b->y[j] / h;
            for (int64_t j = 0; j < b->s * b->in; j++) dxb[j] += weight[i] * b->xb[j] / h;
            for (int64_t j = 0; j < b->n; j++) dwb[j] += weight[i] * b->wb[j] / h;
        }
        double size = sqrt(dot(b->s * b->in, dxb, dxb) + dot(b->s * b->out, dy, dy) + dot(b->n, dwb, dwb));
        for (int64_t j = 0; j < b->s * b->out; j++) assert_near(found_y[j], dy[j], 1e-10 * size);
        for (int64_t j = 0; j < b->s * b->in; j++) assert_near(found_xb[j], dxb[j], 1e-10 * size);
        for (int64_t j = 0; j < b->n; j++) assert_near(parameter(b, wbt, c, j), dwb[j], 1e-10 * size);
        free(dy), free(dxb), free(dwb), free(found_y), free(found_xb);
    }
    free(x), free(w), free(yb), free(yt), free(xbt), free(wbt);
}

// <J v, u> = <v, J' u>: tangent and backward are each other's transpose. Bound: rounding of the longer sum.
static void check_transposition(bench *b)
{
    primal(b);
    tw_view v = view(b);
    v.node->op->tangent(&v);
    for (int64_t c = 0; c < b->k; c++) {
        double *yt = direction(b->yt, b->s, b->k, b->out, c), *xt = direction(b->xt, b->s, b->k, b->in, c);
        double left = dot(b->s * b->out, yt, b->yb), right = dot(b->s * b->in, xt, b->xb), size = 0;
        for (int64_t i = 0; i < b->n; i++) right += parameter(b, b->wt, c, i) * b->wb[i];
        for (int64_t i = 0; i < b->s * b->out; i++) size += fabs(yt[i] * b->yb[i]);
        assert_near(left, right, 64 * DBL_EPSILON * (size + fabs(right)));
        free(yt), free(xt);
    }
}

// Without the product rule, backward_tangent of ybt is backward of ybt, direction by direction.
static void check_linear_part(bench *b)
{
    primal(b);
    tw_view v = view(b);
    v.product_rule = false;
    v.node->op->backward_tangent(&v);
    double *xbt = copy(b->s * b->k * b->in, b->xbt), *wbt = copy(b->n * b->k, b->wbt);
    for (int64_t c = 0; c < b->k; c++) {
        double *u = direction(b->ybt, b->s, b->k, b->out, c), *back = direction(xbt, b->s, b->k, b->in, c);
        v = view(b);
        v.yb = u;
        v.e = NULL;
        v.node->op->backward(&v);
        for (int64_t j = 0; j < b->s * b->in; j++) assert_near(back[j], b->xb[j], 1e-13 * (double)b->out);
        for (int64_t j = 0; j < b->n; j++) assert_near(parameter(b, wbt, c, j), b->wb[j], 1e-13 * (double)b->s);
        free(u), free(back);
    }
    free(xbt), free(wbt);
}

static void every_op(void (*check)(bench *))
{
    static const int64_t shapes[][4] = {{1, 1, 1, 1}, {3, 7, 5, 4}, {9, 2, 17, 3}, {4, 1, 6, 19}}; // s k in out
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) {
        int kinds = ops[o] == &tw_op_activation ? TW_ACT_COUNT : 1;
        for (int a = 0; a < kinds; a++)
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                bench b;
                bench_open(&b, ops[o], (tw_activation)a, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
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

static void without_the_product_rule_adjoints_go_back_linearly(void **state)
{
    (void)state;
    every_op(check_linear_part);
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
        cmocka_unit_test(without_the_product_rule_adjoints_go_back_linearly),
        cmocka_unit_test(activations_are_right_at_the_far_ends),
        cmocka_unit_test(float_activations_are_within_a_few_units_in_the_last_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
