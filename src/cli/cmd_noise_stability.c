// SPDX-License-Identifier: MIT
// thalweg noise stability: how large a step can be, and how far batch and step can be scaled together.
//
// Label noise on Gaussian features with eigenvalues a: Sigma depends on the batch only through lambda/S and lambda
// (docs/noise.md, "Linear scaling"), so from a reference (step, batch) the rule lambda -> c lambda, S -> c S changes
// Sigma by an error that grows with c above 1 and below; the factor where it reaches a given size is found by
// bisection.
#include "cli/show.h"

#include "base/alloc.h"
#include "thalweg/theory_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

// The factor c > 1 (up) or c < 1 at which the relative change of Sigma reaches the limit; 0: never.
static tw_status scaling_break(int64_t D, const double *a, double lambda, double S, double mu, double limit, bool up,
                               double *factor)
{
    tw_status st = TW_OK;
    double kept = 1, broken = up ? 0x1p40 : 1 / S; // a batch is at least 1
    bool ok;
    double error;
    *factor = 0;
    if (broken >= 1 && !up) return TW_OK;
    TW_TRY(tw_noise_scaling_error(D, a, lambda, S, mu, broken, &ok, &error));
    if (ok && error <= limit) return TW_OK;
    for (int i = 0; i < 200 && fabs(broken - kept) > 1e-12 * kept; i++) {
        double middle = sqrt(kept * broken);
        TW_TRY(tw_noise_scaling_error(D, a, lambda, S, mu, middle, &ok, &error));
        if (ok && error <= limit)
            kept = middle;
        else
            broken = middle;
    }
    *factor = kept;
done:
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    int64_t dims = 1, largest = 4096, S = 1;
    double mu = 0, top = 1, bottom = 1, lambda = 0, limit = 10, *a = NULL;
    bool json = tw_args_flag(args, "json");
    json_t *result = json_object(), *table = json_array();

    TW_TRY(tw_args_int(args, "dim", 1, 1000000, &dims));
    TW_TRY(tw_args_int(args, "max-batch", 1, INT32_MAX, &largest));
    TW_TRY(tw_args_int(args, "batch", 1, INT32_MAX, &S));
    TW_TRY(tw_args_real(args, "momentum", 0, 1 - 1e-12, &mu));
    TW_TRY(tw_args_real(args, "top", 1e-100, 1e100, &top));
    TW_TRY(tw_args_real(args, "bottom", 0, 1e100, &bottom));
    TW_TRY(tw_args_real(args, "percent", 1e-9, 1e6, &limit));
    TW_TRY(tw_alloc(dims, sizeof *a, &a));
    for (int64_t i = 0; i < dims; i++) // evenly spaced in the logarithm
        a[i] = dims == 1 ? top : top * pow(bottom / top, (double)i / (double)(dims - 1));
    if (!json) printf("%10s  %14s  %14s\n", "batch", "largest step", "step / batch");
    for (int64_t batch = 1; batch <= largest; batch *= 2) {
        double step;
        TW_TRY(tw_noise_step_max(dims, a, batch, mu, 2, 1, &step));
        json_array_append_new(table, json_pack("{s:I, s:f}", "batch", (json_int_t)batch, "lambda_max", step));
        if (!json) printf("%10" PRId64 "  %14.6g  %14.6g\n", batch, step, step / (double)batch);
    }
    json_object_set(result, "largest_step", table);
    json_object_set_new(result, "gradient_descent_limit", tw_json_real(2 * (1 + mu) / top));
    if (!json) printf("%10s  %14.6g\n", "full", 2 * (1 + mu) / top);
    if (tw_args_flag(args, "lr")) {
        double up, down;
        TW_TRY(tw_args_real(args, "lr", 1e-100, 1e100, &lambda));
        TW_TRY(scaling_break(dims, a, lambda, (double)S, mu, limit / 100, true, &up));
        TW_TRY(scaling_break(dims, a, lambda, (double)S, mu, limit / 100, false, &down));
        bool ok;
        double error;
        TW_TRY(tw_noise_scaling_error(dims, a, lambda, (double)S, mu, 1, &ok, &error));
        json_object_set_new(result, "reference_stable", json_boolean(ok));
        json_object_set_new(result, "scale_up", ok && up > 0 ? json_real(up) : json_null());
        json_object_set_new(result, "scale_down", ok && down > 0 ? json_real(down) : json_null());
        if (!json && !ok) printf("\nThe reference, step %g at batch %" PRId64 ", is itself unstable.\n", lambda, S);
        if (!json && ok) {
            printf("\nBatch and step scaled together from batch %" PRId64 ", step %g, change the covariance by %g %%\n",
                   S, lambda, limit);
            if (up > 0)
                printf("  above batch %.6g, step %.6g\n", (double)S * up, lambda * up);
            else
                printf("  at no larger batch\n");
            if (down > 0)
                printf("  below batch %.6g, step %.6g\n", (double)S * down, lambda * down);
            else
                printf("  at no smaller batch\n");
        }
        if (!ok) tw_show_shortfall("the reference step is unstable");
    }
    TW_TRY(tw_show_provenance(args, result));
    if (json) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(table);
    json_decref(result);
    free(a);
    return st;
}

static const tw_flag flags[] = {
    {.name = "dim", .value = "D", .fallback = "1", .text = "number of parameters"},
    {.name = "top", .value = "X", .fallback = "1", .text = "largest eigenvalue of the Hessian"},
    {.name = "bottom",
     .value = "X",
     .fallback = "1",
     .text = "smallest; those between are evenly spaced in the logarithm"},
    {.name = "momentum", .value = "MU", .fallback = "0", .text = "momentum, not divided into the step"},
    {.name = "max-batch", .value = "S", .fallback = "4096", .text = "last row of the table"},
    {.name = "lr", .value = "X", .text = "reference step: how far can it be scaled with the batch?"},
    {.name = "batch", .value = "S", .fallback = "32", .text = "reference batch"},
    {.name = "percent", .value = "P", .fallback = "10", .text = "change of the covariance that breaks the rule"},
    {0},
};

const tw_command tw_cmd_noise_stability = {
    .name = "noise stability",
    .summary = "the largest stable step, and how far batch and step scale together",
    .about = "For linear regression on Gaussian features with label noise: the step above which the second moments\n"
             "of SGD grow without bound, by batch size; and, from a reference step and batch, the factor at which\n"
             "scaling both changes the stationary covariance by a given percentage. Exact (docs/noise.md).",
    .example = "thalweg noise stability --dim 10 --bottom 0.1 --momentum 0.9 --lr 0.01 --batch 32",
    .flags = flags,
    .run = run,
};
