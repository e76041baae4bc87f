// SPDX-License-Identifier: MIT
// A potential of one variable with two derivatives: an expression, a table, or a name from the literature.
//
// Every potential may be rescaled: L_{k,c}(x) = c L(sqrt(k) x), which multiplies second derivatives by c k, barriers by
// c, and divides places by sqrt(k).
#ifndef THEORY_POTENTIAL_H
#define THEORY_POTENTIAL_H

#include "base/status.h"
#include "thalweg/theory_escape.h"

typedef struct tw_potential tw_potential;

// text: "quartic" ((x^2 - 1)^2), "styblinski-tang" ((x^4 - 16 x^2 + 5 x) / 2), "piecewise:HA,HB,DL", "poly:C0,C1,...",
// "table:FILE" (lines of x and L, x ascending; natural cubic spline), or an expression of x: + - * / ^, numbers, pi,
// exp log sin cos tanh sqrt, and powers with constant exponents. TW_EINVAL names the column; TW_EIO, TW_EFORMAT for
// tables.
TW_NODISCARD tw_status tw_potential_new(const char *text, double k, double height, tw_potential **out);
void tw_potential_free(tw_potential *potential);

// A view, valid as long as the potential: a polynomial where the expression is one (k and height multiplied in).
tw_escape_landscape tw_potential_landscape(const tw_potential *potential);

// Where a table begins and ends; false: everywhere defined.
bool tw_potential_range(const tw_potential *potential, double *lo, double *hi);

// A minimum and the maximum next to it on the right, found by sign changes of L' on a grid over [lo, hi] and bisection.
// near: the minimum nearest to it; NAN: the leftmost one that has a maximum to its right. TW_EINVAL: there is none.
TW_NODISCARD tw_status tw_potential_well(const tw_escape_landscape *landscape, double lo, double hi, double near,
                                         double *minimum, double *maximum);

#endif
