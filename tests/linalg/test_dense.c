// SPDX-License-Identifier: MIT
// The door to LAPACK: matrices whose answers are known in closed form; residuals against the backward error bound of
// LAPACK, p(n) eps |A| with p(n) <= 10 n (LAPACK Users' Guide, 3rd ed., section 4.1).
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "linalg/dense.h"

// Truth: the second difference matrix has eigenvalues 2 - 2 cos(j pi / (n+1)).
static void second_differences_have_their_cosine_eigenvalues(void **state)
{
    (void)state;
    enum { N = 30 };
    const double scales[] = {1, 1e150, 1e-150};
    for (int c = 0; c < 3; c++) {
        double a[N * N] = {0}, d[N], e[N - 1], value[N], vector[N * N], value3[N], vector3[N * N], scale = scales[c];
        for (int i = 0; i < N; i++) {
            a[i * N + i] = d[i] = 2 * scale;
            if (i + 1 < N) a[i * N + i + 1] = NAN; // above the diagonal nothing is read
            if (i > 0) a[i * N + i - 1] = e[i - 1] = -scale;
        }
        must(tw_sym_eig(N, a, value, vector));
        must(tw_tridiag_eig(N, d, e, value3, vector3));
        for (int j = 0; j < N; j++) {
            double truth = scale * (2 - 2 * cos((j + 1) * acos(-1.0) / (N + 1)));
            assert_near(value[j], truth, 10 * N * DBL_EPSILON * 4 * scale);
            assert_near(value3[j], truth, 10 * N * DBL_EPSILON * 4 * scale);
            for (int i = 0; i < N; i++) {
                const double *v = vector + j * N, *v3 = vector3 + j * N;
                double left = i ? v[i - 1] : 0, right = i + 1 < N ? v[i + 1] : 0;
                assert_near(scale * (2 * v[i] - left - right), value[j] * v[i], 10 * N * DBL_EPSILON * 4 * scale);
                assert_near(fabs(v3[i]), fabs(v[i]), 100 * N * N * DBL_EPSILON); // eps over the smallest gap, 0.03
            }
        }
    }
}

// Truth: u diag(s) vt multiplied out; u, vt orthonormal; wide, tall and rank deficient.
static void factors_of_the_svd_multiply_back(void **state)
{
    (void)state;
    const int shape[][2] = {{7, 4}, {4, 7}, {5, 5}, {1, 6}};
    for (int c = 0; c < 4; c++) {
        int m = shape[c][0], n = shape[c][1], r = m < n ? m : n;
        double a[64], s[8], u[64], vt[64], only[8], norm = 0;
        tw_rng rng = tw_rng_at(1, TW_RNG_TEST, (uint64_t)c);
        tw_rng_normals(&rng, m * n, a);
        if (c == 2)
            for (int j = 0; j < n; j++) a[j] = 2 * a[n + j]; // row 0 is twice row 1
        for (int i = 0; i < m * n; i++) norm += a[i] * a[i];
        must(tw_svd(m, n, a, s, u, vt));
        must(tw_svd(m, n, a, only, NULL, NULL));
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < r; k++) sum += u[i * r + k] * s[k] * vt[k * n + j];
                assert_near(sum, a[i * n + j], 100 * DBL_EPSILON * sqrt(norm));
            }
        for (int k = 0; k < r; k++) {
            assert_near(only[k], s[k], 100 * DBL_EPSILON * s[0]);
            if (k) assert_true(s[k] <= s[k - 1]);
            double uu = 0, vv = 0;
            for (int i = 0; i < m; i++) uu += u[i * r + k] * u[i * r + k];
            for (int j = 0; j < n; j++) vv += vt[k * n + j] * vt[k * n + j];
            assert_near(uu, 1, 100 * DBL_EPSILON);
            assert_near(vv, 1, 100 * DBL_EPSILON);
        }
        if (c == 2) assert_true(s[4] <= 100 * DBL_EPSILON * s[0]);
    }
}

// Truth: small integers, X chosen, B = A X exact. Tolerance: 10 n eps times the condition number, < 100 here.
static void solves_return_the_chosen_solution(void **state)
{
    (void)state;
    const double a[9] = {2, 1, 0, -1, 3, 2, 4, 0, 1}, spd[9] = {4, 2, 0, 2, 5, 3, 0, 3, 6};
    const double want[6] = {1, -2, 3, 5, 0, -4};
    double x[6], y[6];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3; i++) {
            x[k * 3 + i] = y[k * 3 + i] = 0;
            for (int j = 0; j < 3; j++) {
                x[k * 3 + i] += a[i * 3 + j] * want[k * 3 + j];
                y[k * 3 + i] += spd[i * 3 + j] * want[k * 3 + j];
            }
        }
    must(tw_lu_solve(3, a, 2, x));
    must(tw_spd_solve(3, spd, 2, y));
    for (int i = 0; i < 6; i++) {
        assert_near(x[i], want[i], 3000 * DBL_EPSILON * 5);
        assert_near(y[i], want[i], 3000 * DBL_EPSILON * 5);
    }
}

// Truth: L with small integers, L L' exact.
static void cholesky_finds_an_integer_factor(void **state)
{
    (void)state;
    double a[9] = {4, 4, 6, 4, 13, 12, 6, 12, 38};
    const double l[9] = {2, 0, 0, 2, 3, 0, 3, 2, 5};
    must(tw_cholesky(3, a));
    for (int i = 0; i < 9; i++) assert_near(a[i], l[i], 30 * DBL_EPSILON * 38);
}

