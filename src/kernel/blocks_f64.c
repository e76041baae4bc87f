// SPDX-License-Identifier: MIT
// Blocks, tables and masks in double.
#define REAL double
#define FN(name) name##_f64
#include "kernel/blocks.inc"

const tw_blocks tw_blocks_f64 = {
#include "kernel/blocks_list.inc"
};
