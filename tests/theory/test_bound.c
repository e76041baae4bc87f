// SPDX-License-Identifier: MIT
// The PAC-Bayes bound and the exact SGD step on least squares, against values computed elsewhere (bound_solve.json:
// high precision arithmetic, printed as doubles) and against identities.
#include "test.h"

#include "base/json.h"
#include "thalweg/theory_bound.h"

static double number(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) fail_msg("fixture lacks the number %s", key);
    return json_number_value(value);
}

enum { ROOM = 64 };

static int64_t numbers(const json_t *object, const char *key, double *out)
{
    json_t *array = json_object_get(object, key);
    int64_t n = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);
        for (size_t j = 0; json_is_array(item) && j < json_array_size(item); j++) {
            assert_true(n < ROOM);
            out[n++] = json_number_value(json_array_get(item, j));
        }
        assert_true(n < ROOM);
        if (!json_is_array(item)) out[n++] = json_number_value(item);
    }
    return n;
}

// rtol is the file's own; below the smallest normal number nothing relative is promised.
#define assert_field(found, out, key, rtol) \
    assert_near((found), number((out), (key)), (rtol)*fabs(number((out), (key))) + DBL_MIN)

static void check_form(const tw_pac_bayes_form *found, const json_t *out, const char *key, double rtol)
{
    json_t *truth = json_object_get(out, key);
    assert_field(found->rhs, truth, "rhs", rtol);
    assert_field(found->bound, truth, "bound", rtol);
    assert_field(found->pinsker, truth, "pinsker", rtol);
}

static void check_pac_bayes(const json_t *in, const json_t *out, double rtol)
{
    double theta[ROOM], theta0[ROOM], prior[ROOM], hess[ROOM], nu[ROOM], truth[ROOM];
    tw_pac_bayes_input input = {.p = numbers(in, "theta", theta),
                                .n = (int64_t)number(in, "n"),
                                .delta = number(in, "delta"),
                                .gibbs = number(in, "emp_gibbs_loss"),
                                .beta = 1,
                                .theta = theta,
                                .theta0 = theta0,
                                .prior_var = prior,
                                .hess_diag = hess};
    tw_pac_bayes_value value;
    numbers(in, "theta0", theta0);
    numbers(in, "prior_var", prior);
    numbers(in, "hess_diag", hess);
    must(tw_pac_bayes(&input, nu, &value));
    numbers(out, "nu", truth);
    for (int64_t j = 0; j < input.p; j++) assert_near(nu[j], truth[j], rtol * fabs(truth[j]));
    assert_int_equal(value.active, (int64_t)number(out, "n_active"));
    assert_field(value.effective_curvature, out, "effective_curvature", rtol);
    assert_field(value.weighted_norm, out, "weighted_norm", rtol);
    assert_field(value.kl_exact, out, "kl_exact", rtol);
    assert_field(value.kl_paper_upper, out, "kl_paper_upper", rtol);
    check_form(&value.langford, out, "langford_n_plus_1", rtol);
    check_form(&value.maurer, out, "maurer_2sqrtn", rtol);
    check_form(&value.paper, out, "paper_form", rtol);
}

static void check_prior_grid(const json_t *in, const json_t *out, double rtol)
{
    double theta[ROOM], theta0[ROOM], hess[ROOM];
    tw_pac_bayes_input input = {.p = numbers(in, "theta", theta),
                                .n = (int64_t)number(in, "n"),
                                .delta = number(in, "delta"),
                                .gibbs = number(in, "emp_gibbs_loss"),
                                .beta = 1,
                                .theta = theta,
                                .theta0 = theta0,
                                .hess_diag = hess};
    tw_prior_choice choice;
    numbers(in, "theta0", theta0);
    numbers(in, "hess_diag", hess);
    must(tw_prior_grid(&input, number(in, "c"), number(in, "b"), (int64_t)number(in, "jmax"), &choice));
    assert_int_equal(choice.index, (int64_t)number(out, "best_j"));
    assert_field(choice.variance, out, "best_sigma2", rtol);
    assert_field(choice.rhs, out, "rhs", rtol);
    assert_field(choice.bound, out, "bound", rtol);
}

