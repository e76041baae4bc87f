// SPDX-License-Identifier: MIT
// The linear chain's exits against exact times, and Cramer's root against closed forms and the reference file.
#include "test.h"

#include "theory/escape_linear.h"
#include "thalweg/theory_escape.h"

// D_i = (eta/2B) h_i out of a box: the exact time is above the leading order by 8 % at exponent 8 and 5 % at 12, less
// the farther (papers: 1.079, 1.048); the linear chain is that leading order, with small steps.
static void a_box_is_left_as_exact_times_say(void **state)
{
    (void)state;
    const double h[] = {1, 3}, identity[] = {1, 0, 0, 1}, eta = 1e-7, exponents[] = {8, 12, 20};
    double last = 1.12;
    for (int i = 0; i < 3; i++) {
        double B = eta * exponents[i], c[] = {1 / B, 0, 0, 3 / B}, exact;
        tw_escape_linear found;
        must(tw_escape_box(2, h, eta, B, 1, &exact));
        must(tw_escape_linear_box(2, h, identity, c, eta, 1, NULL, &found));
        double ratio = exact / eta / found.steps;
        print_message("exponent %g: exact over linear %.4f\n", exponents[i], ratio);
        assert_near(found.exponent, exponents[i], 1e-3 * exponents[i]);
        assert_true(ratio > 0.95 && ratio < last);
        last = ratio;
    }
}

// A chain of large steps past a plane: the overshoot is a quarter of a standard deviation, e^0.8 in the time.
static void a_plane_is_passed_as_the_exact_chain_says(void **state)
{
    (void)state;
    const double one = 1, eta = 0.2, coef[] = {0, 0, 0.5}, levels[] = {3.5, 5};
    for (int i = 0; i < 2; i++) {
        double c = 0.04, sigma = sqrt(eta * eta * c / (2 * eta - eta * eta)), r = levels[i] * sigma;
        tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 3, .coef = coef},
                               .diffusion = {.law = TW_ESCAPE_CONST, .scale = eta * c / 2},
                               .lo = -12 * sigma,
                               .absorb = r};
        tw_escape_time exact;
        tw_escape_linear found;
        must(tw_escape_chain(&p, eta, &exact));
        must(tw_escape_linear_plane(1, &one, &one, &c, eta, &one, r, NULL, &found));
        print_message("level %g: exact over linear %.4f\n", levels[i], exact.mean / found.steps);
        // Pickands' rate is the leading term; the next is of relative order 1/u^2, and that of Delta u^2 eta.
        assert_near(log(exact.mean / found.steps), 0, 0.25);
        assert_near(found.exponent, levels[i] * levels[i] / 2, 1e-9);
    }
}

// Sigma by turning the recursion a thousand times: H and C do not commute.
static void the_exponent_is_that_of_the_recursion(void **state)
{
    (void)state;
    const double angle = 0.4, eig[] = {0.5, 2}, eta = 0.3, r = 0.7, c[] = {2, 0.6, 0.6, 0.3};
    const double v[] = {cos(angle), sin(angle), -sin(angle), cos(angle)};
    double keep[4], sigma[4] = {0}, half[4];
    for (int i = 0; i < 4; i++)
        keep[i] = (i % 3 == 0) - eta * (eig[0] * v[i / 2] * v[i % 2] + eig[1] * v[2 + i / 2] * v[2 + i % 2]);
    for (int turn = 0; turn < 1000; turn++) {
        for (int i = 0; i < 4; i++) half[i] = keep[i / 2 * 2] * sigma[i % 2] + keep[i / 2 * 2 + 1] * sigma[2 + i % 2];
        for (int i = 0; i < 4; i++)
            sigma[i] = half[i / 2 * 2] * keep[i % 2] + half[i / 2 * 2 + 1] * keep[2 + i % 2] + eta * eta * c[i];
    }
    tw_escape_linear box, plane;
    const double normal[] = {0.6, 0.8};
    double place[2];
    int side = sigma[0] > sigma[3] ? 0 : 1;
    must(tw_escape_linear_box(2, eig, v, c, eta, r, place, &box));
    assert_int_equal(box.tightest, side);
    for (int i = 0; i < 2; i++) assert_near(place[i], r * sigma[2 * side + i] / sigma[3 * side], 1e-12);
    assert_near(box.exponent, r * r / (2 * fmax(sigma[0], sigma[3])), 1e-12);
    must(tw_escape_linear_plane(2, eig, v, c, eta, normal, r, place, &plane));
    assert_near(0.6 * place[0] + 0.8 * place[1], r, 1e-12);
    assert_near(place[0] * (0.6 * sigma[1] + 0.8 * sigma[3]), place[1] * (0.6 * sigma[0] + 0.8 * sigma[1]), 1e-12);
    assert_near(plane.exponent, r * r / (2 * (0.36 * sigma[0] + 0.96 * sigma[1] + 0.64 * sigma[3])), 1e-12);
    must_fail(tw_escape_linear_box(2, eig, v, c, 1.0, r, NULL, &box), TW_EINVAL, "below 2");
}

