// SPDX-License-Identifier: MIT
// Lines with points of their own, named in a key to the right.
#include "report/figure_series.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 800, HEIGHT = 400 };

static bool has_errors(const tw_figure_line *line)
{
    for (int64_t i = 0; line->error && i < line->count; i++)
        if (isfinite(line->error[i]) && line->error[i] > 0) return true;
    return false;
}

// A gap where a number is missing.
static void put_lines(FILE *script, const tw_figure_series *f)
{
    for (int l = 0; l < f->count; l++) {
        const tw_figure_line *line = &f->line[l];
        fprintf(script, "$d%d << EOD\n", l);
        for (int64_t i = 0; i < line->count; i++) {
            if (!isfinite(line->y[i])) {
                fputc('\n', script);
                continue;
            }
            double error = line->error && isfinite(line->error[i]) ? line->error[i] : 0;
            fprintf(script, "%.9g %.9g %.9g\n", line->x[i], line->y[i], error);
        }
        fputs("EOD\n", script);
    }
}

static void put_plot(FILE *script, const tw_figure_series *f)
{
    static const char *const colour[] = {TW_BLUE,   TW_RED,    TW_GREEN,  "#CC79A7",
                                         "#E69F00", "#56B4E9", "#8A7A00", TW_GREY};
    int drawn = 0, colours = 0;
    fputs("plot ", script);
    for (int l = 0; l < f->count; l++) {
        const tw_figure_line *line = &f->line[l];
        const char *paint = line->dashed ? TW_GREY : colour[colours++ % 8];
        const char *how = has_errors(line) && line->count <= 200 ? "using 1:2:3 with yerrorlines"
                          : line->count <= 60 && !line->dashed   ? "using 1:2 with linespoints"
                                                                 : "using 1:2 with lines";
        fprintf(script, "%s$d%d %s lc rgb '%s' lw %s dt %d pt 7 ps 0.4 title ", drawn++ ? ", " : "", l, how, paint,
                line->dashed ? "1.5" : "2", line->dashed ? 2 : 1 + (colours > 8));
        tw_figure_quote(script, line->name);
    }
    fputc('\n', script);
}

// Names may hold commas ("lr=0.1,batch=32"): RFC 4180's quotes.
static void put_name(FILE *out, const char *name)
{
    bool plain = !strpbrk(name, ",\"\n");
    if (!plain) fputc('"', out);
    for (; *name; name++) fputs(*name == '"' ? "\"\"" : (char[]){*name, '\0'}, out);
    if (!plain) fputc('"', out);
}

static tw_status put_csv(const tw_figure_series *f, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    TW_TRY(tw_outfile_open(&file, path));
    fprintf(file.stream, "line,%s,%s,error\n", f->x_name, f->y_name);
    for (int l = 0; l < f->count; l++) {
        const tw_figure_line *line = &f->line[l];
        for (int64_t i = 0; i < line->count; i++) {
            put_name(file.stream, line->name);
            fprintf(file.stream, ",%.17g,", line->x[i]);
            if (isfinite(line->y[i])) fprintf(file.stream, "%.17g", line->y[i]);
            fputc(',', file.stream);
            if (line->error && isfinite(line->error[i])) fprintf(file.stream, "%.17g", line->error[i]);
            fputc('\n', file.stream);
        }
    }
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    return st;
}

typedef struct extent {
    double low, high, least, most; // of x; of what is drawn of y
    bool log_y;
} extent;

static void measure(const tw_figure_series *f, extent *e)
{
    int64_t all = 0, positive = 0;
    *e = (extent){INFINITY, -INFINITY, INFINITY, -INFINITY, false};
    for (int l = 0; l < f->count; l++)
        for (int64_t i = 0; i < f->line[l].count; i++) {
            all += isfinite(f->line[l].y[i]);
            positive += isfinite(f->line[l].y[i]) && f->line[l].y[i] > 0;
        }
    e->log_y = f->log_y && 10 * positive >= 9 * all;
    for (int l = 0; l < f->count; l++)
        for (int64_t i = 0; i < f->line[l].count; i++) {
            double y = f->line[l].y[i];
            if (!isfinite(y) || (e->log_y && y <= 0)) continue;
            e->least = fmin(e->least, y);
            e->most = fmax(e->most, y);
            e->low = fmin(e->low, f->line[l].x[i]);
            e->high = fmax(e->high, f->line[l].x[i]);
        }
    if (!(e->high > e->low)) e->high = e->low + 1;
}

