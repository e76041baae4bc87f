// SPDX-License-Identifier: MIT
// A network on data, seen as a matrix.
#ifndef THALWEG_CURV_H
#define THALWEG_CURV_H

#include "thalweg/linalg.h"
#include "thalweg/net.h"

#ifdef __cplusplus
extern "C" {
#endif

// The objective on a data set: L(w) = (1/m) sum of sample losses + (l2/2)|w|^2, everything weighted by samples.
typedef struct tw_loss_value {
    double loss;          // with the l2 term
    double data_loss;     // without it
    double accuracy;      // NAN for regression
    double gradient_norm; // of the whole objective; NAN when not asked for
} tw_loss_value;

// gradient: NULL or n doubles. sample_loss: NULL or m doubles.
TW_API TW_NODISCARD tw_status tw_loss(const tw_net *net, const tw_data *data, double *gradient, double *sample_loss,
                                      tw_loss_value *out);

// |g_i|^2 of every sample (without the l2 term): m doubles.
TW_API TW_NODISCARD tw_status tw_gradient_norms(const tw_net *net, const tw_data *data, double *out);

// g_i . v_c of every sample i (without the l2 term) and direction c: out[m][k] from v[k][n].
// TW_EINVAL  k < 1.
TW_API TW_NODISCARD tw_status tw_directional(const tw_net *net, const tw_data *data, int64_t k, const double *v,
                                             double *out);

// The diagonal of the Gauss-Newton matrix, l2 term included, exactly: out[n], >= 0. One sweep back with as many
// directions as the network has outputs (docs/traces.md); where tw_diagonals_agree, it is the Hessian's diagonal.
// TW_EINVAL  samples coupled by batch norm, more than one answer a sample;  TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_ggn_diagonal(const tw_net *net, const tw_data *data, double *out);

// Whether every output is piecewise linear in each single parameter: layers that are linear in their weights with relu,
// leaky relu, pooling or sums between them, no weight used by two layers. Then d2 z / d w_j^2 = 0, and the diagonals of
// Hessian and Gauss-Newton matrix are the same.
TW_API bool tw_diagonals_agree(const tw_net *net);

typedef struct tw_curv tw_curv;

typedef struct tw_curv_opts {
    size_t size;
    const char *matrix; // "hessian", "ggn", "fisher", "fisher-sampled", "moment", "covariance", "residual", "h-g"
    const char *layers; // NULL: all parameters; else patterns of names, "fc1.*,fc2.bias": the others are held fixed
    int64_t batch;      // covariance: S, the batch size (default 1)
    bool replacement;   // covariance: batches drawn with replacement (default true)
    int64_t block;      // directions at once (default 8)
    int64_t memory;     // bytes that may be used; 0: no limit. Too small for kept state: recomputed every product
    uint64_t seed;      // sampled Fisher
    tw_progress progress;
} tw_curv_opts;

static inline tw_curv_opts tw_curv_defaults(void)
{
    tw_curv_opts opts = {sizeof opts, "hessian", NULL, 1, true, 8, 0, 0, {NULL, NULL}};
    return opts;
}

// The matrix at the network's present weights. net and data are kept as borrowed pointers and must outlive *out and not
// change. TW_EINVAL: unknown matrix, no parameter matches layers, fisher of a loss that has none; TW_ENOMEM: the plan
// does not fit into opts->memory, with both numbers.
TW_API TW_NODISCARD tw_status tw_curv_new(const tw_net *net, const tw_data *data, const tw_curv_opts *opts,
                                          tw_curv **out);
TW_API void tw_curv_free(tw_curv *curv);
TW_API const tw_linop *tw_curv_linop(const tw_curv *curv); // n = number of parameters kept by layers; borrowed
TW_API const tw_loss_value *tw_curv_loss(const tw_curv *curv);
TW_API int64_t tw_curv_products(const tw_curv *curv); // matrix-vector products so far

#ifdef __cplusplus
}
#endif
#endif
