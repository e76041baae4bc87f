// SPDX-License-Identifier: MIT
// A data set into its folder: its files, what an archive holds, and SHA256SUMS in the form that sha256sum -c reads.
//
// SHA256SUMS is written last: it stands for "all of it is here, and these are its bytes". A process killed before
// leaves files that the next one takes up: a part is continued, an archive unpacked again.
#include "data/fetch.h"

#include "base/alloc.h"
#include "base/outfile.h"
#include "data/tar.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS "SHA256SUMS"

static tw_status join(const char *folder, const char *name, char **out)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    tw_status st = tw_alloc((int64_t)room, 1, out);
    if (st == TW_OK) snprintf(*out, room, "%s/%s", folder, name);
    return st;
}

static tw_status make_folder(const char *folder)
{
    tw_status st = TW_OK;
    struct stat info;
    char *path = NULL;
    TW_TRY(tw_strdup(folder, &path));
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0') continue;
        char end = *at;
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            st = tw_fail(TW_EIO, "%s: cannot be made: %s", path, strerror(errno));
            goto done;
        }
        if (!(*at = end)) break;
    }
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        st = tw_fail(TW_EIO, "%s: found a file, expected a folder", folder);
done:
    free(path);
    return st;
}

static tw_status lock_folder(const char *folder, int *out)
{
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) return tw_fail(TW_EIO, "%s: cannot be opened: %s", folder, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        tw_status st = errno == EWOULDBLOCK
                           ? tw_fail(TW_EIO, "%s: another process is fetching into this folder", folder)
                           : tw_fail(TW_EIO, "%s: cannot be locked: %s", folder, strerror(errno));
        close(lock);
        return st;
    }
    *out = lock;
    return TW_OK;
}

// NAME.PID.part of a process that was killed while it unpacked; the folder is locked, so none is in use.
static void sweep(const char *folder, const tw_fetch_sums *needed)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        for (int i = 0; i < needed->count; i++) {
            size_t length = strlen(needed->file[i].name);
            if (strncmp(e->d_name, needed->file[i].name, length) != 0 || e->d_name[length] != '.') continue;
            size_t digits = strspn(e->d_name + length + 1, "0123456789");
            if (digits > 0 && strcmp(e->d_name + length + 1 + digits, ".part") == 0) unlinkat(dirfd(dir), e->d_name, 0);
        }
    }
    if (dir) closedir(dir);
}

// --- the list of what a reader needs ---

static tw_status add_name(tw_fetch_sums *sums, const char *name, int length)
{
    if (sums->count == TW_FETCH_MOST || length >= (int)sizeof sums->file[0].name)
        return tw_fail(TW_EINVAL, "data fetch: found more files than %d", TW_FETCH_MOST);
    memset(&sums->file[sums->count], 0, sizeof sums->file[0]);
    memcpy(sums->file[sums->count++].name, name, (size_t)length);
    return TW_OK;
}

static tw_status list_needed(const tw_fetch_set *set, tw_fetch_sums *sums)
{
    tw_status st = TW_OK;
    sums->count = 0;
    for (int i = 0; i < set->files; i++) {
        const tw_fetch_file *f = &set->file[i];
        if (!f->members) TW_TRY(add_name(sums, f->name, (int)strlen(f->name)));
        for (const char *at = f->members; at && *at; at += strspn(at, " ")) {
            int length = (int)strcspn(at, " ");
            TW_TRY(add_name(sums, at, length));
            at += length;
        }
    }
done:
    return st;
}

static const char *published(const tw_fetch_set *set, const char *name)
{
    for (int i = 0; i < set->files; i++)
        if (!set->file[i].members && strcmp(set->file[i].name, name) == 0) return set->file[i].sha256;
    return NULL;
}

// The sum that SHA256SUMS gives a name: "HEX  NAME" lines.
static bool listed(const char *text, const char *name, char hex[TW_SHA256_HEX])
{
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        size_t length = strcspn(line, "\n");
        if (length != 66 + strlen(name) || memcmp(line + 64, "  ", 2) != 0) continue;
        if (memcmp(line + 66, name, strlen(name)) != 0) continue;
        memcpy(hex, line, 64);
        hex[64] = '\0';
        return true;
    }
    return false;
}

static tw_status check_one(const tw_fetch_set *set, const char *folder, const char *text, tw_fetch_sums *sums, int i,
                           bool *whole)
{
    tw_status st = TW_OK;
    char *path = NULL, wanted[TW_SHA256_HEX];
    const char *known = published(set, sums->file[i].name);
    TW_TRY(join(folder, sums->file[i].name, &path));
    if (access(path, F_OK) != 0 || !listed(text, sums->file[i].name, wanted)) {
        *whole = false;
        goto done;
    }
    TW_TRY(tw_fetch_sum(path, sums->file[i].sha256, &sums->file[i].size));
    if (strcmp(sums->file[i].sha256, known ? known : wanted) != 0) *whole = false;
done:
    free(path);
    return st;
}

