// SPDX-License-Identifier: MIT
// The valley a network lies in, the lowest saddle out of it that was found, and what theory makes of both.
//
// Source: Xie, Sato & Sugiyama 2021, theorems 3.1 and 3.2; docs/escape.md.
#ifndef SIM_NETWORK_VALLEY_H
#define SIM_NETWORK_VALLEY_H

#include "sim/network.h"

typedef struct tw_network_valley {
    tw_critical a;      // the minimum; a.x is where escapes start
    double *c;          // [n][n] covariance of one sample's gradient at a
    double slope;       // <C_1, H> / <H, H> with H the Hessian at a without the l2 term
    double correlation; // of their entries
    double trace_ratio; // tr C_1 / tr H
    bool saddle;        // one was found that a path joins to a (or to a mirror image of it, which then is a)
    tw_critical b;
    int64_t starts, hits;       // searches, and those that ended at a saddle joined to a
    double barrier;             // L(b) - L(a)
    double distance;            // |b - a|
    double far;                 // L where the other side of b leads
    double share;               // s; NAN when the curvature along the path does not change sign once
    double hae[3];              // v'Hv; the eigenvalue of H_a that overlaps most with b - a; the lowest one
    double action[2], ridge[2]; // 2 int t'(C_1 + ridge tr C_1/n I)^-1 t dL along the path: exponent times eta / B
    double cramer;              // integral along the path of Cramer's root p: exponent times eta / B
} tw_network_valley;

// Down from w to a minimum and, when starts > 0, from as many random places around it up to saddles. Not found is an
// answer: a.found, saddle.
TW_NODISCARD tw_status tw_network_valley_find(tw_network_surface *s, const double *w, int64_t starts, uint64_t seed,
                                              tw_network_valley *out);
void tw_network_valley_free(tw_network_valley *v);

// ---- one point of an experiment ------------------------------------------------------------------------------------

typedef enum tw_network_noise {
    TW_NETWORK_SAMPLES,    // real minibatches
    TW_NETWORK_COVARIANCE, // Gaussian, C_1(a) / B
    TW_NETWORK_HESSIAN,    // Gaussian, H(a) / B: the paper's assumption
    TW_NETWORK_ISOTROPIC,  // Gaussian, tr C_1(a) / (n B) I
    TW_NETWORK_WHITE       // Gaussian of strength D: covariance 2 eta D of a step
} tw_network_noise;

// Covariance [n][n] of the noise of one gradient: a step adds eta times it.
TW_NODISCARD tw_status tw_network_noise_matrix(const tw_network_valley *v, double l2, tw_network_noise noise, double D,
                                               double eta, double B, double *c);

// What theory says of leaving the valley at rate eta (all NAN where it says nothing). Logarithms of steps.
typedef struct tw_network_predicted {
    double exponent;       // r^2 / (2 Sigma) of the linear chain about a; white noise past a saddle: dL / D
    double ln_steps;       // passages of the linear chain; white noise past a saddle: Kramers' time to it
    double action;         // plane, not for white noise: exponent of the path from a to b
    double paper;          // the paper's exponent: C = H / B everywhere
    double paper_ln_steps; // its time to the saddle; NAN for a box
    double cramer;         // plane, minibatches: exponent of samples drawn one by one
} tw_network_predicted;
TW_NODISCARD tw_status tw_network_predict(const tw_network_valley *v, double l2, tw_network_noise noise, double D,
                                          tw_escape_rule rule, double size, double eta, double B,
                                          tw_network_predicted *out);

#endif
