// SPDX-License-Identifier: MIT
// Windows of bytes and the byte that follows each, counted by hand.
#include "fixture.h"

#include "data/raw.h"
#include "thalweg/data.h"
#include <unistd.h>
#include <zlib.h>

static char folder[] = "/tmp/test_text.XXXXXX", path[64], spec[256];

static void put(const char *name, const void *bytes, size_t size)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static tw_data *open_part(const char *words, const char *split)
{
    tw_data *data = NULL;
    tw_data_opts opts = tw_data_defaults();
    opts.split = split;
    snprintf(spec, sizeof spec, "text:%s%s", path, words);
    must(tw_data_open(spec, &opts, &data));
    return data;
}

// Truth: 0, 1, ..., 19 with length 4 and stride 3: windows begin at 0, 3, ..., 15, since 15 + 4 is the last byte.
static void windows_are_those_counted_by_hand(void **state)
{
    (void)state;
    uint8_t bytes[20];
    tw_raw raw = {0};
    for (int i = 0; i < 20; i++) bytes[i] = (uint8_t)(10 * i);
    must(tw_text_windows("f", bytes, sizeof bytes, 4, 3, &raw));
    assert_true(raw.m == 6 && raw.features == 4 && raw.classes == 256 && raw.kind == TW_RAW_F32);
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 4; j++) assert_true(((float *)raw.x)[4 * i + j] == (float)(10 * (3 * i + j)));
        assert_int_equal(raw.label[i], 10 * (3 * i + 4));
    }
    tw_raw_free(&raw);
    must(tw_text_windows("f", bytes, 5, 4, 3, &raw)); // the shortest
    assert_true(raw.m == 1 && raw.label[0] == 40);
    tw_raw_free(&raw);
    must_fail(tw_text_windows("f", bytes, 4, 4, 3, &raw), TW_EFORMAT, "f: found 4 bytes, expected at least 5");
    must_fail(tw_text_windows("f", bytes, 0, 4, 3, &raw), TW_EFORMAT, "f: found 0 bytes, expected at least 5");
    assert_true(!raw.x && !raw.label);
}

// Truth: byte i is i, 200 of them: the first 150 train, the last 50 test. Bytes stay bytes (no scale unit).
static void the_test_part_is_the_end_of_the_file(void **state)
{
    (void)state;
    uint8_t bytes[200];
    for (int i = 0; i < 200; i++) bytes[i] = (uint8_t)i;
    put("a.txt", bytes, sizeof bytes);
    tw_data *train = open_part(",length=9,test-part=0.25", "train"),
            *test = open_part(",length=9,test-part=0.25", "test");
    tw_data *all = open_part(",length=9,test-part=0.25", "all"), *plain = open_part("", "train");
    assert_true(train->m == 16 && test->m == 5 && all->m == 21); // 1 + (150 - 10) / 9, 1 + (50 - 10) / 9
    assert_true(train->features == 9 && train->classes == 256 && train->height == 1 && train->width == 1);
    assert_true(((float *)train->x)[9 * 15 + 8] == 143 && train->label[15] == 144);
    assert_true(((float *)test->x)[0] == 150 && test->label[4] == 195);
    assert_true(plain->features == 33 && plain->m == 5); // of 180 bytes
    tw_data_free(train);
    tw_data_free(test);
    tw_data_free(all);
    tw_data_free(plain);
}

static void a_gzipped_file_is_the_same_text(void **state)
{
    (void)state;
    static const char text[] = "in the beginning was the word, and the word was not quite long enough";
    put("b.txt", text, sizeof text - 1);
    tw_data *plain = open_part(",length=8,stride=1", "train");
    snprintf(path, sizeof path, "%s/b.txt.gz", folder);
    gzFile file = gzopen(path, "wb");
    assert_true(gzwrite(file, text, sizeof text - 1) == (int)sizeof text - 1);
    gzclose(file);
    tw_data *gz = open_part(",length=8,stride=1", "train");
    assert_true(gz->checksum == plain->checksum && gz->m == plain->m && gz->m > 10);
    tw_data_free(plain);
    tw_data_free(gz);
}

static void what_is_wrong_is_said_with_file_found_and_expected(void **state)
{
    (void)state;
    static const struct {
        const char *words, *split;
        tw_status st;
        const char *text;
    } wrong[] = {
        {",length=0", "train", TW_EINVAL, "length: found \"0\""},
        {",lenght=5", "train", TW_EINVAL, "did you mean length=?"},
        {",length=40", "train", TW_EFORMAT, "c.txt: found 40 bytes, expected at least 41: a window of 40"},
        {",length=38", "train", TW_EFORMAT, "found 40 bytes, of which 36 are the training part (test-part=0.1)"},
        {",length=8", "test", TW_EFORMAT, "of which 4 are the test part (test-part=0.1), expected at least 9 there"},
        {",length=8,test-part=0", "test", TW_EINVAL, "has no test part: give test=FILE"},
        {",test=x,test-part=0.5", "train", TW_EINVAL, "found both test= and test-part="},
        {",length=8,test=none.txt", "test", TW_EIO, "none.txt: cannot be opened"},
    };
    put("c.txt", "0123456789012345678901234567890123456789", 40);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tw_data *data = NULL;
        tw_data_opts opts = tw_data_defaults();
        opts.split = wrong[i].split;
        snprintf(spec, sizeof spec, "text:%s%s", path, wrong[i].words);
        must_fail(tw_data_open(spec, &opts, &data), wrong[i].st, wrong[i].text);
        assert_null(data);
    }
    put("d.txt", "", 0);
    tw_data *data = NULL;
    tw_data_opts opts = tw_data_defaults();
    snprintf(spec, sizeof spec, "text:%s", path);
    must_fail(tw_data_open(spec, &opts, &data), TW_EFORMAT, "d.txt: found 0 bytes, expected at least 34");
}

static void running_out_of_memory_is_said_and_leaves_nothing(void **state)
{
    (void)state;
    static const uint8_t bytes[64] = {1};
    for (int64_t fail = 1; fail <= 2; fail++) {
        tw_raw raw = {0};
        tw_alloc_fail_at(fail);
        tw_status st = tw_text_windows("f", bytes, sizeof bytes, 4, 4, &raw);
        tw_alloc_fail_at(0);
        assert_true(st == TW_ENOMEM && !raw.x && !raw.label);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static int drop_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_those_counted_by_hand),
        cmocka_unit_test(the_test_part_is_the_end_of_the_file),
        cmocka_unit_test(a_gzipped_file_is_the_same_text),
        cmocka_unit_test(what_is_wrong_is_said_with_file_found_and_expected),
        cmocka_unit_test(running_out_of_memory_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
