// SPDX-License-Identifier: MIT
// The four sweeps of a whole network over one shard, on memory that was planned before.
#ifndef NET_SWEEP_H
#define NET_SWEEP_H

#include "net/net.h"

// The primal state of one shard: what forward and backward leave for every further product.
typedef struct tw_state {
    int64_t s;
    const void *x;           // [s][in], borrowed or own
    const int32_t *label;    // [s], or NULL
    const double *target;    // [s][out], or NULL
    void *own_x;             // room for x when it must be converted or gathered
    void *y[TW_MOST_NODES];  // [s][out] of each node; in-place nodes share their input's
    void *yb[TW_MOST_NODES]; // likewise
    void *d[TW_MOST_NODES];  // activations: phi'
    void *e[TW_MOST_NODES];  // activations with phi'': phi'' yb after backward; NULL when not planned
    void *p;                 // the loss's, [s][out]
    double *loss;            // [s], with room for one number a position
    int32_t *next;           // [s][positions]: labels of the loss "next"
    tw_dropping drop;        // off unless a trainer sets it before forward
    void *scratch;           // a thread's, tw_scratch_bytes: set it before sweeping a kept state
} tw_state;

// Tangents of one shard for at most k directions.
typedef struct tw_work {
    void *yt[TW_MOST_NODES];  // [s][k][out]
    void *ybt[TW_MOST_NODES]; // [s][k][out]
    double *c;                // [s][k]
    double *layer_c;          // [s][k]
} tw_work;

// What a state is for, which decides what it keeps: adjoints as long as one backward needs them; those that later
// sweeps and norms read; and e as well.
typedef enum tw_state_use { TW_FOR_GRADIENT, TW_FOR_ADJOINTS, TW_FOR_HESSIAN } tw_state_use;

// Bytes, then pointers into memory of that size. own_x: x is copied. Values and adjoints that nobody reads any more
// give their room to others: only those of the output, of what layers with parameters read, and of what they make,
// last.
int64_t tw_state_plan(const tw_net *net, int64_t s, tw_state_use use, bool own_x, void *memory, tw_state *state);
int64_t tw_work_plan(const tw_net *net, int64_t s, int64_t k, void *memory, tw_work *work);

// Whether inputs must be converted or rearranged, so that a state needs own_x.
bool tw_net_copies_input(const tw_net *net, const tw_data *data);
int64_t tw_scratch_bytes(const tw_net *net, int64_t s, int64_t k);

// Samples first ... first + s - 1 of data, or index[first ...] when index is not NULL (then labels go to own memory
// too: label_room[s], target_room[s][out], NULL otherwise).
void tw_state_set_data(const tw_net *net, const tw_data *data, const int64_t *index, int64_t first, int64_t s,
                       int32_t *label_room, double *target_room, tw_state *state);

void tw_sweep_forward(const tw_net *net, tw_state *state); // y, d, e
void tw_sweep_loss(const tw_net *net, tw_state *state);    // loss, p, yb of the output: per sample, not averaged
// The same with labels drawn from the model: noise[s][out] as in tw_loss_sample. Overwrites yb of the output.
void tw_sweep_sample_loss(const tw_net *net, tw_state *state, const double *noise);
void tw_sweep_backward(const tw_net *net, tw_state *state,
                       void *wb); // yb, e; wb[n]: sum over samples, NULL: not wanted

// wt and wbt: [n][k] tensor by tensor (net/op.h).
void tw_sweep_tangent(const tw_net *net, const tw_state *state, int64_t k, const void *wt, tw_work *work);
// Hessian (product_rule) or Gauss-Newton image of the tangents: the loss's second derivative, then back to wbt.
void tw_sweep_backward_tangent(const tw_net *net, const tw_state *state, int64_t k, const void *wt, bool product_rule,
                               tw_work *work, void *wbt);
// The way back alone, from ybt of the outputs. wbt: NULL: not wanted.
void tw_sweep_adjoint_tangents(const tw_net *net, const tw_state *state, int64_t k, const void *wt, bool product_rule,
                               tw_work *work, void *wbt);
// wbt = sum over samples of (g_i . v) g_i from the tangents and the kept adjoints, without propagating back.
// The weights g_i . v are read from work->c.
void tw_sweep_moment(const tw_net *net, const tw_state *state, int64_t k, tw_work *work, void *wbt);

// Shortcuts for networks of dense layers alone, which need no tangents of hidden values: with J_l the Jacobian of the
// outputs with respect to layer l (before its activation), a tangent of the outputs is the sum over layers of J_l times
// what the direction does in that layer, and adjoints come back by J_l' at once.
bool tw_net_is_dense(const tw_net *net);
// Whether a Gauss-Newton product through kept Jacobians is cheaper than through the layers: few outputs, wide layers.
bool tw_sweep_jacobian_pays(const tw_net *net);
// The Jacobians of one shard, [s][outputs][f] in jacobian->ybt of each layer's node (yt and c are not used).
int64_t tw_jacobian_plan(const tw_net *net, int64_t s, void *memory, tw_work *jacobian);
void tw_sweep_jacobian(const tw_net *net, const tw_state *state, tw_work *jacobian); // state after forward
// wbt = Gauss-Newton image of wt. Two products a layer for each direction, against four.
void tw_sweep_ggn(const tw_net *net, const tw_state *state, const tw_work *jacobian, int64_t k, const void *wt,
                  tw_work *work, void *wbt);
// c[s][k] = g_i . v_k = sum over layers of yb . (V x + c), without tangents of hidden values: work->c.
void tw_sweep_directional_by_layers(const tw_net *net, const tw_state *state, int64_t k, const void *wt, tw_work *work);

// The diagonal of the Gauss-Newton matrix, exactly (net/sweep_diagonal.c), as a sum over samples: diagonal[n], written.
// State after forward and loss; work for as many directions as there are outputs; room: tw_diagonal_room bytes. Dense
// networks alone take several samples at once.
int64_t tw_diagonal_room(const tw_net *net, int64_t s);
void tw_sweep_ggn_diagonal(const tw_net *net, const tw_state *state, tw_work *work, void *room, void *diagonal);
// Whether every output is piecewise linear in each single parameter, which makes it the Hessian's diagonal too.
bool tw_net_is_linear_by_weight(const tw_net *net);

// c[s][k] = g_i . v_k, from the tangents.
void tw_sweep_directional(const tw_net *net, const tw_state *state, int64_t k, const tw_work *work, double *c);

// The right answers of one shard, at all positions.
int64_t tw_sweep_count_right(const tw_net *net, const tw_state *state);

// After forward in a training step: running = (1 - momentum) running + momentum batch, the variance with divisor N - 1,
// in every batch norm that uses the batch's statistics.
void tw_sweep_track(tw_net *net, const tw_state *state);

// Whether gradient norms come layer by layer; else (shared parameters, embeddings, grouped convolutions) each sample
// needs a state of its own: sweep backward with s = 1.
bool tw_net_norms_by_layer(const tw_net *net);
// norm[s] = |g_i|^2 (state after backward); scratch: 2 s numbers.
void tw_sweep_gradient_norms(const tw_net *net, const tw_state *state, double *scratch, double *norm);

// Flops of 2 per multiply-add in the matrix products, for one sample (and one direction).
typedef struct tw_flops {
    double forward, backward, tangent, hessian, ggn, moment; // hessian, ggn, moment: after the tangent
} tw_flops;
tw_flops tw_sweep_flops(const tw_net *net);

#endif
