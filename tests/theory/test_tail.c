// SPDX-License-Identifier: MIT
// Estimates of tails against laws whose tail is known, and tests against their promised size and stated power.
#include "test.h"

#include "base/alloc.h"
#include "theory/tail.h"

enum { M = 400 };

static double normal(tw_rng *rng) { return tw_rng_normal(rng); }
static double uniform(tw_rng *rng) { return 1 - tw_rng_uniform(rng); } // (0, 1]
static double pareto(tw_rng *rng, double index) { return pow(uniform(rng), -1 / index); }
static double cauchy(tw_rng *rng) { return tan(3.14159265358979324 * (tw_rng_uniform(rng) - 0.5)); }
static double student3(tw_rng *rng)
{
    double q = 0;
    for (int i = 0; i < 3; i++) q += pow(normal(rng), 2);
    return normal(rng) / sqrt(q / 3);
}

// Truth: draws with P(x > v) = v^-index have this index. Over 60 data sets the mean of the estimates is within four of
// its standard errors plus the bias of choosing the threshold, measured at 4 % (200 data sets); and the interval of two
// standard errors covers in at least 47 of 60: were it 90 % honest, 47 or fewer would come once in 500 (binomial).
static void the_index_of_a_power_law_is_found_and_its_interval_covers(void **state)
{
    (void)state;
    const double index[] = {1, 2, 3.5};
    for (int t = 0; t < 3; t++) {
        double x[M], sum = 0, square = 0;
        int covered = 0, sets = 60;
        for (int s = 0; s < sets; s++) {
            tw_rng rng = tw_rng_at(1, TW_RNG_TEST, (uint64_t)(100 * t + s));
            tw_tail_power tail;
            for (int i = 0; i < M; i++) x[i] = 3 * pareto(&rng, index[t]);
            must(tw_tail_fit_power(M, x, 30, &rng, &tail));
            sum += tail.index / index[t];
            square += pow(tail.index / index[t], 2);
            covered += fabs(tail.index - index[t]) <= 2 * tail.error;
        }
        double mean = sum / sets, error = sqrt((square / sets - mean * mean) / sets);
        assert_near(mean, 1, 4 * error + 0.04);
        assert_true(covered >= 47);
    }
}

// The size of the test, where it is true: a power law beyond a body that is none (draws below 1 are uniform there).
// Truth: p <= 1/10 in about a tenth of the data sets; 60 of them, so 14 or more would come once in 500.
static void a_true_power_law_is_rarely_called_none(void **state)
{
    (void)state;
    int called = 0;
    for (int s = 0; s < 60; s++) {
        double x[M];
        tw_rng rng = tw_rng_at(2, TW_RNG_TEST, (uint64_t)s);
        tw_tail_power tail;
        for (int i = 0; i < M; i++) x[i] = tw_rng_uniform(&rng) < 0.5 ? uniform(&rng) : pareto(&rng, 2.5);
        must(tw_tail_fit_power(M, x, 49, &rng, &tail));
        called += tail.fit <= 0.1;
        assert_true(tail.fit > 0 && tail.fit <= 1);
    }
    assert_true(called < 14);
}

// Its power: sizes of Gaussian noise in one dimension, |z|, 2,000 draws: no power law. Called so in nine
// of ten (measured over 200); were it so, 13 or fewer of 20 would come once in 400.
static void a_gaussian_tail_is_called_no_power_law(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    double *x = malloc(MANY * sizeof *x);
    int called = 0;
    for (int s = 0; s < 20; s++) {
        tw_rng rng = tw_rng_at(3, TW_RNG_TEST, (uint64_t)s);
        tw_tail_power tail;
        for (int i = 0; i < MANY; i++) x[i] = fabs(normal(&rng)) + 1e-9;
        must(tw_tail_fit_power(MANY, x, 19, &rng, &tail));
        called += tail.fit <= 0.1;
    }
    free(x);
    assert_true(called >= 14);
}

// Truth: percentage points of the modified A^2 with mean and variance estimated: 0.631, 0.752, 1.035 at 10, 5 and 1 %
// (Stephens 1986, table 4.7, which has three digits; the p-value formulas of table 4.9 are fits good to 2 %).
static void percentage_points_are_stephens(void **state)
{
    (void)state;
    int64_t many = (int64_t)1 << 40;
    assert_near(tw_tail_gaussian_p(0.631, many), 0.10, 0.002);
    assert_near(tw_tail_gaussian_p(0.752, many), 0.05, 0.001);
    assert_near(tw_tail_gaussian_p(1.035, many), 0.01, 0.0003);
    double before = 1;
    for (double a = 0.01; a < 12; a += 0.01) {
        assert_true(tw_tail_gaussian_p(a, many) <= before + 2e-3); // the four pieces join to 2e-3
        before = tw_tail_gaussian_p(a, many);
    }
}

