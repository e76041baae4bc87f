// SPDX-License-Identifier: MIT
// What is read from a run.
#include "run/store.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row_of_names {
    char *name;
    int64_t points;
} row_of_names;

static double number(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q, column);
}

static tw_status text(sqlite3_stmt *q, int column, char **out)
{
    const char *found = (const char *)sqlite3_column_text(q, column);
    return tw_strdup(found ? found : "", out);
}

static tw_status count_rows(tw_run *run, const char *sql, const char *series, int64_t *out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    TW_TRY(tw_store_prepare(run, sql, &q));
    if (series) sqlite3_bind_text(q, 1, series, -1, SQLITE_TRANSIENT);
    TW_TRY(tw_store_step(run, q, &row));
    *out = sqlite3_column_int64(q, 0);
done:
    sqlite3_finalize(q);
    return st;
}

tw_status tw_run_load_text(tw_run *run, const char *key, char **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    char *found = NULL;
    int64_t bytes = 0;
    if (!run->mirror) {
        bool row;
        TW_TRY(tw_store_prepare(run, "SELECT value FROM about WHERE key = ?1", &q));
        sqlite3_bind_text(q, 1, key, -1, SQLITE_TRANSIENT);
        TW_TRY(tw_store_step(run, q, &row));
        if (row) TW_TRY(text(q, 0, &found));
        if (found) bytes = (int64_t)strlen(found) + 1;
    }
    if (run->shared) TW_TRY(tw_ranks_share_block(&bytes, (void **)&found));
    *out = found;
    found = NULL;
done:
    free(found);
    sqlite3_finalize(q);
    return st;
}

// "top/2" before "top/10": numbers in names by their value.
static int by_name(const void *a, const void *b)
{
    const char *x = ((const row_of_names *)a)->name, *y = ((const row_of_names *)b)->name;
    while (*x && *y) {
        if (isdigit((unsigned char)*x) && isdigit((unsigned char)*y)) {
            char *x_end, *y_end;
            unsigned long long p = strtoull(x, &x_end, 10), q = strtoull(y, &y_end, 10);
            if (p != q) return p < q ? -1 : 1;
            x = x_end;
            y = y_end;
        } else if (*x != *y) {
            break;
        } else {
            x++;
            y++;
        }
    }
    return (unsigned char)*x - (unsigned char)*y;
}

// A reader beside a writer may see more rows in the second query than in the first; those are left for the next time.
tw_status tw_run_series_names(tw_run *run, bool curves, tw_series_names **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    tw_series_names *names = NULL;
    row_of_names *rows = NULL;
    int64_t most;
    bool row;
    TW_TRY(count_rows(run, "SELECT count(*) FROM series", NULL, &most));
    TW_TRY(tw_alloc(1, sizeof *names, &names));
    TW_TRY(tw_alloc(most, sizeof *names->name, &names->name));
    TW_TRY(tw_alloc(most, sizeof *names->points, &names->points));
    TW_TRY(tw_store_prepare(run,
                            curves ? "SELECT name, (SELECT count(*) FROM curve WHERE series = id) FROM series"
                                   : "SELECT name, (SELECT count(*) FROM scalar WHERE series = id) FROM series",
                            &q));
    while (names->count < most) {
        TW_TRY(tw_store_step(run, q, &row));
        if (!row) break;
        if (sqlite3_column_int64(q, 1) == 0) continue;
        TW_TRY(text(q, 0, &names->name[names->count]));
        names->points[names->count++] = sqlite3_column_int64(q, 1);
    }
    TW_TRY(tw_alloc(names->count, sizeof *rows, &rows));
    for (int64_t i = 0; i < names->count; i++) rows[i] = (row_of_names){names->name[i], names->points[i]};
    if (names->count > 0) qsort(rows, (size_t)names->count, sizeof *rows, by_name);
    for (int64_t i = 0; i < names->count; i++) {
        names->name[i] = rows[i].name;
        names->points[i] = rows[i].points;
    }
    *out = names;
    names = NULL;
done:
    free(rows);
    sqlite3_finalize(q);
    tw_series_names_free(names);
    return st;
}

void tw_series_names_free(tw_series_names *names)
{
    if (!names) return;
    for (int64_t i = 0; names->name && i < names->count; i++) free(names->name[i]);
    free(names->name);
    free(names->points);
    free(names);
}

tw_status tw_run_series(tw_run *run, const char *series, int64_t stride, tw_series **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    tw_series *made = NULL;
    int64_t rows, at = 0;
    bool row;
    if (stride < 1) return tw_fail(TW_EINVAL, "stride: found %" PRId64 ", expected at least 1", stride);
    TW_TRY(count_rows(run, "SELECT count(*) FROM scalar WHERE series = (SELECT id FROM series WHERE name = ?1)", series,
                      &rows));
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    int64_t most = rows / stride + 2;
    TW_TRY(tw_alloc(most, sizeof *made->step, &made->step));
    TW_TRY(tw_alloc(most, sizeof *made->value, &made->value));
    TW_TRY(tw_alloc(most, sizeof *made->error, &made->error));
    TW_TRY(
        tw_store_prepare(run,
                         "SELECT step, value, error FROM scalar WHERE series = (SELECT id FROM series WHERE name = ?1)"
                         " ORDER BY step",
                         &q));
    sqlite3_bind_text(q, 1, series, -1, SQLITE_TRANSIENT);
    for (; at < rows; at++) {
        TW_TRY(tw_store_step(run, q, &row));
        if (!row) break;
        if (at % stride != 0 && at != rows - 1) continue;
        made->step[made->count] = sqlite3_column_int64(q, 0);
        made->value[made->count] = number(q, 1);
        made->error[made->count++] = number(q, 2);
    }
    *out = made;
    made = NULL;
done:
    sqlite3_finalize(q);
    tw_series_free(made);
    return st;
}

