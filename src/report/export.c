// SPDX-License-Identifier: MIT
// A run as CSV, JSON lines and NPZ.
#include "report/export.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/outfile.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// A number as CSV has it: 17 digits, nothing where it is missing.
static void put_number(FILE *out, double x)
{
    if (isfinite(x)) fprintf(out, "%.17g", x);
    if (isinf(x)) fputs(x > 0 ? "inf" : "-inf", out);
}

tw_status tw_export_csv(tw_run *run, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    tw_series_names *names = NULL;
    tw_series *series = NULL;
    TW_TRY(tw_run_series_names(run, false, &names));
    TW_TRY(tw_outfile_open(&file, path));
    fputs("series,step,value,error\n", file.stream);
    for (int64_t s = 0; s < names->count; s++) {
        TW_TRY(tw_run_series(run, names->name[s], 1, &series));
        for (int64_t i = 0; i < series->count; i++) {
            fprintf(file.stream, "%s,%" PRId64 ",", names->name[s], series->step[i]);
            put_number(file.stream, series->value[i]);
            fputc(',', file.stream);
            put_number(file.stream, series->error[i]);
            fputc('\n', file.stream);
        }
        tw_series_free(series);
        series = NULL;
    }
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_series_free(series);
    tw_series_names_free(names);
    tw_outfile_discard(&file);
    return st;
}

static tw_status put_line(FILE *out, json_t *line)
{
    if (!line) return tw_fail(TW_ENOMEM, "JSON: no memory");
    bool bad = json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0;
    fputc('\n', out);
    json_decref(line);
    return bad ? tw_fail(TW_ENOMEM, "JSON: could not be written") : TW_OK;
}

tw_status tw_export_jsonl(tw_run *run, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    tw_series_names *names = NULL;
    tw_series *series = NULL;
    double *x = NULL;
    int64_t count;
    TW_TRY(tw_outfile_open(&file, path));
    for (int curves = 0; curves < 2; curves++) {
        TW_TRY(tw_run_series_names(run, curves, &names));
        for (int64_t s = 0; s < names->count; s++) {
            const char *name = names->name[s];
            if (curves)
                TW_TRY(tw_run_curve_steps(run, name, &series));
            else
                TW_TRY(tw_run_series(run, name, 1, &series));
            for (int64_t i = 0; i < series->count; i++) {
                json_int_t step = series->step[i];
                if (curves) {
                    TW_TRY(tw_run_curve(run, name, step, &count, &x));
                    TW_TRY(put_line(file.stream, json_pack("{s:s, s:I, s:o}", "series", name, "step", step, "x",
                                                           tw_json_reals(count, x))));
                    free(x);
                    x = NULL;
                } else {
                    TW_TRY(put_line(file.stream, json_pack("{s:s, s:I, s:o, s:o}", "series", name, "step", step,
                                                           "value", tw_json_real(series->value[i]), "error",
                                                           tw_json_real(series->error[i]))));
                }
            }
            tw_series_free(series);
            series = NULL;
        }
        tw_series_names_free(names);
        names = NULL;
    }
    TW_TRY(tw_outfile_commit(&file));
done:
    free(x);
    tw_series_free(series);
    tw_series_names_free(names);
    tw_outfile_discard(&file);
    return st;
}

// Arrays gathered one after another; each owns its name and numbers.
typedef struct gathered {
    int64_t count, room;
    tw_array *array;
} gathered;

static tw_status gather(gathered *g, const char *name, const char *part, int64_t count, const double *x)
{
    tw_status st = TW_OK;
    tw_array *larger = NULL, made = {.rank = 1, .shape = {count}, .real = 8};
    char full[256];
    snprintf(full, sizeof full, "%s.%s", name, part);
    for (char *c = full; *c; c++)
        if (*c == '/') *c = '.'; // names of files inside the archive
    if (g->count == g->room) {
        TW_TRY(tw_alloc(2 * g->room + 32, sizeof *larger, &larger));
        if (g->count) memcpy(larger, g->array, (size_t)g->count * sizeof *larger);
        free(g->array);
        g->array = larger;
        g->room = 2 * g->room + 32;
    }
    TW_TRY(tw_strdup(full, &made.name));
    g->array[g->count] = made;
    TW_TRY(tw_alloc(count, sizeof *x, &g->array[g->count++].x));
    if (count) memcpy(g->array[g->count - 1].x, x, (size_t)count * sizeof *x);
done:
    return st;
}

tw_status tw_export_npz(tw_run *run, const char *path)
{
    tw_status st = TW_OK;
    gathered g = {0};
    tw_series_names *names = NULL;
    tw_series *series = NULL;
    double *x = NULL;
    int64_t count;
    for (int curves = 0; curves < 2; curves++) {
        TW_TRY(tw_run_series_names(run, curves, &names));
        for (int64_t s = 0; s < names->count; s++) {
            const char *name = names->name[s];
            if (curves)
                TW_TRY(tw_run_curve_steps(run, name, &series));
            else
                TW_TRY(tw_run_series(run, name, 1, &series));
            for (int64_t i = 0; curves && i < series->count; i++) {
                char step[32];
                snprintf(step, sizeof step, "%" PRId64, series->step[i]);
                TW_TRY(tw_run_curve(run, name, series->step[i], &count, &x));
                TW_TRY(gather(&g, name, step, count, x));
                free(x);
                x = NULL;
            }
            if (!curves) {
                TW_TRY(tw_alloc(series->count, sizeof *x, &x));
                for (int64_t i = 0; i < series->count; i++) x[i] = (double)series->step[i];
                TW_TRY(gather(&g, name, "step", series->count, x));
                TW_TRY(gather(&g, name, "value", series->count, series->value));
                TW_TRY(gather(&g, name, "error", series->count, series->error));
                free(x);
                x = NULL;
            }
            tw_series_free(series);
            series = NULL;
        }
        tw_series_names_free(names);
        names = NULL;
    }
    TW_TRY(tw_arrays_save(path, g.count, g.array));
done:
    free(x);
    tw_series_free(series);
    tw_series_names_free(names);
    for (int64_t i = 0; i < g.count; i++) {
        free(g.array[i].name);
        free(g.array[i].x);
    }
    free(g.array);
    return st;
}
