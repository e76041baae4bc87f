// SPDX-License-Identifier: MIT
// Few long vectors: products of panels x [k][n], cut into slabs of columns that depend on n alone, so that all sums
// have the same bits on any number of threads.
#ifndef LINALG_PANEL_H
#define LINALG_PANEL_H

#include "base/shards.h"
#include "thalweg/linalg.h"

enum { TW_SLAB = 2048 }; // 60 vectors of a slab stay in a megabyte of cache

typedef struct tw_panel {
    int64_t n, room; // no panel has more than room vectors
    tw_parts *parts;
    double *small;    // [room][room]
    double *scratch;  // a slab of room vectors for each thread
    double *slab_max; // one number a slab
    int threads;      // that scratch is for
} tw_panel;

TW_NODISCARD tw_status tw_panel_new(int64_t n, int64_t room, tw_panel **out);
void tw_panel_free(tw_panel *panel);

// c [m][k] = x y'.
TW_NODISCARD tw_status tw_panel_dot(tw_panel *p, int64_t m, const double *x, int64_t k, const double *y, double *c);

// y -= c' x, then d [l][k] = z y', in one walk over memory; l may be 0. c [m][k]; c and d may be one array.
TW_NODISCARD tw_status tw_panel_subtract(tw_panel *p, int64_t m, const double *x, int64_t k, double *y, const double *c,
                                         int64_t l, const double *z, double *d);

// y [k][n] = c' x, c [m][k]; y may be x, or lie apart.
TW_NODISCARD tw_status tw_panel_combine(tw_panel *p, int64_t m, const double *x, int64_t k, const double *c, double *y);

// *max = largest |x|; TW_ENUMERIC: an entry is not finite, named as what.
TW_NODISCARD tw_status tw_panel_max(tw_panel *p, int64_t k, const double *x, const char *what, double *max);

void tw_panel_scale(int64_t count, double *x, double factor);

// y = A x by blocks of op->block at most, finite or TW_ENUMERIC; *products counts. *max as above.
TW_NODISCARD tw_status tw_panel_apply(tw_panel *p, const tw_linop *op, int64_t k, const double *x, double *y,
                                      int64_t *products, double *max);

// Makes w [k][n] orthonormal and orthogonal to v [m][n], which is orthonormal; the *rank directions that are more than
// rounding are moved to the front. small [k] says how short a vector may get, absolutely, before it counts as zero.
TW_NODISCARD tw_status tw_panel_orthonormal(tw_panel *p, int64_t m, const double *v, int64_t k, double *w,
                                            const double *floor, int64_t *rank);

// fn for each of k columns of n numbers; threads only where that pays.
TW_NODISCARD tw_status tw_panel_columns(int64_t n, int64_t k, tw_shard_fn fn, void *ctx);

TW_NODISCARD tw_status tw_linop_valid(const tw_linop *op);

#endif
