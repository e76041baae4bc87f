// SPDX-License-Identifier: MIT
// IDX and CIFAR readers against files that Python's struct and gzip wrote (make_fixtures.py).
#include "fixture.h"

#include "data/raw.h"

static void idx_images_and_labels_are_read_plain_and_gzipped(void **state)
{
    (void)state;
    for (int gz = 0; gz < 2; gz++) {
        tw_raw raw = {0};
        tw_bytes images = fixture_bytes(gz ? "images.idx.gz" : "images.idx");
        tw_bytes labels = fixture_bytes(gz ? "labels.idx.gz" : "labels.idx");
        must(tw_idx_images("f", images.data, images.size, NULL, &raw));
        must(tw_idx_labels("f", labels.data, labels.size, raw.m, &raw.label));
        assert_int_equal(raw.m, 3);
        assert_int_equal(raw.features, 8);
        assert_int_equal(raw.channels, 1);
        assert_int_equal(raw.height, 2);
        assert_int_equal(raw.width, 4);
        for (int i = 0; i < 24; i++) assert_int_equal(((uint8_t *)raw.x)[i], 10 * i);
        assert_int_equal(raw.label[0], 2);
        assert_int_equal(raw.label[1], 0);
        assert_int_equal(raw.label[2], 1);
        tw_raw_free(&raw);
        tw_bytes_free(&images);
        tw_bytes_free(&labels);
    }
}

// Truth: images.idx holds the bytes 0, 10, 20, ... in three images of eight.
static void a_part_of_the_images_is_read_alone(void **state)
{
    (void)state;
    for (int gz = 0; gz < 2; gz++) {
        tw_bytes images = fixture_bytes(gz ? "images.idx.gz" : "images.idx");
        for (int first = 0; first <= 3; first++)
            for (int count = 0; count <= 3; count++) {
                tw_raw raw = {0};
                tw_wanted wanted = {first, count};
                must(tw_idx_images("f", images.data, images.size, &wanted, &raw));
                assert_int_equal(raw.m, 3);
                int held = first + count < 3 ? count : 3 - first;
                assert_int_equal(tw_raw_held(&raw), held);
                assert_int_equal(raw.before, first);
                for (int i = 0; i < 8 * held; i++) assert_int_equal(((uint8_t *)raw.x)[i], 10 * (8 * first + i));
                tw_raw_free(&raw);
            }
        tw_bytes_free(&images);
    }
}

static void a_part_of_the_records_comes_with_all_labels(void **state)
{
    (void)state;
    static uint8_t records[4 * 3073];
    for (int i = 0; i < 4 * 3073; i++) records[i] = (uint8_t)(i / 3073 + 1);
    tw_raw raw = {0}, more = {0};
    must(tw_cifar_records("f", records, sizeof records, 1, 0, 10, &(tw_wanted){2, 5}, &raw));
    must(tw_cifar_records("f", records, sizeof records, 1, 0, 10, &(tw_wanted){-2, 5}, &more));
    must(tw_raw_append("f", &raw, &more)); // samples 2 to 6 of eight
    assert_int_equal(raw.m, 8);
    assert_int_equal(raw.before, 2);
    assert_int_equal(raw.after, 1);
    for (int i = 0; i < 8; i++) assert_int_equal(raw.label[i], i % 4 + 1);
    for (int i = 0; i < 5 * 3072; i++) assert_int_equal(((uint8_t *)raw.x)[i], (2 + i / 3072) % 4 + 1);
    tw_raw_free(&raw);
    tw_raw_free(&more);
}

static tw_status reads_images(const uint8_t *data, size_t size)
{
    tw_raw raw = {0};
    tw_status st = tw_idx_images("f", data, size, NULL, &raw);
    tw_raw_free(&raw);
    return st;
}

static tw_status reads_labels(const uint8_t *data, size_t size)
{
    int32_t *label = NULL;
    tw_status st = tw_idx_labels("f", data, size, 3, &label);
    free(label);
    return st;
}

static tw_status reads_cifar10(const uint8_t *data, size_t size)
{
    tw_raw raw = {0};
    tw_status st = tw_cifar_records("f", data, size, 1, 0, 10, NULL, &raw);
    tw_raw_free(&raw);
    return st;
}

static const struct {
    const char *file;
    reads read;
} readers[] = {{"images.idx", reads_images},
               {"images.idx.gz", reads_images},
               {"labels.idx", reads_labels},
               {"labels.idx.gz", reads_labels},
               {"cifar10.bin.gz", reads_cifar10}};

static void a_cut_file_is_refused_wherever_it_is_cut(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        tw_bytes whole = fixture_bytes(readers[i].file);
        every_cut_is_refused(&whole, readers[i].read);
        tw_bytes_free(&whole);
    }
}

