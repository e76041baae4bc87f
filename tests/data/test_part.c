// SPDX-License-Identifier: MIT
// Samples that ranks hold in parts, against the same samples held whole. Alone, and by mpirun on several ranks.
#include "test.h"

#include "base/ranks.h"
#include "base/rng.h"
#include "data/part.h"

static const char *const specs[] = {"gauss:classes=3,dim=5,n=700", "regression:dim=7,n=333"};
static const char *const scales[] = {"none", "standard", "one-scale"};

static void compare(const tw_data *part, const tw_data *whole)
{
    size_t row = (size_t)(whole->features * whole->real), held = (size_t)(part->m - part->before - part->after);
    assert_int_equal(part->m, whole->m);
    assert_int_equal(part->checksum, whole->checksum);
    assert_memory_equal(part->x, (const char *)whole->x + (size_t)part->before * row, held * row);
    if (whole->label) assert_memory_equal(part->label, whole->label, (size_t)whole->m * sizeof *whole->label);
    if (whole->target)
        assert_memory_equal(part->target, whole->target, (size_t)(whole->m * whole->targets) * sizeof *whole->target);
}

// Truth: tw_data_open, which asks no other rank.
static void a_part_has_the_bits_of_the_whole(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++)
        for (size_t c = 0; c < 3; c++)
            for (int64_t shard = 16; shard <= 1024; shard *= 8) {
                tw_data *whole = NULL, *part = NULL;
                tw_data_opts opts = tw_data_defaults();
                opts.scale = scales[c];
                opts.real = c == 1 ? 8 : 4;
                opts.validation = 0.2;
                must(tw_data_open(specs[s], &opts, &whole));
                must(tw_data_open_part(specs[s], &opts, &part));
                must(tw_data_hold(part, shard));
                compare(part, whole);
                int64_t shards = (whole->m + shard - 1) / shard;
                tw_wanted own = tw_data_fetched(whole->m, shard, tw_rank());
                assert_int_equal(part->before, shards > 1 ? own.first : 0);
                assert_int_equal(part->m - part->before - part->after, shards > 1 ? own.count : whole->m);
                tw_data_free(part);
                tw_data_free(whole);
            }
}

// Every place of the list is received by the rank whose shard it is in, whoever holds the sample.
static void samples_of_others_are_fetched_in_the_order_of_the_list(void **state)
{
    (void)state;
    tw_data *whole = NULL, *part = NULL;
    tw_data_opts opts = tw_data_defaults();
    int64_t index[203];
    must(tw_data_open(specs[0], &opts, &whole));
    must(tw_data_open_part(specs[0], &opts, &part));
    must(tw_data_hold(part, 32));
    tw_rng rng = tw_rng_at(5, TW_RNG_SPLIT, 0);
    for (int i = 0; i < 203; i++) index[i] = (int64_t)tw_rng_below(&rng, 700); // some of them twice
    const size_t row = (size_t)(whole->features * whole->real);
    char *x = malloc(203 * row);
    for (int listed = 0; listed < 2; listed++)
        for (int64_t shard = 7; shard <= 343; shard *= 7) {
            const int64_t first = listed ? 0 : 450;
            must(tw_data_fetch(part, listed ? index : NULL, first, 203, shard, x));
            tw_wanted own = tw_data_fetched(203, shard, tw_rank());
            for (int64_t i = 0; i < own.count; i++) {
                int64_t sample = listed ? index[own.first + i] : first + own.first + i;
                assert_memory_equal(x + (size_t)i * row, (char *)whole->x + (size_t)sample * row, row);
            }
        }
    free(x);
    tw_data_free(part);
    tw_data_free(whole);
}

static void leave(void)
{
    bool speaks;
    tw_ranks_meet(false, &speaks);
    tw_ranks_close(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_has_the_bits_of_the_whole),
        cmocka_unit_test(samples_of_others_are_fetched_in_the_order_of_the_list),
    };
    if (getenv("TW_TEST_RANKS") && tw_ranks_open() != TW_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    leave();
    return failed;
}
