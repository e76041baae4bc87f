// SPDX-License-Identifier: MIT
// Whole spectra, angles between subspaces and operators from operators: truth by formula or small integers.
#include "test.h"

#include "linalg/chosen.h"

static void the_whole_spectrum_is_the_chosen_one(void **state)
{
    (void)state;
    static chosen a;
    for (int i = 0; i < 40; i++) a.d[i] = 20 - (i / 2); // every eigenvalue twice
    tw_linop op = rotated(&a, 40, 7);
    tw_spectrum *s = NULL;
    must(tw_spectrum_new(&op, (tw_progress){0}, &s));
    assert_int_equal(s->products, 40);
    assert_true(s->asymmetry < 40 * DBL_EPSILON);
    for (int j = 0; j < 40; j++) {
        double y[40];
        assert_near(s->value[j], a.d[j], 400 * DBL_EPSILON * 20);
        must(apply(&a, 1, s->vector + j * 40, y));
        for (int i = 0; i < 40; i++) assert_near(y[i], s->value[j] * s->vector[j * 40 + i], 800 * DBL_EPSILON * 20);
    }
    tw_spectrum_free(s);
}

// Truth: by hand: A - A' has squares 1 + 1, A has 1 + 4 + 1 + 9.
static void asymmetry_is_measured(void **state)
{
    (void)state;
    const double a[4] = {1, 2, 1, 3};
    double copy[4], asymmetry = 0;
    tw_linop *op = NULL;
    must(tw_linop_dense(2, a, &op));
    must(tw_linop_assemble(op, (tw_progress){0}, copy, &asymmetry));
    for (int i = 0; i < 4; i++) assert_true(copy[i] == a[i]);
    assert_near(asymmetry, sqrt(2.0 / 15), 4 * DBL_EPSILON);
    tw_linop_free(op);
}

// Truth: planes span{e0, e1} and span{cos a e0 + sin a e2, cos b e1 + sin b e3}, mixed and of any length.
static void angles_are_found_down_to_rounding(void **state)
{
    (void)state;
    const double pairs[][2] = {{0.3, 1.2}, {1e-9, 0.7}, {0, 1e-12}, {1e-6, 1e-9}, {0.5, acos(0.0)}};
    for (int c = 0; c < 5; c++) {
        double a = pairs[c][0], b = pairs[c][1];
        double x[10] = {1, 1, 0, 0, 0, 2, -1, 0, 0, 0}, y[10] = {0};
        double u[5] = {cos(a), 0, sin(a), 0, 0}, v[5] = {0, cos(b), 0, sin(b), 0};
        for (int i = 0; i < 5; i++) {
            y[i] = 1e100 * (u[i] + v[i]);
            y[5 + i] = 1e-100 * (u[i] - 2 * v[i]);
        }
        tw_angles *found = NULL;
        must(tw_angles_new(5, 2, x, 2, y, &found));
        assert_near(found->angle[0], fmin(a, b), 100 * DBL_EPSILON);
        assert_near(found->angle[1], fmax(a, b), 100 * DBL_EPSILON);
        assert_near(found->overlap, (cos(a) * cos(a) + cos(b) * cos(b)) / 2, 100 * DBL_EPSILON);
        assert_near(found->distance, sin(fmax(a, b)), 100 * DBL_EPSILON);
        tw_angles_free(found);
    }
}

static void a_contained_space_has_no_angle_but_distance_one(void **state)
{
    (void)state;
    const double x[8] = {1, 0, 0, 0, 0, 1, 1, 0}, y[4] = {3, 2, 2, 0};
    tw_angles *found = NULL;
    must(tw_angles_new(4, 1, y, 2, x, &found));
    assert_int_equal(found->count, 1);
    assert_near(found->angle[0], 0, 20 * DBL_EPSILON);
    assert_true(found->distance == 1);
    tw_angles_free(found);
}

static void dependent_vectors_are_refused(void **state)
{
    (void)state;
    const double x[6] = {1, 2, 3, 2, 4, 6}, nan[3] = {1, NAN, 0};
    tw_angles *found = NULL;
    must_fail(tw_angles_new(3, 2, x, 1, x, &found), TW_EINVAL, "linearly independent");
    must_fail(tw_angles_new(3, 1, x, 1, nan, &found), TW_ENUMERIC, "entry 1 is nan");
    must_fail(tw_angles_new(3, 4, x, 1, x, &found), TW_EINVAL, "expected 1 to n");
}

