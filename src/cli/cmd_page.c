// SPDX-License-Identifier: MIT
// thalweg page: results and their figures on one self-contained HTML page.
#include "cli/open.h"

#include "report/page.h"
#include <stdio.h>

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    char *const *file;
    const char *out = tw_args_str(args, "page");
    int count = tw_args_words(args, &file);

    if (count < 1) {
        st = tw_fail(TW_EINVAL, "found no result, expected JSON files of thalweg train or spectrum");
        goto done;
    }
    TW_TRY(tw_open_check_out("page", out, ".html .htm"));
    TW_TRY(tw_page_write(out, tw_args_str(args, "title"), count, file));
    if (!tw_args_flag(args, "json")) printf("%s\n", out);
done:
    return st;
}

static const tw_flag flags[] = {
    {"page", "FILE", NULL, "the page to write (.html)", .required = true},
    {"title", "TEXT", "Curvature of a trained network", "its title"},
    {0},
};

const tw_command tw_cmd_page = {
    .name = "page",
    .summary = "one HTML page from results and their figures",
    .about =
        "Each RESULT.json, as printed by train or spectrum with --json, becomes a section; a figure RESULT.svg beside\n"
        "it is put above its table. The page is one file that needs no other, in a browser or on paper.",
    .example = "thalweg spectrum --model mlp:50-20-10 --weights init:1 --data gauss:classes=10,dim=50 --top 3 --figure "
               "h.svg --json > h.json\n"
               "thalweg page --page index.html h.json",
    .words = "RESULT.json...",
    .flags = flags,
    .run = run,
    .one_rank = true,
};
