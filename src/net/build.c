// SPDX-License-Identifier: MIT
// Building a graph, value by value, with shapes checked where they meet.
#include "net/build.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t MOST_PARAMETERS = (int64_t)1 << 40;

void tw_build_begin(tw_builder *b, tw_net *net, int64_t c, int64_t h, int64_t w)
{
    b->net = net;
    b->st = TW_OK;
    b->c[0] = c;
    b->h[0] = h;
    b->w[0] = w;
    b->image[0][0] = b->image[0][1] = 1;
    net->in = c * h * w;
    net->channels = c;
    net->places = h * w;
}

tw_node *tw_build_next(tw_builder *b, int value, const tw_op_kind *op, int64_t h, int64_t w, int64_t c)
{
    tw_net *net = b->net;
    if (b->st != TW_OK) return NULL;
    if (net->nodes == TW_MOST_NODES) {
        b->st = tw_fail(TW_EINVAL, "model %s: found more than %d operations", net->model, TW_MOST_NODES);
        return NULL;
    }
    tw_node *n = &net->node[net->nodes++];
    *n = (tw_node){.op = op,
                   .input = {value, -1},
                   .pin = b->h[value] * b->w[value],
                   .in = b->c[value],
                   .pout = h * w,
                   .out = c,
                   .weight = -1,
                   .bias = -1,
                   .groups = 1,
                   .scale = 1,
                   .stat = -1,
                   .index = net->nodes - 1};
    b->h[net->nodes] = h;
    b->w[net->nodes] = w;
    b->c[net->nodes] = c;
    b->image[net->nodes][0] = b->image[net->nodes][1] = 1;
    return n;
}

int64_t tw_build_param(tw_builder *b, const char *layer, const char *what, tw_param p)
{
    tw_net *net = b->net;
    char name[96], *kept = NULL;
    if (b->st != TW_OK) return -1;
    if (p.count > MOST_PARAMETERS - net->n) {
        b->st = tw_fail(TW_ENOMEM, "model %s: layer %s: more than 2^40 parameters", net->model, layer);
        return -1;
    }
    if (net->tensors % 16 == 0) {
        tw_param *grown = NULL;
        b->st = tw_alloc(net->tensors + 16, sizeof *grown, &grown);
        if (b->st != TW_OK) return -1;
        if (net->tensors > 0) memcpy(grown, net->param, (size_t)net->tensors * sizeof *grown);
        free(net->param);
        net->param = grown;
    }
    snprintf(name, sizeof name, "%s%s%s", layer, what[0] ? "." : "", what);
    b->st = tw_strdup(name, &kept);
    if (b->st != TW_OK) return -1;
    p.name = kept;
    if (p.law_scale == 0) p.law_scale = 1;
    p.offset = net->n;
    net->param[net->tensors++] = p;
    net->n += p.count;
    return p.offset;
}

int tw_build_same_order(tw_builder *b, int value)
{
    int made = b->net->nodes;
    memcpy(b->image[made], b->image[value], sizeof b->image[made]);
    return made;
}

int tw_build_dense(tw_builder *b, int value, const char *name, int64_t out, bool bias)
{
    if (b->st == TW_OK && b->h[value] * b->w[value] != 1) value = tw_build_flatten(b, value);
    tw_node *n = tw_build_next(b, value, &tw_op_dense, 1, 1, out);
    if (!n) return 0;
    if (n->in > MOST_PARAMETERS / out) {
        b->st = tw_fail(TW_ENOMEM, "model %s: layer %s: %" PRId64 " x %" PRId64 " is more than 2^40 parameters",
                        b->net->model, name, out, n->in);
        return 0;
    }
    n->weight = tw_build_param(b, name, "weight",
                               (tw_param){.rank = 2,
                                          .shape = {out, n->in},
                                          .count = out * n->in,
                                          .image = {b->image[value][0], b->image[value][1]},
                                          .fan_in = n->in,
                                          .fan_out = out});
    if (bias)
        n->bias = tw_build_param(
            b, name, "bias",
            (tw_param){.rank = 1, .shape = {out}, .count = out, .image = {1, 1}, .fan_in = n->in, .fan_out = out});
    return b->net->nodes;
}

int tw_build_activation(tw_builder *b, int value, tw_activation activation, double slope)
{
    if (activation == TW_ACT_IDENTITY) return value;
    tw_node *n = tw_build_next(b, value, &tw_op_activation, b->h[value], b->w[value], b->c[value]);
    if (!n) return 0;
    n->activation = activation;
    n->slope = slope;
    return tw_build_same_order(b, value);
}

int tw_build_conv(tw_builder *b, int value, const char *name, int64_t out, int64_t size, int64_t stride, bool same)
{
    return tw_build_conv_groups(b, value, name, out, size, stride, same, 1, true);
}

