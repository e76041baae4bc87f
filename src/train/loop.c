// SPDX-License-Identifier: MIT
// One trajectory, one step at a time: batch, gradient, clipping, the rule, and when to call it diverged.
//
// Everything drawn is a function of (seed, purpose, step or epoch), so a trainer's state is its weights, the rule's
// arrays and a few counters. Sums over parameters are made by slabs of fixed size, joined in a tree; a slab's numbers
// are worked on by one thread. So the bits do not depend on the threads.
#include "train/trainer.h"

#include "base/alloc.h"
#include "base/options.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    SLAB = 1 << 15,       // parameters a slab of a rule's step: about 50 us of work
    PLAIN_SLAB = 1 << 18, // of a plain one: below that, waking a thread costs more than it saves
};

static int64_t slabs_of(int64_t n, int64_t slab) { return (n + slab - 1) / slab; }

// --- walking over parameters ---

typedef struct walk {
    tw_trainer *t;
    tw_walk_fn fn;
    void *ctx;
    int sums;
} walk;

// Weights and gradient of `count` parameters in double.
static void load(const tw_trainer *t, int64_t at, int64_t count, double clip, double *w, double *g)
{
    const tw_pointwise *map = t->net->kern->map;
    int64_t real = (int64_t)t->net->kern->real;
    double l2 = t->net->l2, most = t->opts.clip_value;
    map->to_double(count, 1, (const char *)t->net->w + at * real, w);
    map->to_double(count, t->scale, (const char *)t->g + at * real, g);
    if (l2 != 0)
        for (int64_t i = 0; i < count; i++) g[i] += l2 * w[i];
    if (clip < 1)
        for (int64_t i = 0; i < count; i++) g[i] *= clip;
    if (most > 0)
        for (int64_t i = 0; i < count; i++) g[i] = g[i] > most ? most : g[i] < -most ? -most : g[i];
}

static tw_status walk_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    walk *k = ctx;
    double w[TW_BLOCK], g[TW_BLOCK], *sum = k->t->partial + slab * TW_MOST_SUMS;
    int64_t end = slab * SLAB + SLAB < k->t->net->n ? slab * SLAB + SLAB : k->t->net->n;
    memset(sum, 0, (size_t)k->sums * sizeof *sum);
    for (int64_t at = slab * SLAB; at < end; at += TW_BLOCK) {
        int64_t count = end - at < TW_BLOCK ? end - at : TW_BLOCK;
        load(k->t, at, count, 1, w, g);
        k->fn(k->ctx, at, count, w, g, sum);
    }
    return TW_OK;
}

static double tree(const double *x, int64_t count)
{
    if (count == 1) return x[0];
    int64_t half = 1;
    while (half * 2 < count) half *= 2;
    return tree(x, half) + tree(x + half * TW_MOST_SUMS, count - half);
}

tw_status tw_trainer_walk(tw_trainer *t, tw_walk_fn fn, void *ctx, int sums, double *sum)
{
    walk k = {t, fn, ctx, sums};
    int64_t slabs = slabs_of(t->net->n, SLAB);
    tw_status st = tw_shards_run(slabs, walk_slab, &k);
    for (int i = 0; i < sums && st == TW_OK; i++) sum[i] = tree(t->partial + i, slabs);
    return st;
}

// --- gradients ---

tw_status tw_trainer_batch_gradient(tw_trainer *t, bool squares)
{
    t->scale = 1 / (double)t->count;
    return tw_gradient_sum(&t->sweep, t->index, t->first, t->count, NULL, squares, t->g, &t->sums);
}

tw_status tw_trainer_full_gradient(tw_trainer *t, const double *weight, bool squares)
{
    t->count = t->data->m;
    t->scale = 1 / (double)t->count;
    return tw_gradient_sum(&t->sweep, NULL, 0, t->count, weight, squares, t->g, &t->sums);
}

// --- the step ---

