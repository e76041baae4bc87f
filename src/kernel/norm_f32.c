// SPDX-License-Identifier: MIT
// Normalisation and softmax in float.
#define REAL float
#define FN(name) name##_f32
#include "kernel/norm.inc"
#include "kernel/softmax.inc"

const tw_norm tw_norm_f32 = {
#include "kernel/norm_list.inc"
};
