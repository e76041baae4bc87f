// SPDX-License-Identifier: MIT
// Whole matrices against matrices built another way: a network written out here in complex arithmetic. With step i h
// the derivative of an analytic function is Im f(x + i h) / h without any cancellation (complex step, Squire & Trapp,
// SIAM Review 40 (1998) 110), so with h = 1e-30 the Hessian is exact to rounding.
#include "curv/toy.h"

#include <complex.h>

enum { I0 = 5, H1 = 6, H2 = 4, OUT = 3, M = 23, N = I0 * H1 + H1 + H1 * H2 + H2 + H2 * OUT + OUT };

// Gradient of the mean cross-entropy of a 5-6-4-3 tanh network at complex weights, by plain backpropagation.
static void gradient(const double complex *w, const double *x, const int32_t *label, double complex *g)
{
    static const int width[4] = {I0, H1, H2, OUT};
    for (int j = 0; j < N; j++) g[j] = 0;
    for (int i = 0; i < M; i++) {
        double complex a[4][H1], d[H1], back[H1], sum = 0;
        for (int f = 0; f < I0; f++) a[0][f] = x[i * I0 + f];
        const double complex *at = w;
        for (int l = 1; l < 4; l++) {
            for (int o = 0; o < width[l]; o++) {
                a[l][o] = at[width[l] * width[l - 1] + o];
                for (int f = 0; f < width[l - 1]; f++) a[l][o] += at[o * width[l - 1] + f] * a[l - 1][f];
                if (l < 3) a[l][o] = ctanh(a[l][o]);
            }
            at += width[l] * (width[l - 1] + 1);
        }
        for (int o = 0; o < OUT; o++) sum += cexp(a[3][o]);
        for (int o = 0; o < OUT; o++) d[o] = (cexp(a[3][o]) / sum - (o == label[i])) / M;
        double complex *gat = g + N;
        for (int l = 3; l > 0; l--) {
            int in = width[l - 1];
            at -= width[l] * (in + 1);
            gat -= width[l] * (in + 1);
            for (int f = 0; f < in; f++) back[f] = 0;
            for (int o = 0; o < width[l]; o++) {
                gat[width[l] * in + o] += d[o];
                for (int f = 0; f < in; f++) {
                    gat[o * in + f] += d[o] * a[l - 1][f];
                    back[f] += d[o] * at[o * in + f];
                }
            }
            for (int f = 0; f < in; f++) d[f] = back[f] * (1 - a[l - 1][f] * a[l - 1][f]);
        }
    }
}

static void the_whole_hessian_is_the_complex_step_of_the_gradient(void **state)
{
    (void)state;
    toy t;
    tw_net_opts opts = toy_opts(8);
    double *unit = NULL, *found = NULL, largest = 0;
    static double complex w[N], g[N];
    static double truth[N][N];
    opts.shard = 7;
    toy_open(&t, "mlp:5-6-4-3,act=tanh", M, I0, OUT, 0, opts);
    assert_int_equal(t.n, N);
    must(tw_alloc(N * N, sizeof *unit, &unit));
    must(tw_alloc(N * N, sizeof *found, &found));
    for (int j = 0; j < N; j++) {
        unit[j * N + j] = 1;
        for (int i = 0; i < N; i++) w[i] = t.w[i] + (i == j ? 1e-30 * I : 0);
        gradient(w, t.data.x, t.data.label, g);
        for (int i = 0; i < N; i++) {
            truth[j][i] = cimag(g[i]) / 1e-30;
            largest = fmax(largest, fabs(truth[j][i]));
        }
    }
    toy_product(&t, tw_curv_defaults(), N, unit, found);
    for (int j = 0; j < N; j++)
        for (int i = 0; i < N; i++) {
            assert_near(found[j * N + i], truth[j][i], 1e-13 * largest);
            assert_near(found[j * N + i], found[i * N + j], 1e-13 * largest);
        }
    free(unit), free(found);
    toy_close(&t);
}

// Truth: labels drawn from the model make E[M] = G. The mean over 400 drawings of v'Mv must lie within
// 4.5 standard errors of v'Gv (one in 150,000 by chance).
static void the_sampled_fisher_averages_to_the_fisher(void **state)
{
    (void)state;
    static const char *const losses[] = {"xent", "half-mse", "logistic"};
    for (int l = 0; l < 3; l++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        opts.loss = losses[l];
        toy_open(&t, l == 2 ? "mlp:5-4-1,act=tanh" : "mlp:5-4-2,act=tanh", M, I0, 2, 0, opts);
        double *v = NULL, *gv = NULL, mean = 0, square = 0;
        tw_rng rng = tw_rng_at(2, TW_RNG_TEST, 0);
        must(tw_alloc(t.n, sizeof *v, &v));
        must(tw_alloc(t.n, sizeof *gv, &gv));
        tw_rng_normals(&rng, t.n, v);
        tw_curv_opts c = tw_curv_defaults();
        c.matrix = "fisher";
        toy_product(&t, c, 1, v, gv);
        double truth = dot(t.n, v, gv);
        c.matrix = "fisher-sampled";
        enum { DRAWS = 400 };
        for (int i = 0; i < DRAWS; i++) {
            c.seed = (uint64_t)i;
            toy_product(&t, c, 1, v, gv);
            double q = dot(t.n, v, gv);
            mean += q / DRAWS;
            square += q * q / DRAWS;
        }
        assert_near(mean, truth, 4.5 * sqrt((square - mean * mean) / DRAWS));
        assert_true(sqrt((square - mean * mean) / DRAWS) < 0.1 * truth); // else the test could not fail
        free(v), free(gv);
        toy_close(&t);
    }
}

// Truth: gradients of single samples, and M v = (1/m) sum g_i (g_i . v).
static void directional_derivatives_are_those_of_single_samples(void **state)
{
    (void)state;
    enum { K = 11 };
    toy t;
    double *v = NULL, *c = NULL, *g = NULL;
    toy_open(&t, "mlp:5-6-4-3,act=softplus", M, I0, OUT, 0, toy_opts(8));
    must(tw_alloc(K * t.n, sizeof *v, &v));
    must(tw_alloc(K * M, sizeof *c, &c));
    must(tw_alloc(t.n, sizeof *g, &g));
    tw_rng rng = tw_rng_at(3, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, K * t.n, v);
    must(tw_directional(t.net, &t.data, K, v, c));
    for (int64_t i = 0; i < M; i++) {
        tw_data one = t.data;
        tw_loss_value value;
        one.m = 1;
        one.x = (double *)t.data.x + i * I0;
        one.label = t.data.label + i;
        must(tw_loss(t.net, &one, g, NULL, &value));
        for (int k = 0; k < K; k++)
            assert_near(c[i * K + k], dot(t.n, g, v + k * t.n), 1e-13 * norm2(t.n, g) * norm2(t.n, v + k * t.n));
    }
    free(v), free(c), free(g);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_hessian_is_the_complex_step_of_the_gradient),
        cmocka_unit_test(the_sampled_fisher_averages_to_the_fisher),
        cmocka_unit_test(directional_derivatives_are_those_of_single_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
