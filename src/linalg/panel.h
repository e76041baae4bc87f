// SPDX-License-Identifier: MIT
// Few long vectors: products of panels x [k][n], cut into slabs of columns that depend on n alone, so that all sums
// have the same bits on any number of threads.
//
// Vectors can be dealt to ranks (base/ranks.h): each rank then holds the columns of its slabs, first ... first +
// rows-1, of every vector. A cut falls between slabs, which are the leaves of the summation tree, so the tree goes on
// over ranks and the bits stay. What is local (subtract, combine) costs no message, a product x y' one sum of m k
// numbers.
#ifndef LINALG_PANEL_H
#define LINALG_PANEL_H

#include "base/shards.h"
#include "thalweg/linalg.h"

enum { TW_SLAB = 2048 }; // 60 vectors of a slab stay in a megabyte of cache

typedef struct tw_panel {
    int64_t n, room;     // no panel has more than room vectors
    int64_t first, rows; // the columns of this rank; all n unless dealt
    int64_t stride;      // from one vector to the next; rows, unless the vectors lie on disk
    bool dealt;
    double *whole; // dealt: [2][wide][n], vectors as operators want them
    int64_t wide;
    tw_parts *parts;
    double *small;    // [room][room]
    double *scratch;  // a slab of room vectors for each thread
    double *slab_max; // one number a slab
    int threads;      // that scratch is for
} tw_panel;

TW_NODISCARD tw_status tw_panel_new(int64_t n, int64_t room, tw_panel **out);
// The same with the vectors dealt to the ranks that work together here, if there are several; every function below is
// then called by all of them, with x and y their columns alone.
TW_NODISCARD tw_status tw_panel_new_dealt(int64_t n, int64_t room, tw_panel **out);
void tw_panel_free(tw_panel *panel);

// c [m][k] = x y'.
TW_NODISCARD tw_status tw_panel_dot(tw_panel *p, int64_t m, const double *x, int64_t k, const double *y, double *c);

// y -= c' x, then d [l][k] = z y', in one walk over memory; l may be 0. c [m][k]; c and d may be one array.
TW_NODISCARD tw_status tw_panel_subtract(tw_panel *p, int64_t m, const double *x, int64_t k, double *y, const double *c,
                                         int64_t l, const double *z, double *d);

// y [k][n] = c' x, c [m][k]; y may be x, or lie apart.
TW_NODISCARD tw_status tw_panel_combine(tw_panel *p, int64_t m, const double *x, int64_t k, const double *c, double *y);

// x [k][n], never dealt: *max = largest |x|; TW_ENUMERIC: an entry is not finite, named as what.
TW_NODISCARD tw_status tw_panel_max(tw_panel *p, int64_t k, const double *x, const char *what, double *max);

void tw_panel_scale(int64_t count, double *x, double factor);

// x [rows] = this rank's columns of y [n]; y [n] from the columns x [rows] of all.
void tw_panel_own(const tw_panel *p, const double *y, double *x);
TW_NODISCARD tw_status tw_panel_whole(const tw_panel *p, const double *x, double *y);

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