static int rejected(int sets, int64_t n, int64_t k, uint64_t seed, double (*law)(tw_rng *), double shared)
{
    int count = 0;
    double *x = malloc((size_t)(n * k) * sizeof *x), p;
    for (int s = 0; s < sets; s++) {
        tw_rng rng = tw_rng_at(seed, TW_RNG_TEST, (uint64_t)s);
        for (int64_t i = 0; i < n; i++) {
            double common = law(&rng);
            for (int64_t c = 0; c < k; c++) x[i * k + c] = 5 + 3 * (shared * common + (1 - shared) * law(&rng));
        }
        must(tw_tail_test_gaussian(n, k, x, &p));
        count += p <= 0.05;
    }
    free(x);
    return count;
}

// Size 5 %: 400 tests of one column reject 20 on average, 38 or more once in 10,000; of four columns that are nearly
// one, Bonferroni rejects at most as often.
static void gaussian_noise_is_called_gaussian(void **state)
{
    (void)state;
    int one = rejected(400, 100, 1, 4, normal, 0);
    assert_true(one < 38 && one > 6); // 6 or fewer: once in 5,000
    assert_true(rejected(400, 100, 4, 5, normal, 0.9) < 38);
    assert_true(rejected(400, 100, 4, 6, normal, 0) < 38);
}

// Power: Student's t with three degrees of freedom, whose variance is finite, at 200 draws; and the exponential.
static void noise_of_another_law_is_called_so(void **state)
{
    (void)state;
    assert_true(rejected(50, 200, 2, 7, student3, 0) >= 48);
    assert_int_equal(rejected(50, 200, 2, 8, uniform, 0), 50);
}

// Truth: the Cauchy law is stable of index 1, the Gaussian of index 2. Within four standard errors, which the jackknife
// gives; and those are small enough to tell the two apart.
static void indices_of_stable_laws_are_found(void **state)
{
    (void)state;
    enum { N = 2000, K = 2 };
    double *x = malloc(N * K * sizeof *x), alpha, error;
    tw_rng rng = tw_rng_at(9, TW_RNG_TEST, 0);
    for (int i = 0; i < N * K; i++) x[i] = 7 * cauchy(&rng);
    must(tw_tail_stable(N, K, x, 10, &alpha, &error));
    assert_near(alpha, 1, 4 * error);
    assert_true(error < 0.1);
    for (int i = 0; i < N * K; i++) x[i] = 7 * normal(&rng);
    must(tw_tail_stable(N, K, x, 10, &alpha, &error));
    assert_near(alpha, 2, 4 * error);
    assert_true(error < 0.2);
    free(x);
}

static void what_cannot_be_judged_is_refused(void **state)
{
    (void)state;
    double x[M], alpha, error;
    tw_tail_power tail;
    tw_rng rng = tw_rng_at(10, TW_RNG_TEST, 0);
    for (int i = 0; i < M; i++) x[i] = 1;
    must_fail(tw_tail_fit_power(49, x, 9, &rng, &tail), TW_EINVAL, "found 49 draws");
    must_fail(tw_tail_fit_power(M, x, 9, &rng, &tail), TW_ENUMERIC, "all the same");
    x[7] = -1;
    must_fail(tw_tail_fit_power(M, x, 9, &rng, &tail), TW_ENUMERIC, "draw 7: found -1");
    must_fail(tw_tail_test_gaussian(7, 1, x, &alpha), TW_EINVAL, "at least 8");
    must_fail(tw_tail_stable(39, 1, x, 10, &alpha, &error), TW_EINVAL, "four times");
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    double x[M], p, e;
    tw_tail_power tail;
    tw_rng rng = tw_rng_at(11, TW_RNG_TEST, 0);
    for (int i = 0; i < M; i++) x[i] = pareto(&rng, 2);
    for (int i = 1; i <= 3; i++) {
        tw_alloc_fail_at(i);
        assert_int_equal(tw_tail_fit_power(M, x, 2, &rng, &tail), TW_ENOMEM);
    }
    tw_alloc_fail_at(1);
    assert_int_equal(tw_tail_test_gaussian(M, 1, x, &p), TW_ENOMEM);
    tw_alloc_fail_at(1);
    assert_int_equal(tw_tail_stable(M, 1, x, 10, &p, &e), TW_ENOMEM);
    tw_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_of_a_power_law_is_found_and_its_interval_covers),
        cmocka_unit_test(a_true_power_law_is_rarely_called_none),
        cmocka_unit_test(a_gaussian_tail_is_called_no_power_law),
        cmocka_unit_test(percentage_points_are_stephens),
        cmocka_unit_test(gaussian_noise_is_called_gaussian),
        cmocka_unit_test(noise_of_another_law_is_called_so),
        cmocka_unit_test(indices_of_stable_laws_are_found),
        cmocka_unit_test(what_cannot_be_judged_is_refused),
        cmocka_unit_test(failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