// Ticks at 0 and at the powers of ten on both sides of it that are no smaller than x_small.
static void put_powers(FILE *script, double small, const extent *e)
{
    int decades = (int)floor(log10(fmax(fabs(e->low), fabs(e->high)))), first = (int)ceil(log10(small) - 1e-9);
    int stride = decades - first > 5 ? 2 : 1;
    fprintf(script, "set nonlinear x via asinh(x/%.9g) inverse %.9g*sinh(x)\nset xtics (", small, small);
    if (e->low <= 0) fputs("'0' 0", script);
    for (int sign = e->low < 0 ? -1 : 1; sign <= 1; sign += 2)
        for (int d = first; d <= decades; d += stride)
            if (sign * pow(10, d) >= e->low && sign * pow(10, d) <= e->high)
                fprintf(script, "%s'%s%g' %.9g", e->low <= 0 || d > first ? ", " : "", sign < 0 ? "−" : "", pow(10, d),
                        sign * pow(10, d));
    fputs(")\n", script);
}

static void put_axes(FILE *script, const tw_figure_series *f, const extent *e)
{
    bool cut = f->y_least < f->y_most;
    double least = e->least, most = e->most;
    if (e->log_y) {
        fputs("set logscale y\n", script);
        // Whole decades, but no more of them than the numbers need: a bar that goes to 0 has no end here.
        least = pow(10, floor(log10(least)));
        most = pow(10, ceil(log10(most)));
        if (least < e->most / 3 && 3 * least <= e->least && e->most / e->least < 30) least *= 3;
        if (most / 3 >= e->most && e->most / e->least < 30) most /= 3;
    } else if (!(most > least)) {
        double room = fmax(fabs(most) * 0.1, 1e-300); // a constant still needs an axis
        least = most - room;
        most += room;
        cut = true;
    }
    if (f->y_least < f->y_most) {
        least = fmax(least, f->y_least);
        most = fmin(most, f->y_most);
    }
    if ((cut || e->log_y) && most > least) fprintf(script, "set yrange [%.9g:%.9g]\n", least, most);
    if (e->log_y && most > least) tw_figure_log_ticks(script, 'y', least, most);
    if (f->x_small > 0) put_powers(script, f->x_small, e);
    fprintf(script, "set xrange [%.9g:%.9g]\n", e->low, e->high);
}

// Where the axes end, as a part of the width: the names of the lines need the rest.
static double right_end(const tw_figure_series *f)
{
    int longest = 0;
    for (int l = 0; l < f->count; l++) {
        int characters = 0;
        for (const char *c = f->line[l].name; *c; c++) characters += (*c & 0xC0) != 0x80; // UTF-8
        longest = characters > longest ? characters : longest;
    }
    double needed = (45 + 5.8 * longest) / WIDTH; // a sample of the line, and letters of 12 points
    return fmax(0.45, fmin(0.74, 0.985 - needed));
}

tw_status tw_figure_draw_series(const tw_figure_series *f, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    tw_figure figure = {0};
    extent e;
    measure(f, &e);
    if (!isfinite(e.least))
        return tw_fail(TW_EINVAL, "%s: found no finite number to draw, expected at least one", path);
    TW_TRY(tw_figure_open(&figure, path, WIDTH, HEIGHT));
    put_lines(figure.script, f);
    if (*f->title || *f->subtitle) tw_figure_heading(figure.script, f->title, f->subtitle, HEIGHT);
    double right = right_end(f), top = *f->subtitle ? 0.76
                                       : *f->title  ? 0.80
                                                    : 0.90; // room for a second line above the axis' name
    fprintf(figure.script,
            "set tmargin at screen %g\nset bmargin at screen 0.15\nset lmargin at screen 0.10\n"
            "set rmargin at screen %.3f\nset key at screen %.3f,%g left top Left reverse samplen 1.5 "
            "font ',12'\nset bars 0.4\nset xlabel ",
            top, right, right + 0.015, top);
    tw_figure_quote(figure.script, f->x_name);
    fputs(" offset 0,0.4\nset label 100 ", figure.script);
    tw_figure_quote(figure.script, f->y_name);
    fputs(" at graph 0,1.06 left tc rgb '#333333'\n", figure.script);
    put_axes(figure.script, f, &e);
    put_plot(figure.script, f);
    TW_TRY(tw_figure_commit(&figure));
    if (csv) TW_TRY(put_csv(f, csv));
done:
    tw_figure_discard(&figure);
    return st;
}
