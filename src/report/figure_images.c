// SPDX-License-Identifier: MIT
// A grid of images, drawn as one picture with a gap between them.
#include "report/figure.h"

#include <math.h>

enum { GAP_SHARE = 10 }; // the gap is a tenth of an image's height; labels stand in a band below each

typedef struct grid {
    int64_t rows, cell_width, cell_height, across, down;
} grid;

static int shade(float x) { return (int)lround(255 * fmin(fmax((double)x, 0), 1)); }

// One line a pixel: x y red green blue; pixels of gaps are white.
static void put_pixels(FILE *script, const tw_figure_images *f, const grid *g)
{
    int64_t image = f->height * f->width;
    fputs("$pixels << EOD\n", script);
    for (int64_t y = 0; y < g->down; y++)
        for (int64_t x = 0; x < g->across; x++) {
            int64_t i = y / g->cell_height * f->columns + x / g->cell_width;
            int64_t row = y % g->cell_height, column = x % g->cell_width;
            int colour[3] = {255, 255, 255};
            if (i < f->count && row < f->height && column < f->width)
                for (int64_t c = 0; c < 3; c++) {
                    const float *at = f->x + (i * f->channels + (f->channels == 3 ? c : 0)) * image;
                    int value = shade(at[row * f->width + column]);
                    colour[c] = f->channels == 3 ? value : 255 - value;
                }
            fprintf(script, "%lld %lld %d %d %d\n", (long long)x, (long long)y, colour[0], colour[1], colour[2]);
        }
    fputs("EOD\n", script);
}

tw_status tw_figure_draw_images(const tw_figure_images *f, const char *path)
{
    tw_status st = TW_OK;
    tw_figure figure = {0};
    grid g = {.rows = (f->count + f->columns - 1) / f->columns};
    g.cell_width = f->width + (f->width + GAP_SHARE - 1) / GAP_SHARE;
    g.cell_height = f->height + (f->label ? (f->height + 2) / 3 : (f->height + GAP_SHARE - 1) / GAP_SHARE);
    g.across = f->columns * g.cell_width;
    g.down = g.rows * g.cell_height;
    int width = 900, height = (int)(860.0 * (double)g.down / (double)g.across) + 80;

    TW_TRY(tw_figure_open(&figure, path, width, height));
    put_pixels(figure.script, f, &g);
    fprintf(
        figure.script,
        "unset border\nunset tics\nset lmargin at screen %.4f\nset rmargin at screen %.4f\n"
        "set tmargin at screen %.4f\nset bmargin at screen %.4f\nset xrange [-0.5:%lld.5]\nset yrange [%lld.5:-0.5]\n",
        20.0 / width, 1 - 20.0 / width, 1 - 72.0 / height, 8.0 / height, (long long)g.across - 1,
        (long long)g.down - 1);
    tw_figure_heading(figure.script, f->title, f->subtitle, height);
    for (int64_t i = 0; f->label && i < f->count; i++) {
        double x = (double)(i % f->columns * g.cell_width) + 0.5 * (double)f->width - 0.5;
        double y = (double)(i / f->columns * g.cell_height + f->height) + 0.15 * (double)f->height;
        fputs("set label ", figure.script);
        tw_figure_quote(figure.script, f->label[i]);
        fprintf(figure.script, " at first %.2f,%.2f center front tc rgb '#333333'\n", x, y);
    }
    fputs("plot $pixels using 1:2:3:4:5 with rgbimage\n", figure.script);
    TW_TRY(tw_figure_commit(&figure));
done:
    tw_figure_discard(&figure);
    return st;
}
