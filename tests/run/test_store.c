// SPDX-License-Identifier: MIT
// Runs on disk: what is put is what is read; killed, full, read-only, foreign and damaged folders.
#include "base/rng.h"
#include "test.h"
#include "thalweg/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[] = "/tmp/test_store.XXXXXX";
static char folder[256];

// A folder that is not there yet.
static const char *fresh(void)
{
    static int count;
    snprintf(folder, sizeof folder, "%s/run%d", home, ++count);
    return folder;
}

static const char *inside(const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

// A writer reads through the connection on which numbers still wait to be inserted.
static void numbers_that_wait_are_read_and_the_last_of_a_step_stands(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_series *series = NULL;
    tw_series_names *names = NULL;
    must(tw_run_new(fresh(), &run));
    for (int64_t i = 0; i < 100; i++) {
        must(tw_run_put_scalar(run, "x/10", i / 2, (double)i, NAN));
        must(tw_run_put_scalar(run, "x/2", i, -(double)i, 0.5));
    }
    must(tw_run_series(run, "x/10", 1, &series));
    assert_int_equal(series->count, 50);
    for (int64_t i = 0; i < 50; i++) assert_true(series->value[i] == (double)(2 * i + 1));
    tw_series_free(series);
    must(tw_run_put_scalar(run, "x/2", 100, 7, NAN));
    must(tw_run_series_names(run, false, &names));
    assert_int_equal(names->count, 2);
    assert_string_equal(names->name[0], "x/2"); // by the numbers in them
    assert_int_equal(names->points[0], 101);
    assert_int_equal(names->points[1], 50);
    tw_series_names_free(names);
    must(tw_run_close(run));
}

static void what_is_put_is_what_is_read(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_series *series = NULL;
    tw_events *events = NULL;
    tw_times *times = NULL;
    tw_series_names *names = NULL;
    char *text = NULL;
    const double curve[3] = {1.5, -0.0, INFINITY};
    double *x = NULL, value, error;
    int64_t count, step;

    must(tw_run_new(fresh(), &run));
    must(tw_run_put_text(run, "recipe", "old"));
    must(tw_run_put_text(run, "recipe", "optim: {lr: 1}\n"));
    for (int64_t i = 9; i >= 0; i--) must(tw_run_put_scalar(run, "loss/train", i, 0.1 * (double)i, i == 3 ? 0.5 : NAN));
    must(tw_run_put_scalar(run, "accuracy", 4, NAN, NAN));
    must(tw_run_put_scalar(run, "accuracy", 5, -INFINITY, NAN));
    must(tw_run_put_curve(run, "density", 7, 3, curve));
    must(tw_run_put_event(run, 2, "note", "<what>"));
    must(tw_run_put_time(run, "steps", 1.5, 3));
    must(tw_run_put_time(run, "steps", 1, 1));
    must(tw_run_close(run));

    must(tw_run_open(folder, false, &run));
    must(tw_run_load_text(run, "recipe", &text));
    assert_string_equal(text, "optim: {lr: 1}\n");
    free(text);
    must(tw_run_load_text(run, "none", &text));
    assert_null(text);
    must(tw_run_series(run, "loss/train", 1, &series));
    assert_int_equal(series->count, 10);
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(series->step[i], i);
        assert_true(series->value[i] == 0.1 * (double)i);
        assert_true(i == 3 ? series->error[i] == 0.5 : isnan(series->error[i]));
    }
    tw_series_free(series);
    must(tw_run_series(run, "loss/train", 4, &series));
    assert_int_equal(series->count, 4); // 0 4 8 and the last
    assert_int_equal(series->step[3], 9);
    tw_series_free(series);
    must(tw_run_last(run, "accuracy", &step, &value, &error));
    assert_true(step == 5 && value == -INFINITY && isnan(error));
    must(tw_run_last(run, "nothing", &step, &value, &error));
    assert_int_equal(step, -1);
    must(tw_run_series_names(run, false, &names));
    assert_int_equal(names->count, 2);
    assert_string_equal(names->name[1], "loss/train");
    assert_int_equal(names->points[1], 10);
    tw_series_names_free(names);
    must(tw_run_series_names(run, true, &names));
    assert_int_equal(names->count, 1);
    tw_series_names_free(names);
    must(tw_run_curve(run, "density", -1, &count, &x));
    assert_int_equal(count, 3);
    assert_memory_equal(x, curve, sizeof curve);
    free(x);
    must(tw_run_events(run, &events));
    assert_int_equal(events->count, 1);
    assert_string_equal(events->event[0].text, "<what>");
    tw_events_free(events);
    must(tw_run_times(run, &times));
    assert_true(times->count == 1 && times->seconds[0] == 2.5 && times->calls[0] == 4);
    tw_times_free(times);
    must_fail(tw_run_put_scalar(run, "x", 1, 1, NAN), TW_EINVAL, "open for reading");
    must(tw_run_close(run));
}

