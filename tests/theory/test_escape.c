// SPDX-License-Identifier: MIT
// Escape times against reference values, closed forms, and each other by ways that share no code.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "theory/escape.h"
#include "theory/escape_cases.h"
#include "theory/gamma.h"
#include <unistd.h>

static void near_relative(double found, double truth, double bound)
{
    if (!(fabs(found - truth) <= bound * fabs(truth)))
        fail_msg("found %.17g, truth %.17g, apart by %.3g of it, bound %.3g", found, truth,
                 fabs(found - truth) / fabs(truth), bound);
}

// ---- the reference file: made by other programs in longer arithmetic ----

static void compare(const char *id, const json_t *found, const json_t *truth, double rtol)
{
    size_t i;
    const char *key;
    json_t *v;
    if (json_is_object(truth)) {
        json_object_foreach((json_t *)(uintptr_t)truth, key, v) compare(id, json_object_get(found, key), v, rtol);
    } else if (json_is_array(truth)) {
        if (json_array_size(found) != json_array_size(truth)) fail_msg("%s: wrong length", id);
        json_array_foreach(truth, i, v) compare(id, json_array_get(found, i), v, rtol);
    } else if (json_is_real(truth)) {
        double x = json_number_value(found), t = json_number_value(truth);
        if (!json_is_number(found) || !(fabs(x - t) <= (t == 0 ? 1e-12 : rtol * fabs(t))))
            fail_msg("%s: found %.17g, truth %.17g", id, x, t);
    } else if (!found || !json_equal(found, truth)) {
        fail_msg("%s: found something else than %s", id, json_dumps(truth, JSON_ENCODE_ANY));
    }
}

static size_t agree(const char *path)
{
    json_t *file = NULL, *answers = NULL, *entry;
    size_t i;
    must(tw_json_load(path, &file));
    must(tw_escape_solve_cases(path, &answers));
    json_array_foreach(json_object_get(file, "cases"), i, entry)
    {
        json_t *answer = json_array_get(json_object_get(answers, "cases"), i);
        const char *id = json_string_value(json_object_get(entry, "id"));
        assert_string_equal(id, json_string_value(json_object_get(answer, "id")));
        compare(id, json_object_get(answer, "out"), json_object_get(entry, "out"),
                json_number_value(json_object_get(entry, "rtol")));
    }
    json_decref(file);
    json_decref(answers);
    return i;
}

static void every_reference_case_agrees(void **state)
{
    (void)state;
    assert_int_equal(agree(TW_TEST_DATA "/escape_solve.json"), 72);
    assert_int_equal(agree(TW_TEST_DATA "/escape_more.json"), 5); // groups first_of_n_copies and valley_chain
}

static const double two_wells[] = {1, 0, -2, 0, 1};

// The first of one copy is that copy, whatever the convention; the first of many is later than T_1 / n, for none leaves
// before it has had time to climb, and a rare one's rates add: the gap closes as the exponent grows.
static void the_first_of_copies_is_between_one_and_all(void **state)
{
    (void)state;
    double last = 0;
    for (double exponent = 3; exponent <= 12; exponent += 3) {
        double one, ten, slowest;
        tw_escape_time single;
        tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 5, .coef = two_wells},
                               .diffusion = {.law = TW_ESCAPE_CONST, .scale = 1 / exponent},
                               .convention = exponent > 5 ? TW_ESCAPE_ITO : TW_ESCAPE_ISOTHERMAL,
                               .lo = -2.6,
                               .start = -1};
        must(tw_escape_mfpt(&p, &single));
        must(tw_escape_first(&p, 1, &one, &slowest));
        near_relative(one, single.mean, 1e-8);
        must(tw_escape_first(&p, 10, &ten, &slowest));
        double ratio = single.mean / (10 * ten);
        assert_true(ratio < 1 && ratio > last);
        last = ratio;
    }
    assert_true(last > 0.99);
    tw_escape_problem bad = {.landscape = {.shape = TW_ESCAPE_PIECEWISE, .ha = 1, .hb = 1, .dl = 1}};
    double mean, slowest;
    must_fail(tw_escape_first(&bad, 0, &mean, &slowest), TW_EINVAL, "at least one");
    must_fail(tw_escape_first(&bad, 2, &mean, &slowest), TW_EINVAL, "smooth");
}

