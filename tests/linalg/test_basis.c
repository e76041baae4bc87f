// SPDX-License-Identifier: MIT
// A Krylov basis on disk: whatever happens to the program, a search goes on to the bits of one that was never stopped,
// or says why it does not. Truth: the same search in memory, uninterrupted.
#include "test.h"

#include "base/alloc.h"
#include "base/shards.h"
#include "thalweg/linalg.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 5000, TOP = 4, BOTTOM = 2, COUNT = TOP + BOTTOM }; // 3 slabs, the last one short

static int64_t products_left = INT64_MAX; // then the program is killed in the middle of a product

// Diagonal with neighbours coupled: a few large eigenvalues, two of them near each other, a few negative ones.
static tw_status apply(void *ctx, int64_t k, const double *x, double *y)
{
    (void)ctx;
    for (int64_t j = 0; j < k; j++, x += N, y += N) {
        if (products_left-- == 0) raise(SIGKILL);
        for (int64_t i = 0; i < N; i++) {
            double d = i % 1000 == 0 ? 5 + 1e-3 * (double)i : i % 999 == 0 ? -3 - 1e-3 * (double)i : sin((double)i);
            y[i] = d * x[i] + 0.01 * ((i > 0 ? x[i - 1] : 0) + (i < N - 1 ? x[i + 1] : 0));
        }
    }
    return TW_OK;
}

static const tw_linop op = {N, apply, NULL, 2, DBL_EPSILON};

static tw_lanczos_opts options(const char *folder)
{
    tw_lanczos_opts o = tw_lanczos_defaults();
    o.top = TOP;
    o.bottom = BOTTOM;
    o.tolerance = 1e-9;
    o.basis = 18; // so that it restarts often
    o.seed = 5;
    o.basis_dir = folder;
    o.problem = "a diagonal with neighbours";
    return o;
}

typedef struct answer {
    double value[COUNT], residual[COUNT], vector[COUNT * N];
    int64_t products, restarts, found_late, calls;
} answer;

static void keep(const tw_eigs *e, answer *a)
{
    memset(a, 0, sizeof *a);
    memcpy(a->value, e->value, sizeof a->value);
    memcpy(a->residual, e->residual, sizeof a->residual);
    memcpy(a->vector, e->vector, sizeof a->vector);
    a->products = e->products;
    a->restarts = e->restarts;
    a->found_late = e->found_late;
}

static void solve(const tw_lanczos_opts *o, answer *a)
{
    tw_eigs *e = NULL;
    must(tw_lanczos(&op, o, &e));
    keep(e, a);
    tw_eigs_free(e);
}

static char folder[64];
static answer *truth, *found; // found is shared with children

static bool on_disk(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void on_disk_the_bits_are_those_of_memory_and_nothing_is_left(void **state)
{
    (void)state;
    tw_lanczos_opts o = options(folder);
    solve(&o, found);
    assert_memory_equal(found, truth, sizeof *truth);
    assert_true(truth->restarts > 3); // both halves were used
    assert_false(on_disk("lanczos.state") || on_disk("lanczos.vectors") || access(folder, F_OK) == 0);
}

// One life of the program: so many products, then it is killed. true: it came to the end.
static bool lives(int64_t products)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        tw_lanczos_opts o = options(folder);
        products_left = products;
        tw_eigs *e = NULL;
        if (tw_lanczos(&op, &o, &e) != TW_OK) _exit(3);
        keep(e, found);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return !WIFSIGNALED(status);
}

static void a_search_that_is_killed_again_and_again_comes_to_the_same_bits(void **state)
{
    (void)state;
    for (int64_t products = 11; products < 60; products += 23) {
        int lives_had = 1;
        memset(found, 0, sizeof *found);
        while (!lives(products)) lives_had++;
        assert_true(lives_had > 1);
        assert_memory_equal(found, truth, sizeof *truth);
    }
}

static bool tick_stops(void *ctx, const char *what, double done, double total)
{
    (void)what;
    (void)done;
    (void)total;
    return --*(int *)ctx > 0;
}

static void a_search_that_is_stopped_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    tw_lanczos_opts o = options(folder);
    tw_eigs *e = NULL;
    int ticks = 9;
    o.progress = (tw_progress){tick_stops, &ticks};
    assert_int_equal(tw_lanczos(&op, &o, &e), TW_ESTOPPED);
    o = options(folder);
    solve(&o, found);
    assert_memory_equal(found, truth, sizeof *truth);
}

// Each call in turn fails while a search goes on from a commit: the right status, and the next one ends as ever.
static void failing_allocations_leave_a_basis_that_goes_on(void **state)
{
    (void)state;
    int failed = 0;
    for (int64_t call = 1;; call += call < 30 ? 1 : 97) { // there are thousands, most of them alike
        tw_lanczos_opts o = options(folder);
        tw_eigs *e = NULL;
        tw_alloc_fail_at(call);
        tw_status st = tw_lanczos(&op, &o, &e);
        tw_alloc_fail_at(0);
        failed += st == TW_ENOMEM;
        if (st == TW_OK) {
            keep(e, found);
            tw_eigs_free(e);
            assert_memory_equal(found, truth, sizeof *truth);
            break;
        }
        assert_int_equal(st, TW_ENOMEM);
    }
    assert_true(failed > 25);
    tw_lanczos_opts o = options(folder);
    solve(&o, found);
    assert_memory_equal(found, truth, sizeof *truth);
}

