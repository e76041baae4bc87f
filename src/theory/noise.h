// SPDX-License-Identifier: MIT
// Shared by the files noise_*.c: small dense products, and a regression problem in its scaled eigenbasis.
#ifndef THEORY_NOISE_H
#define THEORY_NOISE_H

#include "base/alloc.h"
#include "thalweg/theory_noise.h"

// C[m][n] = op(A) op(B), double, rows of C dealt to threads in fixed blocks: same bits for any number of threads.
TW_NODISCARD tw_status tw_noise_mul(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const double *a, const double *b,
                                    double *c);
// Eigenvalues ascending, eigenvectors in the columns of v[n][n]; a[n][n] symmetric is kept.
TW_NODISCARD tw_status tw_noise_eig(int64_t n, const double *a, double *w, double *v);
// v[n][n] f(w) v^T in place of what is in out[n][n].
TW_NODISCARD tw_status tw_noise_compose(int64_t rows, int64_t r, const double *v, const double *f, double *out);
// T M T^T: t[r][n], m[n][n] -> out[r][r] when transpose is false; t[n][r], T^T M T when true.
TW_NODISCARD tw_status tw_noise_congruence(bool transpose, int64_t n, int64_t r, const double *t, const double *m,
                                           double *out);
// sum x_i y_i, in blocks and then over blocks: error grows with log n.
double tw_noise_dot(int64_t n, const double *x, const double *y);
void tw_noise_symmetrise(int64_t n, double *a);
// Finite and symmetric to 1e-9 of the largest entry, else TW_EINVAL naming the matrix and the entry.
TW_NODISCARD tw_status tw_noise_check_symmetric(const char *name, int64_t n, const double *a);
TW_NODISCARD tw_status tw_noise_check_finite(const char *name, int64_t n, const double *x);

// The moving subspace in the frame where the learning rate is 1 (docs/noise.md, "The scaled frame").
typedef struct tw_noise_frame {
    int64_t D, r;
    double mu;
    double *root, *inverse_root; // Lambda^1/2, Lambda^-1/2: [D][D]
    double *V, *RV;              // [D][r]: eigenvectors of Q^T K~ Q, and Lambda^1/2 times them
    double *h;                   // [r] ascending
} tw_noise_frame;

// Ao and Gamma in original coordinates; gamma_zero says that Gamma is exactly 0.
TW_NODISCARD tw_status tw_noise_frame_make(int64_t D, double mu, const double *Ao, const double *Gamma, bool gamma_zero,
                                           const double *Lambda, double rank_tol, tw_noise_frame *out);
void tw_noise_frame_drop(tw_noise_frame *frame);

// Noise that is affine in X = the covariance of w - w*: N(X) + C0, in the scaled eigenbasis.
typedef struct tw_noise_operator {
    int64_t r;
    bool diagonal;        // A = diag(h): population without Gamma
    double *A;            // [r][r], or [r] when diagonal
    double c1, c2, scale; // population: scale = 1/S; data: scale = c_SN
    int64_t N;            // 0: population
    double *Z;            // data: [N][r]
    double *C0;           // [r][r]
    double *scratch;      // [r][r] x 2, and [N][r] + [N] for data
} tw_noise_operator;

TW_NODISCARD tw_status tw_noise_apply(const tw_noise_operator *op, const double *X, double *Y);
void tw_noise_operator_drop(tw_noise_operator *op);

// The largest eigenvalue of X -> s.(diag . X + N(s.X)) (. entry by entry; diag NULL: none), by locally optimal
// conjugate gradients; start[r][r] is read and becomes the eigenvector.
TW_NODISCARD tw_status tw_noise_top(const tw_noise_operator *op, const double *s, const double *diag, double *start,
                                    double *value);
TW_NODISCARD tw_status tw_noise_gain(const tw_noise_operator *op, const tw_noise_frame *frame, double *gain);
TW_NODISCARD tw_status tw_noise_limit(const tw_noise_operator *op, const tw_noise_frame *frame, double *t_max);
// gain: as found by tw_noise_gain.
TW_NODISCARD tw_status tw_noise_radius(const tw_noise_operator *op, const tw_noise_frame *frame, double gain,
                                       double *rho);
// d_ij of Theorem 1: (1-mu)(h_i + h_j) - q h_i h_j + p (h_i^2 + h_j^2).
double tw_noise_lyapunov_factor(double mu, double hi, double hj);
// (L - N) X = C0. *positive is false when a direction of no positive curvature was met.
TW_NODISCARD tw_status tw_noise_stationary(const tw_noise_operator *op, const tw_noise_frame *frame, double tol,
                                           double *X, bool *positive);
// Not a minimum, unstable as gradient descent, or TW_NOISE_STABLE so far.
tw_noise_status tw_noise_frame_status(const tw_noise_frame *frame);

#endif