static tw_status plain_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    tw_trainer *t = ctx;
    const tw_pointwise *map = t->net->kern->map;
    int64_t real = (int64_t)t->net->kern->real, at = slab * PLAIN_SLAB, left = t->net->n - at,
            count = left < PLAIN_SLAB ? left : PLAIN_SLAB;
    char *w = (char *)t->net->w + at * real;
    memcpy((char *)t->before + at * real, w, (size_t)(count * real));
    if (t->net->l2 != 0) map->axpy(count, -t->rule.lr * t->net->l2, (char *)t->before + at * real, w);
    map->axpy(count, -t->rule.lr / (double)t->count, (char *)t->g + at * real, w);
    return TW_OK;
}

static tw_status rule_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    tw_trainer *t = ctx;
    const tw_pointwise *map = t->net->kern->map;
    int64_t real = (int64_t)t->net->kern->real, end = slab * SLAB + SLAB < t->net->n ? slab * SLAB + SLAB : t->net->n;
    double w[TW_BLOCK], g[TW_BLOCK], u[TW_BLOCK], *m[4] = {NULL};
    for (int64_t at = slab * SLAB; at < end; at += TW_BLOCK) {
        int64_t count = end - at < TW_BLOCK ? end - at : TW_BLOCK;
        char *to = (char *)t->net->w + at * real;
        load(t, at, count, t->clip, w, g);
        memcpy((char *)t->before + at * real, to, (size_t)(count * real));
        for (int i = 0; i < t->rule.moments; i++) m[i] = t->rule.array[i].x + at;
        t->rule.kind->slab(&t->rule, at, count, w, g, m, u);
        for (int64_t i = 0; i < count; i++) w[i] += u[i];
        map->from_double(count, w, to);
    }
    return TW_OK;
}

static void add_square(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum)
{
    const double *most = ctx;
    (void)first;
    (void)w;
    for (int64_t i = 0; i < count; i++) {
        sum[0] += g[i] * g[i];
        sum[1] += fabs(g[i]) > *most;
    }
}

static tw_status measure_gradient(tw_trainer *t, tw_step *out)
{
    tw_status st = TW_OK;
    double sum[2], most = t->opts.clip_value > 0 ? t->opts.clip_value : INFINITY;
    t->clip = 1;
    if (!t->opts.gradient_norm && t->opts.clip_norm == 0 && t->opts.clip_value == 0) return TW_OK;
    t->opts.clip_value = 0; // as it is, before clipping
    st = tw_trainer_walk(t, add_square, &most, 2, sum);
    t->opts.clip_value = isfinite(most) ? most : 0;
    if (st != TW_OK) return st;
    out->gradient_norm = sqrt(sum[0]);
    out->clipped = sum[1] > 0;
    if (t->opts.clip_norm > 0 && out->gradient_norm > t->opts.clip_norm) {
        t->clip = t->opts.clip_norm / out->gradient_norm;
        out->clipped = true;
    }
    return TW_OK;
}

static int64_t unusable_sample(const tw_trainer *t)
{
    const tw_data *d = t->data;
    for (int64_t i = 0; i < t->count; i++) {
        int64_t at = t->index ? t->index[t->first + i] : t->first + i;
        bool fine = true;
        for (int64_t j = 0; j < d->features && fine; j++)
            fine = d->real == 4 ? isfinite(((const float *)d->x)[at * d->features + j])
                                : isfinite(((const double *)d->x)[at * d->features + j]);
        for (int64_t j = 0; d->target && j < d->targets && fine; j++) fine = isfinite(d->target[at * d->targets + j]);
        if (!fine) return at;
    }
    return -1;
}

static int64_t epoch_of(const tw_trainer *t) { return t->opts.first_epoch + t->step / t->sampling.epoch_steps; }

int64_t tw_trainer_products(const tw_trainer *t) { return t->products; }

double tw_trainer_lr(const tw_trainer *t)
{
    return tw_schedule_at(&t->schedule, t->opts.lr, t->sampling.epoch_steps,
                          t->opts.first_epoch * t->sampling.epoch_steps + t->step, t->plateau.cuts);
}

