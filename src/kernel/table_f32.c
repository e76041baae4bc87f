// SPDX-License-Identifier: MIT
// The table for float.
#include "kernel/gemm.h"
#include "kernel/pointwise.h"
#include "kernel/table.h"

const tw_kernels tw_kernels_f32 = {
    .name = "f32",
    .real = TW_F32,
    .gemm = tw_gemm_f32,
    .map = &tw_pointwise_f32,
};
