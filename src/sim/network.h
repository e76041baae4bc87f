// SPDX-License-Identifier: MIT
// Escapes of SGD from a minimum of a dense network on data: thousands of replicas, each with weights of its own.
//
//   w+ = w - eta (mean over B samples, drawn with replacement, of grad l_j(w) + l2 w)           minibatches
//   w+ = w - eta grad L(w) + F z,  z ~ N(0, I)                                                   Gaussian noise
//
// Sixteen replicas stand in a vector, a replica a lane; their inputs are gathered. In float, like training itself.
// Source: Xie, Sato & Sugiyama 2021, section 4; docs/escape.md.
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "linalg/dense.h"
#include "net/net.h"
#include "sim/escape.h"
#include "theory/surface.h"

enum { TW_ESCAPE_LAYERS = 16 };

typedef enum tw_escape_unit {
    TW_UNIT_IDENTITY,
    TW_UNIT_RELU,
    TW_UNIT_TANH,
    TW_UNIT_SIGMOID,
    TW_UNIT_SOFTPLUS
} tw_escape_unit;

// A network of dense layers with its data, as the lanes read them.
typedef struct tw_escape_net {
    int layers;
    int64_t width[TW_ESCAPE_LAYERS + 1];                      // inputs, ..., outputs
    int64_t weight[TW_ESCAPE_LAYERS], bias[TW_ESCAPE_LAYERS]; // offsets in the parameters; bias -1: none
    tw_escape_unit unit[TW_ESCAPE_LAYERS];                    // behind each layer; the last is the identity
    int64_t n, m, widest, values;                             // values: all activations together
    tw_loss_kind loss;
    float l2;
    float *x; // [m][features]
    float *y; // [m][outputs]: targets, one-hot labels, or the label itself (logistic)
} tw_escape_net;

// TW_EINVAL: layers other than dense ones, activations the lanes do not have, more than TW_ESCAPE_LAYERS.
TW_NODISCARD tw_status tw_escape_net_new(const tw_net *net, const tw_data *data, tw_escape_net **out);
void tw_escape_net_free(tw_escape_net *net);

typedef enum tw_escape_rule {
    TW_RULE_BOX,  // out when any |w_i - a_i| >= size
    TW_RULE_PLANE // out when normal . (w - b) >= 0
} tw_escape_rule;

typedef struct tw_escape_walk {
    const tw_escape_net *net;
    tw_escape_rule rule;
    double size;          // box
    const double *a;      // [n] the start, centre of the box
    const double *normal; // [n] plane
    const double *b;      // [n] a point of it
    double eta;
    int64_t batch;        // minibatches
    const double *factor; // [n][n] lower triangular F: Gaussian noise of covariance F F' a step; NULL: minibatches
    uint64_t seed;
} tw_escape_walk;

// steps[replicas], escaped[replicas] as tw_escape_simulate. ledger: NULL, or where groups that are done are kept and
// found again (key: their names begin with it).
TW_NODISCARD tw_status tw_escape_walk_run(const tw_escape_walk *walk, int64_t replicas, int64_t max_steps,
                                          tw_ledger *ledger, const char *key, const tw_progress *progress,
                                          int64_t *steps, bool *escaped);

// TW_EINVAL: a batch, step or box that is not positive.
TW_NODISCARD tw_status tw_escape_walk_check(const tw_escape_walk *walk);

// Mean steps by adaptive multilevel splitting on the distance from the start, as tw_escape_split (sim/escape.h), for
// ends that no simulation reaches. forget: steps after which the start no longer matters.
TW_NODISCARD tw_status tw_escape_walk_split(const tw_escape_walk *walk, int64_t forget, int64_t repeats, int64_t paths,
                                            tw_ledger *ledger, const char *key, const tw_progress *progress,
                                            tw_escape_splitting *out);

// The network's objective as a surface; net and data are borrowed, and the net's weights are changed. The caller frees
// it with tw_network_surface_free.
typedef struct tw_network_surface {
    tw_surface surface;
    tw_net *net;
    const tw_data *data;
    int64_t hessians; // so far
    tw_progress progress;
} tw_network_surface;
void tw_network_surface_open(tw_net *net, const tw_data *data, tw_progress progress, tw_network_surface *out);
// Covariance of one sample's gradient, C_1 = M - grad grad', [n][n].
TW_NODISCARD tw_status tw_network_covariance(const tw_network_surface *s, const double *x, double *c);

#endif
