// SPDX-License-Identifier: MIT
// The simulator of SGD on linear regression against the generator itself, exact second moments and exact counts.
#include "test.h"

#include "base/rng.h"
#include "sim/regression_lanes.h"
#include "theory/gamma.h"
#include "thalweg/theory_noise.h"

static const tw_regression_lanes *lanes_at(int i) { return i ? tw_regression_best() : &tw_regression_plain; }

// Truth: tw_philox, proved on published vectors elsewhere; the replica is its stream's index.
static void lanes_draw_what_the_replicas_stream_draws(void **state)
{
    (void)state;
    static uint32_t found[3][4][16];
    int64_t first = ((int64_t)1 << 33) + 64; // both halves of the index are in use
    for (int i = 0; i < 2; i++) {
        lanes_at(i)->words(0x123456789abcdefULL, first, 3, found);
        for (int lane = 0; lane < 16; lane++) {
            tw_rng rng = tw_rng_at(0x123456789abcdefULL, TW_RNG_SIM, (uint64_t)(first + lane));
            for (int word = 0; word < 12; word++) assert_int_equal(found[word / 4][word % 4][lane], tw_rng_u32(&rng));
        }
    }
}

// Truth: Box-Muller in double from the same words. Tolerance: ln within 2e-7 absolute and float rounding (6e-8) of the
// radius r: dr = d ln / r, so |dx| <= 4e-7 / max(r, 4e-4) there, plus 2e-7 r for the angle's polynomials and products.
static void normals_are_those_of_double_arithmetic(void **state)
{
    (void)state;
    enum { BLOCKS = 2000 };
    static uint32_t word[BLOCKS][4][16];
    static float x[BLOCKS * 4][16];
    for (int i = 0; i < 2; i++) {
        lanes_at(i)->words(9, 0, BLOCKS, word);
        lanes_at(i)->normals(9, 0, BLOCKS * 4, &x[0][0]);
        for (int b = 0; b < BLOCKS; b++)
            for (int pair = 0; pair < 4; pair += 2)
                for (int lane = 0; lane < 16; lane++) {
                    uint32_t p = word[b][pair][lane], q = word[b][pair + 1][lane];
                    double r = sqrt(-2 * log((p | 1) * 0x1p-32)), v = (double)(int32_t)q * 0x1p-32 * acos(-1);
                    double bound = 6e-7 / fmax(r, 4e-4) + 3e-7 * r;
                    assert_near(x[4 * b + pair][lane], (q & 1 ? -1 : 1) * r * cos(v), bound);
                    assert_near(x[4 * b + pair + 1][lane], r * sin(v), bound);
                }
    }
}

