// SPDX-License-Identifier: MIT
// Escapes dealt to threads in groups of replicas.
#include "sim/escape_lanes.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/shards.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { MOST_OF_GROUP = 512 };

// Replicas of a group: enough that lanes waiting for the last one cost little, few enough for several threads. A
// function of their number alone.
static int64_t group_size(int64_t replicas)
{
    int64_t eighth = (replicas + 127) / 128 * 16;
    return eighth > MOST_OF_GROUP ? MOST_OF_GROUP : eighth;
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
    float *x; // [threads][tw_escape_room(n)]
    tw_escape_table *table;
    tw_ledger *ledger;
    const char *key;
    const tw_progress *progress;
} job;

// In a ledger a replica that was cut off stands with its steps negative.
static tw_status run_group(void *ctx, int64_t group, int thread)
{
    tw_status st = TW_OK;
    job *j = ctx;
    int64_t first = group * j->group, count = j->replicas - first, found = 0, done;
    double kept[MOST_OF_GROUP];
    char name[96];
    if (count > j->group) count = j->group;
    snprintf(name, sizeof name, "%.60s/%" PRId64, j->key ? j->key : "", group);
    if (j->ledger && tw_ledger_get(j->ledger, name, count, &found, kept) && found == count) {
        for (int64_t i = 0; i < count; i++) {
            j->steps[first + i] = (int64_t)fabs(kept[i]);
            j->escaped[first + i] = kept[i] > 0;
        }
    } else {
        best()->group(j->chain, j->table, first, count, j->max_steps, j->x + thread * tw_escape_room(j->chain->n),
                      j->steps + first, j->escaped + first);
        for (int64_t i = 0; i < count; i++) kept[i] = (double)j->steps[first + i] * (j->escaped[first + i] ? 1 : -1);
        if (j->ledger) TW_TRY(tw_ledger_put(j->ledger, name, count, kept));
    }
#pragma omp atomic capture
    done = ++j->done;
    const tw_progress *p = j->progress;
    if (thread == 0 && p && p->tick && !p->tick(p->ctx, "groups of replicas", (double)done, (double)j->groups))
        st = tw_fail(TW_ESTOPPED, "stopped after %" PRId64 " of %" PRId64 " groups of replicas", done, j->groups);
done:
    return st;
}

// ---- functions as tables -------------------------------------------------------------------------------------------

static tw_status tabulate(const tw_escape_chain_spec *c, const tw_escape_part *p, tw_escape_table *t)
{
    tw_status st = TW_OK;
    double wider = c->noise == TW_ESCAPE_SAMPLES ? 6.7 * c->strength : 0, from = p->lo - wider;
    double width = (p->absorb + wider - from) / TW_ESCAPE_CELLS;
    *t = (tw_escape_table){.from = (float)from, .per = (float)(1 / width)};
    t->start = (float)p->start;
    t->absorb = (float)p->absorb;
    t->lo = (float)p->lo;
    TW_TRY(tw_alloc(4 * TW_ESCAPE_CELLS, sizeof *t->cell, &t->cell));
    double left = tw_escape_value(&p->landscape, 1, from), bend = tw_escape_value(&p->landscape, 2, from) * width;
    for (int64_t i = 0; i < TW_ESCAPE_CELLS; i++) { // Hermite: values and slopes of L' at both ends of a cell
        double x = from + (double)(i + 1) * width, right = tw_escape_value(&p->landscape, 1, x);
        double then = tw_escape_value(&p->landscape, 2, x) * width;
        if (!isfinite(left) || !isfinite(bend) || !isfinite(right) || !isfinite(then)) {
            st = tw_fail(TW_EINVAL, "potential: found no number for L' or L'' near x = %g, expected one from %g to %g",
                         x, from, p->absorb + wider);
            goto done;
        }
        t->cell[4 * i] = (float)left;
        t->cell[4 * i + 1] = (float)bend;
        t->cell[4 * i + 2] = (float)(3 * (right - left) - 2 * bend - then);
        t->cell[4 * i + 3] = (float)(2 * (left - right) + bend + then);
        left = right;
        bend = then;
    }
done:
    return st;
}

