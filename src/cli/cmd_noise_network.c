// SPDX-License-Identifier: MIT
// thalweg noise network: the covariance of a network's minibatch gradients beside the matrices it is said to be.
#include "cli/open.h"

#include "base/alloc.h"
#include "report/figure.h"
#include "thalweg/curv_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static tw_status read_opts(const tw_args *args, tw_gradient_noise_opts *opts)
{
    tw_status st = TW_OK;
    TW_TRY(tw_args_int(args, "batch", 1, INT64_MAX, &opts->batch));
    TW_TRY(tw_args_int(args, "top", 1, 10000, &opts->top));
    TW_TRY(tw_args_int(args, "probes", 1, INT64_MAX, &opts->probes));
    TW_TRY(tw_args_real(args, "tolerance", 0, 1, &opts->tolerance));
    TW_TRY(tw_args_int(args, "max-products", 1, INT64_MAX, &opts->max_products));
    TW_TRY(tw_args_seed(args, "seed", &opts->seed));
    if (tw_args_flag(args, "memory")) TW_TRY(tw_args_bytes(args, "memory", &opts->memory));
    opts->replacement = !tw_args_flag(args, "without-replacement");
    opts->progress = tw_show_progress(args);
done:
    return st;
}

// --- for people ---

static void show_cell(tw_measured x)
{
    char text[48];
    if (!isfinite(x.value))
        snprintf(text, sizeof text, "-");
    else if (x.error == 0)
        snprintf(text, sizeof text, "%.5g", x.value);
    else
        snprintf(text, sizeof text, "%.5g +- %.2g", x.value, x.error);
    printf("  %21s", text);
}

static void show_table(const tw_gradient_noise *o)
{
    printf("\n%-18s  %21s  %21s  %21s  %21s  %s\n", "P", "tr P / tr C", "cosine", "|P - C| / |C|", "best factor",
           "overlap of top spaces");
    for (int64_t i = 0; i < o->count; i++) {
        const tw_noise_match *m = &o->match[i];
        printf("%-18s", m->formula);
        show_cell(m->trace_ratio);
        show_cell(m->cosine);
        show_cell(m->distance);
        show_cell(m->scale);
        if (m->overlap_bound < 1)
            printf("  %.4f, off by at most %.1e\n", m->overlap, m->overlap_bound);
        else
            printf("  %.4f, not certified: no gap after the top %" PRId64 "\n", m->overlap, o->top);
    }
}

static void show_value(const tw_eigs *e, int64_t i)
{
    char text[40];
    snprintf(text, sizeof text, "%.6g +- %.0e%s", e->value[i], fmax(e->hi[i] - e->value[i], e->value[i] - e->lo[i]),
             e->converged[i] ? "" : " NO");
    printf("  %21s", text);
}

static void show(const tw_args *args, const tw_data *data, const tw_gradient_noise *o)
{
    char count[32];
    tw_show_progress_end();
    printf("Gradient noise of %s on %s\n", tw_args_str(args, "model"), data->name);
    printf("%s parameters, ", tw_show_count(o->n, count));
    printf("%s samples, loss %.10g, |g|^2 %.6g\n", tw_show_count(o->samples, count), o->loss.data_loss,
           o->loss.gradient_norm * o->loss.gradient_norm);
    printf("C = c (M - gg'), batch %" PRId64 " %s replacement: c = %.8g; tr C = %.8g, |C| = %.6g", o->batch,
           o->replacement ? "with" : "without", o->factor, o->trace, o->norm.value);
    if (o->norm.error > 0) printf(" +- %.2g", o->norm.error);
    show_table(o);
    if (o->exact)
        printf("Exact, from %" PRId64 " unit vectors.\n", o->probes);
    else
        printf("+-: standard error (jackknife over %" PRId64 " probes).\n", o->probes);
    printf("\nLargest eigenvalues, +- to the end of the interval that holds each; NO: not converged\n%5s  %21s", "",
           "C");
    for (int64_t i = 0; i < o->count; i++) printf("  %21s", o->match[i].formula);
    printf("\n");
    for (int64_t i = 0; i < o->top; i++) {
        printf("%5" PRId64, i + 1);
        show_value(o->eigs, i);
        for (int64_t k = 0; k < o->count; k++) show_value(o->match[k].eigs, i);
        printf("\n");
    }
    printf("\n%s matrix-vector products\n", tw_show_count(o->products, count));
}

