// SPDX-License-Identifier: MIT
// thalweg report: a run, or several beside each other, as one page.
#include "cli/open.h"

#include "report/page_run.h"
#include <stdio.h>

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    char *const *word, page[4096];
    int words = tw_args_words(args, &word);
    const char *out = tw_args_str(args, "page"), *title = tw_args_str(args, "title");
    if (words < 1) {
        st = tw_fail(TW_EINVAL, "found no run, expected the folders of one or more");
        goto done;
    }
    if (out)
        snprintf(page, sizeof page, "%s", out);
    else
        snprintf(page, sizeof page, "%.4000s/report.html", word[0]);
    TW_TRY(tw_open_check_out("page", page, ".html .htm"));
    TW_TRY(tw_report_write(page, title ? title : words > 1 ? "Runs compared" : "A training run", words, word));
    if (tw_args_flag(args, "json"))
        st = tw_show_json(json_pack("{s:s}", "page", page));
    else
        printf("%s\n", page);
done:
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
        "no network. Several runs are drawn into the same figures. Long curves are drawn as means over equal parts.",
    .example = "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a "
               "--set probes.preset=standard\nthalweg report a --page a.html",
    .words = "RUN...",
    .flags = flags,
    .run = run,
    .one_rank = true,
};
