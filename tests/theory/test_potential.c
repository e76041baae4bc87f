// SPDX-License-Identifier: MIT
// Potentials from words: derivatives, wells and tables.
#include "test.h"

#include "base/alloc.h"
#include "theory/potential.h"
#include <unistd.h>

static tw_potential *make(const char *text, double k, double height)
{
    tw_potential *p = NULL;
    must(tw_potential_new(text, k, height, &p));
    return p;
}

// Central differences with h = 1e-4: truncation h^2/6 of the third derivative (below 1e2 here), rounding eps |L| / h.
static void derivatives_agree_with_finite_differences(void **state)
{
    (void)state;
    const char *text[] = {"exp(-x^2)*sin(3*x)", "log(2+x^2)/sqrt(x+4)", "tanh(x)^2-cos(pi*x/3)^3",
                          "-2^-2*x^(1+2)+x/(5+x)", "(x^2-1)^2"};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        tw_potential *p = make(text[i], 2.25, 1.5);
        tw_escape_landscape l = tw_potential_landscape(p);
        for (double x = -1.7; x < 2; x += 0.41)
            for (int d = 1; d < 3; d++) {
                double h = 1e-4, up = tw_escape_value(&l, d - 1, x + h), down = tw_escape_value(&l, d - 1, x - h);
                assert_near(tw_escape_value(&l, d, x), (up - down) / (2 * h), 1e3 * h * h + 1e3 * DBL_EPSILON / h);
            }
        tw_potential_free(p);
    }
}

static void expressions_mean_what_they_say(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double x, value;
    } say[] = {{"2+3*4-6/2", 0, 11}, {"-x^2", 3, -9}, {"2^3^2/512", 0, 1}, {"(x-1)*(x+1)", 5, 24}, {"1 - 2 - 3", 0, -4},
               {"x/2/2", 8, 2},      {"--x", 1, 1},   {"2*-x", 3, -6},     {"exp(log(x))", 1, 1}};
    for (size_t i = 0; i < sizeof say / sizeof say[0]; i++) {
        tw_potential *p = make(say[i].text, 1, 1);
        tw_escape_landscape l = tw_potential_landscape(p);
        assert_true(tw_escape_value(&l, 0, say[i].x) == say[i].value);
        tw_potential_free(p);
    }
}

static void a_polynomial_is_recognised_and_rescaled(void **state)
{
    (void)state;
    tw_potential *p = make("(x^2-1)^2/2", 4, 6), *q = make("exp(x)", 1, 1);
    tw_escape_landscape l = tw_potential_landscape(p);
    const double truth[] = {3, 0, -24, 0, 48}; // 6/2 ((2x)^2 - 1)^2
    assert_int_equal(l.shape, TW_ESCAPE_POLY);
    assert_int_equal(l.terms, 5);
    for (int i = 0; i < 5; i++) assert_true(l.coef[i] == truth[i]);
    assert_int_equal(tw_potential_landscape(q).shape, TW_ESCAPE_FUNCTION);
    tw_potential_free(p);
    p = make("poly:0.5,0,-1,0,0.5", 4, 6);
    l = tw_potential_landscape(p);
    assert_int_equal(l.terms, 5);
    for (int i = 0; i < 5; i++) assert_true(l.coef[i] == truth[i]);
    tw_potential_free(p);
    tw_potential_free(q);
}

// Truth: the critical points of Styblinski-Tang, as published to 12 decimals.
static void wells_are_found(void **state)
{
    (void)state;
    tw_potential *p = make("styblinski-tang", 1, 1);
    tw_escape_landscape l = tw_potential_landscape(p);
    double a, b;
    must(tw_potential_well(&l, -6, 6, NAN, &a, &b));
    assert_near(a, -2.903534027771, 1e-12);
    assert_near(b, 0.156731256780, 1e-12);
    must_fail(tw_potential_well(&l, 1, 6, NAN, &a, &b), TW_EINVAL, "no minimum");
    tw_potential_free(p);
}

