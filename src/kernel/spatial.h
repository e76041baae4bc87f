// SPDX-License-Identifier: MIT
// Patches, pooling and layouts of images, written once in spatial.inc for float and double.
#ifndef KERNEL_SPATIAL_H
#define KERNEL_SPATIAL_H

#include "kernel/kernel.h"

extern const tw_spatial tw_spatial_f32, tw_spatial_f64;

#endif
