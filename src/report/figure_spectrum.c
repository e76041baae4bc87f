// SPDX-License-Identifier: MIT
// A spectrum: its density on a symmetric-log and on a linear axis, with the band of its error, and the certified
// eigenvalues above it with their intervals.
//
//   s(x) = asinh(x / threshold) / ln 10      linear near 0, a decade a unit far from it
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { TALL = 760, LOW = 460 }; // heights of figures with two panels and one

typedef struct panel {
    const char *block; // name of its data in the script
    const tw_figure_density *density;
    bool log;
    double from, to, floor, top; // of the axes
} panel;

static double place(const tw_figure_spectrum *f, const panel *p, double x)
{
    return p->log ? asinh(x / f->threshold) / log(10) : x;
}

// Axes that hold every point and every interval, with a little air.
static void fit(const tw_figure_spectrum *f, panel *p)
{
    double from = INFINITY, to = -INFINITY, top = 0, bottom = INFINITY;
    const tw_figure_density *d = p->density;
    for (int64_t i = 0; i < d->points; i++) {
        double s = place(f, p, d->x[i]);
        from = fmin(from, s);
        to = fmax(to, s);
        top = fmax(top, d->high[i]);
        if (d->value[i] > 0) bottom = fmin(bottom, d->value[i]);
    }
    for (int64_t i = 0; i < f->pairs; i++) {
        from = fmin(from, place(f, p, f->value[i] - f->residual[i]));
        to = fmax(to, place(f, p, f->value[i] + f->residual[i]));
    }
    double air = 0.03 * (to - from) + (to > from ? 0 : 1);
    p->from = from - air;
    p->to = to + air;
    p->top = top > 0 ? pow(10, ceil(log10(top) + 0.6)) : 1; // room for the marks above the curve
    p->floor = fmax(bottom / 2, p->top * 1e-10);
    if (!(p->floor < p->top)) p->floor = p->top * 1e-6;
}

static void put_data(FILE *script, const tw_figure_spectrum *f, const panel *p)
{
    const tw_figure_density *d = p->density;
    fprintf(script, "$%s << EOD\n", p->block);
    for (int64_t i = 0; i < d->points; i++)
        fprintf(script, "%.9g %.9g %.9g %.9g\n", place(f, p, d->x[i]), fmax(d->value[i], p->floor / 10),
                fmax(d->low[i], p->floor), fmax(d->high[i], p->floor));
    fprintf(script, "EOD\n$%s_top << EOD\n", p->block);
    for (int64_t i = 0; i < f->pairs; i++)
        fprintf(script, "%.9g %.9g %.9g %d\n", place(f, p, f->value[i]), place(f, p, f->value[i] - f->residual[i]),
                place(f, p, f->value[i] + f->residual[i]), f->converged[i]);
    fputs("EOD\n", script);
}

static void put_log_tics(FILE *script, const tw_figure_spectrum *f, const panel *p)
{
    int decades = (int)ceil(fmax(fabs(p->from), fabs(p->to)));
    int first = (int)lround(log10(f->threshold));
    int step = decades > 5 ? 2 : 1;
    fputs("set xtics ('0' 0", script);
    for (int sign = -1; sign <= 1; sign += 2)
        for (int k = 1; k <= decades; k += step) {
            double x = sign * pow(10, first + k), s = place(f, p, x);
            if (s < p->from || s > p->to) continue;
            if (first + k >= -2 && first + k <= 3)
                fprintf(script, ", '%s%g' %.9g", sign < 0 ? "−" : "", fabs(x), s);
            else
                fprintf(script, ", '%s10^{%d}' %.9g", sign < 0 ? "−" : "", first + k, s);
        }
    fputs(")\n", script);
}

// The largest few are named where they stand apart: names that would touch an earlier one are left out.
static void put_names(FILE *script, const tw_figure_spectrum *f, const panel *p, double level)
{
    double last = INFINITY;
    fputs("unset label\n", script);
    for (int64_t i = 0; i < f->pairs; i++) {
        double s = place(f, p, f->value[i]);
        if (fabs(last - s) < 0.06 * (p->to - p->from)) continue;
        last = s;
        fprintf(script, "set label '{/*0.8 %.3g}' at %.9g,%.9g center offset 0,0.9 tc rgb '%s'\n", f->value[i], s,
                level, f->converged[i] ? TW_RED : TW_GREY);
    }
}

static void put_heading(FILE *script, const tw_figure_spectrum *f, bool band, int height)
{
    tw_figure_heading(script, f->title, f->subtitle, height);
    fprintf(script, "set label 103 '{/*0.85 dots: eigenvalues with their certified intervals");
    if (band) fprintf(script, "; band: %g %%", 100 * f->confidence);
    fprintf(script, "}' at screen 0.975,%.4f right tc rgb '" TW_GREY "'\n", 1 - 54.0 / height);
}