void tw_series_free(tw_series *series)
{
    if (!series) return;
    free(series->step);
    free(series->value);
    free(series->error);
    free(series);
}

tw_status tw_run_last(tw_run *run, const char *series, int64_t *step, double *value, double *error)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    TW_TRY(
        tw_store_prepare(run,
                         "SELECT step, value, error FROM scalar WHERE series = (SELECT id FROM series WHERE name = ?1)"
                         " ORDER BY step DESC LIMIT 1",
                         &q));
    sqlite3_bind_text(q, 1, series, -1, SQLITE_TRANSIENT);
    TW_TRY(tw_store_step(run, q, &row));
    *step = row ? sqlite3_column_int64(q, 0) : -1;
    *value = row ? number(q, 1) : NAN;
    *error = row ? number(q, 2) : NAN;
done:
    sqlite3_finalize(q);
    return st;
}

tw_status tw_run_curve_steps(tw_run *run, const char *series, tw_series **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    tw_series *made = NULL;
    int64_t rows;
    bool row;
    TW_TRY(count_rows(run, "SELECT count(*) FROM curve WHERE series = (SELECT id FROM series WHERE name = ?1)", series,
                      &rows));
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    TW_TRY(tw_alloc(rows, sizeof *made->step, &made->step));
    TW_TRY(tw_alloc(rows, sizeof *made->value, &made->value));
    TW_TRY(tw_alloc(rows, sizeof *made->error, &made->error));
    TW_TRY(tw_store_prepare(
        run, "SELECT step FROM curve WHERE series = (SELECT id FROM series WHERE name = ?1) ORDER BY step", &q));
    sqlite3_bind_text(q, 1, series, -1, SQLITE_TRANSIENT);
    while (made->count < rows) {
        TW_TRY(tw_store_step(run, q, &row));
        if (!row) break;
        made->value[made->count] = made->error[made->count] = NAN;
        made->step[made->count++] = sqlite3_column_int64(q, 0);
    }
    *out = made;
    made = NULL;
done:
    sqlite3_finalize(q);
    tw_series_free(made);
    return st;
}

tw_status tw_run_curve(tw_run *run, const char *series, int64_t step, int64_t *count, double **x)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    double *made = NULL;
    int64_t found = 0;
    bool row;
    TW_TRY(tw_store_prepare(run,
                            "SELECT x FROM curve WHERE series = (SELECT id FROM series WHERE name = ?1)"
                            " AND (?2 < 0 OR step = ?2) ORDER BY step DESC LIMIT 1",
                            &q));
    sqlite3_bind_text(q, 1, series, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 2, step);
    TW_TRY(tw_store_step(run, q, &row));
    if (row) {
        found = sqlite3_column_bytes(q, 0) / (int64_t)sizeof *made;
        TW_TRY(tw_alloc(found, sizeof *made, &made));
        if (found) memcpy(made, sqlite3_column_blob(q, 0), (size_t)found * sizeof *made);
    }
    *count = found;
    *x = made;
done:
    sqlite3_finalize(q);
    return st;
}

tw_status tw_run_events(tw_run *run, tw_events **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    tw_events *made = NULL;
    int64_t most;
    bool row;
    TW_TRY(count_rows(run, "SELECT count(*) FROM event", NULL, &most));
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    TW_TRY(tw_alloc(most, sizeof *made->event, &made->event));
    TW_TRY(tw_store_prepare(run, "SELECT step, kind, text FROM event ORDER BY step, kind", &q));
    while (made->count < most) {
        TW_TRY(tw_store_step(run, q, &row));
        if (!row) break;
        tw_event *event = &made->event[made->count++];
        event->step = sqlite3_column_int64(q, 0);
        TW_TRY(text(q, 1, &event->kind));
        TW_TRY(text(q, 2, &event->text));
    }
    *out = made;
    made = NULL;
done:
    sqlite3_finalize(q);
    tw_events_free(made);
    return st;
}

void tw_events_free(tw_events *events)
{
    if (!events) return;
    for (int64_t i = 0; i < events->count; i++) {
        free(events->event[i].kind);
        free(events->event[i].text);
    }
    free(events->event);
    free(events);
}

tw_status tw_run_times(tw_run *run, tw_times **out)
{
    tw_status st = TW_OK;
    sqlite3_stmt *q = NULL;
    tw_times *made = NULL;
    int64_t most;
    bool row;
    TW_TRY(count_rows(run, "SELECT count(*) FROM time", NULL, &most));
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    TW_TRY(tw_alloc(most, sizeof *made->what, &made->what));
    TW_TRY(tw_alloc(most, sizeof *made->seconds, &made->seconds));
    TW_TRY(tw_alloc(most, sizeof *made->calls, &made->calls));
    TW_TRY(tw_store_prepare(run, "SELECT what, seconds, calls FROM time ORDER BY seconds DESC, what", &q));
    while (made->count < most) {
        TW_TRY(tw_store_step(run, q, &row));
        if (!row) break;
        TW_TRY(text(q, 0, &made->what[made->count]));
        made->seconds[made->count] = sqlite3_column_double(q, 1);
        made->calls[made->count++] = sqlite3_column_int64(q, 2);
    }
    *out = made;
    made = NULL;
done:
    sqlite3_finalize(q);
    tw_times_free(made);
    return st;
}

void tw_times_free(tw_times *times)
{
    if (!times) return;
    for (int64_t i = 0; times->what && i < times->count; i++) free(times->what[i]);
    free(times->what);
    free(times->seconds);
    free(times->calls);
    free(times);
}
