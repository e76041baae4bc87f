// SPDX-License-Identifier: MIT
// The door to gnuplot: a script in a nameless file, its picture through a pipe of file descriptors into an outfile.
#include "report/figure.h"

#include "thalweg/base.h"
#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static tw_status terminal(FILE *script, const char *path, int width, int height)
{
    const char *dot = strrchr(path, '.');
    dot = dot ? dot : "";
    if (strcmp(dot, ".svg") == 0)
        fprintf(script,
                "set terminal svg size %d,%d dynamic enhanced background rgb 'white' font "
                "'Helvetica,Arial,sans-serif,14'\n",
                width, height);
    else if (strcmp(dot, ".pdf") == 0)
        fprintf(script, "set terminal pdfcairo size %.2fin,%.2fin enhanced background rgb 'white' font 'sans,12'\n",
                width / 100.0, height / 100.0);
    else if (strcmp(dot, ".png") == 0)
        fprintf(script,
                "set terminal pngcairo size %d,%d enhanced background rgb 'white' font 'sans,21' pointscale 2 "
                "linewidth 1.6\n",
                2 * width, 2 * height);
    else
        return tw_fail(TW_EINVAL, "%s: found a figure's name that ends in \"%s\", expected .svg, .pdf or .png", path,
                       dot);
    return TW_OK;
}

tw_status tw_figure_open(tw_figure *figure, const char *path, int width, int height)
{
    tw_status st = TW_OK;
    tw_figure made = {0};
    made.script = tmpfile();
    if (!made.script) {
        st = tw_fail(TW_EIO, "%s: no temporary file for gnuplot: %s", path, strerror(errno));
        goto done;
    }
    TW_TRY(terminal(made.script, path, width, height));
    TW_TRY(tw_outfile_open(&made.image, path));
    fputs("set encoding utf8\n"
          "set style line 1 lc rgb '" TW_BLUE "' lw 2\nset style line 2 lc rgb '" TW_RED "' lw 2\n"
          "set style line 3 lc rgb '" TW_GREEN "' lw 2\nset style line 4 lc rgb '#CC79A7' lw 2\n"
          "set style line 5 lc rgb '" TW_GREY "' lw 1\nset style line 6 lc rgb '" TW_LIGHT "' lw 1\n"
          "set border 3 ls 5\nset tics nomirror out scale 0.6 tc rgb '#333333'\nset key off\n",
          made.script);
    *figure = made;
    made = (tw_figure){0};
done:
    tw_figure_discard(&made);
    return st;
}

// No character of text becomes markup or ends the string.
static void put_plain(FILE *script, const char *text)
{
    for (; *text; text++) {
        if (*text == '"') fputc('\\', script);
        if (strchr("_^{}@&~\\", *text)) fputs("\\\\", script);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, script);
    }
}

void tw_figure_quote(FILE *script, const char *text)
{
    fputc('"', script);
    put_plain(script, text);
    fputc('"', script);
}

// One tick on the axis if it lies there, named by so many digits, with a comma behind those before; returns if it does.
static bool put_tick(FILE *script, int digits, double at, double least, double most, int before)
{
    bool on = at >= least * (1 - 1e-9) && at <= most * (1 + 1e-9);
    if (on && script) fprintf(script, "%s'%.*g' %.17g", before ? ", " : "", digits, at, at);
    return on;
}

// Ticks at these mantissas of every stride-th decade; without a script they are counted.
static int put_decades(FILE *script, const double *mantissa, int stride, double least, double most)
{
    int ticks = 0;
    for (int d = (int)floor(log10(least)); d <= (int)ceil(log10(most)); d++)
        for (int i = 0; d % stride == 0 && mantissa[i] > 0; i++)
            ticks += put_tick(script, 6, mantissa[i] * pow(10, d), least, most, ticks);
    return ticks;
}