// Truth: moments of a normal, 0 1 0 3, at n = 3.2e5 draws with variances 1, 2, 15, 96. Each is tested at 4.5 standard
// errors: chance of one false alarm over 8 tests 5e-5, and the seed is fixed.
static void normals_have_the_moments_of_a_normal(void **state)
{
    (void)state;
    enum { N = 20000 };
    static float x[N * 16];
    for (int i = 0; i < 2; i++) {
        double m[4] = {0};
        const double truth[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
        lanes_at(i)->normals(11, 160, N, x);
        for (int k = 0; k < N * 16; k++) {
            double p = 1;
            for (int j = 0; j < 4; j++) m[j] += p *= (double)x[k];
        }
        for (int j = 0; j < 4; j++) assert_near(m[j] / (N * 16), truth[j], 4.5 * sqrt(variance[j] / (N * 16)));
    }
}

// Truth: the closed form of section 5 (other tests tie it to the moment map). 4.5 standard errors from independent
// replicas; burn-in 400 steps leaves rho^400 < e^-30. Gains are below 0.5, so the fourth moment is finite.
static void one_dimension_agrees_with_the_exact_variance(void **state)
{
    (void)state;
    const struct {
        int S;
        double lambda, mu;
    } row[] = {{1, 0.3, 0}, {1, 0.05, 0.8}, {2, 0.5, 0},  {3, 0.4, 0.3},
               {7, 0.6, 0}, {12, 0.5, 0},   {13, 0.8, 0}, {40, 1, 0}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        double a = 1.5, exact[4];
        tw_noise_lines lines;
        tw_regression_law *law = NULL;
        must(tw_noise_label(1, &a, row[i].lambda, row[i].S, row[i].mu, 0.7, 2, 1, &lines, exact));
        tw_regression_one in = {.S = row[i].S,
                                .replicas = 1024,
                                .burn = 400,
                                .steps = 1000,
                                .a = a,
                                .s = sqrt(0.7),
                                .lambda = row[i].lambda,
                                .mu = row[i].mu,
                                .seed = 5};
        must(tw_regression_run_one(&in, a, NULL, NULL, &law));
        assert_int_equal(law->diverged, 0);
        assert_true(law->error[0] < 0.05 * exact[0]); // power: a fault of 25 % cannot hide
        assert_near(law->Sigma[0], exact[0], 4.5 * law->error[0]);
        assert_near(law->mean, a * law->Sigma[0], 1e-12);
        tw_regression_law_free(law);
    }
}

// Truth: the exact solver on the same problem. 4.5 standard errors in each entry, 3 + 3 + 3 entries.
static void many_dimensions_agree_with_the_exact_covariance(void **state)
{
    (void)state;
    enum { D = 2, N = 6 };
    double A[] = {1, 0, 0, 0.25}, root_A[] = {1, 0, 0, 0.5}, B[] = {0.04, 0, 0, 0.09}, root_B[] = {0.2, 0, 0, 0.3};
    double none[4] = {0}, Gamma[] = {0.1, 0.05, 0.05, -0.02}, Lambda[] = {0.3, 0.1, 0.1, 0.4}, u[] = {1, -2};
    double X[] = {1, 0, -1, 1, 0.5, 2, 0, -1, 2, 0.5, -1, -1}, y[] = {1, 0, 2, -1, 0.5, 1}, w0[2] = {0};
    for (int kind = 0; kind < 3; kind++) {
        tw_noise_opts opts = tw_noise_defaults();
        tw_noise_law *exact = NULL;
        tw_regression_law *law = NULL;
        tw_regression_many in = {.D = D,
                                 .S = 3,
                                 .replicas = 256,
                                 .burn = 300,
                                 .steps = 400,
                                 .mu = 0.3,
                                 .seed = 6,
                                 .Gamma = Gamma,
                                 .Lambda = Lambda};
        if (kind == 0) {
            tw_noise_population p = {.D = D,
                                     .S = 3,
                                     .mu = 0.3,
                                     .A = A,
                                     .B = B,
                                     .Gamma = Gamma,
                                     .Lambda = Lambda,
                                     .u = u,
                                     .w0 = w0,
                                     .sigma2 = 0.25,
                                     .c1 = 2,
                                     .c2 = 1};
            must(tw_noise_solve_population(&p, &opts, &exact));
            in.root_A = root_A;
            in.root_B = root_B;
            in.u = u;
            in.sigma = 0.5;
        } else {
            Lambda[0] = Lambda[3] = 0.1;
            Lambda[1] = Lambda[2] = 0.02;
            tw_noise_data d = {.N = N,
                               .D = D,
                               .S = 3,
                               .mu = 0.3,
                               .X = X,
                               .y = y,
                               .Gamma = none,
                               .Lambda = Lambda,
                               .w0 = w0,
                               .replacement = kind == 1};
            must(tw_noise_solve_data(&d, &opts, &exact));
            in.Gamma = none;
            in.N = N;
            in.X = X;
            in.y = y;
            in.replacement = kind == 1;
        }
        assert_int_equal(exact->status, TW_NOISE_STABLE);
        in.start = in.centre = exact->w_star;
        must(tw_regression_run_many(&in, A, NULL, NULL, &law));
        for (int i = 0; i < D * D; i++) {
            assert_near(law->Sigma[i], exact->Sigma[i], 4.5 * law->error[i]);
            assert_true(law->error[i] < 0.05 * exact->tr_Sigma);
        }
        tw_regression_law_free(law);
        tw_noise_law_free(exact);
    }
}

// Truth: bytes of one thread.
static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    tw_regression_law *law[4];
    float last[4][64];
    const int threads[] = {1, 2, 3, 8};
    for (int i = 0; i < 4; i++) {
        tw_regression_one in = {.S = 14, .replicas = 64, .burn = 10, .steps = 50, .a = 1, .s = 1, .lambda = 0.2};
        must(tw_threads_set(threads[i]));
        must(tw_regression_run_one(&in, 1, NULL, last[i], &law[i]));
        assert_memory_equal(law[i]->Sigma, law[0]->Sigma, sizeof(double));
        assert_memory_equal(law[i]->error, law[0]->error, sizeof(double));
        assert_memory_equal(last[i], last[0], sizeof last[0]);
    }
    for (int i = 0; i < 4; i++) tw_regression_law_free(law[i]);
}

