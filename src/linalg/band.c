// SPDX-License-Identifier: MIT
// Eigenvalues of a large symmetric matrix in two stages: to a band by block reflectors, which is all matrix products,
// then from the band to the eigenvalues by LAPACK.
//
// A panel of `width` columns below the band is Q R. R stays as the band's edge, and what lies to the right becomes
//
//     Q'A Q = A - V W' - W V',  W = X - V S/2,  X = A V T,  S = T'V'X        with Q = I - V T V'
//
// Only the lower half of A is read and written, in slabs of rows that depend on n alone: a slab of A V takes its rows
// left of the diagonal as they are and those below it transposed. Half the flops of the usual tridiagonal reduction
// are products of a matrix with a vector, which wait for memory; here none are.
// Source: Bischof, Lang & Sun, ACM Trans. Math. Softw. 26 (2000) 581; Golub & Van Loan, section 5.2.3 (V, T).
#include "linalg/dense.h"

#include "base/alloc.h"
#include "base/shards.h"
#include "kernel/kernel.h"
#include <inttypes.h>
#include <string.h>

enum { SLAB = 128, WIDTH = 64, LARGE = 1500 }; // LARGE: from where two threads gain

typedef struct job {
    const tw_kernels *kern;
    int64_t n, at, m, r; // at: first row of what is right of the panel, m rows; r reflectors
    double *a;
    double *v, *y, *x;    // [m][r]
    double *left, *right; // [m][2 r]: (-V, -W) and (W, V)
} job;

static tw_status multiply_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const job *j = ctx;
    int64_t from = slab * SLAB, rows = j->m - from < SLAB ? j->m - from : SLAB, below = j->m - from - rows;
    const double *a = j->a + (j->at + from) * j->n + j->at;
    double *y = j->y + from * j->r, block[SLAB * SLAB];
    for (int64_t i = 0; i < rows; i++) // the diagonal block, whole
        for (int64_t k = 0; k < rows; k++)
            block[i * rows + k] = k <= i ? a[i * j->n + from + k] : a[k * j->n + from + i];
    j->kern->gemm(false, false, rows, j->r, rows, block, rows, j->v + from * j->r, j->r, 0, y, j->r);
    if (from > 0) j->kern->gemm(false, false, rows, j->r, from, a, j->n, j->v, j->r, 1, y, j->r);
    if (below > 0)
        j->kern->gemm(true, false, rows, j->r, below, a + rows * j->n + from, j->n, j->v + (from + rows) * j->r, j->r,
                      1, y, j->r);
    return TW_OK;
}

static tw_status update_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const job *j = ctx;
    int64_t from = slab * SLAB, rows = j->m - from < SLAB ? j->m - from : SLAB;
    j->kern->gemm(false, true, rows, from + rows, 2 * j->r, j->left + from * 2 * j->r, 2 * j->r, j->right, 2 * j->r, 1,
                  j->a + (j->at + from) * j->n + j->at, j->n);
    return TW_OK;
}

// One panel: columns s ... s + width, rows from s + width on.
static tw_status reduce(job *j, int64_t s, int64_t width, double *panel, double *t, double *small)
{
    tw_status st = TW_OK;
    int64_t n = j->n, m = n - s - width, r = m < width ? m : width, slabs = (m + SLAB - 1) / SLAB;
    j->at = s + width;
    j->m = m;
    j->r = r;
    for (int64_t c = 0; c < width; c++)
        for (int64_t i = 0; i < m; i++) panel[c * m + i] = j->a[(j->at + i) * n + s + c];
    TW_TRY(tw_qr(m, width, panel, j->v, t));
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < width; c++) j->a[(j->at + i) * n + s + c] = i <= c ? panel[c * m + i] : 0;
    TW_TRY(tw_shards_run(slabs, multiply_slab, j));
    j->kern->gemm(false, false, m, r, r, j->y, r, t, r, 0, j->x, r);             // X = A V T
    j->kern->gemm(true, false, r, r, m, j->v, r, j->x, r, 0, small, r);          // V'X
    j->kern->gemm(true, false, r, r, r, t, r, small, r, 0, small + r * r, r);    // S
    j->kern->gemm(false, false, m, r, r, j->v, r, small + r * r, r, 0, j->y, r); // V S
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < r; c++) {
            double v = j->v[i * r + c], w = j->x[i * r + c] - j->y[i * r + c] / 2;
            j->left[i * 2 * r + c] = -v;
            j->left[i * 2 * r + r + c] = -w;
            j->right[i * 2 * r + c] = w;
            j->right[i * 2 * r + r + c] = v;
        }
    TW_TRY(tw_shards_run(slabs, update_slab, j));
done:
    return st;
}

tw_status tw_sym_values_by_band(int64_t n, int64_t width, double *a, double *value)
{
    tw_status st = TW_OK;
    job j = {.kern = tw_kernels_find("f64"), .n = n, .a = a};
    double *room = NULL, *band = NULL;

    if (width < 1 || width >= n)
        return tw_fail(TW_EINVAL, "band: found width %" PRId64 " of %" PRId64 ", expected 1 to n - 1", width, n);
    TW_TRY(tw_alloc(n * width * 8 + 3 * width * width, sizeof *room, &room));
    double *panel = room, *t = panel + n * width, *small = t + width * width;
    j.v = small + 2 * width * width;
    j.y = j.v + n * width;
    j.x = j.y + n * width;
    j.left = j.x + n * width;
    j.right = j.left + 2 * n * width;
    for (int64_t s = 0; n - s - width > 0; s += width) TW_TRY(reduce(&j, s, width, panel, t, small));
    TW_TRY(tw_alloc(n, (size_t)(width + 1) * sizeof *band, &band));
    for (int64_t c = 0; c < n; c++)
        for (int64_t i = c; i < n && i <= c + width; i++) band[c * (width + 1) + i - c] = a[i * n + c];
    TW_TRY(tw_band_values(n, width, band, value));
done:
    free(room);
    free(band);
    return st;
}

tw_status tw_sym_values(int64_t n, double *a, double *value)
{
    if (n < LARGE) return tw_sym_eig(n, a, value, NULL);
    return tw_sym_values_by_band(n, WIDTH, a, value);
}