// papers/reference, group cramer_root: noise law, u, y. Expectations by the trapezoidal rule and Simpson's.
static void cramer_roots_are_those_of_the_reference(void **state)
{
    (void)state;
    enum { POINTS = 40001 };
    static double s[POINTS], w[POINTS];
    static const struct {
        char law;
        double u, y;
    } root[] = {{'g', 0.1, 0.2},
                {'g', 0.3, 0.6},
                {'g', 0.38, 0.76},
                {'r', 0.1, 0.20134590437591127},
                {'r', 0.3, 0.6393260985141869},
                {'r', 0.38, 0.8447079924134101},
                {'+', 0.1, 0.17613414363180957},
                {'+', 0.3, 0.4229699520612927},
                {'+', 0.38, 0.49483855195043835},
                {'-', 0.1, 0.23016278104916663},
                {'-', 0.3, 0.9649594184744396},
                {'-', 0.38, 1.436178275798994}};
    for (size_t k = 0; k < sizeof root / sizeof *root; k++) {
        int64_t m = POINTS;
        double p;
        if (root[k].law == 'r') {
            m = 2;
            s[0] = root[k].u - 1;
            s[1] = root[k].u + 1;
            w[0] = w[1] = 0.5;
        } else if (root[k].law == 'g') {
            for (int64_t i = 0; i < m; i++) {
                double z = -12 + 24.0 * (double)i / (POINTS - 1);
                s[i] = root[k].u + z;
                w[i] = exp(-z * z / 2);
            }
        } else { // centred exponential, its long tail uphill (a negative slope) or downhill
            for (int64_t i = 0; i < m; i++) {
                double x = 120.0 * (double)i / (POINTS - 1);
                s[i] = root[k].u + (root[k].law == '+' ? 1 - x : x - 1);
                w[i] = exp(-x) * (i == 0 || i == POINTS - 1 ? 1 : i % 2 ? 4 : 2);
            }
        }
        must(tw_escape_cramer(m, s, w, &p));
        assert_near(p, root[k].y, 1e-9); // Simpson's error: 3e-3^4 / 180 e^(1 - y) over e
    }
    const double uphill_never[] = {0.1, 0.5}, flat[] = {1, -1};
    double p;
    must(tw_escape_cramer(2, uphill_never, NULL, &p));
    assert_true(isinf(p));
    must_fail(tw_escape_cramer(2, flat, NULL, &p), TW_EINVAL, "positive mean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_is_left_as_exact_times_say),
        cmocka_unit_test(a_plane_is_passed_as_the_exact_chain_says),
        cmocka_unit_test(the_exponent_is_that_of_the_recursion),
        cmocka_unit_test(cramer_roots_are_those_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
