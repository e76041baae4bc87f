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
    assert_int_equal(looks, 4);
    for (size_t i = 0; i < looks; i++) {
        double overlap = at(&f, "overlap_of_h_and_m", i);
        assert_true(overlap >= 0 && overlap <= 1 && at(&f, "largest_eigenvalue", i) > 0);
        if (i > 0) assert_true(at(&f, "loss", i) < at(&f, "loss", i - 1));
    }
    assert_near(at(&f, "residual_over_hessian", looks - 1), 1, 0.05);
    assert_true(fabs(at(&f, "slope_of_c_on_h", looks - 1)) < 0.01);
    json_decref(f.evidence);
}

static void without_real_data_the_claim_stays_undecided(void **state)
{
    (void)state;
    tw_finding f = found("top-overlap-real", NULL);
    assert_int_equal(f.verdict, TW_UNDECIDED);
    json_decref(f.evidence);
    f = found("top-overlap-real", "gauss:classes=3,dim=12,n=200"); // any data with classes will do
    assert_int_equal(listed(&f, "loss"), 12);
    assert_true(f.verdict != TW_UNDECIDED);
    json_decref(f.evidence);
}

static void every_claim_is_measured(void **state)
{
    (void)state;
    static const char *const others[] = {"top-overlap",          "top-overlap-random",   "top-overlap-covariance",
                                         "outliers-are-classes", "bulk-at-zero",         "mean-change",
                                         "tail-bound",           "preconditioned",       "two-phases",
                                         "two-phases-always",    "consecutive-gradients"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        tw_finding f = found(others[i], NULL);
        json_decref(f.evidence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_that_mathematics_settles),
        cmocka_unit_test(evidence_says_what_the_sentence_says),
        cmocka_unit_test(without_real_data_the_claim_stays_undecided),
        cmocka_unit_test(every_claim_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
