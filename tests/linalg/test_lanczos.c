// SPDX-License-Identifier: MIT
// Lanczos against operators whose spectrum is chosen: A = Q diag(d) Q' with Q a product of reflections, so that neither
// eigenvalues nor eigenvectors come from an eigensolver.
#include "test.h"

#include "base/alloc.h"
#include "linalg/chosen.h"

// Like a trained network: ten outliers, some multiple, a bulk that falls off, and a few negative ones.
static tw_linop hessian_like(chosen *a, int64_t n, int64_t block)
{
    const double top[10] = {10, 8, 8, 8, 5, 4, 4, 2.5, 2, 1.5};
    for (int64_t i = 0; i < n; i++)
        a->d[i] = i < 10 ? top[i] : exp(-8.0 * (double)(i - 10) / (double)n) - (i > n - 20 ? 0.1 : 0);
    return rotated(a, n, block);
}

static double largest(const chosen *a)
{
    double max = 0;
    for (int64_t i = 0; i < a->n; i++) max = fmax(max, fabs(a->d[i]));
    return max > 0 ? max : 1; // squares are taken in this unit
}

static int descending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a < b) - (a > b);
}

// Everything that a result promises. Rounding of our own products: a few n eps |A|.
static void holds(chosen *a, const tw_eigs *e)
{
    double truth[MAX], rounding = 20 * DBL_EPSILON * sqrt((double)a->n) * largest(a), y[MAX];
    memcpy(truth, a->d, sizeof truth);
    qsort(truth, (size_t)a->n, sizeof *truth, descending);
    assert_near(e->orthogonality, 0, 1e-13);
    for (int64_t i = 0; i < e->count; i++) {
        double lambda = i < e->top ? truth[i] : truth[a->n - 1 - (i - e->top)], sum = 0;
        assert_true(e->converged[i]);
        assert_true(e->lo[i] <= lambda && lambda <= e->hi[i]);
        assert_near(e->value[i], lambda, e->hi[i] - e->value[i]);
        must(apply(a, 1, e->vector + i * a->n, y));
        for (int64_t j = 0; j < a->n; j++) sum += pow((y[j] - e->value[i] * e->vector[i * a->n + j]) / largest(a), 2);
        assert_near(e->residual[i], sqrt(sum) * largest(a), rounding);
        if (i > 0 && i < e->top) assert_true(e->value[i] <= e->value[i - 1]);
        if (i > e->top) assert_true(e->value[i] >= e->value[i - 1]);
    }
}

static void a_hundred_random_starts_find_the_true_top_ten(void **state)
{
    (void)state;
    static chosen a;
    const int starts[] = {100, 100, 20};
    for (int b = 0; b < 3; b++) {
        tw_linop op = hessian_like(&a, 300, 1 + 3 * b);
        int64_t products = 0;
        for (int seed = 0; seed < starts[b]; seed++) {
            tw_lanczos_opts opts = tw_lanczos_defaults();
            tw_eigs *e = NULL;
            opts.seed = (uint64_t)seed;
            must(tw_lanczos(&op, &opts, &e));
            holds(&a, e);
            products += e->products;
            tw_eigs_free(e);
        }
        print_message("block %d: %.1f products\n", (int)op.block, (double)products / starts[b]);
    }
}

static tw_eigs *solve(const tw_linop *op, int64_t top, int64_t bottom, double tolerance)
{
    tw_lanczos_opts opts = tw_lanczos_defaults();
    tw_eigs *e = NULL;
    opts.top = top;
    opts.bottom = bottom;
    opts.tolerance = tolerance;
    must(tw_lanczos(op, &opts, &e));
    return e;
}

