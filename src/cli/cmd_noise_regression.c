// SPDX-License-Identifier: MIT
// thalweg noise regression: theory lines beside simulated SGD on linear regression.
//
// The quantity is Tr[A Sigma], twice the excess loss; A the observed features' second moment (plus input noise).
#include "cli/show.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "report/figure.h"
#include "sim/regression.h"
#include "thalweg/theory_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EXACT, DT, CT, CT_MINIBATCH, SIMULATED, ERROR, LINES };
static const char *const line_name[LINES] = {"exact",        "dt_hessian", "ct_hessian",
                                             "ct_minibatch", "simulated",  "standard_error"};

typedef struct setting {
    const char *problem, *sweep;
    int64_t D, S, N, replicas, steps;
    double top, bottom, lambda, mu, sigma2, input, l2;
    uint64_t seed;
} setting;

typedef struct point {
    double at, line[LINES]; // NaN: not defined there
    tw_noise_status status;
    int64_t diverged;
} point;

// Everything one point needs: diagonal features, a scalar or Newton step, a data set when asked for.
typedef struct problem {
    double *block, *A, *B, *Gamma, *Lambda, *root_A, *root_B, *u, *w0, *a, *law, *X, *y;
    double step; // the scalar in Lambda = step I or step A^-1
    bool newton;
} problem;

static bool is(const setting *s, const char *name) { return strcmp(s->problem, name) == 0; }

static tw_status build(const setting *s, problem *p)
{
    tw_status st = TW_OK;
    int64_t D = s->D, DD = D * D;
    TW_TRY(tw_alloc(6 * DD + 7 * D, sizeof(double), &p->block));
    double *at = p->block;
    double **square[] = {&p->A, &p->B, &p->Gamma, &p->Lambda, &p->root_A, &p->root_B};
    for (int i = 0; i < 6; i++, at += DD) *square[i] = at;
    p->u = at;
    p->w0 = at + D;
    p->a = at + 2 * D;
    p->law = at + 3 * D;
    p->newton = is(s, "newton") || is(s, "natural");
    p->step = s->lambda;
    for (int64_t i = 0; i < D; i++) {
        p->a[i] = D == 1 ? s->top : s->top * pow(s->bottom / s->top, (double)i / (double)(D - 1));
        p->A[i * D + i] = p->a[i];
        p->root_A[i * D + i] = sqrt(p->a[i]);
        if (is(s, "input")) p->B[i * D + i] = s->input;
        p->root_B[i * D + i] = sqrt(p->B[i * D + i]);
        if (is(s, "l2") || s->l2 != 0) p->Gamma[i * D + i] = s->l2;
        p->u[i] = 1 / sqrt((double)D);
    }
    if (is(s, "natural")) {
        tw_noise_ngd found;
        double *scratch = NULL;
        TW_TRY(tw_alloc(2 * DD, sizeof *scratch, &scratch));
        st = tw_noise_natural_gradient(D, p->A, s->lambda, s->S, s->mu, s->sigma2, &found, scratch, scratch + DD);
        free(scratch);
        if (st != TW_OK) goto done;
        p->step = found.l;
    }
    for (int64_t i = 0; i < D; i++) p->Lambda[i * D + i] = p->newton ? p->step / p->a[i] : p->step;
    if (is(s, "data")) {
        TW_TRY(tw_alloc(s->N * D, sizeof *p->X, &p->X));
        TW_TRY(tw_alloc(s->N, sizeof *p->y, &p->y));
        for (int64_t i = 0; i < s->N; i++) {
            tw_rng rng = tw_rng_at(s->seed, TW_RNG_GENERATE, (uint64_t)i);
            for (int64_t j = 0; j < D; j++) {
                p->X[i * D + j] = sqrt(p->a[j]) * tw_rng_normal(&rng);
                p->y[i] += p->u[j] * p->X[i * D + j];
            }
            p->y[i] += sqrt(s->sigma2) * tw_rng_normal(&rng);
        }
    }
done:
    return st;
}

static void drop(problem *p)
{
    free(p->block);
    free(p->X);
    free(p->y);
    *p = (problem){0};
}

static tw_status solve(const setting *s, const problem *p, tw_noise_law **law)
{
    tw_noise_opts opts = tw_noise_defaults();
    if (is(s, "data")) {
        tw_noise_data in = {.N = s->N,
                            .D = s->D,
                            .S = s->S,
                            .mu = s->mu,
                            .X = p->X,
                            .y = p->y,
                            .Gamma = p->Gamma,
                            .Lambda = p->Lambda,
                            .w0 = p->w0,
                            .replacement = true};
        return tw_noise_solve_data(&in, &opts, law);
    }
    tw_noise_population in = {.D = s->D,
                              .S = s->S,
                              .mu = s->mu,
                              .A = p->A,
                              .B = p->B,
                              .Gamma = p->Gamma,
                              .Lambda = p->Lambda,
                              .u = p->u,
                              .w0 = p->w0,
                              .sigma2 = s->sigma2,
                              .c1 = 2,
                              .c2 = 1};
    return tw_noise_solve_population(&in, &opts, law);
}

