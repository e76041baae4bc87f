// SPDX-License-Identifier: MIT
// Density, trace, norm and diagonal: truth by formula from a chosen spectrum; coverage of intervals by repetition.
//
// Coverage: of 1,000 intervals with true level 95 % the number that cover is binomial with sd 6.9, so 930 to 970 holds
// with 99.6 % for one seed list; the lists are fixed, so a pass stays a pass.
#include "test.h"

#include "base/alloc.h"
#include "linalg/chosen.h"
#include "linalg/student.h"

// Truth: published table values, and dof 1, 2 in closed form: tan(pi c / 2), c sqrt(2 / (1 - c^2)).
static void student_quantiles_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_near(tw_student(1, 0.95), tan(0.95 * acos(0.0)), 1e-12);
    assert_near(tw_student(2, 0.95), 0.95 * sqrt(2 / (1 - 0.95 * 0.95)), 1e-12);
    assert_near(tw_student(3, 0.95), 3.182446305, 5e-10);
    assert_near(tw_student(10, 0.95), 2.228138852, 5e-10);
    assert_near(tw_student(30, 0.99), 2.749995654, 5e-10);
}

static tw_linop decaying(chosen *a, int64_t n, int64_t block)
{
    for (int64_t i = 0; i < n; i++) a->d[i] = 10 * exp(-0.2 * (double)i) + (i % 2 ? 0.3 : -0.3);
    return rotated(a, n, block);
}

static void covers(tw_trace_method method, bool norm)
{
    static chosen a;
    tw_linop op = decaying(&a, 60, 4);
    double truth = 0;
    for (int i = 0; i < 60; i++) truth += norm ? a.d[i] * a.d[i] : a.d[i];
    int covered = 0;
    for (int seed = 0; seed < 1000; seed++) {
        tw_trace_opts opts = tw_trace_defaults();
        tw_estimate e;
        opts.method = method;
        opts.products = 45;
        opts.seed = (uint64_t)seed;
        must(norm ? tw_frobenius2(&op, &opts, &e) : tw_trace(&op, &opts, &e));
        assert_int_equal(e.products, 45);
        covered += e.lo <= truth && truth <= e.hi;
    }
    print_message("%d of 1000 intervals cover\n", covered);
    assert_in_range(covered, 930, 970);
}

static void hutchinson_intervals_cover(void **state)
{
    (void)state;
    covers(TW_HUTCHINSON, false);
}

static void hutchpp_intervals_cover(void **state)
{
    (void)state;
    covers(TW_HUTCHPP, false);
}

static void norm_intervals_cover(void **state)
{
    (void)state;
    covers(TW_HUTCHINSON, true);
}

// Why Hutch++ is the default: with a decaying spectrum its error is the smaller one by far.
static void hutchpp_beats_hutchinson_when_eigenvalues_decay(void **state)
{
    (void)state;
    static chosen a;
    for (int64_t i = 0; i < 200; i++) a.d[i] = 1 / pow((double)(i + 1), 2);
    tw_linop op = rotated(&a, 200, 8);
    tw_trace_opts opts = tw_trace_defaults();
    tw_estimate plain, better;
    opts.products = 60;
    must(tw_trace(&op, &opts, &better));
    opts.method = TW_HUTCHINSON;
    must(tw_trace(&op, &opts, &plain));
    assert_true(better.error < 0.1 * plain.error);
}

// Truth: the trace is the sum of the eigenvalues. Rounding: n products, each a few eps |A| sqrt(n).
static void enough_products_give_exact_answers(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = decaying(&a, 30, 4);
    double trace = 0, norm = 0, diagonal[30], error[30], sum = 0;
    int64_t products = 0;
    for (int i = 0; i < 30; i++) {
        trace += a.d[i];
        norm += a.d[i] * a.d[i];
    }
    tw_trace_opts opts = tw_trace_defaults();
    tw_estimate e;
    must(tw_trace(&op, &opts, &e));
    assert_true(e.exact && e.error == 0 && e.products == 30);
    assert_near(e.value, trace, 30 * 30 * DBL_EPSILON * 10);
    must(tw_frobenius2(&op, &opts, &e));
    assert_near(e.value, norm, 30 * 30 * DBL_EPSILON * 100);
    must(tw_diagonal(&op, &opts, diagonal, error, &products));
    assert_int_equal(products, 30);
    for (int i = 0; i < 30; i++) {
        double x[30] = {0}, y[30];
        x[i] = 1;
        must(apply(&a, 1, x, y));
        assert_true(diagonal[i] == y[i] && error[i] == 0);
        sum += diagonal[i];
    }
    assert_near(sum, trace, 30 * 30 * DBL_EPSILON * 10);
}

