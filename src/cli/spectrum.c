// SPDX-License-Identifier: MIT
// A spectrum as a table, as JSON, as arrays and as a figure.
#include "cli/spectrum.h"

#include "base/alloc.h"
#include "report/figure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *tw_found_title(const char *matrix)
{
    static const char *const title[][2] = {
        {"hessian", "Hessian"},
        {"ggn", "Gauss-Newton matrix"},
        {"fisher", "Fisher matrix"},
        {"fisher-sampled", "Fisher matrix, labels drawn from the model"},
        {"moment", "Second moment of per-sample gradients"},
        {"covariance", "Covariance of the batch gradient"},
        {"residual", "Log-loss residual M - H"},
        {"h-g", "Hessian minus Gauss-Newton"},
    };
    for (size_t i = 0; i < sizeof title / sizeof *title; i++)
        if (strcmp(title[i][0], matrix) == 0) return title[i][1];
    return matrix;
}

void tw_found_free(tw_found *found)
{
    tw_eigs_free(found->eigs);
    tw_density_free(found->density);
    found->eigs = NULL;
    found->density = NULL;
}

// Pairs from the bottom come smallest first; shown, everything descends. Place i of that order.
static int64_t descending(const tw_eigs *e, int64_t i) { return i < e->top ? i : e->count - 1 - (i - e->top); }

// --- for people ---

static void show_eigs(const tw_eigs *e)
{
    printf("\n%5s  %22s  %10s  %39s  %s\n", "", "eigenvalue", "residual", "interval with its eigenvalue", "converged");
    for (int64_t i = 0; i < e->count; i++) {
        int64_t j = descending(e, i);
        char interval[64];
        snprintf(interval, sizeof interval, "[%.9g, %.9g]", e->lo[j], e->hi[j]);
        printf("%5" PRId64 "  %22.15g  %10.2e  %39s  %s\n", j < e->top ? i + 1 : -(e->count - i), e->value[j],
               e->residual[j], interval, e->converged[j] ? "yes" : "NO");
    }
    printf("\n%" PRId64 " of %" PRId64 " pairs converged; orthogonal to %.1e; %" PRId64 " products, %" PRId64
           " restarts\n",
           e->converged_count, e->count, e->orthogonality, e->products, e->restarts);
    if (e->note[0]) printf("%s\n", e->note);
}

static void show_density(const tw_density *d)
{
    double below = 0, around = 0;
    for (int64_t i = 0; i < d->bins; i++) {
        double middle = 0.5 * (d->edge[i] + d->edge[i + 1]);
        if (fabs(middle) <= d->linear)
            around += d->mass[i];
        else if (middle < 0)
            below += d->mass[i];
    }
    printf("\nDensity from %" PRId64 " probes of %" PRId64 " steps: ", d->probes, d->steps);
    if (d->symlog)
        printf("%.4g %% of the eigenvalues within %.3g of 0, %.4g %% below, %.4g %% above\n", 100 * around, d->linear,
               100 * below, 100 * (1 - around - below));
    else
        printf("%" PRId64 " bins from %.6g to %.6g\n", d->bins, d->edge[0], d->edge[d->bins]);
    if (d->truncation > 0.01)
        printf("The last tenth of the steps still moved the cumulative by %.2g: more --steps would sharpen it\n",
               d->truncation);
}

void tw_found_show(const tw_found *f)
{
    char count[32], time[32];
    printf("%s of %s on %s\n", tw_found_title(f->matrix), tw_args_str(f->args, "model"), f->data->name);
    printf("%s parameters, ", tw_show_count(f->n, count));
    printf("%s samples, loss %.10g\n", tw_show_count(f->data->m, count), tw_curv_loss(f->curv)->loss);
    if (f->eigs) show_eigs(f->eigs);
    if (f->has_trace)
        printf("\nTrace %.8g, standard error %.2g, %s [%.8g, %.8g]; %" PRId64 " products\n", f->trace.value,
               f->trace.error, f->trace.exact ? "exact:" : "95 % interval", f->trace.lo, f->trace.hi,
               f->trace.products);
    if (f->density) show_density(f->density);
    printf("\n%s matrix-vector products in %s\n", tw_show_count(tw_curv_products(f->curv), count),
           tw_show_seconds(f->seconds, time));
}

