// SPDX-License-Identifier: MIT
// Paper 1, first question, on real data: the course of H, M, C and R in training, over seeds and random labels.
//
// One network of some 1,600 parameters, small enough that every matrix is written out, from N(0, 2/fan in); seeds
// change samples, labels, start and order. A claim is judged by its mean over seeds and the standard error of that.
#include "paper/hessian.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FRACTIONS = TW_HESSIAN_FRACTIONS, LOOKS = TW_HESSIAN_LOOKS };

static const int64_t steps[3][LOOKS] = {{0, 30, 100, 1500}, {0, 100, 2000, 20000}, {0, 1000, 10000, 100000}};

typedef struct survey {
    int seeds;
    tw_hessian_look at[FRACTIONS][TW_SEEDS][LOOKS];
} survey;

static tw_course_spec course(const tw_effort *e, double fraction, int seed)
{
    static const int64_t samples[] = {60, 500, 2000};
    bool smoke = e->scale == TW_SMOKE;
    return (tw_course_spec){.data = e->data,
                            .images = true,
                            .hidden = {smoke ? 8 : 20, smoke ? 0 : 20},
                            .samples = samples[e->scale],
                            .random_labels = fraction,
                            .lr = 0.1,
                            .batch = smoke ? 5 : 20,
                            .seed = e->seed + (uint64_t)seed};
}

static const char *const field[TW_HESSIAN_FIELDS] = {"loss",
                                                     "overlap_of_h_and_m",
                                                     "cosine_error_at_most",
                                                     "overlap_of_h_and_c",
                                                     "residual_over_hessian",
                                                     "cosine_of_residual_and_minus_h",
                                                     "slope_of_c_on_h",
                                                     "largest_eigenvalue",
                                                     "its_error",
                                                     "smallest_eigenvalue",
                                                     "widest_gap_of_h_after",
                                                     "its_ratio",
                                                     "above_a_tenth",
                                                     "share_below_a_hundredth"};

// Measured once for all the claims below.
static tw_status look_around(const tw_effort *e, tw_finding *f, survey *s)
{
    tw_status st = TW_OK;
    char name[64];
    s->seeds = (int)tw_hessian_runs(e);
    for (int i = 0; i < FRACTIONS; i++)
        for (int k = 0; k < s->seeds; k++) {
            tw_hessian_look *at = s->at[i][k];
            snprintf(name, sizeof name, "looks, %s, seed %d", tw_hessian_percent[i], k);
            if (!tw_evidence_find(e, name, LOOKS * TW_HESSIAN_FIELDS, (double *)at)) {
                tw_course_spec spec = course(e, tw_hessian_fraction[i], k);
                TW_TRY(tw_hessian_watch(e, &spec, steps[e->scale], 0, true, at));
                tw_evidence_share(e, name, LOOKS * TW_HESSIAN_FIELDS, (double *)at);
            }
            for (int look = 0; look < LOOKS; look++) {
                tw_evidence_append(f, "random_labels", tw_hessian_fraction[i]);
                tw_evidence_append(f, "seed", (double)(e->seed + (uint64_t)k));
                tw_evidence_append(f, "step", (double)steps[e->scale][look]);
                for (int j = 0; j < TW_HESSIAN_FIELDS; j++)
                    tw_evidence_append(f, field[j], ((const double *)&at[look])[j]);
            }
        }
done:
    return st;
}

// What is judged: a number of one training.
typedef double quantity(const tw_hessian_look *looks);

static double overlap_first(const tw_hessian_look *l) { return l[0].error < 0.05 ? l[0].overlap : NAN; }
static double overlap_last(const tw_hessian_look *l) { return l[LOOKS - 1].error < 0.05 ? l[LOOKS - 1].overlap : NAN; }
static double last_loss(const tw_hessian_look *l) { return l[LOOKS - 1].loss; }
static double last_share(const tw_hessian_look *l) { return l[LOOKS - 1].norm_ratio; }
static double last_against(const tw_hessian_look *l) { return l[LOOKS - 1].against; }
static double last_gap_at(const tw_hessian_look *l) { return l[LOOKS - 1].gap_at; }
static double last_gap(const tw_hessian_look *l) { return l[LOOKS - 1].gap; }
static double last_bulk(const tw_hessian_look *l) { return l[LOOKS - 1].bulk; }
static double last_slope(const tw_hessian_look *l) { return fabs(l[LOOKS - 1].slope); }
static double last_negative(const tw_hessian_look *l) { return -l[LOOKS - 1].lowest / l[LOOKS - 1].top; }
static double first_negative(const tw_hessian_look *l) { return -l[0].lowest / l[0].top; }

