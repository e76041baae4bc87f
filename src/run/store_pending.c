// SPDX-License-Identifier: MIT
// The numbers of a run that wait in memory, seen by SQLite as a table called "pending".
//
// A statement for every number costs 0.7 us, most of it starting and ending the statement: as long as a tenth of a step
// of a small network. One INSERT ... SELECT from a virtual table (sqlite.org/vtab.html) takes all of them, series by
// series, at half that. The table is there on this connection alone and leaves nothing in the file.
#include "run/store.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

typedef struct table {
    sqlite3_vtab base;
    tw_run *run;
} table;

typedef struct cursor {
    sqlite3_vtab_cursor base;
    int64_t place, row; // of the hash table, of its pending numbers
} cursor;

static const tw_run *run_of(const sqlite3_vtab_cursor *c) { return ((const table *)(const void *)c->pVtab)->run; }

static int connect_table(sqlite3 *db, void *run, int words, const char *const *word, sqlite3_vtab **out, char **said)
{
    (void)words, (void)word, (void)said;
    table *made = sqlite3_malloc(sizeof *made);
    if (!made) return SQLITE_NOMEM;
    *made = (table){.run = run};
    *out = &made->base;
    return sqlite3_declare_vtab(db, "CREATE TABLE pending (series INTEGER, step INTEGER, value REAL, error REAL)");
}

static int disconnect(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

// There is one way to walk it: all of it.
static int plan(sqlite3_vtab *t, sqlite3_index_info *info)
{
    (void)t;
    info->estimatedCost = 1e3;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    (void)t;
    cursor *made = sqlite3_malloc(sizeof *made);
    if (!made) return SQLITE_NOMEM;
    *made = (cursor){.row = 0};
    *out = &made->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *c)
{
    sqlite3_free(c);
    return SQLITE_OK;
}

static void skip_empty(cursor *c)
{
    const tw_run *run = run_of(&c->base);
    while (c->place < run->room && c->row >= run->series[c->place].count) {
        c->place++;
        c->row = 0;
    }
}

static int first(sqlite3_vtab_cursor *c, int number, const char *text, int count, sqlite3_value **value)
{
    (void)number, (void)text, (void)count, (void)value;
    cursor *at = (cursor *)(void *)c;
    at->place = at->row = 0;
    skip_empty(at);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *c)
{
    cursor *at = (cursor *)(void *)c;
    at->row++;
    skip_empty(at);
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *c) { return ((cursor *)(void *)c)->place >= run_of(c)->room; }

static void put_real(sqlite3_context *out, double x)
{
    if (isnan(x))
        sqlite3_result_null(out);
    else
        sqlite3_result_double(out, x);
}

static int column(sqlite3_vtab_cursor *c, sqlite3_context *out, int which)
{
    const cursor *at = (const cursor *)(void *)c;
    const tw_series_id *series = &run_of(c)->series[at->place];
    const tw_pending *row = &series->pending[at->row];
    if (which == 0) sqlite3_result_int64(out, series->id);
    if (which == 1) sqlite3_result_int64(out, row->step);
    if (which == 2) put_real(out, row->value);
    if (which == 3) put_real(out, row->error);
    return SQLITE_OK;
}

static int row_number(sqlite3_vtab_cursor *c, sqlite3_int64 *out)
{
    const cursor *at = (const cursor *)(void *)c;
    *out = at->place * INT32_MAX + at->row;
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = connect_table, // and no xCreate: a table that is there by itself
    .xBestIndex = plan,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = first,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = row_number,
};

tw_status tw_store_open_pending(tw_run *run)
{
    int code = sqlite3_create_module(run->db, "pending", &module, run);
    return code == SQLITE_OK ? TW_OK : tw_store_fail(run, code);
}

tw_status tw_store_flush(tw_run *run)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    if (run->pending == 0) return TW_OK;
    TW_TRY(tw_store_query(run, TW_Q_PUT_PENDING, &q));
    TW_TRY(tw_store_step(run, q, NULL));
    for (int64_t i = 0; i < run->room; i++) run->series[i].count = 0;
    run->pending = 0;
done:
    return st;
}

void tw_store_forget_series(tw_run *run)
{
    for (int64_t i = 0; i < run->room; i++) {
        free(run->series[i].name);
        free(run->series[i].pending);
        run->series[i] = (tw_series_id){0};
    }
    run->known = run->pending = 0;
}
