// SPDX-License-Identifier: MIT
// Laws of steps and ensembles of runs as tables, JSON and figures.
#include "cli/dynamics.h"

#include "base/alloc.h"
#include "net/net.h"
#include "report/figure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

// --- for people ---

static const char *pm(char *text, size_t size, const char *format, tw_measured x)
{
    char value[40];
    snprintf(value, sizeof value, format, x.value);
    if (!isfinite(x.value))
        snprintf(text, size, "-");
    else if (x.error > 0)
        snprintf(text, size, "%s +- %.1g", value, x.error);
    else
        snprintf(text, size, "%s", value);
    return text;
}

static void show_laws(const tw_dynamics *d)
{
    char a[64];
    const tw_step_law *one = d->state[0];
    printf("Change D of the loss in a step, %s %" PRId64 " batches\n\n", one->enumerated ? "over all" : "over",
           one->draws);
    printf("%8s %11s %11s %23s %11s %23s %11s %18s %13s\n", "step", "loss", "mean, pred.", "measured", "sd, pred.",
           "measured", "best lr", "P(D < 0)", "skewness");
    for (int64_t i = 0; i < d->found; i++) {
        const tw_step_law *l = d->state[i];
        double sd = sqrt(l->measured.variance.value);
        tw_measured of_sd = {sd, l->measured.variance.error / (2 * sd)};
        printf("%8" PRId64 " %11.5g %11.4g %23s", d->at[i], l->loss, l->predicted.mean.value,
               pm(a, sizeof a, "%.4g", l->measured.mean));
        printf(" %11.4g %23s %11.4g", sqrt(l->predicted.variance.value), pm(a, sizeof a, "%.4g", of_sd), l->best_lr);
        printf(" %18s", pm(a, sizeof a, "%.4f", l->falls));
        printf(" %6s", pm(a, sizeof a, "%.2f", (tw_measured){l->predicted.skewness, 0}));
        printf("/%6s\n", pm(a, sizeof a, "%.2f", (tw_measured){l->measured.skewness, 0}));
    }
    printf("\nskewness: predicted/measured. Coverage of intervals of the predicted mean and variance, at\n%8s", "step");
    for (int k = 0; k < TW_LAW_LEVELS; k++) printf(" %18.2f", one->level[k]);
    printf("  %19s\n", "beyond the bound");
    for (int64_t i = 0; i < d->found; i++) {
        const tw_step_law *l = d->state[i];
        printf("%8" PRId64, d->at[i]);
        for (int k = 0; k < TW_LAW_LEVELS; k++) printf(" %18s", pm(a, sizeof a, "%.4f", l->coverage[k]));
        printf("  %.4f <= %.4f at x = 3\n", l->tail[2].value, exp(-l->tail_x[2]));
    }
    printf("\n%8s %14s %28s %26s %12s\n", "step", "g'g+, pred.", "measured", "cos(g, g+): .1 .5 .9", "|mu|^2");
    for (int64_t i = 0; i < d->found; i++) {
        const tw_step_law *l = d->state[i];
        if (isfinite(l->inner_predicted))
            printf("%8" PRId64 " %14.4g", d->at[i], l->inner_predicted);
        else
            printf("%8" PRId64 " %14s", d->at[i], "-");
        printf(" %28s %8.3f %8.3f %8.3f %12.4g\n", pm(a, sizeof a, "%.4g", l->inner), l->cosine[0], l->cosine[1],
               l->cosine[2], l->gradient2);
    }
    for (int64_t i = 0; i < d->found; i++) {
        const tw_step_law *l = d->state[i];
        if (i == 0 && l->least_squares)
            printf(
                "\nLeast squares, batches of one, where some weights fit every label: with lr %.4g the expected loss "
                "falls at least by the factor %.6g.\n",
                l->safe_lr, l->safe_factor);
        if (l->least_squares) printf("%8" PRId64 "  at these weights by %.6g\n", d->at[i], l->safe_ratio);
        if (l->logistic) printf("%8" PRId64 "  logistic: Tr M / (max |x|^2 f) = %.4g <= 1\n", d->at[i], l->noise_share);
    }
}