// Section 15 of the paper's approximations, where they are defined: streaming data, no L2. A Newton step sees features
// that are white.
static tw_status approximate(const setting *s, const problem *p, double res2, point *out)
{
    tw_status st = TW_OK;
    int64_t D = s->D;
    double *white = p->law + 3 * D;
    tw_noise_lines lines;
    double *law = NULL;
    if (is(s, "data") || s->l2 != 0) return TW_OK;
    TW_TRY(tw_alloc(4 * D, sizeof *law, &law));
    for (int64_t i = 0; i < D; i++) white[i] = p->newton ? 1 : p->a[i] + p->B[i * D + i];
    TW_TRY(tw_noise_label(D, white, p->step, s->S, s->mu, res2, 2, 1, &lines, law));
    for (int k = DT; k <= CT_MINIBATCH; k++) {
        if (k == CT_MINIBATCH && !lines.ct_minibatch) continue;
        out->line[k] = 0;
        for (int64_t i = 0; i < D; i++) out->line[k] += white[i] * law[k * D + i];
    }
done:
    free(law);
    return st;
}

static tw_status simulate(const setting *s, const problem *p, const tw_noise_law *exact, const tw_progress *progress,
                          point *out)
{
    tw_status st = TW_OK;
    tw_regression_law *law = NULL;
    int64_t D = s->D, burn = (int64_t)ceil(fmin(25 / (1 - exact->rho), 1e9));
    double *weight = NULL;
    if (D == 1 && !is(s, "data")) {
        double a = p->A[0] + p->B[0], best = p->A[0] * p->u[0] / a, delta = exact->w_star[0] - best;
        tw_regression_one in = {.S = s->S,
                                .replicas = s->replicas,
                                .burn = burn,
                                .steps = s->steps,
                                .a = a,
                                .s = sqrt(fmax(0, exact->res2 - a * delta * delta)),
                                .lambda = p->Lambda[0],
                                .mu = s->mu,
                                .gamma = p->Gamma[0],
                                .delta = delta,
                                .seed = s->seed};
        TW_TRY(tw_regression_run_one(&in, a, progress, NULL, &law));
    } else {
        TW_TRY(tw_alloc(D * D, sizeof *weight, &weight));
        for (int64_t i = 0; i < D * D; i++) weight[i] = p->A[i] + p->B[i];
        if (is(s, "data")) {
            for (int64_t i = 0; i < D * D; i++) weight[i] = 0;
            for (int64_t n = 0; n < s->N; n++)
                for (int64_t i = 0; i < D; i++)
                    for (int64_t j = 0; j < D; j++)
                        weight[i * D + j] += p->X[n * D + i] * p->X[n * D + j] / (double)s->N;
        }
        tw_regression_many in = {.D = D,
                                 .S = s->S,
                                 .N = is(s, "data") ? s->N : 0,
                                 .replicas = s->replicas,
                                 .burn = burn,
                                 .steps = s->steps,
                                 .mu = s->mu,
                                 .sigma = sqrt(s->sigma2),
                                 .root_A = p->root_A,
                                 .root_B = is(s, "input") ? p->root_B : NULL,
                                 .u = p->u,
                                 .X = p->X,
                                 .y = p->y,
                                 .Gamma = p->Gamma,
                                 .Lambda = p->Lambda,
                                 .start = exact->w_star,
                                 .centre = exact->w_star,
                                 .replacement = true,
                                 .seed = s->seed};
        TW_TRY(tw_regression_run_many(&in, weight, progress, NULL, &law));
    }
    out->diverged = law->diverged;
    out->line[SIMULATED] = law->mean;
    out->line[ERROR] = law->mean_error;
done:
    tw_regression_law_free(law);
    free(weight);
    return st;
}

static tw_status at_point(const setting *s, double at, const tw_progress *progress, point *out)
{
    tw_status st = TW_OK;
    problem p = {0};
    tw_noise_law *law = NULL;
    out->at = at;
    for (int k = 0; k < LINES; k++) out->line[k] = NAN;
    TW_TRY(build(s, &p));
    TW_TRY(solve(s, &p, &law));
    out->status = law->status;
    // Without label noise the natural step is the stability limit itself, for every lambda.
    if (is(s, "natural") && s->sigma2 == 0) out->status = TW_NOISE_MARGINAL;
    if (out->status == TW_NOISE_STABLE) {
        out->line[EXACT] = law->tr_AoSigma;
        TW_TRY(approximate(s, &p, law->res2, out));
        TW_TRY(simulate(s, &p, law, progress, out));
    }
done:
    tw_noise_law_free(law);
    drop(&p);
    return st;
}

