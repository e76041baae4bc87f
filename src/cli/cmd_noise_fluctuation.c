// SPDX-License-Identifier: MIT
// thalweg noise fluctuation: how far minibatch noise throws a network about, predicted and measured.
#include "cli/open.h"

#include "base/alloc.h"
#include "report/figure.h"
#include "thalweg/train_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static tw_status read_opts(const tw_args *args, tw_fluctuation_opts *opts)
{
    tw_status st = TW_OK;
    TW_TRY(tw_args_real(args, "lr", 1e-100, 1e100, &opts->lr));
    TW_TRY(tw_args_real(args, "momentum", 0, 1 - 1e-12, &opts->momentum));
    TW_TRY(tw_args_int(args, "batch", 1, INT32_MAX, &opts->batch));
    TW_TRY(tw_args_int(args, "top", 1, 10000, &opts->top));
    TW_TRY(tw_args_int(args, "replicas", 4, 1000000, &opts->replicas));
    TW_TRY(tw_args_int(args, "burn", 0, INT32_MAX, &opts->burn));
    TW_TRY(tw_args_int(args, "steps", 1, INT32_MAX, &opts->steps));
    TW_TRY(tw_args_real(args, "tolerance", 0, 1, &opts->tolerance));
    TW_TRY(tw_args_seed(args, "seed", &opts->seed));
    opts->replacement = !tw_args_flag(args, "without-replacement");
    opts->progress = tw_show_progress(args);
done:
    return st;
}

static void show_cell(double x)
{
    if (isfinite(x))
        printf("  %12.5g", x);
    else
        printf("  %12s", "-");
}

static void show(const tw_args *args, const tw_data *data, const tw_fluctuation_opts *opts, const tw_fluctuation *f)
{
    char count[32];
    tw_show_progress_end();
    printf("Fluctuation of %s on %s\n", tw_args_str(args, "model"), data->name);
    printf("%s parameters, loss %.10g, |gradient| %.3g; step %g, momentum %g, batch %" PRId64 " %s replacement\n",
           tw_show_count(f->n, count), f->loss, f->gradient_norm, opts->lr, opts->momentum, opts->batch,
           opts->replacement ? "with" : "without");
    printf("%" PRId64 " trajectories of %" PRId64 " + %" PRId64 " steps, %" PRId64
           " diverged; loss on the way %.6g +- %.2g\n\n",
           opts->replicas, opts->burn, opts->steps, f->diverged, f->final_loss.value, f->final_loss.error);
    printf("%4s  %12s  %12s  %12s  %12s  %12s  %23s  %15s  %21s  %s\n", "", "eigenvalue", "v'Cv", "predicted",
           "2LH/(SK)", "H/S", "measured variance", "ratio", "mean displacement", "relaxation, steps");
    for (int64_t i = 0; i < f->top; i++) {
        const tw_fluctuation_mode *m = &f->mode[i];
        char measured[40], mean[40];
        snprintf(measured, sizeof measured, "%.5g +- %.2g", m->variance.value, m->variance.error);
        snprintf(mean, sizeof mean, "%.3g +- %.1g", m->mean.value, m->mean.error);
        printf("%4" PRId64 "  %12.6g", i + 1, m->eigenvalue);
        show_cell(m->noise);
        show_cell(m->predicted);
        show_cell(m->from_paper);
        show_cell(m->from_hessian);
        printf("  %23s", measured);
        if (isfinite(m->predicted) && m->predicted > 0)
            printf("  %6.3f +- %.3f", m->variance.value / m->predicted, m->variance.error / m->predicted);
        else
            printf("  %15s", "-");
        printf("  %21s  %.3g%s%s\n", mean, m->relaxation, m->settled ? "" : ", NOT SETTLED",
               m->converged ? "" : ", eigenpair NOT CONVERGED");
    }
    printf("\npredicted: Theorem 1 with the measured v'Cv; ratio: measured over that. +-: standard error from "
           "independent\ntrajectories. NOT SETTLED: burn-in below 5 relaxation times, the start is still seen.\n");
}

static json_t *fluctuation_json(const tw_fluctuation *f)
{
    json_t *result = json_object(), *modes = json_array();
    json_object_set_new(result, "loss", tw_json_real(f->loss));
    json_object_set_new(result, "gradient_norm", tw_json_real(f->gradient_norm));
    json_object_set_new(result, "diverged", json_integer(f->diverged));
    json_object_set_new(result, "loss_on_the_way", tw_json_real(f->final_loss.value));
    json_object_set_new(result, "loss_on_the_way_stderr", tw_json_real(f->final_loss.error));
    for (int64_t i = 0; i < f->top; i++) {
        const tw_fluctuation_mode *m = &f->mode[i];
        json_t *row = json_object();
        json_object_set_new(row, "eigenvalue", tw_json_real(m->eigenvalue));
        json_object_set_new(row, "residual", tw_json_real(m->residual));
        json_object_set_new(row, "converged", json_boolean(m->converged));
        json_object_set_new(row, "noise", tw_json_real(m->noise));
        json_object_set_new(row, "predicted", tw_json_real(m->predicted));
        json_object_set_new(row, "from_paper", tw_json_real(m->from_paper));
        json_object_set_new(row, "from_hessian", tw_json_real(m->from_hessian));
        json_object_set_new(row, "measured", tw_json_real(m->variance.value));
        json_object_set_new(row, "measured_stderr", tw_json_real(m->variance.error));
        json_object_set_new(row, "mean", tw_json_real(m->mean.value));
        json_object_set_new(row, "mean_stderr", tw_json_real(m->mean.error));
        json_object_set_new(row, "relaxation", tw_json_real(m->relaxation));
        json_object_set_new(row, "settled", json_boolean(m->settled));
        json_array_append_new(modes, row);
    }
    json_object_set_new(result, "modes", modes);
    return result;
}