// --- for programs ---

static json_t *density_json(const tw_density *d)
{
    json_t *out = json_object();
    json_object_set_new(out, "axis", json_string(d->symlog ? "symlog" : "linear"));
    if (d->symlog) json_object_set_new(out, "linear", tw_json_real(d->linear));
    json_object_set_new(out, "probes", json_integer(d->probes));
    json_object_set_new(out, "steps", json_integer(d->steps));
    json_object_set_new(out, "width", tw_json_real(d->width));
    json_object_set_new(out, "confidence", tw_json_real(d->confidence));
    json_object_set_new(out, "truncation", tw_json_real(d->truncation));
    json_object_set_new(out, "edges", tw_json_reals(d->bins + 1, d->edge));
    json_object_set_new(out, "mass", tw_json_reals(d->bins, d->mass));
    json_object_set_new(out, "mass_low", tw_json_reals(d->bins, d->mass_lo));
    json_object_set_new(out, "mass_high", tw_json_reals(d->bins, d->mass_hi));
    json_object_set_new(out, "products", json_integer(d->products));
    return out;
}

static void put_eigs(json_t *result, const tw_eigs *e)
{
    json_t *value = json_array(), *residual = json_array(), *converged = json_array(), *interval = json_array();
    for (int64_t i = 0; e && i < e->count; i++) {
        int64_t j = descending(e, i);
        double ends[2] = {e->lo[j], e->hi[j]};
        json_array_append_new(value, tw_json_real(e->value[j]));
        json_array_append_new(residual, tw_json_real(e->residual[j]));
        json_array_append_new(converged, json_boolean(e->converged[j]));
        json_array_append_new(interval, tw_json_reals(2, ends));
    }
    json_object_set_new(result, "eigenvalues", value);
    json_object_set_new(result, "residuals", residual);
    json_object_set_new(result, "converged", converged);
    json_object_set_new(result, "intervals", interval);
    if (!e) return;
    json_object_set_new(result, "orthogonality", tw_json_real(e->orthogonality));
    json_object_set_new(result, "restarts", json_integer(e->restarts));
    if (e->note[0]) json_object_set_new(result, "note", json_string(e->note));
}

tw_status tw_found_json(const tw_found *f, json_t **out)
{
    json_t *result = json_object();
    const tw_loss_value *loss = tw_curv_loss(f->curv);
    const char *layers = tw_args_str(f->args, "layers");
    if (!result) return tw_fail(TW_ENOMEM, "JSON: no memory");
    json_object_set_new(result, "parameters", json_integer(f->n));
    json_object_set_new(result, "samples", json_integer(f->data->m));
    json_object_set_new(result, "matrix", json_string(f->matrix));
    if (layers) json_object_set_new(result, "layers", json_string(layers));
    json_object_set_new(result, "loss", tw_json_real(loss->loss));
    json_object_set_new(result, "accuracy", tw_json_real(loss->accuracy));
    put_eigs(result, f->eigs);
    if (f->density) json_object_set_new(result, "density", density_json(f->density));
    if (f->has_trace) {
        json_t *trace = json_object();
        const double ends[2] = {f->trace.lo, f->trace.hi};
        json_object_set_new(trace, "estimate", tw_json_real(f->trace.value));
        json_object_set_new(trace, "stderr", tw_json_real(f->trace.error));
        json_object_set_new(trace, "interval", tw_json_reals(2, ends));
        json_object_set_new(trace, "exact", json_boolean(f->trace.exact));
        json_object_set_new(trace, "products", json_integer(f->trace.products));
        json_object_set_new(result, "trace", trace);
    }
    json_object_set_new(result, "products", json_integer(tw_curv_products(f->curv)));
    json_object_set_new(result, "seconds", tw_json_real(f->seconds));
    json_object_set_new(result, "network", tw_open_net_json(f->args, f->net));
    json_object_set_new(result, "data", tw_open_data_json(f->args, f->data));
    *out = result;
    return TW_OK;
}

// --- arrays ---

enum { MOST_ARRAYS = 16 };

typedef struct arrays {
    int64_t count;
    tw_array array[MOST_ARRAYS];
} arrays;

