// SPDX-License-Identifier: MIT
// The register tiles of gemm_tiles.inc and live.inc, compiled once for each instruction set.
#ifndef KERNEL_GEMM_TILES_H
#define KERNEL_GEMM_TILES_H

#include "kernel/gemm.h"
#include "kernel/kernel.h"

typedef struct tw_tiles {
    const char *name; // of the instruction set: "avx512", "avx2", "plain"
    tw_gemm_fn *f32, *f64;
    tw_lively live32, live64;
} tw_tiles;

// By name; NULL when there is none or the processor lacks it. "plain" runs everywhere.
const tw_tiles *tw_tiles_find(const char *name);

const tw_tiles *tw_tiles_best(void);

// Repacked panels of B, one block at a time: sized to stay in a second-level cache of 1 MiB beside what streams
// through.
enum {
    TW_GEMM_ROOM = 576 << 10,
    TW_GEMM_BANDS = 4 // bands of A copied together, so that whole cache lines are used when A lies by columns
};
// Of kernel/live.inc: bytes of tangents in a band of places, beside which its slice of the weights has room in that
// cache; and vectors of channels at once with many directions, twice as many with one or two.
// SLICE: bytes of a direction's weights that stay there.
enum { TW_LIVE_BAND = 256 << 10, TW_LIVE_CHUNK = 3, TW_LIVE_SLICE = 400 << 10 };

extern _Thread_local char tw_gemm_room[TW_GEMM_ROOM];

#endif