static tw_status check_parts(const tw_escape_chain_spec *c)
{
    if (c->parts > c->n)
        return tw_fail(TW_EINVAL,
                       "potentials: found %" PRId64 ", expected at most one for each of %" PRId64 " coordinates",
                       c->parts, c->n);
    for (int64_t i = 0; i < c->parts; i++) {
        const tw_escape_part *p = &c->part[i];
        if (!(p->lo <= p->start && p->start < p->absorb && isfinite(p->lo) && isfinite(p->absorb)) ||
            (c->both && !(p->lo < p->start)))
            return tw_fail(TW_EINVAL, "found lo = %g, start = %g, absorb = %g, expected lo <%s start < absorb", p->lo,
                           p->start, p->absorb, c->both ? "" : "=");
    }
    for (int64_t i = 0; c->noise == TW_ESCAPE_FULL && i < c->n * c->n; i++)
        if (!isfinite(c->root[i])) return tw_fail(TW_EINVAL, "covariance: found %g, expected numbers", c->root[i]);
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
                           positive[i].zero ? "finite, not negative" : "positive");
    if (c->n < 1 || c->n > 100000)
        return tw_fail(TW_EINVAL, "dimension: found %" PRId64 ", expected 1 to 100000", c->n);
    if (c->noise == TW_ESCAPE_SAMPLES && (c->B != floor(c->B) || c->B > 1e9))
        return tw_fail(TW_EINVAL, "batch: found %g, expected a whole number of samples", c->B);
    if (c->parts > 0) return check_parts(c);
    if (c->noise == TW_ESCAPE_FULL || c->both)
        return tw_fail(TW_EINVAL, "full covariances and ends on both sides: expected parts");
    if (c->terms < 1 || c->terms > TW_ESCAPE_TERMS)
        return tw_fail(TW_EINVAL, "polynomial: found %" PRId64 " coefficients, expected 1 to %d", c->terms,
                       TW_ESCAPE_TERMS);
    for (int64_t i = 0; i < c->terms; i++)
        if (!isfinite(c->coef[i])) return tw_fail(TW_EINVAL, "polynomial: found %g, expected numbers", c->coef[i]);
    if (!(c->lo <= c->start && c->start < c->absorb && isfinite(c->lo) && isfinite(c->absorb)))
        return tw_fail(TW_EINVAL, "found lo = %g, start = %g, absorb = %g, expected lo <= start < absorb", c->lo,
                       c->start, c->absorb);
    return TW_OK;
}

tw_status tw_escape_simulate(const tw_escape_chain_spec *chain, int64_t replicas, int64_t max_steps,
                             const tw_progress *progress, int64_t *steps, bool *escaped)
{
    return tw_escape_simulate_kept(chain, replicas, max_steps, NULL, NULL, progress, steps, escaped);
}

tw_status tw_escape_simulate_kept(const tw_escape_chain_spec *chain, int64_t replicas, int64_t max_steps,
                                  tw_ledger *ledger, const char *key, const tw_progress *progress, int64_t *steps,
                                  bool *escaped)
{
    tw_status st = check(chain);
    if (st != TW_OK) return st;
    if (replicas < 1) return tw_fail(TW_EINVAL, "replicas: found %" PRId64 ", expected at least 1", replicas);
    if (max_steps < 1) return tw_fail(TW_EINVAL, "steps: found %" PRId64 ", expected at least 1", max_steps);
    job j = {.chain = chain, .replicas = replicas, .max_steps = max_steps, .steps = steps, .escaped = escaped};
    j.progress = progress;
    j.ledger = ledger;
    j.key = key;
    j.group = group_size(replicas);
    j.groups = (replicas + j.group - 1) / j.group;
    TW_TRY(tw_alloc(tw_threads() * tw_escape_room(chain->n), sizeof(float), &j.x));
    if (chain->parts > 0) TW_TRY(tw_alloc(chain->parts, sizeof *j.table, &j.table));
    for (int64_t i = 0; i < chain->parts; i++) TW_TRY(tabulate(chain, &chain->part[i], &j.table[i]));
    TW_TRY(tw_shards_run_dealt(j.groups, run_group, &j));
    const int64_t word = sizeof *steps, mark = sizeof *escaped;
    TW_TRY(tw_ranks_gather(j.groups, j.group * word, replicas * word, steps));
    TW_TRY(tw_ranks_gather(j.groups, j.group * mark, replicas * mark, escaped));
done:
    for (int64_t i = 0; j.table && i < chain->parts; i++) free(j.table[i].cell);
    free(j.table);
    free(j.x);
    return st;
}
