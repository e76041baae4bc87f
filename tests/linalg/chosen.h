// SPDX-License-Identifier: MIT
// Operators whose spectrum is chosen: A = Q diag(d) Q' with Q a product of reflections, so that neither eigenvalues nor
// eigenvectors come from an eigensolver.
#ifndef TESTS_LINALG_CHOSEN_H
#define TESTS_LINALG_CHOSEN_H

#include "base/rng.h"
#include "thalweg/linalg.h"

enum { MAX = 400, REFLECTIONS = 3 };

typedef struct chosen {
    int64_t n;
    double d[MAX];              // the eigenvalues, descending
    double u[REFLECTIONS][MAX]; // unit normals
    int64_t calls, bad_call;    // product bad_call (from 1) has a NaN in entry 0
} chosen;

// x := H x, H = I - 2 u u'.
static inline void reflect(int64_t n, const double *u, double *x)
{
    double dot = 0;
    for (int64_t i = 0; i < n; i++) dot += u[i] * x[i];
    for (int64_t i = 0; i < n; i++) x[i] -= 2 * dot * u[i];
}

static inline tw_status apply(void *ctx, int64_t k, const double *x, double *y)
{
    chosen *a = ctx;
    for (int64_t j = 0; j < k; j++, x += a->n, y += a->n) {
        memcpy(y, x, (size_t)a->n * sizeof *y);
        for (int r = 0; r < REFLECTIONS; r++) reflect(a->n, a->u[r], y);
        for (int64_t i = 0; i < a->n; i++) y[i] *= a->d[i];
        for (int r = REFLECTIONS - 1; r >= 0; r--) reflect(a->n, a->u[r], y);
        if (++a->calls == a->bad_call) y[0] = NAN;
    }
    return TW_OK;
}

static inline tw_linop rotated(chosen *a, int64_t n, int64_t block)
{
    tw_rng rng = tw_rng_at(7, TW_RNG_TEST, (uint64_t)n);
    a->n = n;
    a->calls = a->bad_call = 0;
    for (int r = 0; r < REFLECTIONS; r++) {
        double norm = 0;
        tw_rng_normals(&rng, n, a->u[r]);
        for (int64_t i = 0; i < n; i++) norm += a->u[r][i] * a->u[r][i];
        for (int64_t i = 0; i < n; i++) a->u[r][i] /= sqrt(norm);
    }
    return (tw_linop){n, apply, a, block, DBL_EPSILON};
}

#endif
