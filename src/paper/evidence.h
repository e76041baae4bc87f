// SPDX-License-Identifier: MIT
// A finding's evidence: numbers, lists of them, and figures.
#ifndef PAPER_EVIDENCE_H
#define PAPER_EVIDENCE_H

#include "paper/paper.h"

void tw_evidence_put(tw_finding *f, const char *name, double x);    // a number; null where it is not finite
void tw_evidence_append(tw_finding *f, const char *name, double x); // one more of a list

// A new figure, borrowed, drawn by report/figure_json.c: points come one by one, then what stands at the last point.
typedef enum tw_axes { TW_LINEAR, TW_LOG_X, TW_LOG_Y, TW_LOG_BOTH } tw_axes;
json_t *tw_evidence_figure(tw_finding *f, const char *title, const char *subtitle, const char *axis, tw_axes axes,
                           const char *panel, const char *second_panel); // second_panel: NULL, or what it shows
void tw_evidence_x(json_t *figure, double x);
void tw_evidence_line(json_t *figure, int panel, const char *name, double y);
void tw_evidence_dot(json_t *figure, int panel, const char *name, double y, double error);
// A line through means over n seeds with their standard errors (none for n = 1).
void tw_evidence_mean(json_t *figure, int panel, const char *name, int n, const double *x);

// What several claims look at is measured by the first of them and kept under a name as n numbers, NAN where there is
// none. find: false where nothing of that name and length was kept.
bool tw_evidence_find(const tw_effort *e, const char *name, int64_t n, double *out);
void tw_evidence_share(const tw_effort *e, const char *name, int64_t n, const double *x);

#endif
