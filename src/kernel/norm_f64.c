// SPDX-License-Identifier: MIT
// Normalisation and softmax in double.
#define REAL double
#define FN(name) name##_f64
#include "kernel/norm.inc"
#include "kernel/softmax.inc"

const tw_norm tw_norm_f64 = {
#include "kernel/norm_list.inc"
};
