// SPDX-License-Identifier: MIT
// A function over a plane: colours on a grid.
#ifndef REPORT_FIGURE_PLANE_H
#define REPORT_FIGURE_PLANE_H

#include "report/figure.h"

typedef struct tw_figure_plane {
    const char *title, *subtitle, *x_name, *y_name, *z_name;
    int64_t columns, rows;
    const double *x, *y, *z; // [columns], [rows], [rows][columns]
} tw_figure_plane;

// csv: NULL, or where x,y,z go.
TW_NODISCARD tw_status tw_figure_draw_plane(const tw_figure_plane *plane, const char *path, const char *csv);

#endif
