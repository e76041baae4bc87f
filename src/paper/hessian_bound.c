// SPDX-License-Identifier: MIT
// Paper 1, third question: the anisotropic PAC-Bayes bound, its invariance, and what makes it grow.
#include "paper/hessian.h"

#include "base/alloc.h"
#include "thalweg/train_bound.h"
#include "train/until.h"
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

// --- rescaling ---

static tw_status diagonal_at(tw_course *c, const double *w, double *diagonal)
{
    tw_status st = tw_net_set_weights(c->net, w);
    return st == TW_OK ? tw_ggn_diagonal(c->net, c->data, diagonal) : st; // the Hessian's: relu
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
    TW_TRY(diagonal_at(&c, w, h));
    TW_TRY(tw_pac_bayes(&in, NULL, &before));
    for (int64_t i = 0; i < n; i++) {
        at[i] = t[i] * w[i];
        w0[i] *= t[i];
        if (covariant) prior[i] *= t[i] * t[i];
    }
    in.theta = at;
    TW_TRY(diagonal_at(&c, at, h));
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

enum { FRACTIONS = TW_HESSIAN_FRACTIONS, SIZES = 3 };

// All doubles: kept between claims. What is compared at equal loss is NAN where that loss was not reached.
typedef struct bounded {
    double loss, reached;
    double bound, low; // low: what it could fall to with more draws
    double vacuous, gibbs;
    double curvature, norm, active; // at the widest prior; at prior variance 1; at the widest
    double trace;                   // sum of H_jj
    double test_error, population;  // population: on labels as random as those trained on
} bounded;
enum { FIELDS = sizeof(bounded) / sizeof(double) };
static const char *const field[FIELDS] = {"loss",
                                          "reached_common_loss",
                                          "bound",
                                          "bound_with_more_draws_at_least",
                                          "vacuous",
                                          "gibbs_error",
                                          "curvature_at_the_widest_prior",
                                          "norm_at_unit_variance",
                                          "active_at_the_widest_prior",
                                          "sum_of_diagonal",
                                          "test_error",
                                          "error_on_labels_as_trained_on"};

typedef struct task {
    bool real; // e->data, else the mixture
    double fraction;
    int64_t samples;
    int run;
} task;

static tw_status open_data(const tw_effort *e, const task *t, uint64_t seed, tw_data **data, tw_data **test)
{
    tw_status st = TW_OK;
    char spec[96];
    tw_data_opts opts = tw_data_defaults();
    if (t->real) return tw_hessian_images(e->data, t->samples, t->fraction, seed, data, test);
    snprintf(spec, sizeof spec, "gauss:classes=%" PRId64 ",dim=%d,n=%" PRId64, tw_hessian_classes(e),
             e->scale == TW_SMOKE ? 20 : 50, t->samples);
    opts.real = 8;
    opts.random_labels = t->fraction;
    opts.seed = seed;
    TW_TRY(tw_data_open(spec, &opts, data));
    opts.split = "test";
    TW_TRY(tw_data_open(spec, &opts, test));
done:
    return st;
}

static void fill(const tw_network_bound *o, const tw_until *until, double fraction, double attainable, bounded *out)
{
    const tw_posterior_bound *row = &o->row[o->best];
    int64_t one = 0; // the scale whose variance is nearest to 1
    for (int64_t i = 1; i < o->scales; i++)
        if (fabs(log(o->variance[i])) < fabs(log(o->variance[one]))) one = i;
    bool all = until->reached;
    *out = (bounded){.loss = until->loss,
                     .reached = all,
                     .bound = all ? row->high : NAN,
                     .low = all ? attainable : NAN,
                     .vacuous = row->vacuous,
                     .gibbs = row->gibbs,
                     .curvature = all ? o->curvature[0] : NAN,
                     .norm = all ? o->norm[one] * o->variance[one] : NAN,
                     .active = (double)o->active[0],
                     .trace = o->trace,
                     .test_error = o->test_error,
                     .population = (1 - fraction) * o->test_error + fraction * (1 - 1 / (double)o->classes)};
}

static tw_status bound_of(const tw_effort *e, const task *t, bounded *out)
{
    static const int64_t draws[] = {400, 1000, 4000}, epochs[] = {4000, 3000, 20000};
    tw_status st = TW_OK;
    bool smoke = e->scale == TW_SMOKE;
    tw_data *data = NULL, *test = NULL;
    tw_net *net = NULL;
    tw_network_bound *o = NULL;
    double *w0 = NULL;
    char model[96];
    tw_net_opts net_opts = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    tw_network_bound_opts opts = tw_network_bound_defaults();
    tw_until until;
    net_opts.real = 8;
    net_opts.init = "he-normal";
    net_opts.seed = train.seed = opts.seed = e->seed + (uint64_t)t->run;
    train.batch = 5;
    TW_TRY(open_data(e, t, net_opts.seed, &data, &test));
    snprintf(model, sizeof model, "mlp:%" PRId64 "-%d-%" PRId64 ",act=relu", data->features, smoke ? 16 : 32,
             data->classes);
    TW_TRY(tw_net_new(model, data, &net_opts, &net));
    int64_t n = tw_net_params(net);
    TW_TRY(tw_alloc(n, sizeof *w0, &w0));
    tw_net_get_weights(net, w0);
    TW_TRY(tw_train_until(net, data, &train, epochs[e->scale], 0.02, e->progress, &until));
    opts.draws = draws[e->scale];
    opts.pilot = 8;
    opts.probes = n; // exact
    TW_TRY(tw_network_bound_new(net, data, test, w0, NULL, &opts, &o));
    tw_kl_range range; // the bound that more draws could at best come to
    TW_TRY(tw_kl_inverse(o->row[o->best].gibbs_low, o->row[o->best].rhs, &range));
    fill(o, &until, t->fraction, range.upper, out);
done:
    tw_network_bound_free(o);
    free(w0);
    tw_net_free(net);
    tw_data_free(test);
    tw_data_free(data);
    return st;
}

typedef struct sweep {
    int seeds, points; // points: fractions or sizes
    double at[FRACTIONS];
    bounded b[FRACTIONS][TW_SEEDS];
} sweep;

// Measured once for all claims that look at the same bound.
static tw_status gather(const tw_effort *e, tw_finding *f, bool real, bool sizes, sweep *s)
{
    static const int64_t samples[] = {60, 300, 300},
                         size[3][SIZES] = {{40, 120, 360}, {100, 300, 900}, {300, 900, 2700}};
    tw_status st = TW_OK;
    char name[96];
    *s = (sweep){.seeds = (int)tw_hessian_runs(e), .points = sizes ? SIZES : FRACTIONS};
    for (int i = 0; i < s->points; i++) {
        s->at[i] = sizes ? (double)size[e->scale][i] : tw_hessian_fraction[i];
        for (int k = 0; k < s->seeds; k++) {
            task t = {real, sizes ? 0 : tw_hessian_fraction[i], sizes ? size[e->scale][i] : samples[e->scale], k};
            bounded *b = &s->b[i][k];
            snprintf(name, sizeof name, "bound, %s, %g of %" PRId64 ", seed %d", real ? "real" : "mixture", t.fraction,
                     t.samples, k);
            if (!tw_evidence_find(e, name, FIELDS, (double *)b)) {
                TW_TRY(bound_of(e, &t, b));
                tw_evidence_share(e, name, FIELDS, (double *)b);
            }
            tw_evidence_append(f, "random_labels", t.fraction);
            tw_evidence_append(f, "samples", (double)t.samples);
            tw_evidence_append(f, "seed", (double)k);
            for (int j = 0; j < FIELDS; j++) tw_evidence_append(f, field[j], ((const double *)b)[j]);
        }
    }
done:
    return st;
}

static double number(const bounded *b, size_t offset) { return ((const double *)b)[offset / sizeof(double)]; }

static double mean(const sweep *s, int i, size_t offset)
{
    double sum = 0;
    for (int k = 0; k < s->seeds; k++) sum += number(&s->b[i][k], offset);
    return sum / s->seeds;
}

// Means over seeds at each point.
static void list(tw_finding *f, const sweep *s, const char *what, size_t offset)
{
    size_t used = strlen(f->measured);
    snprintf(f->measured + used, sizeof f->measured - used, "%s%s", used ? "; " : "", what);
    for (int i = 0; i < s->points; i++) {
        used = strlen(f->measured);
        snprintf(f->measured + used, sizeof f->measured - used, "%s %.3g", i ? "," : "", mean(s, i, offset));
    }
}

static void count_vacuous(tw_finding *f, const sweep *s)
{
    size_t used = strlen(f->measured);
    int vacuous = 0, early = 0;
    for (int i = 0; i < s->points; i++)
        for (int k = 0; k < s->seeds; k++) {
            vacuous += s->b[i][k].vacuous == 1;
            early += s->b[i][k].reached != 1;
        }
    snprintf(f->measured + used, sizeof f->measured - used, "; %d of %d vacuous", vacuous, s->points * s->seeds);
    used = strlen(f->measured);
    if (early > 0) snprintf(f->measured + used, sizeof f->measured - used, "; %d did not come to loss 0.02", early);
}

// Every step from point to point up (sign 1) or down (-1) by more than the standard error over seeds.
static void check_steps(tw_finding *f, const sweep *s, const char *what, size_t offset, double sign, bool ratio)
{
    for (int i = 1; i < s->points; i++) {
        double x[TW_SEEDS];
        char name[96];
        for (int k = 0; k < s->seeds; k++) {
            double a = number(&s->b[i - 1][k], offset), b = number(&s->b[i][k], offset);
            x[k] = ratio ? b / a : sign * (b - a);
        }
        snprintf(name, sizeof name, "%s %s %g to %g", what,
                 ratio      ? "ratio"
                 : sign > 0 ? "rises"
                            : "falls",
                 s->at[i - 1], s->at[i]);
        tw_finding_check(f, &(tw_condition){name, TW_AT_LEAST, ratio, ratio}, s->seeds, x);
    }
}

// Where draws leave open which of two bounds is less, nothing holds.
static void doubt(tw_finding *f, const sweep *s, bool falls)
{
    bool sure = true;
    for (int k = 0; k < s->seeds; k++)
        for (int i = 1; i < s->points; i++)
            sure = sure && (falls ? s->b[i][k].bound < s->b[i - 1][k].low : s->b[i][k].low > s->b[0][k].bound);
    tw_evidence_put(f, "draws_suffice", sure);
    if (!sure && f->verdict == TW_HOLDS) {
        f->verdict = TW_UNDECIDED;
        size_t used = strlen(f->measured);
        snprintf(f->measured + used, sizeof f->measured - used, "; more draws could change the order");
    }
}

static void draw(const tw_effort *e, tw_finding *f, const sweep *s, bool real, bool sizes)
{
    char about[128], name[64] = "Gaussian mixture";
    double x[TW_SEEDS];
    snprintf(about, sizeof about, "%s, networks trained to loss 0.02; %d seeds",
             real ? tw_hessian_data_name(e, name, sizeof name) : name, s->seeds);
    json_t *figure = tw_evidence_figure(
        f, sizes ? "The bound by the number of samples" : "The bound by the fraction of random labels", about,
        sizes ? "samples" : "fraction of random labels", sizes ? TW_LOG_X : TW_LINEAR, "error", "log10 of a term");
    for (int i = 0; i < s->points; i++) {
        tw_evidence_x(figure, s->at[i]);
        for (int k = 0; k < s->seeds; k++) x[k] = s->b[i][k].bound;
        tw_evidence_mean(figure, 0, "bound", s->seeds, x);
        for (int k = 0; k < s->seeds; k++) x[k] = s->b[i][k].population;
        tw_evidence_mean(figure, 0, "new samples", s->seeds, x);
        for (int k = 0; k < s->seeds; k++) x[k] = log10(s->b[i][k].norm);
        tw_evidence_mean(figure, 1, "norm", s->seeds, x);
        for (int k = 0; k < s->seeds; k++) x[k] = s->b[i][k].curvature > 0 ? log10(s->b[i][k].curvature) : NAN;
        tw_evidence_mean(figure, 1, "curvature", s->seeds, x);
    }
}

static tw_status over_labels(const tw_effort *e, tw_finding *f, bool real)
{
    sweep s;
    tw_finding_begin(f);
    tw_status st = gather(e, f, real, false, &s);
    if (st != TW_OK) return st;
    list(f, &s, "bound at 0, 15, 50, 100 %:", offsetof(bounded, bound));
    list(f, &s, "error on such labels:", offsetof(bounded, population));
    list(f, &s, "|w - w0|^2:", offsetof(bounded, norm));
    count_vacuous(f, &s);
    check_steps(f, &s, "norm", offsetof(bounded, norm), 1, true);
    check_steps(f, &s, "bound", offsetof(bounded, bound), 1, false);
    doubt(f, &s, false);
    draw(e, f, &s, real, false);
    return st;
}

static tw_status curvature(const tw_effort *e, tw_finding *f, bool real)
{
    sweep s;
    tw_finding_begin(f);
    tw_status st = gather(e, f, real, false, &s);
    if (st != TW_OK) return st;
    list(f, &s, "effective curvature at the widest prior at 0, 15, 50, 100 %:", offsetof(bounded, curvature));
    list(f, &s, "active weights:", offsetof(bounded, active));
    list(f, &s, "sum of H_jj:", offsetof(bounded, trace));
    check_steps(f, &s, "EC", offsetof(bounded, curvature), 1, false);
    return st;
}

static tw_status over_samples(const tw_effort *e, tw_finding *f, bool real)
{
    sweep s;
    tw_finding_begin(f);
    tw_status st = gather(e, f, real, true, &s);
    if (st != TW_OK) return st;
    snprintf(f->measured, sizeof f->measured, "true labels, %g, %g, %g samples", s.at[0], s.at[1], s.at[2]);
    list(f, &s, "bound", offsetof(bounded, bound));
    list(f, &s, "test error", offsetof(bounded, test_error));
    count_vacuous(f, &s);
    check_steps(f, &s, "bound", offsetof(bounded, bound), -1, false);
    doubt(f, &s, true);
    draw(e, f, &s, real, true);
    return st;
}

tw_status tw_hessian_bound_labels(const tw_effort *e, tw_finding *f) { return over_labels(e, f, false); }
tw_status tw_hessian_bound_curvature(const tw_effort *e, tw_finding *f) { return curvature(e, f, false); }
tw_status tw_hessian_bound_samples(const tw_effort *e, tw_finding *f) { return over_samples(e, f, false); }

tw_status tw_hessian_bound_labels_real(const tw_effort *e, tw_finding *f)
{
    return tw_hessian_needs_images(e, f) ? TW_OK : over_labels(e, f, true);
}

tw_status tw_hessian_bound_curvature_real(const tw_effort *e, tw_finding *f)
{
    return tw_hessian_needs_images(e, f) ? TW_OK : curvature(e, f, true);
}

tw_status tw_hessian_bound_samples_real(const tw_effort *e, tw_finding *f)
{
    return tw_hessian_needs_images(e, f) ? TW_OK : over_samples(e, f, true);
}
