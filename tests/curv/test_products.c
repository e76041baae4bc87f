// SPDX-License-Identifier: MIT
// Products of every matrix, against differences of gradients and against per-sample gradients formed one by one.
#include "curv/toy.h"

#define MODEL "mlp:6-7-5-4,act="
static const char *const activations[] = {"identity", "relu", "leaky-relu(0.2)", "tanh", "sigmoid", "softplus", "gelu"};

static tw_curv_opts matrix(const char *name)
{
    tw_curv_opts opts = tw_curv_defaults();
    opts.matrix = name;
    return opts;
}

static double *room(int64_t n)
{
    double *x = NULL;
    must(tw_alloc(n, sizeof *x, &x));
    return x;
}

static double *normals(int64_t n, uint64_t index)
{
    double *x = room(n);
    tw_rng rng = tw_rng_at(23, TW_RNG_TEST, index);
    tw_rng_normals(&rng, n, x);
    return x;
}

static void gradient_at(toy *t, const double *w, double *gradient)
{
    tw_loss_value value;
    must(tw_net_set_weights(t->net, w));
    must(tw_loss(t->net, &t->data, gradient, NULL, &value));
}

// Truth: five-point central difference of the gradient; its error is h^4 |d5| / 30 + eps |g| / h, about 1e-10 relative
// at h = 1e-3 for these smooth losses. Piecewise linear activations: the step must not cross a kink, so h = 1e-6 and
// order 2.
static void hessian_products_are_differences_of_gradients(void **state)
{
    (void)state;
    static const char *const losses[] = {"xent", "mse", "half-mse"};
    for (int a = 0; a < 7; a++)
        for (int l = 0; l < 3; l++) {
            char model[64];
            toy t;
            tw_net_opts opts = toy_opts(8);
            opts.loss = losses[l];
            opts.l2 = 0.3;
            opts.shard = 16; // 50 samples: the last shard has two
            snprintf(model, sizeof model, MODEL "%s", activations[a]);
            toy_open(&t, model, 50, 6, 4, 0, opts);
            double *v = normals(t.n, 0), *hv = room(t.n), *truth = room(t.n), *w = room(t.n), *g = room(t.n);
            toy_product(&t, matrix("hessian"), 1, v, hv);
            bool kinked = a == 1 || a == 2;
            double h = kinked ? 1e-6 : 2e-3 / norm2(t.n, v);
            const double step[4] = {-2, -1, 1, 2}, weight[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
            for (int i = 0; i < 4; i++) {
                for (int64_t j = 0; j < t.n; j++) w[j] = t.w[j] + step[i] * h * v[j];
                gradient_at(&t, w, g);
                for (int64_t j = 0; j < t.n; j++) truth[j] += weight[i] * g[j] / h;
            }
            must(tw_net_set_weights(t.net, t.w));
            assert_near(distance(t.n, hv, truth) / norm2(t.n, truth), 0, kinked ? 1e-8 : 1e-9);
            free(v), free(hv), free(truth), free(w), free(g);
            toy_close(&t);
        }
}

// Per-sample gradients the slow way: the gradient on a data set of one sample.
static double *sample_gradients(const toy *t)
{
    double *all = room(t->data.m * t->n);
    for (int64_t i = 0; i < t->data.m; i++) {
        tw_data one = t->data;
        tw_loss_value value;
        one.m = 1;
        one.x = (double *)t->data.x + i * one.features;
        one.label = t->data.label + i;
        must(tw_loss(t->net, &one, all + i * t->n, NULL, &value));
    }
    return all;
}

// Truth: central difference of the gradient with a step so small that hardly any unit can meet its kink; rounding of
// the gradient leaves about 1e-16 / 1e-7. Images have several channels, so the order inside and outside differ.
static void convolutional_hessian_products_are_differences_of_gradients(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int64_t channels, size;
    } nets[] = {{"resnet8", 2, 8}, {"simplecnn", 3, 12}, {"simplecnn", 1, 12}};
    for (int i = 0; i < 3; i++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        opts.shard = 4;
        toy_open_images(&t, nets[i].model, 6, nets[i].channels, nets[i].size, 3, opts);
        double *v = normals(t.n, 0), *hv = room(t.n), *truth = room(t.n), *w = room(t.n), *g = room(t.n);
        double h = 1e-7 / norm2(t.n, v) * norm2(t.n, t.w);
        toy_product(&t, matrix("hessian"), 1, v, hv);
        for (int side = -1; side <= 1; side += 2) {
            for (int64_t j = 0; j < t.n; j++) w[j] = t.w[j] + side * h * v[j];
            gradient_at(&t, w, g);
            for (int64_t j = 0; j < t.n; j++) truth[j] += side * g[j] / (2 * h);
        }
        must(tw_net_set_weights(t.net, t.w));
        assert_near(distance(t.n, hv, truth) / norm2(t.n, truth), 0, 1e-6);

        // The second moment, from the gradients of single samples.
        double *all = sample_gradients(&t), *norms = room(6);
        for (int64_t j = 0; j < t.n; j++) truth[j] = 0;
        must(tw_gradient_norms(t.net, &t.data, norms));
        for (int64_t a = 0; a < 6; a++) {
            double along = dot(t.n, all + a * t.n, v), size = dot(t.n, all + a * t.n, all + a * t.n);
            for (int64_t j = 0; j < t.n; j++) truth[j] += along * all[a * t.n + j] / 6;
            assert_near(norms[a], size, 1e-12 * size);
        }
        toy_product(&t, matrix("moment"), 1, v, hv);
        assert_near(distance(t.n, hv, truth), 0, 1e-12 * norm2(t.n, truth));
        free(v), free(hv), free(truth), free(w), free(g), free(all), free(norms);
        toy_close(&t);
    }
}

