// SPDX-License-Identifier: MIT
// base: published vectors, and the same bits on any number of threads.
#include "test.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include "base/outfile.h"
#include "base/rng.h"
#include "base/shards.h"
#include <unistd.h>

// Truth: the known-answer tests published with Random123 (Salmon et al.): kat_vectors, philox 4x32 10.
static void philox_gives_the_published_vectors(void **state)
{
    (void)state;
    static const uint32_t kat[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        tw_philox(kat[i], kat[i] + 4, out);
        assert_memory_equal(out, kat[i] + 6, sizeof out);
    }
}

// Truth: mean 0, variance 1, fourth moment 3. Bounds: five standard errors of n draws (variances 1, 2 and 96).
static void normals_have_the_moments_of_a_normal(void **state)
{
    (void)state;
    enum { N = 200000 };
    tw_rng rng = tw_rng_at(7, TW_RNG_TEST, 0);
    double m1 = 0, m2 = 0, m4 = 0;
    for (int i = 0; i < N; i++) {
        double z = tw_rng_normal(&rng);
        m1 += z / N;
        m2 += z * z / N;
        m4 += z * z * z * z / N;
    }
    assert_near(m1, 0, 5 * sqrt(1.0 / N));
    assert_near(m2, 1, 5 * sqrt(2.0 / N));
    assert_near(m4, 3, 5 * sqrt(96.0 / N));
}

// A different purpose or index is a different stream.
static void streams_differ(void **state)
{
    (void)state;
    tw_rng a = tw_rng_at(1, TW_RNG_TEST, 0), b = tw_rng_at(1, TW_RNG_TEST, 1), c = tw_rng_at(1, TW_RNG_INIT, 0);
    uint64_t x = tw_rng_u64(&a), y = tw_rng_u64(&b), z = tw_rng_u64(&c);
    assert_true(x != y && x != z && y != z);
}

enum { COUNT = 37 };

static tw_status fill_part(void *ctx, int64_t shard, int thread, void *part)
{
    (void)ctx, (void)thread;
    tw_rng rng = tw_rng_at(3, TW_RNG_TEST, (uint64_t)shard);
    tw_rng_normals(&rng, COUNT, part);
    return TW_OK;
}

// Truth: the tree written out by recursion on one thread. Compared in bits, for odd and even numbers of shards.
static void shard_sums_have_the_same_bits_on_any_threads(void **state)
{
    (void)state;
    tw_parts *parts = NULL;
    must(tw_parts_new(&parts));
    for (int64_t shards = 1; shards <= 70; shards += shards < 18 ? 1 : 13) {
        double truth[COUNT], column[70], all[70][COUNT];
        for (int64_t i = 0; i < shards; i++) must(fill_part(NULL, i, 0, all[i]));
        for (int c = 0; c < COUNT; c++) {
            for (int64_t i = 0; i < shards; i++) column[i] = all[i][c];
            truth[c] = tw_tree_sum(shards, column);
        }
        static const int threads[] = {1, 2, 3, 8};
        for (int t = 0; t < 4; t++) {
            double total[COUNT];
            must(tw_threads_set(threads[t]));
            must(tw_shards_sum(parts, shards, TW_F64, COUNT, fill_part, NULL, total));
            assert_memory_equal(total, truth, sizeof truth);
        }
    }
    tw_parts_free(parts);
}

static tw_status fail_from_five(void *ctx, int64_t shard, int thread, void *part)
{
    (void)ctx, (void)thread;
    memset(part, 0, COUNT * sizeof(double));
    return shard >= 5 ? tw_fail(TW_EINVAL, "shard %d fails", (int)shard) : TW_OK;
}

static void the_lowest_failing_shard_speaks(void **state)
{
    (void)state;
    double total[COUNT];
    tw_parts *parts = NULL;
    must(tw_parts_new(&parts));
    for (int threads = 1; threads <= 8; threads++) {
        must(tw_threads_set(threads));
        must_fail(tw_shards_sum(parts, 40, TW_F64, COUNT, fail_from_five, NULL, total), TW_EINVAL, "shard 5 fails");
    }
    tw_parts_free(parts);
}

static void allocation_can_overflow_and_fail_on_demand(void **state)
{
    (void)state;
    void *memory = NULL;
    must_fail(tw_alloc(INT64_MAX, 16, &memory), TW_ENOMEM, "out of memory");
    tw_alloc_fail_at(2);
    must(tw_alloc(3, 8, &memory));
    free(memory);
    memory = NULL;
    must_fail(tw_alloc(3, 8, &memory), TW_ENOMEM, "out of memory");
    assert_null(memory);
    must(tw_alloc(3, 8, &memory));
    free(memory);
}

// A discarded file leaves the old content; a committed one replaces it; neither leaves a temporary.
static void an_output_file_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    char path[] = "/tmp/thalweg-test-XXXXXX", text[16] = "";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "old", 3), 3);
    close(descriptor);
    tw_outfile file = {0};
    must(tw_outfile_open(&file, path));
    fputs("new", file.stream);
    tw_outfile_discard(&file);
    FILE *in = fopen(path, "rb");
    assert_non_null(fgets(text, sizeof text, in));
    fclose(in);
    assert_string_equal(text, "old");
    must(tw_outfile_open(&file, path));
    fputs("new", file.stream);
    must(tw_outfile_commit(&file));
    in = fopen(path, "rb");
    assert_non_null(fgets(text, sizeof text, in));
    fclose(in);
    assert_string_equal(text, "new");
    unlink(path);
    must_fail(tw_outfile_open(&file, "/nonexistent/file"), TW_EIO, "/nonexistent/file");
}

static void the_nearest_word_is_the_one_meant(void **state)
{
    (void)state;
    const char *const names[] = {"lr", "momentum", "batch", "epochs", "fashion-mnist"};
    char near[32];
    assert_string_equal(tw_nearest_of("momentun", 5, names), "momentum"); // changed
    assert_string_equal(tw_nearest_of("bacth", 5, names), "batch");       // swapped
    assert_string_equal(tw_nearest_of("EPOCH", 5, names), "epochs");      // case, and left out
    assert_string_equal(tw_nearest_of("fashion", 5, names), "fashion-mnist");
    assert_null(tw_nearest_of("temperature", 5, names));
    assert_null(tw_nearest_of("a word of more than sixty-three letters is not compared with any name", 5, names));
    tw_nearest("relo", " tanh  relu gelu", near, sizeof near);
    assert_string_equal(near, "relu");
    tw_nearest("relo", "relu-of-a-long-name relu", near, 4); // cut, never overrun
    assert_string_equal(near, "rel");
    tw_nearest("x", "", near, sizeof near);
    assert_string_equal(near, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(normals_have_the_moments_of_a_normal),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(shard_sums_have_the_same_bits_on_any_threads),
        cmocka_unit_test(the_lowest_failing_shard_speaks),
        cmocka_unit_test(allocation_can_overflow_and_fail_on_demand),
        cmocka_unit_test(the_nearest_word_is_the_one_meant),
        cmocka_unit_test(an_output_file_appears_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
