// SPDX-License-Identifier: MIT
// Products of dense networks layer by layer, without tangents of hidden values.
//
// A direction (V_l, c_l) moves the outputs z by
//     zt = sum over layers of J_l a_l,   a_l = V_l x_{l-1} + c_l,   J_l = d z / d (layer l before its activation),
// so with the J_l of every sample kept, a Gauss-Newton product is: a_l for all layers; zt; u = (d2 loss/d z2) zt;
// adjoints J_l' u; and the weight images (J_l' u) x'. That is two matrix products a layer for each direction where the
// way through the layers takes four; J_l costs outputs x width numbers a sample. For the second moment even J_l is not
// needed: the kept adjoint yb_l is J_l' (d loss / d z), so g_i . v = sum over layers of yb_l . a_l. Cost of J_l: 4
// outputs f flops a sample, direction and layer of f features.
#include "net/loss.h"
#include "net/sweep.h"

#include <string.h>

enum { MOST_OUTPUTS = 32 };

bool tw_net_is_dense(const tw_net *net)
{
    for (int i = 0; i < net->nodes; i++)
        if (net->node[i].op != &tw_op_dense && net->node[i].op != &tw_op_activation) return false;
    return net->node[net->nodes - 1].op == &tw_op_dense;
}

bool tw_sweep_jacobian_pays(const tw_net *net)
{
    double saved = 0, spent = 0;
    if (!tw_net_is_dense(net) || net->out > MOST_OUTPUTS) return false;
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        if (n->weight < 0) continue;
        if (n->input[0] > 0) saved += 4 * (double)n->in * (double)n->out;
        // Small products run at a third of the speed of large ones, and each of the two calls costs some 100 ns.
        spent += 3 * 4 * (double)net->out * (double)n->out + 4000;
    }
    return saved > spent;
}

int64_t tw_jacobian_plan(const tw_net *net, int64_t s, void *memory, tw_work *jacobian)
{
    int64_t used = 0;
    *jacobian = (tw_work){.c = NULL};
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        if (n->in_place) {
            jacobian->ybt[i] = jacobian->ybt[n->input[0] - 1];
            continue;
        }
        jacobian->ybt[i] = memory ? (char *)memory + used : NULL;
        used += (s * net->out * n->out * (int64_t)net->kern->real + 63) / 64 * 64;
    }
    return used;
}

static tw_view layer_view(const tw_net *net, const tw_state *state, int i, int64_t k)
{
    const tw_node *n = &net->node[i];
    return (tw_view){.kern = net->kern,
                     .node = n,
                     .s = state->s,
                     .k = k,
                     .x = {n->input[0] > 0 ? state->y[n->input[0] - 1] : state->x},
                     .d = state->d[i],
                     .yb = state->yb[i],
                     .w = net->w};
}

void tw_sweep_jacobian(const tw_net *net, const tw_state *state, tw_work *jacobian)
{
    int last = net->nodes - 1;
    int64_t out = net->out, size = out * out * (int64_t)net->kern->real;
    double unit[MOST_OUTPUTS * MOST_OUTPUTS] = {0};
    for (int64_t j = 0; j < out; j++) unit[j * out + j] = 1;
    for (int64_t i = 0; i < state->s; i++)
        net->kern->map->from_double(out * out, unit, (char *)jacobian->ybt[last] + i * size);
    for (int i = last; i >= 0; i--) {
        tw_view v = layer_view(net, state, i, out);
        v.ybt = jacobian->ybt[i];
        v.xbt[0] = v.node->input[0] > 0 ? jacobian->ybt[v.node->input[0] - 1] : NULL;
        if (v.xbt[0]) v.node->op->backward_tangent(&v);
    }
}

static const void *row(const tw_net *net, const void *block, int64_t numbers)
{
    return (const char *)block + numbers * (int64_t)net->kern->real;
}

void tw_sweep_ggn(const tw_net *net, const tw_state *state, const tw_work *jacobian, int64_t k, const void *wt,
                  tw_work *work, void *wbt)
{
    int last = net->nodes - 1;
    int64_t out = net->out;
    char *zt = work->yt[last], *u = work->ybt[last];
    for (int i = last; i >= 0; i--) {
        tw_view v = layer_view(net, state, i, k);
        int64_t f = v.node->out;
        if (v.node->weight < 0) continue;
        v.yt = work->yt[i];
        v.wt = wt;
        v.node->op->tangent(&v);
        for (int64_t j = 0; i < last && j < state->s; j++)
            net->kern->gemm(false, true, k, out, f, row(net, v.yt, j * k * f), f,
                            row(net, jacobian->ybt[i], j * out * f), f, 1, zt + j * k * out * (int64_t)net->kern->real,
                            out);
    }
    tw_loss_tangent(net, state->s, k, state->p, zt, u);
    for (int i = last; i >= 0; i--) {
        tw_view v = layer_view(net, state, i, k);
        int64_t f = v.node->out;
        if (v.node->weight < 0) continue;
        v.ybt = work->ybt[i];
        for (int64_t j = 0; i < last && j < state->s; j++)
            net->kern->gemm(false, false, k, f, out, row(net, u, j * k * out), out,
                            row(net, jacobian->ybt[i], j * out * f), f, 0,
                            (char *)v.ybt + j * k * f * (int64_t)net->kern->real, f);
        v.wbt = wbt;
        v.node->op->backward_tangent(&v);
    }
}

void tw_sweep_directional_by_layers(const tw_net *net, const tw_state *state, int64_t k, const void *wt, tw_work *work)
{
    bool begun = false;
    for (int i = net->nodes - 1; i >= 0; i--) {
        tw_view v = layer_view(net, state, i, k);
        if (v.node->weight < 0) continue;
        v.yt = work->yt[i];
        v.wt = wt;
        v.node->op->tangent(&v);
        net->kern->map->dots(state->s, k, v.node->out, v.yb, v.yt, begun ? work->layer_c : work->c);
        for (int64_t j = 0; begun && j < state->s * k; j++) work->c[j] += work->layer_c[j];
        begun = true;
    }
}