static void both_ends_are_found_at_any_scale(void **state)
{
    (void)state;
    static chosen a;
    const double scale[] = {1, 1e150, 1e-150};
    for (int c = 0; c < 3; c++) {
        hessian_like(&a, 200, 4);
        for (int i = 0; i < 5; i++) a.d[195 + i] = -0.5 - 0.3 * (i / 2); // a few negative ones, two of them twice
        for (int i = 0; i < 200; i++) a.d[i] *= scale[c];
        tw_linop op = rotated(&a, 200, 4);
        tw_eigs *e = solve(&op, 10, 5, 1e-9);
        holds(&a, e);
        assert_int_equal(e->count, 15);
        assert_int_equal(e->converged_count, 15);
        assert_string_equal(e->note, "");
        tw_eigs_free(e);
    }
}

// Five eigenvalues of multiplicity 6, more than a block holds: only restarts and the check can find all copies.
static void multiplicities_beyond_the_block_are_found(void **state)
{
    (void)state;
    static chosen a;
    for (int64_t block = 1; block <= 4; block++) {
        for (int i = 0; i < 120; i++) a.d[i] = i < 30 ? 10 - i / 6 : 0.01 * (120 - i);
        tw_linop op = rotated(&a, 120, block);
        tw_eigs *e = solve(&op, 14, 0, 1e-8);
        holds(&a, e);
        tw_eigs_free(e);
    }
}

// Small sizes, wide blocks, all pairs; spectra with one, two or no different eigenvalues.
static void tiny_and_degenerate_operators_are_solved(void **state)
{
    (void)state;
    static chosen a;
    const int64_t sizes[] = {1, 2, 3, 5, 20};
    for (int s = 0; s < 5; s++)
        for (int kind = 0; kind < 4; kind++)
            for (int64_t block = 1; block <= 9; block += 4)
                for (int all = 0; all < 2; all++) {
                    int64_t n = sizes[s];
                    for (int64_t i = 0; i < n; i++)
                        a.d[i] = kind == 0 ? 0 : kind == 1 ? -3 : kind == 2 ? (i < 2) : (double)(n - i);
                    tw_linop op = rotated(&a, n, block);
                    tw_eigs *e = solve(&op, all ? n : 1, 0, 1e-6);
                    holds(&a, e);
                    tw_eigs_free(e);
                }
}

// The right answer for a tolerance that cannot be met is "not converged", with the residual reached.
static void what_does_not_converge_says_so(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = hessian_like(&a, 300, 4);
    tw_lanczos_opts opts = tw_lanczos_defaults();
    tw_eigs *e = NULL;
    opts.tolerance = 1e-10;
    opts.max_products = 30;
    must(tw_lanczos(&op, &opts, &e));
    assert_true(e->converged_count < 10 && e->products <= 30);
    assert_non_null(strstr(e->note, "not converged"));
    for (int i = 0; i < 10; i++) assert_true(e->converged[i] == (e->residual[i] <= 1e-10 * e->scale));
    tw_eigs_free(e);
    opts.tolerance = 0;
    opts.max_products = 500;
    must(tw_lanczos(&op, &opts, &e));
    assert_true(e->converged_count < 10 && e->residual[0] < 1e-12);
    tw_eigs_free(e);
}

// A start of the answer needs few products; a start that is wrong, dependent or zero does no harm.
static void warm_starts_help_and_never_harm(void **state)
{
    (void)state;
    static chosen a;
    static double start[12 * 300];
    tw_linop op = hessian_like(&a, 300, 4);
    tw_lanczos_opts opts = tw_lanczos_defaults();
    tw_eigs *cold = NULL, *warm = NULL;
    must(tw_lanczos(&op, &opts, &cold));
    memcpy(start, cold->vector, 10 * 300 * sizeof *start);
    for (int i = 0; i < 300; i++) start[10 * 300 + i] = 1e-200 * start[i]; // a copy, and a zero vector
    opts.starts = 12;
    opts.start = start;
    must(tw_lanczos(&op, &opts, &warm));
    holds(&a, warm);
    assert_true(warm->products < cold->products);
    tw_eigs_free(warm);

    // The last two vectors of the bulk span an invariant space: a start in it must not be the end.
    must(tw_lanczos(&op, &(tw_lanczos_opts){.size = sizeof opts, .bottom = 2, .tolerance = 1e-12, .max_products = 9999},
                    &warm));
    opts.starts = 2;
    opts.start = warm->vector;
    tw_eigs *trapped = NULL;
    must(tw_lanczos(&op, &opts, &trapped));
    holds(&a, trapped);
    tw_eigs_free(trapped);
    tw_eigs_free(warm);
    tw_eigs_free(cold);
}

