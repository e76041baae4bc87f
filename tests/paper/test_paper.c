// SPDX-License-Identifier: MIT
// Papers' claims at smoke scale: the verdicts that exact theory already settles, and evidence that agrees with it.
#include "test.h"

#include "base/rng.h"
#include "paper/condition.h"
#include "paper/paper.h"
#include "paper/runs.h"
#include <unistd.h>

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
    {"flat-minima", TW_HOLDS},
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
        bool absent = strncmp(f.measured, "not measured", 12) == 0; // tables and images that are not here
        assert_true(f.measured[0] && (json_object_size(f.evidence) > 0 || absent));
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

// Truth: arithmetic. Of 1, 2, 3 the mean is 2 and its standard error 1/sqrt(3); of 1, 2, 4 as ratios 2 and e^0.2.
static void conditions_are_judged_by_their_standard_error(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, ratios[] = {1, 2, 4}, missing[] = {1, NAN, 3};
    static const struct {
        tw_side side;
        double bound;
        bool ratio, gap;
        int seeds;
        tw_verdict verdict;
    } each[] = {
        {TW_AT_LEAST, 1.4, false, false, 3, TW_HOLDS},      {TW_AT_LEAST, 1.5, false, false, 3, TW_UNDECIDED},
        {TW_AT_LEAST, 2.5, false, false, 3, TW_UNDECIDED},  {TW_AT_LEAST, 2.6, false, false, 3, TW_CONTRADICTED},
        {TW_AT_MOST, 2.6, false, false, 3, TW_HOLDS},       {TW_AT_MOST, 1.4, false, false, 3, TW_CONTRADICTED},
        {TW_AT_LEAST, 1.3, true, false, 3, TW_HOLDS},       {TW_AT_LEAST, 1.4, true, false, 3, TW_UNDECIDED},
        {TW_AT_MOST, 1.3, true, false, 3, TW_CONTRADICTED}, {TW_AT_LEAST, 0, false, true, 3, TW_UNDECIDED},
        {TW_AT_LEAST, 0.99, false, false, 1, TW_HOLDS},     {TW_AT_LEAST, 1.01, false, false, 1, TW_CONTRADICTED},
        {TW_AT_LEAST, -1, false, false, 0, TW_UNDECIDED},
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        tw_finding f = {.evidence = json_object()};
        tw_condition c = {"x", each[i].side, each[i].bound, each[i].ratio};
        tw_finding_begin(&f);
        tw_finding_check(&f, &c, each[i].seeds, each[i].gap ? missing : each[i].ratio ? ratios : x);
        if (f.verdict != each[i].verdict) fail_msg("%d: %s: %s", (int)i, tw_verdict_name(f.verdict), f.measured);
        json_decref(f.evidence);
    }
    // the worst condition decides, in either order
    for (int order = 0; order < 2; order++) {
        tw_finding f = {.evidence = json_object()};
        tw_condition good = {"x", TW_AT_LEAST, 1, false}, bad = {"x", TW_AT_LEAST, 3, false};
        tw_finding_begin(&f);
        tw_finding_check(&f, order ? &good : &bad, 3, x);
        tw_finding_check(&f, order ? &bad : &good, 3, x);
        assert_int_equal(f.verdict, TW_CONTRADICTED);
        assert_int_equal(json_array_size(json_object_get(f.evidence, "conditions")), 2);
        json_decref(f.evidence);
    }
}

// Every recipe of every paper is one, at every scale, and every claim names runs there are.
static void every_declared_run_has_a_recipe(void **state)
{
    (void)state;
    for (int i = 0; i < tw_paper_count(); i++) {
        const tw_paper *paper = tw_paper_at(i);
        for (int scale = 0; scale < TW_SCALES; scale++) {
            tw_effort e = {
                .scale = (tw_scale)scale, .data = "gauss", .folder = "nowhere", .seeds = paper->seeds[scale]};
            int at = 0;
            for (int r = 0; paper->run && paper->run[r].name; r++) {
                tw_recipe *recipe = NULL;
                if (!paper->run[r].at[scale] || paper->run[r].after) continue;
                must(tw_paper_run_recipe(paper, &paper->run[r], &e, 0, &recipe));
                tw_recipe_free(recipe);
            }
            for (int c = 0; c < paper->claims; c++) {
                char copy[512], *save = NULL;
                snprintf(copy, sizeof copy, "%s", paper->claim[c].runs ? paper->claim[c].runs : "");
                for (char *run = strtok_r(copy, " ", &save); run; run = strtok_r(NULL, " ", &save))
                    assert_non_null(tw_paper_run_named(paper, run));
                at += tw_claim_is_at(paper, &paper->claim[c], (tw_scale)scale);
            }
            assert_true(at > 0);
            for (int k = 0; paper->figure && paper->figure[k].title; k++) {
                char copy[512], *save = NULL;
                snprintf(copy, sizeof copy, "%s", paper->figure[k].runs);
                for (char *run = strtok_r(copy, " ", &save); run; run = strtok_r(NULL, " ", &save))
                    assert_non_null(tw_paper_run_named(paper, run));
            }
        }
    }
}

