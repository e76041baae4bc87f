// SPDX-License-Identifier: MIT
// A run's folder: opened, locked, closed.
//
// The database is SQLite in WAL mode with synchronous = FULL: a commit is on the disk when it returns, and a process
// killed inside of one leaves the commit before. Writers hold an exclusive flock(2) on run.lock, which the system drops
// with the process, however it ends.
#include "run/store.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SCHEMA = 1, MARK = 0x54484c57 }; // "THLW", SQLite's application_id
static const double commit_seconds = 1;
enum { COMMIT_ROWS = 1 << 16 };

static const char schema[] =
    "CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE scalar (series INTEGER NOT NULL, step INTEGER NOT NULL, value REAL, error REAL,"
    " PRIMARY KEY (series, step)) WITHOUT ROWID;"
    "CREATE TABLE curve (series INTEGER NOT NULL, step INTEGER NOT NULL, x BLOB NOT NULL," // doubles, little endian
    " PRIMARY KEY (series, step)) WITHOUT ROWID;"
    "CREATE TABLE event (step INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,"
    " PRIMARY KEY (step, kind)) WITHOUT ROWID;"
    "CREATE TABLE time (what TEXT PRIMARY KEY, seconds REAL NOT NULL, calls INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE file (name TEXT PRIMARY KEY, kind TEXT NOT NULL, step INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;";

static const char *const sql[TW_QUERIES] = {
    [TW_Q_BEGIN] = "BEGIN IMMEDIATE",
    [TW_Q_COMMIT] = "COMMIT",
    [TW_Q_ROLLBACK] = "ROLLBACK",
    [TW_Q_PUT_TEXT] = "INSERT INTO about VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
    [TW_Q_PUT_SERIES] = "INSERT OR IGNORE INTO series (name) VALUES (?1)",
    [TW_Q_FIND_SERIES] = "SELECT id FROM series WHERE name = ?1",
    [TW_Q_PUT_PENDING] = "INSERT OR REPLACE INTO scalar SELECT series, step, value, error FROM pending",
    [TW_Q_PUT_CURVE] = "INSERT OR REPLACE INTO curve VALUES (?1, ?2, ?3)",
    [TW_Q_PUT_EVENT] = "INSERT OR REPLACE INTO event VALUES (?1, ?2, ?3)",
    [TW_Q_PUT_TIME] = "INSERT INTO time VALUES (?1, ?2, ?3) ON CONFLICT (what) DO UPDATE SET"
                      " seconds = seconds + ?2, calls = calls + ?3",
    [TW_Q_PUT_FILE] = "INSERT OR REPLACE INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};

// --- SQLite's answers ---

tw_status tw_store_fail(const tw_run *run, int code)
{
    int kind = code & 0xff, system = run->db ? sqlite3_system_errno(run->db) : 0;
    const char *words = run->db ? sqlite3_errmsg(run->db) : sqlite3_errstr(code);
    if (kind == SQLITE_NOMEM) return tw_fail(TW_ENOMEM, "%s/run.sqlite: no memory", run->folder);
    if (kind == SQLITE_NOTADB)
        return tw_fail(TW_EFORMAT, "%s/run.sqlite: found a file that is no SQLite database, expected a run of thalweg",
                       run->folder);
    if (kind == SQLITE_CORRUPT)
        return tw_fail(TW_EFORMAT, "%s/run.sqlite: found a damaged database (%s), expected a whole one", run->folder,
                       words);
    if (kind == SQLITE_FULL)
        return tw_fail(TW_EIO, "%s/run.sqlite: the disk is full; what was committed before is safe", run->folder);
    return tw_fail(TW_EIO, "%s/run.sqlite: %s%s%s", run->folder, words, system ? ": " : "",
                   system ? strerror(system) : "");
}

tw_status tw_store_prepare(tw_run *run, const char *text, sqlite3_stmt **out)
{
    tw_status st = tw_store_flush(run);
    if (st != TW_OK) return st;
    int code = sqlite3_prepare_v3(run->db, text, -1, 0, out, NULL);
    return code == SQLITE_OK ? TW_OK : tw_store_fail(run, code);
}

tw_status tw_store_query(tw_run *run, tw_query which, sqlite3_stmt **out)
{
    if (!run->query[which]) {
        int code = sqlite3_prepare_v3(run->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, &run->query[which], NULL);
        if (code != SQLITE_OK) return tw_store_fail(run, code);
    }
    *out = run->query[which];
    return TW_OK;
}

tw_status tw_store_step(tw_run *run, sqlite3_stmt *statement, bool *row)
{
    int code = sqlite3_step(statement);
    if (row) *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW) return TW_OK;
    tw_status st = code == SQLITE_DONE ? TW_OK : tw_store_fail(run, code);
    sqlite3_reset(statement);
    return st;
}

