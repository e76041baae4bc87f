// SPDX-License-Identifier: MIT
// Each rank reads and keeps the samples of its own shards; all find the checksum together.
//
// The checksum is that of the list of the checksums of the MiB blocks of x (data/checksum.h), which are dealt: a rank
// converts the rows of one block at a time. Their samples lie where its own do, but for those at the two ends.
#include "data/part.h"

#include "base/alloc.h"
#include "base/ranks_inside.h"
#include "base/shards.h"
#include "data/checksum.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct sum_job {
    const tw_data *data;
    const tw_raw *raw;
    const int64_t *row;
    const tw_data_scale *scale;
    int64_t bytes, row_bytes, blocks; // of all of x, of a sample
    uint64_t *part;                   // [blocks]
} sum_job;

// The samples that bytes of blocks [first, last) belong to.
static tw_wanted rows_of(const sum_job *j, int64_t first, int64_t last)
{
    int64_t end = last * TW_CHECKSUM_BLOCK < j->bytes ? last * TW_CHECKSUM_BLOCK : j->bytes;
    int64_t from = first * TW_CHECKSUM_BLOCK / j->row_bytes;
    return (tw_wanted){from, first < last ? (end + j->row_bytes - 1) / j->row_bytes - from : 0};
}

static tw_status one_block(void *ctx, int64_t block, int thread)
{
    (void)thread;
    tw_status st = TW_OK;
    const sum_job *j = ctx;
    char *x = NULL;
    tw_wanted rows = rows_of(j, block, block + 1);
    int64_t at = block * TW_CHECKSUM_BLOCK, left = j->bytes - at;
    TW_TRY(tw_alloc(rows.count, (size_t)j->row_bytes, &x));
    TW_TRY(tw_rows_write(j->raw, rows.count, j->row + rows.first, j->data->real, j->scale->unit, j->scale->shift,
                         j->scale->factor, x));
    j->part[block] = tw_checksum_block(x + (at - rows.first * j->row_bytes),
                                       (size_t)(left < TW_CHECKSUM_BLOCK ? left : TW_CHECKSUM_BLOCK));
done:
    free(x);
    return st;
}

static tw_wanted join(tw_wanted a, tw_wanted b)
{
    if (a.count == 0 || b.count == 0) return a.count ? a : b;
    int64_t first = a.first < b.first ? a.first : b.first, end = a.first + a.count, other = b.first + b.count;
    return (tw_wanted){first, (end > other ? end : other) - first};
}

tw_status tw_data_open_part(const char *spec, const tw_data_opts *opts, tw_data **out)
{
    tw_status st = TW_OK;
    const tw_wanted none = {0, 0};
    tw_data *made = NULL;
    if (tw_ranks_together() == 1) return tw_data_open(spec, opts, out);
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    TW_TRY(tw_alloc(1, sizeof *made->rest, &made->rest));
    TW_TRY(tw_data_begin(spec, opts, &none, made->rest, made));
    made->before = made->m;
    *out = made;
    made = NULL;
done:
    tw_data_free(made);
    return st;
}

// The samples of `wanted` and maybe more, of the data set that was opened.
static tw_status read_again(tw_data_rest *rest, tw_wanted wanted)
{
    tw_status st = TW_OK;
    tw_raw now = {0};
    const tw_raw *then = &rest->raw;
    TW_TRY(tw_data_read_split(rest, rest->split, &wanted, &now));
    if (now.m != then->m || now.features != then->features || now.kind != then->kind) {
        st = tw_fail(TW_EFORMAT,
                     "data %s: found %" PRId64 " samples of %" PRId64 " numbers, expected %" PRId64 " of %" PRId64
                     " as a moment ago: was the file written meanwhile?",
                     rest->spec.text, now.m, now.features, then->m, then->features);
        goto done;
    }
    tw_raw_free(&rest->raw);
    rest->raw = now;
    now = (tw_raw){0};
done:
    tw_raw_free(&now);
    return st;
}

tw_status tw_data_hold(tw_data *data, int64_t shard)
{
    tw_status st = TW_OK;
    tw_data_rest *rest = data->rest;
    tw_data_scale scale = {0};
    if (!rest) return TW_OK;

    const int64_t m = data->m, row_bytes = data->features * data->real;
    sum_job sum = {.data = data,
                   .raw = &rest->raw,
                   .row = rest->row,
                   .scale = &scale,
                   .bytes = m * row_bytes,
                   .row_bytes = row_bytes};
    sum.blocks = (sum.bytes + TW_CHECKSUM_BLOCK - 1) / TW_CHECKSUM_BLOCK;
    tw_dealt shards = tw_ranks_mine((m + shard - 1) / shard), blocks = tw_ranks_mine(sum.blocks);
    int64_t first = shards.first * shard < m ? shards.first * shard : m;
    int64_t last = shards.last * shard < m ? shards.last * shard : m;

    TW_TRY(tw_alloc(sum.blocks, sizeof *sum.part, &sum.part));
    TW_TRY(tw_data_find_scale(rest, true, &scale)); // before the samples are in memory: it reads others
    if (tw_raw_held(&rest->raw) < rest->raw.m) {
        tw_wanted both = join((tw_wanted){first, last - first}, rows_of(&sum, blocks.first, blocks.last));
        TW_TRY(read_again(rest, tw_rows_window(both, rest->row)));
    }
    TW_TRY(tw_shards_run_dealt(sum.blocks, one_block, &sum));
    TW_TRY(tw_ranks_gather(sum.blocks, sizeof *sum.part, sum.blocks * (int64_t)sizeof *sum.part, sum.part));
    TW_TRY(tw_data_checksum(data, tw_checksum_block(sum.part, (size_t)sum.blocks * sizeof *sum.part)));
    TW_TRY(tw_rows_convert(&rest->raw, last - first, rest->row + first, data->real, scale.unit, scale.shift,
                           scale.factor, &data->x));
    data->before = first;
    data->after = m - last;
    data->unit = shard < m ? shard : 0; // a single shard is everybody's
    tw_data_rest_free(rest);
    free(rest);
    data->rest = NULL;
done:
    free(sum.part);
    free(scale.shift);
    free(scale.factor);
    return st;
}

