// SPDX-License-Identifier: MIT
// Small dense problems by LAPACK.
//
// LAPACK is column-major and we are row-major, so LAPACK sees A'. Nothing is ever transposed: a symmetric matrix is its
// own transpose, A' = V S U' holds the factors of A = U S V' in our layout with their names exchanged, and solves take
// the transposed factors. Matrices whose entries are near the ends of the number range are scaled inside dsyevd,
// dgesdd and dgeev (LAPACK Users' Guide, 3rd ed., section 2.4.4).
#include "linalg/dense.h"

#include "base/alloc.h"
#include <float.h>
#include <inttypes.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define COL LAPACK_COL_MAJOR

// OpenBLAS would start threads whose number changes the order of sums. Other LAPACKs lack the switch.
#if defined(__GNUC__)
void openblas_set_num_threads(int threads) __attribute__((weak));
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void one_thread(void)
{
    if (openblas_set_num_threads) openblas_set_num_threads(1);
}

// The one narrowing to LAPACK's int, for a matrix of m rows and n columns and its squares.
static tw_status enter(int64_t m, int64_t n, lapack_int *rows, lapack_int *cols)
{
    pthread_once(&once, one_thread);
    if (m < 0 || n < 0) return tw_fail(TW_EINVAL, "matrix of %" PRId64 " x %" PRId64, m, n);
    if (m > 40000 || n > 40000)
        return tw_fail(TW_ENOMEM, "a dense matrix of %" PRId64 " x %" PRId64 " is too large for LAPACK (at most 40000)",
                       m, n);
    *rows = (lapack_int)m;
    *cols = (lapack_int)n;
    return TW_OK;
}

static tw_status all_finite(int64_t m, int64_t n, const double *a, bool lower, const char *what)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < (lower ? i + 1 : n); j++)
            if (!isfinite(a[i * n + j]))
                return tw_fail(TW_ENUMERIC, "%s: entry (%" PRId64 ", %" PRId64 ") is %g, expected a finite number",
                               what, i, j, a[i * n + j]);
    return TW_OK;
}

static tw_status check(lapack_int info, const char *routine)
{
    if (info == 0) return TW_OK;
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return tw_fail(TW_ENOMEM, "%s: out of memory", routine);
    return tw_fail(TW_ENUMERIC, "%s gave up (info %d)", routine, (int)info);
}

static tw_status copy(int64_t count, const double *a, double **out)
{
    tw_status st = tw_alloc(count, sizeof *a, out);
    if (st == TW_OK && count > 0) memcpy(*out, a, (size_t)count * sizeof *a);
    return st;
}

tw_status tw_sym_eig(int64_t n, const double *a, double *value, double *vector)
{
    tw_status st = TW_OK;
    double *work = NULL, *w = NULL;
    lapack_int k = 0;

    TW_TRY(enter(n, n, &k, &k));
    if (n == 0) goto done;
    TW_TRY(all_finite(n, n, a, true, "symmetric eigenproblem"));
    TW_TRY(copy(n * n, a, &work));
    TW_TRY(tw_alloc(n, sizeof *w, &w));
    TW_TRY(check(LAPACKE_dsyevd(COL, vector ? 'V' : 'N', 'U', k, work, k, w), "dsyevd")); // our lower is its upper
    memcpy(value, w, (size_t)n * sizeof *w);
    if (vector) memcpy(vector, work, (size_t)(n * n) * sizeof *work);
done:
    free(work);
    free(w);
    return st;
}

tw_status tw_tridiag_eig(int64_t n, const double *d, const double *e, double *value, double *vector)
{
    tw_status st = TW_OK;
    double *diag = NULL, *off = NULL, *z = NULL;
    lapack_int k = 0;

    TW_TRY(enter(n, n, &k, &k));
    if (n == 0) goto done;
    TW_TRY(all_finite(1, n, d, false, "tridiagonal eigenproblem, diagonal"));
    TW_TRY(all_finite(1, n - 1, e, false, "tridiagonal eigenproblem, off-diagonal"));
    TW_TRY(copy(n, d, &diag));
    TW_TRY(tw_alloc(n, sizeof *off, &off)); // one more than needed: never of size zero
    memcpy(off, e, (size_t)(n - 1) * sizeof *off);
    TW_TRY(tw_alloc(vector ? n * n : 1, sizeof *z, &z));
    TW_TRY(check(LAPACKE_dstevd(COL, vector ? 'V' : 'N', k, diag, off, z, k), "dstevd"));
    memcpy(value, diag, (size_t)n * sizeof *diag);
    if (vector) memcpy(vector, z, (size_t)(n * n) * sizeof *z);
done:
    free(diag);
    free(off);
    free(z);
    return st;
}