// Truth: the exact diagonal. Of 100 entries at 4.4 standard errors (t, 31 dof: 1e-4 each) all should be near.
static void a_sampled_diagonal_is_within_its_errors(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = decaying(&a, 100, 5);
    double diagonal[100], error[100], exact[100], none[100];
    int64_t products = 0;
    tw_trace_opts opts = tw_trace_defaults();
    opts.products = 100;
    must(tw_diagonal(&op, &opts, exact, none, &products));
    opts.products = 32;
    must(tw_diagonal(&op, &opts, diagonal, error, &products));
    assert_int_equal(products, 32);
    for (int i = 0; i < 100; i++) assert_near(diagonal[i], exact[i], 4.4 * error[i]);
}

// Truth: random signs see a diagonal matrix exactly: z'Dz = tr D for every z.
static void signs_are_exact_on_diagonal_matrices(void **state)
{
    (void)state;
    static chosen a;
    for (int i = 0; i < 50; i++) a.d[i] = i;
    tw_linop op = rotated(&a, 50, 3);
    memset(a.u, 0, sizeof a.u); // no reflection
    tw_trace_opts opts = tw_trace_defaults();
    tw_estimate e;
    opts.products = 10;
    opts.method = TW_HUTCHINSON;
    must(tw_trace(&op, &opts, &e));
    assert_true(e.value == 1225 && e.error == 0 && !e.exact);
}

// ---- density ----

static double phi(double x) { return erfc(-x / sqrt(2)) / 2; }

// The eigenvalues themselves, broadened as the bins say.
static double true_mass(const chosen *a, const tw_density *d, int64_t b)
{
    double sum = 0;
    for (int64_t i = 0; i < a->n; i++) {
        double x = d->symlog ? asinh(a->d[i] / d->linear) : a->d[i];
        double lo = d->symlog ? asinh(d->edge[b] / d->linear) : d->edge[b];
        double hi = d->symlog ? asinh(d->edge[b + 1] / d->linear) : d->edge[b + 1];
        sum += (b == d->bins - 1 ? 1 : phi((hi - x) / d->width)) - (b == 0 ? 0 : phi((lo - x) / d->width));
    }
    return sum / (double)a->n;
}

static void mass_is_one_on_both_axes(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = decaying(&a, 200, 4);
    for (int symlog = 0; symlog < 2; symlog++)
        for (int cut = 0; cut < 2; cut++) {
            tw_density_opts opts = tw_density_defaults();
            tw_density *d = NULL;
            opts.symlog = symlog;
            opts.steps = 30;
            opts.bins = 37;
            if (cut) opts.lo = 0, opts.hi = 1; // much lies outside: the outer bins hold it
            must(tw_density_new(&op, &opts, &d));
            double sum = 0;
            for (int64_t b = 0; b < d->bins; b++) {
                sum += d->mass[b];
                assert_true(d->edge[b] < d->edge[b + 1]);
                assert_near(d->cumulative[b], sum, 4 * 37 * DBL_EPSILON);
            }
            assert_near(sum, 1, 4 * 37 * DBL_EPSILON);
            assert_int_equal(d->products, 16 * 30);
            tw_density_free(d);
        }
}