// --- for programs ---

static json_t *measured_json(tw_measured x)
{
    json_t *o = json_object();
    json_object_set_new(o, "value", tw_json_real(x.value));
    json_object_set_new(o, "stderr", tw_json_real(x.error));
    return o;
}

static json_t *eigs_json(const tw_eigs *e, int64_t top)
{
    json_t *o = json_object(), *converged = json_array();
    for (int64_t i = 0; i < top; i++) json_array_append_new(converged, json_boolean(e->converged[i]));
    json_object_set_new(o, "eigenvalues", tw_json_reals(top, e->value));
    json_object_set_new(o, "residuals", tw_json_reals(top, e->residual));
    json_object_set_new(o, "low", tw_json_reals(top, e->lo));
    json_object_set_new(o, "high", tw_json_reals(top, e->hi));
    json_object_set_new(o, "converged", converged);
    return o;
}

static json_t *noise_json(const tw_gradient_noise *o)
{
    json_t *result = json_object(), *truth = eigs_json(o->eigs, o->top), *matches = json_array();
    json_object_set_new(result, "batch", json_integer(o->batch));
    json_object_set_new(result, "replacement", json_boolean(o->replacement));
    json_object_set_new(result, "loss", tw_json_real(o->loss.data_loss));
    json_object_set_new(result, "gradient_norm", tw_json_real(o->loss.gradient_norm));
    json_object_set_new(result, "exact", json_boolean(o->exact));
    json_object_set_new(result, "probes", json_integer(o->probes));
    json_object_set_new(result, "factor", tw_json_real(o->factor));
    json_object_set_new(truth, "trace", tw_json_real(o->trace));
    json_object_set_new(truth, "norm", measured_json(o->norm));
    json_object_set_new(result, "covariance", truth);
    for (int64_t i = 0; i < o->count; i++) {
        const tw_noise_match *m = &o->match[i];
        json_t *row = eigs_json(m->eigs, o->top);
        json_object_set_new(row, "name", json_string(m->name));
        json_object_set_new(row, "formula", json_string(m->formula));
        json_object_set_new(row, "trace_ratio", measured_json(m->trace_ratio));
        json_object_set_new(row, "cosine", measured_json(m->cosine));
        json_object_set_new(row, "relative_distance", measured_json(m->distance));
        json_object_set_new(row, "best_factor", measured_json(m->scale));
        json_object_set_new(row, "overlap", tw_json_real(m->overlap));
        json_object_set_new(row, "overlap_error_at_most", tw_json_real(m->overlap_bound));
        json_array_append_new(matches, row);
    }
    json_object_set_new(result, "candidates", matches);
    json_object_set_new(result, "products", json_integer(o->products));
    return result;
}

