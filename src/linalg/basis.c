// SPDX-License-Identifier: MIT
// A Krylov basis on disk: mapped vectors and a committed state.
#include "linalg/basis.h"

#include "base/alloc.h"
#include "base/outfile.h"
#include "base/ranks.h"
#include "data/checksum.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 65536 }; // the first vector begins here: a multiple of every page size in use

static const char vectors_magic[32] = "thalweg krylov vectors 1\n";
static const char state_magic[32] = "thalweg krylov state 1\n";

typedef struct head {
    char magic[32];
    uint64_t order; // tells the byte order
    int64_t n, stride, room, half, count, problem, state;
} head;
#define ORDER UINT64_C(0x0102030405060708)

struct tw_basis {
    tw_panel *panel;
    char *folder, *vectors_path, *state_path, *problem;
    int file;
    bool made; // the file of vectors is ours: nobody had one here
    char *map;
    size_t map_bytes;
    uint64_t *sum, *slab_sum; // [room] checksums of vectors, of the slabs of one
    head last;
    char *blob; // the last state read
};

static int64_t slabs(const tw_basis *b) { return (b->panel->n + TW_SLAB - 1) / TW_SLAB; }

static double *whole_half(const tw_basis *b, int half)
{
    return (double *)(void *)(b->map + PAGE) + half * b->panel->room * b->panel->stride;
}

double *tw_basis_half(tw_basis *b, int half) { return whole_half(b, half) + b->panel->first; }

void tw_basis_state(const tw_basis *b, int *half, void *state)
{
    *half = (int)b->last.half;
    memcpy(state, b->blob, (size_t)b->last.state);
}

// --- checksums: of slabs, so that each rank makes those of its own entries ---

typedef struct sums {
    tw_basis *b;
    const double *vector;
} sums;

static tw_status sum_slab(void *ctx, int64_t slab, int thread)
{
    const sums *s = ctx;
    int64_t at = slab * TW_SLAB, left = s->b->panel->n - at;
    (void)thread;
    s->b->slab_sum[slab] =
        tw_checksum_block(s->vector + at, (size_t)(left < TW_SLAB ? left : TW_SLAB) * sizeof(double));
    return TW_OK;
}

static tw_status vector_sum(tw_basis *b, int half, int64_t i, uint64_t *out)
{
    tw_status st = TW_OK;
    const int64_t bytes = (int64_t)sizeof *b->slab_sum;
    sums s = {b, whole_half(b, half) + i * b->panel->stride};
    TW_TRY(tw_shards_run_dealt(slabs(b), sum_slab, &s));
    TW_TRY(tw_ranks_gather(slabs(b), bytes, slabs(b) * bytes, b->slab_sum));
    *out = tw_checksum_block(b->slab_sum, (size_t)(slabs(b) * bytes));
done:
    return st;
}

// --- open ---

static tw_status join_path(const char *folder, const char *name, char **out)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    tw_status st = tw_alloc((int64_t)room, 1, out);
    if (st == TW_OK) snprintf(*out, room, "%s/%s", folder, name);
    return st;
}

static tw_status one_machine(const char *folder)
{
    tw_status st = TW_OK;
    char first[256] = "";
    const char *name = strstr(tw_ranks_name(), " on ");
    snprintf(first, sizeof first, "%s", name ? name : "");
    TW_TRY(tw_ranks_share(first, sizeof first));
    if (name && strcmp(first, name) != 0)
        st = tw_fail(TW_EIO, "%s: found ranks%s and%s, expected all on one machine: they map one file", folder, first,
                     name);
done:
    return st;
}

// The file of vectors, ours and locked by rank 0 alone; made when there is none.
static tw_status open_vectors(tw_basis *b)
{
    tw_status st = TW_OK;
    char magic[sizeof vectors_magic] = "";
    struct stat about;
    const off_t want = (off_t)b->map_bytes;

    b->file = open(b->vectors_path, tw_rank() == 0 ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0666);
    if (b->file < 0 || fstat(b->file, &about) != 0) {
        st = tw_fail(TW_EIO, "%s: cannot be opened: %s", b->vectors_path, strerror(errno));
        goto done;
    }
    if (tw_rank() > 0) goto done;
    if (flock(b->file, LOCK_EX | LOCK_NB) != 0) {
        st = tw_fail(TW_EIO, "%s: in use by another process: a folder serves one at a time", b->vectors_path);
        goto done;
    }
    b->made = about.st_size == 0;
    if (!b->made && (pread(b->file, magic, sizeof magic, 0) != (ssize_t)sizeof magic ||
                     memcmp(magic, vectors_magic, sizeof magic) != 0)) {
        st = tw_fail(TW_EFORMAT, "%s: byte 0: found other bytes, expected \"%.24s\": not a basis of this program",
                     b->vectors_path, vectors_magic);
        goto done;
    }
    if (b->last.count > 0) { // a state speaks of these vectors
        if (about.st_size != want)
            st = tw_fail(TW_EFORMAT, "%s: found %" PRId64 " bytes, expected %" PRId64, b->vectors_path,
                         (int64_t)about.st_size, (int64_t)want);
        goto done;
    }
    int fault = 0;
    if (about.st_size != want && ftruncate(b->file, 0) != 0) fault = errno;
    // All of it now: a disk that is full later would end the program where it writes to memory.
    if (fault == 0) fault = posix_fallocate(b->file, 0, want);
    if (fault == 0 && pwrite(b->file, vectors_magic, sizeof vectors_magic, 0) != (ssize_t)sizeof vectors_magic)
        fault = errno;
    if (fault != 0) {
        st = tw_fail(TW_EIO,
                     "%s: no room for the Krylov basis: two times %" PRId64 " vectors of %" PRId64
                     " numbers are %" PRId64 " bytes: %s",
                     b->vectors_path, b->panel->room, b->panel->n, (int64_t)want, strerror(fault));
        (void)unlink(b->vectors_path);
    }
done:
    return st;
}