static void show_runs(const tw_dynamics *d)
{
    char a[64];
    for (int64_t r = 0; r < d->rules; r++) {
        const tw_ensemble *e = d->rule[r].found;
        printf("\n%s: %" PRId64 " runs of %" PRId64 " steps, %" PRId64 " diverged; ", d->rule[r].optim, e->runs,
               e->steps, e->diverged);
        if (e->phase < 0)
            printf("one phase: the loss keeps falling\n");
        else
            printf("second phase from step %" PRId64 " at the latest\n", e->look[e->phase].step);
        printf("%8s %33s %24s %10s %18s %26s %22s\n", "step", "loss: .05 .5 .95", "mean D", "sd D", "P(D < 0)", "g'g+",
               "cos: .1 .5 .9");
        for (int64_t i = 0; i < e->looks; i++) {
            const tw_ensemble_look *l = &e->look[i];
            printf("%8" PRId64 " %10.4g %10.4g %10.4g %24s", l->step, l->loss[0], l->loss[2], l->loss[4],
                   pm(a, sizeof a, "%.3g", l->mean_change));
            printf(" %10.3g %18s", l->spread, pm(a, sizeof a, "%.3f", l->falls));
            printf(" %26s %7.3f %6.3f %6.3f\n", pm(a, sizeof a, "%.4g", l->inner), l->cosine[0], l->cosine[1],
                   l->cosine[2]);
        }
    }
    printf("\n%-40s %12s %12s %12s\n", "loss at the last look", "median", ".05", ".95");
    for (int64_t r = 0; r < d->rules; r++) {
        const tw_ensemble_look *l = &d->rule[r].found->look[d->rule[r].found->looks - 1];
        printf("%-40s %12.5g %12.5g %12.5g\n", d->rule[r].optim, l->loss[2], l->loss[0], l->loss[4]);
    }
}

void tw_dynamics_show(const tw_dynamics *d)
{
    char count[32];
    printf("%s on %s: ", d->net->model, d->data->name);
    printf("%s parameters, ", tw_show_count(tw_net_params(d->net), count));
    printf("%s samples; lr %g, batch %" PRId64 ", precondition %s\n", tw_show_count(d->data->m, count), d->law.lr,
           d->law.batch, tw_args_str(d->args, "precondition"));
    if (d->found > 0) show_laws(d);
    if (d->runs.runs > 0) show_runs(d);
}

// --- for programs ---

static json_t *measured_json(tw_measured x)
{
    json_t *o = json_object();
    json_object_set_new(o, "value", tw_json_real(x.value));
    json_object_set_new(o, "stderr", tw_json_real(x.error));
    return o;
}

static json_t *moments_json(const tw_law_moments *m)
{
    json_t *o = json_object();
    json_object_set_new(o, "mean", measured_json(m->mean));
    json_object_set_new(o, "variance", measured_json(m->variance));
    json_object_set_new(o, "skewness", tw_json_real(m->skewness));
    json_object_set_new(o, "excess_kurtosis", tw_json_real(m->excess));
    return o;
}

