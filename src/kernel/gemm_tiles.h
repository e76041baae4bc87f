// SPDX-License-Identifier: MIT
// The register tiles of gemm_tiles.inc, live.inc and direct.inc, compiled once for each instruction set.
#ifndef KERNEL_GEMM_TILES_H
#define KERNEL_GEMM_TILES_H

#include "kernel/gemm.h"
#include "kernel/kernel.h"

typedef struct tw_tiles {
    const char *name; // of the instruction set: "avx512", "avx2", "plain"
    tw_gemm_fn *f32, *f64;
    tw_lively live32, live64;
    tw_directly direct32, direct64;
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
// Of kernel/live_sweeps.inc. NEAR, SLICE: bytes that stay in the first- and in the second-level cache; TILE: vectors of
// weights a channel in the largest tile; CHANNELS: so many channels of the usual five or six are near.
enum { TW_LIVE_NEAR = 24 << 10, TW_LIVE_SLICE = 400 << 10, TW_LIVE_TILE = 18, TW_LIVE_CHANNELS = 72 };

// For vectors of so many bytes: lines of places whose patches in one slice are near; slices of which four channels'
// weights are near; channels whose weights in those slices stay in the second-level cache.
int64_t tw_live_lines(const tw_live *l, int64_t vector);
int64_t tw_live_slices(const tw_live *l, int64_t vector);
int64_t tw_live_wide(const tw_live *l, int64_t vector);

// Of kernel/direct.inc: bytes of a band of lines with what comes of them, which leave room for a panel of weights in
// the second-level cache; and numbers of channels side by side.
enum { TW_DIRECT_BAND = 256 << 10, TW_DIRECT_CHUNK = 16 };

extern _Thread_local char tw_gemm_room[TW_GEMM_ROOM];

#endif
