// SPDX-License-Identifier: MIT
// Curves kept as JSON beside the numbers that they show, drawn.
//
//   {"title", "subtitle", "axis", "log_x", "log_y", "panels": [name], "x": [number],
//    "curves": [{"name", "panel", "dots", "y": [number or null], "error": [number or null]}]}
#include "report/figure.h"

#include "base/alloc.h"
#include <math.h>

enum { MOST_CURVES = 32, MOST_PANELS = 4 };

static double number(const json_t *list, size_t i)
{
    const json_t *v = json_array_get(list, i);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *words(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

tw_status tw_figure_draw_json(const json_t *figure, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    const json_t *curves = json_object_get(figure, "curves"), *x = json_object_get(figure, "x"),
                 *panels = json_object_get(figure, "panels");
    size_t points = json_array_size(x), count = json_array_size(curves), sides = json_array_size(panels);
    const char *panel[MOST_PANELS];
    tw_figure_curve curve[MOST_CURVES];
    double *room = NULL;
    if (points < 1 || count < 1 || count > MOST_CURVES || sides < 1 || sides > MOST_PANELS)
        return tw_fail(TW_EFORMAT, "figure: found %d points, %d curves, %d panels, expected 1, 1 ... %d, 1 ... %d",
                       (int)points, (int)count, (int)sides, MOST_CURVES, MOST_PANELS);
    TW_TRY(tw_alloc((int64_t)(points * (2 * count + 1)), sizeof *room, &room));
    for (size_t i = 0; i < points; i++) room[i] = number(x, i);
    for (size_t p = 0; p < sides; p++) panel[p] = json_string_value(json_array_get(panels, p));
    for (size_t c = 0; c < count; c++) {
        const json_t *from = json_array_get(curves, c), *error = json_object_get(from, "error");
        double *y = room + points * (2 * c + 1), *e = y + points;
        json_int_t at = json_integer_value(json_object_get(from, "panel"));
        if (at < 0 || at >= (json_int_t)sides) {
            st = tw_fail(TW_EFORMAT, "figure: curve %d: found panel %d, expected 0 ... %d", (int)c, (int)at,
                         (int)sides - 1);
            goto done;
        }
        for (size_t i = 0; i < points; i++) {
            y[i] = number(json_object_get(from, "y"), i);
            e[i] = number(error, i);
        }
        curve[c] = (tw_figure_curve){.name = words(from, "name"),
                                     .panel = (int)at,
                                     .y = y,
                                     .dots = json_is_true(json_object_get(from, "dots")),
                                     .error = error ? e : NULL};
    }
    tw_figure_curves all = {.title = words(figure, "title"),
                            .subtitle = words(figure, "subtitle"),
                            .axis = words(figure, "axis"),
                            .panels = (int)sides,
                            .panel = panel,
                            .points = (int64_t)points,
                            .x = room,
                            .count = (int)count,
                            .curve = curve,
                            .log_x = json_is_true(json_object_get(figure, "log_x")),
                            .log_y = json_is_true(json_object_get(figure, "log_y"))};
    TW_TRY(tw_figure_draw_curves(&all, path, csv));
done:
    free(room);
    return st;
}
