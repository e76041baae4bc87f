// SPDX-License-Identifier: MIT
// Pointwise kernels in double.
#define REAL double
#define FN(name) name##_f64
#define M(name) name
#include "kernel/pointwise.inc"

const tw_pointwise tw_pointwise_f64 = {
#include "kernel/pointwise_list.inc"
};
