// SPDX-License-Identifier: MIT
// Pointwise maps, row sums and losses, written once in pointwise.inc for float and double.
#ifndef KERNEL_POINTWISE_H
#define KERNEL_POINTWISE_H

#include "kernel/kernel.h"

extern const tw_pointwise tw_pointwise_f32, tw_pointwise_f64;

#endif