// --- a process that computes: x <- f(x), a number a step, a state now and then ---

enum { STEPS = 400, SIZE = 300 };

static void next_state(double *x)
{
    for (int i = 0; i < SIZE; i++) x[i] = x[i] * 0.99 + sin((double)i + x[(i + 1) % SIZE]);
}

// Goes on from where the folder is to the end; exits 0 when it got there. must() would run the other tests here.
static void work(void)
{
    tw_run *run = NULL;
    tw_arrays *arrays = NULL;
    char *text = NULL;
    double x[SIZE] = {0};
    int64_t step = 0, found;
    if (access(inside("run.sqlite"), F_OK) != 0) {
        if (tw_run_new(folder, &run) != TW_OK) _exit(1);
    } else {
        if (tw_run_open(folder, true, &run) != TW_OK || tw_run_load_state(run, &found, &text, &arrays) != TW_OK)
            _exit(2);
        if (arrays) {
            if (atoll(text) != found) _exit(3);
            memcpy(x, arrays->array[0].x, sizeof x);
            step = found;
        }
        free(text);
        tw_arrays_free(arrays);
    }
    while (step < STEPS) {
        char words[32];
        next_state(x);
        step++;
        if (tw_run_put_scalar(run, "x", step, x[0], NAN) != TW_OK) _exit(4);
        if (step % 7 == 0 && tw_run_put_event(run, step, "seven", "again") != TW_OK) _exit(5);
        if (step % 50 == 13 && tw_run_put_curve(run, "state", step, SIZE, x) != TW_OK) _exit(6);
        if (step % 11 == 0) {
            tw_array array = {.name = (char[]){"x"}, .rank = 1, .shape = {SIZE}, .real = 8, .x = x};
            snprintf(words, sizeof words, "%d", (int)step);
            if (tw_run_save_state(run, step, words, 1, &array) != TW_OK) _exit(7);
        }
    }
    if (tw_run_close(run) != TW_OK) _exit(8);
    _exit(0);
}

static void count_fault(void *ctx, const char *fault)
{
    (void)ctx;
    print_error("%s\n", fault);
}

static void run_is_as_if_never_stopped(void)
{
    tw_run *run = NULL;
    tw_series *series = NULL;
    tw_events *events = NULL;
    double x[SIZE] = {0}, *curve = NULL;
    int64_t count, bad;
    must(tw_run_open(folder, false, &run));
    must(tw_run_verify(run, count_fault, NULL, &bad));
    assert_int_equal(bad, 0);
    must(tw_run_series(run, "x", 1, &series));
    must(tw_run_events(run, &events));
    assert_int_equal(series->count, STEPS);
    assert_int_equal(events->count, STEPS / 7);
    for (int64_t i = 0; i < STEPS; i++) {
        next_state(x);
        assert_int_equal(series->step[i], i + 1);
        assert_memory_equal(&series->value[i], &x[0], sizeof x[0]);
        if ((i + 1) % 50 != 13) continue;
        must(tw_run_curve(run, "state", i + 1, &count, &curve));
        assert_int_equal(count, SIZE);
        assert_memory_equal(curve, x, sizeof x);
        free(curve);
    }
    tw_events_free(events);
    tw_series_free(series);
    must(tw_run_close(run));
    DIR *listing = opendir(folder);
    for (struct dirent *file; (file = readdir(listing));) assert_null(strstr(file->d_name, ".part"));
    closedir(listing);
}

// Truth: the same numbers computed here, never stopped. The instants are drawn over the life of a process, so that
// kills fall into commits, files being written, renames and clean-ups.
static void a_run_killed_at_random_instants_resumes_to_the_same_bits(void **state)
{
    (void)state;
    tw_rng rng = tw_rng_at(1, TW_RNG_TEST, 0);
    int killed = 0, status = -1;
    fresh();
    for (int i = 0; i < 400; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) work();
        if (i < 60) {
            usleep((useconds_t)(200 + tw_rng_below(&rng, 25000)));
            kill(child, SIGKILL);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        killed += WIFSIGNALED(status);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }
    }
    assert_true(killed >= 3);
    run_is_as_if_never_stopped();
}

