// SPDX-License-Identifier: MIT
// Curves over a common axis, panels side by side, each curve named at its last point.
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { HEIGHT = 400 };

static void put_data(FILE *script, const tw_figure_curves *f)
{
    fputs("$curves << EOD\n", script);
    for (int64_t i = 0; i < f->points; i++) {
        fprintf(script, "%.9g", f->x[i]);
        for (int c = 0; c < f->count; c++) {
            if (isfinite(f->curve[c].y[i]))
                fprintf(script, " %.9g", f->curve[c].y[i]);
            else
                fputs(" NaN", script);
        }
        for (int c = 0; c < f->count; c++) // half a bar is drawn on each side
            fprintf(script, " %.9g", f->curve[c].error && isfinite(f->curve[c].error[i]) ? f->curve[c].error[i] : 0);
        fputc('\n', script);
    }
    fputs("EOD\n", script);
}

// Where y stands on its axis: its logarithm on a logarithmic one.
static double height_of(const tw_figure_curves *f, double y)
{
    if (!f->log_y) return y;
    return y > 0 ? log10(y) : NAN;
}

static double value_at(const tw_figure_curves *f, double height) { return f->log_y ? pow(10, height) : height; }

typedef struct name {
    const char *text;
    int style;
    double x, y;
} name;

// The panel's names, apart by at least a line: those that would overlap are pushed up, lowest first.
static int place_names(const tw_figure_curves *f, int panel, name *names, double *least, double *most)
{
    int count = 0, style = 0;
    for (int c = 0; c < f->count && count < 6; c++) {
        const tw_figure_curve *curve = &f->curve[c];
        if (curve->panel != panel) continue;
        style++;
        int64_t last = -1;
        for (int64_t i = 0; i < f->points; i++) {
            double y = height_of(f, curve->y[i]);
            if (!isfinite(y)) continue;
            last = i;
            double bar = curve->error && isfinite(curve->error[i]) ? curve->error[i] : 0;
            *least =
                fmin(fmin(*least, y), height_of(f, curve->y[i] - bar)); // NaN, where it has no logarithm: passed by
            *most = fmax(fmax(*most, y), height_of(f, curve->y[i] + bar));
        }
        if (last >= 0) names[count++] = (name){curve->name, style, f->x[last], height_of(f, curve->y[last])};
    }
    for (int i = 1; i < count; i++) // few: insertion by height
        for (int j = i; j > 0 && names[j].y < names[j - 1].y; j--) {
            name t = names[j];
            names[j] = names[j - 1];
            names[j - 1] = t;
        }
    for (int i = 1; i < count; i++) names[i].y = fmax(names[i].y, names[i - 1].y + 0.055 * (*most - *least));
    return count;
}

// The panel's axis: from the first x to the last; where the points of one panel stand behind those of another (x is not
// ascending), around its own.
static void ends_of(const tw_figure_curves *f, int panel, double *from, double *to)
{
    bool ascending = true;
    for (int64_t i = 1; i < f->points; i++) ascending = ascending && f->x[i] >= f->x[i - 1];
    *from = INFINITY;
    *to = -INFINITY;
    for (int c = 0; c < f->count; c++)
        for (int64_t i = 0; i < f->points; i++) {
            if (!ascending && (f->curve[c].panel != panel || !isfinite(f->curve[c].y[i]))) continue;
            *from = fmin(*from, f->x[i]);
            *to = fmax(*to, f->x[i]);
        }
    if (!(*from <= *to)) *from = *to = 0;
    if (*from == *to) *to += 1;
}

static double longest(int count, const name *names)
{
    size_t most = 0;
    for (int i = 0; i < count; i++)
        if (strlen(names[i].text) > most) most = strlen(names[i].text);
    return (double)most;
}

