// SPDX-License-Identifier: MIT
// thalweg watch: a run as it goes, in the terminal.
#include "cli/runs.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 60 };

// The last part of a series as a line of blocks, least to most.
static tw_status sparkline(tw_run *run, const char *name, FILE *out)
{
    static const char *const block[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    tw_status st = TW_OK;
    tw_series *series = NULL;
    double mean[WIDTH], least = INFINITY, most = -INFINITY;
    TW_TRY(tw_run_series(run, name, 1, &series));
    int64_t n = series->count, parts = n < WIDTH ? n : WIDTH;
    for (int64_t p = 0; p < parts; p++) {
        int64_t from = p * n / parts, to = (p + 1) * n / parts;
        mean[p] = 0;
        for (int64_t i = from; i < to; i++) mean[p] += series->value[i] / (double)(to - from);
        if (isfinite(mean[p])) least = fmin(least, mean[p]);
        if (isfinite(mean[p])) most = fmax(most, mean[p]);
    }
    for (int64_t p = 0; p < parts; p++) {
        int height = most > least ? (int)(7.999 * (mean[p] - least) / (most - least)) : 0;
        fputs(isfinite(mean[p]) ? block[height] : " ", out);
    }
done:
    tw_series_free(series);
    return st;
}

static bool worth_watching(const char *name)
{
    return strncmp(name, "batch/", 6) == 0 || strncmp(name, "loss/", 5) == 0 || strcmp(name, "lr") == 0 ||
           fnmatch("*/top/1", name, 0) == 0 || strstr(name, "/scale") != NULL || strstr(name, "/distance") != NULL ||
           strstr(name, "/trace") != NULL;
}

// One look: *going becomes false when nobody writes the run any more.
static tw_status look(const char *folder, FILE *out, bool *going)
{
    tw_status st = TW_OK;
    tw_run *run = NULL;
    tw_series_names *names = NULL;
    char status[64], steps[32], total[32], model[96];
    *going = tw_run_is_being_written(folder); // before the numbers, so that the last ones are seen
    TW_TRY(tw_run_open(folder, false, &run));
    TW_TRY(tw_runs_status(run, folder, sizeof status, status));
    TW_TRY(tw_runs_text(run, "steps", sizeof steps, steps));
    TW_TRY(tw_runs_text(run, "total steps", sizeof total, total));
    TW_TRY(tw_runs_text(run, "model", sizeof model, model));
    fprintf(out, "%s  %s  %s, %s%s of %s steps\n", folder, model, status, *going ? "at least " : "", steps, total);
    TW_TRY(tw_run_series_names(run, false, &names));
    for (int64_t i = 0; i < names->count; i++) {
        double value, error;
        int64_t step;
        if (!worth_watching(names->name[i])) continue;
        TW_TRY(tw_run_last(run, names->name[i], &step, &value, &error));
        fprintf(out, "%-28.28s %9" PRId64 "  %12.6g  ", names->name[i], step, value);
        TW_TRY(sparkline(run, names->name[i], out));
        fputc('\n', out);
    }
done:
    tw_series_names_free(names);
    tw_runs_close(run);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    char *const *word, *text = NULL;
    size_t size = 0;
    double every = 1;
    bool going = true, terminal = isatty(STDOUT_FILENO), json = tw_args_flag(args, "json");
    tw_progress interrupt = tw_show_interrupt(args);
    if (tw_args_words(args, &word) != 1)
        return tw_fail(TW_EINVAL, "found %d words, expected the folder of one run", tw_args_words(args, &word));
    TW_TRY(tw_args_real(args, "every", 0.05, 1e6, &every));
    if (json) {
        tw_run *record = NULL;
        json_t *result = NULL;
        TW_TRY(tw_run_open(word[0], false, &record));
        st = tw_runs_json(record, word[0], &result);
        tw_runs_close(record);
        if (st == TW_OK) st = tw_show_json(result);
        goto done;
    }
    while (going) {
        FILE *out = open_memstream(&text, &size);
        if (!out) return tw_fail(TW_ENOMEM, "watch: no memory");
        st = look(word[0], out, &going);
        fclose(out);
        if (st == TW_OK) printf("%s%s", terminal ? "\033[H\033[2J" : "", text);
        fflush(stdout);
        free(text);
        text = NULL;
        if (st != TW_OK || tw_args_flag(args, "once")) break;
        struct timespec pause = {(time_t)every, (long)(1e9 * (every - floor(every)))};
        if (going) nanosleep(&pause, NULL);
        if (!interrupt.tick(interrupt.ctx, "watching", 0, 1)) break;
    }
done:
    return st;
}

static const tw_flag flags[] = {
    {"every", "SECONDS", "1", "time between looks", .neutral = true},
    {"once", NULL, NULL, "look once", .neutral = true},
    {0},
};

const tw_command tw_cmd_watch = {
    .name = "watch",
    .summary = "a run as it goes, in the terminal",
    .about =
        "The last number of what is worth watching, with a line of its past. Ends with the run, or by Ctrl-C; the\n"
        "run does not notice. --json prints what runs show --json does.",
    .example =
        "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\nthalweg watch a --once",
    .words = "RUN",
    .flags = flags,
    .run = run,
    .one_rank = true,
};
