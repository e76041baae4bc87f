// SPDX-License-Identifier: MIT
// Fluctuations of SGD around a minimum, against the exact law of linear regression on a data set.
#include "curv/toy.h"

#include "thalweg/theory_noise.h"
#include "thalweg/train_noise.h"

enum { M = 40, D = 4 };

typedef struct regression {
    toy t;
    double X[M][D], Gamma[D][D], Lambda[D][D], w0[D];
    tw_noise_data problem;
    tw_noise_law *law;
    double H[D][D];
} regression;

// The network mlp:3-1 (three weights and a bias) with half the squared error is linear regression on (x, 1). Its
// weights are set to the exact minimum.
static void open_regression(regression *r, const tw_fluctuation_opts *opts, double l2)
{
    tw_net_opts net = toy_opts(8);
    tw_noise_opts solve = tw_noise_defaults();
    net.loss = "half-mse";
    net.l2 = l2;
    *r = (regression){0};
    toy_open(&r->t, "mlp:3-1", M, 3, 0, 1, net);
    assert_int_equal(r->t.n, D);
    for (int i = 0; i < M; i++) {
        memcpy(r->X[i], (double *)r->t.data.x + 3 * i, 3 * sizeof(double));
        r->X[i][3] = 1;
        for (int a = 0; a < D; a++)
            for (int b = 0; b < D; b++) r->H[a][b] += r->X[i][a] * r->X[i][b] / M;
    }
    for (int a = 0; a < D; a++) {
        r->H[a][a] += l2;
        r->Gamma[a][a] = l2;
        r->Lambda[a][a] = opts->lr;
    }
    r->problem = (tw_noise_data){.N = M,
                                 .D = D,
                                 .S = opts->batch,
                                 .mu = opts->momentum,
                                 .X = r->X[0],
                                 .y = r->t.data.target,
                                 .Gamma = r->Gamma[0],
                                 .Lambda = r->Lambda[0],
                                 .w0 = r->w0,
                                 .replacement = opts->replacement};
    must(tw_noise_solve_data(&r->problem, &solve, &r->law));
    assert_int_equal(r->law->status, TW_NOISE_STABLE);
    must(tw_net_set_weights(r->t.net, r->law->w_star));
}

static void close_regression(regression *r)
{
    tw_noise_law_free(r->law);
    toy_close(&r->t);
}

// v' A v along the eigenvectors of H, largest first.
static void along(const regression *r, const double *A, double *out)
{
    tw_linop *op = NULL;
    tw_spectrum *s = NULL;
    must(tw_linop_dense(D, r->H[0], &op));
    must(tw_spectrum_new(op, (tw_progress){NULL, NULL}, &s));
    for (int k = 0; k < D; k++) {
        const double *v = s->vector + k * D;
        out[k] = 0;
        for (int a = 0; a < D; a++)
            for (int b = 0; b < D; b++) out[k] += v[a] * A[a * D + b] * v[b];
    }
    tw_spectrum_free(s);
    tw_linop_free(op);
}

// Truth: Theorem 1 solved as a matrix equation (theory room) for C at the minimum. Tolerance: eigenvectors to 1e-9.
static void predictions_are_theorem_1_for_the_noise_at_the_minimum(void **state)
{
    (void)state;
    for (int without = 0; without < 2; without++) {
        regression r;
        tw_fluctuation_opts opts = tw_fluctuation_defaults();
        tw_fluctuation *f = NULL;
        tw_noise_status status;
        double Sigma[D][D], variance[D], noise[D];
        opts.lr = 0.2;
        opts.momentum = 0.6;
        opts.batch = 5;
        opts.replacement = !without;
        opts.top = D;
        opts.replicas = 4;
        opts.burn = opts.steps = 1;
        opts.tolerance = 1e-10;
        open_regression(&r, &opts, 0.1);
        must(tw_noise_lyapunov(D, opts.momentum, r.H[0], r.Lambda[0], r.law->C_at_min, &status, Sigma[0]));
        assert_int_equal(status, TW_NOISE_STABLE);
        along(&r, Sigma[0], variance);
        along(&r, r.law->C_at_min, noise);
        // The same equation for C = H/S: H of the data loss alone, which has no l2 in it; and half the mean squared
        // residual for L.
        double plain[D][D], crude[D], data_loss = 0;
        for (int a = 0; a < D; a++)
            for (int b = 0; b < D; b++) plain[a][b] = (r.H[a][b] - r.Gamma[a][b]) / (double)opts.batch;
        must(tw_noise_lyapunov(D, opts.momentum, r.H[0], r.Lambda[0], plain[0], &status, Sigma[0]));
        along(&r, Sigma[0], crude);
        for (int i = 0; i < M; i++) {
            double left = -((double *)r.t.data.target)[i];
            for (int a = 0; a < D; a++) left += r.X[i][a] * r.law->w_star[a];
            data_loss += left * left / (2 * M);
        }
        must(tw_fluctuation_new(r.t.net, &r.t.data, &opts, &f));
        for (int k = 0; k < D; k++) {
            assert_near(f->mode[k].noise, noise[k], 1e-7 * noise[0]);
            assert_near(f->mode[k].predicted, variance[k], 1e-7 * variance[0]);
            assert_true(f->mode[k].relaxation > 0 && !f->mode[k].settled);
            assert_near(f->mode[k].from_hessian, crude[k], 1e-7 * crude[0]);
            assert_near(f->mode[k].from_paper, 2 * data_loss * crude[k], 2e-7 * crude[0] * data_loss);
        }
        tw_fluctuation_free(f);
        close_regression(&r);
    }
}

