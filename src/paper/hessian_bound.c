// SPDX-License-Identifier: MIT
// Paper 1, third question: the anisotropic PAC-Bayes bound, its invariance, and what makes it grow.
#include "paper/hessian.h"

#include "base/alloc.h"
#include "thalweg/train_bound.h"
#include "train/until.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

// --- rescaling ---

static tw_status diagonal_at(tw_course *c, const double *w, const tw_effort *e, double *diagonal)
{
    tw_status st = TW_OK;
    tw_curv *curv = NULL;
    double *error = NULL;
    int64_t n = tw_net_params(c->net), products;
    tw_curv_opts opts = tw_curv_defaults();
    tw_trace_opts trace = tw_trace_defaults();
    trace.products = n; // exact
    trace.seed = e->seed;
    TW_TRY(tw_alloc(n, sizeof *error, &error));
    TW_TRY(tw_net_set_weights(c->net, w));
    TW_TRY(tw_curv_new(c->net, c->data, &opts, &curv));
    TW_TRY(tw_diagonal(tw_curv_linop(curv), &trace, diagonal, error, &products));
done:
    free(error);
    tw_curv_free(curv);
    return st;
}

// The bound's terms before and after the layers are rescaled; away: the largest relative change of the three terms.
static tw_status rescaled(const tw_effort *e, tw_finding *f, bool covariant, double *away, double *change)
{
    static const double alpha[] = {20, 0.05};
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_course_spec spec = tw_hessian_clean(e, 0.5, 0);
    double *room = NULL;
    tw_pac_bayes_value before, after;
    TW_TRY(tw_course_open(&spec, &c));
    int64_t n = tw_net_params(c.net);
    TW_TRY(tw_alloc(7, (size_t)n * sizeof *room, &room));
    double *w = room, *w0 = w + n, *shape = w0 + n, *t = shape + n, *h = t + n, *at = h + n, *prior = at + n;
    tw_net_get_weights(c.net, w0);
    tw_prior_shape(c.net, w0, shape);
    TW_TRY(tw_course_to(&c, tw_hessian_steps[e->scale][2]));
    tw_net_get_weights(c.net, w);
    TW_TRY(tw_rescaling(c.net, 2, alpha, t));
    TW_TRY(tw_rescaling_change(c.net, c.data, t, change));
    for (int64_t i = 0; i < n; i++) prior[i] = 100 * shape[i]; // wide enough for the curvature to count
    tw_pac_bayes_input in = {n, c.data->m, 0.05, 0.1, 1, w, w0, prior, h};
    TW_TRY(diagonal_at(&c, w, e, h));
    TW_TRY(tw_pac_bayes(&in, NULL, &before));
    for (int64_t i = 0; i < n; i++) {
        at[i] = t[i] * w[i];
        w0[i] *= t[i];
        if (covariant) prior[i] *= t[i] * t[i];
    }
    in.theta = at;
    TW_TRY(diagonal_at(&c, at, e, h));
    TW_TRY(tw_pac_bayes(&in, NULL, &after));
    const double pair[][2] = {{before.effective_curvature, after.effective_curvature},
                              {before.weighted_norm, after.weighted_norm},
                              {before.kl_exact, after.kl_exact},
                              {before.maurer.bound, after.maurer.bound}};
    *away = 0;
    for (int i = 0; i < 4; i++) {
        tw_evidence_append(f, "before", pair[i][0]);
        tw_evidence_append(f, "after", pair[i][1]);
        *away = fmax(*away, fabs(pair[i][1] - pair[i][0]) / (fabs(pair[i][0]) + 1e-300));
    }
    tw_evidence_put(f, "active", (double)before.active);
done:
    free(room);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_invariance(const tw_effort *e, tw_finding *f)
{
    double away, change;
    tw_status st = rescaled(e, f, true, &away, &change);
    if (st != TW_OK) return st;
    f->verdict = away < 1e-6 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "layers times 20 and 1/20, prior rescaled along: curvature, norm, KL and bound change by at most %.0e; "
             "losses by "
             "%.0e",
             away, change);
    return st;
}

