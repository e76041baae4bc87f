// SPDX-License-Identifier: MIT
// Shards over threads, and sums over shards in a fixed binary tree.
//
// Node (level, index) holds the sum of shards index 2^level ... (index+1) 2^level - 1. A finished node looks for its
// sibling (index xor 1): if the sibling is done the two are joined, left + right, into the parent, else it waits. A
// last node without a sibling is its own parent. Which thread joins varies; what is added to what does not.
#include "base/shards.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <omp.h>
#include <string.h>

static int threads_wanted; // 0: as many as the process may use

tw_status tw_threads_set(int threads)
{
    if (threads < 1) return tw_fail(TW_EINVAL, "threads: found %d, expected at least 1", threads);
    threads_wanted = threads;
    return TW_OK;
}

int tw_threads(void) { return threads_wanted ? threads_wanted : omp_get_num_procs(); }

// The failure of the lowest shard, kept while the others finish.
typedef struct fault {
    int64_t shard;
    tw_status status;
    char message[1024];
} fault;

static void note_fault(fault *first, int64_t shard, tw_status status)
{
#pragma omp critical(tw_shards_fault)
    if (first->status == TW_OK || shard < first->shard) {
        first->shard = shard;
        first->status = status;
        strncpy(first->message, tw_error(), sizeof first->message - 1);
    }
}

static tw_status raise_fault(const fault *first)
{
    return first->status == TW_OK ? TW_OK : tw_fail(first->status, "%s", first->message);
}

static tw_status run_range(int64_t from, int64_t to, tw_shard_fn fn, void *ctx)
{
    fault first = {0};
    int threads = (int)(to - from < tw_threads() ? to - from : tw_threads());
    if (threads <= 1) { // no team for one thread: tiny networks would spend their time here
        for (int64_t i = from; i < to; i++) {
            tw_ranks_enter(1);
            tw_status st = fn(ctx, i, 0);
            tw_ranks_enter(-1);
            if (st != TW_OK) return st;
        }
        return TW_OK;
    }
    // Shards are dealt in order, so when one fails every lower one has been dealt and will finish.
    bool stop = false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t i = from; i < to; i++) {
        bool skip;
#pragma omp atomic read
        skip = stop;
        if (skip) continue;
        tw_ranks_enter(1);
        tw_status st = fn(ctx, i, omp_get_thread_num());
        tw_ranks_enter(-1);
        if (st != TW_OK) {
            note_fault(&first, i, st);
#pragma omp atomic write
            stop = true;
        }
    }
    return raise_fault(&first);
}

tw_status tw_shards_run(int64_t shards, tw_shard_fn fn, void *ctx) { return run_range(0, shards, fn, ctx); }

tw_status tw_shards_run_dealt(int64_t shards, tw_shard_fn fn, void *ctx)
{
    tw_dealt mine = tw_ranks_mine(shards);
    return run_range(mine.first, mine.last, fn, ctx);
}

typedef struct node {
    int64_t index; // of the node on its level, -1: none waits
    void *sum;
} node;

enum { LEVELS = 64 };

struct tw_parts {
    void **free; // buffers not in use
    int64_t free_count, room;
    size_t bytes; // of each buffer
};

tw_status tw_parts_new(tw_parts **out) { return tw_alloc(1, sizeof(tw_parts), out); }

static void drop_buffers(tw_parts *parts)
{
    for (int64_t i = 0; i < parts->free_count; i++) free(parts->free[i]);
    parts->free_count = 0;
}

void tw_parts_free(tw_parts *parts)
{
    if (!parts) return;
    drop_buffers(parts);
    free(parts->free);
    free(parts);
}

typedef struct job {
    tw_parts *parts;
    int64_t shards, count;
    tw_real real;
    tw_shard_part_fn fn;
    void *ctx;
    void *total;
    void **waiting[LEVELS]; // per level, per node index: its sum when it waits for its sibling
    int64_t nodes[LEVELS];  // nodes on the level
    int levels;
    omp_lock_t lock;
} job;

static tw_status take_buffer(job *j, void **out)
{
    tw_parts *parts = j->parts;
    omp_set_lock(&j->lock);
    void *buffer = parts->free_count ? parts->free[--parts->free_count] : NULL;
    omp_unset_lock(&j->lock);
    if (buffer) {
        *out = buffer;
        return TW_OK;
    }
    return tw_alloc((int64_t)parts->bytes, 1, out);
}

static void give_buffer(job *j, void *buffer)
{
    omp_set_lock(&j->lock);
    j->parts->free[j->parts->free_count++] = buffer; // room for one buffer a shard was made before
    omp_unset_lock(&j->lock);
}

static void add_f32(int64_t n, float *restrict x, const float *restrict y)
{
    for (int64_t i = 0; i < n; i++) x[i] += y[i];
}

static void add_f64(int64_t n, double *restrict x, const double *restrict y)
{
    for (int64_t i = 0; i < n; i++) x[i] += y[i];
}