static void put_panel(FILE *script, const tw_figure_curves *f, int panel)
{
    name names[6];
    double least = INFINITY, most = -INFINITY, width = 1.0 / f->panels;
    int count = place_names(f, panel, names, &least, &most), style = 0;
    if (!(most > least)) {
        least = isfinite(least) ? least - 0.5 : 0;
        most = least + 1;
    }
    double letter = f->panels > 1 ? 0.0074 : 0.0112, right = 0.02 + letter * longest(count, names); // of the page
    fprintf(script, "set lmargin at screen %.3f\nset rmargin at screen %.3f\n",
            panel * width + (f->panels > 1 ? 0.06 : 0.085) + (f->log_y ? 0.015 : 0), // 0.0003 beside it
            (panel + 1) * width - fmin(fmax(right, 0.06), 0.45 * width));
    double from, to, low = value_at(f, least - 0.04 * (most - least)), high = value_at(f, most + 0.04 * (most - least));
    ends_of(f, panel, &from, &to);
    fprintf(script, "set yrange [%.9g:%.9g]\nset xrange [%.9g:%.9g]\n", low, high, from, to);
    double ends[] = {value_at(f, least), value_at(f, most)};
    if (f->log_y && ends[0] < ends[1]) tw_figure_log_ticks(script, 'y', ends[0], ends[1]);
    if (f->log_x && from > 0) tw_figure_log_ticks(script, 'x', from, to);
    fputs("unset label\nset xlabel ", script);
    tw_figure_quote(script, f->axis);
    fputs(" offset 0,0.4\nset label 100 ", script);
    tw_figure_quote(script, f->panel[panel]);
    fputs(" at graph 0,1.05 left tc rgb '#333333'\n", script);
    if (panel == 0) tw_figure_heading(script, f->title, f->subtitle, HEIGHT);
    for (int i = 0; i < count; i++) {
        fputs("set label ", script);
        tw_figure_quote(script, names[i].text);
        fprintf(script, " at first %.9g,%.9g left offset 0.8,0 tc ls %d\n", names[i].x, value_at(f, names[i].y),
                names[i].style);
    }
    fputs("plot ", script);
    for (int c = 0; c < f->count; c++) {
        if (f->curve[c].panel != panel) continue;
        if (f->curve[c].error)
            fprintf(script, "%s$curves using 1:%d:%d with %s ls %d lw 1 pt 7 ps 0.7", style ? ", " : "", c + 2,
                    f->count + c + 2, f->curve[c].dots ? "yerrorbars" : "yerrorlines", style + 1);
        else
            fprintf(script, "%s$curves using 1:%d with %s ls %d pt 7 ps 0.5%s", style ? ", " : "", c + 2,
                    f->curve[c].dots  ? "points"
                    : f->points <= 60 ? "linespoints"
                                      : "lines",
                    style + 1, f->curve[c].dots ? " pi 0" : "");
        style++;
    }
    fputc('\n', script);
}

static tw_status put_csv(const tw_figure_curves *f, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    TW_TRY(tw_outfile_open(&file, path));
    fputs(f->axis, file.stream);
    for (int c = 0; c < f->count; c++) fprintf(file.stream, ",%s %s", f->curve[c].name, f->panel[f->curve[c].panel]);
    fputc('\n', file.stream);
    for (int64_t i = 0; i < f->points; i++) {
        fprintf(file.stream, "%.17g", f->x[i]);
        for (int c = 0; c < f->count; c++) {
            if (isfinite(f->curve[c].y[i]))
                fprintf(file.stream, ",%.17g", f->curve[c].y[i]);
            else
                fputc(',', file.stream);
        }
        fputc('\n', file.stream);
    }
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    return st;
}

tw_status tw_figure_draw_curves(const tw_figure_curves *f, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    tw_figure figure = {0};
    TW_TRY(tw_figure_open(&figure, path, f->panels > 1 ? 960 : 640, HEIGHT));
    put_data(figure.script, f);
    if (f->log_x) fputs("set logscale x\n", figure.script);
    if (f->log_y) fputs("set logscale y\n", figure.script);
    fputs("set multiplot\nset tmargin at screen 0.76\nset bmargin at screen 0.17\n", figure.script);
    for (int p = 0; p < f->panels; p++) put_panel(figure.script, f, p);
    fputs("unset multiplot\n", figure.script);
    TW_TRY(tw_figure_commit(&figure));
    if (csv) TW_TRY(put_csv(f, csv));
done:
    tw_figure_discard(&figure);
    return st;
}