// A gzip file says nothing about its content in: time (4 bytes), extra flags, system, the flag of text (1 bit), and the
// bits that fill up the last byte of the deflate data (at most 7).
static void a_flipped_bit_never_crashes_and_is_found_in_gzip_data(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        tw_bytes whole = fixture_bytes(readers[i].file);
        int64_t accepted = flipped_bits_accepted(&whole, readers[i].read);
        if (i == 1 || i == 3 || i == 4) assert_true(accepted <= 6 * 8 + 1 + 7);
        tw_bytes_free(&whole);
    }
}

static void a_byte_too_many_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        tw_bytes whole = fixture_bytes(readers[i].file);
        uint8_t *longer = malloc(whole.size + 1);
        memcpy(longer, whole.data, whole.size);
        longer[whole.size] = 0;
        must_fail(readers[i].read(longer, whole.size + 1), TW_EFORMAT, "expected the end of the file");
        free(longer);
        tw_bytes_free(&whole);
    }
}

static void a_failing_allocation_is_reported_by_every_reader(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        tw_bytes whole = fixture_bytes(readers[i].file);
        every_failing_allocation_is_reported(&whole, readers[i].read);
        tw_bytes_free(&whole);
    }
}

// A header that claims 2^32 - 1 images of 2^32 - 1 squared pixels takes no memory: the claim is checked first.
static void a_boasting_header_is_refused_before_memory_is_taken(void **state)
{
    (void)state;
    tw_bytes whole = fixture_bytes("images.idx");
    memset(whole.data + 4, 0xff, 12);
    int64_t before = tw_alloc_calls();
    must_fail(reads_images(whole.data, whole.size), TW_EFORMAT, "the header claims 4294967295 items");
    assert_int_equal(tw_alloc_calls(), before);
    memset(whole.data + 4, 0, 4);
    must_fail(reads_images(whole.data, whole.size), TW_EFORMAT, "byte 4: found 0 images, expected at least 1");
    whole.data[3] = 1;
    must_fail(reads_images(whole.data, whole.size), TW_EFORMAT, "byte 0: found magic number 0x00000801");
    tw_bytes_free(&whole);
    whole = fixture_bytes("labels.idx");
    whole.data[7] = 4;
    must_fail(reads_labels(whole.data, whole.size), TW_EFORMAT, "byte 4: found 4 labels, expected 3, one an image");
    tw_bytes_free(&whole);
}

static void cifar_records_are_read_with_either_label(void **state)
{
    (void)state;
    const struct {
        const char *file;
        int bytes, which, classes;
        int32_t label[2];
    } cases[] = {{"cifar10.bin.gz", 1, 0, 10, {7, 3}},
                 {"cifar100.bin.gz", 2, 0, 20, {11, 0}},
                 {"cifar100.bin.gz", 2, 1, 100, {99, 1}}};
    for (int c = 0; c < 3; c++) {
        tw_bytes whole = fixture_bytes(cases[c].file);
        tw_raw raw = {0};
        must(tw_cifar_records("f", whole.data, whole.size, cases[c].bytes, cases[c].which, cases[c].classes, NULL,
                              &raw));
        assert_int_equal(raw.m, 2);
        assert_int_equal(raw.channels, 3);
        assert_int_equal(raw.height * raw.width, 1024);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(raw.label[i], cases[c].label[i]);
            for (int j = 0; j < 3072; j++) assert_int_equal(((uint8_t *)raw.x)[i * 3072 + j], (i + j) % 256);
        }
        tw_raw_free(&raw);
        tw_bytes_free(&whole);
    }
}

static void wrong_cifar_files_are_named(void **state)
{
    (void)state;
    static uint8_t records[2 * 3073];
    must(reads_cifar10(records, sizeof records));
    must_fail(reads_cifar10(records, sizeof records - 1), TW_EFORMAT, "expected a positive multiple of 3073");
    must_fail(reads_cifar10(records, 0), TW_EFORMAT, "found 0 bytes");
    records[3073] = 10;
    must_fail(reads_cifar10(records, sizeof records), TW_EFORMAT,
              "byte 3073 (record 1): found label 10, expected 0 to 9");
    records[3073] = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_images_and_labels_are_read_plain_and_gzipped),
        cmocka_unit_test(a_part_of_the_images_is_read_alone),
        cmocka_unit_test(a_part_of_the_records_comes_with_all_labels),
        cmocka_unit_test(a_cut_file_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_flipped_bit_never_crashes_and_is_found_in_gzip_data),
        cmocka_unit_test(a_byte_too_many_is_refused),
        cmocka_unit_test(a_failing_allocation_is_reported_by_every_reader),
        cmocka_unit_test(a_boasting_header_is_refused_before_memory_is_taken),
        cmocka_unit_test(cifar_records_are_read_with_either_label),
        cmocka_unit_test(wrong_cifar_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