tw_status tw_hessian_invariance_fixed(const tw_effort *e, tw_finding *f)
{
    double away, change;
    tw_status st = rescaled(e, f, false, &away, &change);
    if (st != TW_OK) return st;
    f->verdict = away < 1e-6 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "the same with the prior left as it was: curvature %.4g becomes %.4g, norm %.4g becomes %.4g",
             json_number_value(json_array_get(json_object_get(f->evidence, "before"), 0)),
             json_number_value(json_array_get(json_object_get(f->evidence, "after"), 0)),
             json_number_value(json_array_get(json_object_get(f->evidence, "before"), 1)),
             json_number_value(json_array_get(json_object_get(f->evidence, "after"), 1)));
    return st;
}

// --- over random labels and samples ---

// low: what the bound could fall to with more draws.
typedef struct bounded {
    double bound, low, curvature, norm, test_error, loss;
    bool reached, vacuous;
} bounded;

static tw_status bound_of(const tw_effort *e, tw_finding *f, double fraction, int64_t samples, bounded *out)
{
    static const int64_t draws[] = {60, 1000, 4000}, epochs[] = {200, 1500, 20000};
    tw_status st = TW_OK;
    bool smoke = e->scale == TW_SMOKE;
    tw_data *data = NULL, *test = NULL;
    tw_net *net = NULL;
    tw_network_bound *o = NULL;
    double *w0 = NULL;
    char spec[96];
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    tw_network_bound_opts opts = tw_network_bound_defaults();
    tw_until until;
    snprintf(spec, sizeof spec, "gauss:classes=%d,dim=%d,n=%" PRId64, smoke ? 5 : 10, smoke ? 20 : 50, samples);
    data_opts.real = net_opts.real = 8;
    data_opts.random_labels = fraction;
    data_opts.seed = net_opts.seed = train.seed = opts.seed = e->seed;
    net_opts.init = "he-normal";
    train.batch = 5;
    TW_TRY(tw_data_open(spec, &data_opts, &data));
    data_opts.split = "test";
    TW_TRY(tw_data_open(spec, &data_opts, &test));
    TW_TRY(tw_net_new(smoke ? "mlp:20-8-5,act=relu" : "mlp:50-32-10,act=relu", data, &net_opts, &net));
    int64_t n = tw_net_params(net);
    TW_TRY(tw_alloc(n, sizeof *w0, &w0));
    tw_net_get_weights(net, w0);
    TW_TRY(tw_train_until(net, data, &train, epochs[e->scale], 0.02, e->progress, &until));
    opts.draws = draws[e->scale];
    opts.pilot = 8;
    opts.probes = n; // exact
    TW_TRY(tw_network_bound_new(net, data, test, w0, NULL, &opts, &o));
    const tw_posterior_bound *row = &o->row[o->best];
    tw_kl_range range; // the bound that more draws could at best come to
    TW_TRY(tw_kl_inverse(row->gibbs_low, row->rhs, &range));
    int64_t one = 0; // the scale whose variance is nearest to 1
    for (int64_t i = 1; i < o->scales; i++)
        if (fabs(log(o->variance[i])) < fabs(log(o->variance[one]))) one = i;
    *out = (bounded){.bound = row->high,
                     .low = range.upper,
                     .curvature = o->curvature[0],
                     .norm = o->norm[one] * o->variance[one],
                     .test_error = o->test_error,
                     .loss = until.loss,
                     .reached = until.reached,
                     .vacuous = row->vacuous};
    tw_evidence_append(f, "random_labels", fraction);
    tw_evidence_append(f, "samples", (double)samples);
    tw_evidence_append(f, "loss", until.loss);
    tw_evidence_append(f, "reached_common_loss", until.reached);
    tw_evidence_append(f, "bound", row->high);
    tw_evidence_append(f, "bound_with_more_draws_at_least", range.upper);
    tw_evidence_append(f, "vacuous", row->vacuous);
    tw_evidence_append(f, "curvature_at_the_widest_prior", o->curvature[0]);
    tw_evidence_append(f, "norm_at_unit_variance", out->norm);
    tw_evidence_append(f, "test_error", o->test_error);
done:
    tw_network_bound_free(o);
    free(w0);
    tw_net_free(net);
    tw_data_free(test);
    tw_data_free(data);
    return st;
}

