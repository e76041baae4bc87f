// SPDX-License-Identifier: MIT
// Replicas of SGD on linear regression, dealt to threads in groups of sixteen, and their means with standard errors.
#include "sim/regression_lanes.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/shards.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#ifdef TW_X86
const tw_regression_lanes *tw_regression_best(void)
{
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
    return wide ? &tw_regression_avx512 : &tw_regression_plain;
}
#else
const tw_regression_lanes *tw_regression_best(void) { return &tw_regression_plain; }
#endif

enum { LANES = 16 };

typedef struct job {
    const tw_regression_one *one;
    const tw_regression_many *many;
    const tw_regression_lanes *lanes;
    tw_mean_square fit;
    int64_t D;
    double *moments; // [groups][D][D][LANES]
    float *last;     // [replicas]
    const tw_progress *progress;
    int64_t groups, done;
} job;

static tw_status run_group(void *ctx, int64_t group, int thread)
{
    tw_status st = TW_OK;
    job *j = ctx;
    double *moments = j->moments + group * j->D * j->D * LANES;
    float *last = j->last + group * LANES;
    if (j->one)
        j->lanes->one(j->one, &j->fit, group * LANES, moments, last);
    else
        TW_TRY(j->lanes->many(j->many, group * LANES, moments, last));
    int64_t done;
#pragma omp atomic capture
    done = ++j->done;
    if (thread == 0 && j->progress && j->progress->tick &&
        !j->progress->tick(j->progress->ctx, "groups of 16 replicas", (double)done, (double)j->groups))
        st = tw_fail(TW_ESTOPPED, "stopped after %" PRId64 " of %" PRId64 " groups of replicas", done, j->groups);
done:
    return st;
}

// Mean and its standard error over the replicas that stayed finite.
static void mean_of(int64_t n, const double *x, const bool *lost, double *mean, double *error)
{
    double sum = 0, square = 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (!lost[i]) {
            sum += x[i];
            kept++;
        }
    *mean = kept ? sum / (double)kept : 0;
    for (int64_t i = 0; i < n; i++)
        if (!lost[i]) square += (x[i] - *mean) * (x[i] - *mean);
    *error = kept > 1 ? sqrt(square / (double)(kept - 1) / (double)kept) : 0;
}

static tw_status gather(const job *j, int64_t replicas, const double *weight, tw_regression_law **out)
{
    tw_status st = TW_OK;
    tw_regression_law *law = NULL;
    bool *lost = NULL;
    double *x = NULL, *sum = NULL;
    int64_t cells = j->D * j->D;
    TW_TRY(tw_alloc(1, sizeof *law, &law));
    TW_TRY(tw_alloc(cells, sizeof *law->Sigma, &law->Sigma));
    TW_TRY(tw_alloc(cells, sizeof *law->error, &law->error));
    TW_TRY(tw_alloc(replicas, sizeof *lost, &lost));
    TW_TRY(tw_alloc(replicas, sizeof *x, &x));
    TW_TRY(tw_alloc(replicas, sizeof *sum, &sum));
    law->D = j->D;
    law->replicas = replicas;
    for (int64_t k = 0; k < cells; k++)
        for (int64_t i = 0; i < replicas; i++) {
            double value = j->moments[(i / LANES * cells + k) * LANES + i % LANES];
            if (!isfinite(value)) lost[i] = true;
        }
    for (int64_t i = 0; i < replicas; i++) law->diverged += lost[i];
    for (int64_t k = 0; k < cells; k++) {
        for (int64_t i = 0; i < replicas; i++) {
            x[i] = j->moments[(i / LANES * cells + k) * LANES + i % LANES];
            sum[i] += weight[k] * x[i];
        }
        mean_of(replicas, x, lost, &law->Sigma[k], &law->error[k]);
    }
    mean_of(replicas, sum, lost, &law->mean, &law->mean_error);
    *out = law;
    law = NULL;
done:
    tw_regression_law_free(law);
    free(lost);
    free(x);
    free(sum);
    return st;
}