// Ticks at the multiples of a step of 1, 2 or 5 times a power of ten that gives four to ten.
static void put_steps(FILE *script, double least, double most)
{
    double rough = (most - least) / 4, power = pow(10, floor(log10(rough))), times = rough / power;
    double step = power * (times >= 5 ? 5 : times >= 2 ? 2 : 1);
    int ticks = 0;
    for (double i = ceil(least / step * (1 - 1e-9)); i * step <= most * (1 + 1e-9) && ticks < 12; i++)
        ticks += put_tick(script, 9, i * step, least, most, ticks);
}

void tw_figure_log_ticks(FILE *script, char axis, double least, double most)
{
    enum { FEW = 4, MANY = 9 };
    static const double whole[] = {1, 0}, two[] = {1, 3, 0}, three[] = {1, 2, 5, 0};
    static const double more[] = {1, 1.5, 2, 3, 4, 5, 6, 8, 0}, *const set[] = {whole, two, three, more};
    fprintf(script, "set %ctics (", axis);
    int chosen = 0, stride = 1;
    while (put_decades(NULL, set[0], stride, least, most) > MANY) stride++;
    while (chosen < 4 && put_decades(NULL, set[chosen], stride, least, most) < FEW) chosen++;
    if (chosen < 4)
        put_decades(script, set[chosen], stride, least, most);
    else
        put_steps(script, least, most);
    fputs(")\n", script);
}

void tw_figure_heading(FILE *script, const char *title, const char *subtitle, double height)
{
    const char *const text[] = {title, subtitle}, *const size[] = {"1.2", "0.95"},
                      *const colour[] = {"#111111", TW_GREY};
    for (int i = 0; i < 2; i++) {
        fprintf(script, "set label %d \"{/*%s ", 101 + i, size[i]);
        put_plain(script, text[i]);
        fprintf(script, "}\" at screen 0.02,%.4f left tc rgb '%s'\n", 1 - (i ? 54 : 24) / height, colour[i]);
    }
}

// stdin, stdout and stderr of gnuplot are files, so neither side ever waits for the other.
static int spawn(FILE *script, FILE *image, FILE *words, pid_t *child)
{
    char *const line[] = {"gnuplot", "-d", "-", NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawn_file_actions_adddup2(&actions, fileno(script), 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, fileno(image), 1);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, fileno(words), 2);
    if (!error) error = posix_spawnp(child, "gnuplot", &actions, NULL, line, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

tw_status tw_figure_commit(tw_figure *figure)
{
    tw_status st = TW_OK;
    const char *path = figure->image.path;
    char said[256] = "";
    pid_t child;
    int ended = 0;
    FILE *words = NULL;

    if (tw_rank() > 0) goto done; // rank 0 draws
    words = tmpfile();

    if (!words || fflush(figure->script) != 0 || lseek(fileno(figure->script), 0, SEEK_SET) != 0) {
        st = tw_fail(TW_EIO, "%s: the script for gnuplot could not be written: %s", path, strerror(errno));
        goto done;
    }
    int error = spawn(figure->script, figure->image.stream, words, &child);
    if (error) {
        st = tw_fail(TW_EIO,
                     "%s: gnuplot draws figures and cannot be started: %s; install the package gnuplot-nox (or "
                     "gnuplot), or leave the figure out",
                     path, strerror(error));
        goto done;
    }
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    rewind(words);
    size_t length = fread(said, 1, sizeof said - 1, words);
    said[length] = '\0';
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
        for (char *c = said; *c; c++)
            if (*c == '\n') *c = ' ';
        st = tw_fail(TW_EIO, "%s: gnuplot could not draw it: %s", path, said);
        goto done;
    }
    TW_TRY(tw_outfile_commit(&figure->image));
done:
    if (words) fclose(words);
    tw_figure_discard(figure);
    return st;
}

void tw_figure_discard(tw_figure *figure)
{
    if (figure->script) fclose(figure->script);
    tw_outfile_discard(&figure->image);
    *figure = (tw_figure){0};
}
