// SPDX-License-Identifier: MIT
// A trainer's state as named arrays: "weights" and "before" in the order of tw_net_get_weights, "counters",
// "statistics" of batch norms, and the rule's arrays as RULE.NAME in the order of memory. All double, which holds
// floats and counts below 2^53 exactly.
#include "train/trainer.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEP, DIVERGED, BEST, BAD, PLATEAU_BEST, PLATEAU_BAD, PLATEAU_CUTS, EPOCH_LOSS, EPOCH_SAMPLES, COUNTERS };
enum { OWN = 4 }; // arrays before the rule's

static tw_status add(tw_arrays *all, const char *name, int64_t count)
{
    tw_status st = TW_OK;
    tw_array *a = &all->array[all->count];
    TW_TRY(tw_strdup(name, &a->name));
    all->count++;
    a->rank = 1;
    a->shape[0] = count;
    a->real = 8;
    TW_TRY(tw_alloc(count, sizeof(double), &a->x));
done:
    return st;
}

static void *last_of(const tw_arrays *all) { return all->array[all->count - 1].x; }

static void rule_name(const tw_trainer *t, int i, char *name, size_t size)
{
    snprintf(name, size, "%s.%s", t->rule.kind->words.name, t->rule.array[i].name);
}

tw_status tw_trainer_save_state(const tw_trainer *t, tw_arrays **out)
{
    tw_status st = TW_OK;
    tw_arrays *all = NULL;
    char name[64];
    TW_TRY(tw_alloc(1, sizeof *all, &all));
    TW_TRY(tw_alloc(OWN + t->rule.arrays, sizeof *all->array, &all->array));
    TW_TRY(add(all, "weights", t->net->n));
    TW_TRY(add(all, "before", t->net->n));
    TW_TRY(add(all, "counters", COUNTERS));
    tw_net_export(t->net, 1, 1, false, t->net->w, all->array[0].x);
    tw_net_export(t->net, 1, 1, false, t->before, all->array[1].x);
    const double counters[COUNTERS] = {[STEP] = (double)t->step,
                                       [DIVERGED] = t->diverged,
                                       [BEST] = t->best,
                                       [BAD] = (double)t->bad,
                                       [PLATEAU_BEST] = t->plateau.best,
                                       [PLATEAU_BAD] = (double)t->plateau.bad,
                                       [PLATEAU_CUTS] = (double)t->plateau.cuts,
                                       [EPOCH_LOSS] = t->epoch_loss,
                                       [EPOCH_SAMPLES] = t->epoch_samples};
    memcpy(all->array[2].x, counters, sizeof counters);
    if (t->net->stats > 0) {
        TW_TRY(add(all, "statistics", t->net->stats));
        t->net->kern->map->to_double(t->net->stats, 1, t->net->stat, last_of(all));
    }
    for (int i = 0; i < t->rule.arrays; i++) {
        rule_name(t, i, name, sizeof name);
        TW_TRY(add(all, name, t->rule.array[i].count));
        memcpy(last_of(all), t->rule.array[i].x, (size_t)t->rule.array[i].count * sizeof(double));
    }
    *out = all;
    all = NULL;
done:
    tw_arrays_free(all);
    return st;
}

static tw_status find(const tw_arrays *arrays, const char *name, int64_t count, const double **out)
{
    const tw_array *a = tw_arrays_find(arrays, name);
    if (!a) return tw_fail(TW_EINVAL, "state: found no array %s; was it saved by another step rule?", name);
    int64_t found = 1;
    for (int i = 0; i < a->rank; i++) found *= a->shape[i];
    if (a->real != 8 || found != count)
        return tw_fail(TW_EINVAL, "state: %s: found %" PRId64 " numbers of %d bytes, expected %" PRId64 " of 8", name,
                       found, a->real, count);
    *out = a->x;
    return TW_OK;
}

tw_status tw_trainer_load_state(tw_trainer *t, const tw_arrays *arrays)
{
    tw_status st = TW_OK;
    const double *w = NULL, *before = NULL, *c = NULL, *stat = NULL, *own[TW_MOST_ARRAYS] = {NULL};
    char name[64];
    TW_TRY(find(arrays, "weights", t->net->n, &w));
    TW_TRY(find(arrays, "before", t->net->n, &before));
    TW_TRY(find(arrays, "counters", COUNTERS, &c));
    if (t->net->stats > 0) TW_TRY(find(arrays, "statistics", t->net->stats, &stat));
    for (int i = 0; i < t->rule.arrays; i++) {
        rule_name(t, i, name, sizeof name);
        TW_TRY(find(arrays, name, t->rule.array[i].count, &own[i]));
    }
    if (!(c[STEP] >= 0 && c[BAD] >= 0 && c[PLATEAU_BAD] >= 0 && c[PLATEAU_CUTS] >= 0 && c[STEP] < 0x1p53 &&
          c[BAD] < 0x1p53 && c[PLATEAU_BAD] < 0x1p53 && c[PLATEAU_CUTS] < 0x1p53)) {
        st = tw_fail(TW_EINVAL, "state: counters: found a number that is no count");
        goto done;
    }
    TW_TRY(tw_net_set_weights(t->net, w)); // refuses numbers that are not finite
    if (t->net->stats > 0) t->net->kern->map->from_double(t->net->stats, stat, t->net->stat);
    tw_net_import(t->net, 1, before, t->before);
    for (int i = 0; i < t->rule.arrays; i++)
        memcpy(t->rule.array[i].x, own[i], (size_t)t->rule.array[i].count * sizeof(double));
    t->step = (int64_t)c[STEP];
    t->epoch_loss = c[EPOCH_LOSS];
    t->epoch_samples = c[EPOCH_SAMPLES];
    t->diverged = c[DIVERGED] != 0;
    t->best = c[BEST];
    t->bad = (int64_t)c[BAD];
    t->plateau = (tw_plateau){c[PLATEAU_BEST], (int64_t)c[PLATEAU_BAD], (int64_t)c[PLATEAU_CUTS]};
done:
    return st;
}
