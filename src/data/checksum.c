// SPDX-License-Identifier: MIT
// A 64-bit checksum at the speed of memory, against accidents (not against forgers).
//
// A block is read as little-endian 64-bit words, the last filled up with zeros. Eight lanes start at their number + 1;
// word i goes to lane i mod 8 by h <- f((h ^ word) P), f(z) = z ^ z >> 32, P = 0x9E3779B97F4A7C15. The size in bytes,
// then the lanes, are joined by the same step from 0. Every step is a bijection of h for a given word and of the word
// for a given h, so a change in one word is always seen. Longer data are the checksum of the list of the checksums of
// their blocks of 2^20 bytes.
#include "data/checksum.h"

#include "base/alloc.h"
#include "base/shards.h"
#include <string.h>

enum { LANES = 8, BLOCK = TW_CHECKSUM_BLOCK };

static uint64_t step(uint64_t h, uint64_t word)
{
    uint64_t z = (h ^ word) * 0x9E3779B97F4A7C15;
    return z ^ z >> 32;
}

uint64_t tw_checksum_block(const void *data_, size_t size)
{
    const uint8_t *data = data_;
    uint64_t lane[LANES], word[LANES];
    size_t at = 0;
    for (int i = 0; i < LANES; i++) lane[i] = (uint64_t)i + 1;
    for (; size - at >= sizeof word; at += sizeof word) {
        memcpy(word, data + at, sizeof word);
        for (int i = 0; i < LANES; i++) lane[i] = step(lane[i], word[i]);
    }
    for (int i = 0; at < size; i++) {
        size_t bytes = size - at < 8 ? size - at : 8;
        uint64_t last = 0;
        memcpy(&last, data + at, bytes);
        lane[i] = step(lane[i], last);
        at += bytes;
    }
    uint64_t h = step(0, size);
    for (int i = 0; i < LANES; i++) h = step(h, lane[i]);
    return h;
}

typedef struct job {
    const uint8_t *data;
    size_t size;
    uint64_t *part;
} job;

static tw_status one_block(void *ctx, int64_t shard, int thread)
{
    (void)thread;
    job *j = ctx;
    size_t at = (size_t)shard * BLOCK;
    j->part[shard] = tw_checksum_block(j->data + at, j->size - at < BLOCK ? j->size - at : BLOCK);
    return TW_OK;
}

tw_status tw_checksum(const void *data, size_t size, uint64_t *out)
{
    tw_status st = TW_OK;
    int64_t blocks = (int64_t)(size / BLOCK + (size % BLOCK > 0));
    job j = {.data = data, .size = size};
    TW_TRY(tw_alloc(blocks, sizeof *j.part, &j.part));
    TW_TRY(tw_shards_run(blocks, one_block, &j));
    *out = tw_checksum_block(j.part, (size_t)blocks * sizeof *j.part);
done:
    free(j.part);
    return st;
}
