// SPDX-License-Identifier: MIT
// Register tiles for AVX2 with fused multiply-add: 16 vectors of 32 bytes, masks for edges. Compiled with its own
// flags, called only where the processor has them.
#include "kernel/gemm_tiles.h"
#include <immintrin.h>
#include <string.h>

#define VB 32
#define MR 4
#define NV 3
#define MASKED 1

#define REAL float
#define FN(name) name##_f32
typedef __m256i mask_f32;
static inline mask_f32 mask_first_f32(int count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#define load_part_f32(x, mask) (vec_f32) _mm256_maskload_ps(x, mask)
#define load_c_f32(x, mask) (vec_f32) _mm256_maskload_ps(x, mask)
#define store_part_f32(x, v, mask) _mm256_maskstore_ps(x, mask, (__m256)(v))
#include "kernel/gemm_tiles.inc"
#include "kernel/live.inc"
#include "kernel/direct.inc"
#undef REAL
#undef FN

#define REAL double
#define FN(name) name##_f64
typedef __m256i mask_f64;
static inline mask_f64 mask_first_f64(int count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
#define load_part_f64(x, mask) (vec_f64) _mm256_maskload_pd(x, mask)
#define load_c_f64(x, mask) (vec_f64) _mm256_maskload_pd(x, mask)
#define store_part_f64(x, v, mask) _mm256_maskstore_pd(x, mask, (__m256d)(v))
#include "kernel/gemm_tiles.inc"
#include "kernel/live.inc"
#include "kernel/direct.inc"

extern const tw_tiles tw_tiles_avx2;
const tw_tiles tw_tiles_avx2 = {"avx2",
                                gemm_f32,
                                gemm_f64,
                                {live_grad_f32, live_back_f32, live_tan_f32},
                                {live_grad_f64, live_back_f64, live_tan_f64},
                                {direct_apply_f32, direct_back_f32, direct_grad_f32},
                                {direct_apply_f64, direct_back_f64, direct_grad_f64}};
