// SPDX-License-Identifier: MIT
// thalweg noise tail: the tail index of the stationary law, from theory and from simulated replicas.
#include "cli/show.h"

#include "base/alloc.h"
#include "sim/regression.h"
#include "thalweg/theory_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static tw_status simulate(const tw_args *args, double z, int64_t S, int64_t replicas, int64_t steps, int64_t k,
                          tw_hill *hill)
{
    tw_status st = TW_OK;
    tw_regression_law *law = NULL;
    float *last = NULL;
    uint64_t seed = 0;
    tw_progress progress = tw_show_progress(args);
    TW_TRY(tw_args_seed(args, "seed", &seed));
    TW_TRY(tw_alloc(replicas, sizeof *last, &last));
    tw_regression_one in = {
        .S = S, .replicas = replicas, .burn = steps, .steps = 2, .a = 1, .s = 1, .lambda = z, .seed = seed};
    TW_TRY(tw_regression_run_one(&in, 1, &progress, last, &law));
    TW_TRY(tw_hill_estimate(replicas, last, k, hill));
done:
    tw_regression_law_free(law);
    free(last);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    int64_t S = 1, replicas = 0, steps = 0, k = 0;
    double a = 1, lambda = 0;
    tw_noise_tail tail;
    tw_hill hill;
    bool json = tw_args_flag(args, "json");
    json_t *result = json_object();

    TW_TRY(tw_args_int(args, "batch", 1, INT32_MAX, &S));
    TW_TRY(tw_args_real(args, "a", 1e-100, 1e100, &a));
    TW_TRY(tw_args_real(args, "lr", 1e-100, 1e100, &lambda));
    TW_TRY(tw_args_int(args, "replicas", 0, (int64_t)1 << 32, &replicas));
    TW_TRY(tw_args_int(args, "steps", 1, (int64_t)1 << 40, &steps));
    TW_TRY(tw_args_int(args, "largest", 2, (int64_t)1 << 32, &k));
    TW_TRY(tw_noise_tail_index(a, lambda, S, 1, &tail));
    json_object_set_new(result, "status", json_string(tw_noise_status_name(tail.status)));
    json_object_set_new(result, "beta_exact", tail.has_exact ? json_real(tail.beta_exact) : json_null());
    json_object_set_new(result, "beta_moment", json_real(tail.beta_moment));
    json_object_set_new(result, "beta_continuous", json_real(tail.beta_continuous));
    json_object_set_new(result, "log_mean", json_real(tail.log_mean));
    if (!json) {
        printf("P(|w| > v) ~ v^-beta at a lambda = %g, batch %" PRId64 ": %s\n", a * lambda, S,
               tw_noise_status_name(tail.status));
        if (tail.has_exact) printf("  exact            %10.6f\n", tail.beta_exact);
        printf("  moment matching  %10.6f\n  continuous time  %10.6f\n", tail.beta_moment, tail.beta_continuous);
    }
    if (replicas > 0 && tail.has_exact) {
        TW_TRY(simulate(args, a * lambda, S, replicas, steps, k, &hill));
        json_object_set_new(result, "simulated",
                            json_pack("{s:f, s:f, s:f, s:I}", "beta", hill.beta, "low", hill.low, "high", hill.high,
                                      "largest", (json_int_t)hill.k));
        tw_show_progress_end();
        if (!json)
            printf("  simulated        %10.6f   95 %% interval %.6f to %.6f (Hill, %" PRId64 " largest of %" PRId64
                   " replicas)\n",
                   hill.beta, hill.low, hill.high, hill.k, replicas);
    }
    TW_TRY(tw_show_provenance(args, result));
    if (json) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

static const tw_flag flags[] = {
    {.name = "lr", .value = "X", .text = "step", .required = true},
    {.name = "batch", .value = "S", .fallback = "1", .text = "batch size"},
    {.name = "a", .value = "X", .fallback = "1", .text = "variance of the feature"},
    {.name = "replicas",
     .value = "N",
     .fallback = "200000",
     .text = "simulated replicas, a multiple of 16; 0: theory only"},
    {.name = "steps", .value = "N", .fallback = "500", .text = "steps before a replica is looked at"},
    {.name = "largest", .value = "K", .fallback = "500", .text = "order statistics in Hill's estimate"},
    {0},
};

const tw_command tw_cmd_noise_tail = {
    .name = "noise tail",
    .summary = "the tail index of SGD's stationary law, theory and simulation",
    .about = "One-dimensional linear regression on Gaussian features: the exact index (Kesten), the moment match\n"
             "2S/z - S and the continuous-time 2S/z + 1, beside Hill's estimate from independent replicas with its\n"
             "95 % interval. The interval is of the k largest alone: a tail that is not yet a power biases it.",
    .example = "thalweg noise tail --lr 1 --batch 4 --replicas 20000 --largest 200",
    .flags = flags,
    .run = run,
};
