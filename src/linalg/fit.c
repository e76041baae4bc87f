// SPDX-License-Identifier: MIT
// Weighted least squares through the normal equations of scaled columns: b = (Z'Z)^-1 Z'1 with z_ij = x_ij / y_i, and
// the covariance s^2 (Z'Z)^-1. With few columns of unit length, squaring the condition number does no harm that the
// standard errors would not show.
#include "linalg/fit.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <inttypes.h>
#include <math.h>

typedef struct fit {
    int64_t m, n, k; // k: columns that are not zero
    double *z;       // [m][k]
    int64_t *column; // [k] which
    double *length;  // [k]
    double *gram, *inverse, *c;
} fit;

static tw_status scale_columns(fit *f, const double *x, const double *y)
{
    for (int64_t i = 0; i < f->m; i++)
        if (!(y[i] > 0)) return tw_fail(TW_EINVAL, "fit: row %" PRId64 ": found %g, expected more than 0", i, y[i]);
    for (int64_t j = 0; j < f->n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < f->m; i++) sum += pow(x[i * f->n + j] / y[i], 2);
        if (sum == 0) continue;
        f->length[f->k] = sqrt(sum);
        f->column[f->k++] = j;
    }
    if (f->m < f->k)
        return tw_fail(TW_EINVAL, "fit: found %" PRId64 " rows for %" PRId64 " coefficients, expected at least as many",
                       f->m, f->k);
    for (int64_t i = 0; i < f->m; i++)
        for (int64_t a = 0; a < f->k; a++) f->z[i * f->k + a] = x[i * f->n + f->column[a]] / y[i] / f->length[a];
    return TW_OK;
}

tw_status tw_fit_relative(int64_t m, int64_t n, const double *x, const double *y, double *b, double *error, bool *known,
                          double *rms, double *most)
{
    tw_status st = TW_OK;
    fit f = {.m = m, .n = n};

    TW_TRY(tw_alloc(m * n, sizeof(double), &f.z));
    TW_TRY(tw_alloc(n, sizeof *f.column, &f.column));
    TW_TRY(tw_alloc(n, sizeof(double), &f.length));
    TW_TRY(tw_alloc(n * n, sizeof(double), &f.gram));
    TW_TRY(tw_alloc(n * n, sizeof(double), &f.inverse));
    TW_TRY(tw_alloc(n, sizeof(double), &f.c));
    TW_TRY(scale_columns(&f, x, y));
    const int64_t k = f.k;
    for (int64_t a = 0; a < k; a++) {
        for (int64_t i = 0; i < m; i++) f.c[a] += f.z[i * k + a];
        for (int64_t e = 0; e < k; e++)
            for (int64_t i = 0; i < m; i++) f.gram[a * k + e] += f.z[i * k + a] * f.z[i * k + e];
        f.inverse[a * k + a] = 1;
    }
    TW_TRY(tw_spd_solve(k, f.gram, k, f.inverse));
    double sum = 0, largest = 0;
    for (int64_t i = 0; i < m; i++) {
        double left = 1;
        for (int64_t a = 0; a < k; a++)
            for (int64_t e = 0; e < k; e++) left -= f.z[i * k + a] * f.inverse[a * k + e] * f.c[e];
        sum += left * left;
        largest = fmax(largest, fabs(left));
    }
    const double variance = m > k ? sum / (double)(m - k) : 0;
    for (int64_t j = 0; j < n; j++) {
        b[j] = error[j] = 0;
        known[j] = false;
    }
    for (int64_t a = 0; a < k; a++) {
        const int64_t j = f.column[a];
        for (int64_t e = 0; e < k; e++) b[j] += f.inverse[a * k + e] * f.c[e] / f.length[a];
        error[j] = sqrt(variance * fmax(f.inverse[a * k + a], 0)) / f.length[a];
        known[j] = true;
    }
    *rms = sqrt(variance);
    *most = largest;
done:
    free(f.z);
    free(f.column);
    free(f.length);
    free(f.gram);
    free(f.inverse);
    free(f.c);
    return st;
}
