// SPDX-License-Identifier: MIT
// Mean times of escape from minima: formulas and exact answers.
//
//   SDE     dx = -L'(x) dt + sqrt(2 D(x)) dW, in time
//   chain   x+ = x - eta L'(x) + sqrt(2 eta D(x)) xi, xi ~ N(0, 1), in steps; SGD has D = eta C(x) / (2 B)
//
// Motion is reflected (SDE) or a move rejected (chain) at lo, and ends where x >= absorb.
// Source: Xie, Sato & Sugiyama, "A Diffusion Theory For Deep Learning Dynamics", ICLR 2021; derivations and where the
// paper's formula departs from the exact answers: docs/escape.md.
#ifndef THALWEG_THEORY_ESCAPE_H
#define THALWEG_THEORY_ESCAPE_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// Everything below returns TW_EINVAL for numbers out of range (named), TW_ENUMERIC when the answer is no double or
// could not be had to 1e-9 (functions: to 1e-6; both numbers in the message), TW_ENOMEM. Outputs are untouched on
// failure.

typedef enum tw_escape_shape {
    TW_ESCAPE_POLY,      // sum of coef[i] x^i
    TW_ESCAPE_PIECEWISE, // H_a x^2 / 2 up to c, then dL - |H_b| (x - b)^2 / 2, and its mirror image about b; C^1
    TW_ESCAPE_FUNCTION   // value(ctx, d, x): L, L', L'' for d = 0, 1, 2; smooth, or quadrature says it is not
} tw_escape_shape;

typedef struct tw_escape_landscape {
    tw_escape_shape shape;
    int64_t terms;                                     // poly: coefficients, >= 1
    const double *coef;                                // borrowed
    double ha, hb, dl;                                 // piecewise: H_a, |H_b| and the barrier, all > 0
    double (*value)(const void *ctx, int d, double x); // function
    const void *ctx;                                   // borrowed
} tw_escape_landscape;

typedef enum tw_escape_law {
    TW_ESCAPE_CONST,     // D = scale
    TW_ESCAPE_POLY_D,    // D = sum of coef[i] x^i
    TW_ESCAPE_HESSIAN,   // D = scale H_a before c, scale |H_b| behind it; needs a piecewise landscape
    TW_ESCAPE_ABS_HESS,  // D = scale sqrt(L''^2 + delta^2)
    TW_ESCAPE_TANH_BLEND // D = scale (da + (db - da)(1 + tanh((x - xc) / w)) / 2)
} tw_escape_law;

typedef struct tw_escape_diffusion {
    tw_escape_law law;
    double scale, delta, da, db, xc, w;
    int64_t terms;
    const double *coef; // borrowed
} tw_escape_diffusion;

typedef enum tw_escape_convention { TW_ESCAPE_ITO, TW_ESCAPE_STRATONOVICH, TW_ESCAPE_ISOTHERMAL } tw_escape_convention;

typedef struct tw_escape_problem {
    tw_escape_landscape landscape;
    tw_escape_diffusion diffusion;
    tw_escape_convention convention; // of the SDE; the chain is Ito by itself
    double lo, start, absorb;        // lo <= start < absorb
} tw_escape_problem;

// L (d = 0), L' (1) or L'' (2; piecewise: of the left piece at a jump).
TW_API double tw_escape_value(const tw_escape_landscape *landscape, int d, double x);
TW_API double tw_escape_diffusion_at(const tw_escape_problem *problem, double x);

// Mean first-passage time of the SDE by quadrature; error: an estimate of its relative error, from half the panels.
typedef struct tw_escape_time {
    double mean, log_mean, error;
    double exponent; // integral of L'/D from start to absorb
} tw_escape_time;
TW_API TW_NODISCARD tw_status tw_escape_mfpt(const tw_escape_problem *problem, tw_escape_time *out);

// Mean number of steps of the chain: the integral equation by Gauss panels and elimination without subtractions
// (Grassmann, Taksar & Heyman, Oper. Res. 33 (1985) 1107). error: from panels 3/4 as wide.
TW_API TW_NODISCARD tw_status tw_escape_chain(const tw_escape_problem *problem, double eta, tw_escape_time *out);

