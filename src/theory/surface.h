// SPDX-License-Identifier: MIT
// Valleys, saddles and the paths between them, on any function with a gradient and a dense Hessian.
//
//   minimum   Newton's step with |eigenvalues| (never uphill), inside a trust radius
//   saddle    eigenvector following: uphill along the lowest mode, downhill along all others
//   path      steepest descent from the saddle to either side: exponential Rosenbrock steps, exact for a quadratic
//
// Source: Dauphin et al., NeurIPS 2014 (|H|); Cerjan & Miller, J. Chem. Phys. 75 (1981) 2800; Hochbruck, Ostermann &
// Schweitzer, SIAM J. Numer. Anal. 47 (2009) 786. All work is O(n^3) a step: for n up to about a thousand.
#ifndef THEORY_SURFACE_H
#define THEORY_SURFACE_H

#include "base/status.h"

typedef struct tw_surface {
    int64_t n;
    // L and its gradient [n]; its Hessian [n][n], symmetric. What they return stops the search.
    tw_status (*slope)(void *ctx, const double *x, double *value, double *gradient);
    tw_status (*hessian)(void *ctx, const double *x, double *h);
    void *ctx;
} tw_surface;

// A place where the gradient vanishes. x, eig, vector are the caller's to free through tw_critical_free.
typedef struct tw_critical {
    bool found;             // |gradient| <= tolerance, and as many negative eigenvalues as were asked for
    int64_t n, index, flat; // eigenvalues below -eps and within +-eps, eps = 1e-6 of the largest
    double value, gradient; // L and the norm that is left
    double *x;              // [n]
    double *eig;            // [n] ascending
    double *vector;         // [n][n], of eig
    double *h;              // [n][n] the Hessian
} tw_critical;
void tw_critical_free(tw_critical *c);

// Down from x to a minimum. Not found is an answer.
TW_NODISCARD tw_status tw_surface_minimum(const tw_surface *s, const double *x, double tolerance, int64_t most,
                                          tw_critical *out);
// From x to a saddle of index 1, with steps of at most radius.
TW_NODISCARD tw_status tw_surface_saddle(const tw_surface *s, const double *x, double radius, double tolerance,
                                         int64_t most, tw_critical *out);

// Steepest descent from saddle + side delta v until the gradient is below tolerance: points [count][n] from the saddle
// down, with their heights and curvatures along the tangent. The caller frees it with tw_path_free.
typedef struct tw_path {
    bool arrived; // at a minimum, within the steps allowed
    int64_t n, count;
    double *x;      // [count][n]
    double *value;  // [count]
    double *along;  // [count] t' H t
    double *length; // [count] from the saddle
    double share;   // s: (L(c) - L(end)) / (L(saddle) - L(end)), c where t' H t changes sign; NAN: it does not
} tw_path;
TW_NODISCARD tw_status tw_surface_descend(const tw_surface *s, const tw_critical *saddle, double side, double delta,
                                          double stride, double tolerance, int64_t most, tw_path *out);
void tw_path_free(tw_path *p);

#endif