static json_t *law_json(const tw_step_law *l, int64_t at)
{
    json_t *o = json_object(), *coverage = json_array(), *tail = json_array();
    json_object_set_new(o, "step", json_integer(at));
    json_object_set_new(o, "loss", tw_json_real(l->loss));
    json_object_set_new(o, "batches", json_integer(l->draws));
    json_object_set_new(o, "all_batches", json_boolean(l->enumerated));
    json_object_set_new(o, "gradient_norm2", tw_json_real(l->gradient2));
    json_object_set_new(o, "trace_moment", tw_json_real(l->trace_m));
    json_object_set_new(o, "trace_hessian_batch_moment", tw_json_real(l->trace_hm));
    json_object_set_new(o, "best_lr", tw_json_real(l->best_lr));
    json_object_set_new(o, "predicted", moments_json(&l->predicted));
    json_object_set_new(o, "second_order", moments_json(&l->quadratic));
    json_object_set_new(o, "measured", moments_json(&l->measured));
    json_object_set_new(o, "falls", measured_json(l->falls));
    json_object_set_new(o, "quantiles_01_05_25_50_75_95_99", tw_json_reals(TW_LAW_QUANTILES, l->quantile));
    for (int k = 0; k < TW_LAW_LEVELS; k++)
        json_array_append_new(coverage,
                              json_pack("{s:f, s:o}", "level", l->level[k], "measured", measured_json(l->coverage[k])));
    for (int k = 0; k < TW_LAW_TAILS; k++)
        json_array_append_new(tail,
                              json_pack("{s:f, s:o, s:o, s:f}", "x", l->tail_x[k], "from", tw_json_real(l->tail_at[k]),
                                        "measured", measured_json(l->tail[k]), "bound", exp(-l->tail_x[k])));
    json_object_set_new(o, "coverage", coverage);
    json_object_set_new(o, "tails", tail);
    json_object_set_new(o, "subgamma_scale", tw_json_real(l->subgamma));
    json_object_set_new(o, "inner_predicted", tw_json_real(l->inner_predicted));
    json_object_set_new(o, "inner", measured_json(l->inner));
    json_object_set_new(o, "cosine_10_50_90", tw_json_reals(3, l->cosine));
    if (l->least_squares) {
        json_object_set_new(o, "safe_lr", tw_json_real(l->safe_lr));
        json_object_set_new(o, "safe_factor", tw_json_real(l->safe_factor));
        json_object_set_new(o, "safe_ratio", tw_json_real(l->safe_ratio));
    }
    if (l->logistic) json_object_set_new(o, "noise_share", tw_json_real(l->noise_share));
    return o;
}

static json_t *ensemble_json(const tw_dynamics *d, int64_t r)
{
    const tw_ensemble *e = d->rule[r].found;
    json_t *o = json_object(), *looks = json_array();
    json_object_set_new(o, "optim", json_string(d->rule[r].optim));
    json_object_set_new(o, "runs", json_integer(e->runs));
    json_object_set_new(o, "diverged", json_integer(e->diverged));
    json_object_set_new(o, "steps", json_integer(e->steps));
    json_object_set_new(o, "second_phase_step", e->phase < 0 ? json_null() : json_integer(e->look[e->phase].step));
    for (int64_t i = 0; i < e->looks; i++) {
        const tw_ensemble_look *l = &e->look[i];
        json_t *row = json_object();
        json_object_set_new(row, "step", json_integer(l->step));
        json_object_set_new(row, "runs", json_integer(l->runs));
        json_object_set_new(row, "loss_05_25_50_75_95", tw_json_reals(TW_ENSEMBLE_QUANTILES, l->loss));
        json_object_set_new(row, "change_05_25_50_75_95", tw_json_reals(TW_ENSEMBLE_QUANTILES, l->change));
        json_object_set_new(row, "mean_loss", measured_json(l->mean_loss));
        json_object_set_new(row, "mean_change", measured_json(l->mean_change));
        json_object_set_new(row, "change_sd", tw_json_real(l->spread));
        json_object_set_new(row, "falls", measured_json(l->falls));
        json_object_set_new(row, "inner", measured_json(l->inner));
        json_object_set_new(row, "cosine_10_50_90", tw_json_reals(3, l->cosine));
        json_array_append_new(looks, row);
    }
    json_object_set_new(o, "looks", looks);
    json_object_set_new(o, "final_loss", tw_json_reals(e->runs, e->final_loss));
    return o;
}

json_t *tw_dynamics_json(const tw_dynamics *d)
{
    json_t *o = json_object(), *states = json_array(), *rules = json_array();
    json_object_set_new(o, "lr", tw_json_real(d->law.lr));
    json_object_set_new(o, "batch", json_integer(d->law.batch));
    for (int64_t i = 0; i < d->found; i++) json_array_append_new(states, law_json(d->state[i], d->at[i]));
    for (int64_t r = 0; r < d->rules && d->runs.runs > 0; r++) json_array_append_new(rules, ensemble_json(d, r));
    json_object_set_new(o, "states", states);
    json_object_set_new(o, "ensembles", rules);
    return o;
}

// --- figures ---

