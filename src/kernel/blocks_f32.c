// SPDX-License-Identifier: MIT
// Blocks, tables and masks in float.
#define REAL float
#define FN(name) name##_f32
#include "kernel/blocks.inc"

const tw_blocks tw_blocks_f32 = {
#include "kernel/blocks_list.inc"
};
