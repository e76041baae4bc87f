// SPDX-License-Identifier: MIT
// Pointwise kernels in float.
#define REAL float
#define FN(name) name##_f32
#define M(name) name##f
#define BITS uint32_t
#define MANTISSA 23
#define BIAS 127
#define LN2_HIGH 0x1.63p-1f
#define LN2_LOW -0x1.bd0106p-13f
#define TERMS 8
#define LIMIT 20
#include "kernel/pointwise.inc"

const tw_pointwise tw_pointwise_f32 = {
#include "kernel/pointwise_list.inc"
};
