// SPDX-License-Identifier: MIT
// Register tiles for AVX-512: 32 vectors of 64 bytes, masks for edges. Compiled with its own flags, called only where
// the processor has them.
#include "kernel/gemm_tiles.h"
#include <immintrin.h>
#include <string.h>

#define VB 64
#define MR 8
#define NV 3
#define MASKED 1

#define REAL float
#define FN(name) name##_f32
typedef __mmask16 mask_f32;
static inline mask_f32 mask_first_f32(int count) { return (mask_f32)((1u << count) - 1); }
#define load_part_f32(x, mask) (vec_f32) _mm512_maskz_loadu_ps(mask, x)
#define load_c_f32(x, mask) (vec_f32) _mm512_maskz_loadu_ps(mask, x)
#define store_part_f32(x, v, mask) _mm512_mask_storeu_ps(x, mask, (__m512)(v))
#include "kernel/gemm_tiles.inc"
#include "kernel/live.inc"
#include "kernel/direct.inc"
#undef REAL
#undef FN

#define REAL double
#define FN(name) name##_f64
typedef __mmask8 mask_f64;
static inline mask_f64 mask_first_f64(int count) { return (mask_f64)((1u << count) - 1); }
#define load_part_f64(x, mask) (vec_f64) _mm512_maskz_loadu_pd(mask, x)
#define load_c_f64(x, mask) (vec_f64) _mm512_maskz_loadu_pd(mask, x)
#define store_part_f64(x, v, mask) _mm512_mask_storeu_pd(x, mask, (__m512d)(v))
#include "kernel/gemm_tiles.inc"
#include "kernel/live.inc"
#include "kernel/direct.inc"

extern const tw_tiles tw_tiles_avx512;
const tw_tiles tw_tiles_avx512 = {"avx512",
                                  gemm_f32,
                                  gemm_f64,
                                  {live_grad_f32, live_back_f32, live_tan_f32},
                                  {live_grad_f64, live_back_f64, live_tan_f64},
                                  {direct_apply_f32, direct_back_f32, direct_grad_f32},
                                  {direct_apply_f64, direct_back_f64, direct_grad_f64}};
