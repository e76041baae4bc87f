// SPDX-License-Identifier: MIT
// Numbers of runs, seed by seed.
#include "paper/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tw_view tw_view_begin(const tw_effort *e, tw_finding *f)
{
    tw_finding_begin(f);
    return (tw_view){e, f, e->seeds, TW_OK};
}

tw_points *tw_view_points(tw_view *v, const char *run, int s, const char *series, double from, double to)
{
    static _Thread_local tw_points p;
    tw_series *found = NULL;
    double *epoch = NULL;
    p.count = 0;
    if (v->st == TW_OK) v->st = tw_paper_series(v->e, run, s, series, &found, &epoch);
    for (int64_t i = 0; v->st == TW_OK && i < found->count && p.count < TW_POINTS; i++) {
        if (epoch[i] < from - 1e-9 || epoch[i] > to + 1e-9 || !isfinite(found->value[i])) continue;
        p.epoch[p.count] = epoch[i];
        p.x[p.count++] = found->value[i];
    }
    tw_series_free(found);
    free(epoch);
    return &p;
}

double tw_view_largest(tw_view *v, const char *run, int s, const char *series, double from, double to)
{
    const tw_points *p = tw_view_points(v, run, s, series, from, to);
    double most = -INFINITY;
    for (int i = 0; i < p->count; i++) most = fmax(most, p->x[i]);
    return p->count > 0 ? most : NAN;
}

double tw_view_smallest(tw_view *v, const char *run, int s, const char *series, double from, double to)
{
    const tw_points *p = tw_view_points(v, run, s, series, from, to);
    double least = INFINITY;
    for (int i = 0; i < p->count; i++) least = fmin(least, p->x[i]);
    return p->count > 0 ? least : NAN;
}

double tw_view_mean(tw_view *v, const char *run, int s, const char *series, double from, double to)
{
    const tw_points *p = tw_view_points(v, run, s, series, from, to);
    double sum = 0;
    for (int i = 0; i < p->count; i++) sum += p->x[i] / p->count;
    return p->count > 0 ? sum : NAN;
}

// The number nearest to an epoch, at most half an epoch off: a run that diverged has none.
double tw_view_at(tw_view *v, const char *run, int s, const char *series, double epoch)
{
    const tw_points *p = tw_view_points(v, run, s, series, epoch - 0.5, epoch + 0.5);
    double found = NAN, off = INFINITY;
    for (int i = 0; i < p->count; i++)
        if (fabs(p->epoch[i] - epoch) < off) {
            off = fabs(p->epoch[i] - epoch);
            found = p->x[i];
        }
    return found;
}

double tw_view_last(tw_view *v, const char *run, int s, const char *series)
{
    const tw_points *p = tw_view_points(v, run, s, series, 0, INFINITY);
    return p->count > 0 ? p->x[p->count - 1] : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tw_view_median_of(int n, const double *x)
{
    double sorted[TW_POINTS];
    if (n == 0) return NAN;
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double tw_view_median(tw_view *v, const char *run, int s, const char *series, double from, double to)
{
    const tw_points *p = tw_view_points(v, run, s, series, from, to);
    return tw_view_median_of(p->count, p->x);
}

double tw_view_end(tw_view *v, const char *run, int s, const char *series)
{
    const tw_points *p = tw_view_points(v, run, s, series, 0, INFINITY);
    return p->count > 0 ? p->epoch[p->count - 1] : NAN;
}

// Epoch at which the running median of three is largest: single spikes do not count.
double tw_view_epoch_of_peak(tw_view *v, const char *run, int s, const char *series)
{
    const tw_points *p = tw_view_points(v, run, s, series, 0, INFINITY);
    double most = -INFINITY, epoch = NAN;
    for (int i = 1; i + 1 < p->count; i++) {
        double middle = tw_view_median_of(3, p->x + i - 1);
        if (middle > most) {
            most = middle;
            epoch = p->epoch[i];
        }
    }
    return epoch;
}

double tw_view_parameters(tw_view *v, const char *run)
{
    tw_run *r = NULL;
    char folder[4096], *text = NULL;
    double n = NAN;
    if (v->st == TW_OK) v->st = tw_run_open(tw_paper_run_folder(v->e, run, 0, sizeof folder, folder), false, &r);
    if (v->st == TW_OK) v->st = tw_run_load_text(r, "parameters", &text);
    if (text) n = strtod(text, NULL);
    free(text);
    if (r && tw_run_close(r) != TW_OK && v->st == TW_OK) v->st = TW_EIO;
    return n;
}

// --- conditions over seeds ---

void tw_view_ratio(tw_view *v, const char *what, tw_side side, double bound, const double *x)
{
    tw_condition c = {what, side, bound, true};
    tw_finding_check(v->f, &c, v->seeds, x);
}

void tw_view_number(tw_view *v, const char *what, tw_side side, double bound, const double *x)
{
    tw_condition c = {what, side, bound, false};
    tw_finding_check(v->f, &c, v->seeds, x);
}
