// SPDX-License-Identifier: MIT
// A few coefficients fitted to many measurements, each with its standard error.
#ifndef LINALG_FIT_H
#define LINALG_FIT_H

#include "base/status.h"

// y[i] = sum_j b[j] x[i][j] with errors that are a share of y[i] > 0: minimises sum ((y - x b) / y)^2.
//
//   x      [m][n]; a column of zeros has no say: b = 0, error = 0, not known
//   b      [n] coefficients; error [n] their standard errors, from the residuals; known [n]
//   *rms   root mean square of the relative residuals, with m - (known columns) in the divisor; 0 when that is 0
//   *most  largest relative residual
//
// TW_EINVAL: fewer rows than columns that are not zero, or y[i] <= 0. TW_ENUMERIC: columns linearly dependent.
// Source: Seber & Lee, Linear Regression Analysis, 2003, sections 3.1, 3.2 and 3.10.
TW_NODISCARD tw_status tw_fit_relative(int64_t m, int64_t n, const double *x, const double *y, double *b, double *error,
                                       bool *known, double *rms, double *most);

#endif