// White noise of strength D (paper, theorem 3.1): 2 pi sqrt(-det H_b / det H_a) / |H_be| exp(dL / D), with hb[0] < 0
// the escape direction; to the next well. Stopping on the saddle takes half as long.
TW_API TW_NODISCARD tw_status tw_escape_kramers(int64_t n, const double *ha, const double *hb, double dl, double D,
                                                double *full, double *to_saddle);

// The paper's theorem 3.2 for SGD with D = eta H / (2 B): exponent (2 B dL / eta)(s / H_ae + (1 - s) / |H_be|).
typedef struct tw_escape_ddt {
    double exponent, tau_time, tau_steps;
} tw_escape_ddt;
TW_API TW_NODISCARD tw_status tw_escape_ddt_time(double dl, double hae, double hbe_abs, double s, double eta, double B,
                                                 tw_escape_ddt *out);

// From the centre of a quadratic well with eigenvalues h[n] > 0 and D_i = (eta / 2B) h_i out of |x_i| <= half_width.
TW_API TW_NODISCARD tw_status tw_escape_box(int64_t n, const double *h, double eta, double B, double half_width,
                                            double *mean);
// From the centre of V = lambda r^2 / 2 in n dimensions under white noise D out of the ball r < R.
TW_API TW_NODISCARD tw_status tw_escape_ball(int64_t n, double lambda, double D, double R, double *mean);

// V = (x^2 - 1)^2 + kappa(x) y^2 / 2 with kappa going from ka to kb as tanh around centre; reflecting at x = lo, ending
// at x = absorb. hessian: D = c diag(h_e(x), kappa(x)), h_e from ha to hb as tanh; else D the same everywhere. Ito.
typedef struct tw_escape_coupled {
    double ka, kb, centre, width;
    bool hessian;
    double D; // white: D; hessian: c
    double ha, hb, hcentre, hwidth;
    double lo, absorb, x, y;
} tw_escape_coupled;
TW_API TW_NODISCARD tw_status tw_escape_coupled_time(const tw_escape_coupled *problem, tw_escape_time *out);

// Mean time until the first of n independent copies of the SDE ends (exact, where T_1 / n is right only for rare
// escapes), and the slowest rate of one copy. Smooth landscapes; exponents below 600.
TW_API TW_NODISCARD tw_status tw_escape_first(const tw_escape_problem *problem, int64_t n, double *mean,
                                              double *slowest_rate);

// A process that jumps between n valleys at rates[n][n] (from row to column; the diagonal is not read): the shares of
// time in each, stationary[n], and mean times of a stay, residence[n] (INFINITY: it cannot leave). TW_EINVAL: a rate is
// negative, or some valley has no way back to those before it.
TW_API TW_NODISCARD tw_status tw_escape_valleys(int64_t n, const double *rates, double *stationary, double *residence);

// Critical points of a polynomial, ascending: at most terms - 2. type: "min", "max", or "inflection" where L'' = 0 to
// rounding.
typedef struct tw_escape_point {
    double x, value, curvature;
    const char *type;
} tw_escape_point;
TW_API TW_NODISCARD tw_status tw_escape_critical_points(int64_t terms, const double *coef, int64_t *count,
                                                        tw_escape_point *out);

// Rate of right-censored exponential times: events / exposure with the exact 95 % interval by chi-squared.
typedef struct tw_escape_rate {
    int64_t events;
    double exposure, rate, lo, hi;
    double ln_tau, se_ln_tau; // NAN without events
} tw_escape_rate;
TW_API TW_NODISCARD tw_status tw_escape_rate_mle(int64_t n, const double *duration, const bool *event,
                                                 tw_escape_rate *out);

// Are censored times exponential? Score test of a Weibull law against shape 1: N(0, 1) where they are; positive: too
// few short times (a dead time). Times of 0 are left out; NAN without events. Source: Cox & Oakes 1984, section 3.7.
TW_API TW_NODISCARD tw_status tw_escape_weibull(int64_t n, const double *duration, const bool *event, double *z);

// y = intercept + slope x by least squares with weights 1 / se^2; p: of a chi-squared as large, dof = n - 2.
typedef struct tw_escape_line {
    double intercept, slope, se_intercept, se_slope, chi2, p, r2;
    int64_t dof;
} tw_escape_line;
TW_API TW_NODISCARD tw_status tw_escape_fit(int64_t n, const double *x, const double *y, const double *se,
                                            tw_escape_line *out);

#ifdef __cplusplus
}
#endif
#endif
