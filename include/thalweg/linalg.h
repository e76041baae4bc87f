// SPDX-License-Identifier: MIT
// All one can ask of a symmetric operator that is known only by its products.
#ifndef THALWEG_LINALG_H
#define THALWEG_LINALG_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// A symmetric n x n operator: apply sets y = A x for k vectors at once, vector j at x + j n and y + j n (no overlap of
// x and y). Everything above the operator computes in double, whatever the operator computes in.
typedef struct tw_linop {
    int64_t n;
    tw_status (*apply)(void *ctx, int64_t k, const double *x, double *y);
    void *ctx;
    int64_t block;   // how many vectors at once suit it best (>= 1)
    double rounding; // relative error of one product, about; 2.2e-16 for double, 1e-6 for float networks
} tw_linop;

#ifdef __cplusplus
}
#endif
#endif
