// SPDX-License-Identifier: MIT
// Sweeps over the nodes of a network, op by op, and the memory they need.
#include "net/sweep.h"

#include "net/loss.h"
#include <assert.h>
#include <math.h>
#include <string.h>

// Hands out 64-byte aligned pieces of a block; with no block it only counts.
typedef struct carver {
    char *base;
    int64_t used;
} carver;

static void *carve(carver *c, int64_t bytes)
{
    void *piece = c->base ? c->base + c->used : NULL;
    c->used += (bytes + 63) / 64 * 64;
    return piece;
}

static bool curved(const tw_node *n)
{
    return n->op == &tw_op_activation && n->activation != TW_ACT_RELU && n->activation != TW_ACT_LEAKY_RELU &&
           n->activation != TW_ACT_IDENTITY;
}

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// A value of the network, or its adjoint, with all that are made in its place; and the nodes from the first to the last
// that need it.
typedef struct tenant {
    int64_t at, bytes;
    int first, last;
    bool lasts;
} tenant;

// The lowest place where a tenant meets nobody who is there at the same time.
static int64_t settle(const tenant *there, int count, const tenant *one)
{
    int64_t at = 0;
    for (int i = 0; i < count; i++) {
        const tenant *t = &there[i];
        bool together = t->lasts || one->lasts || (t->first <= one->last && one->first <= t->last);
        if (!together || t->at + t->bytes <= at || at + one->bytes <= t->at) continue;
        at = t->at + t->bytes;
        i = -1;
    }
    return at;
}

typedef enum shared { VALUES, ADJOINTS, ADJOINT_TANGENTS } shared;

// Room for one array of every node. A value is needed from its node to its last reader; its adjoint, on the way back,
// from that reader, which begins it, to its node. What sweeps that come later read stays: with `all` everything, else,
// of values, what ops that do not pass read, and of adjoints, unless they pass by, what such ops have made.
static void carve_shared(carver *c, const tw_net *net, int64_t numbers, shared array, bool all, bool pass_by, void **to)
{
    tenant t[TW_MOST_NODES] = {0};
    int of[TW_MOST_NODES] = {0}, count = 0;
    int64_t whole = 0;
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        const bool shares = n->in_place && !(array == ADJOINT_TANGENTS && n->op->permutes);
        of[i] = shares ? of[n->input[0] - 1] : count++;
        tenant *own = &t[of[i]];
        if (!shares)
            *own = (tenant){.bytes = aligned(numbers * n->pout * n->out * (int64_t)net->kern->real), .first = i};
        own->last = i;
        own->lasts |=
            all || i == net->nodes - 1 || n->op->reads_output || (array != VALUES && !pass_by && !n->op->passes);
        for (int j = 0; j < TW_MOST_INPUTS; j++) {
            if (n->input[j] <= 0) continue;
            tenant *read = &t[of[n->input[j] - 1]];
            read->last = i;
            read->lasts |= array == VALUES && !n->op->passes;
        }
    }
    for (int i = 0; i < count; i++) {
        t[i].at = settle(t, i, &t[i]);
        whole = t[i].at + t[i].bytes > whole ? t[i].at + t[i].bytes : whole;
    }
    char *base = carve(c, whole);
    for (int i = 0; i < net->nodes; i++) to[i] = base ? base + t[of[i]].at : NULL;
}

int64_t tw_state_plan(const tw_net *net, int64_t s, tw_state_use use, bool own_x, void *memory, tw_state *state)
{
    carver c = {memory, 0};
    int64_t real = (int64_t)net->kern->real;
    state->own_x = own_x ? carve(&c, s * net->in * real) : NULL;
    carve_shared(&c, net, s, VALUES, false, false, state->y);
    carve_shared(&c, net, s, ADJOINTS, false, use == TW_FOR_GRADIENT, state->yb);
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        int64_t bytes = s * n->pout * n->out * real;
        int64_t kept = n->op->kept ? n->op->kept(n, s) * real : bytes;
        state->d[i] = n->op->keeps ? carve(&c, kept) : NULL; // positions of maxima are no wider than numbers
        state->e[i] = use == TW_FOR_HESSIAN && curved(n) ? carve(&c, bytes) : NULL;
    }
    state->p = carve(&c, s * net->out * real);
    state->loss = carve(&c, s * net->out_places * (int64_t)sizeof(double));
    state->next = net->loss == TW_LOSS_NEXT ? carve(&c, s * net->out_places * (int64_t)sizeof *state->next) : NULL;
    state->drop = (tw_dropping){.on = false};
    return c.used;
}

