// SPDX-License-Identifier: MIT
// The door to LAPACKE: small dense problems in double, always on one thread so that equal calls give equal bits.
//
// Matrices are row-major, a[i n + j]; sets of vectors are stored one after the other, vector j at x + j n, as tw_linop
// has them. Inputs are not changed unless the comment says so; outputs are untouched on failure unless they are also
// inputs. Sizes may be 0. Everywhere: TW_ENUMERIC when an entry is not finite (it is named) or LAPACK gives up,
// TW_ENOMEM when memory or LAPACK's int is too small.
#ifndef LINALG_DENSE_H
#define LINALG_DENSE_H

#include "base/status.h"

// a [n][n] symmetric (only a[i n + j], i >= j, is read). value [n] ascending; vector: NULL, or n orthonormal
// eigenvectors of n numbers.
TW_NODISCARD tw_status tw_sym_eig(int64_t n, const double *a, double *value, double *vector);

// The symmetric tridiagonal matrix with diagonal d [n] and off-diagonal e [n-1]. value [n] ascending; vector: NULL, or
// n eigenvectors of n numbers.
TW_NODISCARD tw_status tw_tridiag_eig(int64_t n, const double *d, const double *e, double *value, double *vector);

// All eigenvalues of a [n][n], not symmetric, in no order: re [n], im [n].
TW_NODISCARD tw_status tw_eigenvalues(int64_t n, const double *a, double *re, double *im);

// a [m][n] = u diag(s) vt with r = min(m, n): s [r] descending, u [m][r], vt [r][n]. u and vt may both be NULL.
TW_NODISCARD tw_status tw_svd(int64_t m, int64_t n, const double *a, double *s, double *u, double *vt);

// x := a^-1 x for k right sides of n numbers, by LU with partial pivoting.
// TW_ENUMERIC  also when a is singular to working precision: its reciprocal condition number is in the message.
TW_NODISCARD tw_status tw_lu_solve(int64_t n, const double *a, int64_t k, double *x);

// a := L, lower triangular with a = L L', zeros above. TW_ENUMERIC also when a is not positive definite.
TW_NODISCARD tw_status tw_cholesky(int64_t n, double *a);

// x := (L L')^-1 x for k right sides of n numbers, L from tw_cholesky.
TW_NODISCARD tw_status tw_cholesky_solve(int64_t n, const double *l, int64_t k, double *x);

// a X = b for symmetric positive definite a, k right sides of n numbers, in place; a is not kept.
TW_NODISCARD tw_status tw_spd_solve(int64_t n, const double *a, int64_t k, double *x);

// x [n] with smallest |a x - b|, and the smallest such x when a [m][n] lacks rank (singular values below
// max(m, n) eps s[0] count as zero). *rank: the number of singular values used.
TW_NODISCARD tw_status tw_least_squares(int64_t m, int64_t n, const double *a, const double *b, double *x,
                                        int64_t *rank);

// a, of m rows and n columns and stored column by column (a[j m + i]), becomes Q R by min(m, n) = r reflectors:
// Q = I - v t v', v [m][r] with ones on its diagonal, t [r][r] upper triangular; R is left in the upper part of a.
TW_NODISCARD tw_status tw_qr(int64_t m, int64_t n, double *a, double *v, double *t);

// All eigenvalues, ascending, of the symmetric band matrix with entry (i, j) at band[j (width + 1) + i - j] for
// 0 <= i - j <= width, which is overwritten.
TW_NODISCARD tw_status tw_band_values(int64_t n, int64_t width, double *band, double *value);

// All eigenvalues, ascending, of a [n][n] symmetric (only a[i n + j], i >= j, is read; a is overwritten). Large
// matrices go through a band on all threads (linalg/band.c), with the same bits on any number of them.
TW_NODISCARD tw_status tw_sym_values(int64_t n, double *a, double *value);
// The same through a band of this width, 1 <= width < n.
TW_NODISCARD tw_status tw_sym_values_by_band(int64_t n, int64_t width, double *a, double *value);

#endif
