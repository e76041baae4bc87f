// SPDX-License-Identifier: MIT
// The swept diagonal against whole matrices, column by column from products.
#include "curv/toy.h"

#include <float.h>

// The diagonal of a matrix, from its products with every unit vector.
static double *written_out(const toy *t, const char *matrix)
{
    double *unit = NULL, *image = NULL, *diagonal = NULL;
    tw_curv_opts opts = tw_curv_defaults();
    opts.matrix = matrix;
    opts.block = 1;
    must(tw_alloc(t->n, sizeof *unit, &unit));
    must(tw_alloc(t->n, sizeof *image, &image));
    must(tw_alloc(t->n, sizeof *diagonal, &diagonal));
    tw_curv *curv = NULL;
    must(tw_curv_new(t->net, &t->data, &opts, &curv));
    for (int64_t j = 0; j < t->n; j++) {
        unit[j] = 1;
        must(tw_curv_linop(curv)->apply(tw_curv_linop(curv)->ctx, 1, unit, image));
        unit[j] = 0;
        diagonal[j] = image[j];
    }
    tw_curv_free(curv);
    free(unit);
    free(image);
    return diagonal;
}

// Truth: e_j' A e_j. Tolerance: both are sums of at most samples x positions x outputs terms, each with some ten
// roundings of numbers no larger than the largest entry's parts.
static void agrees(const toy *t, const char *matrix, double eps)
{
    double *found = NULL, *truth = written_out(t, matrix), largest = 0;
    must(tw_alloc(t->n, sizeof *found, &found));
    must(tw_ggn_diagonal(t->net, &t->data, found));
    for (int64_t j = 0; j < t->n; j++) largest = fmax(largest, fabs(truth[j]));
    assert_true(largest > 0);
    for (int64_t j = 0; j < t->n; j++) {
        assert_near(found[j], truth[j], 200 * eps * largest);
        assert_true(found[j] >= 0);
    }
    free(truth);
    free(found);
}

static void of_dense_relu_networks_it_is_the_hessians(void **state)
{
    (void)state;
    static const char *const model[] = {"mlp:5-7-6-3,act=relu", "mlp:5-4-3,act=leaky-relu(0.1),bias=no", "mlp:5-3"};
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        opts.shard = 7;
        opts.l2 = i == 0 ? 0.25 : 0;
        toy_open(&t, model[i], 23, 5, 3, 0, opts);
        assert_true(tw_diagonals_agree(t.net));
        agrees(&t, "hessian", DBL_EPSILON);
        toy_close(&t);
    }
}

// Convolutions, where a weight meets many positions, pools, sums of branches, groups and fixed batch norms.
static void of_convolutional_relu_networks_too(void **state)
{
    (void)state;
    static const char *const model[] = {
        "seq:conv(3,3,pad=same) relu maxpool(2) conv(4,2) relu dense(3)",
        "seq:conv(4,3,pad=same) bn(stats=fixed) relu [ conv(4,3,pad=same,groups=2) relu conv(4,1) ] meanpool(2) "
        "dense(3)",
        "seq:conv(2,2,stride=2) leaky-relu [ relu conv(3,1) | conv(3,1) ] globalpool dense(3)"};
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        opts.shard = 3;
        toy_open_images(&t, model[i], 5, 2, 6, 3, opts);
        assert_true(tw_diagonals_agree(t.net));
        agrees(&t, "hessian", DBL_EPSILON);
        toy_close(&t);
    }
}

static void under_every_loss(void **state)
{
    (void)state;
    static const char *const loss[] = {"mse", "half-mse", "logistic"};
    for (int i = 0; i < 3; i++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        opts.loss = loss[i];
        if (i < 2)
            toy_open(&t, "mlp:4-5-2,act=relu", 9, 4, 0, 2, opts);
        else
            toy_open(&t, "mlp:4-5-1,act=relu", 9, 4, 2, 0, opts);
        agrees(&t, "hessian", DBL_EPSILON);
        toy_close(&t);
    }
}

// Elsewhere it is the Gauss-Newton matrix's alone, and says so.
static void of_curved_networks_it_is_the_gauss_newton_matrixs(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:5-6-3,act=tanh", 11, 5, 3, 0, toy_opts(8));
    assert_false(tw_diagonals_agree(t.net));
    agrees(&t, "ggn", DBL_EPSILON);
    double *h = written_out(&t, "hessian"), *g = written_out(&t, "ggn");
    assert_true(distance(t.n, h, g) > 0.01 * norm2(t.n, g)); // the two differ
    free(h);
    free(g);
    toy_close(&t);
    toy_open_images(&t, "seq:conv(3,3) gelu conv(2,2) relu dense(3)", 4, 1, 6, 3, toy_opts(8));
    assert_false(tw_diagonals_agree(t.net));
    agrees(&t, "ggn", DBL_EPSILON);
    toy_close(&t);
}

static void in_float_too(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:5-7-3,act=relu", 23, 5, 3, 0, toy_opts(4));
    agrees(&t, "hessian", FLT_EPSILON);
    toy_close(&t);
}

static void the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (int images = 0; images < 2; images++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        double *first = NULL, *other = NULL;
        opts.shard = 2;
        if (images)
            toy_open_images(&t, "seq:conv(3,3) relu dense(3)", 11, 1, 5, 3, opts);
        else
            toy_open(&t, "mlp:5-7-3,act=relu", 23, 5, 3, 0, opts);
        must(tw_alloc(t.n, sizeof *first, &first));
        must(tw_alloc(t.n, sizeof *other, &other));
        for (int i = 0; i < 4; i++) {
            must(tw_threads_set(threads[i]));
            must(tw_ggn_diagonal(t.net, &t.data, i ? other : first));
            if (i > 0) assert_memory_equal(first, other, (size_t)t.n * sizeof *first);
        }
        must(tw_threads_set(1));
        free(first);
        free(other);
        toy_close(&t);
    }
}

static void samples_that_hang_together_are_refused(void **state)
{
    (void)state;
    toy t;
    double *out = NULL;
    toy_open_images(&t, "seq:conv(3,3) bn relu dense(3)", 5, 1, 5, 3, toy_opts(8));
    must(tw_alloc(t.n, sizeof *out, &out));
    assert_false(tw_diagonals_agree(t.net)); // statistics of the batch
    assert_int_equal(tw_ggn_diagonal(t.net, &t.data, out), TW_EINVAL);
    free(out);
    toy_close(&t);
}

static void a_failing_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    toy t;
    double *out = NULL;
    tw_status st = TW_ENOMEM;
    toy_open(&t, "mlp:5-7-3,act=relu", 9, 5, 3, 0, toy_opts(8));
    must(tw_alloc(t.n, sizeof *out, &out));
    int calls = 0;
    for (int call = 1; st == TW_ENOMEM && call < 100; call++, calls++) {
        tw_alloc_fail_at(call);
        st = tw_ggn_diagonal(t.net, &t.data, out);
        tw_alloc_fail_at(0);
        assert_true(st == TW_OK || st == TW_ENOMEM);
    }
    must(st);
    assert_true(calls > 5);
    free(out);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_dense_relu_networks_it_is_the_hessians),
        cmocka_unit_test(of_convolutional_relu_networks_too),
        cmocka_unit_test(under_every_loss),
        cmocka_unit_test(of_curved_networks_it_is_the_gauss_newton_matrixs),
        cmocka_unit_test(in_float_too),
        cmocka_unit_test(the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(samples_that_hang_together_are_refused),
        cmocka_unit_test(a_failing_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
