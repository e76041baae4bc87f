// SPDX-License-Identifier: MIT
// What the commands on runs share.
#include "cli/runs.h"

#include "base/alloc.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// --- where runs are ---

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void tw_runs_found_free(tw_runs_found *l)
{
    for (int64_t i = 0; i < l->count; i++) free(l->path[i]);
    free(l->path);
    *l = (tw_runs_found){0};
}

static tw_status append(tw_runs_found *l, const char *path)
{
    tw_status st = TW_OK;
    char **larger = NULL;
    if (l->count == l->room) {
        int64_t room = 2 * l->room + 16;
        TW_TRY(tw_alloc(room, sizeof *larger, &larger));
        if (l->count > 0) memcpy(larger, l->path, (size_t)l->count * sizeof *larger);
        free(l->path);
        l->path = larger;
        l->room = room;
    }
    TW_TRY(tw_strdup(path, &l->path[l->count]));
    l->count++;
done:
    return st;
}

static tw_status gather(const char *folder, int depth, tw_runs_found *found)
{
    tw_status st = TW_OK;
    DIR *listing = opendir(folder);
    if (!listing)
        return depth > 0 ? TW_OK
                         : tw_fail(TW_EIO, "%s: %s; expected a folder with runs in it", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(listing));) {
        char path[4096], file[4120];
        struct stat what;
        if (entry->d_name[0] == '.') continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path) continue;
        snprintf(file, sizeof file, "%s/run.sqlite", path);
        if (access(file, F_OK) == 0)
            TW_TRY(append(found, path));
        else if (depth < 1 && stat(path, &what) == 0 && S_ISDIR(what.st_mode))
            TW_TRY(gather(path, depth + 1, found));
    }
done:
    closedir(listing);
    return st;
}

tw_status tw_runs_find(const char *folder, tw_runs_found *out)
{
    tw_runs_found found = {0};
    tw_status st = gather(folder, 0, &found);
    if (st == TW_OK) {
        if (found.count > 0) qsort(found.path, (size_t)found.count, sizeof *found.path, by_name);
        *out = found;
    } else {
        tw_runs_found_free(&found);
    }
    return st;
}

// --- facts about one ---

tw_status tw_runs_text(tw_run *run, const char *key, size_t size, char *buffer)
{
    char *text = NULL;
    tw_status st = tw_run_load_text(run, key, &text);
    if (st == TW_OK) snprintf(buffer, size, "%s", text ? text : "");
    free(text);
    return st;
}

tw_status tw_runs_status(tw_run *run, const char *folder, size_t size, char *buffer)
{
    tw_status st = tw_runs_text(run, "status", size, buffer);
    if (st == TW_OK && strcmp(buffer, "running") == 0 && !tw_run_is_being_written(folder))
        snprintf(buffer, size, "interrupted");
    return st;
}

tw_status tw_runs_loss(tw_run *run, int64_t *step, double *value)
{
    tw_status st = TW_OK;
    double error;
    TW_TRY(tw_run_last(run, "loss/train/loss", step, value, &error));
    if (*step < 0) TW_TRY(tw_run_last(run, "batch/loss", step, value, &error));
done:
    return st;
}

static tw_status put_series(tw_run *run, json_t *all)
{
    tw_status st = TW_OK;
    tw_series_names *names = NULL;
    TW_TRY(tw_run_series_names(run, false, &names));
    for (int64_t i = 0; i < names->count; i++) {
        double value, error;
        int64_t step;
        TW_TRY(tw_run_last(run, names->name[i], &step, &value, &error));
        json_t *one = json_object();
        json_object_set_new(one, "points", json_integer(names->points[i]));
        json_object_set_new(one, "step", json_integer(step));
        json_object_set_new(one, "value", tw_json_real(value));
        json_object_set_new(one, "error", tw_json_real(error));
        json_object_set_new(all, names->name[i], one);
    }
done:
    tw_series_names_free(names);
    return st;
}

tw_status tw_runs_json(tw_run *run, const char *folder, json_t **out)
{
    static const char *const facts[] = {
        "name",    "version",    "kernels",     "created", "model",       "data",          "augmentation",
        "samples", "parameters", "epoch steps", "steps",   "total steps", "data checksum", "predicted share of probes",
        "recipe"};
    tw_status st = TW_OK;
    json_t *result = json_object(), *series = json_object(), *times = json_object(), *list = json_array();
    tw_events *events = NULL;
    tw_times *spent = NULL;
    char status[64];

    json_object_set_new(result, "run", json_string(folder));
    TW_TRY(tw_runs_status(run, folder, sizeof status, status));
    json_object_set_new(result, "status", json_string(status));
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        char *text = NULL;
        TW_TRY(tw_run_load_text(run, facts[i], &text));
        if (text) json_object_set_new(result, facts[i], json_string(text));
        free(text);
    }
    TW_TRY(tw_run_times(run, &spent));
    for (int64_t i = 0; i < spent->count; i++)
        json_object_set_new(times, spent->what[i], tw_json_real(spent->seconds[i]));
    TW_TRY(put_series(run, series));
    TW_TRY(tw_run_events(run, &events));
    for (int64_t i = 0; i < events->count; i++)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "step", (json_int_t)events->event[i].step, "kind",
                                              events->event[i].kind, "text", events->event[i].text));
    json_object_set(result, "seconds", times);
    json_object_set(result, "last", series);
    json_object_set(result, "events", list);
    *out = json_incref(result);
done:
    tw_events_free(events);
    tw_times_free(spent);
    json_decref(list);
    json_decref(times);
    json_decref(series);
    json_decref(result);
    return st;
}

void tw_runs_close(tw_run *run)
{
    tw_status unused = tw_run_close(run);
    (void)unused;
}
