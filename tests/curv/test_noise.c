// SPDX-License-Identifier: MIT
// Gradient noise of networks against matrices written out from the gradients of single samples.
#include "curv/toy.h"

#include "thalweg/curv_noise.h"
#include "thalweg/theory_noise.h"

// The gradients of all samples, one by one, without the l2 term: g[m][n].
static void each_gradient(const toy *t, double l2, double *g)
{
    tw_loss_value value;
    for (int64_t i = 0; i < t->data.m; i++) {
        tw_data one = t->data;
        one.m = 1;
        one.x = (double *)t->data.x + i * t->data.features;
        if (one.label) one.label += i;
        if (one.target) one.target += i * one.targets;
        must(tw_loss(t->net, &one, g + i * t->n, NULL, &value));
        for (int64_t j = 0; j < t->n; j++) g[i * t->n + j] -= l2 * t->w[j];
    }
}

static void dense(const toy *t, const char *matrix, double l2, double *a)
{
    tw_curv_opts opts = tw_curv_defaults();
    tw_curv *curv = NULL;
    double asymmetry;
    opts.matrix = matrix;
    must(tw_curv_new(t->net, &t->data, &opts, &curv));
    must(tw_linop_assemble(tw_curv_linop(curv), (tw_progress){NULL, NULL}, a, &asymmetry));
    for (int64_t i = 0; i < t->n; i++) a[i * t->n + i] -= l2;
    tw_curv_free(curv);
}

static double trace(int64_t n, const double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i * n + i];
    return sum;
}

static void check_match(const tw_gradient_noise *o, const char *name, const double *c, const double *p)
{
    int64_t n = o->n, n2 = n * n;
    const tw_noise_match *m = NULL;
    tw_linop *op[2] = {NULL, NULL};
    tw_spectrum *s[2] = {NULL, NULL};
    for (int64_t i = 0; i < o->count; i++)
        if (strcmp(o->match[i].name, name) == 0) m = &o->match[i];
    assert_non_null(m);
    assert_near(m->trace_ratio.value, trace(n, p) / trace(n, c), 1e-11);
    assert_near(m->cosine.value, dot(n2, c, p) / (norm2(n2, c) * norm2(n2, p)), 1e-11);
    assert_near(m->distance.value, distance(n2, c, p) / norm2(n2, c), 1e-7);
    assert_near(m->scale.value, dot(n2, c, p) / dot(n2, p, p), 1e-10);
    assert_true(m->scale.error == 0);
    must(tw_linop_dense(n, c, &op[0]));
    must(tw_linop_dense(n, p, &op[1]));
    for (int i = 0; i < 2; i++) must(tw_spectrum_new(op[i], (tw_progress){NULL, NULL}, &s[i]));
    double overlap = 0;
    for (int64_t i = 0; i < o->top; i++) {
        assert_true(m->eigs->lo[i] <= s[1]->value[i] + 1e-12 && s[1]->value[i] <= m->eigs->hi[i] + 1e-12);
        for (int64_t j = 0; j < o->top; j++) {
            double cosine = dot(n, s[0]->vector + i * n, s[1]->vector + j * n);
            overlap += cosine * cosine / (double)o->top;
        }
    }
    assert_true(fabs(m->overlap - overlap) <= m->overlap_bound + 1e-10);
    assert_true(m->overlap_bound < 1e-2);
    for (int i = 0; i < 2; i++) {
        tw_spectrum_free(s[i]);
        tw_linop_free(op[i]);
    }
}

