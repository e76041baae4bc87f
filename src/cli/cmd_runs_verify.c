// SPDX-License-Identifier: MIT
// thalweg runs verify: is every byte of a run as it was written?
#include "cli/runs.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct faults {
    const char *folder;
    bool json;
    json_t *list;
} faults;

static void say(void *ctx, const char *fault)
{
    faults *f = ctx;
    json_array_append_new(f->list, json_string(fault));
    if (!f->json) printf("%s: %s\n", f->folder, fault);
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_run *record = NULL;
    char *const *word;
    int words = tw_args_words(args, &word);
    int64_t bad, all = 0;
    faults f = {NULL, tw_args_flag(args, "json"), json_array()};
    if (words < 1) {
        st = tw_fail(TW_EINVAL, "found no run, expected the folders of runs to verify");
        goto done;
    }
    for (int i = 0; i < words; i++) {
        f.folder = word[i];
        TW_TRY(tw_run_open(word[i], false, &record));
        TW_TRY(tw_run_verify(record, say, &f, &bad));
        all += bad;
        if (!bad && !f.json) printf("%s: whole\n", word[i]);
        TW_TRY(tw_run_close(record));
        record = NULL;
    }
    if (f.json) TW_TRY(tw_show_json(json_pack("{s:b, s:O}", "whole", all == 0, "faults", f.list)));
    if (all > 0) tw_show_shortfall("%" PRId64 " faults were found", all);
done:
    json_decref(f.list);
    tw_runs_close(record);
    return st;
}

const tw_command tw_cmd_runs_verify = {
    .name = "runs verify",
    .summary = "check every byte of runs",
    .about = "The database by SQLite's own check, every tensor file by its stored size and checksum. Exit code 1 when\n"
             "something is damaged.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\nthalweg runs verify a",
    .words = "RUN...",
    .run = run,
    .one_rank = true,
};
