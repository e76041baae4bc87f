// SPDX-License-Identifier: MIT
// The bound of a network: reference values computed elsewhere (bound_cases.json), closed forms of linear classifiers,
// symmetries of ReLU networks, and how often intervals hold.
#include "curv/toy.h"

#include "base/json.h"
#include "thalweg/train.h"
#include "thalweg/train_bound.h"
#include "train/gibbs.h"
#include "train/until.h"

enum { MOST = 64 };

static int64_t numbers(const json_t *array, double *out)
{
    int64_t n = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);
        if (json_is_array(item)) {
            n += numbers(item, out + n);
            continue;
        }
        assert_true(n < MOST);
        out[n++] = json_number_value(item);
    }
    return n;
}

// The net of a reference case, with its data and weights.
static void open_case(toy *t, const json_t *net)
{
    double size[MOST], y[MOST], x[MOST];
    char model[80];
    int64_t layers = numbers(json_object_get(net, "sizes"), size), m = numbers(json_object_get(net, "y"), y);
    int used = snprintf(model, sizeof model, "mlp:%g", size[0]);
    for (int64_t i = 1; i < layers; i++) used += snprintf(model + used, sizeof model - (size_t)used, "-%g", size[i]);
    snprintf(model + used, sizeof model - (size_t)used, ",act=%s",
             json_string_value(json_object_get(net, "activation")));
    toy_open(t, model, m, (int64_t)size[0], (int64_t)size[layers - 1], 0, toy_opts(8));
    numbers(json_object_get(net, "X"), x);
    memcpy(t->data.x, x, (size_t)(m * t->data.features) * sizeof *x);
    for (int64_t i = 0; i < m; i++) t->data.label[i] = (int32_t)y[i];
    assert_int_equal(numbers(json_object_get(net, "theta"), t->w), t->n);
    must(tw_net_set_weights(t->net, t->w));
}

// One scale with variance 1 (to a rounding), so that the shape is the prior's variance; few draws.
static tw_network_bound_opts plain_opts(void)
{
    tw_network_bound_opts o = tw_network_bound_defaults();
    o.c = exp(1);
    o.b = 1;
    o.scales = 1;
    o.pilot = 2;
    o.draws = 20;
    return o;
}

static void check_terms(const tw_posterior_bound *found, const json_t *truth)
{
    const double terms[] = {found->effective_curvature, found->weighted_norm, found->kl_exact};
    static const char *const name[] = {"effective_curvature", "weighted_norm", "kl_exact"};
    for (int i = 0; i < 3; i++) {
        double x = json_number_value(json_object_get(truth, name[i]));
        assert_near(terms[i], x, 1e-10 * fabs(x)); // reference values have 12 digits and more
    }
}

// Truth: bound_cases.json, groups tiny_nets and rescaling.
static void reference_networks_have_their_diagonals_and_terms(void **state)
{
    (void)state;
    json_t *file = NULL;
    must(tw_json_load(TW_TEST_DATA "/bound_cases.json", &file));
    int checked = 0;
    for (size_t c = 0; c < json_array_size(json_object_get(file, "rescaling")); c++) {
        const json_t *one = json_array_get(json_object_get(file, "rescaling"), c), *net = NULL;
        for (size_t k = 0; k < 3; k++) { // the ReLU net of these sizes
            const json_t *at = json_array_get(json_object_get(file, "tiny_nets"), k);
            if (json_equal(json_object_get(at, "sizes"), json_object_get(one, "net_sizes"))) net = at;
        }
        assert_non_null(net);
        toy t;
        double theta0[MOST], prior[MOST], alpha[MOST], T[MOST], moved[MOST], h[MOST], true_T[MOST];
        tw_network_bound_opts opts = plain_opts();
        tw_network_bound *before = NULL, *after = NULL, *fixed = NULL;
        open_case(&t, net);
        numbers(json_object_get(one, "theta0"), theta0);
        numbers(json_object_get(one, "prior_var"), prior);
        must(tw_network_bound_new(t.net, &t.data, NULL, theta0, prior, &opts, &before));
        assert_true(before->exact);
        numbers(json_object_get(net, "hessian_diag"), h);
        for (int64_t j = 0; j < t.n; j++) assert_near(before->diagonal[j], h[j], 1e-12);
        check_terms(&before->row[1], json_object_get(one, "terms_before"));

        must(tw_rescaling(t.net, numbers(json_object_get(one, "alphas"), alpha), alpha, T));
        numbers(json_object_get(one, "T_diag"), true_T);
        for (int64_t j = 0; j < t.n; j++) {
            assert_near(T[j], true_T[j], 0);
            moved[j] = T[j] * t.w[j];
            theta0[j] *= T[j];
        }
        must(tw_net_set_weights(t.net, moved));
        must(tw_network_bound_new(t.net, &t.data, NULL, theta0, prior, &opts, &fixed));
        check_terms(&fixed->row[1], json_object_get(one, "terms_after_fixed_prior_var"));
        for (int64_t j = 0; j < t.n; j++) prior[j] *= T[j] * T[j];
        must(tw_network_bound_new(t.net, &t.data, NULL, theta0, prior, &opts, &after));
        check_terms(&after->row[1], json_object_get(one, "terms_after_covariant_prior"));
        numbers(json_object_get(one, "hess_diag_after"), h);
        for (int64_t j = 0; j < t.n; j++) assert_near(after->diagonal[j], h[j], 1e-12);
        tw_network_bound_free(before);
        tw_network_bound_free(after);
        tw_network_bound_free(fixed);
        toy_close(&t);
        checked++;
    }
    assert_int_equal(checked, 2);
    json_decref(file);
}

