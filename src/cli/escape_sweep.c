// SPDX-License-Identifier: MIT
// Sweeps of an escape experiment: their values from words, lines through what was measured, the figure.
#include "cli/show.h"

#include "base/alloc.h"
#include "cli/escape.h"
#include "report/figure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct tw_escape_axis tw_escape_swept[4] = {
    {"batch", "batch size B"}, {"lr", "1 / step"}, {"k", "1 / sharpness factor k"}, {"barrier", "barrier factor"}};

static tw_status read_list(const char *flag, const char *text, int64_t *count, double *out)
{
    *count = 0;
    for (const char *at = text; *count < TW_ESCAPE_POINTS;) {
        char *end;
        double x = strtod(at, &end);
        if (end == at || !(x > 0) || !isfinite(x) || (*end && *end != ',')) break;
        out[(*count)++] = x;
        if (!*end) return TW_OK;
        at = end + 1;
    }
    return tw_fail(TW_EINVAL, "--%s: found \"%.60s\", expected 1 to %d positive numbers with commas between", flag,
                   text, (int)TW_ESCAPE_POINTS);
}

tw_status tw_escape_ledger(const char *path, const char *recipe, uint64_t data, tw_ledger **out)
{
    tw_status st = TW_OK;
    char *work = NULL;
    char *own = NULL;
    size_t room = strlen(recipe) + 64, length = strlen(path) + 16;
    TW_TRY(tw_alloc((int64_t)room, 1, &work));
    TW_TRY(tw_alloc((int64_t)length, 1, &own));
    if (tw_rank() > 0) // each rank keeps what it is dealt
        snprintf(own, length, "%s.%d", path, tw_rank());
    else
        snprintf(own, length, "%s", path);
    snprintf(work, room, "%s # data %016" PRIx64 ", lanes %s", recipe, data, tw_escape_lanes_name());
    TW_TRY(tw_ledger_open(own, work, out));
done:
    free(own);
    free(work);
    return st;
}

tw_status tw_escape_sweep_read(const tw_args *args, int flags, tw_escape_sweep *s)
{
    tw_status st = TW_OK;
    *s = (tw_escape_sweep){.points = 1};
    for (int i = 0; i < 4; i++) {
        s->count[i] = 1;
        s->value[i][0] = 1;
        if (i < flags)
            TW_TRY(read_list(tw_escape_swept[i].flag, tw_args_str(args, tw_escape_swept[i].flag), &s->count[i],
                             s->value[i]));
        if (s->count[i] == 1) continue;
        if (s->points > 1) {
            st = tw_fail(TW_EINVAL, "--%s and --%s: both are lists, expected one list at most",
                         tw_escape_swept[s->which].flag, tw_escape_swept[i].flag);
            goto done;
        }
        s->which = i;
        s->points = s->count[i];
    }
done:
    return st;
}

double tw_escape_pick(const tw_escape_sweep *s, int which, int64_t point)
{
    return s->value[which][s->count[which] > 1 ? point : 0];
}

double tw_escape_abscissa(const tw_escape_sweep *s, double at) { return s->which == 1 || s->which == 2 ? 1 / at : at; }

static json_t *line_json(const tw_escape_line *l)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f}", "slope", l->slope, "se_slope", l->se_slope,
                     "intercept", l->intercept, "se_intercept", l->se_intercept, "chi2", l->chi2, "dof",
                     (json_int_t)l->dof, "p_value", l->p, "r2", l->r2);
}

tw_status tw_escape_fit_show(const tw_escape_sweep *s, const tw_escape_measured *m, bool json, json_t *result)
{
    tw_status st = TW_OK;
    double x[TW_ESCAPE_POINTS], y[TW_ESCAPE_POINTS], se[TW_ESCAPE_POINTS], in_time[TW_ESCAPE_POINTS],
        rival[TW_ESCAPE_POINTS], lowest = INFINITY, highest = -INFINITY;
    int64_t n = 0;
    tw_escape_line line, timed, other;
    for (int64_t i = 0; i < s->points; i++) {
        if (!isfinite(m[i].ln_tau) || !(m[i].se > 0)) continue;
        x[n] = m[i].x;
        rival[n] = log(m[i].x);
        y[n] = m[i].ln_tau;
        in_time[n] = m[i].ln_tau + log(m[i].lr);
        se[n] = m[i].se;
        lowest = fmin(lowest, y[n]);
        highest = fmax(highest, y[n]);
        n++;
    }
    if (n < 3) return TW_OK;
    TW_TRY(tw_escape_fit(n, x, y, se, &line));
    TW_TRY(tw_escape_fit(n, x, in_time, se, &timed));
    TW_TRY(tw_escape_fit(n, rival, y, se, &other));
    json_object_set_new(result, "fit", line_json(&line));
    json_object_set_new(result, "fit_in_time_units", line_json(&timed));
    json_object_set_new(result, "fit_rival_log", line_json(&other));
    bool linear = line.chi2 < 2 * (double)line.dof && other.chi2 > line.chi2 + 10;
    json_object_set_new(result, "linear", json_boolean(linear));
    if (json) return TW_OK;
    printf("\nln steps = %.5g + %.5g x, x = %s; slope's standard error %.2g, chi2 %.1f on %" PRId64 " (p = %.3g)\n",
           line.intercept, line.slope, tw_escape_swept[s->which].axis, line.se_slope, line.chi2, line.dof, line.p);
    printf("in time units (steps times rate): slope %.5g, standard error %.2g, chi2 %.1f (p = %.3g)\n", timed.slope,
           timed.se_slope, timed.chi2, timed.p);
    printf("the rival, linear in ln x: chi2 %.1f (p = %.3g)\n", other.chi2, other.p);
    printf("%s: a line is accepted when chi2/dof < 2 and the rival is worse by more than 10%s\n",
           linear ? "Linear" : "Not shown to be linear",
           highest - lowest < 3 ? "; the times span less than e^3, which tells laws apart badly" : "");
done:
    return st;
}

tw_status tw_escape_draw(const tw_args *args, const char *subtitle, const tw_escape_sweep *s,
                         const tw_escape_measured *m, int curves, const char *const *name,
                         double (*y)[TW_ESCAPE_POINTS])
{
    enum { MOST_CURVES = 8 };
    const char *panel[] = {"ln steps"};
    double x[TW_ESCAPE_POINTS], se[TW_ESCAPE_POINTS];
    tw_figure_curve curve[MOST_CURVES];
    int count = 0;
    if (!tw_args_str(args, "figure")) return TW_OK;
    for (int64_t i = 0; i < s->points; i++) {
        x[i] = m[i].x;
        se[i] = m[i].se;
    }
    for (int k = 0; k < curves && k < MOST_CURVES; k++)
        if (isfinite(y[k][0]))
            curve[count++] = (tw_figure_curve){.name = name[k], .y = y[k], .dots = k == 0, .error = k == 0 ? se : NULL};
    tw_figure_curves figure = {.title = "Mean escape times",
                               .subtitle = subtitle,
                               .axis = tw_escape_swept[s->which].axis,
                               .panels = 1,
                               .panel = panel,
                               .points = s->points,
                               .x = x,
                               .count = count,
                               .curve = curve};
    return tw_figure_draw_curves(&figure, tw_args_str(args, "figure"), tw_args_str(args, "csv"));
}
