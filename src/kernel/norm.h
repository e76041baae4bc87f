// SPDX-License-Identifier: MIT
// Normalisation and softmax, written once in norm.inc for float and double.
#ifndef KERNEL_NORM_H
#define KERNEL_NORM_H

#include "kernel/kernel.h"

extern const tw_norm tw_norm_f32, tw_norm_f64;

#endif
