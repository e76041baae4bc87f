// SPDX-License-Identifier: MIT
// Simulated and split escapes against the exact chain, which shares no code with them.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "sim/escape_lanes.h"
#include "thalweg/theory_escape.h"

static const double quartic[] = {1, 0, -2, 0, 1};

static tw_escape_chain_spec on_quartic(tw_escape_noise noise, double strength, double eta)
{
    return (tw_escape_chain_spec){.n = 1,
                                  .terms = 5,
                                  .coef = {1, 0, -2, 0, 1},
                                  .noise = noise,
                                  .strength = strength,
                                  .eta = eta,
                                  .B = 2,
                                  .start = -1,
                                  .absorb = 0,
                                  .lo = -2.6,
                                  .seed = 5};
}

static double exact(const tw_escape_chain_spec *c)
{
    tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 5, .coef = quartic},
                           .lo = c->lo,
                           .start = c->start,
                           .absorb = c->absorb};
    tw_escape_time t;
    double rate = c->eta / (2 * c->B);
    if (c->noise == TW_ESCAPE_SHARP)
        p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_ABS_HESS, .scale = rate, .delta = c->strength};
    else
        p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_CONST,
                                            .scale = c->noise == TW_ESCAPE_WHITE ? c->strength : rate * c->strength};
    must(tw_escape_chain(&p, c->eta, &t));
    return t.mean;
}

enum { REPLICAS = 4000 };

static double mean_of(const int64_t *steps, int64_t count, double *error)
{
    double sum = 0, square = 0, n = (double)count;
    for (int64_t i = 0; i < count; i++) sum += (double)steps[i] / n;
    for (int64_t i = 0; i < count; i++) square += pow((double)steps[i] - sum, 2);
    *error = sqrt(square / (n - 1) / n);
    return sum;
}

// Within four standard errors (1.6 % with 4,000 replicas): a wrong noise law or one step miscounted in 16 shows.
static void simulated_means_are_those_of_the_exact_chain(void **state)
{
    (void)state;
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    const tw_escape_chain_spec chain[] = {on_quartic(TW_ESCAPE_WHITE, 0.4, 0.02), on_quartic(TW_ESCAPE_SHARP, 1, 0.1),
                                          on_quartic(TW_ESCAPE_GAUSSIAN, 40, 0.05)};
    for (int i = 0; i < 3; i++) {
        double error, truth = exact(&chain[i]);
        must(tw_escape_simulate(&chain[i], REPLICAS, 1 << 30, NULL, steps, escaped));
        double mean = mean_of(steps, REPLICAS, &error);
        print_message("noise %d: %.5g steps, exact %.5g, error %.2g\n", (int)chain[i].noise, mean, truth, error);
        assert_near(mean, truth, 4 * error);
        for (int j = 0; j < REPLICAS; j++) assert_true(escaped[j]);
    }
}

// A move below lo is not made: close behind the start that shortens the wait by a third and more, in simulation on one
// polynomial, on parts, and in splitting.
static void moves_below_lo_are_not_made(void **state)
{
    (void)state;
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.25, 0.02);
    double error, open = exact(&c);
    c.lo = -1.02;
    double truth = exact(&c);
    assert_true(truth < open / 1.5);
    must(tw_escape_simulate(&c, REPLICAS, 1 << 30, NULL, steps, escaped));
    double mean = mean_of(steps, REPLICAS, &error);
    print_message("%.5g steps, exact %.5g, with room below %.5g\n", mean, truth, open);
    assert_near(mean, truth, 4 * error);
    tw_escape_part part = {{.shape = TW_ESCAPE_POLY, .terms = 5, .coef = quartic}, c.start, c.absorb, c.lo};
    tw_escape_chain_spec on_part = c;
    on_part.parts = 1;
    on_part.part = &part;
    must(tw_escape_simulate(&on_part, REPLICAS, 1 << 30, NULL, steps, escaped));
    mean = mean_of(steps, REPLICAS, &error);
    assert_near(mean, truth, 4 * error);
    for (int parts = 0; parts < 2; parts++) {
        tw_escape_chain_spec rare = parts ? on_part : c;
        tw_escape_splitting found;
        rare.strength = 0.06;
        must(tw_escape_split(&rare, 12, 300, NULL, NULL, NULL, &found));
        assert_true(found.rare && found.error < 0.15);
        rare.parts = 0;
        assert_near(log(found.mean), log(exact(&rare)), 4 * found.error);
    }
}