static void show_cell(double x)
{
    if (isfinite(x))
        printf(" %12.6g", x);
    else
        printf(" %12s", "-");
}

static tw_status show_point(bool json, const point *v, json_t *rows)
{
    json_t *row = json_object();
    json_object_set_new(row, "at", json_real(v->at));
    json_object_set_new(row, "status", json_string(tw_noise_status_name(v->status)));
    for (int k = 0; k < LINES; k++) json_object_set_new(row, line_name[k], tw_json_real(v->line[k]));
    for (int k = 0; k < SIMULATED; k++) { // relative error of each theory against the simulation
        char name[64];
        snprintf(name, sizeof name, "relative_error_%s", line_name[k]);
        double off = v->line[SIMULATED] > 0 ? v->line[k] / v->line[SIMULATED] - 1 : NAN;
        json_object_set_new(row, name, tw_json_real(off));
    }
    json_object_set_new(row, "diverged", json_integer(v->diverged));
    json_array_append_new(rows, row);
    if (json) return TW_OK;
    printf("%12.6g", v->at);
    for (int k = 0; k < LINES; k++) show_cell(v->line[k]);
    if (v->status != TW_NOISE_STABLE)
        printf("  %s", tw_noise_status_name(v->status));
    else if (v->line[EXACT] < 1e-12) // weights are simulated in float: below (6e-8)^2 of their squares there is nothing
        printf("  interpolates, to float rounding");
    else if (v->line[ERROR] > 0)
        printf("  %+.2f", (v->line[SIMULATED] - v->line[EXACT]) / v->line[ERROR]);
    printf("\n");
    return TW_OK;
}

static tw_status draw(const tw_args *args, const setting *s, int64_t points, const point *v)
{
    tw_status st = TW_OK;
    const char *panel[] = {"Tr[A Sigma]"};
    tw_figure_curve curve[SIMULATED + 1];
    double *block = NULL;
    if (!tw_args_str(args, "figure")) return TW_OK;
    TW_TRY(tw_alloc((SIMULATED + 2) * points, sizeof *block, &block));
    for (int k = 0; k <= SIMULATED; k++) {
        curve[k] = (tw_figure_curve){.name = line_name[k], .y = block + k * points};
        for (int64_t i = 0; i < points; i++) block[k * points + i] = v[i].line[k];
    }
    double *x = block + (SIMULATED + 1) * points;
    for (int64_t i = 0; i < points; i++) x[i] = v[i].at;
    tw_figure_curves figure = {.title = "Minibatch noise in linear regression",
                               .subtitle = s->problem,
                               .axis = s->sweep,
                               .panels = 1,
                               .panel = panel,
                               .points = points,
                               .x = x,
                               .count = SIMULATED + 1,
                               .curve = curve};
    TW_TRY(tw_figure_draw_curves(&figure, tw_args_str(args, "figure"), tw_args_str(args, "csv")));
done:
    free(block);
    return st;
}

