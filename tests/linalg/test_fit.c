// SPDX-License-Identifier: MIT
// Coefficients and standard errors against those that were put in.
#include "test.h"

#include "base/rng.h"
#include "linalg/fit.h"

enum { ROWS = 24, COLUMNS = 3 };

// Sizes of the cost model: flops, bytes, messages; seconds for each.
static const double truth[COLUMNS] = {1e-11, 4e-10, 3e-5};

static void rows(double *x, double *y)
{
    for (int i = 0; i < ROWS; i++) {
        x[3 * i] = i % 3 == 0 ? 0 : 1e9 * (1 + i % 5);
        x[3 * i + 1] = i % 4 == 0 ? 0 : 1e6 * (1 + i % 7);
        x[3 * i + 2] = 1 + i % 6;
        y[i] = 0;
        for (int j = 0; j < COLUMNS; j++) y[i] += truth[j] * x[3 * i + j];
    }
}

// Rounding: the columns have condition below 100, squared in the normal equations.
static void exact_data_give_the_coefficients(void **state)
{
    (void)state;
    double x[ROWS * COLUMNS], y[ROWS], b[COLUMNS], error[COLUMNS], rms, most;
    bool known[COLUMNS];
    rows(x, y);
    must(tw_fit_relative(ROWS, COLUMNS, x, y, b, error, known, &rms, &most));
    for (int j = 0; j < COLUMNS; j++) {
        assert_true(known[j]);
        assert_near(b[j], truth[j], 1e4 * ROWS * DBL_EPSILON * truth[j]);
    }
    assert_near(most, 0, 1e4 * ROWS * DBL_EPSILON);
}

// Over many draws of errors of 5 %: the mean is the truth, and the spread is what the standard errors say. Four and
// five standard deviations of the mean and of the spread of 2,000 draws.
static void standard_errors_are_the_spread_over_draws(void **state)
{
    (void)state;
    enum { DRAWS = 2000 };
    double x[ROWS * COLUMNS], y[ROWS], noisy[ROWS], sum[COLUMNS] = {0}, square[COLUMNS] = {0}, said[COLUMNS] = {0};
    rows(x, y);
    for (int d = 0; d < DRAWS; d++) {
        double b[COLUMNS], error[COLUMNS], rms, most;
        bool known[COLUMNS];
        tw_rng rng = tw_rng_at(3, TW_RNG_TEST, (uint64_t)d);
        for (int i = 0; i < ROWS; i++) noisy[i] = y[i] * (1 + 0.01 * tw_rng_normal(&rng));
        must(tw_fit_relative(ROWS, COLUMNS, x, noisy, b, error, known, &rms, &most));
        for (int j = 0; j < COLUMNS; j++) {
            sum[j] += b[j] / truth[j] - 1;
            square[j] += pow(b[j] / truth[j] - 1, 2);
            said[j] += pow(error[j] / truth[j], 2);
        }
    }
    for (int j = 0; j < COLUMNS; j++) {
        double mean = sum[j] / DRAWS, spread = square[j] / DRAWS - mean * mean;
        assert_near(said[j] / DRAWS / spread, 1, 5 * sqrt(2.0 / DRAWS) + 0.01); // and 1 % for weights that are drawn
        assert_near(mean, 0, 4 * sqrt(spread / DRAWS) + 5e-4);                  // likewise: of the order of 0.01^2
    }
}

static void columns_of_zeros_are_not_known(void **state)
{
    (void)state;
    const double x[] = {2, 0, 0, 3, 0, 0, 5, 0, 0}, y[] = {4, 6, 10};
    double b[COLUMNS], error[COLUMNS], rms, most;
    bool known[COLUMNS];
    must(tw_fit_relative(3, COLUMNS, x, y, b, error, known, &rms, &most));
    assert_near(b[0], 2, 16 * DBL_EPSILON);
    assert_true(known[0] && !known[1] && !known[2] && b[1] == 0 && error[2] == 0);
}

static void what_cannot_be_fitted_is_said(void **state)
{
    (void)state;
    const double x[] = {1, 2, 2, 4, 3, 6}, y[] = {1, 2, 3}, bad[] = {1, 0, 3};
    double b[2], error[2], rms, most;
    bool known[2];
    must_fail(tw_fit_relative(3, 2, x, bad, b, error, known, &rms, &most), TW_EINVAL, "row 1");
    must_fail(tw_fit_relative(1, 2, x, y, b, error, known, &rms, &most), TW_EINVAL, "found 1 rows");
    assert_int_equal(tw_fit_relative(3, 2, x, y, b, error, known, &rms, &most), TW_ENUMERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_data_give_the_coefficients),
        cmocka_unit_test(standard_errors_are_the_spread_over_draws),
        cmocka_unit_test(columns_of_zeros_are_not_known),
        cmocka_unit_test(what_cannot_be_fitted_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