// Splitting draws the same noises in its own words: beside the exact chain, four standard errors; a covariance given as
// its root is that of Gaussian noise, and two ends that are alike halve the time.
static void splitting_knows_every_noise_and_both_ends(void **state)
{
    (void)state;
    const double parabola[] = {0, 0, 0.5}, root = sqrt(12);
    tw_escape_chain_spec chain[4] = {on_quartic(TW_ESCAPE_SHARP, 4, 0.02), on_quartic(TW_ESCAPE_GAUSSIAN, 12, 0.02),
                                     on_quartic(TW_ESCAPE_GAUSSIAN, 12, 0.02), on_quartic(TW_ESCAPE_WHITE, 0.04, 0.05)};
    tw_escape_part full = {{.shape = TW_ESCAPE_POLY, .terms = 5, .coef = quartic}, -1, 0, -2.6};
    tw_escape_part box = {{.shape = TW_ESCAPE_POLY, .terms = 3, .coef = parabola}, 0, 1.1, -1.1};
    tw_escape_problem one_side = {
        .landscape = box.landscape, .diffusion = {.law = TW_ESCAPE_CONST, .scale = 0.04}, .lo = -3, .absorb = 1.1};
    tw_escape_time t;
    double truth[4];
    chain[0].B = 0.9;
    for (int i = 0; i < 3; i++) truth[i] = exact(&chain[i]);
    must(tw_escape_chain(&one_side, chain[3].eta, &t));
    truth[3] = t.mean / 2;
    chain[2].noise = TW_ESCAPE_FULL;
    chain[2].root = &root;
    chain[2].parts = chain[3].parts = 1;
    chain[2].part = &full;
    chain[3].part = &box;
    chain[3].both = true;
    for (int i = 0; i < 4; i++) {
        tw_escape_splitting found;
        must(tw_escape_split(&chain[i], 12, 300, NULL, NULL, NULL, &found));
        print_message("%d: %.4g steps, exact %.4g, error %.2f\n", i, found.mean, truth[i], found.error);
        assert_true(found.rare && found.error < 0.25);
        assert_near(log(found.mean), log(truth[i]), 4 * found.error);
    }
}

// The lanes for any processor, which the program does not choose here, obey the same law.
static void plain_lanes_obey_the_same_law(void **state)
{
    (void)state;
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.5, 0.05);
    float *x = NULL;
    double error;
    must(tw_alloc(tw_escape_room(1), sizeof *x, &x));
    tw_escape_plain.group(&c, NULL, 0, REPLICAS, 1 << 30, x, steps, escaped);
    double mean = mean_of(steps, REPLICAS, &error);
    assert_near(mean, exact(&c), 4 * error);
    free(x);
}

// With one sample of data noise on a parabola the noise is Gaussian: L' (x - s z) = h x - h s z, so C = h^2 s^2.
static void data_noise_on_a_parabola_is_gaussian_noise(void **state)
{
    (void)state;
    static int64_t a[REPLICAS], b[REPLICAS];
    static bool escaped[REPLICAS];
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_SAMPLES, 0.7, 0.1);
    double ea, eb;
    c.coef[2] = 1.5;
    c.coef[0] = c.coef[4] = 0;
    c.start = 0;
    c.absorb = 0.6;
    must(tw_escape_simulate(&c, REPLICAS, 1 << 30, NULL, a, escaped));
    c.noise = TW_ESCAPE_GAUSSIAN;
    c.strength = 9 * 0.49;
    must(tw_escape_simulate(&c, REPLICAS, 1 << 30, NULL, b, escaped));
    double ma = mean_of(a, REPLICAS, &ea), mb = mean_of(b, REPLICAS, &eb);
    assert_true(ma > 50);
    assert_near(ma, mb, 4 * hypot(ea, eb));
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static int64_t a[1000], b[1000];
    static bool ea[1000], eb[1000];
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.5, 0.05);
    c.n = 3;
    tw_escape_splitting first = {.rare = false};
    const int threads[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        tw_escape_splitting s;
        tw_escape_chain_spec rare = on_quartic(TW_ESCAPE_WHITE, 0.06, 0.02);
        must(tw_threads_set(threads[i]));
        must(tw_escape_simulate(&c, 1000, 1000, NULL, i ? b : a, i ? eb : ea));
        must(tw_escape_split(&rare, 6, 40, NULL, NULL, NULL, &s));
        if (i == 0) first = s;
        if (i) assert_memory_equal(a, b, sizeof a);
        if (i) assert_memory_equal(ea, eb, sizeof ea);
        assert_true(s.mean == first.mean && s.error == first.error && s.steps == first.steps);
    }
    must(tw_threads_set(2));
}