int tw_build_conv_groups(tw_builder *b, int value, const char *name, int64_t out, int64_t size, int64_t stride,
                         bool same, int64_t groups, bool bias)
{
    if (b->st != TW_OK) return 0;
    if (b->c[value] % groups != 0 || out % groups != 0) {
        b->st = tw_fail(TW_EINVAL,
                        "model %s: layer %s: found %" PRId64 " groups, expected a divisor of %" PRId64
                        " channels and %" PRId64 " filters",
                        b->net->model, name, groups, b->c[value], out);
        return 0;
    }
    int64_t h = b->h[value], w = b->w[value], c = b->c[value];
    int64_t oh = same ? (h + stride - 1) / stride : h < size ? 0 : (h - size) / stride + 1;
    int64_t ow = same ? (w + stride - 1) / stride : w < size ? 0 : (w - size) / stride + 1;
    if (oh < 1 || ow < 1) {
        b->st = tw_fail(TW_EINVAL,
                        "model %s: layer %s: a window of %" PRId64 " x %" PRId64 " does not fit into %" PRId64
                        " x %" PRId64,
                        b->net->model, name, size, size, h, w);
        return 0;
    }
    tw_node *n = tw_build_next(b, value, groups > 1 ? &tw_op_conv_groups : &tw_op_conv, oh, ow, out);
    if (!n) return 0;
    int64_t rows = (oh - 1) * stride + size - h, cols = (ow - 1) * stride + size - w; // padding in all
    n->win = (tw_window){.h = h,
                         .w = w,
                         .c = c,
                         .oh = oh,
                         .ow = ow,
                         .kh = size,
                         .kw = size,
                         .stride = stride,
                         .top = same && rows > 0 ? rows / 2 : 0,
                         .left = same && cols > 0 ? cols / 2 : 0};
    int64_t fan = size * size;
    c /= groups;
    n->groups = groups;
    n->weight = tw_build_param(b, name, "weight",
                               (tw_param){.rank = 4,
                                          .shape = {out, c, size, size},
                                          .count = out * c * fan,
                                          .image = {c, fan},
                                          .fan_in = fan * c,
                                          .fan_out = fan * out / groups});
    if (bias)
        n->bias = tw_build_param(b, name, "bias",
                                 (tw_param){.rank = 1,
                                            .shape = {out},
                                            .count = out,
                                            .image = {1, 1},
                                            .fan_in = fan * c,
                                            .fan_out = fan * out / groups});
    return b->net->nodes;
}

// " behind layer conv8": the last one with parameters, where pools have no name of their own.
static void behind(const tw_net *net, size_t size, char *text)
{
    const char *name = net->tensors > 0 ? net->param[net->tensors - 1].name : "", *end = strrchr(name, '.');
    *text = '\0';
    if (end) snprintf(text, size, " behind layer %.*s", (int)(end - name), name);
}

int tw_build_pool(tw_builder *b, int value, bool mean, int64_t size, int64_t stride)
{
    if (b->st != TW_OK) return 0;
    int64_t h = b->h[value], w = b->w[value], c = b->c[value];
    if (h < size || w < size) {
        char where[96];
        behind(b->net, sizeof where, where);
        b->st = tw_fail(TW_EINVAL,
                        "model %s: a pool of %" PRId64 " x %" PRId64 "%s does not fit into %" PRId64 " x %" PRId64,
                        b->net->model, size, size, where, h, w);
        return 0;
    }
    int64_t oh = (h - size) / stride + 1, ow = (w - size) / stride + 1;
    tw_node *n = tw_build_next(b, value, mean ? &tw_op_mean_pool : &tw_op_max_pool, oh, ow, c);
    if (!n) return 0;
    n->win = (tw_window){.h = h, .w = w, .c = c, .oh = oh, .ow = ow, .kh = size, .kw = size, .stride = stride};
    return b->net->nodes;
}

int tw_build_flatten(tw_builder *b, int value)
{
    if (b->st != TW_OK || b->h[value] * b->w[value] == 1) return value;
    if (value == 0) { // the input as one vector: no operation, but files have it channel by channel
        b->net->places = 1;
        b->net->channels = b->net->in;
        b->c[0] = b->net->in;
        b->h[0] = b->w[0] = 1;
        return 0;
    }
    tw_node *n = tw_build_next(b, value, &tw_op_flatten, 1, 1, b->h[value] * b->w[value] * b->c[value]);
    if (!n) return 0;
    b->image[b->net->nodes][0] = b->c[value];
    b->image[b->net->nodes][1] = b->h[value] * b->w[value];
    return b->net->nodes;
}

