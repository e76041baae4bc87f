// SPDX-License-Identifier: MIT
// What paper 4's claims rest on: valleys of tables and the times of leaving them, and the rule that calls a line a
// line.
#include "test.h"

#include "base/rng.h"
#include "paper/escape_valley.h"
#include <unistd.h>

// Truth: the rule in the header, at and beside its bounds.
static void a_line_is_called_one_by_its_rule(void **state)
{
    (void)state;
    static const struct {
        double chi2, rival;
        int64_t dof;
        tw_verdict verdict;
    } c[] = {
        {5.9, 16.0, 3, TW_HOLDS},        {5.9, 15.9, 3, TW_UNDECIDED},    {6.0, 1000, 3, TW_CONTRADICTED},
        {6.0, 1000, 4, TW_HOLDS},        {0.1, 0.1, 2, TW_UNDECIDED},     {4.0, 15, 2, TW_CONTRADICTED},
        {NAN, 1000, 3, TW_CONTRADICTED}, {500, 1000, 3, TW_CONTRADICTED},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        tw_escape_line line = {.chi2 = c[i].chi2, .dof = c[i].dof}, rival = {.chi2 = c[i].rival, .dof = c[i].dof};
        assert_int_equal(tw_escape_line_verdict(&line, &rival), c[i].verdict);
    }
    assert_true(tw_escape_reading_counts(&(tw_escape_reading){.ln_tau = 5, .z = -3}));
    assert_false(tw_escape_reading_counts(&(tw_escape_reading){.ln_tau = 5, .z = 3.1}));
    assert_false(tw_escape_reading_counts(&(tw_escape_reading){.ln_tau = 5, .z = -3.1}));
    assert_false(tw_escape_reading_counts(&(tw_escape_reading){.ln_tau = NAN, .z = 0}));
    assert_false(tw_escape_reading_counts(&(tw_escape_reading){.ln_tau = 5, .z = NAN}));
}

// Two clouds of 60 points in the form of a table with classes 0 and 1.
static void open_valley(tw_escape_valley *v, tw_effort *e, tw_finding *f)
{
    static char folder[] = "valley-XXXXXX";
    static const tw_escape_set set = {"made", "made.csv", 1, 0};
    char path[64];
    bool there = false;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/made.csv", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    tw_rng rng = tw_rng_at(5, TW_RNG_TEST, 0);
    for (int i = 0; i < 60; i++) {
        double x[2];
        tw_rng_normals(&rng, 2, x);
        fprintf(file, "%g,%g,%d\n", x[0] + i % 2, x[1], i % 2);
    }
    fclose(file);
    e->tables = folder;
    must(tw_escape_valley_open(e, &set, "-1", 0.1, f, v, &there));
    assert_true(there);
    unlink(path);
    rmdir(folder);
}

// Truth: the linear Gaussian chain, which the noise with the covariance of the minimum is but for the bend of the
// valley (a box of 0.1: within a tenth in ln, and four standard errors). B halves the noise's variance, eta enters its
// step.
static void times_are_those_of_the_linear_chain(void **state)
{
    (void)state;
    tw_escape_valley v = {0};
    tw_effort e = {.scale = TW_SMOKE};
    tw_finding f = {.evidence = json_object()};
    tw_escape_reading one, samples, early;
    open_valley(&v, &e, &f);
    const double box = 0.1, eta = 0.2;
    tw_network_predicted says;
    must(tw_network_predict(&v.valley, v.net->l2, TW_NETWORK_COVARIANCE, 0, TW_RULE_BOX, box, eta, 1, &says));
    double B = 6 / says.exponent;
    must(tw_escape_valley_leave(&e, &v, TW_NETWORK_COVARIANCE, 0, box, eta, B, 400, 1 << 20, 3, &one));
    print_message("ln steps %.3f +- %.3f, linear chain %.3f, score %.2f\n", one.ln_tau, one.se, one.says.ln_steps,
                  one.z);
    assert_true(one.says.ln_steps > 6 && fabs(one.z) < 4);
    assert_near(one.ln_tau, one.says.ln_steps, 0.1 + 4 * one.se);
    // Clocks start five relaxation times on: those who are out by then do not count.
    assert_true(one.events < 400 && one.events > 350);
    must(tw_escape_valley_leave(&e, &v, TW_NETWORK_SAMPLES, 0, box, eta, ceil(B), 400, 1 << 20, 3, &samples));
    assert_near(samples.ln_tau, samples.says.ln_steps, 0.3 + 4 * samples.se);
    // Where most are out by then, clocks start at once; all count.
    must(tw_escape_valley_leave(&e, &v, TW_NETWORK_COVARIANCE, 0, box, eta, B / 20, 400, 1 << 20, 3, &early));
    assert_int_equal(early.events, 400);
    // Too few seen: no number.
    must(tw_escape_valley_leave(&e, &v, TW_NETWORK_COVARIANCE, 0, box, eta, 10 * B, 16, 100, 3, &early));
    assert_true(early.events == 0 && isnan(early.ln_tau) && !tw_escape_reading_counts(&early));
    tw_escape_valley_close(&v);
    json_decref(f.evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_called_one_by_its_rule),
        cmocka_unit_test(times_are_those_of_the_linear_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
