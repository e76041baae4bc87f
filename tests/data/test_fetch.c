// SPDX-License-Identifier: MIT
// Downloads: whole, broken, continued, wrong, refused, without room, killed at any instant; from a server on the
// loopback (server.h). Truth: the bytes that the server has, and sums published by NIST or made by sha256sum.
#include "fixture.h"
#include "server.h"

#include "base/sha256.h"
#include "data/fetch.h"
#include "data/http.h"
#include "data/tar.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { BLOB = 300000 };

static uint8_t blob[BLOB];
static char blob_sum[TW_SHA256_HEX];
static tw_bytes archive;
static server here;
static char folder[256], base[128];

// A set of one file that its reader reads, and one of an archive with two.
static tw_fetch_set blob_set = {
    "blob", "bytes", {"http://127.0.0.1:1/", NULL}, 1, {{"blob.bin", BLOB, blob_sum, NULL}}};
static tw_fetch_set tar_set = {
    "pictures",
    "an archive",
    {"http://127.0.0.1:1/", NULL},
    1,
    {{"pictures.tar.gz", 0, "1a3b3b636ff007869bdb68f65734d7e1ccbd96880f99ea389622b016ec9769b3",
      "batch_1.bin batch_2.bin"}}};

static void sum_of(const void *data, size_t size, char hex[TW_SHA256_HEX])
{
    tw_sha256 sha;
    tw_sha256_begin(&sha);
    tw_sha256_add(&sha, data, size);
    tw_sha256_end(&sha, hex);
}

static void empty_folder(void)
{
    char path[600];
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (dir) closedir(dir);
    rmdir(folder);
}

static int begin(void **state)
{
    (void)state;
    empty_folder();
    memset(here.log, 0, sizeof *here.log);
    return 0;
}

static tw_fetch_opts from(const char *way)
{
    tw_fetch_opts opts = tw_fetch_defaults();
    snprintf(base, sizeof base, "http://127.0.0.1:%d/%s/", here.port, way);
    opts.folder = folder;
    opts.base = base;
    opts.tries = 2;
    opts.pause = 0.01;
    return opts;
}

static const char *in_folder(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int64_t size_of(const char *name)
{
    struct stat info;
    return stat(in_folder(name), &info) == 0 ? (int64_t)info.st_size : -1;
}

static int64_t files_in_folder(void)
{
    int64_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) count += e->d_name[0] != '.';
    if (dir) closedir(dir);
    return count;
}