// The tanh net has entries of both signs. Truth: bound_cases.json; a negative entry falls back on the prior whatever
// beta is, so the active ones are counted by hand.
static void negative_curvature_falls_back_on_the_prior(void **state)
{
    (void)state;
    json_t *file = NULL;
    toy t;
    double h[MOST], shape[MOST];
    tw_network_bound_opts opts = plain_opts();
    tw_network_bound *o = NULL;
    must(tw_json_load(TW_TEST_DATA "/bound_cases.json", &file));
    const json_t *net = json_array_get(json_object_get(file, "tiny_nets"), 1);
    open_case(&t, net);
    numbers(json_object_get(net, "hessian_diag"), h);
    for (int64_t j = 0; j < t.n; j++) shape[j] = 25;
    must(tw_network_bound_new(t.net, &t.data, NULL, t.w, shape, &opts, &o));
    int64_t negative = 0;
    for (int64_t j = 0; j < t.n; j++) {
        assert_near(o->diagonal[j], h[j], 1e-12);
        negative += h[j] < 0;
    }
    assert_true(negative > 0 && o->negative == negative);
    for (int r = 0; r < TW_NETWORK_POSTERIORS; r++) {
        int64_t active = 0;
        for (int64_t j = 0; j < t.n; j++) active += o->row[r].beta * h[j] * 25 > 1;
        assert_int_equal(o->row[r].active, active);
        assert_true(o->row[r].weighted_norm == 0); // the weights are the prior's mean
        assert_true(o->row[r].kl_exact >= 0 && o->row[r].kl_exact <= o->row[r].kl_paper_upper);
        assert_true(o->row[r].high <= o->row[r].paper);
    }
    assert_true(o->row[0].kl_exact == 0); // beta = 0 and theta = theta0: the posterior is the prior
    tw_network_bound_free(o);
    toy_close(&t);
    json_decref(file);
}

static double normal_cdf(double x) { return erfc(-x / sqrt(2)) / 2; }

// A linear net with two classes: z_1 - z_0 of sample i is normal under the posterior, so its error is known.
static double linear_gibbs(const toy *t, const double *theta, double nu)
{
    double sum = 0;
    for (int64_t i = 0; i < t->data.m; i++) {
        const double *x = (const double *)t->data.x + i * t->data.features;
        int64_t d = t->data.features;
        double mean = theta[2 * d + 1] - theta[2 * d], var = 2 / nu;
        for (int64_t j = 0; j < d; j++) {
            mean += (theta[d + j] - theta[j]) * x[j];
            var += 2 * x[j] * x[j] / nu;
        }
        sum += normal_cdf((t->data.label[i] == 1 ? -mean : mean) / sqrt(var));
    }
    return sum / (double)t->data.m;
}

