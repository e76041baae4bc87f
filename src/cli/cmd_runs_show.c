// SPDX-License-Identifier: MIT
// thalweg runs show: everything that is known of a run.
#include "cli/runs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void show_facts(const json_t *result)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)result, key, value)
    {
        if (json_is_string(value) && strcmp(key, "recipe") != 0) printf("%-26s %s\n", key, json_string_value(value));
    }
}

static void show_times(const json_t *times)
{
    const char *what;
    json_t *seconds;
    double all = 0;
    char text[32];
    json_object_foreach((json_t *)times, what, seconds) { all += json_number_value(seconds); }
    printf("\n%-32s %10s  share\n", "time", "");
    json_object_foreach((json_t *)times, what, seconds)
    {
        printf("%-32s %10s  %4.1f %%\n", what, tw_show_seconds(json_number_value(seconds), text),
               all > 0 ? 100 * json_number_value(seconds) / all : 0);
    }
}

static void show_series(const json_t *series)
{
    const char *name;
    json_t *one;
    printf("\n%-36s %10s %10s  %14s  %s\n", "series", "points", "last step", "value", "error");
    json_object_foreach((json_t *)series, name, one)
    {
        const json_t *value = json_object_get(one, "value"), *error = json_object_get(one, "error");
        printf("%-36s %10" PRId64 " %10" PRId64 "  ", name, (int64_t)json_integer_value(json_object_get(one, "points")),
               (int64_t)json_integer_value(json_object_get(one, "step")));
        if (json_is_number(value))
            printf("%14.8g", json_number_value(value));
        else
            printf("%14s", "missing");
        if (json_is_number(error)) printf("  %.2g", json_number_value(error));
        printf("\n");
    }
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_run *record = NULL;
    json_t *result = NULL;
    char *const *word;
    if (tw_args_words(args, &word) != 1)
        return tw_fail(TW_EINVAL, "found %d words, expected the folder of one run", tw_args_words(args, &word));
    TW_TRY(tw_run_open(word[0], false, &record));
    TW_TRY(tw_runs_json(record, word[0], &result));
    if (tw_args_flag(args, "json")) {
        TW_TRY(tw_show_json(json_incref(result)));
        goto done;
    }
    show_facts(result);
    show_times(json_object_get(result, "seconds"));
    show_series(json_object_get(result, "last"));
    const json_t *events = json_object_get(result, "events");
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        printf("%sstep %" PRId64 ": %s: %s\n", i ? "" : "\n",
               (int64_t)json_integer_value(json_object_get(event, "step")),
               json_string_value(json_object_get(event, "kind")), json_string_value(json_object_get(event, "text")));
    }
    printf("\nrecipe as understood:\n%s", json_string_value(json_object_get(result, "recipe")));
done:
    json_decref(result);
    tw_runs_close(record);
    return st;
}

const tw_command tw_cmd_runs_show = {
    .name = "runs show",
    .summary = "a run's recipe, status, time and last numbers",
    .about = "The recipe is shown as it was understood, with every default and with the probes a preset stood for.",
    .example =
        "thalweg train --model mlp:4-8-3 --data gauss:classes=3,dim=4 --epochs 2 --run a\nthalweg runs show a --json",
    .words = "RUN",
    .run = run,
    .one_rank = true,
};