int64_t tw_work_plan(const tw_net *net, int64_t s, int64_t k, void *memory, tw_work *work)
{
    carver c = {memory, 0};
    int64_t real = (int64_t)net->kern->real;
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        int64_t bytes = s * n->pout * k * n->out * real;
        bool shares = n->in_place && !n->op->permutes;
        // A curved activation still needs the tangent before it when the adjoints come back.
        work->yt[i] = shares && !curved(n) ? work->yt[n->input[0] - 1] : carve(&c, bytes);
    }
    // Nobody reads an adjoint's tangent later but the sweeps of dense networks (net/sweep_layers.c, sweep_diagonal.c).
    carve_shared(&c, net, s * k, ADJOINT_TANGENTS, tw_net_is_dense(net), true, work->ybt);
    work->c = carve(&c, s * k * (int64_t)sizeof(double));
    work->layer_c = carve(&c, s * k * (int64_t)sizeof(double));
    return c.used;
}

static int64_t op_scratch(const tw_net *net, const tw_node *n, int64_t s, int64_t k)
{
    return n->op->scratch ? aligned(n->op->scratch(n, s, k) * (int64_t)net->kern->real) : 0;
}

int64_t tw_scratch_bytes(const tw_net *net, int64_t s, int64_t k)
{
    int64_t most = 0;
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        int64_t bytes =
            op_scratch(net, n, s, k) > op_scratch(net, n, s, 1) ? op_scratch(net, n, s, k) : op_scratch(net, n, s, 1);
        if (n->shared) bytes += aligned(k * (n->weights + n->biases) * (int64_t)net->kern->real);
        if (bytes > most) most = bytes;
    }
    return most;
}

bool tw_net_copies_input(const tw_net *net, const tw_data *data)
{
    return (int)net->kern->real != data->real || (net->channels > 1 && net->places > 1);
}

// count samples of data from sample from on: converted, and channel last. Images go through room, where one fits.
static void copy_samples(const tw_net *net, const tw_data *data, int64_t from, int64_t count, void *to)
{
    const tw_pointwise *map = net->kern->map;
    int64_t f = data->features, real = (int64_t)net->kern->real;
    bool images = net->channels > 1 && net->places > 1;
    for (int64_t i = 0; i < count; i++) {
        const char *x = (const char *)data->x + (from + i - data->before) * f * data->real;
        char *row = (char *)to + i * f * real;
        if (images)
            net->kern->image->load_image(data->real, net->channels, net->places, x, row);
        else if (data->real == TW_F64)
            map->from_double(f, (const double *)(const void *)x, row);
        else
            map->from_float(f, (const float *)(const void *)x, row);
    }
}

static void set_samples(const tw_net *net, const tw_data *data, const int64_t *index, int64_t first, int64_t s,
                        int32_t *label_room, double *target_room, tw_state *state)
{
    int64_t f = data->features;
    assert(index || (first >= data->before && first + s <= data->m - data->after)); // this rank's shards
    assert(!index || (data->before == 0 && data->after == 0));
    state->s = s;
    if (index) {
        for (int64_t i = 0; i < s; i++) {
            int64_t at = index[first + i];
            copy_samples(net, data, at, 1, (char *)state->own_x + i * f * (int64_t)net->kern->real);
            if (data->label) label_room[i] = data->label[at];
            if (data->target)
                memcpy(target_room + i * data->targets, data->target + at * data->targets,
                       (size_t)data->targets * sizeof *target_room);
        }
        state->x = state->own_x;
        state->label = data->label ? label_room : NULL;
        state->target = data->target ? target_room : NULL;
        return;
    }
    if (state->own_x) {
        copy_samples(net, data, first, s, state->own_x);
        state->x = state->own_x;
    } else {
        state->x = (const char *)data->x + (first - data->before) * f * data->real;
    }
    state->label = data->label ? data->label + first : NULL;
    state->target = data->target ? data->target + first * data->targets : NULL;
}

