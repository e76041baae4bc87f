// SPDX-License-Identifier: MIT
// Ranks give the bits of one process. Run alone and by mpirun -n 1 ... 4; every rank checks.
#include "base/ranks.h"
#include "base/alloc.h"
#include "base/shards.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

// Numbers whose sum depends on the order: of very different sizes and both signs.
static double number(int64_t shard, int64_t i)
{
    static const double size[] = {1e-6, 1, 3e3, 1e-3, 7e5, 1e-1, 1e1};
    return (double)((shard * 7919 + i * 104729) % 2003 - 1001) * size[(shard * 31 + i * 17) % 7];
}

typedef struct job {
    int64_t count;
    tw_real real;
} job;

static tw_status part(void *ctx, int64_t shard, int thread, void *out)
{
    const job *j = ctx;
    (void)thread;
    for (int64_t i = 0; i < j->count; i++)
        if (j->real == TW_F32)
            ((float *)out)[i] = (float)number(shard, i);
        else
            ((double *)out)[i] = number(shard, i);
    return TW_OK;
}

// Truth: the same tree in this process alone, which test_base compares with a sum by recursion.
static void a_sum_over_ranks_has_the_bits_of_one_process(void **state)
{
    (void)state;
    static const int64_t shards[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 64, 100, 127, 257}, count[] = {1, 3, 1000, 20000};
    for (size_t s = 0; s < sizeof shards / sizeof *shards; s++)
        for (size_t c = 0; c < sizeof count / sizeof *count; c++)
            for (int real = TW_F32; real <= TW_F64; real += TW_F64 - TW_F32) {
                job j = {count[c], (tw_real)real};
                size_t bytes = (size_t)count[c] * (size_t)real;
                void *alone = malloc(bytes), *together = malloc(bytes);
                tw_parts *parts = NULL;
                must(tw_parts_new(&parts));
                must(tw_shards_sum(parts, shards[s], j.real, j.count, part, &j, alone));
                must(tw_shards_sum_dealt(parts, shards[s], j.real, j.count, part, &j, together));
                assert_memory_equal(alone, together, bytes);
                tw_parts_free(parts);
                free(together);
                free(alone);
            }
}

// Each rank has at most its share and 1/16 more, rounded up, and shards are dealt once.
static void shards_are_dealt_once_and_evenly(void **state)
{
    (void)state;
    for (int64_t shards = 2; shards < 600; shards++) {
        int64_t at = 0, fair = (shards + tw_ranks() - 1) / tw_ranks();
        for (int r = 0; r < tw_ranks(); r++) {
            tw_dealt d = tw_ranks_deal(shards, r);
            assert_int_equal(d.first, at);
            assert_true(d.last >= at && d.last - at <= fair + fair / 16 + 1);
            at = d.last;
        }
        assert_int_equal(at, shards);
    }
}

// The nodes that ranks own hold every shard once, from left to right.
static void nodes_of_ranks_cover_the_tree(void **state)
{
    (void)state;
    tw_tree_node node[256];
    for (int64_t shards = 2; shards < 600 && tw_ranks() > 1; shards++) {
        int64_t count = tw_ranks_nodes(shards, 256, node), at = 0;
        assert_true(count <= 256);
        for (int64_t i = 0; i < count; i++) {
            assert_int_equal(node[i].index << node[i].level, at);
            at += (int64_t)1 << node[i].level;
            if (at > shards) at = shards;
            assert_true(at <= tw_ranks_deal(shards, node[i].rank).last);
        }
        assert_int_equal(at, shards);
    }
}

// Ranks with one node each: every rank receives the values of its entries from the P-1 others, then the results of
// theirs, 2 (P-1)/P of the vector; no way of summing over P ranks does with less.
static void a_sum_moves_no_byte_more_than_it_must(void **state)
{
    (void)state;
    int64_t ranks = tw_ranks(), count = 4096 * ranks;
    if ((ranks & (ranks - 1)) != 0) return; // 3 ranks do not own whole subtrees
    job j = {count, TW_F64};
    double *total = malloc((size_t)count * sizeof *total);
    tw_parts *parts = NULL;
    must(tw_parts_new(&parts));
    int64_t before = tw_ranks_received();
    must(tw_shards_sum_dealt(parts, 16, TW_F64, count, part, &j, total));
    assert_int_equal(tw_ranks_received() - before, 2 * (ranks - 1) * 4096 * 8);
    tw_parts_free(parts);
    free(total);
}

