// SPDX-License-Identifier: MIT
// NPY, NPZ and safetensors against files that NumPy and Python's struct wrote (make_fixtures.py).
#include "fixture.h"

#include "base/outfile.h"
#include "data/arrays.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static const double reals[6] = {-1.5, 0, 0.25, 3, 1024, -0.125};
static const double signeds[6] = {-128, -1, 0, 1, 2, 127};
static const double unsigneds[6] = {0, 1, 2, 3, 127, 255};
static const double booleans[6] = {0, 0, 0, 1, 1, 1};

static double at(const tw_array *a, int64_t i)
{
    return a->real == 4 ? (double)((const float *)a->x)[i] : ((const double *)a->x)[i];
}

static void holds(const tw_arrays *arrays, const char *name, const double *truth, int real, bool integer)
{
    const tw_array *a = tw_arrays_find(arrays, name);
    if (!a) fail_msg("no array %s", name);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->shape[1], 3);
    assert_int_equal(a->real, real);
    assert_true(a->integer == integer);
    for (int i = 0; i < 6; i++)
        if (at(a, i) != truth[i]) fail_msg("%s[%d]: found %g, truth %g", name, i, at(a, i), truth[i]);
}

static void every_type_of_numpy_is_read_from_a_deflated_npz(void **state)
{
    (void)state;
    tw_arrays *arrays = NULL;
    must(tw_arrays_load(fixture("types.npz"), &arrays));
    for (int big = 0; big < 2; big++)
        for (int i = 0; i < 3; i++) {
            char name[16];
            snprintf(name, sizeof name, "%sf%d", big ? "big_" : "", 2 << i);
            holds(arrays, name, reals, i < 2 ? 4 : 8, false);
        }
    for (int big = 0; big < 2; big++)
        for (int i = 0; i < 4; i++) {
            char name[16];
            snprintf(name, sizeof name, "%si%d", big ? "big_" : "", 1 << i);
            holds(arrays, name, signeds, 8, true);
            snprintf(name, sizeof name, "%su%d", big ? "big_" : "", 1 << i);
            holds(arrays, name, unsigneds, 8, true);
        }
    holds(arrays, "bool", booleans, 8, true);

    const tw_array *fortran = tw_arrays_find(arrays, "fortran"); // 0 ... 23 in row-major order, stored the other way
    assert_int_equal(fortran->rank, 3);
    for (int i = 0; i < 24; i++) assert_true(at(fortran, i) == i);
    const tw_array *scalar = tw_arrays_find(arrays, "scalar"), *empty = tw_arrays_find(arrays, "empty");
    assert_int_equal(scalar->rank, 0);
    assert_true(at(scalar, 0) == 7);
    assert_int_equal(empty->rank, 2);
    assert_int_equal(empty->shape[0], 0);
    assert_null(tw_arrays_find(arrays, "nothing"));
    tw_arrays_free(arrays);
}

static void stored_and_streamed_archives_and_single_arrays_are_read(void **state)
{
    (void)state;
    const struct {
        const char *file, *name;
        int real;
    } cases[] = {{"stored.npz", "x", 4}, {"streamed.npz", "x", 4}, {"fortran_big.npy", "", 8}, {"version2.npy", "", 4}};
    for (int i = 0; i < 4; i++) {
        tw_arrays *arrays = NULL;
        must(tw_arrays_load(fixture(cases[i].file), &arrays));
        holds(arrays, cases[i].name, reals, cases[i].real, false);
        tw_arrays_free(arrays);
    }
}

static void every_type_of_safetensors_is_read(void **state)
{
    (void)state;
    static const char *const name[13] = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16",
                                         "I8",  "U64", "U32", "U16",  "U8",  "BOOL"};
    tw_arrays *arrays = NULL;
    must(tw_arrays_load(fixture("types.safetensors"), &arrays));
    assert_int_equal(arrays->count, 13);
    for (int i = 0; i < 13; i++) {
        assert_string_equal(arrays->array[i].name, name[i]); // the order of the file
        const double *truth = i < 4 ? reals : i < 8 ? signeds : i < 12 ? unsigneds : booleans;
        holds(arrays, name[i], truth, i == 0 || i > 3 ? 8 : 4, i > 3);
    }
    tw_arrays_free(arrays);
}