// Truth: C from the N gradients by Definition 1 (theory room), H, G and M assembled column by column, every figure from
// the written-out matrices by LAPACK. Tolerance: sums of some thousand products; the distance is a difference of sums.
static void every_figure_is_that_of_the_matrices_written_out(void **state)
{
    (void)state;
    enum { S = 4, M = 24 };
    static const char *const loss[] = {"mse", "half-mse", "xent"};
    for (int kind = 0; kind < 3; kind++)
        for (int without = 0; without < 2; without++) {
            toy t;
            tw_net_opts net = toy_opts(8);
            tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
            tw_gradient_noise *o = NULL;
            tw_loss_value value;
            const int64_t K = 2;
            net.loss = loss[kind];
            net.l2 = 0.3;
            toy_open(&t, "mlp:3-4-2,act=tanh", M, 3, kind == 2 ? K : 0, kind == 2 ? 0 : K, net);
            int64_t n = t.n, n2 = n * n;
            double *room = NULL;
            must(tw_alloc(7 * n2 + (M + 1) * n, sizeof *room, &room));
            double *C = room, *other = C + n2, *H = other + n2, *G = H + n2, *Mo = G + n2, *P = Mo + n2,
                   *mean = P + 2 * n2, *g = mean + n;
            each_gradient(&t, net.l2, g);
            must(tw_noise_covariance(M, n, S, g, without ? other : C, without ? C : other));
            for (int64_t i = 0; i < M; i++)
                for (int64_t j = 0; j < n; j++) mean[j] += g[i * n + j] / M;
            dense(&t, "hessian", net.l2, H);
            dense(&t, "ggn", net.l2, G);
            dense(&t, "moment", 0, Mo);
            opts.batch = S;
            opts.replacement = !without;
            opts.top = 3;
            opts.probes = 1000;
            opts.tolerance = 1e-9;
            must(tw_gradient_noise_new(t.net, &t.data, &opts, &o));
            must(tw_loss(t.net, &t.data, NULL, NULL, &value));
            assert_true(o->exact);
            assert_near(o->trace, trace(n, C), 1e-11);
            assert_near(o->norm.value, norm2(n2, C), 1e-11);
            assert_int_equal(o->count, kind == 2 ? 3 : 5);
            for (int which = 0; kind < 2 && which < 2; which++) {
                for (int64_t i = 0; i < n; i++)
                    for (int64_t j = 0; j < n; j++)
                        P[i * n + j] =
                            2 * value.data_loss / (S * (double)K) * (which ? G : H)[i * n + j] - mean[i] * mean[j] / S;
                check_match(o, which ? "paper-g" : "paper", C, P);
            }
            const double *const plain[] = {H, G, Mo};
            static const char *const name[] = {"hessian", "ggn", "moment"};
            for (int which = 0; which < 3; which++) {
                for (int64_t i = 0; i < n2; i++) P[i] = plain[which][i] / S;
                check_match(o, name[which], C, P);
            }
            tw_gradient_noise_free(o);
            free(room);
            toy_close(&t);
        }
}

// Truth: with residuals r_i = +-1 of a linear model, l_i is the same for all i and M = mean r^2 x x' = 2L H exactly.
static void the_papers_formula_is_exact_when_all_losses_are_equal(void **state)
{
    (void)state;
    toy t;
    tw_net_opts net = toy_opts(8);
    tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
    tw_gradient_noise *o = NULL;
    net.loss = "half-mse";
    net.l2 = 0.7; // must not matter
    toy_open(&t, "mlp:3-1", 40, 3, 0, 1, net);
    const double *x = t.data.x;
    for (int64_t i = 0; i < 40; i++) t.data.target[i] = dot(3, t.w, x + 3 * i) + t.w[3] + (i % 3 == 0 ? -1 : 1);
    opts.top = 2;
    must(tw_gradient_noise_new(t.net, &t.data, &opts, &o));
    assert_near(o->loss.data_loss, 0.5, 1e-14);
    for (int i = 0; i < 2; i++) {
        assert_near(o->match[i].trace_ratio.value, 1, 1e-13);
        assert_near(o->match[i].scale.value, 1, 1e-13);
        assert_true(o->match[i].distance.value < 1e-7);
        assert_near(o->match[i].overlap, 1, 1e-9);
    }
    tw_gradient_noise_free(o);
    toy_close(&t);
}