static const tw_claim *claim_named(const char *paper, const char *id)
{
    const tw_paper *p = tw_paper_find(paper);
    for (int i = 0; i < p->claims; i++)
        if (strcmp(p->claim[i].id, id) == 0) return &p->claim[i];
    fail_msg("%s: no claim %s", paper, id);
    return NULL;
}

// Two clouds of points in place of the banknotes: escapes are counted, figures hold a number or a gap for every point,
// and C and H at the minimum are compared. Without the table the claim says which file is missing.
static void tables_are_read_from_their_folder(void **state)
{
    (void)state;
    static const char *const claims[] = {"banknote-covariance", "banknote-batch", "banknote-sharpness"};
    char folder[] = "tables-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/banknote.csv", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    tw_rng rng = tw_rng_at(5, TW_RNG_TEST, 0);
    for (int i = 0; i < 60; i++) {
        double x[4];
        tw_rng_normals(&rng, 4, x);
        fprintf(file, "%g,%g,%g,%g,%d\n", x[0] + i % 2, x[1], x[2] - i % 2, x[3], i % 2);
    }
    fclose(file);
    tw_effort e = {.scale = TW_SMOKE, .tables = folder};
    for (int i = 0; i < 3; i++) {
        tw_finding f = {.evidence = json_object()};
        must(claim_named("diffusion-escape", claims[i])->measure(&e, &f));
        assert_null(strstr(f.measured, "needs"));
        if (i == 0) {
            assert_non_null(strstr(f.measured, "correlation of entries"));
        } else {
            json_t *figure = json_array_get(json_object_get(f.evidence, "figures"), 0), *curve;
            size_t k;
            assert_int_equal(json_array_size(json_object_get(figure, "x")), 10);
            json_array_foreach(json_object_get(figure, "curves"), k, curve)
                assert_int_equal(json_array_size(json_object_get(curve, "y")), k < 3 ? 5 : 10);
            json_t *steps = json_object_get(f.evidence, "logistic_ln_steps");
            json_t *drawn = json_object_get(json_array_get(json_object_get(figure, "curves"), 0), "y");
            assert_int_equal(json_array_size(steps), 5);
            for (k = 0; k < 5; k++) { // times, not steps, are drawn: times the rate, 0.2 or 0.2 k
                double ln = json_number_value(json_array_get(steps, k)),
                       rate = i == 1 ? 0.2 : 0.2 * 4 / (double)(4 + k);
                if (json_is_number(json_array_get(steps, k)))
                    assert_near(json_number_value(json_array_get(drawn, k)), ln + log(rate), 1e-12);
            }
            assert_true(json_is_real(json_array_get(json_object_get(f.evidence, "network_ln_steps"), 0)));
        }
        json_decref(f.evidence);
    }
    // Rows in the form of Sensorless: 48 numbers with blanks between, the class last, 1 to 11.
    snprintf(path, sizeof path, "%s/Sensorless_drive_diagnosis.txt", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 220; i++) {
        for (int k = 0; k < 48; k++) fprintf(file, "%.4e ", tw_rng_normal(&rng) + (k % 11 == i % 11));
        fprintf(file, "%d\n", i % 11 + 1);
    }
    fclose(file);
    tw_finding rows = {.evidence = json_object()};
    must(claim_named("diffusion-escape", "sensorless-covariance")->measure(&e, &rows));
    assert_non_null(strstr(rows.measured, "correlation of entries"));
    json_decref(rows.evidence);
    unlink(path);
    snprintf(path, sizeof path, "%s/banknote.csv", folder);
    tw_finding f = {.evidence = json_object()};
    must(claim_named("diffusion-escape", "avila-step")->measure(&e, &f));
    assert_int_equal(f.verdict, TW_UNDECIDED);
    assert_non_null(strstr(f.measured, "needs avila.csv"));
    json_decref(f.evidence);
    unlink(path);
    rmdir(folder);
}

// Data that are no images are refused by name.
static void covariances_are_of_images(void **state)
{
    (void)state;
    tw_effort e = {.scale = TW_SMOKE, .data = "gauss:classes=3,dim=5,n=20"};
    tw_finding f = {.evidence = json_object()};
    must_fail(claim_named("diffusion-escape", "covariance-random")->measure(&e, &f), TW_EINVAL, "expected grey images");
    json_decref(f.evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_that_theory_settles),
        cmocka_unit_test(evidence_says_what_the_sentence_says),
        cmocka_unit_test(conditions_are_judged_by_their_standard_error),
        cmocka_unit_test(every_declared_run_has_a_recipe),
        cmocka_unit_test(tables_are_read_from_their_folder),
        cmocka_unit_test(covariances_are_of_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
