// SPDX-License-Identifier: MIT
// Valleys and saddles against critical points found elsewhere: Mueller and Brown's surface, and a quadratic's flow.
#include "test.h"

#include "theory/surface.h"

// Mueller & Brown, Theor. Chim. Acta 53 (1979) 75.
static const double amp[] = {-200, -100, -170, 15}, qa[] = {-1, -1, -6.5, 0.7}, qb[] = {0, 0, 11, 0.6},
                    qc[] = {-10, -10, -6.5, 0.7}, px[] = {1, 0, -0.5, -1}, py[] = {0, 0.5, 1.5, 1};

static tw_status mueller_slope(void *ctx, const double *x, double *value, double *g)
{
    (void)ctx;
    *value = g[0] = g[1] = 0;
    for (int i = 0; i < 4; i++) {
        double u = x[0] - px[i], v = x[1] - py[i], e = amp[i] * exp(qa[i] * u * u + qb[i] * u * v + qc[i] * v * v);
        *value += e;
        g[0] += e * (2 * qa[i] * u + qb[i] * v);
        g[1] += e * (qb[i] * u + 2 * qc[i] * v);
    }
    return TW_OK;
}

static tw_status mueller_hessian(void *ctx, const double *x, double *h)
{
    (void)ctx;
    for (int i = 0; i < 4; i++) h[i] = 0;
    for (int i = 0; i < 4; i++) {
        double u = x[0] - px[i], v = x[1] - py[i], e = amp[i] * exp(qa[i] * u * u + qb[i] * u * v + qc[i] * v * v);
        double p = 2 * qa[i] * u + qb[i] * v, q = qb[i] * u + 2 * qc[i] * v;
        h[0] += e * (p * p + 2 * qa[i]);
        h[3] += e * (q * q + 2 * qc[i]);
        h[1] += e * (p * q + qb[i]);
    }
    h[2] = h[1];
    return TW_OK;
}

static const tw_surface mueller = {2, mueller_slope, mueller_hessian, NULL};

// papers/reference: x, y, V, eigenvalues.
static const double minimum[3][5] = {
    {-0.5582236346330243, 1.4417258418046686, -146.69951720995402, 410.53113469288905, 4068.1989550264852},
    {0.6234994049308766, 0.028037758528685654, -108.16672411685238, 543.8361890186198, 3005.395864532677},
    {-0.050010822998206056, 0.4666941048719721, -80.76781812965903, 221.03747287232122, 1479.1970220128346}};
static const double saddle[2][5] = {
    {-0.8220015587327321, 0.6243128028148713, -40.6648435086574, -750.8626628392769, 490.24070805963083},
    {0.212486582000662, 0.2929883251073678, -72.24894011232522, -735.2472621113644, 510.88656547254715}};

// |x - x*| <= gradient / smallest |eigenvalue| = 1e-10 / 221, and the reference has 16 digits.
static void same_point(const tw_critical *found, const double truth[5])
{
    assert_true(found->found);
    assert_near(found->x[0], truth[0], 1e-11);
    assert_near(found->x[1], truth[1], 1e-11);
    assert_near(found->value, truth[2], 1e-11 * fabs(truth[2]));
    for (int i = 0; i < 2; i++) assert_near(found->eig[i], truth[3 + i], 1e-8 * fabs(truth[3 + i]));
}

static void minima_are_those_of_mueller_and_brown(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        tw_critical m;
        double from[2] = {minimum[i][0] + 0.02, minimum[i][1] - 0.02};
        must(tw_surface_minimum(&mueller, from, 1e-10, 200, &m));
        same_point(&m, minimum[i]);
        assert_int_equal(m.index, 0);
        tw_critical_free(&m);
    }
}

// From twelve places around each minimum: every saddle found is one of the two, both are, and two thirds of the
// starts succeed (67 % in the source).
static void saddles_are_those_of_mueller_and_brown(void **state)
{
    (void)state;
    int hits[2] = {0};
    for (int i = 0; i < 3; i++)
        for (int turn = 0; turn < 12; turn++) {
            tw_critical s;
            double from[2] = {minimum[i][0] + 0.3 * cos(turn * 0.5236), minimum[i][1] + 0.3 * sin(turn * 0.5236)};
            must(tw_surface_saddle(&mueller, from, 0.1, 1e-10, 200, &s));
            if (s.found && fabs(s.value) < 200) {
                int which = fabs(s.value - saddle[0][2]) < 1 ? 0 : 1;
                same_point(&s, saddle[which]);
                assert_int_equal(s.index, 1);
                hits[which]++;
            }
            tw_critical_free(&s);
        }
    print_message("%d and %d of 36 starts\n", hits[0], hits[1]);
    assert_true(hits[0] > 0 && hits[1] > 0);
    assert_true(hits[0] + hits[1] >= 18);
}

