// SPDX-License-Identifier: MIT
// The law of a step against reference values, enumeration and matrices written out; runs against single trainers.
#include "curv/tiny.h"

#include "base/rng.h"
#include "linalg/dense.h"
#include "thalweg/theory_bound.h"
#include "thalweg/theory_noise.h"
#include "thalweg/train_dynamics.h"
#include "thalweg/trainer.h"
#include "train/batches.h"
#include "train/order.h"

static tw_step_law *law_of(const toy *t, tw_step_law_opts opts)
{
    tw_step_law *o = NULL;
    must(tw_step_law_new(t->net, &t->data, &opts, &o));
    return o;
}

// Truth: the specification's networks: the change of the loss over every batch there is, and the formulas' mean,
// variance, best step and trace. Tolerance: 1e-9, as it says.
static void reference_networks_have_their_laws(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        toy t;
        json_t *file = NULL;
        const json_t *c;
        tiny_open(TW_TESTS "/curv/data/tiny_nets.json", i, &file, &c, &t);
        const json_t *all = json_object_get(c, "delta_enumerated"), *second = json_object_get(c, "delta_second_order");
        tw_step_law_opts opts = tw_step_law_defaults();
        opts.lr = tiny_real(c, "eta");
        opts.batch = (int64_t)tiny_real(c, "batch");
        tw_step_law *o = law_of(&t, opts);
        assert_true(o->enumerated);
        assert_int_equal(o->draws, (int64_t)tiny_real(all, "count"));
        assert_near(o->measured.mean.value, tiny_real(all, "mean"), 1e-9);
        assert_near(o->measured.variance.value, tiny_real(all, "var"), 1e-9);
        assert_near(o->predicted.mean.value, tiny_real(second, "mean"), 1e-9);
        assert_near(o->predicted.variance.value, tiny_real(second, "var_gaussian"), 1e-9);
        assert_near(o->best_lr, tiny_real(second, "eta_star"), 1e-9);
        assert_near(o->trace_hm, tiny_real(second, "trace_H_MB"), 1e-9);
        assert_near(o->quadratic.mean.value, o->predicted.mean.value, 1e-12); // of every batch: no noise is left
        tw_step_law_free(o);
        toy_close(&t);
        json_decref(file);
    }
}

// One layer, one output; targets from some weights, plus noise.
static void linear_toy(toy *t, int64_t m, int64_t features, double noise, const char *loss)
{
    toy_fill(t, m, features, strcmp(loss, "logistic") == 0 ? 2 : 0, strcmp(loss, "logistic") == 0 ? 0 : 1);
    for (int64_t i = 0; i < m && t->data.target; i++) {
        double y = 0.5;
        for (int64_t k = 0; k < features; k++) y += (double)(k + 1) * ((double *)t->data.x)[i * features + k];
        t->data.target[i] = y + noise * t->data.target[i];
    }
    tw_net_opts opts = toy_opts(8);
    char model[32];
    opts.loss = loss;
    snprintf(model, sizeof model, "mlp:%d-1", (int)features);
    toy_net(t, model, opts);
}

// Truth: every batch of the regression written out in the theory room, where the bias is a feature that is one. f is
// quadratic, so formula, second order and measurement are the same numbers. Tolerance: rounding of sums over batches.
static void least_squares_is_exact(void **state)
{
    (void)state;
    enum { M = 9, D = 3 };
    toy t;
    double x[M][D + 1];
    tw_step_change truth;
    linear_toy(&t, M, D, 0.3, "half-mse");
    for (int i = 0; i < M; i++)
        for (int k = 0; k <= D; k++) x[i][k] = k < D ? ((double *)t.data.x)[i * D + k] : 1;
    must(tw_least_squares_step(M, D + 1, x[0], t.data.target, t.w, 0.2, 3, &truth));
    tw_step_law_opts opts = tw_step_law_defaults();
    opts.lr = 0.2;
    opts.batch = 3;
    tw_step_law *o = law_of(&t, opts);
    assert_true(o->enumerated && o->least_squares && o->draws == 84);
    assert_near(o->loss, truth.loss, 1e-12 * truth.loss);
    assert_near(o->predicted.mean.value, truth.mean[1], 1e-11 * truth.loss);
    assert_near(o->measured.mean.value, truth.mean[1], 1e-11 * truth.loss);
    assert_near(o->measured.variance.value, truth.var[1], 1e-10 * truth.var[1]);
    assert_near(o->quadratic.variance.value, truth.var[1], 1e-10 * truth.var[1]);
    assert_near(o->measured.skewness, o->quadratic.skewness, 1e-8);
    tw_step_law_free(o);
    opts.replacement = true;
    opts.draws = 2000;
    o = law_of(&t, opts);
    assert_false(o->enumerated);
    assert_near(o->predicted.mean.value, truth.mean[0], 1e-11 * truth.loss);
    assert_near(o->measured.mean.value, truth.mean[0], 5 * o->measured.mean.error);
    assert_near(o->measured.variance.value, truth.var[0], 5 * o->measured.variance.error);
    tw_step_law_free(o);
    toy_close(&t);
}