static void put_file(const char *name, const void *data, size_t size)
{
    mkdir(folder, 0777);
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void blob_is_there(void)
{
    tw_bytes got = {0};
    must(tw_bytes_load(in_folder("blob.bin"), &got));
    assert_int_equal(got.size, BLOB);
    assert_memory_equal(got.data, blob, BLOB);
    tw_bytes_free(&got);
    assert_int_equal(size_of("blob.bin.part"), -1);
    assert_int_equal(size_of("SHA256SUMS"), 64 + 2 + 8 + 1);
}

// --- SHA-256 ---

// Truth: FIPS 180-4's examples (NIST, "Cryptographic Standards and Guidelines: Examples with Intermediate Values"), and
// the digest of no bytes and of a million letters a, from the same place.
static void sha256_of_published_messages(void **state)
{
    (void)state;
    char hex[TW_SHA256_HEX], *million = malloc(1000000);
    memset(million, 'a', 1000000);
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    sum_of("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sum_of("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sum_of(two, 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    sum_of(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void sha256_does_not_see_how_bytes_are_handed_over(void **state)
{
    (void)state;
    char whole[TW_SHA256_HEX], parts[TW_SHA256_HEX];
    for (size_t size = 0; size < 200; size++) {
        tw_sha256 sha;
        sum_of(blob, size, whole);
        tw_sha256_begin(&sha);
        for (size_t at = 0, step = 1; at < size; at += step, step = step * 3 % 71 + 1) {
            if (step > size - at) step = size - at;
            tw_sha256_add(&sha, blob + at, step);
        }
        tw_sha256_end(&sha, parts);
        assert_string_equal(parts, whole);
    }
}

// --- archives ---

static tw_status take_all(void *ctx, const char *name, uint64_t size, tw_stream *s)
{
    tw_status st = TW_OK;
    uint8_t *bytes = NULL;
    int64_t *found = ctx;
    int value = 0;
    TW_TRY(tw_alloc((int64_t)size, 1, &bytes));
    if (strcmp(name, "readme.html") == 0) goto done; // left unread: it is passed over
    TW_TRY(tw_stream_read(s, size, bytes));
    if (sscanf(name, "batch_%d.bin", &value) == 1) {
        found[value] = (int64_t)size;
        for (uint64_t i = 0; i < size; i++)
            if (bytes[i] != value) st = tw_fail(TW_EFORMAT, "f: wrong byte");
    }
done:
    free(bytes);
    return st;
}

static tw_status read_archive(const uint8_t *data, size_t size)
{
    int64_t found[3] = {0};
    tw_status st = tw_tar_each("f", data, size, take_all, found);
    if (st == TW_OK && (found[1] != 3073 || found[2] != 2 * 3073)) return tw_fail(TW_EFORMAT, "f: files are missing");
    return st;
}

// Truth: what Python's tarfile wrote (make_fixtures.py).
static void an_archive_of_another_program_is_read(void **state)
{
    (void)state;
    must(read_archive(archive.data, archive.size));
    every_failing_allocation_is_reported(&archive, read_archive);
}

// The last bytes are the archive's filling and gzip's tail: a cut there loses nothing of the files.
static void a_cut_or_hurt_archive_is_refused(void **state)
{
    (void)state;
    tw_bytes plain = {0};
    must(tw_stream_all("f", archive.data, archive.size, &plain));
    size_t end = 512 * (2 + 1 + 1 + 7 + 1 + 13); // folder, text, two files with their headers
    for (size_t size = 0; size < end; size += 97) {
        assert_int_equal(read_archive(plain.data, size), TW_EFORMAT);
        assert_int_equal(strncmp(tw_error(), "f:", 2), 0);
    }
    plain.data[512 + 124] ^= 1; // a size
    must_fail(read_archive(plain.data, plain.size), TW_EFORMAT, "f: byte 512: found no header of a tar archive");
    tw_bytes_free(&plain);
}

// --- downloads ---

static void a_file_is_received_whole(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_false(got.was_there);
    assert_int_equal(got.received, BLOB);
    assert_int_equal(got.kept, 0);
    assert_int_equal(got.sums.count, 1);
    assert_string_equal(got.sums.file[0].sha256, blob_sum);
    assert_int_equal(here.log->requests, 1);
}

static void what_is_there_is_checked_and_not_asked_for_again(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    must(tw_fetch(&blob_set, &opts, &got));
    must(tw_fetch(&blob_set, &opts, &got));
    assert_true(got.was_there);
    assert_int_equal(got.received, 0);
    assert_int_equal(here.log->requests, 1);
}

static void a_file_that_was_hurt_later_is_received_again(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    must(tw_fetch(&blob_set, &opts, &got));
    uint8_t wrong = blob[1000] ^ 1;
    int f = open(in_folder("blob.bin"), O_WRONLY);
    assert_int_equal(pwrite(f, &wrong, 1, 1000), 1);
    close(f);
    must(tw_fetch(&blob_set, &opts, &got));
    assert_false(got.was_there);
    blob_is_there();
}

// Each connection breaks after half of what is left: log2(300000) of them, each asking only for what is missing.
static void a_line_that_breaks_is_taken_up_where_it_broke(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("cut");
    tw_fetched got;
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_true(here.log->requests > 5);
    assert_int_equal(got.received, BLOB); // no byte twice
    assert_int_equal(here.log->sent, BLOB);
}

static void a_dead_line_is_given_up_and_the_part_stays_for_the_next_call(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("stuck");
    tw_fetched got;
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EIO, "byte 150000 of 300000");
    assert_int_equal(size_of("blob.bin.part"), BLOB / 2);
    assert_int_equal(size_of("blob.bin"), -1);
    opts = from("whole");
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(here.log->last_from, BLOB / 2);
    assert_int_equal(got.kept, BLOB / 2);
    assert_int_equal(got.received, BLOB - BLOB / 2);
}

static void a_server_without_ranges_sends_it_all_again(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("noranges");
    tw_fetched got;
    put_file("blob.bin.part", blob, 1000);
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(got.kept, 0);
    assert_int_equal(got.received, BLOB);
}

static void a_part_of_something_else_is_found_out_and_replaced(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    put_file("blob.bin.part", blob + 1, 1000);
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(got.kept, 0);
}

static void a_part_longer_than_the_file_is_not_kept(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    uint8_t *more = calloc(1, BLOB + 1);
    put_file("blob.bin.part", more, BLOB + 1);
    free(more);
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
}

static void a_whole_part_needs_no_network(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("missing");
    tw_fetched got;
    put_file("blob.bin.part", blob, BLOB);
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(here.log->requests, 0);
}

static void redirections_are_followed(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("moved");
    tw_fetched got;
    put_file("blob.bin.part", blob, 5000);
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(got.received, BLOB - 5000);
}

static void a_busy_server_is_asked_again(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("busy");
    tw_fetched got;
    opts.tries = 3;
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
}

static void other_bytes_are_refused_and_not_kept(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("other");
    tw_fetched got;
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EFORMAT, blob_sum);
    assert_int_equal(files_in_folder(), 0);
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EFORMAT, "blob.bin: found SHA-256");
}

static void more_bytes_than_published_are_refused(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("long");
    tw_fetched got;
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EFORMAT, "more than the 300000 bytes");
    assert_int_equal(size_of("blob.bin"), -1);
}

static void a_missing_file_is_named_with_its_address_and_not_asked_for_twice(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("missing");
    tw_fetched got;
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EIO, "/missing/blob.bin: the server answered 404");
    assert_int_equal(here.log->requests, 1);
}

