// SPDX-License-Identifier: MIT
// Stdout is for results, stderr for everything else.
#include "cli/show.h"

#include "thalweg/kernel.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t asked_to_stop;
static bool fell_short;

static struct {
    bool quiet, terminal, shown;
    char what[64];
    double begin, last; // of the present `what`
} line;

double tw_show_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void stop(int signal_number)
{
    (void)signal_number;
    asked_to_stop = 1;
}

const char *tw_show_seconds(double seconds, char *buffer)
{
    if (seconds < 1e-3)
        snprintf(buffer, 32, "%.3g us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(buffer, 32, "%.3g ms", seconds * 1e3);
    else if (seconds < 100)
        snprintf(buffer, 32, "%.3g s", seconds);
    else if (seconds < 6000)
        snprintf(buffer, 32, "%d min %02d s", (int)(seconds / 60), (int)fmod(seconds, 60));
    else
        snprintf(buffer, 32, "%.1f h", seconds / 3600);
    return buffer;
}

static bool tick(void *ctx, const char *what, double done, double total)
{
    (void)ctx;
    if (line.quiet) return !asked_to_stop;
    double now = tw_show_clock();
    if (strncmp(line.what, what, sizeof line.what - 1) != 0) {
        snprintf(line.what, sizeof line.what, "%s", what);
        line.begin = now;
        line.last = now - (line.terminal ? 1 : 0); // a log hears nothing of work that takes less than ten seconds
    }
    if (now - line.last < (line.terminal ? 0.1 : 10)) return !asked_to_stop;
    line.last = now;
    char left[64] = "", time[32];
    if (done > 0 && total > done && now - line.begin > 0.5)
        snprintf(left, sizeof left, ", %s left", tw_show_seconds((now - line.begin) * (total - done) / done, time));
    char portion[48];
    if (total > 0)
        snprintf(portion, sizeof portion, "%.0f of %.0f (%.0f %%)", done, total, 100 * done / total);
    else
        snprintf(portion, sizeof portion, "%.0f", done);
    if (line.terminal)
        fprintf(stderr, "\r\033[K%s: %s%s", what, portion, left);
    else
        fprintf(stderr, "%s: %s%s\n", what, portion, left);
    line.shown = line.terminal;
    fflush(stderr);
    return !asked_to_stop;
}

tw_progress tw_show_progress(const tw_args *args)
{
    line.quiet = tw_args_flag(args, "quiet") || tw_rank() > 0;
    line.terminal = isatty(STDERR_FILENO);
    if (tw_rank() > 0) return (tw_progress){tick, NULL}; // rank 0 is asked to stop
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return (tw_progress){tick, NULL};
}

static bool go_on(void *ctx, const char *what, double done, double total)
{
    (void)ctx, (void)what, (void)done, (void)total;
    return !asked_to_stop;
}

tw_progress tw_show_interrupt(const tw_args *args) { return (tw_progress){go_on, tw_show_progress(args).ctx}; }

void tw_show_progress_end(void)
{
    if (line.shown) fputs("\r\033[K", stderr);
    line.shown = false;
}

tw_status tw_show_json(json_t *result)
{
    if (!result) return tw_fail(TW_ENOMEM, "JSON: no memory");
    tw_show_progress_end();
    bool bad = json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0;
    bad |= fputc('\n', stdout) == EOF;
    json_decref(result);
    return bad ? tw_fail(TW_EIO, "stdout: could not be written whole: %s", strerror(errno)) : TW_OK;
}

tw_status tw_show_provenance(const tw_args *args, json_t *result)
{
    char *recipe = NULL;
    tw_status st = tw_args_recipe(args, &recipe);
    if (st != TW_OK) return st;
    json_object_set_new(result, "recipe", json_string(recipe));
    json_object_set_new(result, "kernels", json_string(tw_kernels_describe()));
    json_object_set_new(result, "version", json_string(tw_version()));
    free(recipe);
    return TW_OK;
}

void tw_show_shortfall(const char *format, ...)
{
    va_list args;
    fell_short = true;
    if (tw_rank() > 0) return;
    tw_show_progress_end();
    fflush(stdout);
    va_start(args, format);
    fputs("thalweg: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
}

bool tw_show_fell_short(void) { return fell_short; }

void tw_explain(const tw_args *args, const char *key, const char *format, ...)
{
    if (!tw_args_flag(args, "explain") || tw_rank() > 0) return;
    va_list list;
    tw_show_progress_end();
    va_start(list, format);
    fprintf(stderr, "# %-12s ", key);
    vfprintf(stderr, format, list);
    fputs("\n", stderr);
    va_end(list);
}

const char *tw_show_count(int64_t count, char *buffer)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count), used = 0;
    for (int i = 0; i < length && used < 30; i++) {
        bool gap = i > (digits[0] == '-') && (length - i) % 3 == 0;
        if (gap) buffer[used++] = ',';
        buffer[used++] = digits[i];
    }
    buffer[used] = '\0';
    return buffer;
}

const char *tw_show_bytes(double bytes, char *buffer)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    int i = 0;
    for (; bytes >= 1024 && i < 4; i++) bytes /= 1024;
    snprintf(buffer, 32, i ? "%.1f %s" : "%.0f %s", bytes, unit[i]);
    return buffer;
}