// Truth: C from the gradients of single samples (theory room), H column by column, P from the gradients' squares;
// traces of products, and the largest eigenvalue of the product HC, written out.
static void formulas_are_those_of_the_matrices_written_out(void **state)
{
    (void)state;
    enum { M = 15, B = 4 };
    for (int power = 0; power < 2; power++)
        for (int without = 0; without < 2; without++) {
            toy t;
            tw_net_opts net = toy_opts(8);
            net.l2 = 0.2;
            toy_open(&t, "mlp:3-4-2,act=tanh", M, 3, 2, 0, net);
            int64_t n = t.n, n2 = n * n;
            double *room = NULL;
            must(tw_alloc(5 * n2 + (M + 6) * n, sizeof *room, &room));
            double *h = room, *c = h + n2, *other = c + n2, *hc = other + n2, *g = hc + 2 * n2, *mu = g + M * n,
                   *p = mu + n, *a = p + n, *re = a + n, *im = re + n;
            tw_loss_value value;
            tw_curv *curv = NULL;
            tw_curv_opts curv_opts = tw_curv_defaults();
            double asymmetry, lr = 0.15;
            must(tw_curv_new(t.net, &t.data, &curv_opts, &curv));
            must(tw_linop_assemble(tw_curv_linop(curv), (tw_progress){NULL, NULL}, h, &asymmetry));
            tw_curv_free(curv);
            for (int64_t i = 0; i < M; i++) {
                tw_data one = t.data;
                one.m = 1;
                one.x = (double *)t.data.x + i * 3;
                one.label += i;
                must(tw_loss(t.net, &one, g + i * n, NULL, &value));
            }
            must(tw_noise_covariance(M, n, B, g, without ? other : c, without ? c : other));
            for (int64_t k = 0; k < n; k++) {
                double square = 0;
                for (int64_t i = 0; i < M; i++) mu[k] += g[i * n + k] / M;
                for (int64_t i = 0; i < M; i++) square += g[i * n + k] * g[i * n + k] / M;
                p[k] = power ? 1 / sqrt(square + 1e-3) : 1;
            }
            double hm = 0, down = 0, mean, var = 0, trace2 = 0, largest = 0;
            for (int64_t k = 0; k < n; k++) {
                down += mu[k] * p[k] * mu[k];
                for (int64_t l = 0; l < n; l++) {
                    h[k * n + l] *= p[k] * p[l]; // PHP
                    hm += h[k * n + l] * (c[l * n + k] + mu[l] * mu[k]);
                }
            }
            mean = -lr * down + lr * lr / 2 * hm;
            for (int64_t k = 0; k < n; k++) {
                a[k] = -lr * p[k] * mu[k];
                for (int64_t l = 0; l < n; l++) a[k] += lr * lr * h[k * n + l] * mu[l];
                for (int64_t l = 0; l < n; l++)
                    for (int64_t q = 0; q < n; q++) hc[k * n + l] += lr * lr / 2 * h[k * n + q] * c[q * n + l];
            }
            for (int64_t k = 0; k < n; k++)
                for (int64_t l = 0; l < n; l++) {
                    var += a[k] * c[k * n + l] * a[l];
                    trace2 += hc[k * n + l] * hc[l * n + k];
                }
            var += 2 * trace2;
            must(tw_eigenvalues(n, hc, re, im));
            for (int64_t k = 0; k < n; k++) largest = fmax(largest, re[k]);
            tw_step_law_opts opts = tw_step_law_defaults();
            opts.lr = lr;
            opts.batch = B;
            opts.replacement = !without;
            opts.draws = 100;
            opts.power = power ? 0.5 : 0;
            opts.eps = 1e-3;
            tw_step_law *o = law_of(&t, opts);
            assert_near(o->trace_hm, hm, 1e-12 * fabs(hm) + 1e-13);
            assert_near(o->predicted.mean.value, mean, 1e-12);
            assert_near(o->predicted.variance.value, var, 1e-11 * var);
            assert_near(o->best_lr, down / hm, 1e-10 * fabs(down / hm));
            assert_near(o->subgamma, 2 * largest, 1e-10 * largest);
            tw_step_law_free(o);
            free(room);
            toy_close(&t);
        }
}

