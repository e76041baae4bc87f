// SPDX-License-Identifier: MIT
// What is put into a run: texts, numbers, curves, events, times. Rows gather in one transaction, about a second long.
#include "run/store.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

// --- names of series become small numbers, once ---

static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037u; // FNV-1a
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static tw_series_id *place_of(tw_series_id *table, int64_t room, const char *name)
{
    for (uint64_t i = hash(name);; i++) {
        tw_series_id *place = &table[i % (uint64_t)room];
        if (!place->name || strcmp(place->name, name) == 0) return place;
    }
}

static tw_status grow(tw_run *run)
{
    tw_series_id *larger = NULL;
    int64_t room = run->room * 2 + 64;
    tw_status st = tw_alloc(room, sizeof *larger, &larger);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < run->room; i++)
        if (run->series[i].name) *place_of(larger, room, run->series[i].name) = run->series[i];
    free(run->series);
    run->series = larger;
    run->room = room;
    return TW_OK;
}

static void bind_text(sqlite3_stmt *q, int at, const char *text)
{
    sqlite3_bind_text(q, at, text, -1, SQLITE_TRANSIENT);
}

static tw_status find_series(tw_run *run, const char *name, tw_series_id **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    bool row;
    char *copy = NULL;
    if (run->known * 2 >= run->room) TW_TRY(grow(run));
    tw_series_id *place = place_of(run->series, run->room, name);
    if (!place->name) {
        TW_TRY(tw_strdup(name, &copy));
        TW_TRY(tw_store_query(run, TW_Q_PUT_SERIES, &q));
        bind_text(q, 1, name);
        TW_TRY(tw_store_step(run, q, NULL));
        TW_TRY(tw_store_query(run, TW_Q_FIND_SERIES, &q));
        bind_text(q, 1, name);
        TW_TRY(tw_store_step(run, q, &row));
        place->id = sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
        place->name = copy;
        copy = NULL;
        run->known++;
    }
    *out = place;
done:
    free(copy);
    return st;
}

// --- rows ---

tw_status tw_run_put_text(tw_run *run, const char *key, const char *text)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    if (run->mirror) return TW_OK;
    TW_TRY(tw_store_writes(run));
    TW_TRY(tw_store_query(run, TW_Q_PUT_TEXT, &q));
    bind_text(q, 1, key);
    bind_text(q, 2, text);
    TW_TRY(tw_store_step(run, q, NULL));
    TW_TRY(tw_store_wrote(run));
done:
    return st;
}

tw_status tw_run_put_scalar(tw_run *run, const char *series, int64_t step, double value, double error)
{
    tw_status st = TW_OK;
    tw_series_id *place;
    tw_pending *larger = NULL;
    if (run->mirror) return TW_OK;
    TW_TRY(tw_store_writes(run));
    TW_TRY(find_series(run, series, &place));
    if (place->count == place->room) {
        int64_t room = 2 * place->room + 16;
        TW_TRY(tw_alloc(room, sizeof *larger, &larger));
        if (place->count > 0) memcpy(larger, place->pending, (size_t)place->count * sizeof *larger);
        free(place->pending);
        place->pending = larger;
        place->room = room;
    }
    place->pending[place->count++] = (tw_pending){step, value, error};
    run->pending++;
    TW_TRY(tw_store_wrote(run));
done:
    return st;
}

tw_status tw_run_put_curve(tw_run *run, const char *series, int64_t step, int64_t count, const double *x)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    tw_series_id *place;
    if (run->mirror) return TW_OK;
    TW_TRY(tw_store_writes(run));
    TW_TRY(find_series(run, series, &place));
    TW_TRY(tw_store_query(run, TW_Q_PUT_CURVE, &q));
    sqlite3_bind_int64(q, 1, place->id);
    sqlite3_bind_int64(q, 2, step);
    sqlite3_bind_blob64(q, 3, x, (sqlite3_uint64)count * sizeof *x, SQLITE_TRANSIENT);
    TW_TRY(tw_store_step(run, q, NULL));
    TW_TRY(tw_store_wrote(run));
done:
    return st;
}

tw_status tw_run_put_event(tw_run *run, int64_t step, const char *kind, const char *text)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    if (run->mirror) return TW_OK;
    TW_TRY(tw_store_writes(run));
    TW_TRY(tw_store_query(run, TW_Q_PUT_EVENT, &q));
    sqlite3_bind_int64(q, 1, step);
    bind_text(q, 2, kind);
    bind_text(q, 3, text);
    TW_TRY(tw_store_step(run, q, NULL));
    TW_TRY(tw_store_wrote(run));
done:
    return st;
}

tw_status tw_run_put_time(tw_run *run, const char *what, double seconds, int64_t calls)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q;
    if (run->mirror) return TW_OK;
    TW_TRY(tw_store_writes(run));
    TW_TRY(tw_store_query(run, TW_Q_PUT_TIME, &q));
    bind_text(q, 1, what);
    sqlite3_bind_double(q, 2, seconds);
    sqlite3_bind_int64(q, 3, calls);
    TW_TRY(tw_store_step(run, q, NULL));
    TW_TRY(tw_store_wrote(run));
done:
    return st;
}
