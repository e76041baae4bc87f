// SPDX-License-Identifier: MIT
// How a claim reads its runs: numbers of a series over epochs, for each seed, and conditions on them.
//
// After the first failure every number is missing and view.st says why, so that a claim can be written as its formula.
#ifndef PAPER_VIEW_H
#define PAPER_VIEW_H

#include "paper/condition.h"
#include "paper/runs.h"

typedef struct tw_view {
    const tw_effort *e;
    tw_finding *f;
    int seeds;
    tw_status st;
} tw_view;

tw_view tw_view_begin(const tw_effort *effort, tw_finding *finding);

enum { TW_POINTS = 4096 };

typedef struct tw_points {
    int count;
    double epoch[TW_POINTS], x[TW_POINTS];
} tw_points;

// The finite numbers of a series of run NAME, seed number s, at epochs from ... to. Overwritten by the next call of any
// function here; so are none of the others' results, which are numbers. NAN: there is none.
tw_points *tw_view_points(tw_view *v, const char *run, int s, const char *series, double from, double to);

double tw_view_largest(tw_view *v, const char *run, int s, const char *series, double from, double to);
double tw_view_smallest(tw_view *v, const char *run, int s, const char *series, double from, double to);
double tw_view_mean(tw_view *v, const char *run, int s, const char *series, double from, double to);
double tw_view_median(tw_view *v, const char *run, int s, const char *series, double from, double to);
double tw_view_at(tw_view *v, const char *run, int s, const char *series, double epoch); // nearest, at most 1/2 off
double tw_view_last(tw_view *v, const char *run, int s, const char *series);
double tw_view_end(tw_view *v, const char *run, int s, const char *series);           // its last epoch
double tw_view_epoch_of_peak(tw_view *v, const char *run, int s, const char *series); // of the running median of three
double tw_view_parameters(tw_view *v, const char *run);
double tw_view_median_of(int n, const double *x); // n <= TW_POINTS

#define TW_EACH_SEED(x, expression) \
    double x[TW_SEEDS] = {0};       \
    for (int s = 0; s < v.seeds; s++) x[s] = (expression)

void tw_view_ratio(tw_view *v, const char *what, tw_side side, double bound, const double *x);
void tw_view_number(tw_view *v, const char *what, tw_side side, double bound, const double *x);

#endif
