// SPDX-License-Identifier: MIT
// Plain loops in float: the oracle of the fast table.
#include "kernel/blocks.h"
#include "kernel/gemm.h"
#include "kernel/norm.h"
#include "kernel/pointwise.h"
#include "kernel/spatial.h"
#include "kernel/table.h"

const tw_kernels tw_kernels_ref32 = {
    .name = "ref32",
    .real = TW_F32,
    .gemm = tw_gemm_ref32,
    .map = &tw_pointwise_f32,
    .image = &tw_spatial_f32,
    .norm = &tw_norm_f32,
    .block = &tw_blocks_f32,
};
