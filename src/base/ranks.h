// SPDX-License-Identifier: MIT
// The door to other processes: this program as one of several ranks, and what they do together.
//
// Every rank runs the same command with the same words. What is not work over shards is done by each of them alike; the
// shards of a sweep and the replicas of a simulation are dealt, in one contiguous range a rank, and their results are
// shared, so all ranks stand at the same numbers, to the bit, after every call. Alone, nothing here costs anything.
//
// Inside of a shard a process is alone: what it calls there is its own work, whole.
//
// A function that talks must be reached by all ranks in the same order. A rank that fails before it need not be
// answered: it ends the others (tw_ranks_close).
#ifndef BASE_RANKS_H
#define BASE_RANKS_H

#include "base/status.h"

// The part [first, last) of `shards` that a rank works on. A cut moves by up to 1/32 of a part where that leaves ranks
// with whole subtrees of the summation tree, since fewer partial sums travel then. A single shard is everybody's.
typedef struct tw_dealt {
    int64_t first, last;
} tw_dealt;
tw_dealt tw_ranks_deal(int64_t shards, int rank);
static inline tw_dealt tw_ranks_mine(int64_t shards) { return tw_ranks_deal(shards, tw_rank()); }

// Ranks that work together here: 1 inside of a shard. tw_ranks_enter marks where one begins (1) and ends (-1).
int tw_ranks_together(void);
void tw_ranks_enter(int step);

// array[all / bytes][bytes], an entry a shard, the last one maybe shorter: each rank has filled the entries of its own
// shards, afterwards all have all.
TW_NODISCARD tw_status tw_ranks_gather(int64_t shards, int64_t bytes, int64_t all, void *array);

// Every rank gets rank 0's bytes.
TW_NODISCARD tw_status tw_ranks_share(void *data, size_t bytes);

// The same for bytes of which only rank 0 knows how many there are; the others receive their own copy in *data, which
// is the caller's. NULL arrives as NULL.
TW_NODISCARD tw_status tw_ranks_share_block(int64_t *bytes, void **data);

// Calls step on rank 0, then on rank 1, ...: each finds data as the rank before left it; afterwards all have what the
// last one left. What one process would do in a row, by ranks that each see a part.
TW_NODISCARD tw_status tw_ranks_chain(void (*step)(void *ctx), void *ctx, size_t bytes, void *data);

// Nobody goes on before all have come: before files are made whose presence the others ask for.
TW_NODISCARD tw_status tw_ranks_wait(void);

// The tree of base/shards.h over all ranks: sum[i] are this rank's finished nodes, in the order of tw_ranks_nodes;
// total[0 ... count) receives what one rank alone would have found. sum is used as scratch.
typedef struct tw_tree_node {
    int level, rank;
    int64_t index;
} tw_tree_node;
// The nodes that ranks own whole, from left to right: at most `room`; returns how many there are.
int64_t tw_ranks_nodes(int64_t shards, int64_t room, tw_tree_node *out);
TW_NODISCARD tw_status tw_ranks_sum(int64_t shards, size_t real, int64_t count, void *const *sum, void *total);

// Bytes this rank has received for results, without headers.
int64_t tw_ranks_received(void);

// Only ranks 0 ... ranks-1 work together from here on: to see what fewer would do. Every rank calls it, in the same
// order, also those that are left out, which call nothing else here until it is called again; tw_ranks_all ends it.
TW_NODISCARD tw_status tw_ranks_limit(int ranks);
int tw_ranks_all(void);
// Cores that this rank may use, and how many ranks of this host, itself among them, may use the same ones.
void tw_ranks_cores(int *cores, int *sharing);

// From here on this process is alone: for one that was forked off, which must not talk.
void tw_ranks_leave(void);

// How the program ends. tw_ranks_meet: each rank says whether it failed and learns whether it is the one to print its
// message: when all failed alike that is rank 0, else whoever failed. tw_ranks_close then ends all ranks at once, with
// `code`, if one of them cannot be met. Both do nothing when alone (and *speaks is true).
void tw_ranks_meet(bool failed, bool *speaks);
void tw_ranks_close(int code);
const char *tw_ranks_name(void); // "rank 2 of 4 on host7", "" when alone

#endif