tw_status tw_trainer_step(tw_trainer *t, tw_step *out)
{
    tw_status st = TW_OK;
    int64_t place = t->step % t->sampling.epoch_steps;
    tw_step step = {.step = t->step + 1,
                    .epoch = epoch_of(t),
                    .epoch_end = place == t->sampling.epoch_steps - 1,
                    .loss = NAN,
                    .epoch_loss = NAN,
                    .accuracy = NAN,
                    .gradient_norm = NAN,
                    .diverged = t->diverged,
                    .unusable_sample = -1};
    const tw_rule_kind *kind = t->rule.kind;

    if (t->diverged) {
        *out = step;
        return TW_OK;
    }
    t->rule.step = t->step;
    t->rule.lr = tw_trainer_lr(t);
    t->sweep.track = true;
    t->sweep.seed = t->opts.seed;
    t->sweep.epoch = step.epoch;
    t->sweep.step = step.epoch * t->sampling.epoch_steps + place;
    size_t stat_bytes = (size_t)t->net->stats * (size_t)t->net->kern->real;
    if (stat_bytes > 0) memcpy(t->stat_before, t->net->stat, stat_bytes);
    tw_sampling_batch(&t->sampling, step.epoch, place, &t->index, &t->first, &t->count);
    if (kind->gradient)
        TW_TRY(kind->gradient(&t->rule, t));
    else
        TW_TRY(tw_trainer_batch_gradient(t, false));
    step.samples = t->count;
    step.loss = t->sums.loss / (double)t->count;
    step.right = t->sums.right;
    if (place == 0) t->epoch_loss = t->epoch_samples = 0;
    t->epoch_loss += t->sums.loss;
    t->epoch_samples += (double)t->count;
    step.epoch_loss = t->epoch_loss / t->epoch_samples;
    if (t->data->label || t->net->loss == TW_LOSS_NEXT) {
        step.counted = t->count * t->net->out_places;
        step.accuracy = (double)step.right / (double)step.counted;
    }
    step.lr = t->rule.lr;
    if (!isfinite(t->sums.loss)) {
        step.diverged = t->diverged = true;
        step.unusable_sample = unusable_sample(t);
        if (stat_bytes > 0) memcpy(t->net->stat, t->stat_before, stat_bytes);
        if (t->step > 0) memcpy(t->net->w, t->before, (size_t)t->net->n * (size_t)t->net->kern->real);
        *out = step;
        return TW_OK;
    }
    TW_TRY(measure_gradient(t, &step));
    if (kind->prepare) TW_TRY(kind->prepare(&t->rule, t));
    step.lr = t->rule.lr;
    if (!step.clipped && kind->plain && kind->plain(&t->rule))
        TW_TRY(tw_shards_run(slabs_of(t->net->n, PLAIN_SLAB), plain_slab, t));
    else
        TW_TRY(tw_shards_run(slabs_of(t->net->n, SLAB), rule_slab, t));
    t->step++;
    *out = step;
done:
    return st;
}

// --- opening ---

static tw_status check(const tw_trainer_opts *o)
{
    if (!(o->lr > 0 && isfinite(o->lr))) return tw_fail(TW_EINVAL, "lr: found %g, expected a positive number", o->lr);
    if (o->batch < 1 || o->first_epoch < 0)
        return tw_fail(TW_EINVAL, "batch %" PRId64 ", first epoch %" PRId64 ": expected at least 1 sample and epoch 0",
                       o->batch, o->first_epoch);
    if (!(o->clip_norm >= 0 && o->clip_value >= 0))
        return tw_fail(TW_EINVAL, "clip: found norm %g, value %g, expected positive numbers, or 0 for none",
                       o->clip_norm, o->clip_value);
    if (o->clip_norm > 0 && o->clip_value > 0)
        return tw_fail(TW_EINVAL, "clip: found both a norm and a value, expected one of them");
    if (o->patience < 0 || !(o->improvement >= 0))
        return tw_fail(TW_EINVAL, "patience %" PRId64 ", improvement %g: expected numbers not below 0", o->patience,
                       o->improvement);
    return TW_OK;
}

