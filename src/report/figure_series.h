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
    const char *title, *subtitle, *x_name, *y_name;
    bool log_y; // taken where all values are positive
    int count;
    const tw_figure_line *line;
} tw_figure_series;

// csv: NULL, or where line,x,y,error go.
TW_NODISCARD tw_status tw_figure_draw_series(const tw_figure_series *series, const char *path, const char *csv);

#endif