// Two valleys: shares as the times of a stay. A ring 0 -> 1 -> 2 -> 0: likewise, for every stay follows every other.
// Rates from 1 to 1e-300 lose no digit.
static void shares_of_valleys_balance(void **state)
{
    (void)state;
    const double two[] = {0, 1e-300, 3, 0}, ring[] = {0, 2, 0, 0, 0, 5, 1e-9, 0, 0}, stuck[] = {0, 1, 0, 0};
    double share[3], stay[3];
    must(tw_escape_valleys(2, two, share, stay));
    near_relative(share[0], 1, 1e-15);
    near_relative(share[1], 1e-300 / 3, 1e-15);
    must(tw_escape_valleys(3, ring, share, stay));
    double all = 0.5 + 0.2 + 1e9;
    near_relative(share[0], 0.5 / all, 1e-15);
    near_relative(share[1], 0.2 / all, 1e-15);
    near_relative(stay[2], 1e9, 1e-15);
    must_fail(tw_escape_valleys(2, stuck, share, stay), TW_EINVAL, "no way from valley 1");
    const double negative[] = {0, -1, 1, 0};
    must_fail(tw_escape_valleys(2, negative, share, stay), TW_EINVAL, "rates[0][1]: found -1");
}

// ---- closed forms, and one solver against another ----

static const double flat[] = {0}, quartic[] = {1, 0, -2, 0, 1};

static tw_escape_problem on_quartic(double D, double absorb)
{
    return (tw_escape_problem){.landscape = {.shape = TW_ESCAPE_POLY, .terms = 5, .coef = quartic},
                               .diffusion = {.law = TW_ESCAPE_CONST, .scale = D},
                               .lo = -2.6,
                               .start = -1,
                               .absorb = absorb};
}

// No force: T = ((absorb - lo)^2 - (start - lo)^2) / 2D.
static void free_diffusion_takes_the_square_of_the_distance(void **state)
{
    (void)state;
    tw_escape_time t;
    tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 1, .coef = flat},
                           .diffusion = {.law = TW_ESCAPE_CONST, .scale = 0.7},
                           .lo = -1.5,
                           .start = 0.25,
                           .absorb = 2};
    must(tw_escape_mfpt(&p, &t));
    near_relative(t.mean, (3.5 * 3.5 - 1.75 * 1.75) / 1.4, 1e-13);
    p.start = p.lo;
    must(tw_escape_mfpt(&p, &t));
    near_relative(t.mean, 3.5 * 3.5 / 1.4, 1e-13);
    assert_near(t.exponent, 0, 1e-15);
}

// An exponent of 600 neither overflows nor loses digits: Kramers' time, whose next term is 0.375 D (docs/escape.md).
static void a_very_rare_escape_has_kramers_time(void **state)
{
    (void)state;
    tw_escape_time t;
    const double ha = 8, hb = -4;
    double full, half;
    tw_escape_problem p = on_quartic(1 / 600.0, 1);
    must(tw_escape_mfpt(&p, &t));
    must(tw_escape_kramers(1, &ha, &hb, 1, 1 / 600.0, &full, &half));
    near_relative(t.mean / full, 1 + 0.375 / 600, 1e-5);
    assert_near(t.exponent, 0, 1e-9); // as high there as here
    p.absorb = 0;
    must(tw_escape_mfpt(&p, &t));
    assert_near(t.exponent, 600, 1e-9);
    p.diffusion.scale = 1 / 800.0;
    must_fail(tw_escape_mfpt(&p, &t), TW_ENUMERIC, "beyond what a double holds");
}