// The whole of a file, by rank 0 for all; NULL when there is none.
static tw_status read_state(const char *path, char **data, int64_t *size)
{
    tw_status st = TW_OK;
    FILE *file = tw_rank() == 0 ? fopen(path, "rb") : NULL;
    struct stat about;
    char *got = NULL;
    if (file && (fstat(fileno(file), &about) != 0)) about.st_size = 0;
    if (file) {
        *size = (int64_t)about.st_size;
        TW_TRY(tw_alloc(*size + 1, 1, &got));
        if (fread(got, 1, (size_t)*size, file) != (size_t)*size) {
            st = tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
            goto done;
        }
    }
    TW_TRY(tw_ranks_share_block(size, (void **)&got));
    *data = got;
    got = NULL;
done:
    if (file) fclose(file);
    free(got);
    return st;
}

static tw_status check_state(tw_basis *b, const char *data, int64_t size, int64_t bytes)
{
    tw_status st = TW_OK;
    const tw_panel *p = b->panel;
    head h;
    uint64_t sum;
    if (size < (int64_t)(sizeof h + sizeof sum) || memcmp(data, state_magic, sizeof state_magic) != 0) {
        st = tw_fail(TW_EFORMAT, "%s: byte 0: found other bytes, expected \"%.22s\": not a basis of this program",
                     b->state_path, state_magic);
        goto done;
    }
    memcpy(&h, data, sizeof h);
    memcpy(&sum, data + size - sizeof sum, sizeof sum);
    if (h.order != ORDER || sum != tw_checksum_block(data, (size_t)size - sizeof sum)) {
        st = tw_fail(TW_EFORMAT,
                     "%s: the checksum does not fit: found other bytes than were written (remove %s to begin again)",
                     b->state_path, b->folder);
        goto done;
    }
    const int64_t list = h.count * (int64_t)sizeof *b->sum;
    const char *problem = data + sizeof h + list;
    if ((int64_t)strlen(b->problem) != h.problem || memcmp(problem, b->problem, (size_t)h.problem) != 0) {
        int64_t from = 0, word = 0; // shown from the word in which they differ
        for (; from < h.problem && problem[from] == b->problem[from]; from++)
            if (problem[from] == ',' || problem[from] == ';') word = from + 2;
        st = tw_fail(TW_EINVAL, "%s: found the basis of another problem: \"%.*s\"; expected \"%.120s\"", b->state_path,
                     (int)(h.problem - word < 120 ? h.problem - word : 120), problem + word, b->problem + word);
        goto done;
    }
    if (h.n != p->n || h.room != p->room || h.stride != p->stride || h.count > h.room || h.state > bytes) {
        st =
            tw_fail(TW_EINVAL, "%s: found %" PRId64 " vectors of %" PRId64 " numbers, expected %" PRId64 " of %" PRId64,
                    b->state_path, h.room, h.n, p->room, p->n);
        goto done;
    }
    memcpy(b->sum, data + sizeof h, (size_t)list);
    TW_TRY(tw_alloc(h.state, 1, &b->blob));
    memcpy(b->blob, problem + h.problem, (size_t)h.state);
    b->last = h;
done:
    return st;
}

static tw_status check_vectors(tw_basis *b)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < b->last.count; i++) {
        uint64_t sum = 0;
        TW_TRY(vector_sum(b, (int)b->last.half, i, &sum));
        if (sum == b->sum[i]) continue;
        st = tw_fail(TW_EFORMAT,
                     "%s: vector %" PRId64 " of half %" PRId64 ": found checksum %016" PRIx64 ", expected %016" PRIx64
                     ": it has changed since it was written (remove %s to begin again)",
                     b->vectors_path, i, b->last.half, sum, b->sum[i], b->folder);
        goto done;
    }
done:
    return st;
}