tw_status tw_store_exec(tw_run *run, const char *text)
{
    tw_status st = tw_store_flush(run);
    if (st != TW_OK) return st;
    int code = sqlite3_exec(run->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? TW_OK : tw_store_fail(run, code);
}

tw_status tw_store_path(const tw_run *run, const char *file, char **out)
{
    size_t room = strlen(run->folder) + strlen(file) + 2;
    tw_status st = tw_alloc((int64_t)room, 1, out);
    if (st == TW_OK) snprintf(*out, room, "%s/%s", run->folder, file);
    return st;
}

// --- transactions ---

static double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

tw_status tw_store_writes(tw_run *run)
{
    tw_status st = TW_OK;
    sqlite3_stmt *begin = NULL;
    if (run->lock < 0) return tw_fail(TW_EINVAL, "%s: is open for reading, expected for writing", run->folder);
    if (run->open) return TW_OK;
    TW_TRY(tw_store_query(run, TW_Q_BEGIN, &begin));
    TW_TRY(tw_store_step(run, begin, NULL));
    run->open = true;
    run->rows = 0;
    run->since = clock_now();
done:
    return st;
}

// A failed commit (disk full) takes back what was put since the one before: the database says so itself by leaving the
// transaction or not.
tw_status tw_run_commit(tw_run *run)
{
    tw_status st = TW_OK;
    sqlite3_stmt *commit = NULL, *rollback = NULL;
    if (!run->open) return TW_OK;
    st = tw_store_flush(run);
    if (st == TW_OK) st = tw_store_query(run, TW_Q_COMMIT, &commit);
    if (st == TW_OK) st = tw_store_step(run, commit, NULL);
    if (st != TW_OK && !sqlite3_get_autocommit(run->db)) {
        char said[1024];
        snprintf(said, sizeof said, "%s", tw_error());
        if (tw_store_query(run, TW_Q_ROLLBACK, &rollback) == TW_OK) (void)sqlite3_step(rollback);
        if (run->query[TW_Q_ROLLBACK]) sqlite3_reset(run->query[TW_Q_ROLLBACK]);
        tw_store_forget_series(run); // names that were new in it are unknown again
        st = tw_fail(st, "%s", said);
    }
    run->open = false;
    return st;
}

tw_status tw_store_wrote(tw_run *run)
{
    bool late = ++run->rows >= COMMIT_ROWS || (run->rows % 64 == 0 && clock_now() - run->since > commit_seconds);
    return late ? tw_run_commit(run) : TW_OK;
}

// --- the folder ---

bool tw_store_is_ours(const char *file)
{
    size_t length = strlen(file), ending = strlen(".safetensors");
    if (strncmp(file, "run.sqlite", 10) == 0) return true;
    if (strcmp(file, "run.lock") == 0) return true;
    if (length > 5 && strcmp(file + length - 5, ".part") == 0) return strstr(file, ".safetensors.") != NULL;
    return length > ending && strcmp(file + length - ending, ".safetensors") == 0;
}

static tw_status take_lock(tw_run *run)
{
    tw_status st = TW_OK;
    char *path = NULL, pid[32] = "";
    TW_TRY(tw_store_path(run, "run.lock", &path));
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (run->lock < 0) {
        st = tw_fail(TW_EIO, "%s: cannot be written: %s", path, strerror(errno));
        goto done;
    }
    if (flock(run->lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t got = read(run->lock, pid, sizeof pid - 1);
        pid[got > 0 ? got : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        st = tw_fail(TW_EINVAL, "%s: is being written by process %s; expected to be its only writer", run->folder,
                     *pid ? pid : "unknown");
        goto done;
    }
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(run->lock, 0) != 0 || pwrite(run->lock, pid, (size_t)length, 0) != length)
        st = tw_fail(TW_EIO, "%s: cannot be written: %s", path, strerror(errno));
done:
    free(path);
    return st;
}

bool tw_run_is_being_written(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/run.lock", folder);
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0) return false;
    bool held = flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(lock);
    return held;
}

static void dispose(tw_run *run)
{
    if (!run) return;
    for (int i = 0; i < TW_QUERIES; i++) sqlite3_finalize(run->query[i]);
    sqlite3_close(run->db);
    if (run->lock >= 0) close(run->lock);
    tw_store_forget_series(run);
    free(run->series);
    free(run->folder);
    free(run);
}

static tw_status make(const char *folder, tw_run **out)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    TW_TRY(tw_alloc(1, sizeof *run, &run));
    run->lock = -1;
    TW_TRY(tw_strdup(folder, &run->folder));
    size_t length = strlen(run->folder);
    while (length > 1 && run->folder[length - 1] == '/') run->folder[--length] = '\0';
    *out = run;
    run = NULL;
done:
    dispose(run);
    return st;
}

