// SPDX-License-Identifier: MIT
// Loops over numbers: one table of functions for each type and way of computing.
#ifndef THALWEG_KERNEL_H
#define THALWEG_KERNEL_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// What stands behind the tables on this machine, for provenance: "f32: oneDNN 2.6.3 ...; f64: OpenBLAS 0.3.21 ...".
TW_API const char *tw_kernels_describe(void);

#ifdef __cplusplus
}
#endif
#endif