tw_status tw_fetch_check(const tw_fetch_set *set, const char *folder, bool *whole, tw_fetch_sums *out)
{
    tw_status st = TW_OK;
    char *path = NULL, text[4096] = "";
    tw_fetch_sums sums;
    FILE *stream = NULL;
    bool all = false;

    TW_TRY(list_needed(set, &sums));
    TW_TRY(join(folder, SUMS, &path));
    stream = fopen(path, "rb");
    if (stream) {
        text[fread(text, 1, sizeof text - 1, stream)] = '\0';
        all = true;
        for (int i = 0; i < sums.count && all; i++) TW_TRY(check_one(set, folder, text, &sums, i, &all));
    }
    *whole = all;
    *out = sums;
done:
    if (stream) fclose(stream);
    free(path);
    return st;
}

static tw_status write_sums(const char *folder, const tw_fetch_sums *sums)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    char *path = NULL;
    TW_TRY(join(folder, SUMS, &path));
    TW_TRY(tw_outfile_open(&file, path));
    for (int i = 0; i < sums->count; i++) fprintf(file.stream, "%s  %s\n", sums->file[i].sha256, sums->file[i].name);
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    free(path);
    return st;
}

// --- unpacking ---

typedef struct unpacking {
    const char *folder, *members;
    int64_t found;
} unpacking;

static bool is_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t here = strcspn(at, " ");
        if (here == length && memcmp(at, word, length) == 0) return true;
        at += here;
    }
    return false;
}

static tw_status take_member(void *ctx, const char *name, uint64_t size, tw_stream *stream)
{
    enum { CHUNK = 1 << 18 };
    tw_status st = TW_OK;
    unpacking *u = ctx;
    tw_outfile file = {0};
    char *path = NULL;
    uint8_t *chunk = NULL;

    if (!is_word(u->members, name)) return TW_OK;
    TW_TRY(tw_alloc(1, CHUNK, &chunk));
    TW_TRY(join(u->folder, name, &path));
    TW_TRY(tw_outfile_open(&file, path));
    while (size > 0) {
        size_t some = size < CHUNK ? (size_t)size : CHUNK;
        TW_TRY(tw_stream_read(stream, some, chunk));
        if (fwrite(chunk, 1, some, file.stream) != some) break; // commit says why
        size -= some;
    }
    TW_TRY(tw_outfile_commit(&file));
    u->found++;
done:
    tw_outfile_discard(&file);
    free(path);
    free(chunk);
    return st;
}

static tw_status unpack(const char *folder, const tw_fetch_file *archive)
{
    tw_status st = TW_OK;
    char *path = NULL;
    tw_bytes bytes = {0};
    unpacking u = {folder, archive->members, 0};
    int64_t wanted = 1;
    for (const char *at = archive->members; *at; at++) wanted += *at == ' ';

    TW_TRY(join(folder, archive->name, &path));
    TW_TRY(tw_bytes_load(path, &bytes));
    TW_TRY(tw_tar_each(path, bytes.data, bytes.size, take_member, &u));
    if (u.found != wanted)
        st = tw_fail(TW_EFORMAT, "%s: found %" PRId64 " of %" PRId64 " files, expected %s", path, u.found, wanted,
                     archive->members);
done:
    tw_bytes_free(&bytes);
    free(path);
    return st;
}

// --- the whole ---

static tw_status sum_needed(const char *folder, tw_fetch_sums *sums)
{
    tw_status st = TW_OK;
    char *path = NULL;
    for (int i = 0; i < sums->count; i++) {
        TW_TRY(join(folder, sums->file[i].name, &path));
        TW_TRY(tw_fetch_sum(path, sums->file[i].sha256, &sums->file[i].size));
        free(path);
        path = NULL;
    }
done:
    free(path);
    return st;
}

static tw_status bring_all(const tw_fetch_set *set, const tw_fetch_opts *opts, tw_fetched *result)
{
    tw_status st = TW_OK;
    char *path = NULL;
    tw_fetch_job job = {opts, 0, 0, result};
    int64_t kept = 0;
    for (int i = 0; i < set->files; i++) job.all += set->file[i].size;
    for (int i = 0; i < set->files; i++) {
        result->kept = 0;
        TW_TRY(tw_fetch_one(&job, set, &set->file[i]));
        kept += result->kept;
        if (set->file[i].members) TW_TRY(unpack(opts->folder, &set->file[i]));
        job.before += set->file[i].size;
    }
    result->kept = kept;
    TW_TRY(sum_needed(opts->folder, &result->sums));
    TW_TRY(write_sums(opts->folder, &result->sums));
    for (int i = 0; i < set->files; i++) {
        if (!set->file[i].members) continue;
        TW_TRY(join(opts->folder, set->file[i].name, &path));
        unlink(path);
        free(path);
        path = NULL;
    }
done:
    free(path);
    return st;
}

tw_status tw_fetch(const tw_fetch_set *set, const tw_fetch_opts *opts, tw_fetched *out)
{
    tw_status st = TW_OK;
    tw_fetched result = {0};
    int lock = -1;
    TW_TRY(make_folder(opts->folder));
    TW_TRY(lock_folder(opts->folder, &lock));
    TW_TRY(tw_fetch_check(set, opts->folder, &result.was_there, &result.sums));
    sweep(opts->folder, &result.sums);
    if (!result.was_there) TW_TRY(bring_all(set, opts, &result));
    *out = result;
done:
    if (lock >= 0) close(lock);
    return st;
}