// Truth: the gradient is the derivative of the loss along any direction.
static void gradients_are_differences_of_losses(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.l2 = 0.1;
    opts.shard = 16;
    toy_open(&t, MODEL "tanh", 50, 6, 4, 0, opts);
    double *v = normals(t.n, 1), *g = room(t.n), *w = room(t.n), slope = 0, h = 1e-3;
    tw_loss_value value;
    const double step[4] = {-2, -1, 1, 2}, weight[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    gradient_at(&t, t.w, g);
    for (int i = 0; i < 4; i++) {
        for (int64_t j = 0; j < t.n; j++) w[j] = t.w[j] + step[i] * h * v[j] / norm2(t.n, v);
        must(tw_net_set_weights(t.net, w));
        must(tw_loss(t.net, &t.data, NULL, NULL, &value));
        slope += weight[i] * value.loss / h;
    }
    assert_near(dot(t.n, g, v) / norm2(t.n, v), slope, 1e-10 * norm2(t.n, g));
    free(v), free(g), free(w);
    toy_close(&t);
}

// Truth: M v = (1/m) sum g_i (g_i v), C v = c (M v - g (g v)), from the per-sample gradients. Bound: a few roundings of
// sums of m terms.
static void moment_and_covariance_come_from_sample_gradients(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.shard = 16;
    toy_open(&t, MODEL "tanh", 50, 6, 4, 0, opts);
    double *all = sample_gradients(&t), *v = normals(t.n, 2), *mv = room(t.n), *truth = room(t.n), *mean = room(t.n);
    double *norms = room(50);
    for (int64_t i = 0; i < 50; i++) {
        double along = dot(t.n, all + i * t.n, v);
        for (int64_t j = 0; j < t.n; j++) {
            truth[j] += along * all[i * t.n + j] / 50;
            mean[j] += all[i * t.n + j] / 50;
        }
    }
    toy_product(&t, matrix("moment"), 1, v, mv);
    assert_near(distance(t.n, mv, truth), 0, 1e-13 * norm2(t.n, truth));

    double along = dot(t.n, mean, v);
    for (int with = 0; with < 2; with++) {
        tw_curv_opts c = matrix("covariance");
        c.batch = 7;
        c.replacement = with;
        double scale = with ? 1.0 / 7 : 43.0 / (7 * 49.0), *expected = room(t.n);
        for (int64_t j = 0; j < t.n; j++) expected[j] = scale * (truth[j] - along * mean[j]);
        toy_product(&t, c, 1, v, mv);
        assert_near(distance(t.n, mv, expected), 0, 1e-12 * scale * norm2(t.n, truth));
        free(expected);
    }
    must(tw_gradient_norms(t.net, &t.data, norms));
    for (int64_t i = 0; i < 50; i++) {
        double g2 = dot(t.n, all + i * t.n, all + i * t.n);
        assert_near(norms[i], g2, 1e-13 * g2);
    }
    free(all), free(v), free(mv), free(truth), free(mean), free(norms);
    toy_close(&t);
}

// Truth: G = H for a network that is linear in its parameters (one layer); H_p = M - H and h-g = H - G by definition.
static void the_matrices_obey_their_identities(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.shard = 16;
    toy_open(&t, "mlp:6-4", 50, 6, 4, 0, opts);
    double *v = normals(t.n, 3), *h = room(t.n), *g = room(t.n);
    toy_product(&t, matrix("hessian"), 1, v, h);
    toy_product(&t, matrix("ggn"), 1, v, g);
    assert_near(distance(t.n, h, g), 0, 1e-14 * norm2(t.n, h));
    free(v), free(h), free(g);
    toy_close(&t);

    toy_open(&t, MODEL "softplus", 50, 6, 4, 0, opts);
    v = normals(t.n, 4), h = room(t.n), g = room(t.n);
    double *m = room(t.n), *p = room(t.n), *d = room(t.n);
    toy_product(&t, matrix("hessian"), 1, v, h);
    toy_product(&t, matrix("ggn"), 1, v, g);
    toy_product(&t, matrix("moment"), 1, v, m);
    toy_product(&t, matrix("residual"), 1, v, p);
    toy_product(&t, matrix("h-g"), 1, v, d);
    double size = norm2(t.n, h) + norm2(t.n, m);
    for (int64_t j = 0; j < t.n; j++) {
        assert_near(p[j], m[j] - h[j], 1e-12 * size);
        assert_near(d[j], h[j] - g[j], 1e-12 * size);
    }
    assert_true(dot(t.n, v, g) > 0);
    free(v), free(h), free(g), free(m), free(p), free(d);
    toy_close(&t);
}

// Truth: the way through the layers, forced by too little memory for Jacobians; and H - (h-g). The network is wide
// enough for Jacobians to pay, with a last shard that is not full.
static void gauss_newton_by_jacobians_is_gauss_newton_through_the_layers(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.shard = 16;
    toy_open(&t, "mlp:30-90-80-3,act=tanh", 50, 30, 3, 0, opts);
    tw_curv_opts g = matrix("ggn");
    double *v = normals(11 * t.n, 12), *by_jacobians = room(11 * t.n), *through = room(11 * t.n);
    toy_product(&t, g, 11, v, by_jacobians);
    tw_curv *refused = NULL;
    g.memory = 1;
    assert_int_equal(tw_curv_new(t.net, &t.data, &g, &refused), TW_ENOMEM);
    long long need = 0;
    assert_int_equal(sscanf(tw_error(), "memory: products need %lld", &need), 1);
    g.memory = need;
    toy_product(&t, g, 11, v, through);
    assert_near(distance(11 * t.n, by_jacobians, through), 0, 1e-13 * norm2(11 * t.n, through));
    assert_true(memcmp(by_jacobians, through, (size_t)(11 * t.n) * sizeof *v) != 0); // two ways, not one twice
    double *h = room(t.n), *d = room(t.n);
    toy_product(&t, matrix("hessian"), 1, v, h);
    toy_product(&t, matrix("h-g"), 1, v, d);
    for (int64_t j = 0; j < t.n; j++) assert_near(by_jacobians[j], h[j] - d[j], 1e-12 * norm2(t.n, h));
    free(v), free(by_jacobians), free(through), free(h), free(d);
    toy_close(&t);
}

// Truth: u' A v = v' A u. Bound: rounding of sums of n terms of the size of |u||A v|.
static void every_matrix_is_symmetric(void **state)
{
    (void)state;
    static const char *const names[] = {"hessian", "ggn", "moment", "covariance", "residual", "fisher-sampled"};
    toy t;
    tw_net_opts opts = toy_opts(8);
    toy_open(&t, MODEL "gelu", 50, 6, 4, 0, opts);
    double *uv = normals(2 * t.n, 5), *a = room(2 * t.n);
    for (int i = 0; i < 6; i++) {
        toy_product(&t, matrix(names[i]), 2, uv, a);
        assert_near(dot(t.n, uv, a + t.n), dot(t.n, uv + t.n, a), 1e-13 * norm2(t.n, uv) * norm2(t.n, a + t.n));
    }
    free(uv), free(a);
    toy_close(&t);
}

// Truth: one direction at a time. 19 directions in blocks of 8 leave a block of 3.
static void a_block_is_its_directions_one_by_one(void **state)
{
    (void)state;
    enum { K = 19 };
    toy t;
    toy_open(&t, MODEL "tanh", 50, 6, 4, 0, toy_opts(8));
    double *v = normals(K * t.n, 6), *block = room(K * t.n), *one = room(t.n);
    toy_product(&t, matrix("hessian"), K, v, block);
    for (int c = 0; c < K; c++) {
        tw_curv_opts single = matrix("hessian");
        single.block = 1;
        toy_product(&t, single, 1, v + c * t.n, one);
        assert_near(distance(t.n, one, block + c * t.n), 0, 1e-14 * norm2(t.n, one));
    }
    free(v), free(block), free(one);
    toy_close(&t);
}

// Truth: mean over all samples, however they are cut: 1,030 samples in shards of 128 leave a last shard of 6; shards of
// 1 leave none unequal. Sums in another order differ by rounding alone.
static void shards_of_any_size_weigh_samples_alike(void **state)
{
    (void)state;
    toy t;
    double *truth = NULL, *v = NULL, *hv = NULL;
    static const int64_t sizes[] = {1030, 128, 1, 1029};
    for (int i = 0; i < 4; i++) {
        tw_net_opts opts = toy_opts(8);
        opts.shard = sizes[i];
        toy_open(&t, MODEL "tanh", 1030, 6, 4, 0, opts);
        if (!truth) truth = room(t.n), hv = room(t.n), v = normals(t.n, 7);
        toy_product(&t, matrix("hessian"), 1, v, i == 0 ? truth : hv);
        if (i > 0) assert_near(distance(t.n, hv, truth), 0, 1e-13 * norm2(t.n, truth));
        toy_close(&t);
    }
    free(truth), free(hv), free(v);
}

// Compared in bits, in both number types, states kept and recomputed.
static void products_have_the_same_bits_on_any_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (int real = 4; real <= 8; real += 4) {
        toy t;
        toy_open(&t, MODEL "tanh", 1030, 6, 4, 0, toy_opts(real));
        double *v = normals(5 * t.n, 8), *first = room(5 * t.n), *next = room(5 * t.n);
        for (int i = 0; i < 8; i++) {
            tw_curv_opts opts = matrix("residual");
            if (i >= 4) { // the least memory that still works, found from the refusal's own number
                tw_curv *refused = NULL;
                opts.memory = 1;
                must(tw_threads_set(threads[i % 4]));
                assert_int_equal(tw_curv_new(t.net, &t.data, &opts, &refused), TW_ENOMEM);
                long long need = 0;
                assert_int_equal(sscanf(tw_error(), "memory: products need %lld", &need), 1);
                opts.memory = need;
            }
            must(tw_threads_set(threads[i % 4]));
            toy_product(&t, opts, 5, v, i == 0 ? first : next);
            if (i > 0) assert_memory_equal(first, next, (size_t)(5 * t.n) * sizeof *first);
        }
        free(v), free(first), free(next);
        toy_close(&t);
    }
}

