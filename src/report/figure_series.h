// SPDX-License-Identifier: MIT
// Lines with points of their own, error bars and reference lines: what a run draws.
#ifndef REPORT_FIGURE_SERIES_H
#define REPORT_FIGURE_SERIES_H

#include "report/figure.h"

typedef struct tw_figure_line {
    char name[96];
    int64_t count;
    double *x, *y, *error; // [count]; error NULL or NAN: none
    bool dashed;           // a reference: 2/lr, the batch
} tw_figure_line;

typedef struct tw_figure_series {
    const char *title, *subtitle, *x_name, *y_name; // title "": what stands around the figure says it
    bool log_y; // taken where nine of ten values are positive; the others are not drawn
    int count;
    const tw_figure_line *line;
    double y_least, y_most; // lines are cut here; NAN or both 0: all is drawn
    double x_small;         // 0: x is linear; else asinh(x / x_small): 0 is there, and far from it logarithms
} tw_figure_series;

// csv: NULL, or where line,x,y,error go.
TW_NODISCARD tw_status tw_figure_draw_series(const tw_figure_series *series, const char *path, const char *csv);

#endif
