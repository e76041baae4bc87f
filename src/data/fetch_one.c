// SPDX-License-Identifier: MIT
// One file: received as NAME.part, continued where a broken download ended, compared with its SHA-256, then renamed.
//
// What is in NAME.part is trusted only as far as its sum: when a continued file has another sum than published, it is
// received once more from its first byte; a file received in one go that differs is an error, and is removed.
#include "data/fetch.h"

#include "base/alloc.h"
#include "data/http.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

tw_status tw_fetch_sum(const char *path, char hex[TW_SHA256_HEX], int64_t *size)
{
    enum { CHUNK = 1 << 18 };
    tw_status st = TW_OK;
    tw_sha256 sha;
    uint8_t *chunk = NULL;
    int file = -1;

    TW_TRY(tw_alloc(1, CHUNK, &chunk));
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        st = tw_fail(TW_EIO, "%s: cannot be opened: %s", path, strerror(errno));
        goto done;
    }
    tw_sha256_begin(&sha);
    for (;;) {
        ssize_t got = read(file, chunk, CHUNK);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            st = tw_fail(TW_EIO, "%s: byte %" PRIu64 ": cannot be read: %s", path, sha.bytes, strerror(errno));
            goto done;
        }
        if (got == 0) break;
        tw_sha256_add(&sha, chunk, (size_t)got);
    }
    if (size) *size = (int64_t)sha.bytes;
    tw_sha256_end(&sha, hex);
done:
    if (file >= 0) close(file);
    free(chunk);
    return st;
}

typedef struct part {
    const tw_fetch_job *job;
    const tw_fetch_file *file;
    const char *path;
    int descriptor;
    int64_t at; // bytes that it holds
} part;

static tw_status cut(part *p, int64_t at)
{
    if (ftruncate(p->descriptor, at) != 0) return tw_fail(TW_EIO, "%s: cannot be cut: %s", p->path, strerror(errno));
    p->at = at;
    return TW_OK;
}

static tw_status on_begin(void *ctx, int64_t from)
{
    part *p = ctx;
    if (from == p->at) return TW_OK;
    p->job->result->kept = 0; // the server sends it all again
    return cut(p, from);
}

static tw_status on_data(void *ctx, const void *data, size_t size)
{
    part *p = ctx;
    const uint8_t *from = data;
    if ((int64_t)size > p->file->size - p->at)
        return tw_fail(TW_EFORMAT, "%s: found more than the %" PRId64 " bytes that were published for it",
                       p->file->name, p->file->size);
    while (size > 0) {
        ssize_t done = pwrite(p->descriptor, from, size, p->at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0)
            return tw_fail(TW_EIO,
                           "%s: byte %" PRId64 " of %" PRId64 ": cannot be written: %s; what is there stays: make "
                           "room, and the same command goes on from there",
                           p->path, p->at, p->file->size, done < 0 ? strerror(errno) : "no room");
        from += done;
        size -= (size_t)done;
        p->at += done;
        p->job->result->received += done;
    }
    return TW_OK;
}

static bool on_time(void *ctx)
{
    const part *p = ctx;
    const tw_progress *progress = &p->job->opts->progress;
    double mib = 1 << 20;
    return !progress->tick || progress->tick(progress->ctx, p->file->name, (double)(p->job->before + p->at) / mib,
                                             (double)p->job->all / mib);
}

static void wait_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

// From one address, again and again while new bytes come.
static tw_status receive(part *p, const char *url)
{
    tw_status st = TW_OK;
    const tw_fetch_opts *opts = p->job->opts;
    double pause = opts->pause;
    for (int left = opts->tries; p->at < p->file->size;) {
        int64_t before = p->at;
        bool again;
        st = tw_http_fetch(&(tw_http_get){url, before, on_begin, on_data, on_time, p}, &again);
        if (st == TW_OK && p->at == p->file->size) break;
        if (st == TW_OK) { // its end, says the server
            again = true;
            st = tw_fail(TW_EIO, "%s: it ended", url);
        }
        if (p->at > before) {
            left = opts->tries;
            pause = opts->pause;
        } else {
            left--;
        }
        if (!again) return st;
        if (left <= 0)
            return tw_fail_in(st,
                              "%s: byte %" PRId64 " of %" PRId64 " (the same command goes on from there): ", p->path,
                              p->at, p->file->size);
        if (!on_time(p)) return tw_fail(TW_ESTOPPED, "%s: stopped", url);
        wait_for(p->at > before ? 0 : pause);
        if (p->at == before) pause *= 2;
    }
    return TW_OK;
}