// Truth: the exact figures. Of 15 standardised errors none beyond 5: chance below 1e-4 for Student's t with 199 degrees
// of freedom; the seed is fixed. And the errors are no excuse: below a tenth.
static void probes_are_within_their_standard_errors(void **state)
{
    (void)state;
    toy t;
    tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
    tw_gradient_noise *exact = NULL, *o = NULL;
    toy_open(&t, "mlp:8-16-4,act=tanh", 60, 8, 4, 0, toy_opts(8));
    opts.top = 2;
    opts.tolerance = 1e-3;
    opts.probes = 200;
    assert_true(t.n > opts.probes);
    must(tw_gradient_noise_new(t.net, &t.data, &opts, &o));
    opts.probes = t.n;
    must(tw_gradient_noise_new(t.net, &t.data, &opts, &exact));
    assert_false(o->exact);
    for (int64_t i = 0; i < o->count; i++) {
        const tw_measured found[] = {o->match[i].trace_ratio, o->match[i].cosine, o->match[i].distance,
                                     o->match[i].scale, o->norm};
        const tw_measured truth[] = {exact->match[i].trace_ratio, exact->match[i].cosine, exact->match[i].distance,
                                     exact->match[i].scale, exact->norm};
        for (int k = 0; k < 5; k++) {
            assert_true(found[k].error > 0 && found[k].error < 0.1 * fmax(1, truth[k].value));
            assert_true(fabs(found[k].value - truth[k].value) < 5 * found[k].error);
        }
    }
    tw_gradient_noise_free(exact);
    tw_gradient_noise_free(o);
    toy_close(&t);
}

static void impossible_batches_are_refused(void **state)
{
    (void)state;
    toy t;
    tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
    tw_gradient_noise *o = NULL;
    toy_open(&t, "mlp:3-2", 10, 3, 2, 0, toy_opts(8));
    opts.batch = 0;
    assert_int_equal(tw_gradient_noise_new(t.net, &t.data, &opts, &o), TW_EINVAL);
    opts.batch = 11;
    opts.replacement = false;
    assert_int_equal(tw_gradient_noise_new(t.net, &t.data, &opts, &o), TW_EINVAL);
    assert_non_null(strstr(tw_error(), "11"));
    opts.batch = 4;
    opts.probes = 2;
    assert_int_equal(tw_gradient_noise_new(t.net, &t.data, &opts, &o), TW_EINVAL);
    assert_null(o);
    toy_close(&t);
}

// Truth: a full batch without replacement has no noise. Ratios to it are not numbers, and nothing else fails.
static void a_full_batch_has_no_noise(void **state)
{
    (void)state;
    toy t;
    tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
    tw_gradient_noise *o = NULL;
    toy_open(&t, "mlp:3-2", 10, 3, 2, 0, toy_opts(8));
    opts.batch = 10;
    opts.replacement = false;
    opts.top = 2;
    must(tw_gradient_noise_new(t.net, &t.data, &opts, &o));
    assert_true(o->trace == 0 && o->norm.value == 0);
    assert_true(isnan(o->match[0].trace_ratio.value) && isnan(o->match[0].distance.value));
    assert_true(o->eigs->value[0] == 0);
    tw_gradient_noise_free(o);
    toy_close(&t);
}

// Each allocation in turn fails: TW_ENOMEM, nothing leaked (the sanitizers look), and the call can be made again.
static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    toy t;
    tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
    tw_gradient_noise *o = NULL;
    tw_status st = TW_ENOMEM;
    toy_open(&t, "mlp:3-2", 10, 3, 2, 0, toy_opts(8));
    opts.top = 1;
    for (int64_t call = 1; st == TW_ENOMEM; call++) {
        assert_null(o);
        tw_alloc_fail_at(call);
        st = tw_gradient_noise_new(t.net, &t.data, &opts, &o);
        tw_alloc_fail_at(0);
        assert_true(call < 10000);
    }
    must(st);
    tw_gradient_noise_free(o);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_is_that_of_the_matrices_written_out),
        cmocka_unit_test(the_papers_formula_is_exact_when_all_losses_are_equal),
        cmocka_unit_test(probes_are_within_their_standard_errors),
        cmocka_unit_test(impossible_batches_are_refused),
        cmocka_unit_test(a_full_batch_has_no_noise),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