// eta T of the chain over the time of the SDE is 1 + eta (|H_b| - H_a) / 4 + O(eta^2) for the far well.
static void the_chain_tends_to_the_diffusion_as_theory_says(void **state)
{
    (void)state;
    tw_escape_problem p = on_quartic(0.2, 1);
    tw_escape_time chain, sde;
    must(tw_escape_mfpt(&p, &sde));
    double gap[2];
    for (int i = 0; i < 2; i++) {
        double eta = 0.02 / (1 + i);
        must(tw_escape_chain(&p, eta, &chain));
        gap[i] = eta * chain.mean / sde.mean - 1;
    }
    near_relative((4 * gap[1] - gap[0]) / 0.02, (4 - 8) / 4.0, 0.2); // Richardson: the slope at 0, up to O(D)
    assert_true(fabs(gap[1]) < 0.6 * fabs(gap[0]));
}

// One coordinate of a box is a diffusion in one dimension, by quite another way.
static void a_box_of_one_dimension_is_a_line(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        double lambda = 0.3 + i, eta = 0.2, B = 1 + i, r = 0.2 + 0.4 * i, T;
        const double well[] = {0, 0, lambda / 2};
        tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 3, .coef = well},
                               .diffusion = {.law = TW_ESCAPE_CONST, .scale = eta / (2 * B) * lambda},
                               .absorb = r};
        tw_escape_time t;
        must(tw_escape_mfpt(&p, &t));
        must(tw_escape_box(1, &lambda, eta, B, r, &T));
        near_relative(T, t.mean, 1e-9);
        must(tw_escape_ball(1, lambda, p.diffusion.scale, r, &T));
        near_relative(T, t.mean, 1e-12);
    }
}

// Rare escapes from n equal sides add their rates; a sharper well only runs faster.
static void rates_add_over_the_sides_of_a_box(void **state)
{
    (void)state;
    const double one[] = {2}, four[] = {2, 2, 2, 2}, slow[] = {0.5};
    double T1, T4, Ts;
    must(tw_escape_box(1, one, 0.1, 1, 1.4, &T1));
    must(tw_escape_box(4, four, 0.1, 1, 1.4, &T4));
    must(tw_escape_box(1, slow, 0.1, 1, 1.4, &Ts));
    near_relative(T1 / T4, 4, 1e-6);
    near_relative(Ts / T1, 4, 1e-12);
    must_fail(tw_escape_box(1, one, 0.001, 1, 2, &T1), TW_ENUMERIC, "600");
}

// Without a force, from the centre of a ball: R^2 / (2 n D).
static void free_diffusion_leaves_a_ball(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 9; n += 3) {
        double T;
        must(tw_escape_ball(n, 1e-12, 0.3, 2, &T));
        near_relative(T, 4 / (0.6 * (double)n), 1e-10);
    }
}

// A valley of one width is one-dimensional wherever it is entered.
static void a_valley_of_constant_width_is_a_line(void **state)
{
    (void)state;
    tw_escape_problem p = on_quartic(0.3, 0.4);
    tw_escape_time line, valley;
    p.lo = -2.4;
    must(tw_escape_mfpt(&p, &line));
    for (int i = 0; i < 3; i++) {
        tw_escape_coupled v = {
            .ka = 3, .kb = 3, .centre = -0.5, .width = 0.3, .D = 0.3, .lo = -2.4, .absorb = 0.4, .x = -1, .y = 0.4 * i};
        must(tw_escape_coupled_time(&v, &valley));
        near_relative(valley.mean, line.mean, 1e-6);
    }
}