static void bands_cover_the_true_masses(void **state)
{
    (void)state;
    enum { N = 48, BINS = 4 };
    static chosen a;
    for (int i = 0; i < N; i++) a.d[i] = (double)(i % 12) / 12 + (i < 24 ? 1 : -1);
    tw_linop op = rotated(&a, N, 4);
    int covered[BINS] = {0}, below[BINS] = {0};
    for (int seed = 0; seed < 1000; seed++) {
        tw_density_opts opts = tw_density_defaults();
        tw_density *d = NULL;
        opts.seed = (uint64_t)seed;
        opts.probes = 8;
        opts.steps = 26; // 24 different eigenvalues: exact quadrature
        opts.bins = BINS;
        opts.lo = -1.2;
        opts.hi = 2.2;
        opts.width = 0.3;
        must(tw_density_new(&op, &opts, &d));
        double sum = 0;
        for (int b = 0; b < BINS; b++) {
            double truth = true_mass(&a, d, b);
            sum += truth;
            if (b == BINS - 1) sum = 1;
            covered[b] += d->mass_lo[b] <= truth && truth <= d->mass_hi[b];
            below[b] += d->cumulative_lo[b] <= sum && sum <= d->cumulative_hi[b];
        }
        assert_true(d->truncation < 0.01);
        tw_density_free(d);
    }
    assert_int_equal(below[BINS - 1], 1000);
    for (int b = 0; b < BINS; b++) {
        print_message("bin %d: %d, cumulative %d of 1000 bands cover\n", b, covered[b], below[b]);
        assert_in_range(covered[b], 930, 970);
        if (b < BINS - 1) assert_in_range(below[b], 930, 970); // the last one is 1 without error: always
    }
}

// Truth: one eigenvalue holds all mass, and the first step ends every probe.
static void a_multiple_of_the_identity_is_one_peak(void **state)
{
    (void)state;
    static chosen a;
    const double scale[] = {0, 3, 1e150, -1e-150};
    for (int c = 0; c < 4; c++) {
        for (int i = 0; i < 50; i++) a.d[i] = scale[c];
        tw_linop op = rotated(&a, 50, 4);
        tw_density_opts opts = tw_density_defaults();
        tw_density *d = NULL;
        opts.bins = 51;
        must(tw_density_new(&op, &opts, &d));
        double near = 0;
        for (int64_t b = 20; b <= 30; b++) near += d->mass[b];
        assert_near(near, 1, 1e-6); // five bins, so five sd, on either side of the middle one
        tw_density_free(d);
    }
}

// Truth: the same nodes binned at once. Equal bits: the same arithmetic in the same order.
static void other_bins_of_the_same_nodes_are_those_of_a_new_density(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = decaying(&a, 200, 4);
    tw_density_opts opts = tw_density_defaults();
    tw_density *symlog = NULL, *linear = NULL, *again = NULL;
    opts.steps = 30;
    opts.symlog = true;
    must(tw_density_new(&op, &opts, &symlog));
    opts.symlog = false;
    opts.bins = 51;
    must(tw_density_new(&op, &opts, &linear));
    must(tw_density_rebin(symlog, &opts, &again));
    size_t size = 51 * sizeof(double);
    assert_memory_equal(again->edge, linear->edge, size);
    assert_memory_equal(again->mass, linear->mass, size);
    assert_memory_equal(again->mass_lo, linear->mass_lo, size);
    assert_memory_equal(again->mass_hi, linear->mass_hi, size);
    assert_memory_equal(again->cumulative, linear->cumulative, size);
    assert_true(isnan(again->truncation));
    opts.bins = 0;
    tw_density *none = NULL;
    must_fail(tw_density_rebin(symlog, &opts, &none), TW_EINVAL, "bins = 0");
    assert_null(none);
    tw_density_free(symlog);
    tw_density_free(linear);
    tw_density_free(again);
}

static void too_few_steps_show_in_truncation(void **state)
{
    (void)state;
    static chosen a;
    for (int i = 0; i < 300; i++) a.d[i] = sin(i);
    tw_linop op = rotated(&a, 300, 4);
    tw_density_opts opts = tw_density_defaults();
    tw_density *few = NULL, *many = NULL;
    opts.steps = 5;
    must(tw_density_new(&op, &opts, &few));
    opts.steps = 100;
    opts.width = 0.1;
    must(tw_density_new(&op, &opts, &many));
    assert_true(few->truncation > 0.02 && many->truncation < 1e-3);
    tw_density_free(few);
    tw_density_free(many);
}

// ---- all ----

static bool stop_at_once(void *ctx, const char *what, double done, double total)
{
    (void)ctx;
    (void)what;
    return done > total; // never: false
}