void tw_shards_add(tw_real real, int64_t n, void *x, const void *y)
{
    if (real == TW_F32)
        add_f32(n, x, y);
    else
        add_f64(n, x, y);
}

// A finished node climbs: joins its waiting sibling as far up as it can, then waits itself.
static void climb(job *j, int64_t index, void *sum)
{
    for (int level = 0; level < j->levels; level++) {
        if (index == j->nodes[level] - 1 && index % 2 == 0) { // no sibling
            index /= 2;
            continue;
        }
        omp_set_lock(&j->lock);
        void *sibling = j->waiting[level][index ^ 1];
        if (!sibling)
            j->waiting[level][index] = sum;
        else
            j->waiting[level][index ^ 1] = NULL;
        omp_unset_lock(&j->lock);
        if (!sibling) return;
        void *left = index % 2 ? sibling : sum, *right = index % 2 ? sum : sibling;
        tw_shards_add(j->real, j->count, left, right);
        give_buffer(j, right);
        sum = left;
        index /= 2;
    }
    memcpy(j->total, sum, (size_t)j->count * (size_t)j->real);
    give_buffer(j, sum);
}

static tw_status run_part(void *ctx, int64_t shard, int thread)
{
    job *j = ctx;
    void *part = NULL;
    tw_status st = take_buffer(j, &part);
    if (st != TW_OK) return st;
    st = j->fn(j->ctx, shard, thread, part);
    if (st != TW_OK) {
        give_buffer(j, part);
        return st;
    }
    climb(j, shard, part);
    return TW_OK;
}

// The nodes that this rank could not join are joined with those of the others.
static tw_status join_ranks(job *j)
{
    tw_status st = TW_OK;
    tw_tree_node *leaf = NULL;
    void **own = NULL;
    int64_t mine = 0, leaves = tw_ranks_nodes(j->shards, 0, NULL);
    TW_TRY(tw_alloc(leaves, sizeof *leaf, &leaf));
    TW_TRY(tw_alloc(leaves, sizeof *own, &own));
    tw_ranks_nodes(j->shards, leaves, leaf);
    for (int64_t i = 0; i < leaves; i++)
        if (leaf[i].rank == tw_rank()) own[mine++] = j->waiting[leaf[i].level][leaf[i].index];
    TW_TRY(tw_ranks_sum(j->shards, (size_t)j->real, j->count, own, j->total));
done:
    free(own);
    free(leaf);
    return st;
}

static tw_status sum_shards(tw_parts *parts, int64_t shards, bool dealt, tw_real real, int64_t count,
                            tw_shard_part_fn fn, void *ctx, void *total)
{
    if (shards == 1) return fn(ctx, 0, 0, total);
    tw_status st = TW_OK;
    job j = {.parts = parts, .shards = shards, .count = count, .real = real, .fn = fn, .ctx = ctx, .total = total};
    void **waiting = NULL;
    int64_t all = 0;

    omp_init_lock(&j.lock);
    for (int64_t nodes = shards; nodes > 1; nodes = (nodes + 1) / 2) {
        j.nodes[j.levels++] = nodes;
        all += nodes;
    }
    TW_TRY(tw_alloc(all, sizeof *waiting, &waiting));
    void **at = waiting;
    for (int level = 0; level < j.levels; level++) {
        j.waiting[level] = at;
        at += j.nodes[level];
    }
    size_t bytes = (size_t)count * (size_t)real;
    if (parts->bytes < bytes || parts->room < shards) { // buffers only grow: a narrower block reuses them
        void **list = NULL;
        drop_buffers(parts);
        TW_TRY(tw_alloc(shards, sizeof *list, &list));
        free(parts->free);
        parts->free = list;
        parts->room = shards;
        if (parts->bytes < bytes) parts->bytes = bytes;
    }
    st = dealt ? tw_shards_run_dealt(shards, run_part, &j) : tw_shards_run(shards, run_part, &j);
    if (st == TW_OK && dealt && tw_ranks_together() > 1) st = join_ranks(&j);
    for (int64_t i = 0; i < all; i++) // after a failure, and with several ranks, nodes still wait
        if (waiting[i]) give_buffer(&j, waiting[i]);
done:
    omp_destroy_lock(&j.lock);
    free(waiting);
    return st;
}

tw_status tw_shards_sum(tw_parts *parts, int64_t shards, tw_real real, int64_t count, tw_shard_part_fn fn, void *ctx,
                        void *total)
{
    return sum_shards(parts, shards, false, real, count, fn, ctx, total);
}

tw_status tw_shards_sum_dealt(tw_parts *parts, int64_t shards, tw_real real, int64_t count, tw_shard_part_fn fn,
                              void *ctx, void *total)
{
    return sum_shards(parts, shards, true, real, count, fn, ctx, total);
}

double tw_tree_sum(int64_t count, const double *x)
{
    if (count <= 0) return 0;
    if (count == 1) return x[0];
    int64_t half = 1; // the largest power of two below count: the same tree as tw_shards_sum
    while (half * 2 < count) half *= 2;
    return tw_tree_sum(half, x) + tw_tree_sum(count - half, x + half);
}
