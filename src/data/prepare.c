// SPDX-License-Identifier: MIT
// Splits, subsets, scaling, random labels. All draws are Philox streams of the caller's seed: (seed, split, 0) orders
// the samples for validation, (seed, split, 1) draws subsets, (seed, labels, 0) draws labels.
#include "data/prepare.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/rng.h"
#include "base/shards.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static tw_status count_up(int64_t m, int64_t **out)
{
    int64_t *row = NULL;
    tw_status st = tw_alloc(m, sizeof *row, &row);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < m; i++) row[i] = i;
    *out = row;
    return TW_OK;
}

tw_status tw_split_rows(const tw_raw *raw, const tw_data_opts *opts, bool whole, int64_t **row, int64_t *count)
{
    tw_status st = TW_OK;
    int64_t *order = NULL, *kept = NULL, m = raw->m;
    bool *aside = NULL, validation = !whole && strcmp(opts->split, "validation") == 0;
    int64_t put_aside = whole ? 0 : (int64_t)floor(opts->validation * (double)m + 0.5);

    TW_TRY(count_up(m, &kept));
    TW_TRY(tw_alloc(m, sizeof *aside, &aside));
    if (put_aside > 0) {
        tw_rng rng = tw_rng_at(opts->seed, TW_RNG_SPLIT, 0);
        TW_TRY(count_up(m, &order));
        tw_rng_shuffle(&rng, m, order);
        for (int64_t i = 0; i < put_aside; i++) aside[order[i]] = true;
    }
    int64_t left = 0;
    for (int64_t i = 0; i < m; i++)
        if (aside[i] == validation) kept[left++] = i;
    *row = kept;
    *count = left;
    kept = NULL;
done:
    free(kept);
    free(order);
    free(aside);
    return st;
}

tw_status tw_subset_rows(const char *name, const tw_data_opts *opts, int64_t *row, int64_t *count)
{
    if (*count == 0)
        return tw_fail(TW_EINVAL, "data %s: found no samples in split \"%s\" with validation %g, expected at least 1",
                       name, opts->split, opts->validation);
    if (opts->samples > *count)
        return tw_fail(TW_EINVAL,
                       "data %s: found %" PRId64 " samples in split \"%s\", expected at least the %" PRId64
                       " asked for",
                       name, *count, opts->split, opts->samples);
    if (opts->samples == 0) return TW_OK;
    if (opts->random_subset) { // Fisher-Yates from the bottom: a smaller subset begins a larger one
        tw_rng rng = tw_rng_at(opts->seed, TW_RNG_SPLIT, 1);
        for (int64_t i = 0; i < opts->samples; i++) {
            int64_t j = i + (int64_t)tw_rng_below(&rng, (uint64_t)(*count - i)), swap = row[i];
            row[i] = row[j];
            row[j] = swap;
        }
    }
    *count = opts->samples;
    return TW_OK;
}

static void row_numbers(const tw_raw *raw, int64_t row, double *out)
{
    int64_t f = raw->features;
    row -= raw->before;
    if (raw->kind == TW_RAW_U8) {
        const uint8_t *x = (const uint8_t *)raw->x + row * f;
        for (int64_t j = 0; j < f; j++) out[j] = x[j];
    } else if (raw->kind == TW_RAW_F32) {
        const float *x = (const float *)raw->x + row * f;
        for (int64_t j = 0; j < f; j++) out[j] = (double)x[j];
    } else {
        memcpy(out, (const double *)raw->x + row * f, (size_t)f * sizeof *out);
    }
}

tw_wanted tw_rows_part(int64_t count)
{
    int64_t ranks = tw_ranks_together(), rank = ranks > 1 ? tw_rank() : 0;
    int64_t first = count / ranks * rank + count % ranks * rank / ranks, next = rank + 1;
    return (tw_wanted){first, count / ranks * next + count % ranks * next / ranks - first};
}

tw_wanted tw_rows_window(tw_wanted part, const int64_t *row)
{
    if (part.count <= 0) return (tw_wanted){0, 0};
    int64_t least = row[part.first], most = least;
    for (int64_t i = part.first; i < part.first + part.count; i++) {
        least = row[i] < least ? row[i] : least;
        most = row[i] > most ? row[i] : most;
    }
    return (tw_wanted){least, most - least + 1};
}

typedef struct moments {
    const tw_raw *raw;
    tw_wanted part;
    const int64_t *row;
    double *x, *sum; // [features]
    const double *mean;
} moments;

// Adds x, or with a mean (x - mean)^2, of this rank's rows to what the ranks before it have.
static void add_rows(void *ctx)
{
    const moments *m = ctx;
    for (int64_t i = m->part.first; i < m->part.first + m->part.count; i++) {
        row_numbers(m->raw, m->row[i], m->x);
        for (int64_t j = 0; j < m->raw->features; j++) {
            double away = m->mean ? m->x[j] - m->mean[j] : 0;
            m->sum[j] += m->mean ? away * away : m->x[j];
        }
    }
}

static tw_status add_all(moments *m, bool parted)
{
    if (parted) return tw_ranks_chain(add_rows, m, (size_t)m->raw->features * sizeof *m->sum, m->sum);
    add_rows(m);
    return TW_OK;
}

