// SPDX-License-Identifier: MIT
// The table for double.
#include "kernel/blocks.h"
#include "kernel/gemm.h"
#include "kernel/norm.h"
#include "kernel/pointwise.h"
#include "kernel/spatial.h"
#include "kernel/table.h"

const tw_kernels tw_kernels_f64 = {
    .name = "f64",
    .real = TW_F64,
    .gemm = tw_gemm_f64,
    .map = &tw_pointwise_f64,
    .image = &tw_spatial_f64,
    .norm = &tw_norm_f64,
    .block = &tw_blocks_f64,
    .live = &tw_live_f64,
    .direct = &tw_direct_f64,
};