static void check_least_squares(const json_t *in, const json_t *out, double rtol)
{
    double x[ROOM], y[ROOM], theta[ROOM];
    tw_step_change change;
    numbers(in, "X", x);
    int64_t n = numbers(in, "y", y), d = numbers(in, "theta", theta);
    must(tw_least_squares_step(n, d, x, y, theta, number(in, "eta"), (int64_t)number(in, "batch"), &change));
    assert_field(change.loss, out, "f", rtol);
    assert_field(change.mean[0], out, "mean_with_replacement", rtol);
    assert_field(change.var[0], out, "var_with_replacement", rtol);
    assert_field(change.mean[1], out, "mean_without_replacement", rtol);
    assert_field(change.var[1], out, "var_without_replacement", rtol);
}

static void every_reference_case_agrees(void **state)
{
    (void)state;
    json_t *file = NULL;
    must(tw_json_load(TW_TEST_DATA "/bound_solve.json", &file));
    json_t *cases = json_object_get(file, "cases");
    int checked = 0;
    for (size_t i = 0; i < json_array_size(cases); i++, checked++) {
        json_t *one = json_array_get(cases, i), *in = json_object_get(one, "in"), *out = json_object_get(one, "out");
        const char *kind = json_string_value(json_object_get(one, "kind"));
        double rtol = number(one, "rtol"), value;
        tw_kl_range range;
        if (!strcmp(kind, "kl")) {
            must(tw_kl(number(in, "q"), number(in, "p"), &value));
            assert_field(value, out, "kl", rtol);
        } else if (!strcmp(kind, "kl_inverse")) {
            must(tw_kl_inverse(number(in, "q"), number(in, "c"), &range));
            assert_field(range.upper, out, "upper", rtol);
            assert_field(range.lower, out, "lower", rtol);
        } else if (!strcmp(kind, "mc_gibbs")) {
            must(tw_gibbs_upper((int64_t)number(in, "errors"), (int64_t)number(in, "draws"), number(in, "delta_mc"),
                                &value));
            assert_field(value, out, "upper", rtol);
        } else if (!strcmp(kind, "pac_bayes")) {
            check_pac_bayes(in, out, rtol);
        } else if (!strcmp(kind, "prior_grid")) {
            check_prior_grid(in, out, rtol);
        } else if (!strcmp(kind, "least_squares")) {
            check_least_squares(in, out, rtol);
        } else {
            fail_msg("unknown kind %s", kind);
        }
    }
    assert_int_equal(checked, 90);
    json_decref(file);
}

// Truth: the definition kl(q || p+) = c. dkl/dp = d/(p(1-p)), so c comes back within a few roundings of p times that.
static void the_inverse_undoes_kl(void **state)
{
    (void)state;
    static const double qs[] = {1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999}, cs[] = {1e-12, 1e-6, 1e-2, 0.3, 2, 9};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            tw_kl_range r;
            double q = qs[i], c = cs[j], back;
            must(tw_kl_inverse(q, c, &r));
            assert_true(r.lower <= q && q <= r.upper && r.upper <= 1);
            if (r.one_minus_upper == 0) continue; // below the smallest double
            if (r.one_minus_upper < 1e-3) {       // p itself has lost the digits of 1 - p: use the complement
                double t = r.one_minus_upper;
                back = q * (log(q) - log1p(-t)) + (1 - q) * (log1p(-q) - log(t));
                assert_near(back, c, 64 * DBL_EPSILON * (c + 1));
            } else {
                must(tw_kl(q, r.upper, &back));
                double slope = (r.upper - q) / (r.upper * r.one_minus_upper);
                assert_near(back, c, 8 * DBL_EPSILON * (c + slope * r.upper));
            }
        }
}

