// SPDX-License-Identifier: MIT
// P(a, x) by its power series below a + 1, Q(a, x) by Lentz's continued fraction above (Abramowitz & Stegun 6.5.29 and
// 6.5.31); quantiles by bisection on whichever of the two is small, so that both tails keep their relative accuracy.
#include "theory/gamma.h"

#include <float.h>
#include <math.h>

static double front(double a, double x) { return exp(a * log(x) - x - lgamma(a)); }

static double series(double a, double x) // P
{
    double term = 1 / a, sum = term;
    for (int k = 1; k < 100000 && term > sum * DBL_EPSILON / 4; k++) sum += term *= x / (a + k);
    return sum * front(a, x);
}

static double fraction(double a, double x) // Q
{
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int k = 1; k < 100000; k++) {
        double n = -k * (k - a);
        b += 2;
        d = n * d + b;
        c = b + n / c;
        if (fabs(d) < 1e-300) d = 1e-300;
        if (fabs(c) < 1e-300) c = 1e-300;
        d = 1 / d;
        h *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON / 2) break;
    }
    return h * front(a, x);
}

static double lower(double a, double x) { return x <= 0 ? 0 : x < a + 1 ? series(a, x) : 1 - fraction(a, x); }
static double upper(double a, double x) { return x <= 0 ? 1 : x < a + 1 ? 1 - series(a, x) : fraction(a, x); }

double tw_chi2_tail(double dof, double x) { return upper(dof / 2, x / 2); }

double tw_chi2_quantile(double dof, double p)
{
    double a = dof / 2, lo = 0, hi = a + 1;
    if (dof <= 0) return 0;
    while (p > 0.5 ? upper(a, hi) > 1 - p : lower(a, hi) < p) hi *= 2;
    for (int i = 0; i < 200 && hi - lo > DBL_EPSILON * hi; i++) {
        double x = (lo + hi) / 2;
        if (p > 0.5 ? upper(a, x) > 1 - p : lower(a, x) < p)
            lo = x;
        else
            hi = x;
    }
    return lo + hi;
}