static double least_share(const tw_hessian_look *l)
{
    double least = INFINITY;
    for (int i = 0; i < LOOKS; i++) least = fmin(least, l[i].norm_ratio);
    return least;
}

static double covariance_away(const tw_hessian_look *l)
{
    double away = 0;
    for (int i = 1; i < LOOKS; i++) away = fmax(away, fabs(l[i].overlap - l[i].covariance));
    return away;
}

static const double *over_seeds(const survey *s, int fraction, quantity *of, double *room)
{
    for (int k = 0; k < s->seeds; k++) room[k] = of(s->at[fraction][k]);
    return room;
}

// `name` at a fraction of random labels against the bound.
static void judge(tw_finding *f, const survey *s, int fraction, const char *name, quantity *of, tw_side side,
                  double bound)
{
    double x[TW_SEEDS];
    char what[96];
    snprintf(what, sizeof what, "%s at %s", name, tw_hessian_percent[fraction]);
    tw_finding_check(f, &(tw_condition){what, side, bound, false}, s->seeds, over_seeds(s, fraction, of, x));
}

static void note(tw_finding *f, const survey *s, int fraction, const char *name, quantity *of)
{
    double x[TW_SEEDS];
    char what[96];
    snprintf(what, sizeof what, "%s at %s", name, tw_hessian_percent[fraction]);
    tw_finding_note(f, what, s->seeds, over_seeds(s, fraction, of, x));
}

// A point a look, a row of dots a fraction: mean over seeds and its standard error.
typedef double one_look(const tw_hessian_look *look);
static double its_overlap(const tw_hessian_look *l) { return l->overlap; }
static double its_share(const tw_hessian_look *l) { return l->norm_ratio; }
static double its_against(const tw_hessian_look *l) { return l->against; }
static double its_top(const tw_hessian_look *l) { return log10(l->top); }
static double its_loss(const tw_hessian_look *l) { return log10(l->loss); }

static void draw(const tw_effort *e, tw_finding *f, const survey *s, const char *title, const char *panel,
                 one_look *first, const char *second_panel, one_look *second)
{
    char name[64], about[128];
    double x[TW_SEEDS];
    snprintf(about, sizeof about, "%s, by fraction of random labels; %d seeds",
             tw_hessian_data_name(e, name, sizeof name), s->seeds);
    json_t *figure = tw_evidence_figure(f, title, about, "log10(step + 1)", TW_LINEAR, panel, second_panel);
    for (int look = 0; look < LOOKS; look++) {
        tw_evidence_x(figure, log10((double)steps[e->scale][look] + 1));
        for (int side = 0; side < (second ? 2 : 1); side++)
            for (int i = 0; i < FRACTIONS; i++) {
                one_look *of = side ? second : first;
                for (int k = 0; k < s->seeds; k++) x[k] = of(&s->at[i][k][look]);
                tw_evidence_mean(figure, side, tw_hessian_percent[i], s->seeds, x);
            }
    }
}

static tw_status begin(const tw_effort *e, tw_finding *f, survey *s)
{
    s->seeds = 0;
    if (tw_hessian_needs_images(e, f)) return TW_OK;
    tw_finding_begin(f);
    return look_around(e, f, s);
}

tw_status tw_hessian_overlap_real(const tw_effort *e, tw_finding *f)
{
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    judge(f, &s, 0, "mean cos^2 at the end", overlap_last, TW_AT_LEAST, 0.8);
    note(f, &s, 0, "at the start", overlap_first);
    note(f, &s, 0, "loss at the end", last_loss);
    draw(e, f, &s, "Overlap of the leading spaces of H and M", "mean cos^2", its_overlap, "log10 loss", its_loss);
    return TW_OK;
}

