// SPDX-License-Identifier: MIT
// Pointwise kernels in double.
#define REAL double
#define FN(name) name##_f64
#define M(name) name
#define BITS uint64_t
#define MANTISSA 52
#define BIAS 1023
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define TERMS 14
#define LIMIT 40
#include "kernel/pointwise.inc"

const tw_pointwise tw_pointwise_f64 = {
#include "kernel/pointwise_list.inc"
};