static tw_status read_setting(const tw_args *args, setting *s)
{
    tw_status st = TW_OK;
    s->problem = tw_args_str(args, "problem");
    s->sweep = tw_args_str(args, "sweep");
    TW_TRY(tw_args_int(args, "dim", 1, 256, &s->D));
    TW_TRY(tw_args_int(args, "batch", 1, INT32_MAX, &s->S));
    TW_TRY(tw_args_int(args, "data-size", 1, INT32_MAX, &s->N));
    TW_TRY(tw_args_int(args, "replicas", 16, (int64_t)1 << 32, &s->replicas));
    TW_TRY(tw_args_int(args, "steps", 2, (int64_t)1 << 40, &s->steps));
    TW_TRY(tw_args_real(args, "top", 1e-100, 1e100, &s->top));
    TW_TRY(tw_args_real(args, "bottom", 1e-100, 1e100, &s->bottom));
    TW_TRY(tw_args_real(args, "lr", 1e-100, 1e100, &s->lambda));
    TW_TRY(tw_args_real(args, "momentum", 0, 1 - 1e-12, &s->mu));
    TW_TRY(tw_args_real(args, "label-noise", 0, 1e100, &s->sigma2));
    TW_TRY(tw_args_real(args, "input-noise", 0, 1e100, &s->input));
    TW_TRY(tw_args_real(args, "decay", -1e100, 1e100, &s->l2));
    TW_TRY(tw_args_seed(args, "seed", &s->seed));
done:
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    setting s = {0};
    int64_t points = 1;
    double from = 0, to = 0;
    point *v = NULL;
    bool json = tw_args_flag(args, "json");
    json_t *result = json_object(), *rows = json_array();
    tw_progress progress = tw_show_progress(args);

    TW_TRY(read_setting(args, &s));
    TW_TRY(tw_args_int(args, "points", 1, 10000, &points));
    TW_TRY(tw_args_real(args, "from", -1e100, 1e100, &from));
    TW_TRY(tw_args_real(args, "to", -1e100, 1e100, &to));
    TW_TRY(tw_alloc(points, sizeof *v, &v));
    if (!json) {
        printf("Tr[A Sigma], %s, %" PRId64 " replicas x %" PRId64 " steps\n%12s", s.problem, s.replicas, s.steps,
               s.sweep);
        for (int k = 0; k < LINES; k++) printf(" %12.12s", line_name[k]);
        printf("  (simulated - exact) / error\n");
    }
    for (int64_t i = 0; i < points; i++) {
        setting here = s;
        double at = points == 1 ? from : from + (to - from) * (double)i / (double)(points - 1);
        if (strcmp(s.sweep, "batch") == 0) {
            at = tw_args_flag(args, "from") ? round(at) : (double)s.S;
            if (at < 1) {
                st = tw_fail(TW_EINVAL, "--from, --to: found batch %g, expected at least 1", at);
                goto done;
            }
            here.S = (int64_t)at;
        } else if (strcmp(s.sweep, "lr") == 0) {
            here.lambda = at = tw_args_flag(args, "from") ? at : s.lambda;
        } else {
            here.l2 = at = tw_args_flag(args, "from") ? at : s.l2;
        }
        TW_TRY(at_point(&here, at, &progress, &v[i]));
        tw_show_progress_end();
        TW_TRY(show_point(json, &v[i], rows));
    }
    TW_TRY(draw(args, &s, points, v));
    json_object_set_new(result, "problem", json_string(s.problem));
    json_object_set_new(result, "sweep", json_string(s.sweep));
    json_object_set(result, "points", rows);
    TW_TRY(tw_show_provenance(args, result));
    if (json) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(rows);
    json_decref(result);
    free(v);
    return st;
}

static const tw_flag flags[] = {
    {.name = "problem",
     .value = "NAME",
     .fallback = "label",
     .text = "what makes the noise",
     .choices = "label|input|l2|data|newton|natural"},
    {.name = "dim", .value = "D", .fallback = "1", .text = "number of parameters"},
    {.name = "top", .value = "X", .fallback = "1", .text = "largest feature variance"},
    {.name = "bottom",
     .value = "X",
     .fallback = "1",
     .text = "smallest; those between are evenly spaced in the logarithm"},
    {.name = "lr", .value = "X", .fallback = "0.5", .text = "step; newton: times A^-1; natural: of J^-1"},
    {.name = "batch", .value = "S", .fallback = "10", .text = "batch size"},
    {.name = "momentum", .value = "MU", .fallback = "0", .text = "momentum"},
    {.name = "label-noise", .value = "X", .fallback = "1", .text = "variance of the label noise"},
    {.name = "input-noise", .value = "X", .fallback = "0.5", .text = "variance of the input noise (--problem input)"},
    {.name = "decay", .value = "X", .fallback = "0", .text = "L2 strength, negative allowed"},
    {.name = "data-size",
     .value = "N",
     .fallback = "100",
     .text = "samples of --problem data; below --dim it interpolates"},
    {.name = "sweep",
     .value = "WHAT",
     .fallback = "batch",
     .text = "what varies from row to row",
     .choices = "batch|lr|decay"},
    {.name = "from", .value = "X", .text = "first value of the sweep; without it, the one value given"},
    {.name = "to", .value = "X", .text = "last value of the sweep"},
    {.name = "points", .value = "N", .fallback = "1", .text = "rows"},
    {.name = "replicas", .value = "N", .fallback = "2048", .text = "independent simulations, a multiple of 16"},
    {.name = "steps", .value = "N", .fallback = "4000", .text = "steps kept of each, after 25/(1 - rho) of burn-in"},
    {0},
};

const tw_command tw_cmd_noise_regression = {
    .name = "noise regression",
    .summary = "theory of minibatch noise beside simulated SGD on linear regression",
    .about = "Tr[A Sigma] (twice the excess loss) of momentum SGD: the exact theory, the Hessian approximation in\n"
             "discrete and continuous time, continuous time with the exact noise, and a simulation with its standard\n"
             "error from independent replicas. Unstable rows say so and are not simulated.",
    .example = "thalweg noise regression --sweep lr --from 0.1 --to 1.5 --points 4 --replicas 512 --steps 1000",
    .uses = TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