static void bad_options_products_and_stops_are_named(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = decaying(&a, 100, 4);
    tw_trace_opts t = tw_trace_defaults();
    tw_density_opts o = tw_density_defaults();
    tw_estimate e = {.value = 7};
    tw_density *d = NULL;
    t.products = 30;
    a.bad_call = 7;
    must_fail(tw_trace(&op, &t, &e), TW_ENUMERIC, "entry 0 is nan");
    a.bad_call = a.calls + 9;
    must_fail(tw_density_new(&op, &o, &d), TW_ENUMERIC, "entry 0 is nan");
    a.bad_call = 0;
    t.progress.tick = o.progress.tick = stop_at_once;
    must_fail(tw_trace(&op, &t, &e), TW_ESTOPPED, "stopped after");
    must_fail(tw_density_new(&op, &o, &d), TW_ESTOPPED, "stopped after");
    t.products = 5;
    must_fail(tw_trace(&op, &t, &e), TW_EINVAL, "products = 5");
    o.bins = 0;
    must_fail(tw_density_new(&op, &o, &d), TW_EINVAL, "bins = 0");
    o.bins = 1;
    o.lo = NAN;
    must_fail(tw_density_new(&op, &o, &d), TW_EINVAL, "range nan");
    assert_true(e.value == 7 && d == NULL);
}

static tw_status second_differences(void *ctx, int64_t k, const double *x, double *y)
{
    int64_t n = *(const int64_t *)ctx;
    for (int64_t j = 0; j < k; j++, x += n, y += n)
        for (int64_t i = 0; i < n; i++) y[i] = 2 * x[i] - (i > 0 ? x[i - 1] : 0) - (i + 1 < n ? x[i + 1] : 0);
    return TW_OK;
}

// n of several slabs, so that there is something to share.
static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    int64_t n = 9001;
    tw_linop op = {n, second_differences, &n, 4, DBL_EPSILON};
    const int threads[] = {1, 2, 3, 8};
    tw_estimate first = {0};
    tw_density *before = NULL;
    for (int t = 0; t < 4; t++) {
        tw_trace_opts opts = tw_trace_defaults();
        tw_density_opts o = tw_density_defaults();
        tw_estimate e;
        tw_density *d = NULL;
        opts.products = 24;
        o.probes = 6;
        o.steps = 10;
        must(tw_threads_set(threads[t]));
        must(tw_trace(&op, &opts, &e));
        must(tw_density_new(&op, &o, &d));
        if (t > 0) {
            assert_true(e.value == first.value && e.error == first.error);
            assert_memory_equal(d->mass_hi, before->mass_hi, (size_t)d->bins * sizeof(double));
        }
        tw_density_free(before);
        before = d;
        first = e;
    }
    tw_density_free(before);
    must(tw_threads_set(2));
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static chosen a;
    tw_linop op = decaying(&a, 40, 4);
    tw_trace_opts opts = tw_trace_defaults();
    tw_density_opts o = tw_density_defaults();
    o.probes = 2;
    o.steps = 3;
    opts.products = 12;
    tw_status st = TW_ENOMEM;
    for (int call = 1; st != TW_OK; call++) {
        tw_estimate e;
        tw_alloc_fail_at(call);
        st = tw_trace(&op, &opts, &e);
        assert_true(st == TW_OK || st == TW_ENOMEM);
    }
    st = TW_ENOMEM;
    for (int call = 1; st != TW_OK; call++) {
        tw_density *d = NULL;
        tw_alloc_fail_at(call);
        st = tw_density_new(&op, &o, &d);
        assert_true(st == TW_OK || st == TW_ENOMEM);
        tw_density_free(d);
    }
    tw_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student_quantiles_are_those_of_the_tables),
        cmocka_unit_test(hutchinson_intervals_cover),
        cmocka_unit_test(hutchpp_intervals_cover),
        cmocka_unit_test(norm_intervals_cover),
        cmocka_unit_test(hutchpp_beats_hutchinson_when_eigenvalues_decay),
        cmocka_unit_test(enough_products_give_exact_answers),
        cmocka_unit_test(a_sampled_diagonal_is_within_its_errors),
        cmocka_unit_test(signs_are_exact_on_diagonal_matrices),
        cmocka_unit_test(mass_is_one_on_both_axes),
        cmocka_unit_test(bands_cover_the_true_masses),
        cmocka_unit_test(a_multiple_of_the_identity_is_one_peak),
        cmocka_unit_test(other_bins_of_the_same_nodes_are_those_of_a_new_density),
        cmocka_unit_test(too_few_steps_show_in_truncation),
        cmocka_unit_test(bad_options_products_and_stops_are_named),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