// L_k(x) = L(sqrt(k) x) at rate eta is L at rate k eta, step for step (k = 4: scaling by two is exact).
static void sharpness_is_step_size(void **state)
{
    (void)state;
    static int64_t a[500], b[500];
    static bool escaped[500];
    const tw_escape_noise noise[] = {TW_ESCAPE_WHITE, TW_ESCAPE_SHARP};
    for (int i = 0; i < 2; i++) {
        tw_escape_chain_spec one = on_quartic(noise[i], i ? 1 : 0.5, 0.08), four = one;
        four.eta = one.eta / 4;
        for (int j = 0; j < 5; j++) four.coef[j] = one.coef[j] * pow(2, j);
        four.start = one.start / 2;
        four.absorb = one.absorb / 2;
        four.lo = one.lo / 2;
        if (i) four.strength = 4 * one.strength; // delta is a curvature
        must(tw_escape_simulate(&one, 500, 1 << 30, NULL, a, escaped));
        must(tw_escape_simulate(&four, 500, 1 << 30, NULL, b, escaped));
        assert_memory_equal(a, b, sizeof a);
    }
}

static void runs_are_cut_off_at_the_horizon(void **state)
{
    (void)state;
    static int64_t steps[100];
    static bool escaped[100];
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.4, 0.02);
    int cut = 0;
    must(tw_escape_simulate(&c, 100, 77, NULL, steps, escaped));
    for (int i = 0; i < 100; i++) {
        assert_true(steps[i] >= 1 && steps[i] <= 77);
        if (!escaped[i]) assert_int_equal(steps[i], 77);
        cut += !escaped[i];
    }
    assert_in_range(cut, 50, 99);
    c.strength = 0;
    must(tw_escape_simulate(&c, 17, 33, NULL, steps, escaped));
    for (int i = 0; i < 17; i++) assert_true(!escaped[i] && steps[i] == 33);
}

// 24 seeds at 2.4e7 steps: the 95 % intervals hold the exact time in at least 19 (P below 1e-3 were they to cover 95
// %), and the mean rate over seeds is unbiased within three standard errors.
static void splitting_covers_the_exact_time(void **state)
{
    (void)state;
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.07, 0.02);
    double truth = exact(&c), sum = 0, square = 0;
    int covered = 0;
    for (int seed = 0; seed < 24; seed++) {
        tw_escape_splitting s;
        c.seed = (uint64_t)seed + 100;
        must(tw_escape_split(&c, 8, 60, NULL, NULL, NULL, &s));
        assert_true(s.rare);
        covered += s.lo <= truth && truth <= s.hi;
        sum += truth / s.mean / 24;
        square += pow(truth / s.mean, 2) / 24;
    }
    double error = sqrt((square - sum * sum) / 23);
    print_message("%d of 24 intervals hold %.4g; rate over exact rate %.3f, error %.3f\n", covered, truth, sum, error);
    assert_true(covered >= 19);
    assert_near(sum, 1, 3 * error);
    assert_true(error < 0.1);
}

static void an_escape_of_1e12_steps_is_measured(void **state)
{
    (void)state;
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.04, 0.01);
    tw_escape_splitting s;
    must(tw_escape_split(&c, 8, 200, NULL, NULL, NULL, &s));
    assert_true(s.lo <= 4519318490724.92 && 4519318490724.92 <= s.hi); // the reference file's
    assert_true(s.error < 0.35 && s.steps < 20000000);
    c.strength = 0.5;
    must(tw_escape_split(&c, 8, 200, NULL, NULL, NULL, &s));
    assert_false(s.rare);
}