static void put_panel(FILE *script, const tw_figure_spectrum *f, const panel *p, int heading)
{
    double level = p->top * pow(p->floor / p->top, 0.09);
    fprintf(script, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nset logscale y\nset format y '10^{%%T}'\n",
            p->from, p->to, p->floor, p->top);
    int decades = (int)(log10(p->top) - log10(p->floor));
    fprintf(script, "set ytics 1e%d\n", decades > 12 ? 4 : decades > 5 ? 2 : 1);
    if (p->log)
        put_log_tics(script, f, p);
    else
        fputs("set xtics autofreq\n", script);
    fprintf(script, "set xlabel '%s' offset 0,0.3\n",
            p->log ? "eigenvalue, symmetric-log axis" : "eigenvalue, linear axis");
    fprintf(script, "set ylabel 'share of eigenvalues per %s' offset 1,0\n", p->log ? "decade" : "unit");
    put_names(script, f, p, level);
    if (heading) put_heading(script, f, true, heading);
    fprintf(script,
            "plot $%s using 1:3:4 with filledcurves fc rgb '" TW_BLUE "' fs transparent solid 0.22 noborder, "
            "$%s using 1:2 with lines ls 1",
            p->block, p->block);
    if (f->pairs > 0)
        fprintf(script,
                ", $%s_top using 1:(%.9g):2:3 with xerrorbars ls 2 lw 1.2 pt 7 ps 0.01, "
                "$%s_top using ($4 > 0 ? $1 : NaN):(%.9g) with points ls 2 pt 7 ps 0.55, "
                "$%s_top using ($4 > 0 ? NaN : $1):(%.9g) with points ls 5 pt 6 ps 0.6",
                p->block, level, p->block, level, p->block, level);
    fputc('\n', script);
}

// Without a density: eigenvalue against rank, with its interval.
static void put_ranks(FILE *script, const tw_figure_spectrum *f)
{
    fputs("$ranks << EOD\n", script);
    for (int64_t i = 0; i < f->pairs; i++)
        fprintf(script, "%lld %.17g %.17g %d\n", (long long)i + 1, f->value[i], f->residual[i], f->converged[i]);
    fputs("EOD\n", script);
    put_heading(script, f, false, LOW);
    fprintf(
        script,
        "set tmargin at screen 0.83\nset xrange [0.5:%lld.5]\nset xlabel 'rank'\nset ylabel 'eigenvalue'\nset xtics 1\n"
        "set xzeroaxis ls 6\nset offsets 0,0,graph 0.1,graph 0.05\n",
        (long long)f->pairs);
    if (f->pairs > 20) fputs("set xtics autofreq\n", script);
    fputs("plot $ranks using 1:2:3 with yerrorbars ls 2 pt 7 ps 0.01, "
          "$ranks using 1:($4 > 0 ? $2 : NaN) with points ls 2 pt 7 ps 0.7, "
          "$ranks using 1:($4 > 0 ? NaN : $2) with points ls 5 pt 6 ps 0.8",
          script);
    if (f->pairs <= 20)
        fputs(", $ranks using 1:2:(sprintf('%.4g', $2)) with labels offset 0,1 tc rgb '#333333'", script);
    fputc('\n', script);
}

static tw_status put_csv(const tw_figure_spectrum *f, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    TW_TRY(tw_outfile_open(&file, path));
    fputs("kind,x,value,low,high,converged\n", file.stream);
    const tw_figure_density *const d[] = {&f->log, &f->linear};
    for (int a = 0; a < 2; a++)
        for (int64_t i = 0; i < d[a]->points; i++)
            fprintf(file.stream, "%s,%.17g,%.17g,%.17g,%.17g,\n", a ? "density-linear" : "density-symlog", d[a]->x[i],
                    d[a]->value[i], d[a]->low[i], d[a]->high[i]);
    for (int64_t i = 0; i < f->pairs; i++)
        fprintf(file.stream, "eigenvalue,%lld,%.17g,%.17g,%.17g,%d\n", (long long)i + 1, f->value[i],
                f->value[i] - f->residual[i], f->value[i] + f->residual[i], f->converged[i]);
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    return st;
}

tw_status tw_figure_draw_spectrum(const tw_figure_spectrum *f, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    tw_figure figure = {0};
    panel panels[2];
    int count = 0;
    if (f->log.points > 0) panels[count++] = (panel){.block = "symlog", .density = &f->log, .log = true};
    if (f->linear.points > 0) panels[count++] = (panel){.block = "linear", .density = &f->linear};

    int height = count == 2 ? TALL : LOW;
    TW_TRY(tw_figure_open(&figure, path, 900, height));
    if (count == 0) {
        put_ranks(figure.script, f);
    } else {
        for (int i = 0; i < count; i++) {
            fit(f, &panels[i]);
            put_data(figure.script, f, &panels[i]);
        }
        fputs("set multiplot\nset lmargin at screen 0.115\nset rmargin at screen 0.975\n", figure.script);
        double top = 1 - 85.0 / height, share = (top - 0.02) / count;
        for (int i = 0; i < count; i++) {
            fprintf(figure.script, "set tmargin at screen %.3f\nset bmargin at screen %.3f\n", top - share * i,
                    top - share * (i + 1) + 0.085 * (count == 2 ? 1.05 : 1.7));
            put_panel(figure.script, f, &panels[i], i == 0 ? height : 0);
        }
        fputs("unset multiplot\n", figure.script);
    }
    TW_TRY(tw_figure_commit(&figure));
    if (csv) TW_TRY(put_csv(f, csv));
done:
    tw_figure_discard(&figure);
    return st;
}
