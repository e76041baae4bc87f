// SPDX-License-Identifier: MIT
// The chi-squared distribution, through the incomplete gamma function.
#ifndef THEORY_GAMMA_H
#define THEORY_GAMMA_H

// P(X >= x) for chi-squared with dof > 0 degrees of freedom, x >= 0; relative accuracy about 1e-13.
double tw_chi2_tail(double dof, double x);
// The x with P(X <= x) = p, 0 < p < 1; 0 for dof = 0.
double tw_chi2_quantile(double dof, double p);

#endif
