// SPDX-License-Identifier: MIT
// tanh in vectors: against libm in the next wider type, over all magnitudes, and where it is exact.
#include "test.h"

#include "base/alloc.h"
#include "kernel/kernel.h"

enum { N = 60000 };

// Both signs; half of them evenly in [-24, 24], half with magnitudes from 1e-30 to 1e3.
static double argument(int i)
{
    const double u = (double)(i % (N / 2)) / (N / 2), sign = i % 2 ? -1 : 1;
    return sign * (i < N / 2 ? 24 * u : pow(10, -30 + 33 * u));
}

// Truth: tanhl. Bound: to first order y = u / 2 takes the relative errors of u and of two operations after it; u those
// of r, of the series' last two operations and of their join: fewer than ten roundings of half an epsilon.
static void tanh_is_within_five_epsilon_of_libm(void **state)
{
    (void)state;
    float *z = NULL, *y = NULL, *d = NULL;
    double *z2 = NULL, *y2 = NULL, *d2 = NULL;
    must(tw_alloc(N, sizeof *z, &z));
    must(tw_alloc(N, sizeof *y, &y));
    must(tw_alloc(N, sizeof *d, &d));
    must(tw_alloc(N, sizeof *z2, &z2));
    must(tw_alloc(N, sizeof *y2, &y2));
    must(tw_alloc(N, sizeof *d2, &d2));
    for (int i = 0; i < N; i++) z[i] = (float)(z2[i] = argument(i));
    tw_kernels_find("f32")->map->activate[TW_ACT_TANH](N, 0, z, y, d, NULL);
    tw_kernels_find("f64")->map->activate[TW_ACT_TANH](N, 0, z2, y2, d2, NULL);
    for (int i = 0; i < N; i++) {
        const long double narrow = tanhl((long double)z[i]), wide = tanhl((long double)z2[i]);
        assert_near((double)y[i], (double)narrow, 5 * FLT_EPSILON * fabs((double)narrow));
        assert_true(fabsl(y2[i] - wide) <= 5 * DBL_EPSILON * fabsl(wide));
    }
    free(z), free(y), free(d), free(z2), free(y2), free(d2);
}

// Truth: C17 F.10.4.6: tanh(+-0) = +-0, tanh(+-inf) = +-1; NaN stays NaN. Derivative 1 - tanh^2.
static void tanh_of_zero_infinity_and_nan_is_what_c_says(void **state)
{
    (void)state;
    const double z[5] = {0.0, -0.0, INFINITY, -INFINITY, NAN};
    double y[5], d[5];
    tw_kernels_find("f64")->map->activate[TW_ACT_TANH](5, 0, z, y, d, NULL);
    assert_true(y[0] == 0 && !signbit(y[0]) && y[1] == 0 && signbit(y[1]));
    assert_true(y[2] == 1 && y[3] == -1 && isnan(y[4]));
    assert_true(d[0] == 1 && d[2] == 0 && d[3] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tanh_is_within_five_epsilon_of_libm),
        cmocka_unit_test(tanh_of_zero_infinity_and_nan_is_what_c_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
