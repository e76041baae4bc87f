// SPDX-License-Identifier: MIT
// thalweg landscape: the loss along eigenvectors, along a line between weights, and over a plane.
#include "cli/open.h"

#include "base/alloc.h"
#include "report/figure_plane.h"
#include "report/figure_series.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 16 };

typedef struct scape {
    const tw_args *args;
    tw_data *data;
    tw_net *net;
    tw_eigs *eigs; // along, plane
    int64_t n, points, along;
    double from, to;
    double *w, *v, *at;      // [n] here, the other end's difference, where the loss is taken
    double *t;               // [points]
    double *loss, *accuracy; // [curves][points], or [points][points] of a plane
    double here, slope[MOST];
    tw_progress progress;
} scape;

static tw_status loss_at(scape *s, double *loss, double *accuracy)
{
    tw_status st = TW_OK;
    tw_loss_value value;
    TW_TRY(tw_net_set_weights(s->net, s->at));
    TW_TRY(tw_loss(s->net, s->data, NULL, NULL, &value));
    *loss = value.loss;
    *accuracy = value.accuracy;
done:
    return st;
}

// w + a v + b u.
static void go_to(scape *s, double a, const double *v, double b, const double *u)
{
    for (int64_t i = 0; i < s->n; i++) s->at[i] = s->w[i] + a * v[i] + (u ? b * u[i] : 0);
}

static tw_status find_directions(scape *s, int64_t count)
{
    tw_status st = TW_OK;
    tw_curv *curv = NULL;
    tw_lanczos_opts opts = tw_lanczos_defaults();
    tw_loss_value value;
    double *g = NULL;
    TW_TRY(tw_open_curv(s->args, s->net, s->data, &curv));
    if (tw_curv_linop(curv)->n != s->n) {
        st = tw_fail(TW_EINVAL, "--layers: found some of the parameters, expected all: directions are of all weights");
        goto done;
    }
    opts.top = count;
    opts.tolerance = 1e-4;
    TW_TRY(tw_args_seed(s->args, "seed", &opts.seed));
    TW_TRY(tw_lanczos(tw_curv_linop(curv), &opts, &s->eigs));
    TW_TRY(tw_alloc(s->n, sizeof *g, &g));
    TW_TRY(tw_loss(s->net, s->data, g, NULL, &value));
    s->here = value.loss;
    for (int64_t k = 0; k < count; k++)
        for (int64_t i = 0; i < s->n; i++) s->slope[k] += g[i] * s->eigs->vector[k * s->n + i];
    if (s->eigs->converged_count < count)
        tw_show_shortfall("%d of %d eigenvectors did not converge", (int)(count - s->eigs->converged_count),
                          (int)count);
done:
    free(g);
    tw_curv_free(curv);
    return st;
}

static tw_status walk(scape *s, int64_t curve, const double *v, int64_t curves)
{
    tw_status st = TW_OK;
    for (int64_t p = 0; p < s->points; p++) {
        go_to(s, s->t[p], v, 0, NULL);
        TW_TRY(loss_at(s, &s->loss[curve * s->points + p], &s->accuracy[curve * s->points + p]));
        if (s->progress.tick && !s->progress.tick(s->progress.ctx, "points", (double)(curve * s->points + p),
                                                  (double)(curves * s->points))) {
            st = tw_fail(TW_ESTOPPED, "landscape: stopped");
            goto done;
        }
    }
done:
    return st;
}

static tw_status cross(scape *s)
{
    tw_status st = TW_OK;
    const double *v = s->eigs->vector, *u = v + s->n;
    for (int64_t r = 0; r < s->points; r++)
        for (int64_t c = 0; c < s->points; c++) {
            go_to(s, s->t[c], v, s->t[r], u);
            TW_TRY(loss_at(s, &s->loss[r * s->points + c], &s->accuracy[r * s->points + c]));
            if (s->progress.tick && !s->progress.tick(s->progress.ctx, "points", (double)(r * s->points + c),
                                                      (double)(s->points * s->points))) {
                st = tw_fail(TW_ESTOPPED, "landscape: stopped");
                goto done;
            }
        }
done:
    return st;
}

// --- what is shown ---