// Rescaling theta, theta0 by T and the prior by T^2 leaves every term as it was (H_jj falls by T^2); a fixed prior does
// not. T is a power of two, so equal means equal in every bit but the logarithms' arguments, which are equal too.
static void the_bound_is_invariant_only_with_a_prior_that_moves_along(void **state)
{
    (void)state;
    enum { P = 6 };
    const double theta[P] = {0.5, -1, 2, 0.25, 3, -0.7}, theta0[P] = {0, 0.5, 1, -0.5, 2, 0.1},
                 prior[P] = {1, 0.5, 2, 1, 1, 4}, hess[P] = {3, 0.1, 7, -2, 0.5, 11},
                 t[P] = {2, 0.5, 8, 0.125, 1024, 4};
    double moved[P], moved0[P], covariant[P], curved[P];
    for (int j = 0; j < P; j++) {
        moved[j] = t[j] * theta[j];
        moved0[j] = t[j] * theta0[j];
        covariant[j] = t[j] * t[j] * prior[j];
        curved[j] = hess[j] / (t[j] * t[j]);
    }
    tw_pac_bayes_input in = {P, 100, 0.05, 0.1, 1, theta, theta0, prior, hess};
    tw_pac_bayes_value before, after, fixed;
    must(tw_pac_bayes(&in, NULL, &before));
    in = (tw_pac_bayes_input){P, 100, 0.05, 0.1, 1, moved, moved0, covariant, curved};
    must(tw_pac_bayes(&in, NULL, &after));
    assert_int_equal(before.active, after.active);
    assert_true(before.effective_curvature == after.effective_curvature);
    assert_true(before.weighted_norm == after.weighted_norm && before.kl_exact == after.kl_exact);
    assert_true(before.maurer.bound == after.maurer.bound && before.paper.bound == after.paper.bound);
    in.prior_var = prior;
    must(tw_pac_bayes(&in, NULL, &fixed));
    assert_true(fixed.kl_exact > 2 * before.kl_exact);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    double x, nan = NAN, one = 1, minus = -1;
    tw_kl_range r;
    tw_pac_bayes_value v;
    tw_step_change s;
    must_fail(tw_kl(1.5, 0.5, &x), TW_EINVAL, "q: found 1.5");
    must_fail(tw_kl(0.5, nan, &x), TW_EINVAL, "p: found");
    must_fail(tw_kl_inverse(0.5, -1, &r), TW_EINVAL, "c: found -1");
    must_fail(tw_gibbs_upper(3, 2, 0.1, &x), TW_EINVAL, "errors: found 3");
    must_fail(tw_gibbs_upper(1, 2, 1, &x), TW_EINVAL, "delta: found 1");
    tw_pac_bayes_input in = {1, 10, 0.05, 0.1, 1, &one, &one, &minus, &one};
    must_fail(tw_pac_bayes(&in, NULL, &v), TW_EINVAL, "prior_var[0]: found -1");
    in.prior_var = &one;
    in.hess_diag = &nan;
    must_fail(tw_pac_bayes(&in, NULL, &v), TW_EINVAL, "hess_diag[0]");
    in.hess_diag = &minus; // negative curvature falls back on the prior; theta = theta0: KL is exactly 0
    must(tw_pac_bayes(&in, NULL, &v));
    assert_true(v.active == 0 && v.kl_exact == 0);
    in.n = 0;
    must_fail(tw_pac_bayes(&in, NULL, &v), TW_EINVAL, "n: found 0");
    must_fail(tw_least_squares_step(1, 1, &one, &one, &one, 0.1, 2, &s), TW_EINVAL, "batch: found 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reference_case_agrees),
        cmocka_unit_test(the_inverse_undoes_kl),
        cmocka_unit_test(the_bound_is_invariant_only_with_a_prior_that_moves_along),
        cmocka_unit_test(bad_input_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
