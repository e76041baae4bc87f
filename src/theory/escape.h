// SPDX-License-Identifier: MIT
// What the escape solvers share.
#ifndef THEORY_ESCAPE_H
#define THEORY_ESCAPE_H

#include "base/status.h"
#include "thalweg/theory_escape.h"

enum { TW_ESCAPE_BREAKS = 6 };

// The place c where a piecewise landscape turns from well to barrier.
double tw_escape_switch(const tw_escape_landscape *landscape);
// Relative: functions may have kinks in higher derivatives (a spline has).
static inline double tw_escape_tolerance(const tw_escape_problem *p)
{
    return p->landscape.shape == TW_ESCAPE_FUNCTION ? 1e-6 : 1e-9;
}
tw_status tw_escape_check(const tw_escape_problem *problem);
// lo, the kinks and the start between, and absorb, ascending: their number, out[TW_ESCAPE_BREAKS].
int tw_escape_breaks(const tw_escape_problem *problem, double *out);

#endif
