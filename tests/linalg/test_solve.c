// SPDX-License-Identifier: MIT
// Linear systems: truth by choice of the solution, on operators whose spectrum is chosen.
#include "test.h"

#include "base/alloc.h"
#include "linalg/chosen.h"

enum { N = 120 };

static chosen a;
static double truth[5 * N], b[5 * N];

// Eigenvalues of both signs, the nearest to 0 at 0.05; right-hand sides (A + shift I) truth.
static tw_linop mixed(double shift, int64_t count, int64_t block)
{
    for (int i = 0; i < N; i++) a.d[i] = (i % 3 ? 1 : -1) * (0.05 + 0.05 * i);
    tw_linop op = rotated(&a, N, block);
    tw_rng rng = tw_rng_at(3, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, count * N, truth);
    must(apply(&a, count, truth, b));
    for (int64_t i = 0; i < count * N; i++) b[i] += shift * truth[i];
    a.calls = 0;
    return op;
}

static double distance(const double *x, const double *y)
{
    double sum = 0;
    for (int i = 0; i < N; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(sum);
}

static void solutions_are_within_their_residual_over_the_smallest_eigenvalue(void **state)
{
    (void)state;
    const double shifts[] = {0, 0.4, -0.02}, tolerances[] = {1e-2, 1e-6, 1e-12};
    for (int k = 0; k < 9; k++) {
        double shift = shifts[k % 3], least = INFINITY, image[N];
        tw_linop op = mixed(shift, 5, 2);
        for (int i = 0; i < N; i++) least = fmin(least, fabs(a.d[i] + shift));
        tw_solve_opts opts = tw_solve_defaults();
        tw_solution *s = NULL;
        opts.shift = shift;
        opts.tolerance = tolerances[k / 3];
        must(tw_solve(&op, &opts, 5, b, &s));
        int64_t spent = 0;
        for (int j = 0; j < 5; j++) {
            const double *x = s->x + j * N;
            assert_true(s->converged[j] && s->residual[j] <= opts.tolerance * s->norm[j]);
            spent += s->products[j];
            int64_t calls = a.calls;
            must(apply(&a, 1, x, image));
            a.calls = calls;
            for (int i = 0; i < N; i++) image[i] += shift * x[i];
            assert_near(s->residual[j], distance(image, b + j * N), 1e-12 * s->norm[j]);
            assert_true(distance(x, truth + j * N) <= s->residual[j] / least + 1e-10);
        }
        assert_int_equal(s->converged_count, 5);
        assert_int_equal(spent, a.calls);
        tw_solution_free(s);
    }
}

// Truth: a Krylov space of m different eigenvalues holds the solution after m products.
static void few_eigenvalues_take_as_few_products(void **state)
{
    (void)state;
    tw_linop op = mixed(0, 1, 1);
    for (int i = 0; i < N; i++) a.d[i] = i % 4 == 0 ? -3 : i % 4 == 1 ? 0.5 : i % 4 == 2 ? 1 : 40;
    must(apply(&a, 1, truth, b));
    tw_solve_opts opts = tw_solve_defaults();
    tw_solution *s = NULL;
    opts.tolerance = 1e-10;
    must(tw_solve(&op, &opts, 1, b, &s));
    assert_true(s->converged[0]);
    assert_in_range(s->products[0], 5, 6);
    assert_true(distance(s->x, truth) < 1e-8);
    tw_solution_free(s);
}

// Truth: no x changes the part of b in the null space, and MINRES lowers the rest to nothing.
static void what_cannot_be_solved_is_not_called_converged(void **state)
{
    (void)state;
    tw_linop op = mixed(0, 1, 1);
    double unit[N] = {0}, null[N];
    a.d[7] = 0; // the eigenvector of d[7] is Q e_7
    memcpy(null, unit, sizeof null);
    null[7] = 1;
    for (int r = REFLECTIONS - 1; r >= 0; r--) reflect(N, a.u[r], null);
    must(apply(&a, 1, truth, b));
    for (int i = 0; i < N; i++) b[i] += 0.25 * null[i];
    tw_solve_opts opts = tw_solve_defaults();
    tw_solution *s = NULL;
    must(tw_solve(&op, &opts, 1, b, &s));
    assert_false(s->converged[0]);
    assert_int_equal(s->converged_count, 0);
    assert_near(s->residual[0], 0.25, 1e-3);
    tw_solution_free(s);

    op = mixed(0, 1, 1);
    opts.max_products = 12;
    must(tw_solve(&op, &opts, 1, b, &s));
    assert_false(s->converged[0]);
    assert_in_range(s->products[0], 10, 12);
    assert_true(s->residual[0] < s->norm[0]); // the least there is, not nonsense
    tw_solution_free(s);
}

static tw_status rough(void *ctx, int64_t k, const double *x, double *y)
{
    tw_status st = apply(ctx, k, x, y);
    for (int64_t i = 0; i < k * N; i++) y[i] = (double)(float)y[i];
    return st;
}

// An operator in float: what its rounding leaves is said, and the recurrence, which does not know it, is not believed.
static void residuals_are_those_of_fresh_products(void **state)
{
    (void)state;
    tw_linop op = mixed(0, 1, 1);
    op.apply = rough;
    tw_solve_opts opts = tw_solve_defaults();
    tw_solution *s = NULL;
    opts.tolerance = 1e-13;
    must(tw_solve(&op, &opts, 1, b, &s));
    assert_false(s->converged[0]);
    assert_true(s->residual[0] > 1e-13 * s->norm[0] && s->residual[0] < 1e-5 * s->norm[0]);
    assert_true(s->products[0] < opts.max_products); // it stopped when that no longer helped
    tw_solution_free(s);
}

static void zero_has_the_solution_zero_without_a_product(void **state)
{
    (void)state;
    tw_linop op = mixed(0, 2, 2);
    tw_solution *s = NULL;
    memset(b, 0, N * sizeof *b);
    must(tw_solve(&op, NULL, 2, b, &s));
    assert_true(s->converged[0] && s->converged[1]);
    assert_int_equal(s->products[0], 0);
    for (int i = 0; i < N; i++) assert_true(s->x[i] == 0);
    assert_true(distance(s->x + N, truth + N) < 1e-3);
    tw_solution_free(s);
}

// Every allocation in turn fails, and is reported.
static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    tw_linop op = mixed(0, 3, 2);
    tw_solution *s = NULL;
    int calls = 0;
    for (tw_status st = TW_ENOMEM; st != TW_OK; calls++) {
        tw_alloc_fail_at(calls + 1);
        st = tw_solve(&op, NULL, 3, b, &s);
        tw_alloc_fail_at(0);
        assert_true(st == TW_OK || (st == TW_ENOMEM && !s));
    }
    assert_true(calls > 8);
    tw_solution_free(s);
}