// Each direction, and the parabola that slope and eigenvalue say it begins as.
static tw_status draw_curves(scape *s, int64_t curves, bool line)
{
    tw_status st = TW_OK;
    tw_figure_line lines[2 * MOST] = {{{0}}};
    int count = 0;
    const char *path = tw_args_str(s->args, "figure");
    for (int64_t k = 0; k < curves; k++) {
        tw_figure_line *l = &lines[count++];
        if (line)
            snprintf(l->name, sizeof l->name, "loss");
        else
            snprintf(l->name, sizeof l->name, "v%d: eigenvalue %.4g", (int)k + 1, s->eigs->value[k]);
        l->count = s->points;
        l->x = s->t;
        l->y = s->loss + k * s->points;
        if (line) continue;
        tw_figure_line *p = &lines[count++];
        snprintf(p->name, sizeof p->name, "parabola %d", (int)k + 1);
        p->count = s->points;
        p->x = s->t;
        p->dashed = true;
        TW_TRY(tw_alloc(s->points, sizeof *p->y, &p->y));
        for (int64_t i = 0; i < s->points; i++)
            p->y[i] = s->here + s->slope[k] * s->t[i] + s->eigs->value[k] * s->t[i] * s->t[i] / 2;
    }
    tw_figure_series f = {line ? "Loss between two sets of weights" : "Loss along eigenvectors",
                          tw_args_str(s->args, "model"),
                          line ? "0: these weights, 1: the others" : "distance",
                          "loss",
                          false,
                          count,
                          lines};
    TW_TRY(tw_figure_draw_series(&f, path, tw_args_str(s->args, "csv")));
done:
    for (int i = 0; !line && i < count; i++)
        if (lines[i].dashed) free(lines[i].y);
    return st;
}

static tw_status draw(scape *s, int64_t curves, bool line)
{
    const char *path = tw_args_str(s->args, "figure");
    if (!path) return TW_OK;
    if (curves > 0) return draw_curves(s, curves, line);
    tw_figure_plane plane = {"Loss over the plane of the two sharpest directions",
                             tw_args_str(s->args, "model"),
                             "along v1",
                             "along v2",
                             "loss",
                             s->points,
                             s->points,
                             s->t,
                             s->t,
                             s->loss};
    return tw_figure_draw_plane(&plane, path, tw_args_str(s->args, "csv"));
}

static tw_status show(scape *s, int64_t curves)
{
    bool plane = curves == 0;
    int64_t rows = plane ? s->points : curves;
    if (tw_args_flag(s->args, "json")) {
        tw_status st = TW_OK;
        json_t *result = json_object(), *loss = json_array(), *accuracy = json_array();
        json_object_set_new(result, "t", tw_json_reals(s->points, s->t));
        for (int64_t r = 0; r < rows; r++) {
            json_array_append_new(loss, tw_json_reals(s->points, s->loss + r * s->points));
            json_array_append_new(accuracy, tw_json_reals(s->points, s->accuracy + r * s->points));
        }
        json_object_set_new(result, "loss", loss);
        json_object_set_new(result, "accuracy", accuracy);
        if (s->eigs) {
            json_object_set_new(result, "eigenvalues", tw_json_reals(s->eigs->count, s->eigs->value));
            json_object_set_new(result, "residuals", tw_json_reals(s->eigs->count, s->eigs->residual));
        }
        TW_TRY(tw_open_origin(s->args, s->net, s->data, result));
        TW_TRY(tw_show_json(json_incref(result)));
    done:
        json_decref(result);
        return st;
    }
    if (s->eigs)
        for (int64_t k = 0; k < s->eigs->count; k++)
            printf("v%-3d eigenvalue %.9g, residual %.1e%s, slope %.4g\n", (int)k + 1, s->eigs->value[k],
                   s->eigs->residual[k], s->eigs->converged[k] ? "" : " (not converged)", s->slope[k]);
    if (plane) {
        double least = INFINITY, most = -INFINITY;
        for (int64_t i = 0; i < rows * s->points; i++) {
            least = fmin(least, s->loss[i]);
            most = fmax(most, s->loss[i]);
        }
        printf("loss %.6g at the centre, %.6g to %.6g over the plane\n", s->here, least, most);
        return TW_OK;
    }
    printf("%12s", "t");
    for (int64_t k = 0; k < curves; k++) printf("  %14s", s->eigs ? "loss" : k ? "" : "loss");
    printf("\n");
    for (int64_t p = 0; p < s->points; p++) {
        printf("%12.5g", s->t[p]);
        for (int64_t k = 0; k < curves; k++) printf("  %14.7g", s->loss[k * s->points + p]);
        printf("\n");
    }
    return TW_OK;
}

