// SPDX-License-Identifier: MIT
// States: the files from which a run goes on.
//
// A state's file appears whole (temporary name, sync, rename) before its row is committed, together with every number
// put before it; older files go only after that commit. So whenever the process dies, the last committed row names a
// file that is whole, and numbers of later steps are known to be later.
#include "run/store.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "data/arrays.h"
#include "data/checksum.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEPT = 2 };

static tw_status read_file(const char *path, int64_t *bytes, void **out)
{
    tw_status st = TW_OK;
    char *all = NULL;
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        st = tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
        goto done;
    }
    *bytes = ftell(file);
    rewind(file);
    TW_TRY(tw_alloc(*bytes, 1, &all));
    if (fread(all, 1, (size_t)*bytes, file) != (size_t)*bytes) {
        st = tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
        goto done;
    }
    *out = all;
    all = NULL;
done:
    if (file) fclose(file);
    free(all);
    return st;
}

// Size and checksum of a file as it is on disk.
static tw_status sum_file(const char *path, int64_t *bytes, uint64_t *checksum)
{
    tw_status st = TW_OK;
    void *all = NULL;
    TW_TRY(read_file(path, bytes, &all));
    TW_TRY(tw_checksum(all, (size_t)*bytes, checksum));
done:
    free(all);
    return st;
}

static tw_status put_file(tw_run *run, const char *name, const char *kind, int64_t step, const char *text)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    char *path = NULL;
    int64_t bytes;
    uint64_t checksum;
    TW_TRY(tw_store_path(run, name, &path));
    TW_TRY(sum_file(path, &bytes, &checksum));
    TW_TRY(tw_store_writes(run));
    TW_TRY(tw_store_query(run, TW_Q_PUT_FILE, &q));
    sqlite3_bind_text(q, 1, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(q, 2, kind, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 3, step);
    sqlite3_bind_int64(q, 4, bytes);
    sqlite3_bind_int64(q, 5, (int64_t)checksum);
    sqlite3_bind_text(q, 6, text, -1, SQLITE_TRANSIENT);
    TW_TRY(tw_store_step(run, q, NULL));
done:
    free(path);
    return st;
}

// Rows of states before the last KEPT go with this transaction, their files after it.
static tw_status forget_old(tw_run *run)
{
    tw_status st = TW_OK;
    char text[160];
    snprintf(text, sizeof text,
             "DELETE FROM file WHERE kind = 'state' AND name NOT IN"
             " (SELECT name FROM file WHERE kind = 'state' ORDER BY step DESC LIMIT %d)",
             KEPT);
    TW_TRY(tw_store_exec(run, text));
done:
    return st;
}

// Removes files of ours that no row names: old states, and what killed processes left.
static tw_status sweep(tw_run *run)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    DIR *listing = NULL;
    char *path = NULL;
    bool row;
    TW_TRY(tw_store_prepare(run, "SELECT 1 FROM file WHERE name = ?1", &q));
    listing = opendir(run->folder);
    for (struct dirent *file; listing && (file = readdir(listing));) {
        if (!tw_store_is_ours(file->d_name) || !strstr(file->d_name, ".safetensors")) continue;
        sqlite3_bind_text(q, 1, file->d_name, -1, SQLITE_TRANSIENT);
        TW_TRY(tw_store_step(run, q, &row));
        sqlite3_reset(q);
        if (row) continue;
        free(path);
        path = NULL;
        TW_TRY(tw_store_path(run, file->d_name, &path));
        unlink(path); // one that stays is no harm
    }
done:
    free(path);
    if (listing) closedir(listing);
    sqlite3_finalize(q);
    return st;
}

tw_status tw_run_save_state(tw_run *run, int64_t step, const char *text, int64_t count, const tw_array *array)
{
    tw_status st = TW_OK;
    char name[64], *path = NULL;
    if (run->mirror) return TW_OK;
    snprintf(name, sizeof name, "state-%" PRId64 ".safetensors", step);
    TW_TRY(tw_store_writes(run));
    TW_TRY(tw_store_path(run, name, &path));
    TW_TRY(tw_arrays_save(path, count, array));
    TW_TRY(put_file(run, name, "state", step, text));
    TW_TRY(forget_old(run));
    TW_TRY(tw_run_commit(run));
    TW_TRY(sweep(run));
done:
    free(path);
    return st;
}

tw_status tw_run_save_file(tw_run *run, const char *name, int64_t step, tw_status (*save)(void *ctx, const char *path),
                           void *ctx)
{
    tw_status st = TW_OK;
    char file[256], *path = NULL;
    if (run->mirror) return TW_OK;
    if (strchr(name, '/') || strlen(name) > 128 || strncmp(name, "state", 5) == 0) {
        st = tw_fail(TW_EINVAL, "file: found the name \"%.140s\", expected one without / that is not state", name);
        goto done;
    }
    snprintf(file, sizeof file, "%s-%" PRId64 ".safetensors", name, step);
    TW_TRY(tw_store_path(run, file, &path));
    TW_TRY(save(ctx, path));
    TW_TRY(put_file(run, file, "tensors", step, ""));
    TW_TRY(tw_run_commit(run));
done:
    free(path);
    return st;
}