// Two panels by rank: the leading eigenvalues, and those of P over those of C.
static tw_status draw(const tw_args *args, const tw_data *data, const tw_gradient_noise *o)
{
    tw_status st = TW_OK;
    enum { MOST = 1 + 2 * TW_GRADIENT_NOISE_MATCHES };
    static const char *const panel[] = {"eigenvalue, log10", "eigenvalue of P / eigenvalue of C"};
    const char *path = tw_args_str(args, "figure");
    char title[200], subtitle[120];
    double *room = NULL;
    tw_figure_curve curve[MOST];
    if (!path) return TW_OK;
    TW_TRY(tw_alloc(o->top * (MOST + 1), sizeof *room, &room));
    double *rank = room, *at = room + o->top;
    int count = 0;
    for (int64_t i = 0; i < o->top; i++) {
        rank[i] = (double)(i + 1);
        at[i] = o->eigs->value[i] > 0 ? log10(o->eigs->value[i]) : NAN;
    }
    curve[count++] = (tw_figure_curve){.name = "C", .y = at};
    for (int64_t k = 0; k < o->count; k++) {
        const tw_eigs *e = o->match[k].eigs;
        double *value = at += o->top, *ratio = at += o->top;
        for (int64_t i = 0; i < o->top; i++) {
            value[i] = e->value[i] > 0 ? log10(e->value[i]) : NAN;
            ratio[i] = o->eigs->value[i] > 0 ? e->value[i] / o->eigs->value[i] : NAN;
        }
        curve[count++] = (tw_figure_curve){.name = o->match[k].formula, .y = value};
        curve[count++] = (tw_figure_curve){.name = o->match[k].formula, .panel = 1, .y = ratio};
    }
    snprintf(title, sizeof title, "Gradient noise of %.90s on %.60s", tw_args_str(args, "model"), data->name);
    snprintf(subtitle, sizeof subtitle, "Batch %" PRId64 " %s replacement, loss %.4g", o->batch,
             o->replacement ? "with" : "without", o->loss.data_loss);
    tw_figure_curves figure = {.title = title,
                               .subtitle = subtitle,
                               .axis = "rank",
                               .panels = 2,
                               .panel = panel,
                               .points = o->top,
                               .x = rank,
                               .count = count,
                               .curve = curve};
    TW_TRY(tw_figure_draw_curves(&figure, path, tw_args_str(args, "csv")));
done:
    free(room);
    return st;
}

static void judge(const tw_gradient_noise *o)
{
    int64_t missing = 0;
    for (int64_t i = 0; i < o->top; i++) {
        missing += !o->eigs->converged[i];
        for (int64_t k = 0; k < o->count; k++) missing += !o->match[k].eigs->converged[i];
    }
    if (missing > 0)
        tw_show_shortfall("%" PRId64 " pairs did not converge: --max-products or a larger --tolerance may help",
                          missing);
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_gradient_noise *noise = NULL;
    tw_gradient_noise_opts opts = tw_gradient_noise_defaults();
    json_t *result = NULL;

    TW_TRY(tw_open_check_figure(args));
    TW_TRY(read_opts(args, &opts));
    TW_TRY(tw_open_problem(args, &data, &net));
    TW_TRY(tw_gradient_noise_new(net, data, &opts, &noise));
    TW_TRY(draw(args, data, noise));
    if (tw_args_flag(args, "json")) {
        result = noise_json(noise);
        TW_TRY(tw_open_origin(args, net, data, result));
        TW_TRY(tw_show_json(json_incref(result)));
    } else {
        show(args, data, noise);
    }
    judge(noise);
done:
    json_decref(result);
    tw_gradient_noise_free(noise);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static const tw_flag flags[] = {
    {"batch", "S", "32", "batch size of the noise"},
    {"without-replacement", NULL, NULL, "no sample twice in a batch: c = (N - S)/(S (N - 1)) instead of 1/S"},
    {"top", "N", "5", "leading eigenpairs compared"},
    {"probes", "N", "32", "random vectors for traces and norms; the number of parameters or more: exact"},
    {"tolerance", "REAL", "1e-5", "converged: residual at most this times the largest |eigenvalue|"},
    {"max-products", "N", "20000", "stop after about so many products for each matrix, converged or not"},
    {"memory", "BYTES", NULL, "for kept state of each matrix (\"2G\"); without it no limit", .neutral = true},
    {0},
};

const tw_command tw_cmd_noise_network = {
    .name = "noise network",
    .summary = "the covariance of a network's minibatch gradients beside theory's matrices",
    .about =
        "C = c (M - gg') of the data loss at the given weights, exact at any number of samples, beside\n"
        "(2L/SK) H - gg'/S (squared losses, K outputs; also with the Gauss-Newton matrix G for H), H/S, G/S and\n"
        "M/S: trace ratio, Frobenius cosine and distance, the factor that fits P best, leading eigenvalues and the\n"
        "overlap of their spaces. The l2 term is the same in every batch and is left out of all (docs/noise.md).",
    .example = "thalweg noise network --model mlp:3-6-1,act=tanh --weights init:1 --data regression:dim=3,n=200 "
               "--dtype f64 --batch 8 --top 3 --probes 31",
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
