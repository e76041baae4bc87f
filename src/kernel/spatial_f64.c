// SPDX-License-Identifier: MIT
// Spatial kernels in double.
#define REAL double
#define FN(name) name##_f64
#include "kernel/spatial.inc"

const tw_spatial tw_spatial_f64 = {
#include "kernel/spatial_list.inc"
};
