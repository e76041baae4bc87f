// SPDX-License-Identifier: MIT
// The matrix products behind the tables; the contract is that of tw_kernels.gemm.
#ifndef KERNEL_GEMM_H
#define KERNEL_GEMM_H

#include "kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void tw_gemm_fn(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                        int64_t ldb, int beta, void *c, int64_t ldc);

tw_gemm_fn tw_gemm_f32, tw_gemm_f64;       // the fastest there is
tw_gemm_fn tw_gemm_split3, tw_gemm_split6; // float products as bf16 products, where the processor has them
tw_gemm_fn tw_gemm_ref32, tw_gemm_ref64;   // three plain loops

extern const tw_lively tw_live_f32, tw_live_f64;       // the fastest there is
extern const tw_directly tw_direct_f32, tw_direct_f64; // likewise

// Whether the split products run on bf16 units here, and by what ("oneDNN 2.6.3 bf16", or "not here").
bool tw_gemm_split_here(void);
void tw_gemm_split_describe(char *text, size_t size);

// Called once before the first table is handed out: libraries must not start threads of their own.
void tw_gemm_setup(void);

// "f32: oneDNN 2.6.3 ...; f64: OpenBLAS 0.3.21 ..." into text[0 ... size).
void tw_gemm_describe(char *text, size_t size);

#endif
