// SPDX-License-Identifier: MIT
// What a network is inside.
#ifndef NET_NET_H
#define NET_NET_H

#include "net/op.h"
#include "thalweg/net.h"

typedef enum tw_loss_kind { TW_LOSS_XENT, TW_LOSS_MSE, TW_LOSS_HALF_MSE, TW_LOSS_LOGISTIC, TW_LOSS_NEXT } tw_loss_kind;

enum { TW_MOST_NODES = 1024 };

typedef struct tw_buffer {
    char *name;
    int64_t offset, count, after;
    double start; // 0 for means, 1 for variances
} tw_buffer;

struct tw_net {
    char *model; // as the user wrote it
    const tw_kernels *kern;
    tw_loss_kind loss;
    double l2;
    int64_t shard;      // samples a shard as asked for; 0: chosen from the number of samples
    int64_t in, out, n; // features in, outputs, parameters
    int64_t tensors;
    tw_param *param;
    int64_t channels, places; // of the input: > 1 channels and places mean images, stored channel last inside
    int nodes;
    tw_node node[TW_MOST_NODES];
    void *w; // [n], in the kernel table's type
    // Running statistics of batch norms: no parameters, but stored with them. after: the tensor they follow on disk.
    int64_t stats, buffers;
    struct tw_buffer *buffer;
    void *stat;         // [stats], in the kernel table's type
    int64_t out_places; // positions of the output: > 1 when the loss is taken at each of them
};

// Samples in a shard of a batch of m: a function of the problem alone.
int64_t tw_net_shard(const tw_net *net, int64_t m);

// Whether a sample's output depends on the other samples (batch norm with the batch's own statistics): then a shard is
// the whole batch, and single samples have no gradient.
bool tw_net_couples_samples(const tw_net *net);
TW_NODISCARD tw_status tw_net_needs_samples(const tw_net *net, const char *what); // TW_EINVAL when they are coupled

// Another network of the same model, loss, numbers and weights; data as for tw_net_new.
TW_NODISCARD tw_status tw_net_twin(const tw_net *net, const tw_data *data, tw_net **out);

// Running statistics of a network of the same model.
void tw_net_copy_stats(tw_net *to, const tw_net *from);

// Nodes and parameter tensors from the model string; data gives the shape of images and the number of classes.
tw_status tw_model_parse(const char *model, const tw_data *data, tw_net *net);

tw_status tw_model_seq(const char *text, const tw_data *data, tw_net *net);       // one's own, layer after layer
tw_status tw_model_sequence(const char *model, const tw_data *data, tw_net *net); // gpt, lstm
// "relu", "leaky-relu(0.1)", ...
TW_NODISCARD tw_status tw_model_activation(const char *model, const char *text, tw_activation *activation,
                                           double *slope);
tw_status tw_model_conv(const char *model, const tw_data *data, tw_net *net); // architectures for images

// Between the order of memory (channel last) and that of files and of every vector outside (PyTorch's): k blocks of
// parameters, tensor by tensor inside ([k][count] at k offset), block by block outside ([k][n]).
void tw_net_import(const tw_net *net, int64_t k, const double *outside, void *inside);
// outside (+)= scale inside.
void tw_net_export(const tw_net *net, int64_t k, double scale, bool add, const void *inside, double *outside);

// Fills net->w by the scheme's name.
tw_status tw_net_init(tw_net *net, const char *scheme, uint64_t seed);

tw_status tw_loss_parse(const char *name, const tw_data *data, tw_net *net);
const char *tw_loss_name(tw_loss_kind kind);

// Whether the network and the data fit: features, outputs, labels. Messages name both.
tw_status tw_net_fits(const tw_net *net, const tw_data *data);

#endif
