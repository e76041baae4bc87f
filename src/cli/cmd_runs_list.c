// SPDX-License-Identifier: MIT
// thalweg runs list: the runs in a folder.
#include "cli/runs.h"

#include "base/alloc.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Folders in `folder` that hold a run, by name.
static tw_status find_runs(const char *folder, int64_t *count, char ***out)
{
    tw_status st = TW_OK;
    char **list = NULL, **larger = NULL;
    int64_t room = 0, found = 0;
    DIR *listing = opendir(folder);
    if (!listing) return tw_fail(TW_EIO, "%s: %s; expected a folder with runs in it", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(listing));) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        if (snprintf(path, sizeof path, "%s/%s/run.sqlite", folder, entry->d_name) >= (int)sizeof path) continue;
        if (access(path, F_OK) != 0) continue;
        *strrchr(path, '/') = '\0';
        if (found == room) {
            room = 2 * room + 16;
            TW_TRY(tw_alloc(room, sizeof *larger, &larger));
            if (found) memcpy(larger, list, (size_t)found * sizeof *list);
            free(list);
            list = larger;
        }
        TW_TRY(tw_strdup(path, &list[found]));
        found++;
    }
    if (found) qsort(list, (size_t)found, sizeof *list, by_name);
    *out = list;
    *count = found;
    list = NULL;
done:
    for (int64_t i = 0; list && i < found; i++) free(list[i]);
    free(list);
    closedir(listing);
    return st;
}

// A run that cannot be read is shown with the reason, and the others too.
static tw_status row(const char *folder, int width, json_t *list, bool json)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    char status[64], steps[32], total[32], model[64], data[64], created[64];
    int64_t step;
    double loss;
    TW_TRY(tw_run_open(folder, false, &run));
    TW_TRY(tw_runs_status(run, folder, sizeof status, status));
    TW_TRY(tw_runs_text(run, "steps", sizeof steps, steps));
    TW_TRY(tw_runs_text(run, "total steps", sizeof total, total));
    TW_TRY(tw_runs_text(run, "model", sizeof model, model));
    TW_TRY(tw_runs_text(run, "data", sizeof data, data));
    TW_TRY(tw_runs_text(run, "created", sizeof created, created));
    TW_TRY(tw_runs_loss(run, &step, &loss));
    if (json)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "run", folder, "status",
                                              status, "steps", steps, "total_steps", total, "model", model, "data",
                                              data, "created", created, "loss", tw_json_real(loss)));
    else
        printf("%-*s  %-11s  %8s of %-8s  %11.5g  %-28.28s  %-24.24s  %s\n", width, folder, status, steps, total, loss,
               model, data, created);
done:
    tw_runs_close(run);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    char *const *word, **list = NULL;
    int words = tw_args_words(args, &word);
    int64_t count = 0, broken = 0;
    bool json = tw_args_flag(args, "json");
    json_t *result = json_object(), *rows = json_array();
    const char *folder = words > 0 ? word[0] : "runs";

    int width = 24;
    TW_TRY(find_runs(folder, &count, &list));
    for (int64_t i = 0; i < count; i++)
        if ((int)strlen(list[i]) > width) width = (int)strlen(list[i]);
    if (!json)
        printf("%-*s  %-11s  %8s    %-8s  %11s  %-28s  %-24s  %s\n", width, "run", "status", "steps", "", "loss",
               "model", "data", "created");
    for (int64_t i = 0; i < count; i++) {
        if (row(list[i], width, rows, json) == TW_OK) continue;
        broken++;
        tw_show_shortfall("%s", tw_error());
    }
    if (json) {
        json_object_set(result, "runs", rows);
        TW_TRY(tw_show_json(json_incref(result)));
    } else if (count == 0) {
        printf("no runs in %s\n", folder);
    }
done:
    for (int64_t i = 0; i < count; i++) free(list[i]);
    free(list);
    json_decref(rows);
    json_decref(result);
    return st;
}

const tw_command tw_cmd_runs_list = {
    .name = "runs list",
    .summary = "the runs in a folder",
    .about =
        "One line a run: status, steps, last loss, model, data. The folder is runs unless another is named. A run\n"
        "that says it is running while no process writes it is \"interrupted\": resume it.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\nthalweg runs list .",
    .words = "[FOLDER]",
    .run = run,
    .one_rank = true,
};
