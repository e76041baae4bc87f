// SPDX-License-Identifier: MIT
// Products of networks with norms, groups, shared parameters and attention: against differences of gradients, against
// gradients of single samples, and refused where samples have none.
#include "curv/toy.h"

typedef struct subject {
    const char *model;
    int64_t channels, size; // of images; size 0: so many plain features
    bool words, coupled;    // the features are whole numbers; batch norm with the batch's own statistics
} subject;

static const subject subjects[] = {
    {"seq:conv(4,3,pad=same) bn tanh conv(6,3,stride=2,groups=2) layernorm gelu flatten dense(3)", 2, 6, false, true},
    {"seq:conv(4,3,pad=same) bn(stats=fixed) tanh conv(6,3,groups=2,bias=no) gelu globalpool dense(3)", 2, 6, false,
     false},
    {"seq:layernorm dense(5) softmax dropout(0.5) softplus dense(3)", 7, 0, false, false},
    {"resnet8,bn=fixed,dropout=0.3", 2, 8, false, false},
    {"lstm:4,steps=3", 6, 0, false, false},
    {"gpt:2x2x8x5", 6, 0, true, false},
    {"seq:[ conv(2,3,pad=same) tanh ] [ tanh conv(3,3,stride=2,pad=same) | conv(3,1,stride=2) | [ tanh "
     "conv(2,3,pad=same) ] conv(3,2,stride=2) ] "
     "dense(3)",
     2, 4, false, false},
    {"seq:embed(256,4,positions=3) [ layernorm attention(2) ] [ | linear(4) gelu ] dense(3)", 5, 0, true, false},
    {"seq:embed(256,3,positions=3) layernorm lstm(4) dense(3)", 5, 0, true, false},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects, M = 7 };

static double *room(int64_t n)
{
    double *x = NULL;
    must(tw_alloc(n, sizeof *x, &x));
    return x;
}

static double *normals(int64_t n, uint64_t index)
{
    double *x = room(n);
    tw_rng rng = tw_rng_at(29, TW_RNG_TEST, index);
    tw_rng_normals(&rng, n, x);
    return x;
}

static void open(const subject *s, int real, toy *t)
{
    tw_net_opts opts = toy_opts(real);
    if (!s->coupled) opts.shard = 3; // the last shard has one sample
    int64_t features = s->channels * (s->size ? s->size * s->size : 1);
    toy_fill(t, M, features, 3, 0);
    if (s->size) {
        t->data.channels = s->channels;
        t->data.height = t->data.width = s->size;
    }
    double *x = t->data.x;
    for (int64_t i = 0; s->words && i < M * features; i++) x[i] = floor(fabs(x[i] * 80));
    toy_net(t, s->model, opts);
}

static void product(const toy *t, const char *name, int64_t block, int64_t k, const double *v, double *out)
{
    tw_curv_opts opts = tw_curv_defaults();
    tw_curv *curv = NULL;
    opts.matrix = name;
    opts.block = block;
    must(tw_curv_new(t->net, &t->data, &opts, &curv));
    const tw_linop *op = tw_curv_linop(curv);
    must(op->apply(op->ctx, k, v, out));
    tw_curv_free(curv);
}

