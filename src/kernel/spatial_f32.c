// SPDX-License-Identifier: MIT
// Spatial kernels in float.
#define REAL float
#define FN(name) name##_f32
#include "kernel/spatial.inc"

const tw_spatial tw_spatial_f32 = {
#include "kernel/spatial_list.inc"
};
