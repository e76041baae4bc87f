// SPDX-License-Identifier: MIT
// What each instruction set offers the escape simulator.
#ifndef SIM_ESCAPE_LANES_H
#define SIM_ESCAPE_LANES_H

#include "sim/escape.h"

// L' of the parts over [from, from + CELLS / per]: of cell c, with t in [0, 1], sum of cell[4 c + k] t^k.
enum { TW_ESCAPE_CELLS = 8192 };
typedef struct tw_escape_table {
    float from, per, start, absorb, lo;
    float *cell; // [TW_ESCAPE_CELLS][4]
} tw_escape_table;

// Steps whose normals are drawn at once: a multiple of 16 normals, and few enough to stay in the first cache.
static inline int64_t tw_escape_chunk(int64_t n) { return n <= 32 ? 16 : 1; }
// Floats that a group needs: places now and before, normals.
static inline int64_t tw_escape_room(int64_t n) { return 16 * (2 * n + (n * tw_escape_chunk(n) + 15) / 16 * 16); }

// Replicas first ... first + count - 1, sixteen at a time; a lane whose replica is done takes the next. x:
// tw_escape_room(n) floats, 64-byte aligned. table: of each part, or NULL.
typedef struct tw_escape_lanes {
    void (*group)(const tw_escape_chain_spec *c, const tw_escape_table *table, int64_t first, int64_t count,
                  int64_t max_steps, float *x, int64_t *steps, bool *escaped);
    const char *name;
} tw_escape_lanes;

extern const tw_escape_lanes tw_escape_plain, tw_escape_avx512;

#endif
