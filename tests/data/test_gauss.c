// SPDX-License-Identifier: MIT
// The generators against numbers computed elsewhere.
#include "test.h"

#include "data/gauss.h"
#include "data/raw.h"

// Truth: the set "bound_cases" of paper 1's specification, group splitmix64, computed by an independent program.
static void splitmix64_gives_the_reference_stream(void **state)
{
    (void)state;
    const uint64_t word[4] = {0x22118258a9d111a0, 0x346edce5f713f8ed, 0x1e9a57bc80e6721d, 0x2d160e7e5c3f42ca};
    const double uniform[2] = {0.1330796686614273, 0.20481663336165912};
    const double normal[6] = {0.14969265397627943, 0.5130384997887789,  0.2259230337540872,
                              0.45120528793343867, -0.6183456617937152, 1.0157041745994262};
    tw_splitmix words = {.state = 12345}, uniforms = words, normals = words;
    for (int i = 0; i < 4; i++) assert_true(tw_splitmix_next(&words) == word[i]);
    for (int i = 0; i < 2; i++) assert_true(tw_splitmix_uniform(&uniforms) == uniform[i]);
    // Tolerance: log, cos and sin of another library differ by an ulp or two; |normal| < 8.
    for (int i = 0; i < 6; i++) assert_near(tw_splitmix_normal(&normals), normal[i], 32 * DBL_EPSILON);
}

typedef struct reference {
    tw_gauss gauss;
    double sum, squares, first[5], last[3], test_sum; // test_sum: stream 1 with n = 20
    int labels[20];                                   // the first
    int changed;                                      // labels other than i mod k
} reference;

// Truth: the same set, group gauss_k, all three cases. Tolerance: rounding of sums of n d terms of size below 8.
static void mixtures_agree_with_the_reference(void **state)
{
    (void)state;
    const reference cases[] = {
        {{10, 50, 100, 2, 11, 0, 0},
         -242.47598050483862,
         5017.177414148418,
         {-0.45094150740551037, 1.226617707488394, -1.8568762178170874, 0.7786123635269057, -0.2438986245758673},
         {-0.7516089431224684, -0.8154733306223215, -0.09304883012411637},
         -43.56851738051877,
         {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
         0},
        {{10, 50, 100, 2, 11, 0.25, 0},
         -242.47598050483862,
         5017.177414148418,
         {-0.45094150740551037, 1.226617707488394, -1.8568762178170874, 0.7786123635269057, -0.2438986245758673},
         {-0.7516089431224684, -0.8154733306223215, -0.09304883012411637},
         -43.56851738051877,
         {1, 1, 2, 3, 3, 5, 6, 1, 1, 9, 0, 3, 2, 3, 4, 5, 7, 7, 8, 9},
         22},
        {{2, 50, 100, 2, 11, 1, 0},
         -317.36051026414714,
         5605.911187658086,
         {-0.45285603728860796, 0.5155291049594403, -1.652632051160492, -0.29237409000494924, -0.9112220393441987},
         {-0.7063359913418595, -0.38716481924726187, 0.6172993739895842},
         -60.822587738876095,
         {1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0},
         46},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const reference *r = &cases[c];
        tw_raw raw = {0}, test = {0};
        must(tw_gauss_make(&r->gauss, &raw));
        const double *x = raw.x;
        int64_t count = raw.m * raw.features;
        double sum = 0, squares = 0, rounding = (double)count * DBL_EPSILON;
        for (int64_t i = 0; i < count; i++) sum += x[i], squares += x[i] * x[i];
        assert_near(sum, r->sum, 8 * rounding * 8);
        assert_near(squares, r->squares, 64 * rounding * 8);
        for (int i = 0; i < 5; i++) assert_near(x[i], r->first[i], 64 * DBL_EPSILON);
        for (int i = 0; i < 3; i++) assert_near(x[count - 3 + i], r->last[i], 64 * DBL_EPSILON);
        int changed = 0;
        for (int i = 0; i < 20; i++) assert_int_equal(raw.label[i], r->labels[i]);
        for (int i = 0; i < raw.m; i++) changed += raw.label[i] != i % r->gauss.classes;
        assert_int_equal(changed, r->changed);
        assert_int_equal(raw.classes, r->gauss.classes);

        tw_gauss other = r->gauss;
        other.n = 20;
        other.stream = 1;
        must(tw_gauss_make(&other, &test));
        sum = 0;
        for (int64_t i = 0; i < 20 * 50; i++) sum += ((double *)test.x)[i];
        assert_near(sum, r->test_sum, 8 * 1000 * DBL_EPSILON * 8);
        tw_raw_free(&raw);
        tw_raw_free(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitmix64_gives_the_reference_stream),
        cmocka_unit_test(mixtures_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