// Truth: the closed form. Tolerance: 5 standard errors, false once in 2 million, and the seed is fixed.
static void the_gibbs_error_of_a_linear_classifier_is_its_closed_form(void **state)
{
    (void)state;
    toy t;
    double nu[6];
    tw_gibbs g;
    toy_open(&t, "mlp:2-2", 12, 2, 2, 0, toy_opts(8));
    for (double precision = 0.25; precision < 100; precision *= 4) {
        for (int j = 0; j < 6; j++) nu[j] = precision;
        double truth = linear_gibbs(&t, t.w, precision);
        must(tw_gibbs_draw(t.net, &t.data, t.w, nu, 3, 0, 2000, (tw_progress){NULL, NULL}, &g));
        assert_true(g.error > 0 && g.error < 0.012 && g.overflowed == 0); // at most 1/2 / sqrt(2000)
        assert_near(g.mean, truth, 5 * g.error);
    }
    toy_close(&t);
}

// How often the interval of the Gibbs error holds, over 400 seeds with 30 draws each, on one sample (each draw then is
// a coin, where the Chernoff form is tightest) and with delta_mc = 0.8, 0.2 for each posterior. Truth: the closed form.
// A right interval covers at least 400 * 0.8 = 320 times on average, sd 8: fewer than 280 has probability < 1e-6. That
// of a tenth the draws' information (control: half as wide and less) must be seen to fail.
static void the_interval_of_the_gibbs_error_holds_as_often_as_it_says(void **state)
{
    (void)state;
    enum { SEEDS = 400 };
    toy t;
    double nu = 0;
    int covered = 0, control = 0;
    toy_open(&t, "mlp:2-2", 1, 2, 2, 0, toy_opts(8));
    tw_network_bound_opts opts = plain_opts();
    opts.delta = 0.1;
    opts.delta_mc = 0.8;
    opts.draws = 30;
    for (int s = 0; s < SEEDS; s++) {
        tw_network_bound *o = NULL;
        opts.seed = (uint64_t)s;
        must(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o));
        const tw_posterior_bound *r = &o->row[0]; // beta = 0: every precision is 1/variance
        nu = 1 / r->variance;
        double truth = linear_gibbs(&t, t.w, nu), near = 0.2;
        covered += r->gibbs_low <= truth && truth <= r->gibbs_high;
        control += r->gibbs - near * (r->gibbs - r->gibbs_low) <= truth &&
                   truth <= r->gibbs + near * (r->gibbs_high - r->gibbs);
        assert_true(r->low <= r->gibbs_low && r->gibbs_high <= r->high);
        tw_network_bound_free(o);
    }
    assert_true(covered >= 280);
    assert_true(control < 240);
    toy_close(&t);
}

// A ReLU net some steps from its initialisation, rescaled by factors up to 1000. Truth: section 14 of the
// specification, H_jj -> H_jj / t_j^2; every term and every draw is the same up to rounding, which grows with depth but
// not with the factors: 1e-9 is far above and 1e-6 is what is promised. With a fixed prior terms must differ.
static void the_bound_is_invariant_under_rescaling_with_its_prior(void **state)
{
    (void)state;
    const double alpha[] = {1000, 0.004, 0.25};
    toy t;
    tw_sgd_opts sgd = tw_sgd_defaults();
    tw_sgd_curve *curve = NULL;
    tw_network_bound_opts opts = plain_opts();
    tw_network_bound *before = NULL, *after = NULL, *fixed = NULL;
    double *theta0, *shape, *T, *w, change;
    toy_open(&t, "mlp:4-7-6-3,act=relu", 30, 4, 3, 0, toy_opts(8));
    must(tw_alloc(t.n * 3, sizeof *theta0, &theta0));
    shape = theta0 + t.n;
    T = shape + t.n;
    memcpy(theta0, t.w, (size_t)t.n * sizeof *theta0);
    tw_prior_shape(t.net, theta0, shape);
    sgd.batch = 5;
    sgd.epochs = 20;
    must(tw_sgd(t.net, &t.data, &sgd, &curve));
    tw_sgd_curve_free(curve);
    w = t.w;
    tw_net_get_weights(t.net, w);
    opts.c = 100;
    opts.b = 2;
    opts.scales = 12;
    must(tw_network_bound_new(t.net, &t.data, NULL, theta0, shape, &opts, &before));
    must(tw_rescaling(t.net, 3, alpha, T));
    must(tw_rescaling_change(t.net, &t.data, T, &change));
    assert_near(change, 0, 1e-12);
    for (int64_t j = 0; j < t.n; j++) {
        theta0[j] *= T[j];
        w[j] *= T[j];
    }
    must(tw_net_set_weights(t.net, w));
    must(tw_network_bound_new(t.net, &t.data, NULL, theta0, shape, &opts, &fixed));
    for (int64_t j = 0; j < t.n; j++) shape[j] *= T[j] * T[j];
    must(tw_network_bound_new(t.net, &t.data, NULL, theta0, shape, &opts, &after));

    bool moved = false;
    for (int64_t j = 0; j < t.n; j++)
        assert_near(after->diagonal[j] * T[j] * T[j], before->diagonal[j], 1e-10 * before->largest);
    for (int r = 0; r < TW_NETWORK_POSTERIORS; r++) {
        const tw_posterior_bound *a = &before->row[r], *b = &after->row[r];
        assert_int_equal(a->active, b->active);
        assert_int_equal(a->scale, b->scale);
        assert_near(b->effective_curvature, a->effective_curvature, 1e-9 * (1 + a->effective_curvature));
        assert_near(b->weighted_norm, a->weighted_norm, 1e-9 * a->weighted_norm);
        assert_near(b->kl_exact, a->kl_exact, 1e-9 * (1 + a->kl_exact));
        assert_near(b->gibbs, a->gibbs, 0); // the same draws of the same function
        assert_near(b->high, a->high, 1e-9);
        assert_near(b->low, a->low, 1e-9);
        moved = moved || fabs(fixed->row[r].kl_exact - a->kl_exact) > 0.01 * a->kl_exact;
    }
    assert_true(before->row[3].active > 0); // curvature had a part in it
    assert_true(moved);
    assert_true(after->trace > 100 * before->trace || after->trace < before->trace / 100); // sharpness is not invariant
    // the prior whose shape is that of the rescaled start is rescaled along, without being told
    tw_prior_shape(t.net, theta0, T);
    for (int64_t j = 0; j < t.n; j++) assert_near(T[j], shape[j], 1e-12 * shape[j]);
    tw_network_bound_free(before);
    tw_network_bound_free(after);
    tw_network_bound_free(fixed);
    free(theta0);
    toy_close(&t);
}