static void the_second_address_helps_when_the_first_does_not(void **state)
{
    (void)state;
    char good[128];
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    snprintf(good, sizeof good, "%s", base);
    char bad[128];
    snprintf(bad, sizeof bad, "http://127.0.0.1:%d/missing/", here.port);
    tw_fetch_set two = blob_set;
    two.base[0] = bad;
    two.base[1] = good;
    opts.base = NULL;
    must(tw_fetch(&two, &opts, &got));
    blob_is_there();
}

static void nobody_at_the_address_is_said(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    opts.base = "http://127.0.0.1:1/";
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EIO, "http://127.0.0.1:1/blob.bin");
    opts.base = "file:///etc/";
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EIO, "rotocol");
}

static bool never(void *ctx, const char *what, double done, double total)
{
    (void)ctx, (void)what, (void)total;
    return done * (1 << 20) < 50000;
}

static void stopping_keeps_the_part(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("slow");
    tw_fetched got;
    opts.progress.tick = never;
    assert_int_equal(tw_fetch(&blob_set, &opts, &got), TW_ESTOPPED);
    assert_true(size_of("blob.bin.part") > 0);
    opts = from("whole");
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_true(got.kept > 0);
}

// A full disk, as a limit on the size of a file: write fails with EFBIG where a disk says ENOSPC.
static void without_room_the_message_says_so_and_nothing_is_lost(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {100000, 100000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        tw_status st = tw_fetch(&blob_set, &opts, &got);
        _exit(st == TW_EIO && strstr(tw_error(), "blob.bin.part: byte 100000 of 300000: cannot be written") ? 0 : 1);
    }
    int code;
    waitpid(child, &code, 0);
    assert_int_equal(code, 0);
    assert_int_equal(size_of("blob.bin.part"), 100000);
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(here.log->last_from, 100000);
}