// Truth: RLIMIT_FSIZE makes writes fail as a full disk does; the sizes sweep over database, log and state files.
static void a_disk_that_fills_loses_nothing_that_was_committed(void **state)
{
    (void)state;
    int failed = 0, status;
    fresh();
    for (rlim_t size = 8192; size <= 1 << 20; size = size * 3 / 2) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct rlimit limit = {size, size};
            signal(SIGXFSZ, SIG_IGN);
            if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(0);
            work();
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status)); // an error, never a crash
        failed += WEXITSTATUS(status) != 0;
    }
    assert_true(failed > 0);
    pid_t child = fork();
    if (child == 0) work();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    run_is_as_if_never_stopped();
}

static void a_damaged_state_gives_way_to_the_one_before(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_arrays *arrays = NULL;
    char *text = NULL, byte;
    double x = 0;
    int64_t step, bad, count = 0;
    tw_array array = {.name = (char[]){"x"}, .rank = 0, .real = 8, .x = &x};
    must(tw_run_new(fresh(), &run));
    for (step = 1; step <= 5; step++) {
        x = (double)step;
        must(tw_run_put_scalar(run, "x", step, x, NAN));
        must(tw_run_save_state(run, step, "words", 1, &array));
    }
    must(tw_run_close(run));
    DIR *listing = opendir(folder);
    for (struct dirent *file; (file = readdir(listing));) count += strncmp(file->d_name, "state", 5) == 0;
    closedir(listing);
    assert_int_equal(count, 2);

    int file = open(inside("state-5.safetensors"), O_RDWR);
    assert_int_equal(pread(file, &byte, 1, 80), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, 80), 1);
    close(file);
    must(tw_run_open(folder, true, &run));
    must(tw_run_verify(run, count_fault, NULL, &bad));
    assert_int_equal(bad, 1);
    must(tw_run_load_state(run, &step, &text, &arrays));
    assert_int_equal(step, 4);
    assert_string_equal(text, "words");
    assert_true(*(double *)arrays->array[0].x == 4);
    must(tw_run_last(run, "x", &step, &x, &x));
    assert_int_equal(step, 4);
    free(text);
    tw_arrays_free(arrays);
    must(tw_run_verify(run, count_fault, NULL, &bad));
    assert_int_equal(bad, 0);
    must(tw_run_close(run));
}

