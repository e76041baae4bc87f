// SPDX-License-Identifier: MIT
// Intervals from few samples.
#ifndef LINALG_STUDENT_H
#define LINALG_STUDENT_H

#include <stdint.h>

// t with P(|T| < t) = confidence for Student's T with dof >= 1 degrees of freedom; 0 < confidence < 1.
double tw_student(int64_t dof, double confidence);

// Mean and standard error of count >= 2 samples, without overflow.
void tw_mean_error(int64_t count, const double *sample, double *mean, double *error);

#endif