// The saddle at -40.66 joins the first and the third minimum, the one at -72.25 the third and the second.
static void paths_from_a_saddle_end_in_the_minima_it_joins(void **state)
{
    (void)state;
    static const int end[2][2] = {{0, 2}, {2, 1}};
    for (int i = 0; i < 2; i++) {
        tw_critical s;
        must(tw_surface_saddle(&mueller, saddle[i], 0.1, 1e-10, 200, &s));
        int seen[3] = {0};
        for (int side = -1; side <= 1; side += 2) {
            tw_path p;
            must(tw_surface_descend(&mueller, &s, side, 1e-3, 0.02, 1e-7, 2000, &p));
            assert_true(p.arrived);
            for (int m = 0; m < 3; m++)
                seen[m] +=
                    hypot(p.x[2 * (p.count - 1)] - minimum[m][0], p.x[2 * (p.count - 1) + 1] - minimum[m][1]) < 1e-6;
            for (int64_t k = 1; k < p.count; k++) assert_true(p.value[k] <= p.value[k - 1] + 1e-10);
            assert_true(p.share > 0 && p.share < 1); // the curvature along it turns once
            tw_path_free(&p);
        }
        assert_int_equal(seen[end[i][0]], 1);
        assert_int_equal(seen[end[i][1]], 1);
        tw_critical_free(&s);
    }
}

// L = x^4/4 - x^2/2 + y^2/2: from the saddle at 0 along the axis, curvature 3 x^2 - 1 changes sign at 1/sqrt 3, where
// L = -5/36, so s = (1/4 - 5/36) / (1/4) = 4/9.
static tw_status double_slope(void *ctx, const double *x, double *value, double *g)
{
    (void)ctx;
    *value = pow(x[0], 4) / 4 - x[0] * x[0] / 2 + x[1] * x[1] / 2;
    g[0] = pow(x[0], 3) - x[0];
    g[1] = x[1];
    return TW_OK;
}

static tw_status double_hessian(void *ctx, const double *x, double *h)
{
    (void)ctx;
    h[0] = 3 * x[0] * x[0] - 1;
    h[3] = 1;
    h[1] = h[2] = 0;
    return TW_OK;
}

static void the_share_of_a_double_well_is_four_ninths(void **state)
{
    (void)state;
    const tw_surface s = {2, double_slope, double_hessian, NULL};
    const double from[2] = {0.1, 0.2};
    tw_critical b;
    tw_path p;
    must(tw_surface_saddle(&s, from, 0.1, 1e-12, 100, &b));
    assert_true(b.found);
    assert_near(hypot(b.x[0], b.x[1]), 0, 1e-12);
    must(tw_surface_descend(&s, &b, 1, 1e-3, 0.005, 1e-10, 2000, &p));
    assert_true(p.arrived);
    assert_near(fabs(p.x[2 * (p.count - 1)]), 1, 1e-9);
    assert_near(p.share, 4.0 / 9, 1e-3); // linear between points 0.005 apart: the square of that times L''' / L'
    assert_near(p.length[p.count - 1], 1, 1e-3); // a step may pass the end, and return
    tw_path_free(&p);
    tw_critical_free(&b);
}

// From the top of a hill no gradient shows the way down; it is left all the same.
static void a_start_on_a_saddle_goes_down(void **state)
{
    (void)state;
    const tw_surface s = {2, double_slope, double_hessian, NULL};
    const double from[2] = {0, 0};
    tw_critical m;
    must(tw_surface_minimum(&s, from, 1e-12, 100, &m));
    assert_true(m.found);
    assert_near(m.value, -0.25, 1e-14);
    tw_critical_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minima_are_those_of_mueller_and_brown),
        cmocka_unit_test(saddles_are_those_of_mueller_and_brown),
        cmocka_unit_test(paths_from_a_saddle_end_in_the_minima_it_joins),
        cmocka_unit_test(the_share_of_a_double_well_is_four_ninths),
        cmocka_unit_test(a_start_on_a_saddle_goes_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