static void chi_squared_is_known_in_closed_form_for_even_dof(void **state)
{
    (void)state;
    for (double x = 0.01; x < 400; x *= 1.7) {
        near_relative(tw_chi2_tail(2, x), exp(-x / 2), 1e-13);
        near_relative(tw_chi2_tail(4, x), exp(-x / 2) * (1 + x / 2), 1e-12);
        near_relative(tw_chi2_tail(1, x), erfc(sqrt(x / 2)), 1e-12);
    }
    for (double p = 1e-9; p < 1; p = p < 0.4 ? p * 10 : (1 + p) / 2 + 1e-3)
        near_relative(tw_chi2_quantile(2, p), -2 * log1p(-p), 1e-9);
    near_relative(tw_chi2_quantile(1, 0.95), 3.841458820694124, 1e-13);
    near_relative(tw_chi2_quantile(2000, 0.975), 2125.84230245, 1e-10); // SciPy 1.10
}

// 2,000 experiments of 40 runs cut off at their mean time: the 95 % interval holds the truth in at least 95 % (it is
// conservative), 1.96 se of the logarithm in 93 to 97 %; a biased rate or a wrong tail falls outside.
static void the_interval_of_a_rate_covers(void **state)
{
    (void)state;
    enum { REPEATS = 2000, RUNS = 40 };
    int exact = 0, normal = 0;
    for (int i = 0; i < REPEATS; i++) {
        double duration[RUNS];
        bool event[RUNS];
        tw_escape_rate r;
        tw_rng rng = tw_rng_at(11, TW_RNG_START, (uint64_t)i);
        for (int j = 0; j < RUNS; j++) {
            double t = -log(1 - tw_rng_uniform(&rng)) * 50;
            event[j] = t < 50;
            duration[j] = event[j] ? t : 50;
        }
        must(tw_escape_rate_mle(RUNS, duration, event, &r));
        exact += r.lo <= 0.02 && 0.02 <= r.hi;
        normal += fabs(r.ln_tau - log(50)) <= 1.96 * r.se_ln_tau;
    }
    assert_in_range(exact, 1900, 1980); // 95 to 99 %
    assert_in_range(normal, 1860, 1940);
}

static void a_rate_without_events_has_only_an_upper_limit(void **state)
{
    (void)state;
    const double duration[] = {3, 4};
    const bool event[] = {false, false};
    tw_escape_rate r;
    must(tw_escape_rate_mle(2, duration, event, &r));
    assert_true(r.rate == 0 && r.lo == 0 && isnan(r.ln_tau));
    near_relative(r.hi, -log(0.025) / 7, 1e-12);
}

static void roots_of_a_slope_are_found_and_named(void **state)
{
    (void)state;
    // L' = (x - 1)(x - 2)(x - 3)(x + 4): x^4 - 2x^3 - 13x^2 + 38x - 24
    const double l[] = {7, -24, 19, -13.0 / 3, -0.5, 0.2}, cubic[] = {0, 0, 0, 1}, line[] = {1, 2};
    const double at[] = {-4, 1, 2, 3};
    tw_escape_point p[6];
    int64_t count;
    must(tw_escape_critical_points(6, l, &count, p));
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++) {
        near_relative(p[i].x, at[i], 1e-13);
        assert_string_equal(p[i].type, i % 2 ? "min" : "max");
    }
    must(tw_escape_critical_points(4, cubic, &count, p));
    assert_int_equal(count, 1);
    assert_string_equal(p[0].type, "inflection");
    must(tw_escape_critical_points(2, line, &count, p));
    assert_int_equal(count, 0);
}