tw_status tw_eigenvalues(int64_t n, const double *a, double *re, double *im)
{
    tw_status st = TW_OK;
    double *work = NULL, *w = NULL, none;
    lapack_int k = 0;

    TW_TRY(enter(n, n, &k, &k));
    if (n == 0) goto done;
    TW_TRY(all_finite(n, n, a, false, "eigenvalues"));
    TW_TRY(copy(n * n, a, &work));
    TW_TRY(tw_alloc(2 * n, sizeof *w, &w));
    TW_TRY(check(LAPACKE_dgeev(COL, 'N', 'N', k, work, k, w, w + n, &none, 1, &none, 1), "dgeev"));
    memcpy(re, w, (size_t)n * sizeof *w);
    memcpy(im, w + n, (size_t)n * sizeof *w);
done:
    free(work);
    free(w);
    return st;
}

tw_status tw_svd(int64_t m, int64_t n, const double *a, double *s, double *u, double *vt)
{
    tw_status st = TW_OK;
    double *work = NULL, *w = NULL, *left = NULL, *right = NULL;
    int64_t r = m < n ? m : n;
    lapack_int rows = 0, cols = 0;

    TW_TRY(enter(m, n, &rows, &cols));
    if (r == 0) goto done;
    TW_TRY(all_finite(m, n, a, false, "singular values"));
    TW_TRY(copy(m * n, a, &work));
    TW_TRY(tw_alloc(r, sizeof *w, &w));
    TW_TRY(tw_alloc(n * r, sizeof *left, &left)); // left singular vectors of A' are the right ones of A
    TW_TRY(tw_alloc(r * m, sizeof *right, &right));
    TW_TRY(check(LAPACKE_dgesdd(COL, u && vt ? 'S' : 'N', cols, rows, work, cols, w, left, cols, right, (lapack_int)r),
                 "dgesdd"));
    memcpy(s, w, (size_t)r * sizeof *w);
    if (u && vt) {
        memcpy(vt, left, (size_t)(n * r) * sizeof *left);
        memcpy(u, right, (size_t)(r * m) * sizeof *right);
    }
done:
    free(work);
    free(w);
    free(left);
    free(right);
    return st;
}

tw_status tw_lu_solve(int64_t n, const double *a, int64_t k, double *x)
{
    tw_status st = TW_OK;
    double *lu = NULL, norm = 0, rcond = 0;
    lapack_int *pivot = NULL, rows = 0, sides = 0;

    TW_TRY(enter(n, k, &rows, &sides));
    if (n == 0) goto done;
    TW_TRY(all_finite(n, n, a, false, "linear system"));
    TW_TRY(all_finite(k, n, x, false, "right side of a linear system"));
    TW_TRY(copy(n * n, a, &lu));
    TW_TRY(tw_alloc(n, sizeof *pivot, &pivot));
    norm = LAPACKE_dlange(COL, '1', rows, rows, lu, rows);
    lapack_int info = LAPACKE_dgetrf(COL, rows, rows, lu, rows, pivot);
    if (info < 0) TW_TRY(check(info, "dgetrf"));
    if (info == 0) TW_TRY(check(LAPACKE_dgecon(COL, '1', rows, lu, rows, norm, &rcond), "dgecon"));
    if (!(rcond >= DBL_EPSILON)) {
        st = tw_fail(TW_ENUMERIC, "linear system of %" PRId64 " equations is singular: reciprocal condition %.2g", n,
                     rcond);
        goto done;
    }
    TW_TRY(check(LAPACKE_dgetrs(COL, 'T', rows, sides, lu, rows, pivot, x, rows), "dgetrs"));
done:
    free(lu);
    free(pivot);
    return st;
}