// Truth: the same rows of the whole array, whatever the order in the file.
static void some_rows_of_one_array_are_those_of_the_whole(void **state)
{
    (void)state;
    static const char *const file[] = {"fortran_big.npy", "types.safetensors", "types.npz"};
    for (int f = 0; f < 3; f++) {
        tw_arrays *all = NULL, *some = NULL;
        must(tw_arrays_load(fixture(file[f]), &all));
        for (int64_t a = 0; a < all->count; a++) {
            const tw_array *whole = &all->array[a];
            if (whole->rank == 0 || whole->shape[0] < 2) continue;
            tw_wanted wanted = {1, 1};
            must(tw_arrays_load_rows(fixture(file[f]), &(tw_rows){whole->name, &wanted}, &some));
            size_t row = tw_array_bytes(whole) / (size_t)whole->shape[0];
            assert_int_equal(some->array[a].shape[0], whole->shape[0]);
            assert_memory_equal(some->array[a].x, (char *)whole->x + row, row);
            for (int64_t b = 0; b < all->count; b++)
                if (b != a) assert_memory_equal(some->array[b].x, all->array[b].x, tw_array_bytes(&all->array[b]));
            tw_arrays_free(some);
            some = NULL;
        }
        tw_arrays_free(all);
    }
}

static tw_status reads_arrays(const uint8_t *data, size_t size)
{
    tw_arrays *arrays = NULL;
    tw_status st = tw_arrays_parse("f", data, size, NULL, &arrays);
    tw_arrays_free(arrays);
    return st;
}

static const char *const files[] = {"types.npz", "stored.npz", "streamed.npz", "fortran_big.npy", "types.safetensors"};

static void a_cut_file_is_refused_wherever_it_is_cut(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        tw_bytes whole = fixture_bytes(files[i]);
        every_cut_is_refused(&whole, reads_arrays);
        tw_bytes_free(&whole);
    }
}

// An archive has a checksum, so a flipped bit of an array is always found: what is accepted are fields that say nothing
// about it (dates, versions, attributes, of at most 40 bytes an entry and header).
static void a_flipped_bit_never_crashes_and_never_changes_an_array_of_an_archive(void **state)
{
    (void)state;
    for (int i = 1; i < 5; i++) {
        tw_bytes whole = fixture_bytes(files[i]);
        int64_t accepted = flipped_bits_accepted(&whole, reads_arrays);
        if (i == 1) assert_true(accepted <= 2 * 2 * 40 * 8);
        tw_bytes_free(&whole);
    }
    tw_bytes whole = fixture_bytes("stored.npz"); // from the numbers of x: 24 bytes after local header and npy header
    const char *mark = "PK\1\2";
    size_t directory = 0;
    while (memcmp(whole.data + directory, mark, 4) != 0) directory++;
    for (size_t i = directory - 16; i < directory; i++) { // the two labels of y, the last bytes before the directory
        whole.data[i] ^= 1;
        must_fail(reads_arrays(whole.data, whole.size), TW_EFORMAT, "array \"y\": found checksum");
        whole.data[i] ^= 1;
    }
    tw_bytes_free(&whole);
}

static void a_failing_allocation_is_reported_by_every_reader(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        tw_bytes whole = fixture_bytes(files[i]);
        every_failing_allocation_is_reported(&whole, reads_arrays);
        tw_bytes_free(&whole);
    }
}

// A header of a safetensors file with `body` zero bytes behind it.
static tw_status reads_header(const char *header, size_t body)
{
    uint8_t bytes[1024] = {0};
    size_t length = strlen(header);
    bytes[0] = (uint8_t)length;
    bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    return reads_arrays(bytes, 8 + length + body);
}