static tw_status inner(void *ctx, int64_t shard, int thread)
{
    const job *j = ctx;
    (void)shard, (void)thread;
    double *total = malloc((size_t)j->count * sizeof *total);
    tw_parts *parts = NULL;
    tw_status st = tw_parts_new(&parts);
    if (st == TW_OK) st = tw_shards_sum_dealt(parts, 9, TW_F64, j->count, part, ctx, total);
    if (st == TW_OK && tw_ranks_together() != 1) st = tw_fail(TW_EINVAL, "not alone");
    tw_parts_free(parts);
    free(total);
    return st;
}

// Ranks have different numbers of shards: if their inner sums asked the others, this would hang or fail.
static void inside_of_a_shard_a_process_is_alone(void **state)
{
    (void)state;
    job j = {50, TW_F64};
    int64_t before = tw_ranks_received();
    must(tw_shards_run_dealt(7, inner, &j));
    assert_int_equal(tw_ranks_received(), before);
    assert_int_equal(tw_ranks_together(), tw_ranks());
}

static tw_status fill(void *ctx, int64_t shard, int thread)
{
    int32_t(*array)[3] = ctx;
    (void)thread;
    for (int i = 0; i < 3; i++) array[shard][i] = (int32_t)(shard * 3 + i);
    return TW_OK;
}

static void what_each_rank_found_reaches_all(void **state)
{
    (void)state;
    int32_t array[101][3];
    memset(array, -1, sizeof array);
    must(tw_shards_run_dealt(101, fill, array));
    must(tw_ranks_gather(101, sizeof array[0], sizeof array - 4, array)); // the last entry is shorter
    for (int i = 0; i < 302; i++) assert_int_equal(array[i / 3][i % 3], i);
}

static void write_on(void *ctx)
{
    int32_t *list = ctx;
    list[++list[0]] = tw_rank();
}

static void ranks_in_a_chain_each_go_on_where_the_last_one_ended(void **state)
{
    (void)state;
    int32_t list[64] = {0}; // how many wrote, and who
    must(tw_ranks_chain(write_on, list, sizeof list, list));
    assert_int_equal(list[0], tw_ranks());
    for (int i = 0; i < tw_ranks(); i++) assert_int_equal(list[i + 1], i);
}

static void all_get_what_rank_0_has(void **state)
{
    (void)state;
    int value = 40 + tw_rank();
    must(tw_ranks_share(&value, sizeof value));
    assert_int_equal(value, 40);
    char *text = tw_rank() == 0 ? strdup("of any length") : NULL;
    int64_t bytes = tw_rank() == 0 ? 14 : 0;
    must(tw_ranks_share_block(&bytes, (void **)&text));
    assert_string_equal(text, "of any length");
    free(text);
    text = NULL;
    must(tw_ranks_share_block(&bytes, (void **)&text));
    assert_null(text);
}

static void a_process_that_leaves_is_alone(void **state)
{
    (void)state;
    bool speaks;
    tw_ranks_meet(false, &speaks);
    tw_ranks_close(0);
    assert_int_equal(tw_ranks(), 1);
    assert_int_equal(tw_rank(), 0);
    tw_dealt all = tw_ranks_mine(10);
    assert_true(all.first == 0 && all.last == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_over_ranks_has_the_bits_of_one_process),
        cmocka_unit_test(shards_are_dealt_once_and_evenly),
        cmocka_unit_test(nodes_of_ranks_cover_the_tree),
        cmocka_unit_test(a_sum_moves_no_byte_more_than_it_must),
        cmocka_unit_test(inside_of_a_shard_a_process_is_alone),
        cmocka_unit_test(what_each_rank_found_reaches_all),
        cmocka_unit_test(ranks_in_a_chain_each_go_on_where_the_last_one_ended),
        cmocka_unit_test(all_get_what_rank_0_has),
        cmocka_unit_test(a_process_that_leaves_is_alone), // last: it ends them
    };
    if (getenv("TW_TEST_RANKS")) {
        if (tw_ranks_open() != TW_OK || tw_ranks() != atoi(getenv("TW_TEST_RANKS"))) {
            fprintf(stderr, "expected %s ranks, found %d: %s\n", getenv("TW_TEST_RANKS"), tw_ranks(), tw_error());
            return 1;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