tw_status tw_cholesky(int64_t n, double *a)
{
    tw_status st = TW_OK;
    double *work = NULL;
    lapack_int k = 0;

    TW_TRY(enter(n, n, &k, &k));
    if (n == 0) goto done;
    TW_TRY(all_finite(n, n, a, true, "Cholesky factorisation"));
    TW_TRY(copy(n * n, a, &work));
    lapack_int info = LAPACKE_dpotrf(COL, 'U', k, work, k);
    if (info > 0) {
        st = tw_fail(TW_ENUMERIC, "matrix is not positive definite: its leading minor of order %d is not", (int)info);
        goto done;
    }
    TW_TRY(check(info, "dpotrf"));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) a[i * n + j] = j <= i ? work[i * n + j] : 0;
done:
    free(work);
    return st;
}

tw_status tw_cholesky_solve(int64_t n, const double *l, int64_t k, double *x)
{
    lapack_int rows = 0, sides = 0;
    tw_status st = enter(n, k, &rows, &sides);
    if (st != TW_OK || n == 0) return st;
    st = all_finite(k, n, x, false, "right side of a linear system");
    return st != TW_OK ? st : check(LAPACKE_dpotrs(COL, 'U', rows, sides, l, rows, x, rows), "dpotrs");
}

tw_status tw_spd_solve(int64_t n, const double *a, int64_t k, double *x)
{
    tw_status st = TW_OK;
    double *l = NULL;

    TW_TRY(copy(n * n, a, &l));
    TW_TRY(tw_cholesky(n, l));
    TW_TRY(tw_cholesky_solve(n, l, k, x));
done:
    free(l);
    return st;
}

tw_status tw_least_squares(int64_t m, int64_t n, const double *a, const double *b, double *x, int64_t *rank)
{
    tw_status st = TW_OK;
    int64_t r = m < n ? m : n, used = 0;
    double *s = NULL, *u = NULL, *vt = NULL;

    TW_TRY(all_finite(1, m, b, false, "right side of a least-squares problem"));
    TW_TRY(tw_alloc(r, sizeof *s, &s));
    TW_TRY(tw_alloc(m * r, sizeof *u, &u));
    TW_TRY(tw_alloc(r * n, sizeof *vt, &vt));
    TW_TRY(tw_svd(m, n, a, s, u, vt));
    for (int64_t j = 0; j < n; j++) x[j] = 0;
    for (; used < r && s[used] > (double)(m > n ? m : n) * DBL_EPSILON * s[0]; used++) {
        double c = 0;
        for (int64_t i = 0; i < m; i++) c += u[i * r + used] * b[i];
        for (int64_t j = 0; j < n; j++) x[j] += c / s[used] * vt[used * n + j];
    }
    *rank = used;
done:
    free(s);
    free(u);
    free(vt);
    return st;
}

tw_status tw_qr(int64_t m, int64_t n, double *a, double *v, double *t)
{
    tw_status st = TW_OK;
    double *tau = NULL;
    lapack_int rows = 0, cols = 0;
    int64_t r = m < n ? m : n;

    TW_TRY(enter(m, n, &rows, &cols));
    if (r == 0) goto done;
    TW_TRY(tw_alloc(r, sizeof *tau, &tau));
    TW_TRY(check(LAPACKE_dgeqrf(COL, rows, cols, a, rows, tau), "dgeqrf"));
    for (int64_t j = 0; j < r; j++)
        for (int64_t i = 0; i < m; i++) v[i * r + j] = i < j ? 0 : i == j ? 1 : a[j * m + i];
    TW_TRY(check(LAPACKE_dlarft(COL, 'F', 'C', rows, (lapack_int)r, a, rows, tau, t, (lapack_int)r), "dlarft"));
    for (int64_t j = 0; j < r; j++) // to row-major, zeros below the diagonal
        for (int64_t i = 0; i < j; i++) {
            t[i * r + j] = t[j * r + i];
            t[j * r + i] = 0;
        }
done:
    free(tau);
    return st;
}

tw_status tw_band_values(int64_t n, int64_t width, double *band, double *value)
{
    tw_status st = TW_OK;
    lapack_int k = 0, w = 0;

    TW_TRY(enter(n, width, &k, &w));
    if (n == 0) goto done;
    TW_TRY(all_finite(n, width + 1, band, false, "band matrix"));
    TW_TRY(check(LAPACKE_dsbevd_2stage(COL, 'N', 'L', k, w, band, w + 1, value, NULL, 1), "dsbevd_2stage"));
done:
    return st;
}