static void wrong_safetensors_headers_are_named(void **state)
{
    (void)state;
#define ONE(dtype, shape, offsets) "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    must(reads_header(ONE("\"F32\"", "[2]", "[0,8]"), 8));
    must_fail(reads_header(ONE("\"F31\"", "[2]", "[0,8]"), 8), TW_EFORMAT,
              "array \"w\": found dtype F31, expected F64");
    must_fail(reads_header(ONE("\"F32\"", "[3]", "[0,8]"), 8), TW_EFORMAT, "array \"w\"");
    must_fail(reads_header(ONE("\"F32\"", "[1]", "[0,8]"), 8), TW_EFORMAT, "found 8 bytes, expected 1 numbers of 4");
    must_fail(reads_header(ONE("\"F32\"", "[-1]", "[0,8]"), 8), TW_EFORMAT, "sizes of at least 0");
    must_fail(reads_header(ONE("\"F32\"", "[2]", "[0,12]"), 8), TW_EFORMAT, "found data_offsets 0 to 12");
    must_fail(reads_header(ONE("\"F32\"", "[2]", "[8,0]"), 8), TW_EFORMAT, "found data_offsets 8 to 0");
    must_fail(reads_header(ONE("\"F32\"", "[2]", "[0]"), 8), TW_EFORMAT, "two integers");
    must_fail(reads_header(ONE("\"F32\"", "[2]", "[4,12]"), 12), TW_EFORMAT, "expected 0 where the one before ends");
    must_fail(reads_header(ONE("\"F32\"", "[2]", "[0,8]"), 9), TW_EFORMAT, "found 9 bytes of numbers, expected 8");
    must_fail(reads_header(ONE("\"F32\"", "[4611686018427387904,4611686018427387904]", "[0,8]"), 8), TW_EFORMAT,
              "claims more numbers");
    must_fail(reads_header(ONE("\"BOOL\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1), TW_EFORMAT, "at most 8 sizes");
    must_fail(reads_header("{\"w\":1}", 0), TW_EFORMAT, "found dtype none");
    must_fail(reads_header("{\"w\":{},\"w\":{}}", 0), TW_EFORMAT, "header is no JSON");
    must_fail(reads_header("[1, 2, 3]", 0), TW_EFORMAT, "byte 0");
#undef ONE
}

static tw_status reads_npy_header(const char *header, size_t body)
{
    uint8_t bytes[512] = "\x93NUMPY\1";
    size_t length = strlen(header);
    bytes[8] = (uint8_t)length;
    memcpy(bytes + 10, header, length);
    return reads_arrays(bytes, 10 + length + body);
}

static void wrong_npy_headers_are_named(void **state)
{
    (void)state;
    must(reads_npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8));
    must_fail(reads_npy_header("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8), TW_EFORMAT,
              "found \"'<c8'");
    must_fail(reads_npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8), TW_EFORMAT, "'descr'");
    must_fail(reads_npy_header("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,), }", 4), TW_EFORMAT,
              "True or False");
    must_fail(reads_npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4), TW_EFORMAT, "a size");
    must_fail(reads_npy_header("{'descr': '<f4', 'fortran_order': False, }", 4), TW_EFORMAT, "'shape'");
    must_fail(reads_npy_header("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4),
              TW_EFORMAT, "each key once");
    must_fail(reads_npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4),
              TW_EFORMAT, "below 2^63");
    must_fail(reads_npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3037000500,3037000500,9), }", 4),
              TW_EFORMAT, "claims more numbers than the 1");
    must_fail(reads_npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5), TW_EFORMAT,
              "found 5 bytes of numbers, expected 1 numbers of 4 bytes");
}

static void integers_that_double_cannot_hold_are_refused(void **state)
{
    (void)state;
    const uint8_t big[16] = {1, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x20, 0}; // 2^53 + 1, 2^53
    tw_array out = {.rank = 1, .shape = {1}};
    const tw_number number = {'u', 8, false};
    must_fail(tw_array_decode("f", &number, false, big, 1, NULL, &out), TW_EFORMAT, "found 9007199254740993");
    must(tw_array_decode("f", &number, false, big + 8, 1, NULL, &out));
    assert_true(at(&out, 0) == 0x1p53);
    free(out.x);
}

static int entries(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    while (readdir(dir)) count++;
    closedir(dir);
    return count - 2;
}

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tw_arrays_XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int drop_folder(void **state)
{
    (void)state;
    return rmdir(folder); // fails when a test left something behind
}

static float w[6] = {1.5F, -2, 0.1F, 1e-45F, 3e38F, -0.0F};
static double b[3] = {0.1, 1e-320, -1e308};
static const tw_array pair[] = {{.name = (char *)"fc1.weight", .rank = 2, .shape = {2, 3}, .real = 4, .x = w},
                                {.name = (char *)"fc1.bias", .rank = 1, .shape = {3}, .real = 8, .x = b},
                                {.name = (char *)"none", .rank = 1, .shape = {0}, .real = 4, .x = w}};

static void what_is_saved_is_loaded_bit_for_bit(void **state)
{
    (void)state;
    static const char *const name[] = {"a.npz", "a.safetensors", "a.npy"};
    for (int i = 0; i < 3; i++) {
        char path[96];
        tw_arrays *back = NULL;
        int64_t count = i == 2 ? 1 : 3;
        snprintf(path, sizeof path, "%s/%s", folder, name[i]);
        must(tw_arrays_save(path, count, pair));
        must(tw_arrays_load(path, &back));
        assert_int_equal(back->count, count);
        for (int64_t j = 0; j < count; j++) {
            const tw_array *a = &back->array[j], *truth = &pair[j];
            assert_string_equal(a->name, i == 2 ? "" : truth->name);
            assert_int_equal(a->real, truth->real);
            assert_int_equal(a->rank, truth->rank);
            assert_memory_equal(a->shape, truth->shape, sizeof *a->shape * (size_t)a->rank);
            if (j < 2) assert_memory_equal(a->x, truth->x, j == 0 ? sizeof w : sizeof b);
        }
        tw_arrays_free(back);
        assert_int_equal(unlink(path), 0);
    }
}