// A run that is written by several ranks is rank 0's; the others have its name.
static bool make_mirror(tw_run *run)
{
    run->shared = tw_ranks() > 1;
    run->mirror = run->shared && tw_rank() > 0;
    return run->mirror;
}

static tw_status connect_to(tw_run *run, const char *path, int flags)
{
    int code = sqlite3_open_v2(path, &run->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) return tw_store_fail(run, code);
    sqlite3_extended_result_codes(run->db, 1);
    sqlite3_busy_timeout(run->db, 10000); // others only read; the end of a run waits for them
    return TW_OK;
}

static tw_status pragma(tw_run *run, const char *text, int64_t *out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *statement = NULL;
    bool row;
    TW_TRY(tw_store_prepare(run, text, &statement));
    TW_TRY(tw_store_step(run, statement, &row));
    *out = row ? sqlite3_column_int64(statement, 0) : 0;
done:
    sqlite3_finalize(statement);
    return st;
}

static tw_status check_kind(tw_run *run)
{
    tw_status st = TW_OK;
    int64_t mark, version;
    TW_TRY(pragma(run, "PRAGMA application_id", &mark));
    TW_TRY(pragma(run, "PRAGMA user_version", &version));
    if (mark != MARK)
        st = tw_fail(TW_EFORMAT, "%s/run.sqlite: found the database of another program, expected a run of thalweg",
                     run->folder);
    else if (version > SCHEMA)
        st = tw_fail(TW_EFORMAT, "%s/run.sqlite: found schema %d, expected at most %d: made by a newer thalweg",
                     run->folder, (int)version, SCHEMA);
    else if (version < 1)
        st = tw_fail(TW_EFORMAT, "%s/run.sqlite: found schema %d, expected 1 to %d", run->folder, (int)version, SCHEMA);
done:
    return st;
}

static tw_status set_up_writer(tw_run *run)
{
    tw_status st = TW_OK;
    TW_TRY(tw_store_exec(run, "PRAGMA journal_mode = WAL"));
    TW_TRY(tw_store_exec(run, "PRAGMA synchronous = FULL"));
    TW_TRY(tw_store_exec(run, "PRAGMA cache_size = -16000"));
    TW_TRY(tw_store_open_pending(run));
done:
    return st;
}

