// SPDX-License-Identifier: MIT
// Small dense algebra of the noise solvers, over linalg and the double kernel table.
#include "theory/noise.h"

#include "base/shards.h"
#include "kernel/kernel.h"
#include "linalg/dense.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { ROWS = 64, DOT = 512 };

typedef struct product {
    bool ta, tb;
    int64_t m, n, k;
    const double *a, *b;
    double *c;
    const tw_kernels *kern;
} product;

static tw_status rows_of_product(void *ctx, int64_t shard, int thread)
{
    (void)thread;
    product *p = ctx;
    int64_t first = shard * ROWS, rows = p->m - first < ROWS ? p->m - first : ROWS;
    const double *a = p->ta ? p->a + first : p->a + first * p->k;
    p->kern->gemm(p->ta, p->tb, rows, p->n, p->k, a, p->ta ? p->m : p->k, p->b, p->tb ? p->k : p->n, 0,
                  p->c + first * p->n, p->n);
    return TW_OK;
}

tw_status tw_noise_mul(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const double *a, const double *b, double *c)
{
    if (m == 0 || n == 0) return TW_OK;
    product p = {ta, tb, m, n, k, a, b, c, tw_kernels_find("f64")};
    return tw_shards_run((m + ROWS - 1) / ROWS, rows_of_product, &p);
}

tw_status tw_noise_eig(int64_t n, const double *a, double *w, double *v)
{
    tw_status st = tw_sym_eig(n, a, w, v);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < n; i++) // rows to columns
        for (int64_t j = 0; j < i; j++) {
            double swap = v[i * n + j];
            v[i * n + j] = v[j * n + i];
            v[j * n + i] = swap;
        }
    return TW_OK;
}

tw_status tw_noise_compose(int64_t rows, int64_t r, const double *v, const double *f, double *out)
{
    tw_status st = TW_OK;
    double *vf = NULL;
    TW_TRY(tw_alloc(rows * r, sizeof *vf, &vf));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < r; j++) vf[i * r + j] = v[i * r + j] * f[j];
    TW_TRY(tw_noise_mul(false, true, rows, rows, r, vf, v, out));
    tw_noise_symmetrise(rows, out);
done:
    free(vf);
    return st;
}

tw_status tw_noise_congruence(bool transpose, int64_t n, int64_t r, const double *t, const double *m, double *out)
{
    tw_status st = TW_OK;
    double *tm = NULL;
    TW_TRY(tw_alloc(n * r, sizeof *tm, &tm));
    TW_TRY(tw_noise_mul(transpose, false, r, n, n, t, m, tm));
    TW_TRY(tw_noise_mul(false, !transpose, r, r, n, tm, t, out));
    tw_noise_symmetrise(r, out);
done:
    free(tm);
    return st;
}

double tw_noise_dot(int64_t n, const double *x, const double *y)
{
    double total = 0, lost = 0; // Kahan over blocks
    for (int64_t i = 0; i < n; i += DOT) {
        double part = 0;
        for (int64_t j = i, end = i + DOT < n ? i + DOT : n; j < end; j++) part += x[j] * y[j];
        double add = part - lost, sum = total + add;
        lost = (sum - total) - add;
        total = sum;
    }
    return total;
}

void tw_noise_symmetrise(int64_t n, double *a)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = (a[i * n + j] + a[j * n + i]) / 2;
}

tw_status tw_noise_check_finite(const char *name, int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return tw_fail(TW_EINVAL, "%s[%" PRId64 "]: found %g, expected a finite number", name, i, x[i]);
    return TW_OK;
}

tw_status tw_noise_check_symmetric(const char *name, int64_t n, const double *a)
{
    double largest = 0;
    tw_status st = tw_noise_check_finite(name, n * n, a);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < n * n; i++) largest = fmax(largest, fabs(a[i]));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            if (fabs(a[i * n + j] - a[j * n + i]) > 1e-9 * largest)
                return tw_fail(TW_EINVAL,
                               "%s[%" PRId64 "][%" PRId64 "]: found %.17g, expected %.17g as across the diagonal", name,
                               i, j, a[i * n + j], a[j * n + i]);
    return TW_OK;
}
