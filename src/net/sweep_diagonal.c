// SPDX-License-Identifier: MIT
// The diagonal of the Gauss-Newton matrix, exactly, in one sweep back.
//
// With u_c rows such that sum_c u_c u_c' = d2 loss / d z2 (for softmax u_c = sqrt(p_c) (e_c - p)) and J the Jacobian of
// a sample's outputs z,
//     diag G = sum over samples of sum_c (J' u_c)^2, entry by entry.
// The adjoints u_c go back as so many directions. A dense layer, y = x W' + b with adjoints ub_c, has
//     (J' u_c)[W_rf] = ub_c[r] x[f], so its part is q' (x x) with q[r] = sum_c ub_c[r]^2:
// one product for all samples. Elsewhere (convolutions: positions add up before squares are taken) the gradients of one
// sample are written out, one sample at a time.
//
// diag H = diag G + sum_k (d loss / d z_k) d2 z_k / d w_j^2, and the last is 0 where each output is piecewise linear in
// any single weight, at every depth: Martens, Sutskever & Swersky, ICML 2012, for the factors; Dangel, Kunstner &
// Hennig, ICLR 2020, for layers.
#include "net/loss.h"
#include "net/sweep.h"

static bool is_linear(const tw_node *n)
{
    static const tw_op_kind *const kinds[] = {&tw_op_add,         &tw_op_bias,      &tw_op_concat,  &tw_op_conv,
                                              &tw_op_conv_groups, &tw_op_dense,     &tw_op_dropout, &tw_op_flatten,
                                              &tw_op_max_pool,    &tw_op_mean_pool, &tw_op_slice};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n->op == kinds[i]) return true;
    if (n->op == &tw_op_batch_norm) return n->fixed;
    return n->op == &tw_op_activation &&
           (n->activation == TW_ACT_IDENTITY || n->activation == TW_ACT_RELU || n->activation == TW_ACT_LEAKY_RELU);
}

bool tw_net_is_linear_by_weight(const tw_net *net)
{
    for (int i = 0; i < net->nodes; i++)
        if (!is_linear(&net->node[i]) || net->node[i].shared) return false;
    return net->out_places == 1;
}

static int64_t widest(const tw_net *net)
{
    int64_t most = 0;
    for (int i = 0; i < net->nodes; i++) {
        most = net->node[i].in > most ? net->node[i].in : most;
        most = net->node[i].out > most ? net->node[i].out : most;
    }
    return most;
}

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t tw_diagonal_room(const tw_net *net, int64_t s)
{
    int64_t real = (int64_t)net->kern->real;
    return tw_net_is_dense(net) ? 2 * aligned(s * widest(net) * real) : aligned(net->n * net->out * real);
}

static void dense_part(const tw_net *net, const tw_state *state, int i, const tw_work *work, void *room, char *diagonal)
{
    const tw_node *n = &net->node[i];
    int64_t s = state->s, real = (int64_t)net->kern->real;
    const void *x = n->input[0] > 0 ? state->y[n->input[0] - 1] : state->x;
    char *q = room, *xx = q + aligned(s * widest(net) * real);
    net->kern->map->direction_squares(s, net->out, n->out, false, work->ybt[i], q);
    net->kern->map->direction_squares(s, 1, n->in, false, x, xx);
    net->kern->gemm(true, false, n->out, n->in, s, q, n->out, xx, n->in, 0, diagonal + n->weight * real, n->in);
    if (n->bias >= 0) net->kern->map->bias_sum(s, 1, n->out, q, diagonal + n->bias * real);
}

void tw_sweep_ggn_diagonal(const tw_net *net, const tw_state *state, tw_work *work, void *room, void *diagonal)
{
    bool dense = tw_net_is_dense(net);
    int64_t k = net->out, real = (int64_t)net->kern->real;
    tw_loss_factor(net, state->s, state->p, work->ybt[net->nodes - 1]);
    tw_sweep_adjoint_tangents(net, state, k, NULL, false, work, dense ? NULL : room);
    for (int i = 0; dense && i < net->nodes; i++)
        if (net->node[i].weight >= 0) dense_part(net, state, i, work, room, diagonal);
    for (int64_t t = 0; !dense && t < net->tensors; t++) {
        int64_t at = net->param[t].offset * real;
        net->kern->map->direction_squares(1, k, net->param[t].count, false, (const char *)room + k * at,
                                          (char *)diagonal + at);
    }
}