tw_status tw_run_new(const char *folder, tw_run **out)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    char *path = NULL, *temporary = NULL, text[sizeof schema + 128];
    int64_t facts;

    TW_TRY(make(folder, &run));
    if (make_mirror(run)) {
        *out = run;
        run = NULL;
        goto done;
    }
    if (mkdir(run->folder, 0777) != 0 && errno != EEXIST) {
        st = tw_fail(TW_EIO, "%s: the folder cannot be made: %s", run->folder, strerror(errno));
        goto done;
    }
    TW_TRY(tw_store_path(run, "run.sqlite", &path));
    TW_TRY(tw_store_path(run, "run.sqlite.part", &temporary));
    bool there = access(path, F_OK) == 0;
    TW_TRY(take_lock(run));
    if (there) {
        TW_TRY(connect_to(run, path, SQLITE_OPEN_READWRITE));
        TW_TRY(check_kind(run));
        TW_TRY(set_up_writer(run));
        TW_TRY(pragma(run, "SELECT count(*) FROM about", &facts));
        if (facts > 0) {
            st = tw_fail(TW_EINVAL, "%s: found a run, expected none: resume it, delete it or take another name",
                         run->folder);
            goto done;
        }
        *out = run; // one that was killed before it said anything
        run = NULL;
        goto done;
    }
    // The schema is made aside and renamed: a process killed in here has left no run, not half of one.
    unlink(temporary);
    TW_TRY(connect_to(run, temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    snprintf(text, sizeof text,
             "PRAGMA page_size = 8192; BEGIN; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;", schema,
             MARK, SCHEMA);
    TW_TRY(tw_store_exec(run, text));
    sqlite3_close(run->db);
    run->db = NULL;
    if (rename(temporary, path) != 0) {
        st = tw_fail(TW_EIO, "%s: cannot be made: %s", path, strerror(errno));
        goto done;
    }
    TW_TRY(connect_to(run, path, SQLITE_OPEN_READWRITE));
    TW_TRY(set_up_writer(run));
    *out = run;
    run = NULL;
done:
    free(temporary);
    free(path);
    dispose(run);
    return st;
}

// Where the folder cannot be written SQLite cannot share the log with a writer; with no log there is no writer, and the
// file can be read as it stands.
static tw_status connect_reader(tw_run *run, const char *path)
{
    tw_status st = TW_OK;
    int64_t unused;
    char *uri = NULL;
    st = connect_to(run, path, SQLITE_OPEN_READONLY);
    if (st == TW_OK) st = pragma(run, "SELECT count(*) FROM sqlite_master", &unused);
    if (st != TW_EIO || access(run->folder, W_OK) == 0) return st;
    size_t length = strlen(path) * 3 + 32, used;
    TW_TRY(tw_alloc((int64_t)length, 1, &uri));
    snprintf(uri, length, "%s-wal", path);
    struct stat log;
    if (stat(uri, &log) == 0 && log.st_size > 0) {
        st = tw_fail(TW_EIO, "%s: was not closed in good order and its folder cannot be written: copy it elsewhere",
                     run->folder);
        goto done;
    }
    sqlite3_close(run->db);
    run->db = NULL;
    used = (size_t)snprintf(uri, length, "file:");
    for (const char *c = path; *c; c++)
        used += (size_t)snprintf(uri + used, length - used, strchr("%?#", *c) ? "%%%02x" : "%c", (unsigned char)*c);
    snprintf(uri + used, length - used, "?immutable=1");
    TW_TRY(connect_to(run, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI));
done:
    free(uri);
    return st;
}

tw_status tw_run_open(const char *folder, bool write, tw_run **out)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    char *path = NULL;

    TW_TRY(make(folder, &run));
    if (write && make_mirror(run)) {
        *out = run;
        run = NULL;
        goto done;
    }
    TW_TRY(tw_store_path(run, "run.sqlite", &path));
    if (access(path, R_OK) != 0) {
        st = tw_fail(TW_EIO, "%s: %s; expected a folder with a run in it", path, strerror(errno));
        goto done;
    }
    if (write) {
        TW_TRY(take_lock(run));
        TW_TRY(connect_to(run, path, SQLITE_OPEN_READWRITE));
        TW_TRY(check_kind(run));
        TW_TRY(set_up_writer(run));
    } else {
        TW_TRY(connect_reader(run, path));
        TW_TRY(check_kind(run));
    }
    *out = run;
    run = NULL;
done:
    free(path);
    dispose(run);
    return st;
}

tw_status tw_run_close(tw_run *run)
{
    if (!run) return TW_OK;
    tw_status st = tw_run_commit(run);
    dispose(run);
    return st;
}

tw_status tw_run_delete(const char *folder, bool *left)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    char *path = NULL;
    DIR *listing = NULL;

    // Any file called run.sqlite makes it a run, also a damaged one: that one may want it gone.
    TW_TRY(make(folder, &run));
    TW_TRY(tw_store_path(run, "run.sqlite", &path));
    if (access(path, F_OK) != 0) {
        st = tw_fail(TW_EIO, "%s: %s; expected a folder with a run in it", path, strerror(errno));
        goto done;
    }
    TW_TRY(take_lock(run));
    listing = opendir(run->folder);
    if (!listing) {
        st = tw_fail(TW_EIO, "%s: cannot be read: %s", run->folder, strerror(errno));
        goto done;
    }
    for (struct dirent *file; (file = readdir(listing));) {
        if (!tw_store_is_ours(file->d_name)) continue;
        free(path);
        path = NULL;
        TW_TRY(tw_store_path(run, file->d_name, &path));
        if (unlink(path) != 0) {
            st = tw_fail(TW_EIO, "%s: cannot be removed: %s", path, strerror(errno));
            goto done;
        }
    }
    *left = rmdir(run->folder) != 0;
done:
    if (listing) closedir(listing);
    free(path);
    dispose(run);
    return st;
}
