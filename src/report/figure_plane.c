// SPDX-License-Identifier: MIT
// Colours on a grid: viridis, which grows evenly in lightness, so that it reads in grey and to the colour-blind.
#include "report/figure_plane.h"

#include <math.h>

enum { WIDTH = 700, HEIGHT = 560 };

static void put_grid(FILE *script, const tw_figure_plane *f)
{
    fputs("$grid << EOD\n", script);
    for (int64_t r = 0; r < f->rows; r++) {
        for (int64_t c = 0; c < f->columns; c++) {
            double z = f->z[r * f->columns + c];
            if (isfinite(z))
                fprintf(script, "%.9g %.9g %.9g\n", f->x[c], f->y[r], z);
            else
                fprintf(script, "%.9g %.9g NaN\n", f->x[c], f->y[r]);
        }
        fputc('\n', script);
    }
    fputs("EOD\n", script);
}

static tw_status put_csv(const tw_figure_plane *f, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    TW_TRY(tw_outfile_open(&file, path));
    fprintf(file.stream, "%s,%s,%s\n", f->x_name, f->y_name, f->z_name);
    for (int64_t r = 0; r < f->rows; r++)
        for (int64_t c = 0; c < f->columns; c++)
            fprintf(file.stream, "%.17g,%.17g,%.17g\n", f->x[c], f->y[r], f->z[r * f->columns + c]);
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    return st;
}

tw_status tw_figure_draw_plane(const tw_figure_plane *f, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    tw_figure figure = {0};
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < f->rows * f->columns; i++) {
        if (!isfinite(f->z[i])) continue;
        least = fmin(least, f->z[i]);
        most = fmax(most, f->z[i]);
    }
    if (!isfinite(least)) return tw_fail(TW_EINVAL, "%s: found no finite number to draw, expected at least one", path);
    TW_TRY(tw_figure_open(&figure, path, WIDTH, HEIGHT));
    put_grid(figure.script, f);
    tw_figure_heading(figure.script, f->title, f->subtitle, HEIGHT);
    fputs("set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')\n"
          "set tmargin at screen 0.84\nset bmargin at screen 0.13\nset lmargin at screen 0.13\n"
          "set rmargin at screen 0.82\nset xlabel ",
          figure.script);
    tw_figure_quote(figure.script, f->x_name);
    fputs("\nset ylabel ", figure.script);
    tw_figure_quote(figure.script, f->y_name);
    fputs("\nset cblabel ", figure.script);
    tw_figure_quote(figure.script, f->z_name);
    // A bowl spans decades from its floor: colours follow the logarithm where all is positive and the range is wide.
    if (least > 0 && most > 20 * least) fputs("\nset logscale cb\nset format cb '%h'", figure.script);
    fprintf(figure.script, "\nset xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nplot $grid using 1:2:3 with image\n",
            f->x[0], f->x[f->columns - 1], f->y[0], f->y[f->rows - 1]);
    TW_TRY(tw_figure_commit(&figure));
    if (csv) TW_TRY(put_csv(f, csv));
done:
    tw_figure_discard(&figure);
    return st;
}
