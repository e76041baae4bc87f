// SPDX-License-Identifier: MIT
// The noise of a minibatch as an affine map of the covariance X of w - w*: C = N(X) + C0.
//
//   population   N(X) = (1/S) [ (c1-1) A X A + c2 Tr(AX) A ]
//   data         N(X) = c_SN [ (1/N) sum_i (z_i^T X z_i) z_i z_i^T - A X A ]
//
// In the scaled eigenbasis A is diag(h) for a population without L2, and the product then costs r^2.
// Source: Lemma 1 of the paper with a general fourth moment; exact for data; docs/noise.md.
#include "theory/noise.h"

#include <math.h>
#include <string.h>

static tw_status sandwich(const tw_noise_operator *op, const double *X, double factor, double *Y)
{
    int64_t r = op->r;
    tw_status st = tw_noise_mul(false, false, r, r, r, op->A, X, op->scratch);
    if (st == TW_OK) st = tw_noise_mul(false, false, r, r, r, op->scratch, op->A, op->scratch + r * r);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < r * r; i++) Y[i] += factor * op->scratch[r * r + i];
    return TW_OK;
}

static tw_status population(const tw_noise_operator *op, const double *X, double *Y)
{
    tw_status st = TW_OK;
    int64_t r = op->r;
    if (op->diagonal) {
        double trace = 0, factor = op->scale * (op->c1 - 1);
        for (int64_t i = 0; i < r; i++) trace += op->A[i] * X[i * r + i];
        for (int64_t i = 0; i < r; i++) {
            for (int64_t j = 0; j < r; j++) Y[i * r + j] = factor * op->A[i] * op->A[j] * X[i * r + j];
            Y[i * r + i] += op->scale * op->c2 * trace * op->A[i];
        }
        return TW_OK;
    }
    double trace = op->scale * op->c2 * tw_noise_dot(r * r, op->A, X);
    for (int64_t i = 0; i < r * r; i++) Y[i] = trace * op->A[i];
    if (op->c1 != 1) TW_TRY(sandwich(op, X, op->scale * (op->c1 - 1), Y));
done:
    return st;
}

static tw_status data(const tw_noise_operator *op, const double *X, double *Y)
{
    tw_status st = TW_OK;
    int64_t r = op->r, N = op->N;
    double *zx = op->scratch + 2 * r * r;
    TW_TRY(tw_noise_mul(false, false, N, r, r, op->Z, X, zx));
    for (int64_t i = 0; i < N; i++) {
        double q = 0;
        for (int64_t j = 0; j < r; j++) q += zx[i * r + j] * op->Z[i * r + j];
        q *= op->scale / (double)N;
        for (int64_t j = 0; j < r; j++) zx[i * r + j] = q * op->Z[i * r + j];
    }
    TW_TRY(tw_noise_mul(true, false, r, r, N, op->Z, zx, Y));
    TW_TRY(sandwich(op, X, -op->scale, Y));
done:
    return st;
}

tw_status tw_noise_apply(const tw_noise_operator *op, const double *X, double *Y)
{
    if (op->scale == 0) {
        memset(Y, 0, (size_t)(op->r * op->r) * sizeof *Y);
        return TW_OK;
    }
    tw_status st = op->N ? data(op, X, Y) : population(op, X, Y);
    if (st == TW_OK) tw_noise_symmetrise(op->r, Y);
    return st;
}

void tw_noise_operator_drop(tw_noise_operator *op)
{
    free(op->A);
    free(op->Z);
    free(op->C0);
    free(op->scratch);
    *op = (tw_noise_operator){0};
}