tw_status tw_hessian_overlap_random_real(const tw_effort *e, tw_finding *f)
{
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    for (int i = 1; i < FRACTIONS; i++) judge(f, &s, i, "mean cos^2", overlap_last, TW_AT_LEAST, 0.8);
    for (int i = 1; i < FRACTIONS; i++) note(f, &s, i, "loss", last_loss);
    return TW_OK;
}

tw_status tw_hessian_covariance_real(const tw_effort *e, tw_finding *f)
{
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    for (int i = 0; i < FRACTIONS; i++) judge(f, &s, i, "difference", covariance_away, TW_AT_MOST, 0.1);
    for (int i = 0; i < FRACTIONS; i++) note(f, &s, i, "slope of C on H at the end", last_slope);
    return TW_OK;
}

tw_status tw_hessian_residual_real(const tw_effort *e, tw_finding *f)
{
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    for (int i = 0; i < FRACTIONS; i++) judge(f, &s, i, "least |R|/|H|", least_share, TW_AT_LEAST, 0.5);
    for (int i = 0; i < FRACTIONS; i++) judge(f, &s, i, "cos(R, -H) at the end", last_against, TW_AT_LEAST, 0.95);
    note(f, &s, 0, "|R|/|H| at the end", last_share);
    note(f, &s, FRACTIONS - 1, "|R|/|H| at the end", last_share);
    draw(e, f, &s, "The residual R = M - H beside the Hessian", "|R|_2 / |H|_2", its_share, "cos(R, -H)", its_against);
    return TW_OK;
}

tw_status tw_hessian_outliers_real(const tw_effort *e, tw_finding *f)
{
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    int64_t same = 0, all = 0;
    tw_data *one = NULL;
    tw_data_opts opts = tw_data_defaults();
    opts.samples = 1;
    st = tw_data_open(e->data, &opts, &one);
    if (st != TW_OK) return st;
    int64_t classes = one->classes;
    tw_data_free(one);
    for (int i = 0; i < FRACTIONS; i++)
        for (int k = 0; k < s.seeds; k++, all++) same += s.at[i][k][LOOKS - 1].gap_at == (double)classes;
    f->verdict = same == all ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "widest gap after %" PRId64 " eigenvalues in %" PRId64 " of %" PRId64 " trainings", classes, same, all);
    for (int i = 0; i < FRACTIONS; i++) note(f, &s, i, "it is after", last_gap_at);
    note(f, &s, 0, "its ratio", last_gap);
    return TW_OK;
}

tw_status tw_hessian_bulk_real(const tw_effort *e, tw_finding *f)
{
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    for (int i = 0; i < FRACTIONS; i++) judge(f, &s, i, "share near zero", last_bulk, TW_AT_LEAST, 0.8);
    for (int i = 0; i < FRACTIONS; i++) judge(f, &s, i, "-least/largest", last_negative, TW_AT_MOST, 0.1);
    note(f, &s, 0, "-least/largest at the start", first_negative);
    return TW_OK;
}

tw_status tw_hessian_sharper_real(const tw_effort *e, tw_finding *f)
{
    static const char *const when[LOOKS] = {"", "", "midway", "at the end"};
    survey s;
    tw_status st = begin(e, f, &s);
    if (st != TW_OK || s.seeds == 0) return st;
    for (int look = 2; look < LOOKS; look++)
        for (int i = 1; i < FRACTIONS; i++) {
            double x[TW_SEEDS];
            char what[96];
            snprintf(what, sizeof what, "%s over true %s", tw_hessian_percent[i], when[look]);
            for (int k = 0; k < s.seeds; k++) x[k] = s.at[i][k][look].top / s.at[0][k][look].top;
            tw_finding_check(f, &(tw_condition){what, TW_AT_LEAST, 1, true}, s.seeds, x);
        }
    draw(e, f, &s, "The largest eigenvalue of the Hessian", "log10 eigenvalue", its_top, "log10 loss", its_loss);
    return TW_OK;
}