// Truth: mean and standard error written out from what the lanes give for each of 48 replicas. Steps are rounded up to
// whole draws: 50 are the 56 that 56 are.
static void the_error_is_the_spread_of_the_replicas(void **state)
{
    (void)state;
    enum { N = 48 };
    double each[N], mean = 0, square = 0;
    float last[N];
    tw_mean_square fit;
    tw_regression_law *law = NULL, *whole = NULL;
    tw_regression_one in = {.S = 14, .replicas = N, .burn = 8, .steps = 56, .a = 1, .s = 1, .lambda = 0.2, .seed = 3};
    must(tw_mean_square_fit(in.S, &fit));
    for (int i = 0; i < N; i += 16) tw_regression_best()->one(&in, &fit, i, each + i, last + i);
    for (int i = 0; i < N; i++) mean += each[i] / N;
    for (int i = 0; i < N; i++) square += (each[i] - mean) * (each[i] - mean);
    must(tw_regression_run_one(&in, 1, NULL, NULL, &whole));
    assert_near(whole->Sigma[0], mean, 1e-13 * mean);
    assert_near(whole->error[0], sqrt(square / (N - 1) / N), 1e-12 * whole->error[0]);
    in.burn = 7;
    in.steps = 50;
    must(tw_regression_run_one(&in, 1, NULL, NULL, &law));
    assert_memory_equal(law->Sigma, whole->Sigma, sizeof(double));
    tw_regression_law_free(law);
    tw_regression_law_free(whole);
}

// Truth: a Pareto sample x = U^(-1/beta) has Hill estimates that are Gamma means; 4.5 standard errors of beta/sqrt(k).
static void hill_recovers_the_index_of_a_pareto_sample(void **state)
{
    (void)state;
    enum { N = 100000, K = 5000 };
    static float x[N];
    tw_rng rng = tw_rng_at(12, TW_RNG_TEST, 0);
    tw_hill hill;
    for (int i = 0; i < N; i++) x[i] = (float)pow(1 - tw_rng_uniform(&rng), -1 / 1.7);
    must(tw_hill_estimate(N, x, K, &hill));
    assert_near(hill.beta, 1.7, 4.5 * 1.7 / sqrt(K));
    assert_near(hill.high - hill.low, 2 * 1.96 * hill.beta / sqrt(K), 1e-12);
    must_fail(tw_hill_estimate(N, x, N, &hill), TW_EINVAL, "k: found 100000");
}

static void bad_input_is_named(void **state)
{
    (void)state;
    tw_regression_law *law = NULL;
    tw_regression_one in = {.S = 1, .replicas = 17, .burn = 0, .steps = 1, .a = 1, .s = 1, .lambda = 0.1};
    must_fail(tw_regression_run_one(&in, 1, NULL, NULL, &law), TW_EINVAL, "replicas: found 17");
    in.replicas = 16;
    in.mu = 1;
    must_fail(tw_regression_run_one(&in, 1, NULL, NULL, &law), TW_EINVAL, "momentum: found 1");
    const double X[] = {1, 2, 3}, one = 1, none = 0;
    tw_regression_many data = {.D = 1,
                               .S = 4,
                               .N = 3,
                               .replicas = 16,
                               .steps = 1,
                               .X = X,
                               .y = X,
                               .Gamma = &none,
                               .Lambda = &one,
                               .start = &none,
                               .centre = &none};
    must_fail(tw_regression_run_many(&data, &one, NULL, NULL, &law), TW_EINVAL,
              "batch: found 4, expected at most the 3");
    assert_null(law);
}