static void a_run_has_one_writer_and_many_readers(void **state)
{
    (void)state;
    tw_run *run = NULL, *reader = NULL, *second = NULL;
    char expected[64];
    double value, error;
    int64_t step;
    bool left;
    must(tw_run_new(fresh(), &run));
    must(tw_run_put_text(run, "recipe", "words"));
    assert_true(tw_run_is_being_written(folder));
    must_fail(tw_run_open(folder, true, &second), TW_EINVAL, "is being written by process");
    snprintf(expected, sizeof expected, "process %ld;", (long)getpid());
    must_fail(tw_run_delete(folder, &left), TW_EINVAL, expected);
    must(tw_run_open(folder, false, &reader));
    must(tw_run_put_scalar(run, "x", 1, 2.5, NAN));
    must(tw_run_commit(run));
    must(tw_run_last(reader, "x", &step, &value, &error));
    assert_true(step == 1 && value == 2.5);
    must(tw_run_close(run));
    assert_false(tw_run_is_being_written(folder));
    must(tw_run_close(reader));
    must_fail(tw_run_new(folder, &run), TW_EINVAL, "found a run, expected none");
    must(tw_run_delete(folder, &left));
    assert_false(left);
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void delete_leaves_what_is_not_the_runs(void **state)
{
    (void)state;
    tw_run *run = NULL;
    bool left;
    must_fail(tw_run_delete(home, &left), TW_EIO, "expected a folder with a run");
    must(tw_run_new(fresh(), &run));
    must(tw_run_close(run));
    FILE *note = fopen(inside("notes.txt"), "w");
    assert_non_null(note);
    fclose(note);
    must(tw_run_delete(folder, &left));
    assert_true(left);
    assert_int_equal(access(inside("notes.txt"), F_OK), 0);
    assert_int_not_equal(access(inside("run.sqlite"), F_OK), 0);
}

static void put_bytes(const char *path, const char *bytes, long at)
{
    FILE *file = fopen(path, at ? "r+b" : "wb");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    fputs(bytes, file);
    fclose(file);
}

static void foreign_damaged_and_newer_files_are_named_as_such(void **state)
{
    (void)state;
    tw_run *run = NULL;
    char newer[4] = {0, 0, 0, 9};
    must_fail(tw_run_open(fresh(), false, &run), TW_EIO, "expected a folder with a run");
    mkdir(folder, 0777);
    put_bytes(inside("run.sqlite"), "this is no database, and is long enough to be looked at: it has no magic number",
              0);
    must_fail(tw_run_open(folder, false, &run), TW_EFORMAT, "no SQLite database");
    must_fail(tw_run_open(folder, true, &run), TW_EFORMAT, "no SQLite database");

    must(tw_run_new(fresh(), &run));
    for (int i = 0; i < 20000; i++) must(tw_run_put_scalar(run, "x", i, i, NAN));
    must(tw_run_close(run));
    int file = open(inside("run.sqlite"), O_RDWR);
    assert_int_equal(pwrite(file, newer, 4, 60), 4); // SQLite's header: user_version, big endian
    must_fail(tw_run_open(folder, false, &run), TW_EFORMAT, "found schema 9, expected at most 1");
    newer[3] = 1;
    assert_int_equal(pwrite(file, newer, 4, 60), 4);
    assert_int_equal(pwrite(file, newer, 4, 68), 4); // application_id
    must_fail(tw_run_open(folder, false, &run), TW_EFORMAT, "the database of another program");
    assert_int_equal(pwrite(file, "THLW", 4, 68), 4);
    must(tw_run_open(folder, false, &run));
    must(tw_run_close(run));
    int64_t bad = 0;
    char junk[8192];
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(pwrite(file, junk, sizeof junk, 20 * 8192), sizeof junk);
    close(file);
    must(tw_run_open(folder, false, &run));
    tw_status st = tw_run_verify(run, count_fault, NULL, &bad);
    assert_true(st == TW_EFORMAT || bad > 0);
    must(tw_run_close(run));
}

// Run as another user where the tests are run as root, to whom no folder is read-only.
static void a_read_only_folder_can_be_read_and_refuses_to_be_written(void **state)
{
    (void)state;
    tw_run *run = NULL;
    int status;
    must(tw_run_new(fresh(), &run));
    must(tw_run_put_scalar(run, "x", 1, 2.5, NAN));
    must(tw_run_close(run));
    chmod(home, 0755);
    chmod(folder, 0555);
    chmod(inside("run.sqlite"), 0444);
    chmod(inside("run.lock"), 0444);
    pid_t child = fork();
    if (child == 0) {
        double value = 0, error;
        int64_t step;
        if (geteuid() == 0 && setuid(65534) != 0) _exit(0);
        if (tw_run_open(folder, false, &run) != TW_OK) _exit(1);
        if (tw_run_last(run, "x", &step, &value, &error) != TW_OK || value != 2.5) _exit(2);
        if (tw_run_close(run) != TW_OK) _exit(3);
        if (tw_run_open(folder, true, &run) != TW_EIO || !strstr(tw_error(), "Permission denied")) _exit(4);
        strcat(folder, "/below");
        if (tw_run_new(folder, &run) != TW_EIO || !strstr(tw_error(), "cannot be made: Permission denied")) _exit(5);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    chmod(folder, 0755);
    assert_int_equal(status, 0);
}

static int make_home(void **state)
{
    (void)state;
    return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof line, "rm -rf %s", home);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_what_is_read),
        cmocka_unit_test(numbers_that_wait_are_read_and_the_last_of_a_step_stands),
        cmocka_unit_test(a_run_killed_at_random_instants_resumes_to_the_same_bits),
        cmocka_unit_test(a_disk_that_fills_loses_nothing_that_was_committed),
        cmocka_unit_test(a_damaged_state_gives_way_to_the_one_before),
        cmocka_unit_test(a_run_has_one_writer_and_many_readers),
        cmocka_unit_test(delete_leaves_what_is_not_the_runs),
        cmocka_unit_test(foreign_damaged_and_newer_files_are_named_as_such),
        cmocka_unit_test(a_read_only_folder_can_be_read_and_refuses_to_be_written),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
