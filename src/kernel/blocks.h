// SPDX-License-Identifier: MIT
// Blocks of columns, rows of a table, masks: written once in blocks.inc for float and double.
#ifndef KERNEL_BLOCKS_H
#define KERNEL_BLOCKS_H

#include "kernel/kernel.h"

extern const tw_blocks tw_blocks_f32, tw_blocks_f64;

#endif
