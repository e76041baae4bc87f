// SPDX-License-Identifier: MIT
// Exits from a box around a minimum under Gaussian noise, and exponents of noise that is not Gaussian.
#ifndef THEORY_ESCAPE_LINEAR_H
#define THEORY_ESCAPE_LINEAR_H

#include "base/status.h"

// The chain w+ = w - eta H w + eta C^(1/2) xi about its minimum: h [n][n] with eigenvalues eig[n] (ascending) and
// eigenvectors vector[n][n], all > 0 and eta eig < 2; c [n][n] the covariance of the noise of one gradient (C_1 / B).
//
//   Sigma     stationary covariance, Sigma = (I - eta H) Sigma (I - eta H) + eta^2 C
//   exponent  least of r^2 / (2 Sigma_ii): -ln of the rate out of |w_i| <= r to leading order
//   steps     1 / sum_i of 2 l_i u_i phi(u_i), u_i = r'_i / Sigma_ii^(1/2): Pickands' rate of passages of a high level,
//             l_i = eta (H Sigma)_ii / Sigma_ii, and r'_i = r + 0.5826 eta C_ii^(1/2) for the steps' overshoot
//
// steps holds where the least u is above about 3. Source: Pickands, Trans. Amer. Math. Soc. 145 (1969) 51; Broadie,
// Glasserman & Kou, Math. Finance 7 (1997) 325; docs/escape.md. TW_EINVAL: an eigenvalue out of range, r <= 0.
typedef struct tw_escape_linear {
    double exponent, steps, log_steps;
    double level;     // least u
    int64_t tightest; // its coordinate
} tw_escape_linear;
// place: NULL, or [n]: where the stationary law is largest on the tightest side, w_i = r: r Sigma e_i / Sigma_ii.
TW_NODISCARD tw_status tw_escape_linear_box(int64_t n, const double *eig, const double *vector, const double *c,
                                            double eta, double r, double *place, tw_escape_linear *out);
// The same past the plane normal . w = r, |normal| = 1: one direction, one side.
TW_NODISCARD tw_status tw_escape_linear_plane(int64_t n, const double *eig, const double *vector, const double *c,
                                              double eta, const double *normal, double r, double *place,
                                              tw_escape_linear *out);

// The p > 0 with ln sum_j weight_j e^(-p s_j) = 0 for slopes s_j of mean > 0 (weights of sum 1; NULL: all equal): along
// a path, -ln rate -> (B / eta) times the integral of p for batches of B drawn independently. Infinite where no s_j is
// negative: no batch of one climbs there. Source: Cramer 1938; docs/escape.md. TW_EINVAL: the mean is not positive.
TW_NODISCARD tw_status tw_escape_cramer(int64_t m, const double *s, const double *weight, double *p);

#endif
