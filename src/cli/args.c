// SPDX-License-Identifier: MIT
// Flags from tables, by getopt_long; every complaint names the flag, what was found and what was expected.
#include "cli/args.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FLAGS = 64 };

struct tw_args {
    const tw_command *command;
    int flags; // own flags first, then the shared ones
    tw_flag flag[MOST_FLAGS];
    const char *given[MOST_FLAGS]; // its value, "" for a switch; NULL: not on the line
    char *joined[MOST_FLAGS];      // of flags given more than once
    int words;
    char **word;
};

static void collect(const tw_command *command, tw_args *args)
{
    args->command = command;
    for (const tw_flag *own = command->flags; own && own->name; own++) {
        assert(args->flags < MOST_FLAGS);
        args->flag[args->flags++] = *own;
    }
    for (const tw_shared_flag *shared = tw_shared_flags; shared->flag.name; shared++) {
        if (shared->uses && !(shared->uses & command->uses)) continue;
        assert(args->flags < MOST_FLAGS);
        tw_flag flag = shared->flag;
        if ((command->uses & TW_USE_ANY_MODEL) && (shared->uses & TW_USE_NET)) flag.required = false;
        if ((command->uses & TW_USE_ANY_DATA) && (shared->uses & TW_USE_DATA)) flag.required = false;
        args->flag[args->flags++] = flag;
    }
}

// --- parsing ---

static tw_status unknown_flag(const tw_args *args, const char *found)
{
    const char *names[MOST_FLAGS];
    char word[64];
    snprintf(word, sizeof word, "%s", found + strspn(found, "-"));
    word[strcspn(word, "=")] = '\0';
    char begin[512] = "";
    int count = 0, begins = 0;
    for (int i = 0; i < args->flags; i++) {
        names[count++] = args->flag[i].name;
        if (!*word || strncmp(args->flag[i].name, word, strlen(word)) != 0) continue;
        size_t used = strlen(begin);
        snprintf(begin + used, sizeof begin - used, "%s--%s", begins++ ? ", " : "", args->flag[i].name);
    }
    if (begins > 1) return tw_fail(TW_EINVAL, "%s: could be %s: write the whole name", found, begin);
    const char *near = tw_nearest_of(word, count, names);
    return tw_fail(TW_EINVAL, "%s: no such flag of `thalweg %s`%s%s%s; see `thalweg %s --help`", found,
                   args->command->name, near ? "; the nearest is --" : "", near ? near : "", "", args->command->name);
}