void tw_state_set_data(const tw_net *net, const tw_data *data, const int64_t *index, int64_t first, int64_t s,
                       int32_t *label_room, double *target_room, tw_state *state)
{
    set_samples(net, data, index, first, s, label_room, target_room, state);
    state->drop.sample = index ? index + first : NULL;
    state->drop.first = first;
    if (!state->next) return;
    net->kern->block->next_labels(s, net->out_places, state->x, state->next);
    state->label = state->next;
}

static tw_view view(const tw_net *net, const tw_state *state, int i)
{
    const tw_node *n = &net->node[i];
    tw_view v = {.kern = net->kern,
                 .node = n,
                 .s = state->s,
                 .y = state->y[i],
                 .d = state->d[i],
                 .e = state->e[i],
                 .yb = state->yb[i],
                 .w = net->w,
                 .scratch = state->scratch,
                 .stat = net->stat,
                 .drop = state->drop};
    if (n->relu > 0) v.live = state->d[n->relu];
    if (n->pool > 0) {
        v.live_index = state->d[n->pool];
        v.live_pool = &net->node[n->pool].win;
    }
    for (int j = 0; j < TW_MOST_INPUTS; j++) {
        int value = n->input[j];
        if (value < 0) continue;
        v.x[j] = value > 0 ? state->y[value - 1] : state->x;
        v.xb[j] = value > 0 ? state->yb[value - 1] : NULL;
    }
    return v;
}

static tw_view tangent_view(const tw_net *net, const tw_state *state, int i, int64_t k, const void *wt,
                            const tw_work *work)
{
    tw_view v = view(net, state, i);
    v.k = k;
    for (int j = 0; j < TW_MOST_INPUTS; j++) {
        int value = v.node->input[j];
        v.xt[j] = value > 0 ? work->yt[value - 1] : NULL;
        v.xbt[j] = value > 0 ? work->ybt[value - 1] : NULL;
    }
    v.yt = work->yt[i];
    v.ybt = work->ybt[i];
    v.wt = wt;
    return v;
}

void tw_begin_adjoint(const tw_view *v, int i, int64_t k, void *xb)
{
    const tw_node *n = v->node;
    int64_t size = i == 0 ? n->pin * n->in : n->pin2 * n->in2;
    if (!n->add[i]) memset(xb, 0, (size_t)(v->s * size * k * (int64_t)v->kern->real));
}

// Ops write parameter gradients. Where a later node has written to the same ones, what it wrote is put aside and added.
static void add_shared(const tw_net *net, const tw_view *v, int64_t k, void *wb, void (*sweep)(const tw_view *v))
{
    const tw_node *n = v->node;
    if (!n->shared || !wb) {
        sweep(v);
        return;
    }
    int64_t real = (int64_t)net->kern->real;
    char *aside = (char *)v->scratch + op_scratch(net, n, v->s, k), *behind = aside + k * n->weights * real;
    void *weight = tw_to(v, wb, k * n->weight), *bias = n->bias >= 0 ? tw_to(v, wb, k * n->bias) : NULL;
    memcpy(aside, weight, (size_t)(k * n->weights * real));
    if (bias) memcpy(behind, bias, (size_t)(k * n->biases * real));
    sweep(v);
    net->kern->map->axpy(k * n->weights, 1, aside, weight);
    if (bias) net->kern->map->axpy(k * n->biases, 1, behind, bias);
}

