// SPDX-License-Identifier: MIT
// thalweg runs delete: removes runs, and nothing that is not theirs.
#include "cli/runs.h"

#include <stdio.h>

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    char *const *word;
    int words = tw_args_words(args, &word);
    bool left;
    json_t *gone = json_array();
    if (words < 1) {
        st = tw_fail(TW_EINVAL, "found no run, expected the folders of runs to delete");
        goto done;
    }
    for (int i = 0; i < words; i++) {
        TW_TRY(tw_run_delete(word[i], &left));
        json_array_append_new(gone, json_string(word[i]));
        if (!tw_args_flag(args, "json"))
            printf("%s: deleted%s\n", word[i], left ? "; the folder stays, there are other files in it" : "");
    }
    if (tw_args_flag(args, "json")) TW_TRY(tw_show_json(json_pack("{s:O}", "deleted", gone)));
done:
    json_decref(gone);
    return st;
}

const tw_command tw_cmd_runs_delete = {
    .name = "runs delete",
    .summary = "delete runs",
    .about =
        "Removes the files of a run, and its folder if nothing else is in it. A run that is being written is left\n"
        "alone.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\nthalweg runs delete a",
    .words = "RUN...",
    .run = run,
    .one_rank = true,
};
