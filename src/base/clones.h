// SPDX-License-Identifier: MIT
// TW_CLONES before a function: its loops are compiled for several instruction sets, and the one for this processor is
// picked when the program is loaded. Where the compiler cannot, once and for all processors. Sums that a clone makes in
// parts (#pragma omp simd reduction) have as many parts as its vectors have lanes: other bits on other processors, the
// same ones on one.
#ifndef BASE_CLONES_H
#define BASE_CLONES_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define TW_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define TW_CLONES
#endif

#endif