// Truth: for a step that is small beside the curvature every figure of the quadratic model is met; the tail bound holds
// with Gaussian batches, and the Gaussian itself has the coverage that is asked for. Tolerance: five standard errors.
static void predicted_intervals_cover_what_they_say(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:4-5-3,act=tanh", 120, 4, 3, 0, toy_opts(8));
    tw_step_law_opts opts = tw_step_law_defaults();
    opts.lr = 0.02;
    opts.batch = 30;
    opts.draws = 2000;
    tw_step_law *o = law_of(&t, opts);
    assert_near(o->measured.mean.value, o->predicted.mean.value, 5 * o->measured.mean.error);
    assert_near(o->measured.variance.value, o->predicted.variance.value, 5 * o->measured.variance.error);
    assert_near(o->inner.value, o->inner_predicted, 5 * o->inner.error);
    for (int k = 0; k < TW_LAW_LEVELS; k++) assert_near(o->coverage[k].value, o->level[k], 5 * o->coverage[k].error);
    for (int k = 0; k < TW_LAW_TAILS; k++) assert_true(o->tail[k].value <= exp(-o->tail_x[k]));
    for (int k = 1; k < TW_LAW_QUANTILES; k++) assert_true(o->quantile[k - 1] <= o->quantile[k]);
    tw_step_law_free(o);
    toy_close(&t);
}

// Truth: section 9 of the specification, E f_(t+1) <= (1 - lambda+^2 / max x'Hx) f_t at every point, and E f_(t+1)
// itself over all samples, one step each.
static void least_squares_has_a_step_that_always_goes_down(void **state)
{
    (void)state;
    enum { M = 8 };
    toy t;
    linear_toy(&t, M, 2, 0, "half-mse");
    for (int point = 0; point < 5; point++) {
        tw_rng rng = tw_rng_at(6, TW_RNG_TEST, (uint64_t)point);
        tw_rng_normals(&rng, t.n, t.w);
        must(tw_net_set_weights(t.net, t.w));
        tw_step_law_opts opts = tw_step_law_defaults();
        opts.batch = 1;
        tw_step_law *o = law_of(&t, opts);
        assert_true(o->least_squares && o->safe_lr > 0);
        assert_true(o->safe_factor < 1 && o->safe_ratio <= o->safe_factor + 1e-12);
        opts.lr = o->safe_lr;
        tw_step_law *again = law_of(&t, opts);
        assert_near(1 + again->measured.mean.value / again->loss, o->safe_ratio, 1e-12);
        tw_step_law_free(o);
        tw_step_law_free(again);
    }
    toy_close(&t);
}

// Truth: with one logit, g_i = (pi_i - y_i)(x_i, 1) and 1 - exp(-f_i) = |pi_i - y_i|, so Tr M and max |x|^2 by hand.
static void logistic_noise_is_bounded_by_the_loss(void **state)
{
    (void)state;
    enum { M = 20, D = 3 };
    toy t;
    double trace = 0, longest = 0, f[M];
    tw_loss_value value;
    linear_toy(&t, M, D, 0, "logistic");
    must(tw_loss(t.net, &t.data, NULL, f, &value));
    for (int i = 0; i < M; i++) {
        double x2 = 1;
        for (int k = 0; k < D; k++) x2 += pow(((double *)t.data.x)[i * D + k], 2);
        trace += pow(1 - exp(-f[i]), 2) * x2 / M;
        longest = fmax(longest, x2);
    }
    tw_step_law_opts opts = tw_step_law_defaults();
    opts.batch = 1;
    tw_step_law *o = law_of(&t, opts);
    assert_true(o->logistic && !o->least_squares);
    assert_near(o->noise_share, trace / (longest * value.loss), 1e-12);
    assert_true(o->noise_share <= 1);
    tw_step_law_free(o);
    toy_close(&t);
}