static void a_network_that_is_no_chain_of_relu_is_found_out(void **state)
{
    (void)state;
    const double alpha[] = {2, 0.5}, third[] = {2, 0.5, 1}, wrong[] = {2, 1}, minus[] = {-1, -1};
    double T[MOST], change;
    toy t;
    toy_open(&t, "mlp:3-5-2,act=tanh", 10, 3, 2, 0, toy_opts(8));
    assert_int_equal(tw_rescaling_layers(t.net), 2);
    must(tw_rescaling(t.net, 2, alpha, T));
    must(tw_rescaling_change(t.net, &t.data, T, &change));
    assert_true(change > 1e-4);
    must_fail(tw_rescaling(t.net, 3, third, T), TW_EINVAL, "found 3 factors, expected one for each of 2");
    must_fail(tw_rescaling(t.net, 2, wrong, T), TW_EINVAL, "product 2");
    must_fail(tw_rescaling(t.net, 2, minus, T), TW_EINVAL, "factor 1: found -1");
    toy_close(&t);
}

// Truth: the exact diagonal. Each entry of a probed one lies within 5 standard errors or so (63 entries), and the
// effective curvature at -+2 errors of every entry together holds the exact one.
static void a_probed_diagonal_brackets_the_effective_curvature(void **state)
{
    (void)state;
    toy t;
    tw_network_bound_opts opts = plain_opts();
    tw_network_bound *exact = NULL, *probed = NULL;
    toy_open(&t, "mlp:4-7-3,act=tanh", 30, 4, 3, 0, toy_opts(8));
    must(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &exact));
    opts.probes = 50;
    must(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &probed));
    assert_true(exact->exact && !probed->exact && probed->products == 50);
    for (int64_t j = 0; j < t.n; j++)
        assert_near(probed->diagonal[j], exact->diagonal[j], 5 * probed->diagonal_error[j]);
    assert_near(probed->trace, exact->trace, probed->trace_error);
    const tw_posterior_bound *p = &probed->row[3], *e = &exact->row[3];
    assert_true(e->curvature_low == e->effective_curvature && e->curvature_high == e->effective_curvature);
    assert_true(p->curvature_low < e->effective_curvature && e->effective_curvature < p->curvature_high);
    assert_true(p->curvature_low < p->effective_curvature && p->effective_curvature < p->curvature_high);
    tw_network_bound_free(exact);
    tw_network_bound_free(probed);
    toy_close(&t);
}

