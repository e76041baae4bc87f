// SPDX-License-Identifier: MIT
// Whole networks whose convolutions are made without patches (net/op_conv_direct.c).
//
// Truth: the same network on the reference table in double, which makes patches and multiplies them in plain loops.
// Sums are the same but for their order: results may differ by rounding, which for the few thousand terms of a number
// stays below 1e4 eps of the largest one in double. In float the terms of one sum (at most 1,100 here) times
// FLT_EPSILON bound what one layer adds, and three layers stand on each other; a term left out changes far more than
// that.
#include "net/on_tables.h"

#include <float.h>
#include <math.h>

enum { MOST = 7 };

static void compare(const char *model, const char *matrix, const char *table, int real, int64_t k, double bound)
{
    int64_t n = 0;
    double *truth = products(model, matrix, "ref64", 8, k, &n), *found = products(model, matrix, table, real, k, &n);
    double most = 0, gradient = 0;
    for (int64_t i = 0; i < n * k; i++) most = fmax(most, fabs(truth[i]));
    for (int64_t i = n * k; i < n * (k + 1); i++) gradient = fmax(gradient, fabs(truth[i]));
    assert_true(most > 0 && gradient > 0);
    for (int64_t i = 0; i < n * (k + 1); i++) assert_near(found[i], truth[i], bound * (i < n * k ? most : gradient));
    free(truth);
    free(found);
}

static const char *const models[] = {
    "seq:conv(16,3,pad=same) tanh conv(20,3,stride=2,pad=same) tanh conv(33,1) tanh dense(4)",
    "seq:conv(5,7,pad=same) tanh conv(32,2,stride=2) tanh conv(16,1,stride=2) tanh dense(4)",
    "resnet8",
    // Packed weights of several directions would be too many: their products are with patches, the gradient is not.
    "seq:conv(220,9) tanh conv(220,3,pad=same) tanh dense(4)",
};

static void sums_without_patches_are_those_with_patches(void **state)
{
    (void)state;
    static const char *const matrices[] = {"hessian", "ggn", "moment"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (size_t j = 0; j < sizeof matrices / sizeof *matrices; j++)
            compare(models[i], matrices[j], "f64", 8, i < 3 ? MOST : 4, 1e4 * DBL_EPSILON);
}

static void sums_in_float_are_those_in_double(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        compare(models[i], "hessian", "f32", 4, 1, 1100 * 3 * FLT_EPSILON);
        compare(models[i], "hessian", "f32", 4, MOST, 1100 * 3 * FLT_EPSILON);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_without_patches_are_those_with_patches),
                                       cmocka_unit_test(sums_in_float_are_those_in_double)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
