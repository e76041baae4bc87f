// SPDX-License-Identifier: MIT
// Plain loops in double: the oracle of the fast table.
#include "kernel/blocks.h"
#include "kernel/gemm.h"
#include "kernel/norm.h"
#include "kernel/pointwise.h"
#include "kernel/spatial.h"
#include "kernel/table.h"

const tw_kernels tw_kernels_ref64 = {
    .name = "ref64",
    .real = TW_F64,
    .gemm = tw_gemm_ref64,
    .map = &tw_pointwise_f64,
    .image = &tw_spatial_f64,
    .norm = &tw_norm_f64,
    .block = &tw_blocks_f64,
};