// Truth: the exact stationary law of SGD on this data set (theory room). Of 8 + 8 standardised deviations none beyond
// 4.5: chance below 1e-3 for 47 degrees of freedom, and the seed is fixed. The mean is 0 exactly.
static void measured_variances_are_those_of_the_exact_law(void **state)
{
    (void)state;
    for (int without = 0; without < 2; without++) {
        regression r;
        tw_fluctuation_opts opts = tw_fluctuation_defaults();
        tw_fluctuation *f = NULL;
        double variance[D], before[D], after[D];
        opts.lr = 0.1;
        opts.momentum = 0.5;
        opts.batch = 5;
        opts.replacement = !without;
        opts.top = D;
        opts.replicas = 48;
        opts.burn = 100;
        opts.steps = 300;
        open_regression(&r, &opts, 0);
        along(&r, r.law->Sigma, variance);
        tw_net_get_weights(r.t.net, before);
        must(tw_fluctuation_new(r.t.net, &r.t.data, &opts, &f));
        tw_net_get_weights(r.t.net, after);
        assert_memory_equal(before, after, sizeof before);
        assert_true(f->gradient_norm < 1e-13 && f->diverged == 0);
        for (int k = 0; k < D; k++) {
            const tw_fluctuation_mode *m = &f->mode[k];
            assert_true(m->settled && m->converged);
            assert_true(m->variance.error < 0.1 * variance[k]);
            assert_near(m->variance.value, variance[k], 4.5 * m->variance.error);
            assert_near(m->mean.value, 0, 4.5 * m->mean.error);
        }
        assert_near(f->final_loss.value, r.law->L_data, 4.5 * f->final_loss.error);
        tw_fluctuation_free(f);
        close_regression(&r);
    }
}

static void a_step_beyond_the_limit_has_no_prediction_and_says_how_it_ended(void **state)
{
    (void)state;
    regression r;
    tw_fluctuation_opts opts = tw_fluctuation_defaults();
    tw_fluctuation *f = NULL;
    opts.top = 1;
    open_regression(&r, &opts, 0);
    opts.lr = 50;
    opts.burn = 0;
    opts.steps = 3;
    must(tw_fluctuation_new(r.t.net, &r.t.data, &opts, &f));
    assert_true(isnan(f->mode[0].predicted) && isinf(f->mode[0].relaxation) && !f->mode[0].settled);
    tw_fluctuation_free(f);
    f = NULL;
    opts.steps = 1000;
    must_fail(tw_fluctuation_new(r.t.net, &r.t.data, &opts, &f), TW_ENUMERIC, "0 of 16");
    opts.replicas = 3;
    must_fail(tw_fluctuation_new(r.t.net, &r.t.data, &opts, &f), TW_EINVAL, "at least 4");
    assert_null(f);
    close_regression(&r);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    regression r;
    tw_fluctuation_opts opts = tw_fluctuation_defaults();
    tw_fluctuation *f = NULL;
    tw_status st = TW_ENOMEM;
    opts.top = 1;
    opts.replicas = 4;
    opts.burn = opts.steps = 1;
    open_regression(&r, &opts, 0);
    for (int64_t call = 1; st == TW_ENOMEM; call++) {
        assert_null(f);
        tw_alloc_fail_at(call);
        st = tw_fluctuation_new(r.t.net, &r.t.data, &opts, &f);
        tw_alloc_fail_at(0);
        assert_true(call < 10000);
    }
    must(st);
    tw_fluctuation_free(f);
    close_regression(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_theorem_1_for_the_noise_at_the_minimum),
        cmocka_unit_test(measured_variances_are_those_of_the_exact_law),
        cmocka_unit_test(a_step_beyond_the_limit_has_no_prediction_and_says_how_it_ended),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
