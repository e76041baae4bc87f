// SPDX-License-Identifier: MIT
// thalweg export: a run's numbers for other programs.
#include "cli/open.h"
#include "cli/runs.h"

#include "report/export.h"
#include <stdio.h>

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_run *record = NULL;
    char *const *word;
    static const struct {
        const char *flag, *ending;
        tw_status (*write)(tw_run *run, const char *path);
    } kind[] = {{"csv", ".csv", tw_export_csv},
                {"npz", ".npz", tw_export_npz},
                {"jsonl", NULL, tw_export_jsonl},
                {"tensorboard", NULL, tw_export_tensorboard}};
    int wanted = 0;
    if (tw_args_words(args, &word) != 1)
        return tw_fail(TW_EINVAL, "found %d words, expected the folder of one run", tw_args_words(args, &word));
    for (int i = 0; i < 4; i++) {
        const char *path = tw_args_str(args, kind[i].flag);
        wanted += path != NULL;
        if (i < 3) TW_TRY(tw_open_check_out(kind[i].flag, path, kind[i].ending));
    }
    if (!wanted) {
        st = tw_fail(TW_EINVAL,
                     "found no flag that says what to write, expected --csv, --npz, --jsonl or --tensorboard");
        goto done;
    }
    TW_TRY(tw_run_open(word[0], false, &record));
    json_t *written = json_array();
    for (int i = 0; i < 4 && st == TW_OK; i++) {
        const char *path = tw_args_str(args, kind[i].flag);
        if (!path) continue;
        st = kind[i].write(record, path);
        json_array_append_new(written, json_string(path));
        if (st == TW_OK && !tw_args_flag(args, "json")) printf("%s\n", path);
    }
    if (st == TW_OK && tw_args_flag(args, "json")) st = tw_show_json(json_pack("{s:O}", "written", written));
    json_decref(written);
done:
    tw_runs_close(record);
    return st;
}

static const tw_flag flags[] = {
    {"csv", "FILE", NULL, "series,step,value,error: one line a number", .neutral = true},
    {"npz", "FILE", NULL, "arrays SERIES.step, .value, .error, and curves as SERIES.STEP", .neutral = true},
    {"jsonl", "FILE", NULL, "one JSON object a line, curves too", .neutral = true},
    {"tensorboard", "FOLDER", NULL, "an event file; values are floats there, and wall time is the step",
     .neutral = true},
    {0},
};

const tw_command tw_cmd_export = {
    .name = "export",
    .summary = "a run's numbers as CSV, NPZ, JSON lines or for TensorBoard",
    .about =
        "Numbers have 17 digits: they read back as the same doubles. A missing number is empty in CSV, null in JSON,\n"
        "NaN elsewhere. Slashes in names become dots in NPZ.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\n"
               "thalweg export a --csv a.csv --npz a.npz --jsonl a.jsonl --tensorboard board",
    .words = "RUN",
    .flags = flags,
    .run = run,
    .one_rank = true,
};