static void bad_files_are_answered_with_place_found_and_expected(void **state)
{
    (void)state;
    static const struct {
        const char *in, *message;
    } bad[] = {
        {"\"kind\": \"mfpt\", \"in\": {}", "expected mfpt_1d, discrete_mfpt"},
        {"\"kind\": \"mfpt_1d\", \"in\": {\"landscape\": 3}", "in.landscape: found"},
        {"\"kind\": \"mfpt_1d\", \"in\": {\"landscape\": {\"kind\": \"poly\", \"coef\": []}}", "in.coef: found"},
        {"\"kind\": \"mfpt_1d\", \"in\": {\"landscape\": {\"kind\": \"poly\", \"coef\": [0, 1]}, \"diffusion\": "
         "{\"kind\": "
         "\"const\", \"D\": 0}, \"lo\": 0, \"start\": 0, \"absorb\": 1}",
         "found D = 0 at x = "},
        {"\"kind\": \"mfpt_1d\", \"in\": {\"landscape\": {\"kind\": \"poly\", \"coef\": [0, 1]}, \"diffusion\": "
         "{\"kind\": "
         "\"const\", \"D\": 1}, \"lo\": 0, \"start\": 2, \"absorb\": 1}",
         "expected lo <= start < absorb"},
        {"\"kind\": \"mfpt_1d\", \"in\": {\"convention\": \"Ito\"}", "expected \"ito\""},
        {"\"kind\": \"mfpt_1d\", \"in\": {\"landscape\": {\"kind\": \"poly\", \"coef\": [0, 1]}, \"diffusion\": "
         "{\"kind\": "
         "\"hess_piecewise\", \"scale\": 1}, \"lo\": 0, \"start\": 0, \"absorb\": 1}",
         "needs a piecewise_quadratic landscape"},
        {"\"kind\": \"discrete_mfpt\", \"in\": {\"landscape\": {\"kind\": \"poly\", \"coef\": [0]}, \"diffusion\": "
         "{\"kind\": "
         "\"const\", \"D\": 1e-12}, \"lo\": 0, \"start\": 0, \"absorb\": 1, \"eta\": 0.1}",
         "more than 8000 nodes"},
        {"\"kind\": \"kramers\", \"in\": {\"Ha_eigs\": [1], \"Hb_eigs\": [1], \"dL\": 1, \"D\": 1}",
         "Hb_eigs[0]: found 1"},
        {"\"kind\": \"kramers\", \"in\": {\"Ha_eigs\": [1], \"Hb_eigs\": [-1, 2], \"dL\": 1, \"D\": 1}", "Hb_eigs"},
        {"\"kind\": \"ddt\", \"in\": {\"dL\": 1, \"Hae\": 1, \"Hbe_abs\": 1, \"s\": 2, \"eta\": 1, \"B\": 1}",
         "s: found 2"},
        {"\"kind\": \"ddt\", \"in\": {\"dL\": 1, \"Hae\": 1, \"Hbe_abs\": 1, \"s\": 0, \"eta\": 1e-6, \"B\": 1}",
         "beyond what a double holds"},
        {"\"kind\": \"box_exit\", \"in\": {\"H_eigs\": [1, -1], \"eta\": 1, \"B\": 1, \"half_width\": 1}",
         "H_eigs[1]: found -1"},
        {"\"kind\": \"radial_exit\", \"in\": {\"n\": 2, \"lambda\": 0, \"D\": 1, \"R\": 1}", "lambda = 0"},
        {"\"kind\": \"coupled_2d\", \"in\": {\"noise\": \"pink\"}", "\"white\" or \"hessian\""},
        {"\"kind\": \"coupled_2d\", \"in\": {\"noise\": \"hessian\", \"ka\": 1, \"kb\": 1, \"kappa_center\": 0, "
         "\"kappa_width\": 1, \"c\": 1, \"he\": \"8 to 4\"}",
         "in.he: found"},
        {"\"kind\": \"rate_mle\", \"in\": {\"durations\": [1, 2], \"event\": [1, 2]}", "event[1]: found 2"},
        {"\"kind\": \"rate_mle\", \"in\": {\"durations\": [1, -2], \"event\": [1, 0]}", "durations[1]: found -2"},
        {"\"kind\": \"wls\", \"in\": {\"x\": [1, 1, 1], \"y\": [1, 2, 3], \"se\": [1, 1, 1]}", "every x is the same"},
        {"\"kind\": \"wls\", \"in\": {\"x\": [1, 2, 3], \"y\": [1, 2, 3], \"se\": [1, 0, 1]}", "point 1"},
    };
    char path[] = "/tmp/thalweg-escape-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *out = NULL;
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "{\"cases\": [{\"id\": \"a\", %s}]}", bad[i].in);
        fclose(file);
        assert_int_not_equal(tw_escape_solve_cases(path, &out), TW_OK);
        assert_null(out);
        if (!strstr(tw_error(), bad[i].message) || !strstr(tw_error(), path))
            fail_msg("message \"%s\" lacks \"%s\" or the file", tw_error(), bad[i].message);
    }
    remove(path);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    tw_escape_problem p = on_quartic(0.3, 0);
    tw_escape_coupled v = {.ka = 3, .kb = 3, .centre = -0.5, .width = 0.3, .D = 0.6, .lo = -2, .absorb = 0, .x = -1};
    tw_escape_time t;
    tw_escape_point point[6];
    double h = 1, T;
    int64_t count;
    for (int what = 0; what < 5; what++) {
        tw_status st = TW_ENOMEM;
        for (int call = 1; st != TW_OK; call++) {
            tw_alloc_fail_at(call);
            st = what == 0   ? tw_escape_mfpt(&p, &t)
                 : what == 1 ? tw_escape_chain(&p, 0.05, &t)
                 : what == 2 ? tw_escape_box(1, &h, 0.2, 1, 0.5, &T)
                 : what == 3 ? tw_escape_critical_points(5, quartic, &count, point)
                             : tw_escape_coupled_time(&v, &t);
            assert_true(st == TW_OK || st == TW_ENOMEM);
        }
        tw_alloc_fail_at(0);
    }
}

