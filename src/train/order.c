// SPDX-License-Identifier: MIT
// Sorted numbers and their quantiles: definition 7 of Hyndman & Fan, Am. Stat. 50 (1996) 361.
#include "train/order.h"

#include <stdlib.h>

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void tw_sort(int64_t count, double *x) { qsort(x, (size_t)count, sizeof *x, rising); }

double tw_quantile(int64_t count, const double *sorted, double p)
{
    double at = p * (double)(count - 1);
    int64_t i = (int64_t)at;
    return i + 1 < count ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[count - 1];
}
