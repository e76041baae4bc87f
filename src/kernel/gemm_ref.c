// SPDX-License-Identifier: MIT
// The plain matrix product in float and in double.
#include "kernel/gemm.h"

#define REAL float
#define FN(name) name##32
#include "kernel/gemm_ref.inc"
#undef REAL
#undef FN

#define REAL double
#define FN(name) name##64
#include "kernel/gemm_ref.inc"
#undef REAL
#undef FN