int tw_build_add(tw_builder *b, int left, int right)
{
    if (b->st != TW_OK) return 0;
    if (b->h[left] != b->h[right] || b->w[left] != b->w[right] || b->c[left] != b->c[right]) {
        b->st = tw_fail(TW_EINVAL,
                        "model %s: cannot add %" PRId64 " x %" PRId64 " x %" PRId64 " and %" PRId64 " x %" PRId64
                        " x %" PRId64,
                        b->net->model, b->h[left], b->w[left], b->c[left], b->h[right], b->w[right], b->c[right]);
        return 0;
    }
    tw_node *n = tw_build_next(b, left, &tw_op_add, b->h[left], b->w[left], b->c[left]);
    if (!n) return 0;
    n->input[1] = right;
    return b->net->nodes;
}

static void count_parameters(tw_node *n)
{
    if (n->weight < 0) return;
    if (n->op == &tw_op_conv || n->op == &tw_op_conv_groups)
        n->weights = n->out * n->win.kh * n->win.kw * n->in / n->groups;
    else if (n->op == &tw_op_dense)
        n->weights = n->out * n->in;
    else if (n->op == &tw_op_embed)
        n->weights = n->words * n->out;
    else
        n->weights = n->out;
    if (n->bias >= 0) n->biases = n->op == &tw_op_embed ? n->pout * n->out : n->out;
}

// Whether two nodes have a parameter in common: shared layers, and a bias that is one node's weight.
static bool meets(const tw_node *a, const tw_node *b)
{
    return a->weight == b->weight || a->weight == b->bias || a->bias == b->weight ||
           (a->bias >= 0 && a->bias == b->bias);
}

// The only node that reads value, -1 when there are others or none.
static int only_reader(const tw_net *net, const int *readers, int value)
{
    for (int i = value; readers[value] == 1 && i < net->nodes; i++)
        for (int j = 0; j < TW_MOST_INPUTS; j++)
            if (net->node[i].input[j] == value) return i;
    return -1;
}

// The relu and the pool that a convolution's outputs must pass (net/op_conv_live.c). Below a vector of channels, and
// with a relu alone, which drops half and not three quarters, below two, the dense products are faster.
static void find_gates(tw_net *net, const int *readers, int i)
{
    enum { LEAST_CHANNELS = 8, LEAST_WITHOUT_POOL = 32 };
    tw_node *n = &net->node[i];
    if (n->op != &tw_op_conv || n->in < LEAST_CHANNELS || n->win.kh * n->win.kw == 1) return;
    int relu = only_reader(net, readers, i + 1);
    if (relu < 0 || net->node[relu].op != &tw_op_activation || net->node[relu].activation != TW_ACT_RELU) return;
    int pool = only_reader(net, readers, relu + 1);
    bool chooses =
        pool > 0 && net->node[pool].op == &tw_op_max_pool && net->node[pool].win.stride >= net->node[pool].win.kh;
    if (!chooses && n->in < LEAST_WITHOUT_POOL) return;
    n->relu = relu;
    n->pool = chooses ? pool : 0;
    n->live_most = (chooses ? net->node[pool].pout : n->pout) * n->out;
}

tw_status tw_build_end(tw_builder *b, int value) { return tw_build_end_positions(b, tw_build_flatten(b, value)); }

tw_status tw_build_end_positions(tw_builder *b, int value)
{
    tw_net *net = b->net;
    int readers[TW_MOST_NODES + 1] = {0};
    bool begun[TW_MOST_NODES + 1] = {false};
    if (b->st != TW_OK) return b->st;
    net->out_places = b->h[value] * b->w[value];
    net->out = b->c[value] * net->out_places;
    if (value != net->nodes) // what the sweeps end with
        return tw_fail(TW_EINVAL, "model %s: found %d operations after the output, expected none", net->model,
                       net->nodes - value);
    if (value == 0) return tw_fail(TW_EINVAL, "model %s: found no operation, expected at least one", net->model);
    for (int i = 0; i < net->nodes; i++)
        for (int j = 0; j < TW_MOST_INPUTS; j++)
            if (net->node[i].input[j] >= 0) readers[net->node[i].input[j]]++;
    for (int i = net->nodes - 1; i >= 0; i--) { // the order in which adjoints are written
        tw_node *n = &net->node[i];
        n->unread = readers[i + 1] == 0 && i < net->nodes - 1;
        bool may_share = n->op == &tw_op_activation || n->op == &tw_op_flatten;
        n->in_place =
            may_share && n->input[0] > 0 && readers[n->input[0]] == 1 && !net->node[n->input[0] - 1].op->reads_output;
        count_parameters(n);
        find_gates(net, readers, i);
        for (int j = i + 1; j < net->nodes; j++)
            if (n->weight >= 0 && net->node[j].weight >= 0 && meets(n, &net->node[j])) n->shared = true;
        for (int j = 0; j < TW_MOST_INPUTS; j++) {
            if (n->input[j] < 0) continue;
            n->add[j] = begun[n->input[j]];
            begun[n->input[j]] = true;
        }
    }
    return TW_OK;
}