// Everything of later steps; with step -1 everything but what is said of the whole run.
static tw_status forget_after(tw_run *run, int64_t step)
{
    tw_status st = TW_OK;
    char text[256];
    TW_TRY(tw_store_writes(run));
    snprintf(text, sizeof text,
             "DELETE FROM scalar WHERE step > %" PRId64 "; DELETE FROM curve WHERE step > %" PRId64
             "; DELETE FROM event WHERE step > %" PRId64 "; DELETE FROM file WHERE step > %" PRId64,
             step, step, step, step);
    TW_TRY(tw_store_exec(run, text));
    TW_TRY(tw_run_commit(run));
    TW_TRY(sweep(run));
done:
    return st;
}

static tw_status whole_file(tw_run *run, const char *name, int64_t bytes, uint64_t checksum)
{
    tw_status st = TW_OK;
    char *path = NULL;
    int64_t found;
    uint64_t sum;
    TW_TRY(tw_store_path(run, name, &path));
    TW_TRY(sum_file(path, &found, &sum));
    if (found != bytes || sum != checksum)
        st = tw_fail(TW_EFORMAT,
                     "%s: found %" PRId64 " bytes with checksum %016" PRIx64 ", expected %" PRId64
                     " bytes with %016" PRIx64,
                     path, found, sum, bytes, checksum);
done:
    free(path);
    return st;
}

// The state that rank 0 has found goes to all, as the bytes of its file; the others read it from memory.
static tw_status share_state(const tw_run *run, const char *path, int64_t *step, char **text, tw_arrays **arrays)
{
    tw_status st = TW_OK;
    void *all = NULL;
    int64_t bytes = 0, length = *text ? (int64_t)strlen(*text) + 1 : 0;
    if (*arrays) TW_TRY(read_file(path, &bytes, &all));
    TW_TRY(tw_ranks_share(step, sizeof *step));
    TW_TRY(tw_ranks_share_block(&length, (void **)text));
    TW_TRY(tw_ranks_share_block(&bytes, &all));
    if (run->mirror && all) TW_TRY(tw_safetensors_parse("the state of rank 0", all, (size_t)bytes, NULL, arrays));
done:
    free(all);
    return st;
}

tw_status tw_run_load_state(tw_run *run, int64_t *step, char **text, tw_arrays **arrays)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    char *path = NULL, *words = NULL;
    tw_arrays *found = NULL;
    int64_t at = -1;
    bool row;

    if (run->mirror) goto found;
    TW_TRY(tw_store_prepare(
        run, "SELECT name, step, bytes, checksum, text FROM file WHERE kind = 'state' ORDER BY step DESC", &q));
    while (!found) {
        TW_TRY(tw_store_step(run, q, &row));
        if (!row) break;
        const char *name = (const char *)sqlite3_column_text(q, 0);
        st = whole_file(run, name, sqlite3_column_int64(q, 2), (uint64_t)sqlite3_column_int64(q, 3));
        if (st == TW_ENOMEM) goto done;
        if (st != TW_OK) continue; // the one before is kept for this
        free(path);
        path = NULL;
        TW_TRY(tw_store_path(run, name, &path));
        TW_TRY(tw_arrays_load(path, &found));
        TW_TRY(tw_strdup((const char *)sqlite3_column_text(q, 4), &words));
        at = sqlite3_column_int64(q, 1);
    }
    sqlite3_reset(q);
    TW_TRY(forget_after(run, at));
found:
    if (run->shared) TW_TRY(share_state(run, path, &at, &words, &found));
    *step = at;
    *text = words;
    *arrays = found;
    words = NULL;
    found = NULL;
done:
    sqlite3_finalize(q);
    tw_arrays_free(found);
    free(words);
    free(path);
    return st;
}

tw_status tw_run_verify(tw_run *run, void (*say)(void *ctx, const char *fault), void *ctx, int64_t *bad)
{
    tw_status st = TW_OK;
    sqlite3_stmt *check = NULL, *files = NULL;
    bool row;
    *bad = 0;
    TW_TRY(tw_store_prepare(run, "PRAGMA integrity_check", &check));
    for (;;) {
        TW_TRY(tw_store_step(run, check, &row));
        if (!row) break;
        const char *said = (const char *)sqlite3_column_text(check, 0);
        if (strcmp(said, "ok") == 0) continue;
        ++*bad;
        say(ctx, said);
    }
    TW_TRY(tw_store_prepare(run, "SELECT name, bytes, checksum FROM file ORDER BY name", &files));
    for (;;) {
        TW_TRY(tw_store_step(run, files, &row));
        if (!row) break;
        st = whole_file(run, (const char *)sqlite3_column_text(files, 0), sqlite3_column_int64(files, 1),
                        (uint64_t)sqlite3_column_int64(files, 2));
        if (st == TW_ENOMEM) goto done;
        if (st != TW_OK) {
            ++*bad;
            say(ctx, tw_error());
            st = TW_OK;
        }
    }
done:
    sqlite3_finalize(files);
    sqlite3_finalize(check);
    return st;
}
