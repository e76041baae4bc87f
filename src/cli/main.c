// SPDX-License-Identifier: MIT
// Words to a command, and a status to an exit code: 0 done, 1 the work failed, 2 wrong usage or bad input.
#include "base/alloc.h"
#include "base/nearest.h"
#include "cli/ranks.h"
#include "cli/show.h"
#include "thalweg/data.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND(name) extern const tw_command tw_cmd_##name;
#include "cli/commands.def"
#undef COMMAND

#define COMMAND(name) &tw_cmd_##name,
static const tw_command *const commands[] = {
#include "cli/commands.def"
};
#undef COMMAND
enum { COMMANDS = sizeof commands / sizeof commands[0] };

// Those whose names begin with prefix, "" for all.
static void show_commands(FILE *stream, const char *prefix)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strncmp(commands[i]->name, prefix, strlen(prefix)) == 0)
            fprintf(stream, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
}

static void show_help(void)
{
    printf("Thalweg %s: exact curvature, noise and theory along the way of SGD\n\n"
           "Usage: thalweg COMMAND [flags]\n\n",
           tw_version());
    show_commands(stdout, "");
    printf("\nEvery command: --help (with an example that runs), --json, --threads, --seed, --explain, --quiet.\n"
           "Results go to stdout, progress and messages to stderr.\n"
           "Exit codes: 0 done, 1 the work failed or fell short, 2 wrong usage or bad input.\n");
}

// "noise solve" takes two words, "spectrum" one; *words says how many were used. NULL when there is none.
static const tw_command *find(int argc, char **argv, int *words)
{
    char two[128] = "";
    if (argc > 2) snprintf(two, sizeof two, "%s %s", argv[1], argv[2]);
    const tw_command *found = NULL;
    *words = 0;
    for (int i = 0; i < COMMANDS; i++) {
        if (*two && strcmp(commands[i]->name, two) == 0) {
            *words = 2;
            return commands[i];
        }
        if (strcmp(commands[i]->name, argv[1]) == 0) {
            found = commands[i];
            *words = 1;
        }
    }
    return found;
}

// `thalweg noise` and `thalweg noise slove`: the first word begins names of two words.
static int unknown_of_group(const char *group, const char *prefix, const char *verb)
{
    bool asked = verb && strcmp(verb, "--help") == 0;
    FILE *stream = asked ? stdout : stderr;
    if (verb && !asked)
        fprintf(stream, "thalweg %s: found \"%s\", expected one of these:\n", group, verb);
    else
        fprintf(stream, "thalweg %s: one of these commands:\n", group);
    show_commands(stream, prefix);
    return asked ? 0 : 2;
}

static int unknown(const char *word, const char *verb)
{
    char prefix[64];
    const char *names[COMMANDS];
    snprintf(prefix, sizeof prefix, "%.60s ", word);
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i]->name;
        if (strncmp(names[i], prefix, strlen(prefix)) == 0) return unknown_of_group(word, prefix, verb);
    }
    const char *near = tw_nearest_of(word, COMMANDS, names);
    fprintf(stderr, "thalweg: %s: no such command%s%s; see `thalweg --help`\n", word, near ? "; the nearest is " : "",
            near ? near : "");
    return 2;
}

static int exit_code(tw_status st)
{
    switch (st) {
    case TW_OK:
        return tw_show_fell_short() ? 1 : 0;
    case TW_EINVAL:
    case TW_EFORMAT:
    case TW_EIO:
        return 2;
    case TW_ENOMEM:
    case TW_ENUMERIC:
    case TW_ESTOPPED:
        break;
    }
    return 1;
}

// Where fetched data sets lie: $THALWEG_DATA, or thalweg in the user's folder for data (XDG base directories).
static tw_status find_data_home(void)
{
    tw_status st = TW_OK;
    char folder[4096];
    const char *own = getenv("THALWEG_DATA"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length = 0;
    if (own && *own)
        length = snprintf(folder, sizeof folder, "%s", own);
    else if (data && *data == '/') // a relative one is to be ignored, says the specification
        length = snprintf(folder, sizeof folder, "%s/thalweg", data);
    else if (home && *home)
        length = snprintf(folder, sizeof folder, "%s/.local/share/thalweg", home);
    if (length > 0 && length < (int)sizeof folder) TW_TRY(tw_data_home_set(folder));
done:
    return st;
}

static int run(const tw_command *command, int argc, char **argv)
{
    tw_status st = TW_OK;
    tw_args *args = NULL;
    int64_t threads = 0;
    char who[64];

    TW_TRY(tw_ranks_join());
    TW_TRY(find_data_home());
    TW_TRY(tw_args_parse(command, argc, argv, &args));
    if (tw_args_help(args)) {
        tw_args_show_help(command);
    } else {
        TW_TRY(tw_args_int(args, "threads", 1, 1024, &threads));
        if (threads) TW_TRY(tw_threads_set((int)threads));
        if (tw_ranks() > 1) tw_explain(args, "ranks", "%d, %d threads each", tw_ranks(), tw_threads());
        if (tw_rank() == 0 || !command->one_rank) TW_TRY(command->run(args));
    }
    if (fflush(stdout) != 0) st = tw_fail(TW_EIO, "stdout: could not be written whole: %s", strerror(errno));
done:
    tw_show_progress_end();
    tw_args_free(args);
    snprintf(who, sizeof who, "thalweg %s", command->name);
    tw_ranks_part(who, st, exit_code(st));
    return exit_code(st);
}

int main(int argc, char **argv)
{
    int words;
    if (argc < 2) {
        fprintf(stderr, "thalweg: found no command; see `thalweg --help`\n");
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("thalweg %s (%s)\n", tw_version(), tw_ranks_about());
        return 0;
    }
    bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0;
    if (help && argc == 2) {
        show_help();
        return 0;
    }
    if (help) { // `thalweg help train` is `thalweg train --help`
        argc--;
        argv++;
    }
    const tw_command *command = find(argc, argv, &words);
    if (!command) return unknown(argv[1], help ? "--help" : argc > 2 ? argv[2] : NULL);
    if (!help) return run(command, argc - 1 - words, argv + 1 + words);
    tw_args_show_help(command);
    return 0;
}