// Truth: double. Bound: float rounding through three layers and sums of 1,030 terms.
static void float_agrees_with_double(void **state)
{
    (void)state;
    static const char *const names[] = {"hessian", "ggn", "moment"};
    toy f, d;
    toy_open(&f, MODEL "tanh", 1030, 6, 4, 0, toy_opts(4));
    toy_open(&d, MODEL "tanh", 1030, 6, 4, 0, toy_opts(8));
    must(tw_net_set_weights(d.net, f.w));
    double *v = normals(f.n, 9), *a = room(f.n), *b = room(f.n);
    for (int i = 0; i < 3; i++) {
        toy_product(&f, matrix(names[i]), 1, v, a);
        toy_product(&d, matrix(names[i]), 1, v, b);
        assert_near(distance(f.n, a, b), 0, 1e-4 * norm2(f.n, b));
    }
    free(v), free(a), free(b);
    toy_close(&f);
    toy_close(&d);
}

// Truth: rows and columns of the whole matrix.
static void layers_restrict_the_matrix(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, MODEL "tanh", 50, 6, 4, 0, toy_opts(8));
    tw_curv_opts opts = matrix("hessian");
    tw_curv *part = NULL;
    opts.layers = "fc2.*,fc3.bias";
    must(tw_curv_new(t.net, &t.data, &opts, &part));
    int64_t kept = tw_curv_linop(part)->n, first = 6 * 7 + 7, second = first + 7 * 5 + 5 + 5 * 4;
    assert_int_equal(kept, 7 * 5 + 5 + 4);
    double *v = normals(kept, 10), *whole = room(t.n), *hv = room(t.n), *hp = room(kept);
    memcpy(whole + first, v, 40 * sizeof *v);
    memcpy(whole + second, v + 40, 4 * sizeof *v);
    toy_product(&t, matrix("hessian"), 1, whole, hv);
    must(tw_curv_linop(part)->apply(tw_curv_linop(part)->ctx, 1, v, hp));
    for (int64_t j = 0; j < kept; j++) assert_near(hp[j], hv[j < 40 ? first + j : second + j - 40], 0);
    opts.layers = "conv*";
    tw_curv *none = NULL;
    must_fail(tw_curv_new(t.net, &t.data, &opts, &none), TW_EINVAL, "conv*");
    tw_curv_free(part);
    free(v), free(whole), free(hv), free(hp);
    toy_close(&t);
}

