// SPDX-License-Identifier: MIT
// The kernel table. Every function is single-threaded, allocates nothing that outlives it, and takes row-major arrays
// of the table's type behind void *. Only this room includes BLAS or a convolution library.
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "base/shards.h"
#include "thalweg/kernel.h"

typedef struct tw_kernels {
    const char *name; // "f32", "split3", "split6", "f64", "ref32", "ref64"
    tw_real real;

    // C = op(A) op(B) + beta C, beta 0 or 1; op(A) is m x k, op(B) k x n, C m x n; ld: numbers from row to row of the
    // array as stored. With beta 0, C need not be initialised. m, n or k may be 0. Every element is summed over k in an
    // order that depends on the shape alone, so equal calls give equal bits on any thread.
    void (*gemm)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                 int64_t ldb, int beta, void *c, int64_t ldc);
} tw_kernels;

// By name; NULL when there is none or the processor lacks what it needs.
const tw_kernels *tw_kernels_find(const char *name);

#endif