static void bad_numbers_are_named(void **state)
{
    (void)state;
    int64_t steps[2];
    bool escaped[2];
    tw_escape_splitting s;
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.4, 0.02), bad = c;
    bad.eta = NAN;
    must_fail(tw_escape_simulate(&bad, 2, 10, NULL, steps, escaped), TW_EINVAL, "eta: found nan");
    bad = c;
    bad.n = 0;
    must_fail(tw_escape_simulate(&bad, 2, 10, NULL, steps, escaped), TW_EINVAL, "dimension: found 0");
    bad = c;
    bad.absorb = -1;
    must_fail(tw_escape_simulate(&bad, 2, 10, NULL, steps, escaped), TW_EINVAL, "lo <= start < absorb");
    bad = c;
    bad.noise = TW_ESCAPE_SAMPLES;
    bad.B = 1.5;
    must_fail(tw_escape_simulate(&bad, 2, 10, NULL, steps, escaped), TW_EINVAL, "whole number of samples");
    must_fail(tw_escape_simulate(&c, 0, 10, NULL, steps, escaped), TW_EINVAL, "replicas: found 0");
    must_fail(tw_escape_simulate(&c, 2, 0, NULL, steps, escaped), TW_EINVAL, "steps: found 0");
    must_fail(tw_escape_split(&c, 3, 100, NULL, NULL, NULL, &s), TW_EINVAL, "at least 4 of 10");
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.09, 0.05);
    tw_status st = TW_ENOMEM;
    must(tw_threads_set(1));
    for (int call = 1; st != TW_OK && call < 3000; call += 1 + call / 10) {
        tw_escape_splitting s;
        tw_alloc_fail_at(call);
        st = tw_escape_split(&c, 4, 10, NULL, NULL, NULL, &s);
        assert_true(st == TW_OK || st == TW_ENOMEM);
    }
    tw_alloc_fail_at(0);
    assert_int_equal(st, TW_OK);
    must(tw_threads_set(2));
}

// ---- parts: functions, ends on both sides, correlated noise
// -----------------------------------------------------------

static double quartic_again(const void *ctx, int d, double x)
{
    double k = *(const double *)ctx; // k (x^2 - 1)^2
    return d == 0 ? k * (x * x - 1) * (x * x - 1) : d == 1 ? 4 * k * x * (x * x - 1) : k * (12 * x * x - 4);
}

static tw_escape_part function_part(const double *k, double lo)
{
    return (tw_escape_part){{.shape = TW_ESCAPE_FUNCTION, .value = quartic_again, .ctx = k}, -1, 0, lo};
}

// The same potential as a function: the same exact chain, for every noise; and through splitting where escapes are
// rare.
static void a_function_is_left_as_the_polynomial_it_is(void **state)
{
    (void)state;
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    const double one = 1;
    tw_escape_part part = function_part(&one, -2.6);
    tw_escape_chain_spec chain[] = {on_quartic(TW_ESCAPE_WHITE, 0.4, 0.02), on_quartic(TW_ESCAPE_SHARP, 1, 0.1),
                                    on_quartic(TW_ESCAPE_GAUSSIAN, 40, 0.05)};
    for (int i = 0; i < 3; i++) {
        double error, truth = exact(&chain[i]);
        chain[i].parts = 1;
        chain[i].part = &part;
        must(tw_escape_simulate(&chain[i], REPLICAS, 1 << 30, NULL, steps, escaped));
        double mean = mean_of(steps, REPLICAS, &error);
        assert_near(mean, truth, 4 * error);
    }
    tw_escape_chain_spec rare = on_quartic(TW_ESCAPE_WHITE, 0.06, 0.02);
    tw_escape_splitting s;
    double truth = exact(&rare);
    rare.parts = 1;
    rare.part = &part;
    must(tw_escape_split(&rare, 12, 200, NULL, NULL, NULL, &s));
    assert_true(s.rare);
    assert_near(s.mean, truth, 4 * s.error * truth);
}