// Killed at ten instants of a slow download: what had come is used by the next, and the file is right in the end.
static void killed_again_and_again_it_still_ends_with_the_right_bytes(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("slow");
    tw_fetched got;
    int64_t had = 0;
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0) _exit(tw_fetch(&blob_set, &opts, &got) == TW_OK ? 0 : 1);
        nanosleep(&(struct timespec){0, 3000000 * (i + 3)}, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        assert_int_equal(size_of("blob.bin"), -1);
        int64_t has = size_of("blob.bin.part") > 0 ? size_of("blob.bin.part") : 0;
        assert_true(has >= had);
        had = has;
    }
    opts = from("whole");
    must(tw_fetch(&blob_set, &opts, &got));
    blob_is_there();
    assert_int_equal(got.kept, had);
    assert_int_equal(got.received, BLOB - had);
}

static void one_process_a_folder(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    mkdir(folder, 0777);
    int lock = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EIO, "another process");
    close(lock);
    must(tw_fetch(&blob_set, &opts, &got));
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    opts.folder = "/proc/none/of/this";
    must_fail(tw_fetch(&blob_set, &opts, &got), TW_EIO, "/proc/none: cannot be made");
}

static void an_archive_is_unpacked_and_removed(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    must(tw_fetch(&tar_set, &opts, &got));
    assert_int_equal(size_of("batch_1.bin"), 3073);
    assert_int_equal(size_of("batch_2.bin"), 2 * 3073);
    assert_int_equal(files_in_folder(), 3); // and SHA256SUMS
    // Truth: python3 -c "print('\1' * 3073, end='')" | sha256sum
    assert_string_equal(got.sums.file[0].sha256, "cefa2754805b897e0bb43a4b4ef3993b447a94118d622b93ef79da80c655dd37");
    must(tw_fetch(&tar_set, &opts, &got));
    assert_true(got.was_there);
    unlink(in_folder("batch_2.bin"));
    must(tw_fetch(&tar_set, &opts, &got));
    assert_int_equal(size_of("batch_2.bin"), 2 * 3073);
}

// As a process leaves it that was killed while it unpacked: the archive whole, one file, half of another.
static void killed_while_unpacking_needs_no_network_to_end(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("missing");
    tw_fetched got;
    put_file("pictures.tar.gz", archive.data, archive.size);
    put_file("batch_1.bin", "half", 4);
    put_file("batch_2.bin.4711.part", "half", 4);
    must(tw_fetch(&tar_set, &opts, &got));
    assert_int_equal(size_of("batch_1.bin"), 3073);
    assert_int_equal(files_in_folder(), 3);
    assert_int_equal(here.log->requests, 0);
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    tw_fetch_opts opts = from("whole");
    tw_fetched got;
    int64_t before = tw_alloc_calls();
    must(tw_fetch(&tar_set, &opts, &got));
    int64_t calls = tw_alloc_calls() - before;
    for (int64_t i = 1; i <= calls; i++) {
        empty_folder();
        tw_alloc_fail_at(i);
        assert_int_equal(tw_fetch(&tar_set, &opts, &got), TW_ENOMEM);
    }
    tw_alloc_fail_at(0);
    must(tw_fetch(&tar_set, &opts, &got));
}

static void every_set_has_well_formed_sums_and_addresses(void **state)
{
    (void)state;
    int64_t count;
    const tw_fetch_set *sets = tw_fetch_sets(&count), *found;
    for (int64_t i = 0; i < count; i++) {
        must(tw_fetch_find(sets[i].name, &found));
        assert_ptr_equal(found, &sets[i]);
        assert_int_equal(sets[i].base[0][strlen(sets[i].base[0]) - 1], '/');
        for (int f = 0; f < sets[i].files; f++) {
            assert_int_equal(strlen(sets[i].file[f].sha256), 64);
            assert_int_equal(strspn(sets[i].file[f].sha256, "0123456789abcdef"), 64);
            assert_true(sets[i].file[f].size > 0);
        }
    }
    must_fail(tw_fetch_find("cifar01", &found), TW_EINVAL, "did you mean cifar10?");
}