// Truth: central difference of the gradient. ResNet's relus: so small a step that hardly any unit meets its kink, and
// rounding of the gradient leaves about 1e-16 / 1e-7. The others are smooth: order four at 1e-3 leaves 1e-9.
static void hessian_products_are_differences_of_gradients(void **state)
{
    (void)state;
    const double step[4] = {-2, -1, 1, 2}, weight[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    for (int i = 0; i < SUBJECTS; i++) {
        toy t;
        open(&subjects[i], 8, &t);
        double *v = normals(t.n, 0), *hv = room(t.n), *truth = room(t.n), *w = room(t.n), *g = room(t.n);
        bool kinked = strncmp(subjects[i].model, "resnet", 6) == 0;
        double h = (kinked ? 1e-7 : 2e-4) / norm2(t.n, v) * norm2(t.n, t.w);
        product(&t, "hessian", 8, 1, v, hv);
        for (int a = 0; a < 4; a++) {
            tw_loss_value value;
            for (int64_t j = 0; j < t.n; j++) w[j] = t.w[j] + step[a] * h * v[j];
            must(tw_net_set_weights(t.net, w));
            must(tw_loss(t.net, &t.data, g, NULL, &value));
            for (int64_t j = 0; j < t.n; j++) truth[j] += weight[a] * g[j] / h;
        }
        must(tw_net_set_weights(t.net, t.w));
        assert_near(distance(t.n, hv, truth) / norm2(t.n, truth), 0, kinked ? 1e-6 : 1e-8);
        free(v), free(hv), free(truth), free(w), free(g);
        toy_close(&t);
    }
}

// Truth: central difference of the loss along a direction.
static void gradients_are_differences_of_losses(void **state)
{
    (void)state;
    for (int i = 0; i < SUBJECTS; i++) {
        toy t;
        tw_loss_value value, up, down;
        open(&subjects[i], 8, &t);
        double *v = normals(t.n, 1), *g = room(t.n), *w = room(t.n), h = 1e-6 / norm2(t.n, v) * norm2(t.n, t.w);
        must(tw_loss(t.net, &t.data, g, NULL, &value));
        for (int64_t j = 0; j < t.n; j++) w[j] = t.w[j] + h * v[j];
        must(tw_net_set_weights(t.net, w));
        must(tw_loss(t.net, &t.data, NULL, NULL, &up));
        for (int64_t j = 0; j < t.n; j++) w[j] = t.w[j] - h * v[j];
        must(tw_net_set_weights(t.net, w));
        must(tw_loss(t.net, &t.data, NULL, NULL, &down));
        // Bound: rounding of the loss over the step, and the third derivative's h^2.
        double bound = 64 * DBL_EPSILON * value.loss / h + 1e-8 * norm2(t.n, g) * norm2(t.n, v);
        assert_near((up.loss - down.loss) / (2 * h), dot(t.n, g, v), bound);
        free(v), free(g), free(w);
        toy_close(&t);
    }
}

// Truth: symmetry; one direction at a time; H - G by its definition.
static void matrices_are_symmetric_and_blocks_are_their_directions(void **state)
{
    (void)state;
    enum { K = 7 };
    static const char *const names[] = {"hessian", "ggn"};
    for (int i = 0; i < SUBJECTS; i++) {
        toy t;
        open(&subjects[i], 8, &t);
        double *v = normals(K * t.n, 2), *a = room(K * t.n), *b = room(K * t.n), *d = room(K * t.n);
        for (int j = 0; j < 2; j++) {
            product(&t, names[j], K, K, v, a);
            product(&t, names[j], 1, K, v, b);
            double size = norm2(K * t.n, a);
            assert_near(distance(K * t.n, a, b), 0, 1e-12 * size);
            assert_near(dot(t.n, v, a + t.n), dot(t.n, v + t.n, a), 1e-12 * norm2(t.n, v) * size);
            if (j == 0) memcpy(d, a, (size_t)(K * t.n) * sizeof *d);
        }
        assert_true(dot(t.n, v, a) > 0);
        product(&t, "h-g", K, K, v, b);
        for (int64_t j = 0; j < K * t.n; j++) d[j] -= a[j];
        assert_near(distance(K * t.n, b, d), 0, 1e-12 * (norm2(K * t.n, a) + norm2(K * t.n, b)));
        free(v), free(a), free(b), free(d);
        toy_close(&t);
    }
}

// Truth: the gradient on a data set of one sample.
static void what_needs_single_samples_is_right_or_refused(void **state)
{
    (void)state;
    for (int i = 0; i < SUBJECTS; i++) {
        toy t;
        open(&subjects[i], 8, &t);
        double *v = normals(t.n, 3), *mv = room(t.n), *truth = room(t.n), *g = room(t.n), norms[M], along[M];
        if (subjects[i].coupled) {
            tw_curv_opts opts = tw_curv_defaults();
            tw_curv *curv = NULL;
            opts.matrix = "moment";
            must_fail(tw_curv_new(t.net, &t.data, &opts, &curv), TW_EINVAL, "ties samples together");
            must_fail(tw_gradient_norms(t.net, &t.data, norms), TW_EINVAL, "ties samples together");
            must_fail(tw_directional(t.net, &t.data, 1, v, along), TW_EINVAL, "ties samples together");
        } else {
            must(tw_gradient_norms(t.net, &t.data, norms));
            must(tw_directional(t.net, &t.data, 1, v, along));
            for (int64_t a = 0; a < M; a++) {
                tw_data one = t.data;
                tw_loss_value value;
                one.m = 1;
                one.x = (double *)t.data.x + a * one.features;
                one.label = t.data.label + a;
                must(tw_loss(t.net, &one, g, NULL, &value));
                double slope = dot(t.n, g, v), size = dot(t.n, g, g);
                assert_near(norms[a], size, 1e-12 * size);
                assert_near(along[a], slope, 1e-12 * sqrt(size) * norm2(t.n, v));
                for (int64_t j = 0; j < t.n; j++) truth[j] += slope * g[j] / M;
            }
            product(&t, "moment", 8, 1, v, mv);
            assert_near(distance(t.n, mv, truth), 0, 1e-12 * norm2(t.n, truth));
        }
        free(v), free(mv), free(truth), free(g);
        toy_close(&t);
    }
}

// Truth: the same in double. Bound: some hundred roundings of float; norms divide by small deviations.
static void float_agrees_with_double(void **state)
{
    (void)state;
    for (int i = 0; i < SUBJECTS; i++) {
        toy t, f;
        open(&subjects[i], 8, &t);
        open(&subjects[i], 4, &f);
        must(tw_net_set_weights(f.net, t.w));
        double *v = normals(t.n, 4), *a = room(t.n), *b = room(t.n);
        product(&t, "hessian", 8, 1, v, a);
        product(&f, "hessian", 8, 1, v, b);
        assert_near(distance(t.n, a, b), 0, 2000 * (double)FLT_EPSILON * norm2(t.n, a));
        free(v), free(a), free(b);
        toy_close(&t), toy_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hessian_products_are_differences_of_gradients),
        cmocka_unit_test(gradients_are_differences_of_losses),
        cmocka_unit_test(matrices_are_symmetric_and_blocks_are_their_directions),
        cmocka_unit_test(what_needs_single_samples_is_right_or_refused),
        cmocka_unit_test(float_agrees_with_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
