// SPDX-License-Identifier: MIT
// Pointwise kernels in float.
#define REAL float
#define FN(name) name##_f32
#define M(name) name##f
#include "kernel/pointwise.inc"

const tw_pointwise tw_pointwise_f32 = {
#include "kernel/pointwise_list.inc"
};
