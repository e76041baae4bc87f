// SPDX-License-Identifier: MIT
// Papers' claims at smoke scale: the verdicts that exact theory already settles, and evidence that agrees with it.
#include "test.h"

#include "paper/paper.h"

static const struct {
    const char *id;
    tw_verdict verdict;
} settled[] = {
    {"white-noise-time", TW_HOLDS},
    {"sgd-exponent", TW_HOLDS},
    {"sgd-exponent-smooth", TW_CONTRADICTED},
    {"sgd-prefactor", TW_CONTRADICTED},
    {"sharpness-evidence", TW_CONTRADICTED},
    {"langevin-power", TW_HOLDS},
    {"rates-add", TW_HOLDS},
    {"selection", TW_CONTRADICTED},
};

static void verdicts_are_those_that_theory_settles(void **state)
{
    (void)state;
    const tw_paper *paper = tw_paper_find("diffusion-escape");
    const tw_effort effort = {.scale = TW_SMOKE, .seed = 3};
    size_t found = 0;
    assert_non_null(paper);
    for (int i = 0; i < paper->claims; i++) {
        const tw_claim *claim = &paper->claim[i];
        tw_finding f = {.evidence = json_object()};
        must(claim->measure(&effort, &f));
        assert_true(json_object_size(f.evidence) > 0 && f.measured[0]);
        for (size_t k = 0; k < sizeof settled / sizeof *settled; k++) {
            if (strcmp(settled[k].id, claim->id) != 0) continue;
            found++;
            if (f.verdict != settled[k].verdict)
                fail_msg("%s: %s, but theory says %s: %s", claim->id, tw_verdict_name(f.verdict),
                         tw_verdict_name(settled[k].verdict), f.measured);
        }
        json_decref(f.evidence);
    }
    assert_int_equal(found, sizeof settled / sizeof *settled);
}

// |H_b|/H_a from the evidence itself: 1/4 and 4 within the 10 % that the exponents of 10 to 40 leave.
static void evidence_says_what_the_sentence_says(void **state)
{
    (void)state;
    const tw_paper *paper = tw_paper_find("diffusion-escape");
    const tw_effort effort = {.scale = TW_SMOKE};
    for (int i = 0; i < paper->claims; i++) {
        if (strcmp(paper->claim[i].id, "sgd-prefactor") != 0) continue;
        tw_finding f = {.evidence = json_object()};
        must(paper->claim[i].measure(&effort, &f));
        for (size_t k = 0; k < 3; k++) {
            double ratio = json_number_value(json_array_get(json_object_get(f.evidence, "exact_over_formula"), k));
            double theory = json_number_value(json_array_get(json_object_get(f.evidence, "hb_over_ha"), k));
            assert_near(ratio / theory, 1, 0.1);
        }
        json_decref(f.evidence);
    }
    assert_null(tw_paper_find("diffusion"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_that_theory_settles),
        cmocka_unit_test(evidence_says_what_the_sentence_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