// Two coordinates with one noise for both are one coordinate; with noises of their own, two equal ones leave half as
// late as one, up to the first relaxation.
static void correlated_noise_moves_coordinates_together(void **state)
{
    (void)state;
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    const double one = 1, r = sqrt(40), same[] = {r, 0, r, 0}, own[] = {r, 0, 0, r};
    tw_escape_part part = function_part(&one, -2.6);
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_GAUSSIAN, 40, 0.05);
    double error, truth = exact(&c);
    c.noise = TW_ESCAPE_FULL;
    c.n = 2;
    c.parts = 1;
    c.part = &part;
    c.root = same;
    must(tw_escape_simulate(&c, REPLICAS, 1 << 30, NULL, steps, escaped));
    double mean = mean_of(steps, REPLICAS, &error);
    assert_near(mean, truth, 4 * error);
    c.root = own;
    must(tw_escape_simulate(&c, REPLICAS, 1 << 30, NULL, steps, escaped));
    mean = mean_of(steps, REPLICAS, &error);
    assert_true(mean < 0.7 * truth && mean > 0.45 * truth);
}

// A parabola left on either side from its centre: beside a plain loop with another generator. The second part has its
// ends out of reach.
static void a_box_is_left_on_both_sides(void **state)
{
    (void)state;
    static int64_t steps[REPLICAS], plain[REPLICAS];
    static bool escaped[REPLICAS];
    const double half[] = {0, 0, 0.5};
    tw_escape_part part[] = {{{.shape = TW_ESCAPE_POLY, .terms = 3, .coef = half}, 0, 0.8, -0.6},
                             {{.shape = TW_ESCAPE_POLY, .terms = 3, .coef = half}, 0, 90, -90}};
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.05, 0.1);
    double ea, eb;
    c.n = c.parts = 2;
    c.part = part;
    c.both = true;
    must(tw_escape_simulate(&c, REPLICAS, 1 << 30, NULL, steps, escaped));
    for (int64_t i = 0; i < REPLICAS; i++) {
        tw_rng rng = tw_rng_at(4, TW_RNG_TEST, (uint64_t)i);
        double x = 0;
        for (plain[i] = 0; x > -0.6 && x < 0.8; plain[i]++) x = 0.9 * x + 0.1 * tw_rng_normal(&rng);
    }
    double a = mean_of(steps, REPLICAS, &ea), b = mean_of(plain, REPLICAS, &eb);
    print_message("%.5g steps, plain loop %.5g\n", a, b);
    assert_near(a, b, 4 * hypot(ea, eb));
}

static void parts_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    int64_t steps[1];
    bool escaped[1];
    const double one = 1;
    tw_escape_part part = function_part(&one, -2.6);
    tw_escape_chain_spec c = on_quartic(TW_ESCAPE_WHITE, 0.4, 0.02);
    c.both = true;
    must_fail(tw_escape_simulate(&c, 1, 1, NULL, steps, escaped), TW_EINVAL, "expected parts");
    c.parts = 2;
    c.part = &part;
    must_fail(tw_escape_simulate(&c, 1, 1, NULL, steps, escaped), TW_EINVAL, "at most one for each");
    c.parts = 1;
    part.lo = part.start;
    must_fail(tw_escape_simulate(&c, 1, 1, NULL, steps, escaped), TW_EINVAL, "lo < start");
    const double nothing = NAN;
    part = function_part(&nothing, -2.6);
    must_fail(tw_escape_simulate(&c, 1, 1, NULL, steps, escaped), TW_EINVAL, "no number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulated_means_are_those_of_the_exact_chain),
        cmocka_unit_test(moves_below_lo_are_not_made),
        cmocka_unit_test(splitting_knows_every_noise_and_both_ends),
        cmocka_unit_test(plain_lanes_obey_the_same_law),
        cmocka_unit_test(data_noise_on_a_parabola_is_gaussian_noise),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(sharpness_is_step_size),
        cmocka_unit_test(runs_are_cut_off_at_the_horizon),
        cmocka_unit_test(splitting_covers_the_exact_time),
        cmocka_unit_test(an_escape_of_1e12_steps_is_measured),
        cmocka_unit_test(bad_numbers_are_named),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(a_function_is_left_as_the_polynomial_it_is),
        cmocka_unit_test(correlated_noise_moves_coordinates_together),
        cmocka_unit_test(a_box_is_left_on_both_sides),
        cmocka_unit_test(parts_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