static tw_status check_choice(const tw_flag *flag, const char *value)
{
    const char *names[32];
    char copy[512];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", flag->choices);
    for (char *save = NULL, *name = strtok_r(copy, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
        if (strcmp(name, value) == 0) return TW_OK;
        assert(count < 32);
        names[count++] = name;
    }
    const char *near = tw_nearest_of(value, count, names);
    char hint[96] = "";
    if (near) snprintf(hint, sizeof hint, " (the nearest is %s)", near);
    return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected one of %s%s", flag->name, value, flag->choices, hint);
}

static tw_status check_required(const tw_args *args)
{
    for (int i = 0; i < args->flags; i++)
        if (args->flag[i].required && !args->given[i])
            return tw_fail(TW_EINVAL, "--%s is missing: expected --%s %s (%s)", args->flag[i].name, args->flag[i].name,
                           args->flag[i].value, args->flag[i].text);
    return TW_OK;
}

static tw_status join(tw_args *args, int flag, const char *value)
{
    size_t room = strlen(args->given[flag]) + strlen(value) + 2;
    char *joined = NULL;
    tw_status st = tw_alloc((int64_t)room, 1, &joined);
    if (st != TW_OK) return st;
    snprintf(joined, room, "%s\n%s", args->given[flag], value);
    free(args->joined[flag]);
    args->given[flag] = args->joined[flag] = joined;
    return TW_OK;
}

static tw_status read_line(tw_args *args, int argc, char **argv)
{
    struct option options[MOST_FLAGS + 1] = {{0}};
    for (int i = 0; i < args->flags; i++)
        options[i] =
            (struct option){args->flag[i].name, args->flag[i].value ? required_argument : no_argument, NULL, 1000 + i};
    opterr = 0;
    optind = 0; // a fresh scan, also of the order of words
    for (;;) {
        int at = optind > 0 ? optind : 1;
        int found = getopt_long(argc, argv, ":", options, NULL);
        if (found == -1) break;
        if (found == ':') {
            const tw_flag *flag = &args->flag[optopt - 1000];
            return tw_fail(TW_EINVAL, "--%s: found no value, expected %s (%s)", flag->name, flag->value, flag->text);
        }
        if (found == '?' && optopt >= 1000)
            return tw_fail(TW_EINVAL, "%s: found a value, expected --%s alone", argv[optind - 1],
                           args->flag[optopt - 1000].name);
        if (found == '?') return unknown_flag(args, argv[optopt ? at : optind - 1]);
        const tw_flag *flag = &args->flag[found - 1000];
        if (args->given[found - 1000] && flag->many) {
            tw_status st = join(args, found - 1000, optarg);
            if (st != TW_OK) return st;
            continue;
        }
        if (args->given[found - 1000]) return tw_fail(TW_EINVAL, "--%s: found twice, expected once", flag->name);
        args->given[found - 1000] = flag->value ? optarg : "";
        if (flag->choices) {
            tw_status st = check_choice(flag, optarg);
            if (st != TW_OK) return st;
        }
    }
    args->words = argc - optind;
    args->word = argv + optind;
    if (args->words > 0 && !args->command->words && !tw_args_help(args))
        return tw_fail(TW_EINVAL, "%s: found a word, expected a flag; see `thalweg %s --help`", args->word[0],
                       args->command->name);
    return TW_OK;
}

tw_status tw_args_parse(const tw_command *command, int argc, char **argv, tw_args **out)
{
    tw_status st = TW_OK;
    tw_args *args = NULL;
    char **line = NULL; // getopt wants a program name in front and may reorder

    TW_TRY(tw_alloc(1, sizeof *args, &args));
    collect(command, args);
    TW_TRY(tw_alloc(argc + 2, sizeof *line, &line));
    line[0] = (char *)command->name;
    for (int i = 0; i < argc; i++) line[i + 1] = argv[i];
    TW_TRY(read_line(args, argc + 1, line));
    for (int i = 0; i < args->words; i++) argv[i] = args->word[i]; // the words outlive `line`
    args->word = argv;
    if (!tw_args_help(args)) TW_TRY(check_required(args));
    *out = args;
    args = NULL;
done:
    free(line);
    tw_args_free(args);
    return st;
}

void tw_args_free(tw_args *args)
{
    for (int i = 0; args && i < MOST_FLAGS; i++) free(args->joined[i]);
    free(args);
}

const tw_command *tw_args_command(const tw_args *args) { return args->command; }

bool tw_args_help(const tw_args *args) { return tw_args_flag(args, "help"); }

int tw_args_words(const tw_args *args, char *const **out)
{
    *out = args->word;
    return args->words;
}

// --- getters ---

static int find(const tw_args *args, const char *name)
{
    for (int i = 0; i < args->flags; i++)
        if (strcmp(args->flag[i].name, name) == 0) return i;
    assert(false && "the command does not declare this flag");
    return -1;
}

bool tw_args_flag(const tw_args *args, const char *name) { return args->given[find(args, name)] != NULL; }

const char *tw_args_str(const tw_args *args, const char *name)
{
    int i = find(args, name);
    return args->given[i] ? args->given[i] : args->flag[i].fallback;
}

static tw_status bad_range(const char *name, const char *text, const char *kind, const char *least_, const char *most)
{
    return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected %s from %s to %s", name, text, kind, least_, most);
}

tw_status tw_args_int(const tw_args *args, const char *name, int64_t least_, int64_t most, int64_t *out)
{
    const char *text = tw_args_str(args, name);
    if (!text) return TW_OK;
    char *end, low[32], high[32];
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < least_ || value > most) {
        snprintf(low, sizeof low, "%" PRId64, least_);
        snprintf(high, sizeof high, "%" PRId64, most);
        if (most == INT64_MAX)
            return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected a whole number, at least %s", name, text, low);
        return bad_range(name, text, "a whole number", low, high);
    }
    *out = value;
    return TW_OK;
}