// Start: the second to fourth eigenvectors exactly; block 1 without a random vector would never see the first.
static void a_pair_hidden_from_the_start_is_found(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = hessian_like(&a, 100, 3);
    tw_spectrum *s = NULL;
    tw_eigs *e = NULL;
    must(tw_spectrum_new(&op, (tw_progress){0}, &s));
    tw_lanczos_opts opts = tw_lanczos_defaults();
    opts.top = 3;
    opts.starts = 3;
    opts.start = s->vector + 100;
    must(tw_lanczos(&op, &opts, &e));
    holds(&a, e);
    tw_eigs_free(e);
    tw_spectrum_free(s);
}

// One vector at a time sees a double eigenvalue once: the check must find the second, and its absence must show.
static void the_check_finds_what_the_search_missed(void **state)
{
    (void)state;
    static chosen a;
    for (int64_t i = 0; i < 200; i++) a.d[i] = i < 2 ? 10 : 4 * exp(-0.5 * (double)(i - 2));
    tw_linop op = rotated(&a, 200, 1);
    for (int seed = 0; seed < 20; seed++) {
        tw_lanczos_opts opts = tw_lanczos_defaults();
        tw_eigs *e = NULL;
        opts.top = 2;
        opts.seed = (uint64_t)seed;
        must(tw_lanczos(&op, &opts, &e));
        holds(&a, e);
        assert_true(e->found_late >= 1);
        tw_eigs_free(e);
        opts.check = 0;
        must(tw_lanczos(&op, &opts, &e));
        assert_true(e->found_late == 0);
        assert_near(e->value[1], 4, 0.01);
        tw_eigs_free(e);
    }
}

// A's reflections, turned a little: eigenvectors move, eigenvalues stay.
static void turn(chosen *a, double by)
{
    tw_rng rng = tw_rng_at(8, TW_RNG_TEST, 0);
    for (int r = 0; r < REFLECTIONS; r++) {
        double norm = 0;
        for (int64_t i = 0; i < a->n; i++) {
            a->u[r][i] += by * tw_rng_normal(&rng) / sqrt((double)a->n);
            norm += a->u[r][i] * a->u[r][i];
        }
        for (int64_t i = 0; i < a->n; i++) a->u[r][i] /= sqrt(norm);
    }
}

static tw_lanczos_opts following(const tw_eigs *e)
{
    tw_lanczos_opts opts = tw_lanczos_defaults();
    opts.top = e->top;
    opts.bottom = e->count - e->top;
    opts.check = 0;
    opts.starts = e->count;
    opts.start = e->vector;
    return opts;
}

// Pairs that stayed cost a product each, one for the vector that is drawn and one for the audit; pairs that turned
// cost less than finding them anew, and what is said of them is as true.
static void pairs_are_followed_by_few_products(void **state)
{
    (void)state;
    for (int64_t block = 1; block <= 4; block += 3) {
        static chosen a;
        tw_linop op = hessian_like(&a, 300, block);
        tw_lanczos_opts opts = tw_lanczos_defaults();
        tw_eigs *e = NULL, *cold = NULL, *next = NULL;
        opts.top = 4;
        opts.bottom = 1;
        must(tw_lanczos(&op, &opts, &e));
        opts = following(e);
        opts.tolerance = 2e-3;
        must(tw_lanczos(&op, &opts, &next));
        holds(&a, next);
        assert_true(next->products == 5 + 1 + 1);
        tw_eigs_free(next);

        turn(&a, 0.02);
        opts.starts = 0;
        opts.tolerance = 1e-2;
        must(tw_lanczos(&op, &opts, &cold));
        opts.starts = 5;
        must(tw_lanczos(&op, &opts, &next));
        holds(&a, next);
        print_message("block %d: %d products, anew %d\n", (int)block, (int)next->products, (int)cold->products);
        assert_true(next->products < cold->products);
        tw_eigs_free(next);

        opts.tolerance = 1e-11; // through many restarts; the bottom's neighbours are too near for that
        opts.basis = 14;
        opts.bottom = 0;
        must(tw_lanczos(&op, &opts, &next));
        holds(&a, next);
        assert_true(next->restarts > 3);
        tw_eigs_free(next);
        tw_eigs_free(cold);
        tw_eigs_free(e);
    }
}