static tw_status draw(const tw_args *args, const tw_data *data, const tw_fluctuation *f)
{
    tw_status st = TW_OK;
    enum { LINES = 6 };
    static const char *const name[LINES] = {"measured", "+ 2 errors", "- 2 errors", "predicted", "2LH/(SK)", "H/S"};
    static const char *const panel[] = {"variance along the eigenvector, log10"};
    const char *path = tw_args_str(args, "figure");
    char title[200];
    double *room = NULL;
    tw_figure_curve curve[LINES];
    if (!path) return TW_OK;
    TW_TRY(tw_alloc(f->top * (LINES + 1), sizeof *room, &room));
    for (int k = 0; k < LINES; k++) curve[k] = (tw_figure_curve){.name = name[k], .y = room + (k + 1) * f->top};
    for (int64_t i = 0; i < f->top; i++) {
        const tw_fluctuation_mode *m = &f->mode[i];
        const double y[LINES] = {m->variance.value,
                                 m->variance.value + 2 * m->variance.error,
                                 m->variance.value - 2 * m->variance.error,
                                 m->predicted,
                                 m->from_paper,
                                 m->from_hessian};
        room[i] = (double)(i + 1);
        for (int k = 0; k < LINES; k++) room[(k + 1) * f->top + i] = y[k] > 0 ? log10(y[k]) : NAN;
    }
    snprintf(title, sizeof title, "Fluctuation of %.90s on %.60s", tw_args_str(args, "model"), data->name);
    tw_figure_curves figure = {.title = title,
                               .subtitle = "Stationary variance of SGD along the Hessian's top eigenvectors",
                               .axis = "rank",
                               .panels = 1,
                               .panel = panel,
                               .points = f->top,
                               .x = room,
                               .count = LINES,
                               .curve = curve};
    TW_TRY(tw_figure_draw_curves(&figure, path, tw_args_str(args, "csv")));
done:
    free(room);
    return st;
}

static void judge(const tw_fluctuation *f)
{
    int64_t early = 0, missing = 0;
    for (int64_t i = 0; i < f->top; i++) {
        early += !f->mode[i].settled;
        missing += !f->mode[i].converged;
    }
    if (f->diverged > 0) tw_show_shortfall("%" PRId64 " trajectories diverged", f->diverged);
    if (missing > 0) tw_show_shortfall("%" PRId64 " eigenpairs did not converge", missing);
    if (early > 0) tw_show_shortfall("%" PRId64 " directions had not settled: a longer --burn would let them", early);
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_fluctuation *f = NULL;
    tw_fluctuation_opts opts = tw_fluctuation_defaults();
    json_t *result = NULL;

    TW_TRY(tw_open_check_figure(args));
    TW_TRY(read_opts(args, &opts));
    TW_TRY(tw_open_data(args, &data));
    TW_TRY(tw_open_net(args, data, &net));
    TW_TRY(tw_fluctuation_new(net, data, &opts, &f));
    TW_TRY(draw(args, data, f));
    if (tw_args_flag(args, "json")) {
        result = fluctuation_json(f);
        TW_TRY(tw_open_origin(args, net, data, result));
        TW_TRY(tw_show_json(json_incref(result)));
    } else {
        show(args, data, &opts, f);
    }
    judge(f);
done:
    json_decref(result);
    tw_fluctuation_free(f);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static const tw_flag flags[] = {
    {"lr", "X", "0.1", "step"},
    {"momentum", "MU", "0", "momentum, not divided into the step"},
    {"batch", "S", "32", "batch size"},
    {"without-replacement", NULL, NULL, "no sample twice in a batch; batches stay independent of each other"},
    {"top", "N", "5", "leading eigenvectors of the Hessian looked along"},
    {"replicas", "N", "16", "independent trajectories from the given weights: the standard errors are theirs"},
    {"burn", "N", "1000", "steps of each that are not kept"},
    {"steps", "N", "1000", "steps of each that are kept"},
    {"tolerance", "REAL", "1e-5", "eigenpairs converged: residual at most this times the largest |eigenvalue|"},
    {0},
};

const tw_command tw_cmd_noise_fluctuation = {
    .name = "noise fluctuation",
    .summary = "how far minibatch noise throws a network about: predicted and measured",
    .about =
        "From a minimum, SGD with momentum and batches independent from step to step: the stationary variance\n"
        "along the Hessian's top eigenvectors, lr^2 v'Cv / [2(1-mu) h - (1-mu)/(1+mu) h^2], h = lr times eigenvalue,\n"
        "with the measured v'Cv and with C = (2L/SK) H and H/S; beside it the variance along trajectories, with\n"
        "standard errors. Batches drawn by shuffling once an epoch are another process (docs/noise.md).",
    .example = "thalweg noise fluctuation --model mlp:3-1 --weights init:1 --data regression:dim=3,n=100,noise=1 "
               "--dtype f64 --batch 8 --lr 0.2 --momentum 0.5 --top 3 --burn 200 --steps 200",
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
