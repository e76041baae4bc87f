// SPDX-License-Identifier: MIT
// Student's t by its finite sums, for intervals from few samples.
//
// With c = cos a, s = sin a, t = sqrt(dof) tan a (Abramowitz & Stegun, 26.7.3 and 26.7.4):
//   odd  dof: P(|T| < t) = (2/pi) (a + s (c + (2/3) c^3 + (2 4)/(3 5) c^5 + ... up to c^(dof-2)))
//   even dof: P(|T| < t) = s (1 + (1/2) c^2 + (1 3)/(2 4) c^4 + ... up to c^(dof-2))
// Both grow with a from 0 to 1 on [0, pi/2], so a is found by bisection.
#include "linalg/student.h"

#include <math.h>

static const double half_pi = 1.57079632679489661923;

static double inside(int64_t dof, double a)
{
    double c = cos(a), s = sin(a), term = dof % 2 ? c : 1, sum = dof > 1 ? term : 0;
    for (int64_t j = dof % 2 ? 3 : 2; j <= dof - 2; j += 2) {
        term *= c * c * (double)(j - 1) / (double)j;
        sum += term;
    }
    return dof % 2 ? (a + s * sum) / half_pi : s * sum;
}

double tw_student(int64_t dof, double confidence)
{
    if (dof > 100000) dof = 100000; // within 1e-5 of the normal quantile
    double lo = 0, hi = half_pi;
    for (int i = 0; i < 60; i++) {
        double middle = (lo + hi) / 2;
        if (inside(dof, middle) < confidence)
            lo = middle;
        else
            hi = middle;
    }
    return sqrt((double)dof) * tan((lo + hi) / 2);
}

void tw_mean_error(int64_t count, const double *sample, double *mean, double *error)
{
    double max = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) max = fmax(max, fabs(sample[i]));
    if (max == 0) max = 1;
    for (int64_t i = 0; i < count; i++) sum += sample[i] / max;
    sum /= (double)count;
    for (int64_t i = 0; i < count; i++) squares += (sample[i] / max - sum) * (sample[i] / max - sum);
    *mean = max * sum;
    *error = max * sqrt(squares / ((double)count * (double)(count - 1)));
}