tw_status tw_feature_moments(const tw_raw *raw, int64_t count, const int64_t *row, bool parted, double *mean,
                             double *sd)
{
    tw_status st = TW_OK;
    int64_t f = raw->features;
    double *x = NULL, unit = raw->kind == TW_RAW_U8 ? 255 : 1;
    moments m = {.raw = raw, .part = parted ? tw_rows_part(count) : (tw_wanted){0, count}, .row = row, .sum = mean};
    TW_TRY(tw_alloc(f, sizeof *x, &x));
    m.x = x;
    for (int64_t j = 0; j < f; j++) mean[j] = sd[j] = 0;
    TW_TRY(add_all(&m, parted));
    for (int64_t j = 0; j < f; j++) mean[j] /= (double)count;
    m.mean = mean; // a second pass: no cancellation
    m.sum = sd;
    TW_TRY(add_all(&m, parted));
    for (int64_t j = 0; j < f; j++) {
        sd[j] = sqrt(sd[j] / (double)count) / unit;
        mean[j] /= unit;
    }
done:
    free(x);
    return st;
}

enum { ROWS = 512 }; // a shard's rows

typedef struct conversion {
    const tw_raw *raw;
    int64_t count;
    const int64_t *row;
    int real;
    double scale;
    const double *shift, *factor;
    double *scratch; // [threads][features]
    void *x;
} conversion;

static tw_status put_row(const conversion *c, int64_t i, const double *from)
{
    int64_t f = c->raw->features;
    if (c->real == 8) {
        memcpy((double *)c->x + i * f, from, (size_t)f * sizeof *from);
        return TW_OK;
    }
    float *x = (float *)c->x + i * f;
    bool finite = true;
    for (int64_t j = 0; j < f; j++) {
        x[j] = (float)from[j];
        finite &= fabsf(x[j]) <= 3.40282347e+38F;
    }
    for (int64_t j = 0; !finite && j < f; j++)
        if (isinf(x[j]))
            return tw_fail(TW_ENUMERIC,
                           "data: sample %" PRId64 ", feature %" PRId64 ": found %g, expected a number "
                           "that float can hold; --dtype f64 takes it",
                           c->row[i], j, from[j]);
    return TW_OK;
}

// Bytes to float without a shift: what every image set takes, so worth its own loop.
static void bytes_row(const conversion *c, int64_t i)
{
    int64_t f = c->raw->features;
    const uint8_t *from = (const uint8_t *)c->raw->x + (c->row[i] - c->raw->before) * f;
    float *x = (float *)c->x + i * f, scale = (float)c->scale;
    if (c->scale == 1)
        for (int64_t j = 0; j < f; j++) x[j] = (float)from[j];
    else // the quotient is rounded once: the float nearest to pixel / 255
        for (int64_t j = 0; j < f; j++) x[j] = (float)from[j] / scale;
}

static tw_status convert_rows(void *ctx, int64_t shard, int thread)
{
    const conversion *c = ctx;
    int64_t f = c->raw->features, end = (shard + 1) * ROWS < c->count ? (shard + 1) * ROWS : c->count;
    double *x = c->scratch + thread * f;
    tw_status st = TW_OK;
    for (int64_t i = shard * ROWS; i < end && st == TW_OK; i++) {
        if (c->raw->kind == TW_RAW_U8 && c->real == 4 && !c->shift) {
            bytes_row(c, i);
            continue;
        }
        row_numbers(c->raw, c->row[i], x);
        if (c->scale != 1)
            for (int64_t j = 0; j < f; j++) x[j] /= c->scale;
        if (c->shift)
            for (int64_t j = 0; j < f; j++) x[j] = (x[j] - c->shift[j]) * c->factor[j];
        st = put_row(c, i, x);
    }
    return st;
}

// Whether the rows are what raw holds, in its order.
static bool in_order(const tw_raw *raw, int64_t count, const int64_t *row)
{
    for (int64_t i = 0; i < count; i++)
        if (row[i] != raw->before + i) return false;
    return tw_raw_held(raw) == count;
}

tw_status tw_rows_write(const tw_raw *raw, int64_t count, const int64_t *row, int real, double scale,
                        const double *shift, const double *factor, void *x)
{
    tw_status st = TW_OK;
    conversion c = {
        .raw = raw, .count = count, .row = row, .real = real, .scale = scale, .shift = shift, .factor = factor, .x = x};
    TW_TRY(tw_alloc(tw_threads(), (size_t)raw->features * sizeof(double), &c.scratch));
    TW_TRY(tw_shards_run((count + ROWS - 1) / ROWS, convert_rows, &c));
done:
    free(c.scratch);
    return st;
}

tw_status tw_rows_convert(tw_raw *raw, int64_t count, const int64_t *row, int real, double scale, const double *shift,
                          const double *factor, void **x)
{
    tw_status st = TW_OK;
    void *made = NULL;
    if ((int)raw->kind == real && scale == 1 && !shift && in_order(raw, count, row)) {
        *x = raw->x;
        raw->x = NULL;
        return TW_OK;
    }
    TW_TRY(tw_alloc(count, (size_t)raw->features * (size_t)real, &made));
    TW_TRY(tw_rows_write(raw, count, row, real, scale, shift, factor, made));
    *x = made;
    made = NULL;
done:
    free(made);
    return st;
}

tw_status tw_labels_randomise(uint64_t seed, double fraction, int64_t classes, int64_t m, int32_t *label)
{
    int64_t *order = NULL, count = (int64_t)floor(fraction * (double)m + 0.5);
    tw_rng rng = tw_rng_at(seed, TW_RNG_LABELS, 0);
    if (count == 0) return TW_OK;
    tw_status st = count_up(m, &order);
    if (st != TW_OK) return st;
    tw_rng_shuffle(&rng, m, order);
    for (int64_t i = 0; i < count; i++) label[order[i]] = (int32_t)tw_rng_below(&rng, (uint64_t)classes);
    free(order);
    return TW_OK;
}