// The statement is computed again from its parts with tw_kl_inverse and by the formulas of docs/bound.md.
static void the_statement_follows_from_its_parts(void **state)
{
    (void)state;
    const double pi = acos(-1);
    toy t;
    tw_network_bound_opts opts = plain_opts();
    tw_network_bound *o = NULL;
    double theta0[MOST] = {0};
    toy_open(&t, "mlp:3-5-2,act=relu", 40, 3, 2, 0, toy_opts(8));
    opts.scales = 20;
    opts.b = 3;
    opts.pilot = 8;
    opts.draws = 200;
    must(tw_network_bound_new(t.net, &t.data, &t.data, theta0, NULL, &opts, &o));
    for (int r = 0; r < TW_NETWORK_POSTERIORS; r++) {
        const tw_posterior_bound *p = &o->row[r];
        tw_kl_range mc, low, high;
        double i = (double)p->scale, delta = 6 * 0.05 / (pi * pi * i * i), norm = 0;
        assert_near(p->variance, exp(1) * exp(-i / 3), 1e-14 * p->variance);
        for (int64_t j = 0; j < t.n; j++) norm += t.w[j] * t.w[j] / p->variance;
        assert_near(p->weighted_norm, norm, 1e-12 * norm);
        assert_near(p->rhs, (p->kl_exact + log(2 * sqrt(40) / delta)) / 40, 1e-14 * p->rhs);
        must(tw_kl_inverse(p->gibbs, log(2 / (0.01 / 4)) / 200, &mc));
        must(tw_kl_inverse(mc.lower, p->rhs, &low));
        must(tw_kl_inverse(mc.upper, p->rhs, &high));
        assert_near(p->low, low.lower, 1e-13);
        assert_near(p->high, high.upper, 1e-13);
        assert_true(p->vacuous == (p->high >= 0.5));
        assert_near(p->test_gibbs, p->gibbs, 4 * hypot(p->gibbs_error, p->test_error)); // the same samples here
        for (int64_t k = 0; k < o->scales; k++) { // no scale had a lower bound at the pilot's error
            double found = o->pilot_bound[k * TW_NETWORK_POSTERIORS + r],
                   best = o->pilot_bound[(p->scale - 1) * TW_NETWORK_POSTERIORS + r];
            assert_true(isnan(found) || found >= best);
        }
        assert_true(o->row[o->best].high <= p->high);
    }
    assert_near(o->confidence, 0.94, 1e-15);
    assert_near(o->test_error, o->error, 0);
    tw_network_bound_free(o);
    toy_close(&t);
}

// Truth: with KL = 0 the right side is ln(xi/delta_i), xi = m + 1 = 2.
static void one_sample_gives_a_vacuous_bound_that_says_so(void **state)
{
    (void)state;
    toy t;
    tw_network_bound_opts opts = plain_opts();
    tw_network_bound *o = NULL;
    toy_open(&t, "mlp:2-3-2,act=relu", 1, 2, 2, 0, toy_opts(8));
    must(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o));
    const tw_posterior_bound *p = &o->row[0];
    assert_near(p->rhs, log(2 / p->delta), 1e-13 * p->rhs);
    assert_true(p->vacuous && p->high <= 1 && p->low >= 0 && p->low <= p->gibbs_low);
    assert_true(isnan(p->test_gibbs) && isnan(o->test_error));
    tw_network_bound_free(o);
    toy_close(&t);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    static const double bad[] = {0, 1, -0.1, NAN};
    toy t, numeric;
    tw_network_bound *o = NULL;
    tw_network_bound_opts opts = plain_opts();
    toy_open(&t, "mlp:2-3-2", 5, 2, 2, 0, toy_opts(8));
    for (int i = 0; i < 4; i++) {
        opts.delta = bad[i];
        must_fail(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o), TW_EINVAL, "delta: found");
        opts.delta = 0.05;
        opts.delta_mc = bad[i];
        must_fail(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o), TW_EINVAL, "delta_mc: found");
        opts.delta_mc = 0.01;
    }
    opts.delta_mc = 0.97;
    must_fail(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o), TW_EINVAL, "found 1.02");
    opts = plain_opts();
    opts.draws = 1;
    must_fail(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o), TW_EINVAL, "draws: found 1");
    opts = plain_opts();
    opts.b = 1e-9;
    must_fail(tw_network_bound_new(t.net, &t.data, NULL, t.w, NULL, &opts, &o), TW_EINVAL, "= 0");
    opts = plain_opts();
    double zero[MOST] = {0};
    must_fail(tw_network_bound_new(t.net, &t.data, NULL, t.w, zero, &opts, &o), TW_EINVAL, "prior_var[0]: found 0");
    toy_open(&numeric, "mlp:2-3-1", 5, 2, 0, 1, toy_opts(8));
    must_fail(tw_network_bound_new(numeric.net, &numeric.data, NULL, numeric.w, NULL, &opts, &o), TW_EINVAL,
              "expected class labels");
    tw_net *none = NULL;
    tw_net_opts net = toy_opts(8);
    must_fail(tw_net_new("mlp:2-0-2", &t.data, &net, &none), TW_EINVAL, "0"); // a layer of no size is refused earlier
    assert_null(o);
    toy_close(&t);
    toy_close(&numeric);
}