// A start that has nothing to do with the answer, is dependent, zero or as large as the space; any scale.
static void following_from_anywhere_arrives(void **state)
{
    (void)state;
    static chosen a;
    static double start[60 * 60];
    const double scales[] = {1, 1e-300, 1e250};
    for (int s = 0; s < 3; s++) {
        tw_linop op = hessian_like(&a, 60, 3);
        for (int i = 0; i < 60; i++) a.d[i] *= scales[s];
        tw_rng rng = tw_rng_at(9, TW_RNG_TEST, (uint64_t)s);
        tw_rng_normals(&rng, 60 * 60, start);
        for (int i = 0; i < 60; i++) start[60 + i] = -3 * start[i], start[120 + i] = 0;
        for (int64_t starts = 1; starts <= 60; starts += starts < 4 ? 1 : 56) {
            tw_lanczos_opts opts = tw_lanczos_defaults();
            tw_eigs *e = NULL;
            opts.top = 3;
            opts.bottom = 2;
            opts.check = 0;
            opts.tolerance = 1e-9;
            opts.starts = starts;
            opts.start = start;
            must(tw_lanczos(&op, &opts, &e));
            holds(&a, e);
            tw_eigs_free(e);
        }
    }
    for (int64_t n = 1; n <= 3; n++) { // every pair there is
        tw_linop op = hessian_like(&a, n, 1);
        tw_lanczos_opts opts = tw_lanczos_defaults();
        tw_eigs *e = NULL;
        opts.top = n;
        opts.check = 0;
        opts.starts = 1;
        opts.start = start;
        must(tw_lanczos(&op, &opts, &e));
        holds(&a, e);
        tw_eigs_free(e);
    }
}

// Each product is that of a slightly different matrix.
static tw_status unsteady(void *ctx, int64_t k, const double *x, double *y)
{
    chosen *a = ctx;
    double factor = 1 + 0.02 * (double)(a->calls % 7);
    must(apply(a, k, x, y));
    for (int64_t i = 0; i < k * a->n; i++) y[i] *= factor;
    return TW_OK;
}

// The audit's product disagrees, so that each pair is judged by a product of its own.
static void products_that_do_not_repeat_are_seen(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = hessian_like(&a, 100, 1), bad = op;
    tw_eigs *e = NULL, *next = NULL;
    tw_lanczos_opts opts = tw_lanczos_defaults();
    opts.top = 3;
    must(tw_lanczos(&op, &opts, &e));
    bad.apply = unsteady;
    opts = following(e);
    opts.tolerance = 0.5;
    must(tw_lanczos(&bad, &opts, &next));
    assert_true(next->products == 3 + 1 + 1 + 3);
    tw_eigs_free(next);
    opts.max_products = 3; // an answer, but not a converged one
    opts.tolerance = 0;
    must(tw_lanczos(&op, &opts, &next));
    assert_true(next->converged_count == 0 && next->note[0] != '\0');
    tw_eigs_free(next);
    tw_eigs_free(e);
}

static bool stop_late(void *ctx, const char *what, double done, double total)
{
    (void)what;
    assert_true(done <= total);
    return --*(int *)ctx > 0;
}

