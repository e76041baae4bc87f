// SPDX-License-Identifier: MIT
// The tables there are. Kernels written for several types come from .inc files through REAL and FN.
#ifndef KERNEL_TABLE_H
#define KERNEL_TABLE_H

#include "kernel/kernel.h"

extern const tw_kernels tw_kernels_f32, tw_kernels_f64, tw_kernels_split3, tw_kernels_split6, tw_kernels_ref32,
    tw_kernels_ref64;

#endif