tw_status tw_args_seed(const tw_args *args, const char *name, uint64_t *out)
{
    const char *text = tw_args_str(args, name);
    if (!text) return TW_OK;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || errno || strchr(text, '-'))
        return bad_range(name, text, "a whole number", "0", "18446744073709551615");
    *out = value;
    return TW_OK;
}

tw_status tw_args_real(const tw_args *args, const char *name, double least_, double most, double *out)
{
    const char *text = tw_args_str(args, name);
    if (!text) return TW_OK;
    char *end, low[32], high[32];
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least_ && value <= most)) { // NaN fails too
        snprintf(low, sizeof low, "%g", least_);
        snprintf(high, sizeof high, "%g", most);
        return bad_range(name, text, "a number", low, high);
    }
    *out = value;
    return TW_OK;
}

tw_status tw_args_bytes(const tw_args *args, const char *name, int64_t *out)
{
    const char *text = tw_args_str(args, name);
    if (!text) return TW_OK;
    char *end;
    double value = strtod(text, &end);
    const char *units = "KMGT", *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        value = ldexp(value, 10 * (int)(unit - units + 1));
        end++;
    }
    if (end == text || *end || !(value >= 1 && value < 0x1p62))
        return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected bytes, such as 500M or 2G", name, text);
    *out = (int64_t)value;
    return TW_OK;
}

// --- recipe ---

static bool plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%")] == '\0';
}

tw_status tw_args_recipe(const tw_args *args, char **out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return tw_fail(TW_ENOMEM, "recipe: no memory");
    fprintf(stream, "thalweg %s", args->command->name);
    for (int i = 0; i < args->flags; i++) {
        const char *value = args->given[i];
        if (!value || args->flag[i].neutral) continue;
        fprintf(stream, " --%s", args->flag[i].name);
        if (!args->flag[i].value) continue;
        if (*value && plain(value)) {
            fprintf(stream, " %s", value);
        } else { // as a shell reads it back
            fputs(" '", stream);
            for (; *value; value++) fputs(*value == '\'' ? "'\\''" : (char[]){*value, '\0'}, stream);
            fputc('\'', stream);
        }
    }
    for (int i = 0; i < args->words; i++) fprintf(stream, " %s", args->word[i]);
    if (fclose(stream) != 0) {
        free(text);
        return tw_fail(TW_ENOMEM, "recipe: no memory");
    }
    *out = text;
    return TW_OK;
}

// --- help ---

static void show_flag(const tw_flag *flag)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
    printf("  %-22s %s", left, flag->text);
    if (flag->choices) printf(": %s", flag->choices);
    if (flag->fallback) printf(" (%s)", flag->fallback);
    if (flag->required) printf(" [required]");
    printf("\n");
}

void tw_args_show_help(const tw_command *command)
{
    tw_args args = {0};
    collect(command, &args);
    int own = 0;
    for (const tw_flag *flag = command->flags; flag && flag->name; flag++) own++;

    printf("thalweg %s: %s\n\n%s\n\n", command->name, command->summary, command->about);
    printf("Usage: thalweg %s [flags]%s%s\n\n", command->name, command->words ? " " : "",
           command->words ? command->words : "");
    for (int i = 0; i < args.flags; i++) {
        if (i == own) printf("%s", own ? "\nShared with other commands:\n" : "");
        show_flag(&args.flag[i]);
    }
    printf("\nExample:\n");
    for (const char *line = command->example; *line;) {
        int length = (int)strcspn(line, "\n");
        printf("  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
}
