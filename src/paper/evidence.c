// SPDX-License-Identifier: MIT
// A finding's evidence: numbers, lists of them, and figures.
#include "paper/evidence.h"

#include <math.h>
#include <string.h>

void tw_evidence_put(tw_finding *f, const char *name, double x)
{
    json_object_set_new(f->evidence, name, tw_json_real(x));
}

static json_t *list_of(json_t *object, const char *name)
{
    json_t *list = json_object_get(object, name);
    if (!list) json_object_set_new(object, name, list = json_array());
    return list;
}

void tw_evidence_append(tw_finding *f, const char *name, double x)
{
    json_array_append_new(list_of(f->evidence, name), tw_json_real(x));
}

json_t *tw_evidence_figure(tw_finding *f, const char *title, const char *subtitle, const char *axis, tw_axes axes,
                           const char *panel, const char *second_panel)
{
    json_t *o = json_object();
    json_object_set_new(o, "title", json_string(title));
    json_object_set_new(o, "subtitle", json_string(subtitle));
    json_object_set_new(o, "axis", json_string(axis));
    json_object_set_new(o, "log_x", json_boolean(axes == TW_LOG_X || axes == TW_LOG_BOTH));
    json_object_set_new(o, "log_y", json_boolean(axes == TW_LOG_Y || axes == TW_LOG_BOTH));
    json_array_append_new(list_of(o, "panels"), json_string(panel));
    if (second_panel) json_array_append_new(list_of(o, "panels"), json_string(second_panel));
    json_array_append_new(list_of(f->evidence, "figures"), o);
    return o;
}

void tw_evidence_x(json_t *figure, double x) { json_array_append_new(list_of(figure, "x"), tw_json_real(x)); }

static json_t *curve_of(json_t *figure, int panel, const char *name)
{
    json_t *curves = list_of(figure, "curves");
    for (size_t i = 0; i < json_array_size(curves); i++) {
        json_t *c = json_array_get(curves, i);
        const char *its = json_string_value(json_object_get(c, "name"));
        if (json_integer_value(json_object_get(c, "panel")) == panel && its && strcmp(its, name) == 0) return c;
    }
    json_t *c = json_object();
    json_object_set_new(c, "name", json_string(name));
    json_object_set_new(c, "panel", json_integer(panel));
    json_array_append_new(curves, c);
    return c;
}

// At the figure's last point; points passed by before are null.
static void append_at_last(json_t *figure, json_t *curve, const char *key, double value)
{
    json_t *list = list_of(curve, key);
    while (json_array_size(list) + 1 < json_array_size(json_object_get(figure, "x")))
        json_array_append_new(list, json_null());
    json_array_append_new(list, tw_json_real(value));
}

void tw_evidence_line(json_t *figure, int panel, const char *name, double y)
{
    append_at_last(figure, curve_of(figure, panel, name), "y", y);
}

void tw_evidence_dot(json_t *figure, int panel, const char *name, double y, double error)
{
    json_t *curve = curve_of(figure, panel, name);
    json_object_set_new(curve, "dots", json_true());
    append_at_last(figure, curve, "y", y);
    append_at_last(figure, curve, "error", error);
}

void tw_evidence_mean(json_t *figure, int panel, const char *name, int n, const double *x)
{
    double mean = 0, square = 0;
    json_t *curve = curve_of(figure, panel, name);
    for (int i = 0; i < n; i++) mean += x[i] / n;
    for (int i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
    append_at_last(figure, curve, "y", mean);
    if (n > 1) append_at_last(figure, curve, "error", sqrt(square / (n * (n - 1.0))));
}

bool tw_evidence_find(const tw_effort *e, const char *name, int64_t n, double *out)
{
    const json_t *list = json_object_get(e->shared, name);
    if (!list || json_array_size(list) != (size_t)n) return false;
    for (int64_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, (size_t)i);
        out[i] = json_is_number(x) ? json_number_value(x) : NAN;
    }
    return true;
}

void tw_evidence_share(const tw_effort *e, const char *name, int64_t n, const double *x)
{
    if (e->shared) json_object_set_new(e->shared, name, tw_json_reals(n, x));
}