static void training_until_a_loss_says_whether_it_came_there(void **state)
{
    (void)state;
    toy t;
    tw_trainer_opts opts = tw_trainer_defaults();
    tw_until far, near;
    tw_loss_value value;
    toy_open(&t, "mlp:4-20-2,act=relu", 16, 4, 2, 0, toy_opts(8));
    opts.lr = 0.2;
    opts.batch = 4;
    must(tw_train_until(t.net, &t.data, &opts, 1, 0.02, (tw_progress){NULL, NULL}, &far));
    assert_true(!far.reached && far.epochs == 1 && far.steps == 4 && far.loss > 0.02);
    must(tw_train_until(t.net, &t.data, &opts, 2000, 0.02, (tw_progress){NULL, NULL}, &near));
    must(tw_loss(t.net, &t.data, NULL, NULL, &value));
    assert_true(near.reached && near.epochs < 2000 && near.loss <= 0.02 && near.loss == value.data_loss);
    must(tw_train_until(t.net, &t.data, &opts, 2000, 0.02, (tw_progress){NULL, NULL}, &far));
    assert_true(far.reached && far.epochs == 0); // it was there already
    opts.lr = 1e200;
    must(tw_train_until(t.net, &t.data, &opts, 50, 0, (tw_progress){NULL, NULL}, &far));
    assert_true(far.diverged && !far.reached);
    toy_close(&t);
}

// Each allocation in turn fails: the right status, the weights as they were, nothing leaked (sanitizers look).
static void memory_that_runs_out_leaves_the_weights(void **state)
{
    (void)state;
    toy t;
    double after[MOST];
    tw_network_bound_opts opts = plain_opts();
    tw_network_bound *o = NULL;
    opts.draws = 2;
    toy_open(&t, "mlp:2-2", 3, 2, 2, 0, toy_opts(8));
    int64_t before = tw_alloc_calls();
    must(tw_network_bound_new(t.net, &t.data, &t.data, t.w, NULL, &opts, &o));
    int64_t calls = tw_alloc_calls() - before;
    tw_network_bound_free(o);
    o = NULL;
    for (int64_t i = 1; i <= calls; i++) {
        tw_alloc_fail_at(i);
        assert_int_equal(tw_network_bound_new(t.net, &t.data, &t.data, t.w, NULL, &opts, &o), TW_ENOMEM);
        assert_null(o);
        tw_net_get_weights(t.net, after);
        assert_memory_equal(after, t.w, (size_t)t.n * sizeof *after);
    }
    tw_alloc_fail_at(0);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_networks_have_their_diagonals_and_terms),
        cmocka_unit_test(negative_curvature_falls_back_on_the_prior),
        cmocka_unit_test(the_gibbs_error_of_a_linear_classifier_is_its_closed_form),
        cmocka_unit_test(the_interval_of_the_gibbs_error_holds_as_often_as_it_says),
        cmocka_unit_test(the_bound_is_invariant_under_rescaling_with_its_prior),
        cmocka_unit_test(a_network_that_is_no_chain_of_relu_is_found_out),
        cmocka_unit_test(a_probed_diagonal_brackets_the_effective_curvature),
        cmocka_unit_test(the_statement_follows_from_its_parts),
        cmocka_unit_test(one_sample_gives_a_vacuous_bound_that_says_so),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(training_until_a_loss_says_whether_it_came_there),
        cmocka_unit_test(memory_that_runs_out_leaves_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