static tw_status open_all(scape *s, const char *line)
{
    tw_status st = TW_OK;
    TW_TRY(tw_open_check_figure(s->args));
    if (tw_args_str(s->args, "csv") && !tw_args_str(s->args, "figure")) {
        st = tw_fail(TW_EINVAL, "--csv: found no --figure, expected one: it writes what the figure shows");
        goto done;
    }
    TW_TRY(tw_args_int(s->args, "along", 1, MOST, &s->along));
    TW_TRY(tw_args_int(s->args, "points", 3, 10001, &s->points));
    TW_TRY(tw_args_real(s->args, "from", -1e6, 1e6, &s->from));
    TW_TRY(tw_args_real(s->args, "to", -1e6, 1e6, &s->to));
    if (!(s->to > s->from)) {
        st = tw_fail(TW_EINVAL, "--to: found %g, expected more than --from %g", s->to, s->from);
        goto done;
    }
    TW_TRY(tw_open_problem(s->args, &s->data, &s->net));
    s->n = tw_net_params(s->net);
    TW_TRY(tw_alloc(s->n, sizeof *s->w, &s->w));
    TW_TRY(tw_alloc(s->n, sizeof *s->v, &s->v));
    TW_TRY(tw_alloc(s->n, sizeof *s->at, &s->at));
    TW_TRY(tw_alloc(s->points, sizeof *s->t, &s->t));
    tw_net_get_weights(s->net, s->w);
    for (int64_t p = 0; p < s->points; p++) s->t[p] = s->from + (s->to - s->from) * (double)p / (double)(s->points - 1);
    if (line) {
        TW_TRY(tw_net_load(s->net, line));
        tw_net_get_weights(s->net, s->v);
        for (int64_t i = 0; i < s->n; i++) s->v[i] -= s->w[i];
    }
done:
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    const char *line = tw_args_str(args, "line");
    bool plane = tw_args_flag(args, "plane");
    scape s = {.args = args, .points = 41, .along = 1, .from = line ? -0.5 : -1, .to = line ? 1.5 : 1};

    if (line && (plane || tw_args_flag(args, "along")))
        return tw_fail(TW_EINVAL, "--line: found --along or --plane too, expected one of them");
    TW_TRY(open_all(&s, line));
    int64_t curves = plane ? 0 : line ? 1 : s.along, numbers = (plane ? s.points : curves) * s.points;
    TW_TRY(tw_alloc(numbers, sizeof *s.loss, &s.loss));
    TW_TRY(tw_alloc(numbers, sizeof *s.accuracy, &s.accuracy));
    if (!line) TW_TRY(find_directions(&s, plane ? 2 : s.along));
    s.progress = tw_show_progress(args);
    if (plane) TW_TRY(cross(&s));
    for (int64_t k = 0; k < curves; k++) TW_TRY(walk(&s, k, line ? s.v : s.eigs->vector + k * s.n, curves));
    TW_TRY(tw_net_set_weights(s.net, s.w));
    tw_show_progress_end();
    TW_TRY(draw(&s, curves, line != NULL));
    TW_TRY(show(&s, curves));
done:
    free(s.accuracy);
    free(s.loss);
    free(s.t);
    free(s.at);
    free(s.v);
    free(s.w);
    tw_eigs_free(s.eigs);
    tw_net_free(s.net);
    tw_data_free(s.data);
    return st;
}

static const tw_flag flags[] = {
    {"along", "K", "1", "along the K sharpest directions of the matrix"},
    {"line", "FILE", NULL, "along the line to these weights instead"},
    {"plane", NULL, NULL, "over the plane of the two sharpest directions instead"},
    {"points", "N", "41", "points of a line, and of either side of a plane"},
    {"from", "T", NULL, "first of them: a distance, or with --line a part of the way; without it -1, or -0.5"},
    {"to", "T", NULL, "last of them; without it 1, or 1.5"},
    {0},
};

const tw_command tw_cmd_landscape = {
    .name = "landscape",
    .summary = "the loss along eigenvectors, between two sets of weights, or over a plane",
    .about =
        "The loss at w + t v for eigenvectors v of length 1, with the parabola that slope and eigenvalue begin; at\n"
        "(1 - t) w + t w' on the way to other weights; or at w + a v1 + b v2. Losses are those of the objective,\n"
        "computed anew at every point.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 5 --save w.safetensors --quiet\n"
               "thalweg landscape --model mlp:4-8-3 --weights w.safetensors --data gauss:classes=3,dim=4 --along 2 "
               "--points 11 --figure along.svg --csv along.csv",
    .flags = flags,
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_MATRIX | TW_USE_FIGURE,
    .run = run,
};
