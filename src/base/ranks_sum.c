// SPDX-License-Identifier: MIT
// The summation tree of base/shards.h, continued over ranks.
//
// A rank has finished every node whose shards are all its own; the nodes of all ranks, from left to right, are the
// leaves of what remains of the tree. Sums are of each entry alone, so the entries are dealt to ranks: each rank gets
// the nodes' values of its entries, joins them in the order of the tree, and gives the result to all. With one node a
// rank, a rank receives 2 (P-1)/P of the vector, the least that P ranks can do it with (Rabenseifner 2004; Patarasuk &
// Yuan, J. Parallel Distrib. Comput. 69 (2009) 117).
#include "base/ranks_inside.h"

#include "base/alloc.h"
#include "base/shards.h"
#include <string.h>

enum {
    PIECE = 1 << 24, // entries that travel at a time: what bounds the memory for those of other ranks
    SLAB = 1 << 13   // entries that are joined at a time, in cache
};

// Node (level, index) holds shards index 2^level ... , cut at the last one.
int64_t tw_ranks_nodes(int64_t shards, int64_t room, tw_tree_node *out)
{
    int64_t count = 0;
    for (int rank = 0; rank < tw_ranks(); rank++) {
        tw_dealt d = tw_ranks_deal(shards, rank);
        for (int64_t at = d.first; at < d.last; count++) {
            int level = 0;
            int64_t end = at + 1;
            for (; level < 62 && at % ((int64_t)2 << level) == 0; level++) { // grows while it stays inside
                int64_t next = at + ((int64_t)2 << level);
                if (next > shards) next = shards;
                if (next > d.last || (end == shards && at == 0)) break;
                end = next;
            }
            if (count < room) out[count] = (tw_tree_node){level, rank, at >> level};
            at = end;
        }
    }
    return count;
}

typedef struct pair {
    int64_t left, right; // places in the list of nodes: left += right
} pair;

typedef struct tree {
    tw_tree_node *node;
    int64_t nodes, at, pairs;
    pair *pair; // [nodes - 1], in an order in which they can be done
} tree;

static int64_t first_of(const tw_tree_node *n) { return n->index << n->level; }

// Joins the nodes that begin before `end`; returns the place of the leftmost, which holds their sum.
static int64_t join(tree *t, int level, int64_t index)
{
    const tw_tree_node *n = &t->node[t->at];
    int64_t here = t->at;
    if (level == 0 || n->level >= level) {
        t->at++;
        return here;
    }
    int64_t middle = (2 * index + 1) << (level - 1);
    join(t, level - 1, 2 * index);
    if (t->at < t->nodes && first_of(&t->node[t->at]) == middle) {
        int64_t right = join(t, level - 1, 2 * index + 1);
        t->pair[t->pairs++] = (pair){here, right};
    }
    return here;
}

static tw_status open_tree(int64_t shards, tree *t)
{
    tw_status st = TW_OK;
    int levels = 0;
    while (((int64_t)1 << levels) < shards) levels++;
    t->nodes = tw_ranks_nodes(shards, 0, NULL);
    TW_TRY(tw_alloc(t->nodes, sizeof *t->node, &t->node));
    TW_TRY(tw_alloc(t->nodes, sizeof *t->pair, &t->pair));
    tw_ranks_nodes(shards, t->nodes, t->node);
    join(t, levels, 0);
done:
    return st;
}

typedef struct work {
    const tree *t;
    size_t real;
    int64_t count; // entries of this rank in the present piece
    char **value;  // [nodes]: where they are
} work;

static tw_status join_slab(void *ctx, int64_t slab, int thread)
{
    const work *w = ctx;
    (void)thread;
    int64_t from = slab * SLAB, n = w->count - from < SLAB ? w->count - from : SLAB;
    for (int64_t p = 0; p < w->t->pairs; p++) {
        char *x = w->value[w->t->pair[p].left] + from * (int64_t)w->real;
        const char *y = w->value[w->t->pair[p].right] + from * (int64_t)w->real;
        tw_shards_add((tw_real)w->real, n, x, y);
    }
    return TW_OK;
}

// Entries [from, from + count) of the whole; cuts[r] ... cuts[r + 1] of them are rank r's.
static void deal_entries(int64_t from, int64_t count, int64_t *cuts)
{
    for (int r = 0; r <= tw_ranks(); r++) cuts[r] = from + count / tw_ranks() * r + count % tw_ranks() * r / tw_ranks();
}

tw_status tw_ranks_sum(int64_t shards, size_t real, int64_t count, void *const *sum, void *total)
{
    tw_status st = TW_OK;
    tree t = {0};
    tw_message *send = NULL, *receive = NULL;
    char *far = NULL, **value = NULL;
    int64_t *cuts = NULL, *first = NULL, mine = 0, bytes = (int64_t)real;
    int me = tw_rank(), ranks = tw_ranks();

    TW_TRY(open_tree(shards, &t));
    for (int64_t i = 0; i < t.nodes; i++) mine += t.node[i].rank == me;
    TW_TRY(tw_alloc(t.nodes, sizeof *value, &value));
    TW_TRY(tw_alloc(ranks + 1, sizeof *cuts, &cuts));
    TW_TRY(tw_alloc(ranks + 1, sizeof *first, &first));
    TW_TRY(tw_alloc(mine * ranks + 1, sizeof *send, &send));
    TW_TRY(tw_alloc(t.nodes + 1, sizeof *receive, &receive));
    int64_t largest = count < PIECE ? count : PIECE;
    TW_TRY(tw_alloc((largest / ranks + 1) * (t.nodes - mine) + 1, real, &far));

    for (int64_t from = 0; from < count; from += PIECE) {
        int64_t sends = 0, receives = 0, own = 0;
        deal_entries(from, count - from < PIECE ? count - from : PIECE, cuts);
        int64_t lo = cuts[me], here = cuts[me + 1] - lo;
        for (int64_t i = 0; i < t.nodes; i++) {
            if (t.node[i].rank != me) {
                value[i] = far + receives * here * bytes;
                receive[receives++] = (tw_message){t.node[i].rank, value[i], (size_t)(here * bytes)};
                continue;
            }
            char *x = sum[own++];
            value[i] = x + lo * bytes;
            for (int r = 0; r < ranks; r++)
                if (r != me)
                    send[sends++] = (tw_message){r, x + cuts[r] * bytes, (size_t)((cuts[r + 1] - cuts[r]) * bytes)};
        }
        TW_TRY(tw_ranks_exchange(sends, send, receives, receive));
        work w = {&t, real, here, value};
        TW_TRY(tw_shards_run((here + SLAB - 1) / SLAB, join_slab, &w));
        if (here > 0) memcpy((char *)total + lo * bytes, value[0], (size_t)(here * bytes));
        for (int r = 0; r <= ranks; r++) first[r] = cuts[r] * bytes;
        TW_TRY(tw_ranks_collect(first, total));
    }
done:
    free(far);
    free(receive);
    free(send);
    free(first);
    free(cuts);
    free(value);
    free(t.pair);
    free(t.node);
    return st;
}
