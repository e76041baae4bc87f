// SPDX-License-Identifier: MIT
// Inside of a run: its database, and how SQLite's answers become statuses. The door to SQLite is this room.
#ifndef RUN_STORE_H
#define RUN_STORE_H

#include "base/status.h"
#include "thalweg/run.h"
#include <sqlite3.h>

// Prepared once, in the order of store.c's table.
typedef enum tw_query {
    TW_Q_BEGIN,
    TW_Q_COMMIT,
    TW_Q_ROLLBACK,
    TW_Q_PUT_TEXT,
    TW_Q_PUT_SERIES,
    TW_Q_FIND_SERIES,
    TW_Q_PUT_PENDING,
    TW_Q_PUT_CURVE,
    TW_Q_PUT_EVENT,
    TW_Q_PUT_TIME,
    TW_Q_PUT_FILE,
    TW_QUERIES
} tw_query;

typedef struct tw_pending {
    int64_t step;
    double value, error;
} tw_pending;

typedef struct tw_series_id {
    char *name;
    int64_t id;
    tw_pending *pending; // numbers put and not yet given to SQLite, in the order they came
    int64_t count, room;
} tw_series_id;

struct tw_run {
    char *folder;
    sqlite3 *db;
    int lock;     // descriptor; -1: not a writer
    bool shared;  // written by rank 0 for all ranks
    bool mirror;  // another rank's side of that: a name, to which putting does nothing
    bool open;    // a transaction is
    int64_t rows; // put since it was opened
    double since; // when it was opened
    sqlite3_stmt *query[TW_QUERIES];
    tw_series_id *series; // hash table of room places, open addressing
    int64_t known, room;
    int64_t pending; // numbers of all series
};

// What SQLite said, as a status that names the file.
tw_status tw_store_fail(const tw_run *run, int code);
TW_NODISCARD tw_status tw_store_query(tw_run *run, tw_query which, sqlite3_stmt **out);
TW_NODISCARD tw_status tw_store_step(tw_run *run, sqlite3_stmt *statement, bool *row); // resets when done
TW_NODISCARD tw_status tw_store_prepare(tw_run *run, const char *sql, sqlite3_stmt **out);
TW_NODISCARD tw_status tw_store_exec(tw_run *run, const char *sql);
TW_NODISCARD tw_status tw_store_path(const tw_run *run, const char *file, char **out);
TW_NODISCARD tw_status tw_store_writes(tw_run *run); // opens a transaction where none is
TW_NODISCARD tw_status tw_store_wrote(tw_run *run);  // counts a row, commits now and then

// Numbers wait in memory and are inserted series by series in one statement: half the time of one statement each. They
// are given to the database before a commit and before anything is read or forgotten through it.
TW_NODISCARD tw_status tw_store_open_pending(tw_run *run); // once, on a database that is written
TW_NODISCARD tw_status tw_store_flush(tw_run *run);
void tw_store_forget_series(tw_run *run); // names and what is pending

// A file of the folder, made by tw_run_save_state and kin ("state-12.safetensors", and what is left of one).
bool tw_store_is_ours(const char *file);

#endif