// Truth: outside the gradient descent limit every replica overflows; none is in the means, and they are 0, not NaN.
static void replicas_that_diverge_are_counted_not_averaged(void **state)
{
    (void)state;
    tw_regression_law *law = NULL;
    tw_regression_one in = {.S = 64, .replicas = 32, .burn = 0, .steps = 2000, .a = 1, .s = 1, .lambda = 4};
    must(tw_regression_run_one(&in, 1, NULL, NULL, &law));
    assert_int_equal(law->diverged, 32);
    assert_true(law->Sigma[0] == 0 && law->error[0] == 0);
    tw_regression_law_free(law);
}

// Truth: moments of chi^2_S / S, 1, 1 + 2/S, (1 + 2/S)(1 + 4/S), against the polynomial's, summed over a normal by the
// midpoint rule (spectrally exact for such integrands; beyond 8 standard deviations lies 1e-15). Tolerance: |r^2 - q|
// is at most 5e-6 (1 + q) by contract within 4 standard deviations, so the k-th moment is off by at most
// k 5e-6 E q^(k-1) (1 + q), and by less than a thousandth of that for the 6e-5 of draws beyond; rounding of fourteen
// coefficients to float adds as much as 14 x 6e-8 x 2 k.
static void the_polynomial_has_the_moments_of_chi_squared(void **state)
{
    (void)state;
    static const int64_t size[] = {3, 4, 5, 8, 16, 64, 1024, 100000, 100001, INT32_MAX};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        tw_mean_square fit;
        must(tw_mean_square_fit(size[i], &fit));
        assert_true(fit.off <= 5e-6);
        double S = (double)size[i], truth[] = {1, 1, 1 + 2 / S, (1 + 2 / S) * (1 + 4 / S)}, m[4] = {0}, all = 0;
        for (double n = -6.7; n < 6.7; n += 1e-3) {
            double r = 0, density = exp(-n * n / 2), p = density;
            for (int k = fit.degree; k >= 0; k--) r = r * n + (double)fit.c[k];
            for (int k = 0; k < 4; k++, p *= r * r) m[k] += p;
            all += density;
        }
        for (int k = 1; k < 4; k++)
            assert_near(m[k] / all, truth[k], k * (5e-6 * (truth[k - 1] + truth[k]) + 2e-6 * truth[k]));
        if (S <= 1024) // power: a spread wrong by 0.1 % cannot hide
            assert_near(m[2] / all - m[1] * m[1] / (all * all), 2 / S, 1e-3 * 2 / S + 4e-5);
    }
}

// Truth: the tail of chi^2_S, proved elsewhere: it is to be the normal's at every n, off by no more than the density
// times what the contract allows, and rounding of a sum of terms up to a few hundred times the root.
static void the_polynomial_keeps_the_quantiles_of_chi_squared(void **state)
{
    (void)state;
    static const int64_t size[] = {3, 4, 8, 40, 300};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        tw_mean_square fit;
        must(tw_mean_square_fit(size[i], &fit));
        for (double n = -6.6; n < 6.61; n += 0.2) {
            double r = 0, S = (double)size[i];
            for (int k = fit.degree; k >= 0; k--) r = r * n + (double)fit.c[k];
            double q = r * r, may = (5e-6 * exp(2 * fmax(0, fabs(n) - 4)) + 1e-6) * (1 + q);
            double above = 0.5 * erfc(n / sqrt(2)), below = 0.5 * erfc(-n / sqrt(2));
            assert_true(tw_chi2_tail(S, S * (q + may)) <= above * (1 + 1e-9));
            if (n < 0) // 1 - tail has lost its digits by then
                assert_true(q <= may || 1 - tw_chi2_tail(S, S * (q - may)) <= below + 1e-13);
            else
                assert_true(tw_chi2_tail(S, S * fmax(0, q - may)) >= above * (1 - 1e-9));
        }
    }
}

