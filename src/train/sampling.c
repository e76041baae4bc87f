// SPDX-License-Identifier: MIT
// Which samples a batch has: a function of (seed, epoch, place in the epoch) alone.
//
//   shuffle      each epoch visits every sample once, in an order drawn for it; the last batch may be smaller
//   replacement  every place of every batch is drawn from all samples
//   independent  a batch has no sample twice, but batches are drawn independently of each other: the noise of theory,
//                C/B (m - B)/(m - 1), without the anticorrelation of a shuffled epoch's batches
//   ordered      the samples as they lie, epoch after epoch
//   full         all samples
#include "train/sampling.h"

#include "base/alloc.h"
#include "base/rng.h"

enum { SHUFFLE, REPLACEMENT, INDEPENDENT, ORDERED, FULL };
enum { DROP_LAST };

#define END                                 \
    {                                       \
        NULL, NULL, 0, 0, false, NULL, NULL \
    }
static const tw_word none[] = {END};
static const tw_word passes[] = {
    {"drop_last", "no", 0, 0, false, "no yes", "leave out the last batch of an epoch when it is smaller"}, END};

static const tw_words table[] = {
    [SHUFFLE] = {"shuffle", "without replacement: every sample once an epoch, in an order of its own", passes},
    [REPLACEMENT] = {"replacement", "every place of a batch drawn from all samples", none},
    [INDEPENDENT] = {"independent", "no sample twice in a batch; batches independent of each other", none},
    [ORDERED] = {"ordered", "as the samples lie", passes},
    [FULL] = {"full", "all samples in every batch", none},
};
enum { KINDS = sizeof table / sizeof *table };

int64_t tw_sampling_words(int64_t i, tw_words *out)
{
    if (i >= 0 && i < KINDS) *out = table[i];
    return KINDS;
}

tw_status tw_sampling_read(const char *text, tw_sampling *out)
{
    return tw_words_read("sampling", text, KINDS, table, &out->kind, out->value);
}

tw_status tw_sampling_open(const char *text, int64_t m, int64_t batch, uint64_t seed, tw_sampling *out)
{
    tw_status st = TW_OK;
    tw_sampling s = {.m = m, .batch = batch < m ? batch : m, .seed = seed, .ready = -1};
    TW_TRY(tw_sampling_read(text, &s));
    bool drops = (s.kind == SHUFFLE || s.kind == ORDERED) && s.value[DROP_LAST] == 1;
    s.epoch_steps = drops ? m / s.batch : (m + s.batch - 1) / s.batch;
    if (s.kind == FULL) tw_sampling_make_full(&s);
    TW_TRY(tw_alloc(m + s.batch, sizeof *s.index, &s.index));
    for (int64_t i = 0; i < m; i++) s.index[i] = i;
    *out = s;
done:
    return st;
}

void tw_sampling_close(tw_sampling *s)
{
    free(s->index);
    s->index = NULL;
}

void tw_sampling_make_full(tw_sampling *s)
{
    s->kind = FULL;
    s->batch = s->m;
    s->epoch_steps = 1;
}

static void draw_epoch(tw_sampling *s, int64_t epoch)
{
    if (s->kind == SHUFFLE) {
        tw_rng rng = tw_rng_at(s->seed, TW_RNG_ORDER, (uint64_t)epoch);
        for (int64_t i = 0; i < s->m; i++) s->index[i] = i;
        tw_rng_shuffle(&rng, s->m, s->index);
    } else { // replacement: full batches, so up to batch - 1 more than there are samples
        tw_rng rng = tw_rng_at(s->seed, TW_RNG_DRAW, (uint64_t)epoch);
        for (int64_t i = 0; i < s->epoch_steps * s->batch; i++)
            s->index[i] = (int64_t)tw_rng_below(&rng, (uint64_t)s->m);
    }
}

// The first `batch` places of a shuffle of 0 ... m - 1.
static void draw_batch(tw_sampling *s, int64_t step)
{
    tw_rng rng = tw_rng_at(s->seed, TW_RNG_DRAW, (uint64_t)step);
    int64_t *drawn = s->index + s->m;
    for (int64_t i = 0; i < s->m; i++) s->index[i] = i;
    for (int64_t i = 0; i < s->batch; i++) {
        int64_t j = i + (int64_t)tw_rng_below(&rng, (uint64_t)(s->m - i)), swap = s->index[i];
        drawn[i] = s->index[j];
        s->index[i] = s->index[j];
        s->index[j] = swap;
    }
}

void tw_sampling_batch(tw_sampling *s, int64_t epoch, int64_t place, const int64_t **index, int64_t *first,
                       int64_t *count)
{
    int64_t left = s->m - place * s->batch;
    *index = s->index;
    *first = place * s->batch;
    *count = left < s->batch ? left : s->batch;
    if (s->kind == ORDERED || s->kind == FULL) {
        *index = NULL;
    } else if (s->kind == INDEPENDENT) {
        int64_t step = epoch * s->epoch_steps + place;
        if (s->ready != step) draw_batch(s, step);
        s->ready = step;
        *first = s->m;
        *count = s->batch;
    } else {
        if (s->ready != epoch) draw_epoch(s, epoch);
        s->ready = epoch;
        if (s->kind == REPLACEMENT) *count = s->batch;
    }
}