// Truth: by hand. Two equal columns: the minimum-norm solution halves the coefficient.
static void least_squares_takes_the_smallest_solution(void **state)
{
    (void)state;
    const double a[6] = {1, 1, 2, 2, 3, 3}, b[3] = {2, 4, 6};
    double x[2];
    int64_t rank = -1;
    must(tw_least_squares(3, 2, a, b, x, &rank));
    assert_int_equal(rank, 1);
    assert_near(x[0], 1, 100 * DBL_EPSILON);
    assert_near(x[1], 1, 100 * DBL_EPSILON);
}

// Truth: a rotation by 90 degrees has eigenvalues +i and -i.
static void a_rotation_has_imaginary_eigenvalues(void **state)
{
    (void)state;
    const double a[4] = {0, -1, 1, 0};
    double re[2], im[2];
    must(tw_eigenvalues(2, a, re, im));
    assert_near(re[0], 0, 20 * DBL_EPSILON);
    assert_near(fabs(im[0]), 1, 20 * DBL_EPSILON);
    assert_near(im[0] + im[1], 0, 20 * DBL_EPSILON);
}

static void bad_matrices_are_named(void **state)
{
    (void)state;
    const double nan[4] = {1, 0, NAN, 1}, singular[4] = {1, 2, 2, 4}, indefinite[4] = {1, 2, 2, 1};
    double out[4] = {7, 7, 7, 7}, x[2] = {1, 1}, chol[4];
    must_fail(tw_sym_eig(2, nan, out, NULL), TW_ENUMERIC, "entry (1, 0) is nan");
    must_fail(tw_svd(2, 2, nan, out, NULL, NULL), TW_ENUMERIC, "entry (1, 0)");
    must_fail(tw_lu_solve(2, singular, 1, x), TW_ENUMERIC, "singular");
    memcpy(chol, indefinite, sizeof chol);
    must_fail(tw_cholesky(2, chol), TW_ENUMERIC, "minor of order 2");
    must_fail(tw_sym_eig(1000000, nan, out, NULL), TW_ENOMEM, "1000000");
    assert_true(out[0] == 7 && x[0] == 1);
    must(tw_sym_eig(0, nan, out, NULL));
}

// Truth: LAPACK's one-stage eigenvalues of the same matrix. Tolerance: both are backward stable, n eps |A|. Widths that
// do not divide n, a last panel that is narrower than the band, and more rows than a slab are among the sizes.
static void eigenvalues_through_a_band_are_the_same(void **state)
{
    (void)state;
    static const struct {
        int64_t n, width;
    } at[] = {{2, 1}, {7, 6}, {40, 8}, {141, 16}, {300, 64}};
    for (size_t c = 0; c < sizeof at / sizeof *at; c++) {
        int64_t n = at[c].n;
        double *a = NULL, *value = NULL, size = 0;
        must(tw_alloc(n * n, sizeof *a, &a));
        must(tw_alloc(2 * n, sizeof *value, &value));
        tw_rng rng = tw_rng_at(4, TW_RNG_TEST, c);
        tw_rng_normals(&rng, n * n, a); // the upper half is not to be read
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) size += (i == j ? 1 : 2) * a[i * n + j] * a[i * n + j];
        must(tw_sym_eig(n, a, value, NULL));
        must(tw_sym_values_by_band(n, at[c].width, a, value + n));
        for (int64_t i = 0; i < n; i++) assert_near(value[n + i], value[i], (double)n * DBL_EPSILON * sqrt(size));
        free(a);
        free(value);
    }
    double one = 3, none;
    must_fail(tw_sym_values_by_band(1, 1, &one, &none), TW_EINVAL, "width");
    must(tw_sym_values(1, &one, &none));
    assert_true(none == 3);
}

// Truth: Q'Q = 1 and Q R = A, written out from v and t.
static void reflectors_multiply_back(void **state)
{
    (void)state;
    enum { M = 9, N = 4 };
    double a[M * N], r[M * N], v[M * N], t[N * N], q[M * M] = {0};
    tw_rng rng = tw_rng_at(5, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, M * N, a);
    memcpy(r, a, sizeof a);
    must(tw_qr(M, N, r, v, t));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) {
            q[i * M + j] = i == j;
            for (int k = 0; k < N; k++)
                for (int l = 0; l < N; l++) q[i * M + j] -= v[i * N + k] * t[k * N + l] * v[j * N + l];
        }
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double x = 0;
            for (int k = 0; k <= j; k++) x += q[i * M + k] * r[j * M + k];
            assert_near(x, a[j * M + i], 100 * DBL_EPSILON);
        }
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    const double a[4] = {2, 1, 1, 2};
    double s[2], u[4], vt[4], x[2] = {1, 1};
    for (int call = 1; call <= 2; call++) {
        tw_alloc_fail_at(call);
        must_fail(tw_sym_eig(2, a, s, u), TW_ENOMEM, "out of memory");
        tw_alloc_fail_at(call);
        must_fail(tw_lu_solve(2, a, 1, x), TW_ENOMEM, "out of memory");
    }
    for (int call = 1; call <= 4; call++) {
        tw_alloc_fail_at(call);
        must_fail(tw_svd(2, 2, a, s, u, vt), TW_ENOMEM, "out of memory");
    }
    tw_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_differences_have_their_cosine_eigenvalues),
        cmocka_unit_test(factors_of_the_svd_multiply_back),
        cmocka_unit_test(solves_return_the_chosen_solution),
        cmocka_unit_test(cholesky_finds_an_integer_factor),
        cmocka_unit_test(least_squares_takes_the_smallest_solution),
        cmocka_unit_test(a_rotation_has_imaginary_eigenvalues),
        cmocka_unit_test(eigenvalues_through_a_band_are_the_same),
        cmocka_unit_test(reflectors_multiply_back),
        cmocka_unit_test(bad_matrices_are_named),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