// Truth: in double from the words themselves: radius sqrt(-2 ln u), u = (word | 1)/2^32, direction k of 2^15 on the
// right half of the circle, mirrored by the sixteenth bit. Tolerance: as for the other normals.
static void coarse_pairs_are_those_of_double_arithmetic(void **state)
{
    (void)state;
    enum { ROUNDS = 300 };
    static uint32_t word[ROUNDS * 3][4][16];
    static float x[ROUNDS * 8][16], y[ROUNDS * 8][16];
    for (int i = 0; i < 2; i++) {
        lanes_at(i)->words(9, 32, ROUNDS * 3, word);
        lanes_at(i)->pairs(9, NULL, 32, ROUNDS * 8, &x[0][0], &y[0][0]);
        for (int t = 0; t < ROUNDS * 8; t++)
            for (int lane = 0; lane < 16; lane++) {
                int first = t / 8 * 3, at = t % 8;
                uint32_t p = word[first + at / 4][at % 4][lane], both = word[first + 2][at / 2][lane];
                uint32_t q = at % 2 ? both >> 16 : both & 0xFFFF;
                double r = sqrt(-2 * log((p | 1) * 0x1p-32)),
                       v = ((double)(q & 0x7FFF) * 0x1p-14 - 1 + 0x1p-15) * acos(-1) / 2;
                double bound = 6e-7 / fmax(r, 4e-4) + 4e-7 * r;
                assert_near(x[t][lane], (q >> 15 ? -1 : 1) * r * cos(v), bound);
                assert_near(y[t][lane], r * sin(v), bound);
            }
    }
}

// Truth: the step as the file's head has it, in double from the words: x^2 = E (1 + cos phi), x e = E sin phi, phi/2
// the angle. Cosine and sine changed about would have the same law and other numbers.
static void a_batch_of_one_steps_as_its_formula_says(void **state)
{
    (void)state;
    static uint32_t word[2][4][16];
    const double a = 1.5, s = 0.7, lambda = 0.3;
    for (int i = 0; i < 4; i++) {
        double square[16], mu = i / 2 * 0.6, gamma = i / 2 * 0.2, delta = i / 2 * -0.4;
        float last[16];
        tw_regression_one in = {.S = 1,
                                .replicas = 16,
                                .steps = 4,
                                .a = a,
                                .s = s,
                                .lambda = lambda,
                                .mu = mu,
                                .gamma = gamma,
                                .delta = delta,
                                .seed = 77};
        lanes_at(i % 2)->words(77, 0, 2, word);
        lanes_at(i % 2)->one(&in, NULL, 0, square, last);
        for (int lane = 0; lane < 16; lane++) {
            double w = 0, m = 0, sum = 0;
            for (int t = 0; t < 4; t++) {
                uint32_t p = word[t / 2][t % 2 * 2][lane], q = word[t / 2][t % 2 * 2 + 1][lane];
                double E = -log((p | 1) * 0x1p-32), v = (double)(int32_t)q * 0x1p-32 * acos(-1);
                double x2 = E * (1 + (q & 1 ? -1 : 1) * cos(v)), xe = E * sin(v);
                // The sign of the noise is a matter of course in its law, not in these numbers.
                m = mu * m + (a * x2 + gamma) * w + a * delta * (x2 - 1) + (i < 2 ? -1 : 1) * s * sqrt(a) * xe;
                w -= lambda * m;
                sum += w * w / 4;
            }
            assert_near(last[lane], w, 1e-5 * (fabs(w) + 0.1)); // 60 operations in float on numbers up to 22
            assert_near(square[lane], sum, 2e-5 * (sum + 0.1));
        }
    }
}