static int start(void **state)
{
    (void)state;
    static served files[2];
    setenv("NO_PROXY", "127.0.0.1", 1);
    uint32_t z = 1;
    for (int i = 0; i < BLOB; i++) blob[i] = (uint8_t)((z = z * 1664525 + 1013904223) >> 24);
    sum_of(blob, BLOB, blob_sum);
    must(tw_bytes_load(fixture("pictures.tar.gz"), &archive));
    tar_set.file[0].size = (int64_t)archive.size;
    files[0] = (served){"blob.bin", blob, BLOB};
    files[1] = (served){"pictures.tar.gz", archive.data, (int64_t)archive.size};
    snprintf(folder, sizeof folder, "/tmp/thalweg-fetch-%ld", (long)getpid());
    server_start(&here, files, 2);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_stop(&here);
    empty_folder();
    tw_bytes_free(&archive);
    return 0;
}

int main(void)
{
    const struct CMUnitTest local[] = {
        cmocka_unit_test(sha256_of_published_messages),
        cmocka_unit_test(sha256_does_not_see_how_bytes_are_handed_over),
        cmocka_unit_test(an_archive_of_another_program_is_read),
        cmocka_unit_test(a_cut_or_hurt_archive_is_refused),
        cmocka_unit_test(every_set_has_well_formed_sums_and_addresses),
        cmocka_unit_test_setup(a_whole_part_needs_no_network, begin),
        cmocka_unit_test_setup(killed_while_unpacking_needs_no_network_to_end, begin),
    };
    const struct CMUnitTest network[] = {
        cmocka_unit_test_setup(a_file_is_received_whole, begin),
        cmocka_unit_test_setup(what_is_there_is_checked_and_not_asked_for_again, begin),
        cmocka_unit_test_setup(a_file_that_was_hurt_later_is_received_again, begin),
        cmocka_unit_test_setup(a_line_that_breaks_is_taken_up_where_it_broke, begin),
        cmocka_unit_test_setup(a_dead_line_is_given_up_and_the_part_stays_for_the_next_call, begin),
        cmocka_unit_test_setup(a_server_without_ranges_sends_it_all_again, begin),
        cmocka_unit_test_setup(a_part_of_something_else_is_found_out_and_replaced, begin),
        cmocka_unit_test_setup(a_part_longer_than_the_file_is_not_kept, begin),
        cmocka_unit_test_setup(redirections_are_followed, begin),
        cmocka_unit_test_setup(a_busy_server_is_asked_again, begin),
        cmocka_unit_test_setup(other_bytes_are_refused_and_not_kept, begin),
        cmocka_unit_test_setup(more_bytes_than_published_are_refused, begin),
        cmocka_unit_test_setup(a_missing_file_is_named_with_its_address_and_not_asked_for_twice, begin),
        cmocka_unit_test_setup(the_second_address_helps_when_the_first_does_not, begin),
        cmocka_unit_test_setup(nobody_at_the_address_is_said, begin),
        cmocka_unit_test_setup(stopping_keeps_the_part, begin),
        cmocka_unit_test_setup(without_room_the_message_says_so_and_nothing_is_lost, begin),
        cmocka_unit_test_setup(killed_again_and_again_it_still_ends_with_the_right_bytes, begin),
        cmocka_unit_test_setup(one_process_a_folder, begin),
        cmocka_unit_test_setup(a_folder_that_cannot_be_made_is_named, begin),
        cmocka_unit_test_setup(an_archive_is_unpacked_and_removed, begin),
        cmocka_unit_test_setup(failing_allocations_are_reported, begin),
    };
    int failed = cmocka_run_group_tests(local, start, stop);
    if (!tw_http_there()) {
        print_message("built without libcurl: no downloads to test\n");
        return failed;
    }
    return failed + cmocka_run_group_tests(network, start, stop);
}
