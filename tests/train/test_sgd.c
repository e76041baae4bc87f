// SPDX-License-Identifier: MIT
// SGD against quadratics, where every step is a formula.
#include "../curv/toy.h"

#include "thalweg/train.h"

// Truth: gradient descent on half-mse with one weight, no bias: w <- w - lr (a w - b), a = mean x^2, b = mean x t, so
// w_t - w* = (1 - lr a)^t (w_0 - w*). Full batches, so the order of samples only changes rounding.
static void full_batches_contract_a_quadratic_by_a_known_factor(void **state)
{
    (void)state;
    enum { STEPS = 30 };
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.loss = "half-mse";
    toy_open(&t, "mlp:1-1,bias=no", 37, 1, 0, 1, opts);
    double a = 0, b = 0, *x = t.data.x, lr = 0.3, w;
    for (int i = 0; i < 37; i++) {
        a += x[i] * x[i] / 37;
        b += x[i] * t.data.target[i] / 37;
    }
    tw_sgd_opts sgd = tw_sgd_defaults();
    tw_sgd_curve *curve = NULL;
    sgd.lr = lr;
    sgd.batch = 37;
    sgd.epochs = STEPS;
    must(tw_sgd(t.net, &t.data, &sgd, &curve));
    tw_net_get_weights(t.net, &w);
    double truth = b / a + pow(1 - lr * a, STEPS) * (t.w[0] - b / a);
    assert_near(w, truth, STEPS * 40 * DBL_EPSILON * (fabs(truth) + fabs(t.w[0])));
    assert_int_equal(curve->steps, STEPS);
    tw_sgd_curve_free(curve);
    toy_close(&t);
}

// Truth: one epoch written out: same order, batches of 16, 16 and 5, each divided by its own size, plus l2.
static void the_last_batch_is_divided_by_its_own_size(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.loss = "half-mse";
    opts.l2 = 0.25;
    toy_open(&t, "mlp:1-1,bias=no", 37, 1, 0, 1, opts);
    int64_t order[37];
    double *x = t.data.x, truth = t.w[0], w;
    tw_rng rng = tw_rng_at(9, TW_RNG_ORDER, 0);
    for (int i = 0; i < 37; i++) order[i] = i;
    tw_rng_shuffle(&rng, 37, order);
    for (int first = 0; first < 37; first += 16) {
        int size = first + 16 < 37 ? 16 : 37 - first;
        double g = 0;
        for (int i = first; i < first + size; i++)
            g += x[order[i]] * (truth * x[order[i]] - t.data.target[order[i]]) / size;
        truth -= 0.1 * (g + 0.25 * truth);
    }
    tw_sgd_opts sgd = tw_sgd_defaults();
    tw_sgd_curve *curve = NULL;
    sgd.batch = 16;
    sgd.epochs = 1;
    sgd.seed = 9;
    must(tw_sgd(t.net, &t.data, &sgd, &curve));
    tw_net_get_weights(t.net, &w);
    assert_near(w, truth, 100 * DBL_EPSILON);
    tw_sgd_curve_free(curve);
    toy_close(&t);
}

static void training_has_the_same_bits_on_any_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    double *first = NULL;
    for (int i = 0; i < 4; i++) {
        toy t;
        tw_sgd_opts sgd = tw_sgd_defaults();
        tw_sgd_curve *curve = NULL;
        toy_open(&t, "mlp:6-70-4,act=tanh", 700, 6, 4, 0, toy_opts(4));
        sgd.epochs = 2;
        sgd.batch = 300;
        must(tw_threads_set(threads[i]));
        must(tw_sgd(t.net, &t.data, &sgd, &curve));
        tw_net_get_weights(t.net, t.w);
        if (!first) {
            must(tw_alloc(t.n, sizeof *first, &first));
            memcpy(first, t.w, (size_t)t.n * sizeof *first);
        }
        assert_memory_equal(first, t.w, (size_t)t.n * sizeof *first);
        tw_sgd_curve_free(curve);
        toy_close(&t);
    }
    free(first);
}

// Truth: the same run in one piece. An epoch's order is drawn from (seed, epoch), and nothing else passes between
// epochs but the weights.
static void training_in_parts_has_the_bits_of_the_whole(void **state)
{
    (void)state;
    double w[2][64];
    for (int parts = 0; parts < 2; parts++) {
        toy t;
        toy_open(&t, "mlp:3-5-2,act=tanh", 37, 3, 2, 0, toy_opts(4));
        assert_in_range(tw_net_params(t.net), 1, 64);
        tw_sgd_opts sgd = tw_sgd_defaults();
        sgd.batch = 16;
        sgd.seed = 9;
        sgd.epochs = parts ? 3 : 5;
        for (sgd.first_epoch = 0; sgd.first_epoch < 5; sgd.first_epoch += sgd.epochs) { // 0-4, or 0-2 then 3-4
            tw_sgd_curve *curve = NULL;
            if (sgd.first_epoch == 3) sgd.epochs = 2;
            must(tw_sgd(t.net, &t.data, &sgd, &curve));
            tw_sgd_curve_free(curve);
        }
        memset(w[parts], 0, sizeof w[parts]);
        tw_net_get_weights(t.net, w[parts]);
        toy_close(&t);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
}

// A step far beyond 2 / curvature multiplies the weight by about -1e200 each time: the third loss is infinite.
static void divergence_is_found_and_the_last_finite_weights_are_kept(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    opts.loss = "half-mse";
    toy_open(&t, "mlp:1-1,bias=no", 37, 1, 0, 1, opts);
    tw_sgd_opts sgd = tw_sgd_defaults();
    tw_sgd_curve *curve = NULL;
    double w;
    sgd.lr = 1e100;
    sgd.batch = 37;
    must(tw_sgd(t.net, &t.data, &sgd, &curve));
    assert_true(curve->diverged && curve->diverged_step == 2);
    tw_net_get_weights(t.net, &w);
    assert_true(fabs(w) > 1e90 && fabs(w) < 1e110); // after step 1
    tw_sgd_curve_free(curve);
    sgd.lr = -1;
    must_fail(tw_sgd(t.net, &t.data, &sgd, &curve), TW_EINVAL, "lr: found -1");
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_batches_contract_a_quadratic_by_a_known_factor),
        cmocka_unit_test(the_last_batch_is_divided_by_its_own_size),
        cmocka_unit_test(training_has_the_same_bits_on_any_threads),
        cmocka_unit_test(training_in_parts_has_the_bits_of_the_whole),
        cmocka_unit_test(divergence_is_found_and_the_last_finite_weights_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