// --- samples of others ---

tw_wanted tw_data_fetched(int64_t count, int64_t shard, int rank)
{
    tw_dealt mine = tw_ranks_deal((count + shard - 1) / shard, rank);
    int64_t first = mine.first * shard < count ? mine.first * shard : count;
    int64_t last = mine.last * shard < count ? mine.last * shard : count;
    return (tw_wanted){first, last - first};
}

// Who holds a sample, by the shards that x was dealt in.
static int owner_of(const tw_data *data, int64_t sample)
{
    int64_t shards = (data->m + data->unit - 1) / data->unit, shard = sample / data->unit;
    int low = 0, high = tw_ranks_together() - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (tw_ranks_deal(shards, middle).last > shard)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static const char *row_of(const tw_data *data, int64_t sample)
{
    return (const char *)data->x + (sample - data->before) * data->features * data->real;
}

tw_status tw_data_fetch(const tw_data *data, const int64_t *index, int64_t first, int64_t count, int64_t shard, void *x)
{
    tw_status st = TW_OK;
    const int ranks = tw_ranks_together(), me = ranks > 1 ? tw_rank() : 0;
    const size_t row = (size_t)(data->features * data->real);
    int64_t *to = NULL, *from = NULL, sends = 0, receives = 0, leaving = 0, coming = 0;
    char *out = NULL, *in = NULL;
    tw_message *send = NULL, *receive = NULL;
    if (data->unit > 0 && ranks == 1)
        return tw_fail(TW_EINVAL, "data %s: dealt to ranks, and asked for by one alone", data->name);

    TW_TRY(tw_alloc(2 * ranks, sizeof *to, &to)); // rows for each rank, and from each
    from = to + ranks;
    for (int pass = 0; pass < 2; pass++) { // counted, then copied
        char *at = out, *place = x;
        for (int r = 0; r < ranks; r++) {
            tw_wanted of = data->unit > 0 ? tw_data_fetched(count, shard, r) : (tw_wanted){0, r == me ? count : 0};
            for (int64_t i = of.first; i < of.first + of.count; i++) {
                int64_t sample = index ? index[i] : first + i;
                int owner = data->unit > 0 ? owner_of(data, sample) : me;
                if (pass == 0) {
                    to[r] += owner == me && r != me;
                    from[owner] += r == me && owner != me;
                } else if (owner == me && r != me) {
                    memcpy(at, row_of(data, sample), row);
                    at += row;
                } else if (owner == me) {
                    memcpy(place + (size_t)(i - of.first) * row, row_of(data, sample), row);
                }
            }
        }
        if (pass == 1) break;
        for (int r = 0; r < ranks; r++) leaving += to[r];
        for (int r = 0; r < ranks; r++) coming += from[r];
        TW_TRY(tw_alloc(leaving, row, &out));
        TW_TRY(tw_alloc(coming, row, &in));
    }
    TW_TRY(tw_alloc(ranks, sizeof *send, &send));
    TW_TRY(tw_alloc(ranks, sizeof *receive, &receive));
    char *at = out, *next = in;
    for (int r = 0; r < ranks; r++) {
        if (to[r] > 0) send[sends++] = (tw_message){r, at, (size_t)to[r] * row};
        if (from[r] > 0) receive[receives++] = (tw_message){r, next, (size_t)from[r] * row};
        at += (size_t)to[r] * row;
        next += (size_t)from[r] * row;
    }
    if (sends + receives > 0) TW_TRY(tw_ranks_exchange(sends, send, receives, receive));
    // Rows of an owner arrive in the order of the list.
    int64_t begin = 0;
    for (int r = 0; r < ranks && coming > 0; r++) { // from: where the next row of each owner lies
        int64_t rows = from[r];
        from[r] = begin;
        begin += rows;
    }
    tw_wanted own = tw_data_fetched(count, shard, me);
    for (int64_t i = own.first; i < own.first + own.count && coming > 0; i++) {
        int owner = owner_of(data, index ? index[i] : first + i);
        if (owner == me) continue;
        memcpy((char *)x + (size_t)(i - own.first) * row, in + (size_t)from[owner]++ * row, row);
    }
done:
    free(to);
    free(out);
    free(in);
    free(send);
    free(receive);
    return st;
}