// Truth: batches from three on, in double from the pairs of normals that the lanes draw: q = r(n)^2, and the momentum
// form of the head, with everything in it that there is.
static void batches_step_as_their_formula_says(void **state)
{
    (void)state;
    static const int64_t size[] = {3, 4, 8, 20, 64, 1024};
    static float root[16][16], normal[16][16];
    for (int i = 0; i < 24; i++) {
        const int64_t S = size[i / 4];
        const bool plain = i % 2;
        double square[16], a = 1.5, s = 0.7, lambda = 0.3, mu = plain ? 0 : 0.6, gamma = plain ? 0 : 0.2,
                           delta = plain ? 0 : -0.4;
        float last[16];
        tw_mean_square fit;
        tw_regression_one in = {.S = S,
                                .replicas = 16,
                                .burn = 8,
                                .steps = 8,
                                .a = a,
                                .s = s,
                                .lambda = lambda,
                                .mu = mu,
                                .gamma = gamma,
                                .delta = delta,
                                .seed = 78};
        must(tw_mean_square_fit(S, &fit));
        lanes_at(i / 2 % 2)->pairs(78, &fit, 32, 16, &root[0][0], &normal[0][0]);
        lanes_at(i / 2 % 2)->one(&in, &fit, 32, square, last);
        for (int lane = 0; lane < 16; lane++) {
            double w = 0, m = 0, sum = 0;
            for (int t = 0; t < 16; t++) {
                double r = (double)root[t][lane], q = r * r,
                       noise = s * sqrt(a / (double)S) * r * (double)normal[t][lane];
                m = mu * m + (a * q + gamma) * w + a * delta * (q - 1) + (plain ? -1 : 1) * noise;
                w -= lambda * m;
                sum += t < 8 ? 0 : w * w / 8;
            }
            assert_near(last[lane], w, 2e-5 * (fabs(w) + 0.1)); // 200 operations in float, contracting
            assert_near(square[lane], sum, 4e-5 * (sum + 0.1));
        }
    }
}

// Truth: the exact solver. The predictor is not the best one (delta != 0) and there is no label noise, so all that
// fluctuates comes of delta (q - 1): without the -1 the mean would move by a delta/(a + gamma), three times the spread.
static void decay_in_one_dimension_agrees_with_the_exact_variance(void **state)
{
    (void)state;
    const int64_t batch[] = {1, 2, 3, 8, 64};
    const double momentum[] = {0, 0.4};
    for (int i = 0; i < 10; i++) {
        const double A = 1, none = 0, Gamma = 0.5, Lambda = 0.15, u = 2;
        tw_noise_opts opts = tw_noise_defaults();
        tw_noise_law *exact = NULL;
        tw_regression_law *law = NULL;
        tw_noise_population p = {.D = 1,
                                 .S = batch[i / 2],
                                 .mu = momentum[i % 2],
                                 .A = &A,
                                 .B = &none,
                                 .Gamma = &Gamma,
                                 .Lambda = &Lambda,
                                 .u = &u,
                                 .w0 = &none,
                                 .c1 = 2,
                                 .c2 = 1};
        must(tw_noise_solve_population(&p, &opts, &exact));
        assert_true(exact->gain < 0.5);
        tw_regression_one in = {.S = p.S,
                                .replicas = 1024,
                                .burn = 200,
                                .steps = 400,
                                .a = 1,
                                .lambda = Lambda,
                                .mu = p.mu,
                                .gamma = Gamma,
                                .delta = exact->w_star[0] - u,
                                .seed = 8 + (uint64_t)i};
        must(tw_regression_run_one(&in, 1, NULL, NULL, &law));
        assert_true(law->error[0] < 0.03 * exact->Sigma[0]);
        assert_near(law->Sigma[0], exact->Sigma[0], 4.5 * law->error[0]);
        tw_regression_law_free(law);
        tw_noise_law_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_draw_what_the_replicas_stream_draws),
        cmocka_unit_test(normals_are_those_of_double_arithmetic),
        cmocka_unit_test(normals_have_the_moments_of_a_normal),
        cmocka_unit_test(one_dimension_agrees_with_the_exact_variance),
        cmocka_unit_test(many_dimensions_agree_with_the_exact_covariance),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(the_error_is_the_spread_of_the_replicas),
        cmocka_unit_test(hill_recovers_the_index_of_a_pareto_sample),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(replicas_that_diverge_are_counted_not_averaged),
        cmocka_unit_test(the_polynomial_has_the_moments_of_chi_squared),
        cmocka_unit_test(the_polynomial_keeps_the_quantiles_of_chi_squared),
        cmocka_unit_test(coarse_pairs_are_those_of_double_arithmetic),
        cmocka_unit_test(a_batch_of_one_steps_as_its_formula_says),
        cmocka_unit_test(batches_step_as_their_formula_says),
        cmocka_unit_test(decay_in_one_dimension_agrees_with_the_exact_variance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