static tw_status from_any_address(part *p, const tw_fetch_set *set)
{
    tw_status st = TW_OK;
    const char *base[2] = {p->job->opts->base ? p->job->opts->base : set->base[0],
                           p->job->opts->base ? NULL : set->base[1]};
    char url[1024];
    for (int i = 0; i < 2 && base[i]; i++) {
        bool slash = base[i][0] && base[i][strlen(base[i]) - 1] == '/';
        if (snprintf(url, sizeof url, "%s%s%s", base[i], slash ? "" : "/", p->file->name) >= (int)sizeof url)
            return tw_fail(TW_EINVAL, "data fetch: found an address of more than %zu letters", sizeof url - 1);
        int64_t had = p->at;
        st = receive(p, url);
        if (st == TW_EFORMAT) { // none of it is right; and if a part came before, perhaps that was what was wrong
            tw_status cutting = cut(p, 0);
            if (cutting != TW_OK) return cutting;
            p->job->result->kept = 0;
            if (had > 0) st = receive(p, url);
        }
        if (st == TW_OK || st == TW_ESTOPPED || st == TW_ENOMEM) break;
    }
    return st;
}

static tw_status sync_and_sum(part *p, char hex[TW_SHA256_HEX])
{
    if (fsync(p->descriptor) != 0) return tw_fail(TW_EIO, "%s: cannot be written: %s", p->path, strerror(errno));
    return tw_fetch_sum(p->path, hex, NULL);
}

tw_status tw_fetch_one(const tw_fetch_job *job, const tw_fetch_set *set, const tw_fetch_file *file)
{
    tw_status st = TW_OK;
    struct stat info;
    char *path = NULL, *partial = NULL, hex[TW_SHA256_HEX];
    int64_t room = (int64_t)(strlen(job->opts->folder) + strlen(file->name) + 16);
    part p = {.job = job, .file = file, .descriptor = -1};

    TW_TRY(tw_alloc(room, 1, &path));
    TW_TRY(tw_alloc(room, 1, &partial));
    snprintf(path, (size_t)room, "%s/%s", job->opts->folder, file->name);
    snprintf(partial, (size_t)room, "%s.part", path);
    if (stat(path, &info) == 0 && info.st_size == file->size) {
        TW_TRY(tw_fetch_sum(path, hex, NULL));
        if (strcmp(hex, file->sha256) == 0) goto done; // brought by somebody else, or before
    }
    p.path = partial;
    p.descriptor = open(partial, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (p.descriptor < 0 || fstat(p.descriptor, &info) != 0) {
        st = tw_fail(TW_EIO, "%s: cannot be written: %s", partial, strerror(errno));
        goto done;
    }
    p.at = info.st_size;
    if (p.at > file->size) TW_TRY(cut(&p, 0));
    job->result->kept = p.at;
    bool continued = p.at > 0;
    TW_TRY(from_any_address(&p, set));
    TW_TRY(sync_and_sum(&p, hex));
    if (strcmp(hex, file->sha256) != 0 && continued) {
        TW_TRY(cut(&p, 0));
        job->result->kept = 0;
        TW_TRY(from_any_address(&p, set));
        TW_TRY(sync_and_sum(&p, hex));
    }
    if (strcmp(hex, file->sha256) != 0) {
        unlink(partial);
        st = tw_fail(TW_EFORMAT, "%s: found SHA-256 %s, expected %s as published; it was not kept", file->name, hex,
                     file->sha256);
    } else if (rename(partial, path) != 0) {
        st = tw_fail(TW_EIO, "%s: cannot be replaced: %s", path, strerror(errno));
    }
done:
    if (p.descriptor >= 0) close(p.descriptor);
    free(partial);
    free(path);
    return st;
}