// Truth: for diag(0, gap) and a vector at angle t from e0, residual^2 = gap^2 sin^2 t cos^2 t, so the bound with the
// gap between the Rayleigh quotient and the other eigenvalue, gap cos^2 t, is asin(tan t) >= t.
static void the_angle_bound_holds_in_two_dimensions(void **state)
{
    (void)state;
    for (double t = 0.01; t < 0.7; t += 0.01) {
        double bound = tw_angle_bound(3 * sin(t) * cos(t), 3 * cos(t) * cos(t));
        assert_near(bound, asin(tan(t)), 1e-14);
        assert_true(bound >= t);
    }
    assert_true(tw_angle_bound(2, 1) == asin(1));
    assert_true(tw_angle_bound(0, 0) == asin(1));
}

// Truth: small integers, exact in any order.
static void sums_and_shifts_add_up(void **state)
{
    (void)state;
    const double a[9] = {1, 2, 0, 2, -1, 3, 0, 3, 4}, b[9] = {2, 0, 1, 0, 5, 0, 1, 0, -3}, weight[2] = {2, -3};
    double x[60], y[60];
    tw_linop *op[3] = {NULL};
    for (int i = 0; i < 60; i++) x[i] = i % 7 - 3; // 20 vectors: more than a block
    must(tw_linop_dense(3, a, &op[0]));
    must(tw_linop_dense(3, b, &op[1]));
    must(tw_linop_sum(2, weight, (const tw_linop *[]){op[0], op[1]}, 10, &op[2]));
    must(op[2]->apply(op[2]->ctx, 20, x, y));
    for (int j = 0; j < 20; j++)
        for (int i = 0; i < 3; i++) {
            double sum = 10 * x[3 * j + i];
            for (int k = 0; k < 3; k++) sum += (2 * a[3 * i + k] - 3 * b[3 * i + k]) * x[3 * j + k];
            assert_true(y[3 * j + i] == sum);
        }
    for (int i = 2; i >= 0; i--) tw_linop_free(op[i]);
}

// Truth: P A P x for e0 and e1 is the leading 2 x 2 block; away from it what is left.
static void projections_keep_or_drop_a_block(void **state)
{
    (void)state;
    const double a[9] = {1, 2, 5, 2, -1, 3, 5, 3, 4}, span[6] = {1, 1, 0, 1, -1, 0}, x[3] = {1, 2, 3};
    double y[3];
    tw_linop *op = NULL, *onto = NULL, *away = NULL;
    must(tw_linop_dense(3, a, &op));
    must(tw_linop_onto(op, 2, span, &onto));
    must(tw_linop_away(op, 2, span, &away));
    must(onto->apply(onto->ctx, 1, x, y));
    assert_near(y[0], 5, 100 * DBL_EPSILON);
    assert_near(y[1], 0, 100 * DBL_EPSILON);
    assert_near(y[2], 0, 100 * DBL_EPSILON);
    must(away->apply(away->ctx, 1, x, y));
    assert_near(y[0], 0, 100 * DBL_EPSILON);
    assert_near(y[1], 0, 100 * DBL_EPSILON);
    assert_near(y[2], 12, 100 * DBL_EPSILON);
    tw_linop_free(away);
    tw_linop_free(onto);
    tw_linop_free(op);
}

static void mismatched_terms_are_named(void **state)
{
    (void)state;
    const double a[4] = {1, 0, 0, 1}, weight[2] = {1, 1};
    tw_linop *one = NULL, *two = NULL, *sum = NULL;
    must(tw_linop_dense(1, a, &one));
    must(tw_linop_dense(2, a, &two));
    must_fail(tw_linop_sum(2, weight, (const tw_linop *[]){one, two}, 0, &sum), TW_EINVAL, "term 1 has n = 2");
    must_fail(tw_linop_sum(0, weight, NULL, 0, &sum), TW_EINVAL, "0 terms");
    must_fail(tw_linop_onto(two, 3, a, &sum), TW_EINVAL, "3 vectors");
    tw_linop_free(one);
    tw_linop_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_spectrum_is_the_chosen_one),
        cmocka_unit_test(asymmetry_is_measured),
        cmocka_unit_test(angles_are_found_down_to_rounding),
        cmocka_unit_test(a_contained_space_has_no_angle_but_distance_one),
        cmocka_unit_test(dependent_vectors_are_refused),
        cmocka_unit_test(the_angle_bound_holds_in_two_dimensions),
        cmocka_unit_test(sums_and_shifts_add_up),
        cmocka_unit_test(projections_keep_or_drop_a_block),
        cmocka_unit_test(mismatched_terms_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