// Loss quantiles, the chance that it falls, and the median angle, over the logarithm of the step, a rule beside
// another.
static tw_status draw_runs(const tw_dynamics *d, tw_figure_curves *figure, tw_figure_curve *curve, char (*names)[160],
                           double *room)
{
    static const char *const panel[] = {"log10 loss, median", "P(loss falls)", "cos(g, g+), median"};
    const tw_ensemble *first = d->rule[0].found;
    int64_t points = first->looks;
    double *x = room, *at = room + points;
    int count = 0;
    for (int64_t i = 0; i < points; i++) x[i] = log10((double)first->look[i].step + 1);
    for (int64_t r = 0; r < d->rules && r < 6; r++) {
        const tw_ensemble *e = d->rule[r].found;
        for (int what = 0; what < 5; what++, at += points) {
            if ((what == 1 || what == 2) && d->rules > 1) continue; // bands of several rules hide each other
            static const int which[] = {2, 0, 4};
            for (int64_t i = 0; i < points; i++) {
                at[i] = NAN;
                if (i >= e->looks) continue;
                const tw_ensemble_look *l = &e->look[i];
                at[i] = what < 3 ? log10(l->loss[which[what]]) : what == 3 ? l->falls.value : l->cosine[1];
            }
            snprintf(names[count], sizeof names[count],
                     what == 1   ? ".05"
                     : what == 2 ? ".95"
                                 : "%.150s",
                     d->rule[r].optim);
            curve[count] = (tw_figure_curve){names[count], what < 3 ? 0 : what - 2, at};
            count++;
        }
    }
    figure->axis = "log10(step + 1)";
    figure->panels = 3;
    figure->panel = panel;
    figure->points = points;
    figure->x = x;
    figure->count = count;
    figure->curve = curve;
    return TW_OK;
}

static void draw_laws(const tw_dynamics *d, tw_figure_curves *figure, tw_figure_curve *curve, double *room)
{
    static const char *const panel[] = {"log10 |mean D|", "log10 sd D", "coverage"};
    int64_t points = d->found;
    double *x = room, *y[6];
    for (int k = 0; k < 6; k++) y[k] = room + (k + 1) * points;
    for (int64_t i = 0; i < points; i++) {
        const tw_step_law *l = d->state[i];
        x[i] = log10((double)d->at[i] + 1);
        y[0][i] = log10(fabs(l->predicted.mean.value));
        y[1][i] = log10(fabs(l->measured.mean.value));
        y[2][i] = log10(l->predicted.variance.value) / 2;
        y[3][i] = log10(l->measured.variance.value) / 2;
        y[4][i] = l->coverage[0].value;
        y[5][i] = l->coverage[2].value;
    }
    static const char *const name[] = {"predicted", "measured", "predicted", "measured", "of 50 %", "of 95 %"};
    for (int k = 0; k < 6; k++) curve[k] = (tw_figure_curve){name[k], k / 2, y[k]};
    figure->axis = "log10(step + 1)";
    figure->panels = 3;
    figure->panel = panel;
    figure->points = points;
    figure->x = x;
    figure->count = 6;
    figure->curve = curve;
}

tw_status tw_dynamics_draw(const tw_dynamics *d)
{
    tw_status st = TW_OK;
    const char *path = tw_args_str(d->args, "figure");
    char title[200], subtitle[200], names[30][160];
    double *room = NULL;
    tw_figure_curve curve[30];
    if (!path) return TW_OK;
    int64_t points = d->runs.runs > 0 ? d->rule[0].found->looks : d->found;
    snprintf(title, sizeof title, "%s of %.120s", d->runs.runs > 0 ? "Runs" : "Steps", d->net->model);
    snprintf(subtitle, sizeof subtitle, "%.80s, lr %g, batch %" PRId64, d->data->name, d->law.lr, d->law.batch);
    tw_figure_curves figure = {.title = title, .subtitle = subtitle};
    TW_TRY(tw_alloc(31, (size_t)points * sizeof *room, &room));
    if (d->runs.runs > 0)
        TW_TRY(draw_runs(d, &figure, curve, names, room));
    else
        draw_laws(d, &figure, curve, room);
    TW_TRY(tw_figure_draw_curves(&figure, path, tw_args_str(d->args, "csv")));
done:
    free(room);
    return st;
}
