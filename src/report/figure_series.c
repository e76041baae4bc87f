// SPDX-License-Identifier: MIT
// Lines with points of their own, named in a key to the right.
#include "report/figure_series.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 900, HEIGHT = 420 };

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

tw_status tw_figure_draw_series(const tw_figure_series *f, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    tw_figure figure = {0};
    double least = INFINITY, most = -INFINITY, low = INFINITY, high = -INFINITY;
    for (int l = 0; l < f->count; l++)
        for (int64_t i = 0; i < f->line[l].count; i++) {
            if (!isfinite(f->line[l].y[i])) continue;
            least = fmin(least, f->line[l].y[i]);
            most = fmax(most, f->line[l].y[i]);
            low = fmin(low, f->line[l].x[i]);
            high = fmax(high, f->line[l].x[i]);
        }
    if (!isfinite(least)) return tw_fail(TW_EINVAL, "%s: found no finite number to draw, expected at least one", path);
    TW_TRY(tw_figure_open(&figure, path, WIDTH, HEIGHT));
    put_lines(figure.script, f);
    tw_figure_heading(figure.script, f->title, f->subtitle, HEIGHT);
    double top = *f->subtitle ? 0.76 : 0.80; // room for a second line above the axis' name
    fprintf(figure.script,
            "set tmargin at screen %g\nset bmargin at screen 0.15\nset lmargin at screen 0.10\n"
            "set rmargin at screen 0.74\nset key at screen 0.755,%g left top Left reverse samplen 1.5 "
            "font ',12'\nset xlabel ",
            top, top);
    tw_figure_quote(figure.script, f->x_name);
    fputs(" offset 0,0.4\nset label 100 ", figure.script);
    tw_figure_quote(figure.script, f->y_name);
    fputs(" at graph 0,1.06 left tc rgb '#333333'\n", figure.script);
    if (f->log_y && least > 0) fputs("set logscale y\nset format y '%h'\n", figure.script);
    if (!(most > least)) {
        double room = fmax(fabs(most) * 0.1, 1e-300); // a constant still needs an axis
        fprintf(figure.script, "set yrange [%.9g:%.9g]\n", most - room, most + room);
    }
    if (!(high > low)) high = low + 1;
    fprintf(figure.script, "set xrange [%.9g:%.9g]\n", low, high);
    put_plot(figure.script, f);
    TW_TRY(tw_figure_commit(&figure));
    if (csv) TW_TRY(put_csv(f, csv));
done:
    tw_figure_discard(&figure);
    return st;
}