static void leave_a_basis(void)
{
    tw_lanczos_opts o = options(folder);
    tw_eigs *e = NULL;
    int ticks = 9;
    o.progress = (tw_progress){tick_stops, &ticks};
    assert_int_equal(tw_lanczos(&op, &o, &e), TW_ESTOPPED);
    assert_true(on_disk("lanczos.state"));
}

static void flip(const char *name, long at)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void refused(const tw_lanczos_opts *o, tw_status status, const char *text)
{
    tw_eigs *e = NULL;
    must_fail(tw_lanczos(&op, o, &e), status, text);
    assert_null(e);
    assert_true(on_disk("lanczos.state")); // what was refused is not touched
}

static void changed_or_foreign_files_and_other_problems_are_refused(void **state)
{
    (void)state;
    tw_lanczos_opts o = options(folder);
    leave_a_basis();
    const char *const change[] = {"lanczos.state", "lanczos.state", "lanczos.state", "lanczos.vectors"};
    const long at[] = {0, 60, 300, 3};
    const char *const text[] = {"not a basis", "checksum", "checksum", "not a basis"};
    for (int i = 0; i < 4; i++) {
        flip(change[i], at[i]);
        refused(&o, TW_EFORMAT, text[i]);
        flip(change[i], at[i]);
    }
    // One bit of the first vector of either half: the one that holds is found.
    const long half[] = {65536, 65536 + (18 + 6) * 5120L * 8};
    for (int i = 0; i < 2; i++) flip("lanczos.vectors", half[i] + 8 * 4999);
    refused(&o, TW_EFORMAT, "vector 0 of half");
    for (int i = 0; i < 2; i++) flip("lanczos.vectors", half[i] + 8 * 4999);

    o.problem = "another diagonal";
    refused(&o, TW_EINVAL, "found the basis of another problem: \"a diagonal with neighbours");
    o = options(folder);
    o.seed = 6;
    refused(&o, TW_EINVAL, "seed 6");
    o = options(folder);
    o.basis = 19;
    refused(&o, TW_EINVAL, "basis 19");

    o = options(folder);
    solve(&o, found);
    assert_memory_equal(found, truth, sizeof *truth);
}

// A limit on the size of files is what a full disk looks like to posix_fallocate.
static void a_full_disk_is_said_before_the_work(void **state)
{
    (void)state;
    tw_lanczos_opts o = options(folder);
    tw_eigs *e = NULL;
    struct rlimit old, low;
    getrlimit(RLIMIT_FSIZE, &old);
    low = old;
    low.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &low);
    tw_status st = tw_lanczos(&op, &o, &e);
    setrlimit(RLIMIT_FSIZE, &old);
    must_fail(st, TW_EIO, "no room for the Krylov basis");
    assert_false(on_disk("lanczos.vectors"));
}

static void a_folder_serves_one_process(void **state)
{
    (void)state;
    char path[128];
    int ready[2], end[2];
    char byte = 0;
    leave_a_basis();
    snprintf(path, sizeof path, "%s/lanczos.vectors", folder);
    assert_true(pipe(ready) == 0 && pipe(end) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) { // holds it as a search does, and waits
        int file = open(path, O_RDWR);
        close(end[1]);
        bool held = file >= 0 && flock(file, LOCK_EX) == 0 && write(ready[1], &byte, 1) == 1;
        _exit(held && read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(end[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    tw_lanczos_opts o = options(folder);
    refused(&o, TW_EIO, "in use by another process");
    close(end[1]);
    waitpid(child, NULL, 0);
    solve(&o, found);
    assert_memory_equal(found, truth, sizeof *truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_disk_the_bits_are_those_of_memory_and_nothing_is_left),
        cmocka_unit_test(a_search_that_is_killed_again_and_again_comes_to_the_same_bits),
        cmocka_unit_test(a_search_that_is_stopped_goes_on_to_the_same_bits),
        cmocka_unit_test(failing_allocations_leave_a_basis_that_goes_on),
        cmocka_unit_test(changed_or_foreign_files_and_other_problems_are_refused),
        cmocka_unit_test(a_full_disk_is_said_before_the_work),
        cmocka_unit_test(a_folder_serves_one_process),
    };
    const tw_lanczos_opts memory = options(NULL);
    if (tw_threads_set(1) != TW_OK) return 1; // children are forked: no team may have been made
    snprintf(folder, sizeof folder, "test_basis.%ld", (long)getpid());
    truth = calloc(1, sizeof *truth);
    found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!truth || found == MAP_FAILED) return 1;
    tw_eigs *e = NULL;
    if (tw_lanczos(&op, &memory, &e) != TW_OK) return 1;
    keep(e, truth);
    tw_eigs_free(e);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    munmap(found, sizeof *found);
    free(truth);
    return failed;
}