// Truth: the first and last of the reference file's rates, with the score computed there in longer arithmetic.
static void the_weibull_score_agrees_with_the_reference(void **state)
{
    (void)state;
    const double t[] = {1073.0, 308.5, 2000.0, 366.4, 115.4, 1799.8, 498.6, 551.4, 29.7, 764.1, 1041.5, 230.6};
    const bool event[] = {1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1}, none[12] = {0};
    double z;
    must(tw_escape_weibull(12, t, event, &z));
    near_relative(z, 0.12154689766524147, 1e-12);
    double later[13], with_zero; // a clock that has not run says nothing
    bool seen[13];
    later[0] = 0;
    seen[0] = true;
    for (int k = 0; k < 12; k++) {
        later[k + 1] = t[k];
        seen[k + 1] = event[k];
    }
    must(tw_escape_weibull(13, later, seen, &with_zero));
    assert_true(with_zero == z);
    must(tw_escape_weibull(12, t, none, &z));
    assert_true(isnan(z));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reference_case_agrees),
        cmocka_unit_test(the_first_of_copies_is_between_one_and_all),
        cmocka_unit_test(shares_of_valleys_balance),
        cmocka_unit_test(the_weibull_score_agrees_with_the_reference),
        cmocka_unit_test(free_diffusion_takes_the_square_of_the_distance),
        cmocka_unit_test(a_very_rare_escape_has_kramers_time),
        cmocka_unit_test(the_chain_tends_to_the_diffusion_as_theory_says),
        cmocka_unit_test(a_box_of_one_dimension_is_a_line),
        cmocka_unit_test(rates_add_over_the_sides_of_a_box),
        cmocka_unit_test(free_diffusion_leaves_a_ball),
        cmocka_unit_test(a_valley_of_constant_width_is_a_line),
        cmocka_unit_test(chi_squared_is_known_in_closed_form_for_even_dof),
        cmocka_unit_test(the_interval_of_a_rate_covers),
        cmocka_unit_test(a_rate_without_events_has_only_an_upper_limit),
        cmocka_unit_test(roots_of_a_slope_are_found_and_named),
        cmocka_unit_test(bad_files_are_answered_with_place_found_and_expected),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
