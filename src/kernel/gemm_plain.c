// SPDX-License-Identifier: MIT
// Register tiles for any processor: vectors of 16 bytes, which the compiler maps to what there is. Without masks, B is
// always padded and the last numbers of a row of C go through a small copy.
#include "kernel/gemm_tiles.h"
#include <string.h>

#define VB 16
#define MR 4
#define NV 3
#define MASKED 0

typedef int mask_f32, mask_f64; // how many
static inline int mask_first_f32(int count) { return count; }
static inline int mask_first_f64(int count) { return count; }

#define REAL float
#define FN(name) name##_f32
#define load_part_f32(x, mask) load_f32(x)
#define load_c_f32(x, mask) (vec_f32) load_some_f32(x, mask)
#define store_part_f32(x, v, mask) store_some_f32(x, v, mask)
#include "kernel/gemm_some.inc"
#include "kernel/gemm_tiles.inc"
#include "kernel/live.inc"
#include "kernel/direct.inc"
#undef REAL
#undef FN

#define REAL double
#define FN(name) name##_f64
#define load_part_f64(x, mask) load_f64(x)
#define load_c_f64(x, mask) (vec_f64) load_some_f64(x, mask)
#define store_part_f64(x, v, mask) store_some_f64(x, v, mask)
#include "kernel/gemm_some.inc"
#include "kernel/gemm_tiles.inc"
#include "kernel/live.inc"
#include "kernel/direct.inc"

extern const tw_tiles tw_tiles_plain;
const tw_tiles tw_tiles_plain = {"plain",
                                 gemm_f32,
                                 gemm_f64,
                                 {live_grad_f32, live_back_f32, live_tan_f32},
                                 {live_grad_f64, live_back_f64, live_tan_f64},
                                 {direct_apply_f32, direct_back_f32, direct_grad_f32},
                                 {direct_apply_f64, direct_back_f64, direct_grad_f64}};