static tw_status check(int64_t S, int64_t replicas, int64_t burn, int64_t steps, double mu)
{
    if (S < 1) return tw_fail(TW_EINVAL, "batch: found %" PRId64 ", expected at least 1", S);
    if (replicas < LANES || replicas % LANES != 0)
        return tw_fail(TW_EINVAL, "replicas: found %" PRId64 ", expected a multiple of 16", replicas);
    if (burn < 0 || steps < 1)
        return tw_fail(TW_EINVAL, "burn, steps: found %" PRId64 ", %" PRId64 ", expected at least 0 and 1", burn,
                       steps);
    if (!(mu >= 0 && mu < 1)) return tw_fail(TW_EINVAL, "momentum: found %g, expected a number in [0, 1)", mu);
    return TW_OK;
}

static tw_status run(job *j, int64_t replicas, const double *weight, float *last, tw_regression_law **out)
{
    tw_status st = TW_OK;
    float *own = NULL;
    TW_TRY(tw_alloc(replicas * j->D * j->D, sizeof *j->moments, &j->moments));
    TW_TRY(tw_alloc(replicas, sizeof *own, &own));
    j->last = last ? last : own;
    j->groups = replicas / LANES;
    TW_TRY(tw_shards_run_dealt(j->groups, run_group, j));
    const int64_t cells = j->D * j->D * (int64_t)sizeof *j->moments, one = sizeof *j->last;
    TW_TRY(tw_ranks_gather(j->groups, LANES * cells, replicas * cells, j->moments));
    TW_TRY(tw_ranks_gather(j->groups, LANES * one, replicas * one, j->last));
    TW_TRY(gather(j, replicas, weight, out));
    if (last)
        for (int64_t i = 0; i < replicas; i++) last[i] = fabsf(last[i]);
done:
    free(j->moments);
    free(own);
    return st;
}

tw_status tw_regression_run_one(const tw_regression_one *in, double weight, const tw_progress *progress, float *last,
                                tw_regression_law **out)
{
    tw_status st = check(in->S, in->replicas, in->burn, in->steps, in->mu);
    if (st != TW_OK) return st;
    tw_regression_one even = *in;
    const int64_t whole = in->S == 1 ? 4 : in->S == 2 ? 16 : 8; // steps drawn at once
    even.burn += (whole - even.burn % whole) % whole;
    even.steps += (whole - even.steps % whole) % whole;
    job j = {.one = &even, .lanes = tw_regression_best(), .D = 1, .progress = progress};
    if (in->S > 2) {
        st = tw_mean_square_fit(in->S, &j.fit);
        if (st != TW_OK) return st;
    }
    return run(&j, in->replicas, &weight, last, out);
}

tw_status tw_regression_run_many(const tw_regression_many *in, const double *weight, const tw_progress *progress,
                                 float *last, tw_regression_law **out)
{
    tw_status st = check(in->S, in->replicas, in->burn, in->steps, in->mu);
    if (st != TW_OK) return st;
    if (in->N < 0 || in->N > INT32_MAX || (in->N && !in->replacement && in->S > in->N))
        return tw_fail(TW_EINVAL, "batch: found %" PRId64 ", expected at most the %" PRId64 " samples", in->S, in->N);
    job j = {.many = in, .lanes = tw_regression_best(), .D = in->D, .progress = progress};
    return run(&j, in->replicas, weight, last, out);
}

void tw_regression_law_free(tw_regression_law *law)
{
    if (!law) return;
    free(law->Sigma);
    free(law->error);
    free(law);
}

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

tw_status tw_hill_estimate(int64_t n, float *x, int64_t k, tw_hill *out)
{
    if (k < 2 || k >= n) return tw_fail(TW_EINVAL, "k: found %" PRId64 ", expected 2 ... %" PRId64, k, n - 1);
    qsort(x, (size_t)n, sizeof *x, descending);
    if (!(x[k] > 0) || !isfinite(x[0]))
        return tw_fail(TW_ENUMERIC, "magnitudes: found %g to %g, expected positive finite numbers", (double)x[k],
                       (double)x[0]);
    double sum = 0;
    for (int64_t i = 0; i < k; i++) sum += log((double)x[i] / (double)x[k]);
    double beta = (double)k / sum, half = 1.96 / sqrt((double)k);
    *out = (tw_hill){beta, beta * (1 - half), beta * (1 + half), k};
    return TW_OK;
}
