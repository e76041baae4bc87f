// SPDX-License-Identifier: MIT
// Products of the elementary matrices (Hessian, Gauss-Newton, second moment) over all shards, and the plan behind them.
#ifndef CURV_PRODUCT_H
#define CURV_PRODUCT_H

#include "base/ranks.h"
#include "net/sweep.h"
#include "thalweg/curv.h"

enum { TW_BASE_HESSIAN, TW_BASE_GGN, TW_BASE_MOMENT, TW_BASES };

typedef struct tw_product {
    const tw_net *net;
    const tw_data *data;
    double *noise; // NULL, or [m][out]: labels are drawn from the model with it (sampled Fisher)
    int64_t m, shard, shards, block;
    tw_dealt mine; // the shards of this rank
    int threads;
    bool base[TW_BASES]; // which images are wanted
    int bases;           // how many
    bool kept;           // primal states of all shards are in memory; else recomputed, one a thread
    int64_t kept_bytes, work_bytes, recompute_bytes; // for the plan shown to users
    tw_state *state;                                 // [shards of mine] when kept, [threads] otherwise
    void *state_memory;
    tw_work *work; // [threads]
    void *work_memory;
    tw_work *jacobian; // [shards of mine], NULL: Gauss-Newton products go through the layers (net/sweep_layers.c)
    void *jacobian_memory;
    int64_t jacobian_bytes;
    void *scratch; // [threads][scratch_bytes]
    int64_t scratch_bytes;
    tw_parts *parts;
    void *wt;            // [n][block]
    void *total;         // [bases][n][block]
    double *directional; // where tw_product_directional leaves g_i . v, [m][k]
} tw_product;

// Plans, allocates, and (when kept) runs forward and backward once. memory: bytes allowed, 0: no limit.
// model_labels: adjoints start from labels drawn from the model by (seed, sample).
TW_NODISCARD tw_status tw_product_open(tw_product *product, const tw_net *net, const tw_data *data, const bool *base,
                                       int64_t block, int64_t memory, bool model_labels, uint64_t seed);
void tw_product_close(tw_product *product);

// k <= block directions v[k][n]; images of each wanted base are left in product->total, tensor by tensor: image b of
// tensor t, direction c at ((b n + offset) k + c count), as sums over samples.
TW_NODISCARD tw_status tw_product_apply(tw_product *product, int64_t k, const double *v);

// out[m][k] = g_i . v_c for k <= block directions v[k][n]; the images are not formed.
TW_NODISCARD tw_status tw_product_directional(tw_product *product, int64_t k, const double *v, double *out);

// The value (l2 included), the gradient (n doubles, l2 included) and sample losses (m doubles), each NULL when not
// wanted.
TW_NODISCARD tw_status tw_product_value(const tw_net *net, const tw_data *data, double *gradient, double *sample_loss,
                                        double *gradient_norm2, tw_loss_value *out);

// The plan behind a matrix, for the one who explains it; borrowed.
const tw_product *tw_curv_plan(const tw_curv *curv);

#endif
