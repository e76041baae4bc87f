// SPDX-License-Identifier: MIT
// The one place where threads are forked, and the one order in which sums are joined.
//
// A job is cut into shards by the problem alone. Each shard writes its own partial sum; partial sums are joined in a
// binary tree over shard numbers, ((0+1)+(2+3))+..., so the result has the same bits on any number of threads. A node
// is joined by whichever thread finishes its second half; only about threads + log2(shards) partial sums live at once.
// The tree goes on over ranks (base/ranks.h), so the bits are those of one process on any number of them.
#ifndef BASE_SHARDS_H
#define BASE_SHARDS_H

#include "base/status.h"

// thread: 0 ... tw_threads()-1, to pick scratch that only one thread uses at a time.
typedef tw_status (*tw_shard_fn)(void *ctx, int64_t shard, int thread);

// Runs fn for every shard. If shards fail, the message and status of the lowest one are returned, whatever the threads.
TW_NODISCARD tw_status tw_shards_run(int64_t shards, tw_shard_fn fn, void *ctx);

// tw_shards_run for the shards that are this rank's (base/ranks.h); alone, all of them.
TW_NODISCARD tw_status tw_shards_run_dealt(int64_t shards, tw_shard_fn fn, void *ctx);

typedef enum tw_real { TW_F32 = 4, TW_F64 = 8 } tw_real; // size in bytes of a number

// fn fills part[0 ... count) (uninitialised on entry) with the partial sum of its shard.
typedef tw_status (*tw_shard_part_fn)(void *ctx, int64_t shard, int thread, void *part);

// total[0 ... count) = the tree sum of all parts. shards >= 1. Partial buffers are kept in *pool between calls.
typedef struct tw_parts tw_parts;
TW_NODISCARD tw_status tw_parts_new(tw_parts **out);
void tw_parts_free(tw_parts *parts);
TW_NODISCARD tw_status tw_shards_sum(tw_parts *parts, int64_t shards, tw_real real, int64_t count, tw_shard_part_fn fn,
                                     void *ctx, void *total);
// The same with the shards dealt to ranks; every rank receives the total.
TW_NODISCARD tw_status tw_shards_sum_dealt(tw_parts *parts, int64_t shards, tw_real real, int64_t count,
                                           tw_shard_part_fn fn, void *ctx, void *total);

// x[0 ... n) += y.
void tw_shards_add(tw_real real, int64_t n, void *x, const void *y);

// x[0] = the tree sum of x[0 ... shards): for scalars that each shard left in an array.
double tw_tree_sum(int64_t count, const double *x);

#endif
