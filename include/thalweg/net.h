// SPDX-License-Identifier: MIT
// A network: a static graph of operations over one block of parameters.
#ifndef THALWEG_NET_H
#define THALWEG_NET_H

#include "thalweg/base.h"
#include "thalweg/data.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_net tw_net;

// One named parameter tensor, in PyTorch's layout ("fc1.weight" is [out][in]) at an offset of the parameter block.
typedef struct tw_param {
    const char *name;
    int rank;
    int64_t shape[4];
    int64_t offset, count;
    int64_t image[2]; // channels and positions of what each row multiplies, as [channel][position]; {1, 1}: plain
    int64_t fan_in, fan_out;
    int law;          // how it starts, whatever the scheme: 0 drawn by the scheme, 1 ones (gains), 2 zeros (shifts),
                      // 3 a table of embeddings, standard normal under "torch",
                      // 4 truncated normal of variance 2 law_scale / fan_in under "paper"
    double law_scale; // see law 4
} tw_param;

typedef struct tw_net_opts {
    size_t size;
    int real;          // 4: float, 8: double
    const char *loss;  // NULL: "xent" for classes, "mse" for targets; "mse", "half-mse", "logistic": docs/losses.md
    double l2;         // adds (l2 / 2) |w|^2 over all parameters to the objective; 0: none
    const char *init;  // "torch" (default), "he-normal", "he-uniform", "glorot-normal", "glorot-uniform",
                       // "he-truncated", "paper" (what the architecture's paper prescribes, docs/models.md)
    uint64_t seed;     // of the initial weights
    int64_t shard;     // samples a shard; 0: chosen from the problem
    const char *arith; // "f32" (default), "split3", "split6"; "ref" for plain loops
} tw_net_opts;

static inline tw_net_opts tw_net_defaults(void)
{
    tw_net_opts opts = {sizeof opts, 4, NULL, 0, "torch", 0, 0, "f32"};
    return opts;
}

// model: "mlp:784-512-512-10,act=tanh", "simplecnn", "resnet32" and kin (docs/models.md). data gives input shape and
// classes (checked against the model) and is not kept. The caller frees *out with tw_net_free. TW_EINVAL: impossible
// model or mismatch, named; TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_net_new(const char *model, const tw_data *data, const tw_net_opts *opts, tw_net **out);
TW_API void tw_net_free(tw_net *net);

TW_API int64_t tw_net_params(const tw_net *net); // n
TW_API int64_t tw_net_tensors(const tw_net *net);
TW_API const tw_param *tw_net_param(const tw_net *net, int64_t tensor);         // borrowed
TW_API void tw_net_get_weights(const tw_net *net, double *w);                   // [n]
TW_API TW_NODISCARD tw_status tw_net_set_weights(tw_net *net, const double *w); // TW_EINVAL: not finite, and where
TW_API TW_NODISCARD tw_status tw_net_load(tw_net *net,
                                          const char *path); // .safetensors or .npz, names and shapes checked
TW_API TW_NODISCARD tw_status tw_net_save(const tw_net *net, const char *path);

#ifdef __cplusplus
}
#endif
#endif