static void impossible_saves_leave_nothing_behind(void **state)
{
    (void)state;
    char path[96];
    tw_array twice[2] = {pair[0], pair[0]}, wrong = pair[0];
    snprintf(path, sizeof path, "%s/a.npz", folder);
    must_fail(tw_arrays_save(path, 2, twice), TW_EINVAL, "two arrays called \"fc1.weight\"");
    wrong.real = 2;
    must_fail(tw_arrays_save(path, 1, &wrong), TW_EINVAL, "found 2, expected 4 or 8");
    wrong = pair[0];
    wrong.rank = 9;
    must_fail(tw_arrays_save(path, 1, &wrong), TW_EINVAL, "found 9, expected 0 to 8");
    must_fail(tw_arrays_save("x.txt", 1, pair), TW_EINVAL, ".safetensors, .npz or .npy");
    must_fail(tw_arrays_save("x.npy", 2, pair), TW_EINVAL, "expected 1 for .npy");
    wrong = pair[0];
    wrong.name = (char *)"\xff\xfe";
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    must_fail(tw_arrays_save(path, 1, &wrong), TW_EINVAL, "not UTF-8");
    wrong.name = (char *)"__metadata__";
    must_fail(tw_arrays_save(path, 1, &wrong), TW_EINVAL, "__metadata__");
    must_fail(tw_arrays_save("/nowhere/a.npz", 1, pair), TW_EIO, "/nowhere/a.npz: cannot be written");
    assert_int_equal(entries(folder), 0);
}

// The temporary name leads to /dev/full: every write fails as on a full disk.
static void a_full_disk_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const name[] = {"a.npz", "a.safetensors", "a.npy"};
    for (int i = 0; i < 3; i++) {
        char path[96], temporary[128];
        snprintf(path, sizeof path, "%s/%s", folder, name[i]);
        snprintf(temporary, sizeof temporary, "%s.%ld.part", path, (long)getpid());
        if (symlink("/dev/full", temporary) != 0) skip();
        must_fail(tw_arrays_save(path, 1, pair), TW_EIO, "could not be written whole: No space left");
        assert_int_equal(entries(folder), 0);
    }
}

static void a_failing_allocation_while_saving_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const name[] = {"a.npz", "a.safetensors", "a.npy"};
    for (int i = 0; i < 3; i++) {
        char path[96];
        int64_t before = tw_alloc_calls();
        snprintf(path, sizeof path, "%s/%s", folder, name[i]);
        must(tw_arrays_save(path, 1, pair));
        int64_t calls = tw_alloc_calls() - before;
        assert_int_equal(unlink(path), 0);
        for (int64_t j = 1; j <= calls; j++) {
            tw_alloc_fail_at(j);
            assert_int_equal(tw_arrays_save(path, 1, pair), TW_ENOMEM);
            assert_int_equal(entries(folder), 0);
        }
        tw_alloc_fail_at(0);
    }
}

static void a_file_that_is_none_is_named(void **state)
{
    (void)state;
    tw_arrays *none = NULL;
    must_fail(tw_arrays_load("/nowhere.npz", &none), TW_EIO, "/nowhere.npz: cannot be opened: No such file");
    must_fail(tw_arrays_load("/tmp", &none), TW_EIO, "/tmp: found a folder, expected a file");
    must_fail(tw_arrays_load("/dev/null", &none), TW_EIO, "/dev/null: found a device");
    must_fail(reads_arrays((const uint8_t *)"", 0), TW_EFORMAT, "f: byte 0: found an empty file");
    must_fail(reads_arrays((const uint8_t *)"hello, world", 12), TW_EFORMAT, "found neither");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_numpy_is_read_from_a_deflated_npz),
        cmocka_unit_test(stored_and_streamed_archives_and_single_arrays_are_read),
        cmocka_unit_test(every_type_of_safetensors_is_read),
        cmocka_unit_test(some_rows_of_one_array_are_those_of_the_whole),
        cmocka_unit_test(a_cut_file_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_flipped_bit_never_crashes_and_never_changes_an_array_of_an_archive),
        cmocka_unit_test(a_failing_allocation_is_reported_by_every_reader),
        cmocka_unit_test(wrong_safetensors_headers_are_named),
        cmocka_unit_test(wrong_npy_headers_are_named),
        cmocka_unit_test(integers_that_double_cannot_hold_are_refused),
        cmocka_unit_test(a_file_that_is_none_is_named),
        cmocka_unit_test_setup_teardown(what_is_saved_is_loaded_bit_for_bit, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(impossible_saves_leave_nothing_behind, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_nothing_behind, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(a_failing_allocation_while_saving_leaves_nothing_behind, make_folder,
                                        drop_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