// A natural spline through a sine at spacing h: values to 5 h^4 / 384, slopes to h^3 / 24 (Hall 1968); sin'' = 0 at
// both ends, so the natural end is the right one.
static void a_table_is_a_spline(void **state)
{
    (void)state;
    char name[] = "/tmp/thalweg-table-XXXXXX", text[64];
    const double h = 0.03141592653589793;
    int fd = mkstemp(name);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "# x, sin x\n");
    for (int i = 0; i <= 200; i++) fprintf(file, "%.17g, %.17g\n", i * h, sin(i * h));
    fclose(file);
    snprintf(text, sizeof text, "table:%s", name);
    tw_potential *p = make(text, 1, 2);
    tw_escape_landscape l = tw_potential_landscape(p);
    double lo, hi;
    for (double x = 0.1; x < 6.2; x += 0.0777) {
        assert_near(tw_escape_value(&l, 0, x), 2 * sin(x), 2 * 5 * pow(h, 4) / 384 * 1.1);
        assert_near(tw_escape_value(&l, 1, x), 2 * cos(x), 2 * pow(h, 3) / 24 * 1.1);
    }
    assert_true(tw_potential_range(p, &lo, &hi));
    assert_true(lo == 0 && hi == 200 * h);
    tw_potential_free(p);

    file = fopen(name, "w");
    fprintf(file, "0 1\n1 2\n1 3\n2 4\n");
    fclose(file);
    must_fail(tw_potential_new(text, 1, 1, &p), TW_EFORMAT, "line 3: found x = 1 after 1");
    file = fopen(name, "w");
    fprintf(file, "0 1\n1 2\n2 nonsense\n");
    fclose(file);
    must_fail(tw_potential_new(text, 1, 1, &p), TW_EFORMAT, "line 3");
    unlink(name);
    must_fail(tw_potential_new(text, 1, 1, &p), TW_EIO, name);
}

static void what_is_no_expression_is_refused_with_its_column(void **state)
{
    (void)state;
    tw_potential *p = NULL;
    must_fail(tw_potential_new("x^2+", 1, 1, &p), TW_EINVAL, "column 5");
    must_fail(tw_potential_new("x*(1+2", 1, 1, &p), TW_EINVAL, "column 7: found \"the end\", expected \")\"");
    must_fail(tw_potential_new("2^x", 1, 1, &p), TW_EINVAL, "constant exponents");
    must_fail(tw_potential_new("cosh(x)", 1, 1, &p), TW_EINVAL, "column 1");
    must_fail(tw_potential_new("x x", 1, 1, &p), TW_EINVAL, "column 3");
    must_fail(tw_potential_new("x", 0, 1, &p), TW_EINVAL, "k = 0");
    must_fail(tw_potential_new("poly:1,2,", 1, 1, &p), TW_EINVAL, "poly:C0,C1");
    must_fail(tw_potential_new("poly:1,x", 1, 1, &p), TW_EINVAL, "poly:C0,C1");
    must_fail(tw_potential_new("piecewise:1,2", 1, 1, &p), TW_EINVAL, "three positive numbers");
    char deep[2001];
    memset(deep, '(', 2000);
    deep[2000] = '\0';
    must_fail(tw_potential_new(deep, 1, 1, &p), TW_EINVAL, "fewer nested parts");
    memset(deep, '-', 2000);
    must_fail(tw_potential_new(deep, 1, 1, &p), TW_EINVAL, "fewer nested parts");
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_agree_with_finite_differences),
        cmocka_unit_test(expressions_mean_what_they_say),
        cmocka_unit_test(a_polynomial_is_recognised_and_rescaled),
        cmocka_unit_test(wells_are_found),
        cmocka_unit_test(a_table_is_a_spline),
        cmocka_unit_test(what_is_no_expression_is_refused_with_its_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
