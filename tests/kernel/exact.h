// SPDX-License-Identifier: MIT
// Small integers as arrays of either type: their sums are exact, so bits can be compared. The caller frees what is
// made.
#ifndef TESTS_KERNEL_EXACT_H
#define TESTS_KERNEL_EXACT_H

#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/kernel.h"

static inline double *integers(int64_t n, uint64_t index)
{
    double *x = NULL;
    must(tw_alloc(n, sizeof *x, &x));
    tw_rng rng = tw_rng_at(5, TW_RNG_TEST, index);
    for (int64_t i = 0; i < n; i++) x[i] = (double)(int64_t)(5 * tw_rng_uniform(&rng)) - 2;
    return x;
}

// An array in the type under test; and its numbers compared with what they should be.
static inline void *typed(tw_real real, int64_t n, const double *x)
{
    void *y = NULL;
    must(tw_alloc(n, (size_t)real, &y));
    for (int64_t i = 0; i < n; i++)
        if (real == TW_F32)
            ((float *)y)[i] = (float)x[i];
        else
            ((double *)y)[i] = x[i];
    return y;
}

static inline void same(tw_real real, int64_t n, const void *found, const double *truth)
{
    for (int64_t i = 0; i < n; i++) {
        double number = real == TW_F32 ? (double)((const float *)found)[i] : ((const double *)found)[i];
        if (number != truth[i]) fail_msg("number %d: found %g, expected %g", (int)i, number, truth[i]);
    }
}

#endif
