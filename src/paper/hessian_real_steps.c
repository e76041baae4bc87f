// SPDX-License-Identifier: MIT
// Paper 1, second question, on real data: the change of the loss in a step, its formula, and runs from one start, over
// seeds and random labels.
#include "paper/hessian.h"

#include "thalweg/train_dynamics.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { FRACTIONS = TW_HESSIAN_FRACTIONS, STATES = 4 };

// --- the mean ---

static const int64_t steps[STATES] = {0, 20, 200, 2000};

// One state: how far the mean over drawn batches is from the formula, beyond two standard errors, over the larger of
// the mean and its first term (where the two terms cancel, the mean is no measure); and measured sd over predicted.
typedef struct compared {
    double off, spread;
} compared;
enum { FIELDS = sizeof(compared) / sizeof(double) };

static tw_status compare_laws(const tw_effort *e, double fraction, int seed, compared *out)
{
    static const int64_t samples[] = {60, 500, 2000}, draws[] = {400, 2000, 20000};
    tw_status st = TW_OK;
    bool smoke = e->scale == TW_SMOKE;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    tw_course_spec spec = {.data = e->data,
                           .images = true,
                           .hidden = {smoke ? 8 : 20, smoke ? 0 : 20},
                           .samples = samples[e->scale],
                           .random_labels = fraction,
                           .lr = 0.1,
                           .batch = smoke ? 5 : 20,
                           .seed = e->seed + (uint64_t)seed};
    tw_step_law_opts opts = tw_step_law_defaults();
    opts.lr = spec.lr;
    opts.batch = spec.batch;
    opts.draws = draws[e->scale];
    opts.seed = spec.seed;
    opts.progress = e->progress;
    TW_TRY(tw_course_open(&spec, &c));
    for (int i = 0; i < STATES; i++) {
        TW_TRY(tw_course_to(&c, steps[i]));
        TW_TRY(tw_step_law_new(c.net, c.data, &opts, &l));
        double away = fabs(l->measured.mean.value - l->predicted.mean.value) - 2 * l->measured.mean.error;
        out[i].off = fmax(0, away) / fmax(fabs(l->predicted.mean.value), opts.lr * l->gradient2);
        out[i].spread = sqrt(l->measured.variance.value / l->predicted.variance.value);
        tw_step_law_free(l);
        l = NULL;
    }
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_mean_real(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    compared at[FRACTIONS][TW_SEEDS][STATES];
    char what[96], name[64];
    double x[TW_SEEDS];
    int seeds = (int)tw_hessian_runs(e);
    if (tw_hessian_needs_images(e, f)) return TW_OK;
    tw_finding_begin(f);
    for (int i = 0; i < FRACTIONS; i++)
        for (int k = 0; k < seeds; k++) {
            TW_TRY(compare_laws(e, tw_hessian_fraction[i], k, at[i][k]));
            for (int s = 0; s < STATES; s++) {
                tw_evidence_append(f, "random_labels", tw_hessian_fraction[i]);
                tw_evidence_append(f, "step", (double)steps[s]);
                tw_evidence_append(f, "off", at[i][k][s].off);
                tw_evidence_append(f, "sd_over_predicted", at[i][k][s].spread);
            }
        }
    for (int i = 0; i < FRACTIONS; i++) { // the worst state after the first steps
        for (int k = 0; k < seeds; k++) {
            x[k] = 0;
            for (int s = 1; s < STATES; s++) x[k] = fmax(x[k], at[i][k][s].off);
        }
        snprintf(what, sizeof what, "off at most, %s", tw_hessian_percent[i]);
        tw_finding_check(f, &(tw_condition){what, TW_AT_MOST, 0.1, false}, seeds, x);
    }
    for (int k = 0; k < seeds; k++) x[k] = at[0][k][0].off;
    tw_finding_note(f, "at the start, 0 %", seeds, x);
    for (int k = 0; k < seeds; k++) x[k] = at[FRACTIONS - 1][k][STATES - 1].spread;
    tw_finding_note(f, "sd over that predicted at the last, 100 %", seeds, x);
    snprintf(what, sizeof what, "%s, by fraction of random labels; %d seeds",
             tw_hessian_data_name(e, name, sizeof name), seeds);
    json_t *figure = tw_evidence_figure(f, "Mean change of the loss in a step", what, "log10(step + 1)", TW_LINEAR,
                                        "formula off by", "sd over that predicted");
    for (int s = 0; s < STATES; s++) {
        tw_evidence_x(figure, log10((double)steps[s] + 1));
        for (int side = 0; side < FIELDS; side++)
            for (int i = 0; i < FRACTIONS; i++) {
                for (int k = 0; k < seeds; k++) x[k] = side ? at[i][k][s].spread : at[i][k][s].off;
                tw_evidence_mean(figure, side, tw_hessian_percent[i], seeds, x);
            }
    }
done:
    return st;
}

// --- runs ---

enum { LOOKS = 24 };

// A look over the runs of one ensemble.
typedef struct seen {
    double step, falls, change, change_error, spread, inner, inner_error, loss;
} seen;
enum { SEEN = sizeof(seen) / sizeof(double) };

typedef struct ensembles {
    int seeds, looks;
    seen at[FRACTIONS][TW_SEEDS][LOOKS]; // [looks]
    double phase[FRACTIONS][TW_SEEDS];   // look, -1: none
} ensembles;

// A network of four hidden units, which cannot learn all labels: training ends at a noise floor.
static tw_status run_many(const tw_effort *e, double fraction, int seed, int *looks, seen *out, double *phase)
{
    static const int64_t samples[] = {60, 300, 500}, runs[] = {12, 40, 400}, epochs[] = {40, 60, 400};
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_ensemble *o = NULL;
    tw_course_spec spec = {.data = e->data,
                           .images = true,
                           .hidden = {e->scale == TW_SMOKE ? 2 : 4, 0},
                           .samples = samples[e->scale],
                           .random_labels = fraction,
                           .lr = 0.05,
                           .batch = 5,
                           .seed = e->seed + (uint64_t)seed};
    tw_ensemble_opts opts = tw_ensemble_defaults();
    opts.lr = spec.lr;
    opts.batch = spec.batch;
    opts.epochs = epochs[e->scale];
    opts.runs = runs[e->scale];
    opts.looks = LOOKS;
    opts.seed = spec.seed;
    opts.progress = e->progress;
    opts.sampling = "independent"; // what the formulas speak of
    TW_TRY(tw_course_open(&spec, &c));
    TW_TRY(tw_ensemble_new(c.net, c.data, &opts, &o));
    *looks = o->looks < LOOKS ? (int)o->looks : LOOKS;
    *phase = (double)o->phase;
    for (int i = 0; i < *looks; i++) {
        const tw_ensemble_look *l = &o->look[i];
        out[i] = (seen){(double)l->step, l->falls.value, l->mean_change.value, l->mean_change.error,
                        l->spread,       l->inner.value, l->inner.error,       l->mean_loss.value};
    }
done:
    tw_ensemble_free(o);
    tw_course_close(&c);
    return st;
}

static tw_status gather(const tw_effort *e, tw_finding *f, ensembles *s)
{
    tw_status st = TW_OK;
    s->seeds = (int)tw_hessian_runs(e);
    for (int i = 0; i < FRACTIONS; i++)
        for (int k = 0; k < s->seeds; k++) {
            char name[64];
            double kept[2 + LOOKS * SEEN];
            snprintf(name, sizeof name, "runs, %s, seed %d", tw_hessian_percent[i], k);
            if (tw_evidence_find(e, name, 2 + LOOKS * SEEN, kept)) {
                s->looks = (int)kept[0];
                s->phase[i][k] = kept[1];
                for (int j = 0; j < LOOKS * SEEN; j++) ((double *)s->at[i][k])[j] = kept[2 + j];
            } else {
                for (int j = 0; j < LOOKS; j++) s->at[i][k][j] = (seen){0, 0, 0, 0, 0, 0, 0, 0};
                TW_TRY(run_many(e, tw_hessian_fraction[i], k, &s->looks, s->at[i][k], &s->phase[i][k]));
                kept[0] = s->looks;
                kept[1] = s->phase[i][k];
                for (int j = 0; j < LOOKS * SEEN; j++) kept[2 + j] = ((double *)s->at[i][k])[j];
                tw_evidence_share(e, name, 2 + LOOKS * SEEN, kept);
            }
            for (int look = 0; look < s->looks; look++) {
                const seen *l = &s->at[i][k][look];
                tw_evidence_append(f, "random_labels", tw_hessian_fraction[i]);
                tw_evidence_append(f, "step", l->step);
                tw_evidence_append(f, "falls", l->falls);
                tw_evidence_append(f, "mean_change", l->change);
                tw_evidence_append(f, "its_stderr", l->change_error);
                tw_evidence_append(f, "sd_change", l->spread);
                tw_evidence_append(f, "inner", l->inner);
                tw_evidence_append(f, "inner_stderr", l->inner_error);
                tw_evidence_append(f, "loss", l->loss);
            }
        }
done:
    return st;
}

// The mean over the last quarter of the looks, and its standard error (looks lie apart: taken as independent).
typedef struct lately {
    double mean, error;
} lately;

static lately late(const ensembles *s, const seen *at, bool inner)
{
    double sum = 0, variance = 0, n = 0;
    for (int i = s->looks * 3 / 4; i < s->looks; i++, n++) {
        sum += inner ? at[i].inner : at[i].change;
        variance += inner ? at[i].inner_error * at[i].inner_error : at[i].change_error * at[i].change_error;
    }
    return (lately){sum / n, sqrt(variance) / n};
}

static void draw(const tw_effort *e, tw_finding *f, const ensembles *s)
{
    char about[128], name[64];
    double x[TW_SEEDS];
    snprintf(about, sizeof about, "%s, four hidden units, by fraction of random labels; %d seeds",
             tw_hessian_data_name(e, name, sizeof name), s->seeds);
    json_t *figure = tw_evidence_figure(f, "Many runs from one start", about, "log10(step + 1)", TW_LINEAR,
                                        "P(loss falls)", "mean loss over runs");
    for (int look = 0; look < s->looks; look++) {
        tw_evidence_x(figure, log10(s->at[0][0][look].step + 1));
        for (int side = 0; side < 2; side++)
            for (int i = 0; i < FRACTIONS; i++) {
                for (int k = 0; k < s->seeds; k++) x[k] = side ? s->at[i][k][look].loss : s->at[i][k][look].falls;
                tw_evidence_mean(figure, side, tw_hessian_percent[i], s->seeds, x);
            }
    }
}

tw_status tw_hessian_phases_real(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    ensembles s;
    double x[TW_SEEDS];
    char what[96];
    if (tw_hessian_needs_images(e, f)) return TW_OK;
    tw_finding_begin(f);
    TW_TRY(gather(e, f, &s));
    for (int k = 0; k < s.seeds; k++) {
        x[k] = 1;
        for (int i = 0; i < FRACTIONS; i++) x[k] = fmin(x[k], s.at[i][k][0].falls);
    }
    tw_finding_check(f, &(tw_condition){"least P(loss falls) at the start", TW_AT_LEAST, 0.75, false}, s.seeds, x);
    for (int i = 0; i < FRACTIONS; i++) {
        for (int k = 0; k < s.seeds; k++) {
            lately l = late(&s, s.at[i][k], false);
            x[k] = fabs(l.mean) / l.error;
        }
        snprintf(what, sizeof what, "|mean D| late over its error, %s", tw_hessian_percent[i]);
        tw_finding_check(f, &(tw_condition){what, TW_AT_MOST, 3, false}, s.seeds, x);
    }
    for (int i = 0; i < FRACTIONS; i++) {
        for (int k = 0; k < s.seeds; k++) x[k] = s.at[i][k][s.looks - 1].falls;
        snprintf(what, sizeof what, "P at the end, %s", tw_hessian_percent[i]);
        tw_finding_note(f, what, s.seeds, x);
    }
    for (int i = 0; i < FRACTIONS; i++)
        for (int k = 0; k < s.seeds; k++)
            tw_evidence_append(f, "boundary_step", s.phase[i][k] < 0 ? NAN : s.at[i][k][(int)s.phase[i][k]].step);
    draw(e, f, &s);
done:
    return st;
}

tw_status tw_hessian_angles_real(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    ensembles s;
    double x[TW_SEEDS];
    char what[96];
    if (tw_hessian_needs_images(e, f)) return TW_OK;
    tw_finding_begin(f);
    TW_TRY(gather(e, f, &s));
    for (int when = 0; when < 2; when++)
        for (int i = 0; i < FRACTIONS; i++) {
            for (int k = 0; k < s.seeds; k++) x[k] = when ? late(&s, s.at[i][k], true).mean : s.at[i][k][0].inner;
            snprintf(what, sizeof what, "g'g+ %s, %s", when ? "late" : "at the start", tw_hessian_percent[i]);
            tw_finding_check(f, &(tw_condition){what, when ? TW_AT_MOST : TW_AT_LEAST, 0, false}, s.seeds, x);
        }
done:
    return st;
}