tw_status tw_trainer_new(tw_net *net, const tw_data *data, const tw_trainer_opts *opts, tw_trainer **out)
{
    TW_OPTIONS(tw_trainer, opts);
    tw_status st = TW_OK;
    tw_trainer *t = NULL;

    TW_TRY(check(opts));
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(tw_alloc(1, sizeof *t, &t));
    t->net = net;
    t->data = data;
    t->opts = *opts;
    t->opts.optim = t->opts.schedule = t->opts.sampling = t->opts.augment = NULL;
    t->best = t->plateau.best = INFINITY;
    t->clip = t->scale = 1;
    TW_TRY(tw_schedule_read(opts->schedule, &t->schedule));
    TW_TRY(tw_rule_open(opts->optim, net->n, opts->seed, &t->rule));
    TW_TRY(tw_sampling_open(opts->sampling, data->m, opts->batch, opts->seed, &t->sampling));
    if (t->rule.kind->whole_data) TW_TRY(tw_net_needs_samples(net, "the rule noise"));
    if (t->rule.kind->all_batch) tw_sampling_make_full(&t->sampling);
    TW_TRY(tw_gradient_open(net, data, t->rule.kind->whole_data ? data->m : t->sampling.batch, &t->sweep));
    TW_TRY(tw_augment_read(opts->augment, &t->sweep.augment));
    TW_TRY(tw_augment_fits(&t->sweep.augment, opts->augment, data));
    TW_TRY(tw_alloc(net->n, (size_t)net->kern->real, &t->g));
    TW_TRY(tw_alloc(net->n, (size_t)net->kern->real, &t->before));
    TW_TRY(tw_alloc(net->stats, (size_t)net->kern->real, &t->stat_before));
    TW_TRY(tw_alloc(slabs_of(net->n, SLAB) * TW_MOST_SUMS, sizeof *t->partial, &t->partial));
    *out = t;
    t = NULL;
done:
    tw_trainer_free(t);
    return st;
}

void tw_trainer_free(tw_trainer *t)
{
    if (!t) return;
    free(t->partial);
    free(t->stat_before);
    free(t->before);
    free(t->g);
    tw_gradient_close(&t->sweep);
    tw_sampling_close(&t->sampling);
    tw_rule_close(&t->rule);
    free(t);
}

// --- looking at it ---

int64_t tw_trainer_epoch_steps(const tw_trainer *t) { return t->sampling.epoch_steps; }
int64_t tw_trainer_steps(const tw_trainer *t) { return t->step; }

void tw_trainer_observe(tw_trainer *t, double value, bool *stop)
{
    tw_plateau_observe(&t->schedule, value, &t->plateau);
    t->bad++;
    if (value < t->best - t->opts.improvement) {
        t->best = value;
        t->bad = 0;
    }
    *stop = t->opts.patience > 0 && t->bad >= t->opts.patience;
}

void tw_trainer_gradient(const tw_trainer *t, double *g)
{
    memset(g, 0, (size_t)t->net->n * sizeof *g);
    if (t->step == 0) return;
    tw_net_export(t->net, 1, t->scale, false, t->g, g);
    if (t->net->l2 != 0) tw_net_export(t->net, 1, t->net->l2, true, t->before, g);
}

void tw_trainer_last_step(const tw_trainer *t, double *u)
{
    memset(u, 0, (size_t)t->net->n * sizeof *u);
    if (t->step == 0) return;
    tw_net_export(t->net, 1, 1, false, t->net->w, u);
    tw_net_export(t->net, 1, -1, true, t->before, u);
}

// --- words ---

int64_t tw_train_words(tw_words_of of, int64_t i, tw_words *out)
{
    if (of == TW_OPTIM) return tw_rule_words(i, out);
    return of == TW_SCHEDULE ? tw_schedule_words(i, out) : tw_sampling_words(i, out);
}

tw_status tw_train_check(tw_words_of of, const char *words)
{
    int64_t kind;
    double value[TW_MOST_WORDS];
    tw_schedule schedule;
    tw_sampling sampling;
    if (of == TW_OPTIM) return tw_rule_read(words, &kind, value);
    return of == TW_SCHEDULE ? tw_schedule_read(words, &schedule) : tw_sampling_read(words, &sampling);
}
