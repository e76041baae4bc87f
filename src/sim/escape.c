// SPDX-License-Identifier: MIT
// Escapes dealt to threads in groups of replicas.
#include "sim/escape_lanes.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/shards.h"
#include <inttypes.h>
#include <math.h>

// Replicas of a group: enough that lanes waiting for the last one cost little, few enough for several threads. A
// function of their number alone.
static int64_t group_size(int64_t replicas)
{
    int64_t eighth = (replicas + 127) / 128 * 16;
    return eighth > 512 ? 512 : eighth;
}

#ifdef TW_X86
static const tw_escape_lanes *best(void)
{
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
    return wide ? &tw_escape_avx512 : &tw_escape_plain;
}
#else
static const tw_escape_lanes *best(void) { return &tw_escape_plain; }
#endif

const char *tw_escape_lanes_name(void) { return best()->name; }

typedef struct job {
    const tw_escape_chain_spec *chain;
    int64_t replicas, group, groups, max_steps, done;
    int64_t *steps;
    bool *escaped;
    float *x; // [threads][16 n]
    const tw_progress *progress;
} job;

static tw_status run_group(void *ctx, int64_t group, int thread)
{
    job *j = ctx;
    int64_t first = group * j->group, left = j->replicas - first, done;
    best()->group(j->chain, first, left < j->group ? left : j->group, j->max_steps, j->x + thread * 16 * j->chain->n,
                  j->steps + first, j->escaped + first);
#pragma omp atomic capture
    done = ++j->done;
    const tw_progress *p = j->progress;
    if (thread == 0 && p && p->tick && !p->tick(p->ctx, "groups of replicas", (double)done, (double)j->groups))
        return tw_fail(TW_ESTOPPED, "stopped after %" PRId64 " of %" PRId64 " groups of replicas", done, j->groups);
    return TW_OK;
}

static tw_status check(const tw_escape_chain_spec *c)
{
    const struct {
        const char *name;
        double value;
        bool zero;
    } positive[] = {{"eta", c->eta, false}, {"batch", c->B, false}, {"noise", c->strength, true}};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (!isfinite(positive[i].value) || !(positive[i].zero ? positive[i].value >= 0 : positive[i].value > 0))
            return tw_fail(TW_EINVAL, "%s: found %g, expected a %s number", positive[i].name, positive[i].value,
                           positive[i].zero ? "finite" : "positive");
    if (c->n < 1 || c->n > 100000)
        return tw_fail(TW_EINVAL, "dimension: found %" PRId64 ", expected 1 to 100000", c->n);
    if (c->terms < 1 || c->terms > TW_ESCAPE_TERMS)
        return tw_fail(TW_EINVAL, "polynomial: found %" PRId64 " coefficients, expected 1 to %d", c->terms,
                       TW_ESCAPE_TERMS);
    for (int64_t i = 0; i < c->terms; i++)
        if (!isfinite(c->coef[i])) return tw_fail(TW_EINVAL, "polynomial: found %g, expected numbers", c->coef[i]);
    if (c->noise == TW_ESCAPE_SAMPLES && (c->B != floor(c->B) || c->B > 1e9))
        return tw_fail(TW_EINVAL, "batch: found %g, expected a whole number of samples", c->B);
    if (!(c->lo <= c->start && c->start < c->absorb && isfinite(c->lo) && isfinite(c->absorb)))
        return tw_fail(TW_EINVAL, "found lo = %g, start = %g, absorb = %g, expected lo <= start < absorb", c->lo,
                       c->start, c->absorb);
    return TW_OK;
}

tw_status tw_escape_simulate(const tw_escape_chain_spec *chain, int64_t replicas, int64_t max_steps,
                             const tw_progress *progress, int64_t *steps, bool *escaped)
{
    tw_status st = check(chain);
    if (st != TW_OK) return st;
    if (replicas < 1) return tw_fail(TW_EINVAL, "replicas: found %" PRId64 ", expected at least 1", replicas);
    if (max_steps < 1) return tw_fail(TW_EINVAL, "steps: found %" PRId64 ", expected at least 1", max_steps);
    job j = {.chain = chain, .replicas = replicas, .max_steps = max_steps, .steps = steps, .escaped = escaped};
    j.progress = progress;
    j.group = group_size(replicas);
    j.groups = (replicas + j.group - 1) / j.group;
    TW_TRY(tw_alloc(tw_threads() * 16 * chain->n, sizeof(float), &j.x));
    TW_TRY(tw_shards_run_dealt(j.groups, run_group, &j));
    const int64_t word = sizeof *steps, mark = sizeof *escaped;
    TW_TRY(tw_ranks_gather(j.groups, j.group * word, replicas * word, steps));
    TW_TRY(tw_ranks_gather(j.groups, j.group * mark, replicas * mark, escaped));
done:
    free(j.x);
    return st;
}
