// SPDX-License-Identifier: MIT
// The tables for float: plain arithmetic, and products split into bf16 products (kernel/gemm_split.c).
#include "kernel/blocks.h"
#include "kernel/gemm.h"
#include "kernel/norm.h"
#include "kernel/pointwise.h"
#include "kernel/spatial.h"
#include "kernel/table.h"

const tw_kernels tw_kernels_f32 = {
    .name = "f32",
    .real = TW_F32,
    .gemm = tw_gemm_f32,
    .map = &tw_pointwise_f32,
    .image = &tw_spatial_f32,
    .norm = &tw_norm_f32,
    .block = &tw_blocks_f32,
    .live = &tw_live_f32,
    .direct = &tw_direct_f32,
};

const tw_kernels tw_kernels_split3 = {
    .name = "split3",
    .real = TW_F32,
    .gemm = tw_gemm_split3,
    .map = &tw_pointwise_f32,
    .image = &tw_spatial_f32,
    .norm = &tw_norm_f32,
    .block = &tw_blocks_f32,
};

const tw_kernels tw_kernels_split6 = {
    .name = "split6",
    .real = TW_F32,
    .gemm = tw_gemm_split6,
    .map = &tw_pointwise_f32,
    .image = &tw_spatial_f32,
    .norm = &tw_norm_f32,
    .block = &tw_blocks_f32,
};