void tw_sweep_forward(const tw_net *net, tw_state *state)
{
    for (int i = 0; i < net->nodes; i++) {
        tw_view v = view(net, state, i);
        v.node->op->forward(&v);
    }
}

void tw_sweep_loss(const tw_net *net, tw_state *state)
{
    int last = net->nodes - 1;
    tw_loss_backward(net, state->s, state->y[last], state->label, state->target, state->p, state->yb[last],
                     state->loss);
}

void tw_sweep_sample_loss(const tw_net *net, tw_state *state, const double *noise)
{
    int last = net->nodes - 1;
    tw_loss_sample(net, state->s, state->y[last], state->p, noise, state->yb[last]);
}

void tw_sweep_backward(const tw_net *net, tw_state *state, void *wb)
{
    for (int i = net->nodes - 1; i >= 0; i--) {
        tw_view v = view(net, state, i);
        v.wb = wb;
        if (v.node->unread) memset(v.yb, 0, (size_t)(v.s * v.node->pout * v.node->out * (int64_t)net->kern->real));
        add_shared(net, &v, 1, wb, v.node->op->backward);
    }
}

void tw_sweep_tangent(const tw_net *net, const tw_state *state, int64_t k, const void *wt, tw_work *work)
{
    for (int i = 0; i < net->nodes; i++) {
        tw_view v = tangent_view(net, state, i, k, wt, work);
        bool still = v.node->weight < 0 && !v.xt[0] && !v.xt[1]; // a map of data alone
        if (still)
            memset(v.yt, 0, (size_t)(v.s * v.node->pout * k * v.node->out * (int64_t)net->kern->real));
        else
            v.node->op->tangent(&v);
    }
}

void tw_sweep_adjoint_tangents(const tw_net *net, const tw_state *state, int64_t k, const void *wt, bool product_rule,
                               tw_work *work, void *wbt)
{
    for (int i = net->nodes - 1; i >= 0; i--) {
        tw_view v = tangent_view(net, state, i, k, wt, work);
        v.wbt = wbt;
        v.product_rule = product_rule;
        if (v.node->unread) memset(v.ybt, 0, (size_t)(v.s * v.node->pout * k * v.node->out * (int64_t)net->kern->real));
        add_shared(net, &v, k, wbt, v.node->op->backward_tangent);
    }
}

void tw_sweep_backward_tangent(const tw_net *net, const tw_state *state, int64_t k, const void *wt, bool product_rule,
                               tw_work *work, void *wbt)
{
    int last = net->nodes - 1;
    tw_loss_tangent(net, state->s, k, state->p, work->yt[last], work->ybt[last]);
    tw_sweep_adjoint_tangents(net, state, k, wt, product_rule, work, wbt);
}

void tw_sweep_directional(const tw_net *net, const tw_state *state, int64_t k, const tw_work *work, double *c)
{
    int last = net->nodes - 1;
    int64_t places = net->out_places, f = net->out / places;
    for (int64_t i = 0; places > 1 && i < state->s; i++, c += k) { // positions stand outside directions
        const tw_view v = view(net, state, last);
        for (int64_t p = 0; p < places; p++) {
            double part[64];
            int64_t at = i * places + p;
            for (int64_t first = 0; first < k; first += 64) {
                int64_t some = k - first < 64 ? k - first : 64;
                net->kern->map->dots(1, some, f, tw_at(&v, v.yb, at * f),
                                     tw_at(&v, work->yt[last], (at * k + first) * f), part);
                for (int64_t d = 0; d < some; d++) c[first + d] = part[d] + (p > 0 ? c[first + d] : 0);
            }
        }
    }
    if (places == 1) net->kern->map->dots(state->s, k, f, state->yb[last], work->yt[last], c);
}

