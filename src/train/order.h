// SPDX-License-Identifier: MIT
// Sorted numbers and their quantiles.
#ifndef TRAIN_ORDER_H
#define TRAIN_ORDER_H

#include <stdint.h>

void tw_sort(int64_t count, double *x); // rising; no NaN

// Of sorted numbers, count >= 1, linear between them: p = 0 is the first, 1 the last.
double tw_quantile(int64_t count, const double *sorted, double p);

#endif