static tw_status over_fractions(const tw_effort *e, tw_finding *f, bounded *b)
{
    static const double fraction[] = {0, 0.15, 0.5, 1};
    tw_status st = TW_OK;
    for (int i = 0; i < 4; i++) TW_TRY(bound_of(e, f, fraction[i], e->scale == TW_SMOKE ? 60 : 300, &b[i]));
done:
    return st;
}

// Curvature and norm are compared at equal loss or not at all.
static bool reached(int count, const bounded *b)
{
    bool all = true;
    for (int i = 0; i < count; i++) all = all && b[i].reached;
    return all;
}

tw_status tw_hessian_bound_labels(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    bounded b[4];
    bool grows = true, sure = true;
    TW_TRY(over_fractions(e, f, b));
    for (int i = 1; i < 4; i++) {
        grows = grows && b[i].bound >= b[i - 1].bound && b[i].norm > b[i - 1].norm;
        sure = sure && b[i].low > b[0].bound; // beyond what the draws leave open
    }
    f->verdict = !reached(4, b) ? TW_UNDECIDED : !grows ? TW_CONTRADICTED : sure ? TW_HOLDS : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "bound %.3f, %.3f, %.3f, %.3f with 0, 15, 50, 100 %% random labels (test error %.2f, %.2f, %.2f, %.2f; |w "
             "- w0|^2 "
             "%.3g, %.3g, %.3g, %.3g)%s",
             b[0].bound, b[1].bound, b[2].bound, b[3].bound, b[0].test_error, b[1].test_error, b[2].test_error,
             b[3].test_error, b[0].norm, b[1].norm, b[2].norm, b[3].norm,
             b[0].vacuous   ? "; all vacuous"
             : b[1].vacuous ? "; vacuous but for the first"
                            : "");
done:
    return st;
}

tw_status tw_hessian_bound_curvature(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    bounded b[4];
    bool grows = true;
    TW_TRY(over_fractions(e, f, b));
    for (int i = 1; i < 4; i++) grows = grows && b[i].curvature > b[i - 1].curvature;
    f->verdict = !reached(4, b) ? TW_UNDECIDED : grows ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "effective curvature %.3g, %.3g, %.3g, %.3g at the widest prior with 0, 15, 50, 100 %% random labels",
             b[0].curvature, b[1].curvature, b[2].curvature, b[3].curvature);
done:
    return st;
}

tw_status tw_hessian_bound_samples(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    static const int64_t samples[3][3] = {{40, 120, 360}, {100, 300, 900}, {300, 900, 2700}};
    bounded b[3];
    bool falls = true, sure = true;
    for (int i = 0; i < 3; i++) TW_TRY(bound_of(e, f, 0, samples[e->scale][i], &b[i]));
    for (int i = 1; i < 3; i++) {
        falls = falls && b[i].bound < b[i - 1].bound;
        sure = sure && b[i].bound < b[i - 1].low; // beyond what the draws leave open
    }
    f->verdict = !reached(3, b) ? TW_UNDECIDED : !falls ? TW_CONTRADICTED : sure ? TW_HOLDS : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "bound %.3f, %.3f, %.3f with %" PRId64 ", %" PRId64 ", %" PRId64 " samples and true labels", b[0].bound,
             b[1].bound, b[2].bound, samples[e->scale][0], samples[e->scale][1], samples[e->scale][2]);
done:
    return st;
}