// Once planned, a product allocates nothing but the tree's node list; a second one of the same width counts it.
static void products_allocate_nothing_of_size(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, MODEL "tanh", 1030, 6, 4, 0, toy_opts(8));
    tw_curv_opts opts = matrix("hessian");
    tw_curv *curv = NULL;
    must(tw_threads_set(1));
    must(tw_curv_new(t.net, &t.data, &opts, &curv));
    double *v = normals(8 * t.n, 11), *hv = room(8 * t.n);
    must(tw_curv_linop(curv)->apply(tw_curv_linop(curv)->ctx, 8, v, hv));
    int64_t before = tw_alloc_calls();
    must(tw_curv_linop(curv)->apply(tw_curv_linop(curv)->ctx, 8, v, hv));
    assert_true(tw_alloc_calls() - before <= 1);
    tw_curv_free(curv);
    free(v), free(hv);
    toy_close(&t);
}

// Each allocation of a product in turn fails: right status, nothing leaked (sanitizers see to that), inputs usable.
static void a_failed_allocation_is_reported_and_harmless(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, MODEL "tanh", 130, 6, 4, 0, toy_opts(8));
    must(tw_threads_set(2));
    tw_curv_opts opts = matrix("covariance");
    int failures = 0;
    for (int64_t call = 1;; call++) {
        tw_curv *curv = NULL;
        tw_alloc_fail_at(call);
        tw_status st = tw_curv_new(t.net, &t.data, &opts, &curv);
        tw_alloc_fail_at(0);
        tw_curv_free(curv);
        if (st == TW_OK) break;
        assert_int_equal(st, TW_ENOMEM);
        failures++;
    }
    assert_true(failures > 5);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hessian_products_are_differences_of_gradients),
        cmocka_unit_test(convolutional_hessian_products_are_differences_of_gradients),
        cmocka_unit_test(gradients_are_differences_of_losses),
        cmocka_unit_test(moment_and_covariance_come_from_sample_gradients),
        cmocka_unit_test(the_matrices_obey_their_identities),
        cmocka_unit_test(gauss_newton_by_jacobians_is_gauss_newton_through_the_layers),
        cmocka_unit_test(every_matrix_is_symmetric),
        cmocka_unit_test(a_block_is_its_directions_one_by_one),
        cmocka_unit_test(shards_of_any_size_weigh_samples_alike),
        cmocka_unit_test(products_have_the_same_bits_on_any_threads),
        cmocka_unit_test(float_agrees_with_double),
        cmocka_unit_test(layers_restrict_the_matrix),
        cmocka_unit_test(products_allocate_nothing_of_size),
        cmocka_unit_test(a_failed_allocation_is_reported_and_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