// Truth: there are C(7, 3) = 35 sets of three out of seven. Tolerance: chi squared with 34 degrees of freedom is above
// 80 with probability 1e-5; the seed is fixed.
static void batches_are_all_sets_and_drawn_evenly(void **state)
{
    (void)state;
    int64_t pick[3] = {0, 1, 2}, count = 0, seen[343] = {0};
    assert_true(tw_batches_count(7, 3) == 35 && tw_batches_count(50, 50) == 1);
    do {
        assert_true(pick[0] < pick[1] && pick[1] < pick[2] && pick[2] < 7);
        assert_int_equal(seen[pick[0] * 49 + pick[1] * 7 + pick[2]]++, 0);
        count++;
    } while (tw_batches_next(7, 3, pick));
    assert_int_equal(count, 35);
    for (int draw = 0; draw < 3500; draw++) {
        tw_rng rng = tw_rng_at(8, TW_RNG_TEST, (uint64_t)draw);
        double sorted[3];
        tw_batches_draw(&rng, 7, 3, false, pick);
        for (int i = 0; i < 3; i++) sorted[i] = (double)pick[i];
        tw_sort(3, sorted);
        seen[(int)sorted[0] * 49 + (int)sorted[1] * 7 + (int)sorted[2]]++;
    }
    double chi2 = 0;
    for (int i = 0; i < 343; i++)
        if (seen[i] > 0) chi2 += pow((double)seen[i] - 1 - 100, 2) / 100;
    assert_true(chi2 < 80);
    static const double x[] = {1, 2, 4};
    assert_true(tw_quantile(3, x, 0.5) == 2 && tw_quantile(3, x, 0.75) == 3 && tw_quantile(3, x, 1) == 4);
}

// Truth: the same trainer, alone, with the run's seed: the same bits.
static void a_run_is_a_trainer_with_its_seed(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:4-6-3,act=relu", 50, 4, 3, 0, toy_opts(8));
    tw_ensemble_opts opts = tw_ensemble_defaults();
    const int threads = tw_threads();
    tw_ensemble *o[2];
    opts.runs = 9;
    opts.epochs = 3;
    opts.seed = 40;
    opts.optim = "sgd:momentum=0.5";
    for (int i = 0; i < 2; i++) {
        must(tw_threads_set(1 + 2 * i));
        must(tw_ensemble_new(t.net, &t.data, &opts, &o[i]));
    }
    must(tw_threads_set(threads));
    assert_int_equal(o[0]->steps, 15);
    assert_memory_equal(o[0]->look, o[1]->look, (size_t)o[0]->looks * sizeof *o[0]->look);
    assert_memory_equal(o[0]->final_loss, o[1]->final_loss, 9 * sizeof(double));
    for (int run = 0; run < 9; run += 8) {
        tw_trainer_opts alone = tw_trainer_defaults();
        tw_trainer *trainer = NULL;
        tw_step step;
        tw_loss_value value;
        alone.optim = opts.optim;
        alone.batch = 10;
        alone.seed = 40 + (uint64_t)run;
        must(tw_net_set_weights(t.net, t.w));
        must(tw_trainer_new(t.net, &t.data, &alone, &trainer));
        for (int s = 0; s < 15; s++) must(tw_trainer_step(trainer, &step));
        must(tw_loss(t.net, &t.data, NULL, NULL, &value));
        assert_true(value.loss == o[0]->final_loss[run]);
        tw_trainer_free(trainer);
    }
    for (int i = 0; i < 2; i++) tw_ensemble_free(o[i]);
    toy_close(&t);
}

