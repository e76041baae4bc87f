// SPDX-License-Identifier: MIT
// thalweg report: a run, or several beside each other, as one page.
#include "cli/open.h"
#include "cli/runs.h"

#include "base/alloc.h"
#include "report/page_run.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static tw_status add(tw_runs_found *to, const char *path)
{
    tw_status st = TW_OK;
    TW_TRY(tw_strdup(path, &to->path[to->count]));
    to->count++;
done:
    return st;
}

// A folder that is no run stands for the runs in it: the members of a grid.
static tw_status named_runs(int words, char *const *word, tw_runs_found *out)
{
    tw_status st = TW_OK;
    tw_runs_found inside = {0};
    TW_TRY(tw_alloc(TW_REPORT_RUNS, sizeof *out->path, &out->path));
    for (int i = 0; i < words; i++) {
        char file[4128];
        snprintf(file, sizeof file, "%.4096s/run.sqlite", word[i]);
        tw_runs_found_free(&inside);
        if (access(file, F_OK) != 0 && tw_runs_find(word[i], &inside) != TW_OK) inside.count = 0;
        if (out->count + (inside.count > 0 ? inside.count : 1) > TW_REPORT_RUNS) {
            st = tw_fail(TW_EINVAL, "%s: found more than %d runs, expected so many in one report at most", word[i],
                         TW_REPORT_RUNS);
            goto done;
        }
        for (int64_t k = 0; k < inside.count; k++) TW_TRY(add(out, inside.path[k]));
        if (inside.count == 0) TW_TRY(add(out, word[i])); // opening it will say what is missing
    }
done:
    tw_runs_found_free(&inside);
    return st;
}

// Without a word about which: what there is to choose from.
static tw_status ask_for_one(void)
{
    tw_runs_found there = {0};
    tw_status st = tw_runs_find("runs", &there);
    if (st != TW_OK || there.count == 0)
        st = tw_fail(TW_EINVAL, "found no run, expected the folders of one or more; there is none in runs either: "
                                "thalweg train --help says how to make one");
    else if (there.count == 1)
        st = tw_fail(TW_EINVAL, "found no run, expected the folders of one or more, for example %s", there.path[0]);
    else
        st = tw_fail(TW_EINVAL,
                     "found no run, expected the folders of one or more, for example %s: thalweg runs list shows the "
                     "%" PRId64 " in runs",
                     there.path[0], there.count);
    tw_runs_found_free(&there);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    char *const *word, page[4200];
    int words = tw_args_words(args, &word);
    const char *out = tw_args_str(args, "page"), *title = tw_args_str(args, "title");
    tw_runs_found runs = {0};
    if (words < 1) return ask_for_one();
    snprintf(page, sizeof page, out ? "%.4096s" : "%.4096s/report.html", out ? out : word[0]);
    TW_TRY(tw_open_check_out("page", page, ".html .htm"));
    TW_TRY(named_runs(words, word, &runs));
    TW_TRY(tw_report_write(page,
                           title            ? title
                           : runs.count > 1 ? "Runs compared"
                                            : "A training run",
                           runs.count, runs.path));
    if (tw_args_flag(args, "json"))
        st = tw_show_json(json_pack("{s:s}", "page", page));
    else
        printf("%s\n", page);
done:
    tw_runs_found_free(&runs);
    return st;
}

static const tw_flag flags[] = {
    {"page", "FILE", NULL, "the page to write (.html); without it report.html in the first run's folder",
     .neutral = true},
    {"title", "TEXT", NULL, "its title", .neutral = true},
    {0},
};

const tw_command tw_cmd_report = {
    .name = "report",
    .summary = "a run, or several, as one HTML page",
    .about =
        "Summary, figures with their numbers inside the page, tables, provenance: one file that needs no other and\n"
        "no network. Several runs are drawn into the same figures; the folder of a grid stands for its members. Long\n"
        "curves are drawn as means over equal parts.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a "
               "--set probes.preset=standard\nthalweg report a --page a.html",
    .words = "RUN...",
    .flags = flags,
    .run = run,
    .one_rank = true,
};