static void put(arrays *a, const char *name, int64_t rows, int64_t columns, double *x)
{
    a->array[a->count++] = (tw_array){
        .name = (char *)(uintptr_t)name, .rank = columns ? 2 : 1, .shape = {rows, columns}, .real = 8, .x = x};
}

// Eigenvectors are rows, in the order of "eigenvalues": from the top down, then from the bottom up.
tw_status tw_found_save(const tw_found *f, const char *path)
{
    arrays a = {0};
    double loss = tw_curv_loss(f->curv)->loss, trace[2] = {f->trace.value, f->trace.error};
    put(&a, "loss", 1, 0, &loss);
    if (f->eigs) {
        const tw_eigs *e = f->eigs;
        put(&a, "eigenvalues", e->count, 0, e->value);
        put(&a, "residuals", e->count, 0, e->residual);
        put(&a, "intervals_low", e->count, 0, e->lo);
        put(&a, "intervals_high", e->count, 0, e->hi);
        put(&a, "vectors", e->count, e->n, e->vector);
    }
    if (f->has_trace) put(&a, "trace", 2, 0, trace);
    if (f->density) {
        const tw_density *d = f->density;
        put(&a, "density_edges", d->bins + 1, 0, d->edge);
        put(&a, "density_mass", d->bins, 0, d->mass);
        put(&a, "density_mass_low", d->bins, 0, d->mass_lo);
        put(&a, "density_mass_high", d->bins, 0, d->mass_hi);
        put(&a, "density_nodes", d->probes, d->steps, d->node);
        put(&a, "density_weights", d->probes, d->steps, d->weight);
    }
    return tw_arrays_save(path, a.count, a.array);
}

// --- a figure ---

// Bins become a density over the axis: mass by the bin's width on it.
static void density_over(const tw_density *d, bool log_axis, double *room, tw_figure_density *out)
{
    double *x = room, *value = room + d->bins, *low = room + 2 * d->bins, *high = room + 3 * d->bins;
    for (int64_t i = 0; i < d->bins; i++) {
        double from = d->edge[i], to = d->edge[i + 1], width = to - from;
        x[i] = 0.5 * (from + to);
        if (log_axis) {
            double a = asinh(from / d->linear), b = asinh(to / d->linear);
            x[i] = d->linear * sinh(0.5 * (a + b));
            width = (b - a) / log(10);
        }
        value[i] = d->mass[i] / width;
        low[i] = d->mass_lo[i] / width;
        high[i] = d->mass_hi[i] / width;
    }
    *out = (tw_figure_density){d->bins, x, value, low, high};
}

tw_status tw_found_draw(const tw_found *f, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    char title[256], subtitle[256], count[2][32];
    double *room = NULL;
    const tw_density *d = f->density;
    tw_density *linear = NULL; // the same nodes, in even bins
    snprintf(title, sizeof title, "%s of %.120s on %.60s", tw_found_title(f->matrix), tw_args_str(f->args, "model"),
             f->data->name);
    snprintf(subtitle, sizeof subtitle, "%s parameters, %s samples, loss %.4g", tw_show_count(f->n, count[0]),
             tw_show_count(f->data->m, count[1]), tw_curv_loss(f->curv)->loss);
    tw_figure_spectrum figure = {.title = title, .subtitle = subtitle};
    if (d) {
        tw_density_opts even = tw_density_defaults();
        even.bins = 400;
        even.width = 0.004 * (d->edge[d->bins] - d->edge[0]);
        even.confidence = d->confidence;
        TW_TRY(tw_density_rebin(d, &even, &linear));
        TW_TRY(tw_alloc(4 * (d->bins + linear->bins), sizeof *room, &room));
        figure.confidence = d->confidence;
        figure.threshold = d->linear;
        if (d->symlog) density_over(d, true, room, &figure.log);
        density_over(linear, false, room + 4 * d->bins, &figure.linear);
    }
    if (f->eigs) {
        figure.pairs = f->eigs->count;
        figure.value = f->eigs->value;
        figure.residual = f->eigs->residual;
        figure.converged = f->eigs->converged;
    }
    TW_TRY(tw_figure_draw_spectrum(&figure, path, csv));
done:
    tw_density_free(linear);
    free(room);
    return st;
}
