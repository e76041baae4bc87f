// SPDX-License-Identifier: MIT
// Paper 1's claims at smoke scale: the verdicts that mathematics settles, and evidence that says what sentences say.
#include "test.h"

#include "paper/evidence.h"

static const tw_claim *claim_of(const char *id)
{
    const tw_paper *paper = tw_paper_find("hessian-sgd");
    assert_non_null(paper);
    for (int i = 0; i < paper->claims; i++)
        if (strcmp(paper->claim[i].id, id) == 0) return &paper->claim[i];
    fail_msg("no claim %s", id);
    return NULL;
}

static tw_finding found(const char *id, const char *data)
{
    const tw_effort effort = {.scale = TW_SMOKE, .seed = 5, .data = data};
    tw_finding f = {.evidence = json_object()};
    must(claim_of(id)->measure(&effort, &f));
    assert_true(f.measured[0] && json_object_size(f.evidence) > 0);
    return f;
}

static size_t listed(const tw_finding *f, const char *name)
{
    return json_array_size(json_object_get(f->evidence, name));
}

static double at(const tw_finding *f, const char *name, size_t i)
{
    return json_number_value(json_array_get(json_object_get(f->evidence, name), i));
}

// Truth: identities (p = exp(-f); least squares is quadratic), a theorem with its conditions met (the supermartingale,
// the bound of logistic noise), and interpolation, where 1 - p_i -> 0 makes M vanish beside H: none depends on the
// seed.
static void verdicts_are_those_that_mathematics_settles(void **state)
{
    (void)state;
    static const char *const settled[] = {"decomposition",          "residual-stays",   "harder-is-sharper",
                                          "mean-change-regression", "spread-over-step", "supermartingale",
                                          "logistic-noise",         "bound-invariance"};
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++) {
        tw_finding f = found(settled[i], NULL);
        if (f.verdict != TW_HOLDS) fail_msg("%s: %s: %s", settled[i], tw_verdict_name(f.verdict), f.measured);
        json_decref(f.evidence);
    }
}

// Truth: C = M - mu mu' and the gradient goes to zero, so that its slope on H vanishes with M's; overlaps are between 0
// and 1 and the residual's share comes to 1 from the evidence itself.
static void evidence_says_what_the_sentence_says(void **state)
{
    (void)state;
    tw_finding f = found("residual-stays", NULL);
    size_t looks = listed(&f, "loss");
    assert_int_equal(looks, 3 * 4); // runs
    for (size_t i = 0; i < looks; i++) {
        double overlap = at(&f, "overlap_of_h_and_m", i);
        assert_true(overlap >= 0 && overlap <= 1 && at(&f, "largest_eigenvalue", i) > 0);
        if (i % 4 > 0) assert_true(at(&f, "loss", i) < at(&f, "loss", i - 1));
    }
    assert_near(at(&f, "residual_over_hessian", looks - 1), 1, 0.05);
    assert_true(fabs(at(&f, "slope_of_c_on_h", looks - 1)) < 0.01);
    json_decref(f.evidence);
}

// The verdict is computed again from the numbers in the evidence: means over seeds and their standard errors.
static void real_data_are_judged_over_seeds(void **state)
{
    (void)state;
    tw_finding f = found("top-overlap-real", NULL);
    assert_int_equal(f.verdict, TW_UNDECIDED);
    assert_non_null(strstr(f.measured, "--data"));
    json_decref(f.evidence);
    f = found("top-overlap-real", "gauss:classes=3,dim=12,n=200"); // any data with classes will do
    assert_int_equal(listed(&f, "loss"), 4 * 3 * 4);               // fractions, seeds, looks
    double x[3], mean = 0, square = 0;
    for (size_t k = 0; k < 3; k++) mean += (x[k] = at(&f, "overlap_of_h_and_m", 4 * k + 3)) / 3;
    for (size_t k = 0; k < 3; k++) square += (x[k] - mean) * (x[k] - mean);
    double error = sqrt(square / 6), ahead = mean - 0.8;
    assert_int_equal(f.verdict, ahead >= error ? TW_HOLDS : ahead < -error ? TW_CONTRADICTED : TW_UNDECIDED);
    json_decref(f.evidence);
}

// Claims that look at the same trainings find what the first of them left, number for number.
static void claims_share_what_they_measured(void **state)
{
    (void)state;
    tw_finding f[2];
    json_t *shared = json_object();
    for (int i = 0; i < 2; i++) {
        const tw_effort e = {.scale = TW_SMOKE,
                             .seed = 5,
                             .seeds = 1,
                             .data = "gauss:classes=3,dim=12,n=200",
                             .shared = i ? shared : NULL};
        f[i] = (tw_finding){.evidence = json_object()};
        tw_finding first = {.evidence = json_object()};
        must(claim_of("bulk-at-zero-real")->measure(&e, &first));
        must(claim_of("residual-stays-real")->measure(&e, &f[i]));
        json_decref(first.evidence);
    }
    assert_true(json_object_size(shared) >= 4);
    assert_true(json_equal(f[0].evidence, f[1].evidence));
    assert_string_equal(f[0].measured, f[1].measured);
    json_decref(f[0].evidence);
    json_decref(f[1].evidence);
    json_decref(shared);
}

// Truth: labels drawn anew have to be learned by heart, which takes weights further from where they began (the
// training reaches the same loss); twelve samples a class say more than eight whatever the seed.
static void bounds_are_judged_over_seeds(void **state)
{
    (void)state;
    tw_finding f = found("bound-random-labels", NULL);
    assert_int_equal(listed(&f, "norm_at_unit_variance"), 4 * 3);
    assert_int_equal(listed(&f, "conditions"), 6);
    for (size_t k = 0; k < 3; k++)
        assert_true(at(&f, "norm_at_unit_variance", 9 + k) > at(&f, "norm_at_unit_variance", k));
    assert_true(f.verdict != TW_CONTRADICTED);
    json_decref(f.evidence);
    f = found("bound-samples", NULL);
    assert_int_equal(f.verdict, TW_HOLDS);
    json_decref(f.evidence);
}

static void every_claim_is_measured(void **state)
{
    (void)state;
    static const char *const others[] = {"top-overlap",
                                         "top-overlap-random",
                                         "top-overlap-covariance",
                                         "outliers-are-classes",
                                         "bulk-at-zero",
                                         "mean-change",
                                         "tail-bound",
                                         "preconditioned",
                                         "two-phases",
                                         "two-phases-always",
                                         "consecutive-gradients",
                                         "two-phases-real",
                                         "consecutive-gradients-real",
                                         "mean-change-real"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        tw_finding f = found(others[i], "gauss:classes=3,dim=12,n=200");
        json_decref(f.evidence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_that_mathematics_settles),
        cmocka_unit_test(evidence_says_what_the_sentence_says),
        cmocka_unit_test(real_data_are_judged_over_seeds),
        cmocka_unit_test(claims_share_what_they_measured),
        cmocka_unit_test(bounds_are_judged_over_seeds),
        cmocka_unit_test(every_claim_is_measured),
    };
    must(tw_threads_set(1)); // jobs of microseconds: threads would wait for each other most of the time
    return cmocka_run_group_tests(tests, NULL, NULL);
}