tw_status tw_basis_open(const char *folder, const char *problem, tw_panel *p, int64_t bytes, int64_t *held,
                        tw_basis **out)
{
    tw_status st = TW_OK;
    tw_basis *b = NULL;
    char *data = NULL;
    int64_t size = 0;

    TW_TRY(tw_alloc(1, sizeof *b, &b));
    b->panel = p;
    b->file = -1;
    p->stride = (p->n + 511) / 512 * 512; // vectors begin on pages
    b->map_bytes = PAGE + 2 * (size_t)p->room * (size_t)p->stride * sizeof(double);
    TW_TRY(one_machine(folder));
    TW_TRY(tw_strdup(folder, &b->folder));
    TW_TRY(tw_strdup(problem, &b->problem));
    TW_TRY(join_path(folder, "lanczos.vectors", &b->vectors_path));
    TW_TRY(join_path(folder, "lanczos.state", &b->state_path));
    TW_TRY(tw_alloc(p->room, sizeof *b->sum, &b->sum));
    TW_TRY(tw_alloc(slabs(b), sizeof *b->slab_sum, &b->slab_sum));
    if (tw_rank() == 0 && mkdir(folder, 0777) != 0 && errno != EEXIST) {
        st = tw_fail(TW_EIO, "%s: cannot be made: %s", folder, strerror(errno));
        goto done;
    }
    TW_TRY(read_state(b->state_path, &data, &size));
    if (data) TW_TRY(check_state(b, data, size, bytes));
    if (tw_rank() == 0) TW_TRY(open_vectors(b));
    TW_TRY(tw_ranks_wait());
    if (tw_rank() > 0) TW_TRY(open_vectors(b));
    b->map = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->file, 0);
    if (b->map == MAP_FAILED) {
        b->map = NULL;
        st = tw_fail(TW_EIO, "%s: cannot be mapped into memory: %s", b->vectors_path, strerror(errno));
        goto done;
    }
    TW_TRY(check_vectors(b));
    *held = b->last.state;
    *out = b;
    b = NULL;
done:
    free(data);
    tw_basis_close(b, false);
    return st;
}

// --- commit ---

static tw_status sync_vector(const tw_basis *b, int half, int64_t i)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *from = (char *)(whole_half(b, half) + i * b->panel->stride + b->panel->first);
    const size_t off = (uintptr_t)from % page, bytes = (size_t)b->panel->rows * sizeof(double);
    if (bytes > 0 && msync(from - off, bytes + off, MS_SYNC) != 0)
        return tw_fail(TW_EIO, "%s: vector %" PRId64 " could not be written: %s", b->vectors_path, i, strerror(errno));
    return TW_OK;
}

static tw_status write_state(tw_basis *b, const void *state)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    char *data = NULL;
    const size_t list = (size_t)b->last.count * sizeof *b->sum;
    const size_t all = sizeof(head) + list + (size_t)b->last.problem + (size_t)b->last.state;
    uint64_t sum;

    TW_TRY(tw_alloc((int64_t)(all + sizeof sum), 1, &data));
    char *at = data;
    memcpy(at, &b->last, sizeof(head));
    memcpy(at += sizeof(head), b->sum, list);
    memcpy(at += list, b->problem, (size_t)b->last.problem);
    memcpy(at + b->last.problem, state, (size_t)b->last.state);
    sum = tw_checksum_block(data, all);
    memcpy(data + all, &sum, sizeof sum);
    TW_TRY(tw_outfile_open(&file, b->state_path));
    fwrite(data, 1, all + sizeof sum, file.stream);
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    free(data);
    return st;
}

tw_status tw_basis_commit(tw_basis *b, int half, int64_t clean, int64_t count, const void *state, int64_t bytes)
{
    tw_status st = TW_OK;
    for (int64_t i = clean; i < count; i++) {
        TW_TRY(vector_sum(b, half, i, &b->sum[i]));
        TW_TRY(sync_vector(b, half, i));
    }
    TW_TRY(tw_ranks_wait()); // all are on disk
    b->last = (head){.order = ORDER,
                     .n = b->panel->n,
                     .stride = b->panel->stride,
                     .room = b->panel->room,
                     .half = half,
                     .count = count,
                     .problem = (int64_t)strlen(b->problem),
                     .state = bytes};
    memcpy(b->last.magic, state_magic, sizeof state_magic);
    TW_TRY(write_state(b, state));
    TW_TRY(tw_ranks_wait()); // nobody writes to the other half before the state has left it
done:
    return st;
}

void tw_basis_close(tw_basis *b, bool done)
{
    if (!b) return;
    if (b->map) munmap(b->map, b->map_bytes);
    if (b->file >= 0 && tw_rank() == 0 && (done || (b->made && b->last.count == 0))) {
        (void)unlink(b->state_path);
        (void)unlink(b->vectors_path);
        (void)rmdir(b->folder); // fails, as it should, when others have files there
    }
    if (b->file >= 0) close(b->file);
    free(b->folder);
    free(b->vectors_path);
    free(b->state_path);
    free(b->problem);
    free(b->sum);
    free(b->slab_sum);
    free(b->blob);
    free(b);
}