// Truth: full batches do not depend on the seed, and small steps along the gradient go down with gradients that point
// the same way; the first change is that of the law of a step, whose only batch is all samples.
static void full_batches_are_one_trajectory(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:4-6-3,act=tanh", 30, 4, 3, 0, toy_opts(8));
    tw_ensemble_opts opts = tw_ensemble_defaults();
    tw_ensemble *o = NULL;
    opts.runs = 4;
    opts.epochs = 12;
    opts.sampling = "full";
    opts.lr = 0.01;
    must(tw_ensemble_new(t.net, &t.data, &opts, &o));
    assert_int_equal(o->phase, -1);
    for (int64_t i = 0; i < o->looks; i++) {
        const tw_ensemble_look *l = &o->look[i];
        assert_true(l->loss[0] == l->loss[4] && l->spread == 0 && l->falls.value == 1 && l->cosine[0] > 0.9);
    }
    tw_step_law_opts law = tw_step_law_defaults();
    law.lr = 0.01;
    law.batch = 30;
    tw_step_law *one = law_of(&t, law);
    assert_int_equal(one->draws, 1);
    assert_near(one->measured.mean.value, o->look[0].mean_change.value, 1e-14);
    assert_near(one->inner.value, o->look[0].inner.value, 1e-13);
    tw_step_law_free(one);
    tw_ensemble_free(o);
    toy_close(&t);
}

static void runs_that_diverge_are_counted(void **state)
{
    (void)state;
    toy t;
    linear_toy(&t, 20, 2, 0.1, "half-mse");
    tw_ensemble_opts opts = tw_ensemble_defaults();
    tw_ensemble *o = NULL;
    opts.runs = 5;
    opts.batch = 5;
    opts.epochs = 400;
    opts.lr = 1000;
    must_fail(tw_ensemble_new(t.net, &t.data, &opts, &o), TW_ENUMERIC, "stayed finite");
    opts.optim = "sdg";
    must_fail(tw_ensemble_new(t.net, &t.data, &opts, &o), TW_EINVAL, "sgd");
    opts.optim = "sgd";
    opts.runs = 3;
    must_fail(tw_ensemble_new(t.net, &t.data, &opts, &o), TW_EINVAL, "3 runs");
    tw_step_law_opts law = tw_step_law_defaults();
    tw_step_law *one = NULL;
    law.batch = 21;
    must_fail(tw_step_law_new(t.net, &t.data, &law, &one), TW_EINVAL, "21");
    law.batch = 1;
    law.draws = 99;
    must_fail(tw_step_law_new(t.net, &t.data, &law, &one), TW_EINVAL, "99");
    law.draws = 100;
    law.lr = 0;
    must_fail(tw_step_law_new(t.net, &t.data, &law, &one), TW_EINVAL, "lr 0");
    assert_null(one);
    assert_null(o);
    toy_close(&t);
}

static void failing_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:3-2-2", 6, 3, 2, 0, toy_opts(8));
    tw_step_law_opts law = tw_step_law_defaults();
    tw_ensemble_opts runs = tw_ensemble_defaults();
    law.batch = 1;
    runs.runs = 4;
    runs.epochs = 2;
    runs.batch = 3;
    const int threads = tw_threads();
    must(tw_threads_set(1)); // which allocation fails is then the same every time
    for (int which = 0; which < 2; which++)
        for (int64_t call = 1;; call += 1 + call / 40) {
            tw_step_law *one = NULL;
            tw_ensemble *o = NULL;
            tw_alloc_fail_at(call);
            tw_status st =
                which ? tw_ensemble_new(t.net, &t.data, &runs, &o) : tw_step_law_new(t.net, &t.data, &law, &one);
            tw_alloc_fail_at(0);
            tw_step_law_free(one);
            tw_ensemble_free(o);
            if (st == TW_OK) break;
            assert_int_equal(st, TW_ENOMEM);
            assert_true(!o && !one);
        }
    must(tw_threads_set(threads));
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_networks_have_their_laws),
        cmocka_unit_test(least_squares_is_exact),
        cmocka_unit_test(formulas_are_those_of_the_matrices_written_out),
        cmocka_unit_test(predicted_intervals_cover_what_they_say),
        cmocka_unit_test(least_squares_has_a_step_that_always_goes_down),
        cmocka_unit_test(logistic_noise_is_bounded_by_the_loss),
        cmocka_unit_test(batches_are_all_sets_and_drawn_evenly),
        cmocka_unit_test(a_run_is_a_trainer_with_its_seed),
        cmocka_unit_test(full_batches_are_one_trajectory),
        cmocka_unit_test(runs_that_diverge_are_counted),
        cmocka_unit_test(failing_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
