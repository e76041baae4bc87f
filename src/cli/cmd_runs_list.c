// SPDX-License-Identifier: MIT
// thalweg runs list: the runs in a folder.
#include "cli/runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
    char *const *word;
    tw_runs_found found = {0};
    int words = tw_args_words(args, &word);
    bool json = tw_args_flag(args, "json");
    json_t *result = json_object(), *rows = json_array();
    const char *folder = words > 0 ? word[0] : "runs";

    int width = 24;
    TW_TRY(tw_runs_find(folder, &found));
    for (int64_t i = 0; i < found.count; i++)
        if ((int)strlen(found.path[i]) > width) width = (int)strlen(found.path[i]);
    if (!json)
        printf("%-*s  %-11s  %8s    %-8s  %11s  %-28s  %-24s  %s\n", width, "run", "status", "steps", "", "loss",
               "model", "data", "created");
    for (int64_t i = 0; i < found.count; i++)
        if (row(found.path[i], width, rows, json) != TW_OK) tw_show_shortfall("%s", tw_error());
    if (json) {
        json_object_set(result, "runs", rows);
        TW_TRY(tw_show_json(json_incref(result)));
    } else if (found.count == 0) {
        printf("no runs in %s\n", folder);
    }
done:
    tw_runs_found_free(&found);
    json_decref(rows);
    json_decref(result);
    return st;
}

const tw_command tw_cmd_runs_list = {
    .name = "runs list",
    .summary = "the runs in a folder",
    .about = "One line a run: status, steps, last loss, model, data. The folder is runs unless another is named; the\n"
             "members of grids in it are listed too. A run that says it is running while no process writes it is\n"
             "\"interrupted\": resume it.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\nthalweg runs list .",
    .words = "[FOLDER]",
    .run = run,
    .one_rank = true,
};