// ybt = c[s][k] yb at every position of a sample: positions share their sample's weights.
static void weight_samples(const tw_view *v, const double *c)
{
    const tw_node *n = v->node;
    if (n->pout == 1) {
        v->kern->map->weight_rows(v->s, v->k, n->out, c, v->yb, v->ybt);
        return;
    }
    for (int64_t i = 0; i < v->s; i++)
        for (int64_t p = 0; p < n->pout; p++) {
            int64_t row = i * n->pout + p;
            v->kern->map->weight_rows(1, v->k, n->out, c + i * v->k, tw_at(v, v->yb, row * n->out),
                                      tw_to(v, v->ybt, row * v->k * n->out));
        }
}

void tw_sweep_moment(const tw_net *net, const tw_state *state, int64_t k, tw_work *work, void *wbt)
{
    for (int i = net->nodes - 1; i >= 0; i--) { // in the order of backward, for the sake of shared parameters
        tw_view v = tangent_view(net, state, i, k, NULL, work);
        if (v.node->weight < 0) continue;
        weight_samples(&v, work->c);
        v.xbt[0] = NULL;
        v.wbt = wbt;
        add_shared(net, &v, k, wbt, v.node->op->backward_tangent);
    }
}

void tw_sweep_gradient_norms(const tw_net *net, const tw_state *state, double *scratch, double *norm)
{
    for (int64_t j = 0; j < state->s; j++) norm[j] = 0;
    for (int i = 0; i < net->nodes; i++) {
        tw_view v = view(net, state, i);
        if (v.node->op->gradient_norms) v.node->op->gradient_norms(&v, scratch, norm);
    }
}

bool tw_net_norms_by_layer(const tw_net *net)
{
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        if (n->weight >= 0 && (n->shared || !n->op->gradient_norms)) return false;
    }
    return true;
}

int64_t tw_sweep_count_right(const tw_net *net, const tw_state *state)
{
    return net->kern->map->count_right(state->s * net->out_places, net->out / net->out_places, state->y[net->nodes - 1],
                                       state->label);
}

void tw_sweep_track(tw_net *net, const tw_state *state)
{
    const tw_pointwise *map = net->kern->map;
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        if (n->op != &tw_op_batch_norm || n->fixed) continue;
        tw_view v = view(net, state, i);
        int64_t rows = state->s * n->pout;
        double unbias = rows > 1 ? (double)rows / (double)(rows - 1) : 1;
        for (int64_t j = 0; j < n->out; j++) {
            double mean, r, running, var;
            void *at = tw_to(&v, net->stat, n->stat + j), *var_at = tw_to(&v, net->stat, n->stat + n->out + j);
            map->to_double(1, 1, tw_at(&v, v.d, rows * n->out + j), &mean);
            map->to_double(1, 1, tw_at(&v, v.d, (rows + 1) * n->out + j), &r);
            map->to_double(1, 1 - n->momentum, at, &running);
            map->to_double(1, 1 - n->momentum, var_at, &var);
            running += n->momentum * mean;
            var += n->momentum * unbias * fmax(1 / (r * r) - n->eps, 0);
            map->from_double(1, &running, at);
            map->from_double(1, &var, var_at);
        }
    }
}

tw_flops tw_sweep_flops(const tw_net *net)
{
    tw_flops flops = {0};
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *n = &net->node[i];
        bool conv = n->op == &tw_op_conv || n->op == &tw_op_conv_groups, inputs = n->op == &tw_op_matmul;
        if (!conv && !inputs && n->op != &tw_op_dense) continue;
        double window = conv ? (double)(n->win.kh * n->win.kw * n->pout) / (double)n->groups : 1;
        double unit = 2 * window * (double)n->in * (double)n->out;
        if (inputs) unit = 2 * (double)n->pout * (double)n->out * (double)(n->ta ? n->pin : n->in / n->groups);
        bool inner = n->input[0] > 0;
        flops.forward += unit;
        flops.backward += inner ? 2 * unit : unit;
        flops.tangent += inner ? 2 * unit : unit;
        flops.hessian += inner ? 4 * unit : unit;
        flops.ggn += inner ? 2 * unit : unit;
        flops.moment += inputs ? 0 : unit;
    }
    return flops;
}
