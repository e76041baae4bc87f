// SPDX-License-Identifier: MIT
// The noise of a network's minibatch gradients beside the matrices it is said to be.
#ifndef THALWEG_CURV_NOISE_H
#define THALWEG_CURV_NOISE_H

#include "thalweg/curv.h"

#ifdef __cplusplus
extern "C" {
#endif

// With g_i the gradient of sample i without the l2 term, g their mean, M = mean g_i g_i^T, L the data loss, H its
// Hessian, G its Gauss-Newton matrix, K the number of outputs:
//
//   truth      C = c (M - g g^T),  c = 1/S with replacement, (N - S)/(S (N - 1)) without: exact at any N
//   "paper"    (2L/(S K)) H - g g^T/S    squared losses only; K = 1 in the paper, and 1/K when residuals are isotropic
//   "paper-g"  the same with G for H
//   "hessian"  H/S        "ggn"  G/S        "moment"  M/S
//
// The factor 2L/K is the same for mse and half-mse: a loss a |r|^2 has M = 4 a^2 E[r r^T], H = 2 a, L = a E|r|^2.
// Source: Ziyin, Liu, Mori & Ueda, ICLR 2022, Definition 1 and Theorem 5; docs/noise.md, "Networks".

typedef struct tw_gradient_noise_opts {
    size_t size;
    int64_t batch; // S
    bool replacement;
    int64_t top;      // leading eigenpairs compared
    int64_t probes;   // random sign vectors for trace and Frobenius; n or more: unit vectors, exact
    double tolerance; // of eigenpairs, as tw_lanczos_opts
    int64_t max_products;
    uint64_t seed;
    int64_t memory; // as tw_curv_opts, for each matrix
    tw_progress progress;
} tw_gradient_noise_opts;

static inline tw_gradient_noise_opts tw_gradient_noise_defaults(void)
{
    tw_gradient_noise_opts opts = {sizeof opts, 32, true, 5, 32, 1e-5, 20000, 0, 0, {NULL, NULL}};
    return opts;
}

typedef struct tw_measured {
    double value, error; // error: standard error by the jackknife over probes; 0 when exact, NAN when not known
} tw_measured;

enum { TW_GRADIENT_NOISE_MATCHES = 5 };

// One candidate P beside C. Frobenius products are of whole matrices.
typedef struct tw_noise_match {
    const char *name, *formula;
    tw_eigs *eigs;           // top + 1 pairs (n when that is fewer), largest first
    double overlap;          // mean cos^2 between the top eigenspaces of C and P
    double overlap_bound;    // |error| of overlap is at most this, by residuals and gaps (Davis & Kahan)
    tw_measured trace_ratio; // tr P / tr C
    tw_measured cosine;      // <C, P> / (|C| |P|)
    tw_measured distance;    // |P - C| / |C|
    tw_measured scale;       // the a that makes |a P - C| least: <C, P> / <P, P>
} tw_noise_match;

typedef struct tw_gradient_noise {
    int64_t n, samples, batch, outputs, top;
    bool replacement, squared, exact; // exact: traces and norms without probes
    int64_t probes;                   // used
    double factor;                    // c
    tw_loss_value loss;               // gradient_norm: of the data loss alone
    double trace;                     // tr C, exact, from per-sample norms
    tw_measured norm;                 // |C|
    tw_eigs *eigs;                    // of C, as in tw_noise_match
    int64_t count;                    // matches: 5 for squared losses, 3 otherwise
    tw_noise_match match[TW_GRADIENT_NOISE_MATCHES];
    int64_t products;
} tw_gradient_noise;

// At the network's present weights. C = 0 (full batch, or all gradients equal) leaves ratios NAN.
// TW_EINVAL  batch, top or probes < 1 (probes 1 or 2 too, unless that is n), batch > samples without replacement;
//            TW_ENUMERIC, TW_ENOMEM, TW_ESTOPPED. Pairs that did not converge are marked in eigs.
TW_API TW_NODISCARD tw_status tw_gradient_noise_new(const tw_net *net, const tw_data *data,
                                                    const tw_gradient_noise_opts *opts, tw_gradient_noise **out);
TW_API void tw_gradient_noise_free(tw_gradient_noise *noise);

#ifdef __cplusplus
}
#endif
#endif