static bool stop(void *ctx, const char *what, double done, double total)
{
    (void)what, (void)done, (void)total;
    return ++*(int *)ctx < 3;
}

static void bad_input_gets_a_message_and_leaves_nothing(void **state)
{
    (void)state;
    tw_linop op = mixed(0, 1, 1);
    tw_solution *s = NULL;
    tw_solve_opts opts = tw_solve_defaults();
    opts.tolerance = 0;
    assert_int_equal(tw_solve(&op, &opts, 1, b, &s), TW_EINVAL);
    opts = tw_solve_defaults();
    opts.shift = NAN;
    assert_int_equal(tw_solve(&op, &opts, 1, b, &s), TW_EINVAL);
    opts = tw_solve_defaults();
    opts.max_products = 1;
    assert_int_equal(tw_solve(&op, &opts, 1, b, &s), TW_EINVAL);
    assert_int_equal(tw_solve(&op, NULL, 0, b, &s), TW_EINVAL);
    b[5] = NAN;
    assert_int_equal(tw_solve(&op, NULL, 1, b, &s), TW_ENUMERIC);
    assert_non_null(strstr(tw_error(), "right-hand side"));
    op = mixed(0, 1, 1);
    a.bad_call = 4;
    assert_int_equal(tw_solve(&op, NULL, 1, b, &s), TW_ENUMERIC);
    op = mixed(0, 1, 1);
    int calls = 0;
    opts = tw_solve_defaults();
    opts.progress = (tw_progress){stop, &calls};
    assert_int_equal(tw_solve(&op, &opts, 1, b, &s), TW_ESTOPPED);
    assert_int_equal(calls, 3);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solutions_are_within_their_residual_over_the_smallest_eigenvalue),
        cmocka_unit_test(few_eigenvalues_take_as_few_products),
        cmocka_unit_test(what_cannot_be_solved_is_not_called_converged),
        cmocka_unit_test(residuals_are_those_of_fresh_products),
        cmocka_unit_test(zero_has_the_solution_zero_without_a_product),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(bad_input_gets_a_message_and_leaves_nothing),
    };
    return cmocka_run_group_tests_name("solve", tests, NULL, NULL);
}