static void faults_are_named_and_stops_obeyed(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = hessian_like(&a, 100, 4), bad = op;
    tw_lanczos_opts opts = tw_lanczos_defaults();
    tw_eigs *e = NULL;
    int ticks = 3;
    double nan[100] = {0, NAN};
    a.bad_call = 10;
    must_fail(tw_lanczos(&op, &opts, &e), TW_ENUMERIC, "product of vector 1: entry 0 is nan");
    a.bad_call = 0;
    opts.progress = (tw_progress){stop_late, &ticks};
    must_fail(tw_lanczos(&op, &opts, &e), TW_ESTOPPED, "stopped after 12 products");
    opts = tw_lanczos_defaults();
    opts.starts = 1;
    opts.start = nan;
    must_fail(tw_lanczos(&op, &opts, &e), TW_ENUMERIC, "start: vector 0: entry 1 is nan");
    opts = tw_lanczos_defaults();
    opts.top = 101;
    must_fail(tw_lanczos(&op, &opts, &e), TW_EINVAL, "top = 101");
    opts.top = INT64_MAX;
    opts.bottom = INT64_MAX;
    must_fail(tw_lanczos(&op, &opts, &e), TW_EINVAL, "n = 100");
    opts = tw_lanczos_defaults();
    opts.tolerance = NAN;
    must_fail(tw_lanczos(&op, &opts, &e), TW_EINVAL, "tolerance = nan");
    opts.tolerance = 1;
    must_fail(tw_lanczos(&op, &opts, &e), TW_EINVAL, "tolerance = 1");
    bad.n = 0;
    must_fail(tw_lanczos(&bad, &opts, &e), TW_EINVAL, "n = 0");
    assert_null(e);
}

static tw_status ramp(void *ctx, int64_t k, const double *x, double *y)
{
    int64_t n = *(const int64_t *)ctx;
    for (int64_t j = 0; j < k * n; j++) y[j] = x[j] * (double)(j % n < 20 ? 30 - j % n : 1);
    return TW_OK;
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    int64_t n = 9001; // several slabs
    tw_linop op = {n, ramp, &n, 4, DBL_EPSILON};
    const int threads[] = {1, 2, 3, 8};
    tw_eigs *before = NULL;
    for (int t = 0; t < 4; t++) {
        must(tw_threads_set(threads[t]));
        tw_eigs *e = solve(&op, 5, 1, 1e-6);
        if (before) {
            assert_memory_equal(e->value, before->value, 6 * sizeof(double));
            assert_memory_equal(e->residual, before->residual, 6 * sizeof(double));
            assert_memory_equal(e->vector, before->vector, 6 * (size_t)n * sizeof(double));
        }
        tw_eigs_free(before);
        before = e;
    }
    tw_eigs_free(before);
    must(tw_threads_set(2));
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = hessian_like(&a, 30, 2);
    tw_lanczos_opts opts = tw_lanczos_defaults();
    opts.top = 2;
    for (int follow = 0; follow < 2; follow++) {
        tw_status st = TW_ENOMEM;
        for (int call = 1; st != TW_OK; call++) {
            tw_eigs *e = NULL;
            tw_alloc_fail_at(call);
            st = tw_lanczos(&op, &opts, &e);
            assert_true(st == TW_OK || st == TW_ENOMEM);
            tw_eigs_free(e);
        }
        tw_alloc_fail_at(0);
        opts.check = 0;
        opts.starts = 1;
        opts.start = a.u[0];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_random_starts_find_the_true_top_ten),
        cmocka_unit_test(both_ends_are_found_at_any_scale),
        cmocka_unit_test(multiplicities_beyond_the_block_are_found),
        cmocka_unit_test(tiny_and_degenerate_operators_are_solved),
        cmocka_unit_test(what_does_not_converge_says_so),
        cmocka_unit_test(warm_starts_help_and_never_harm),
        cmocka_unit_test(a_pair_hidden_from_the_start_is_found),
        cmocka_unit_test(the_check_finds_what_the_search_missed),
        cmocka_unit_test(pairs_are_followed_by_few_products),
        cmocka_unit_test(following_from_anywhere_arrives),
        cmocka_unit_test(products_that_do_not_repeat_are_seen),
        cmocka_unit_test(faults_are_named_and_stops_obeyed),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
