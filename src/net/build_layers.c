// SPDX-License-Identifier: MIT
// Building the layers of sequences and norms: shapes checked where they meet, parameters in PyTorch's order.
#include "net/build.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int refuse(tw_builder *b, const char *what, int left, int right)
{
    b->st = tw_fail(TW_EINVAL,
                    "model %s: cannot %s %" PRId64 " positions of %" PRId64 " features and %" PRId64
                    " positions of %" PRId64,
                    b->net->model, what, b->h[left] * b->w[left], b->c[left], b->h[right] * b->w[right], b->c[right]);
    return 0;
}

static tw_param vector(int64_t count, int law)
{
    return (tw_param){
        .rank = 1, .shape = {count}, .count = count, .image = {1, 1}, .fan_in = count, .fan_out = count, .law = law};
}

// A layer of one matrix that acts on each position alone is a convolution with a window of one.
int tw_build_linear(tw_builder *b, int value, const char *name, int64_t out, bool bias)
{
    if (b->st != TW_OK) return 0;
    int64_t h = b->h[value], w = b->w[value], c = b->c[value];
    tw_node *n = tw_build_next(b, value, &tw_op_conv, h, w, out);
    if (!n) return 0;
    n->win = (tw_window){.h = h, .w = w, .c = c, .oh = h, .ow = w, .kh = 1, .kw = 1, .stride = 1};
    n->weight = tw_build_param(
        b, name, "weight",
        (tw_param){.rank = 2, .shape = {out, c}, .count = out * c, .image = {1, 1}, .fan_in = c, .fan_out = out});
    tw_param shift = vector(out, 0);
    shift.fan_in = c;
    if (bias) n->bias = tw_build_param(b, name, "bias", shift);
    return b->net->nodes;
}

// Gain and shift of a norm; their order is that of the values they belong to.
static void gain_and_shift(tw_builder *b, tw_node *n, int value, const char *name)
{
    tw_param gain = vector(n->out, 1), shift = vector(n->out, 2);
    memcpy(gain.image, b->image[value], sizeof gain.image);
    memcpy(shift.image, b->image[value], sizeof shift.image);
    n->weight = tw_build_param(b, name, "weight", gain);
    n->bias = tw_build_param(b, name, "bias", shift);
}

static void add_buffer(tw_builder *b, const char *layer, const char *what, int64_t count, double start)
{
    tw_net *net = b->net;
    char name[96];
    if (b->st != TW_OK) return;
    if (net->buffers % 16 == 0) {
        tw_buffer *grown = NULL;
        b->st = tw_alloc(net->buffers + 16, sizeof *grown, &grown);
        if (b->st != TW_OK) return;
        if (net->buffers > 0) memcpy(grown, net->buffer, (size_t)net->buffers * sizeof *grown);
        free(net->buffer);
        net->buffer = grown;
    }
    tw_buffer *made = &net->buffer[net->buffers];
    *made = (tw_buffer){.offset = net->stats, .count = count, .after = net->tensors - 1, .start = start};
    snprintf(name, sizeof name, "%s.%s", layer, what);
    b->st = tw_strdup(name, &made->name);
    if (b->st != TW_OK) return;
    net->buffers++;
    net->stats += count;
}

int tw_build_batch_norm(tw_builder *b, int value, const char *name, double eps, double momentum, bool fixed)
{
    if (b->st != TW_OK) return 0;
    if (b->image[value][1] > 1) {
        b->st = tw_fail(TW_EINVAL,
                        "model %s: layer %s: found %" PRId64 " features, %" PRId64 " positions of %" PRId64
                        " channels flattened, expected the norm before flattening",
                        b->net->model, name, b->c[value], b->image[value][1], b->image[value][0]);
        return 0;
    }
    tw_node *n = tw_build_next(b, value, &tw_op_batch_norm, b->h[value], b->w[value], b->c[value]);
    if (!n) return 0;
    n->eps = eps;
    n->momentum = momentum;
    n->fixed = fixed;
    gain_and_shift(b, n, value, name);
    n->stat = b->net->stats;
    add_buffer(b, name, "running_mean", n->out, 0);
    add_buffer(b, name, "running_var", n->out, 1);
    return b->net->nodes;
}

int tw_build_layer_norm(tw_builder *b, int value, const char *name, double eps)
{
    if (b->st != TW_OK) return 0;
    tw_node *n = tw_build_next(b, value, &tw_op_layer_norm, b->h[value], b->w[value], b->c[value]);
    if (!n) return 0;
    n->eps = eps;
    gain_and_shift(b, n, value, name);
    return tw_build_same_order(b, value);
}

int tw_build_dropout(tw_builder *b, int value, double rate)
{
    if (b->st != TW_OK) return 0;
    tw_node *n = tw_build_next(b, value, &tw_op_dropout, b->h[value], b->w[value], b->c[value]);
    if (!n) return 0;
    n->rate = rate;
    return tw_build_same_order(b, value);
}

int tw_build_embed(tw_builder *b, const char *word_name, const char *place_name, int64_t positions, int64_t words,
                   int64_t out)
{
    if (b->st != TW_OK) return 0;
    tw_node *n = tw_build_next(b, 0, &tw_op_embed, positions, 1, out);
    if (!n) return 0;
    n->words = words;
    n->weight = tw_build_param(b, word_name, "weight",
                               (tw_param){.rank = 2,
                                          .shape = {words, out},
                                          .count = words * out,
                                          .image = {1, 1},
                                          .fan_in = out,
                                          .fan_out = out,
                                          .law = 3});
    n->bias = tw_build_param(b, place_name, "weight",
                             (tw_param){.rank = 2,
                                        .shape = {positions, out},
                                        .count = positions * out,
                                        .image = {1, 1},
                                        .fan_in = out,
                                        .fan_out = out,
                                        .law = 3});
    return b->net->nodes;
}

static tw_node *pair(tw_builder *b, int left, int right, const tw_op_kind *op, int64_t h, int64_t w, int64_t c)
{
    tw_node *n = tw_build_next(b, left, op, h, w, c);
    if (!n) return NULL;
    n->input[1] = right;
    n->pin2 = b->h[right] * b->w[right];
    n->in2 = b->c[right];
    return n;
}

int tw_build_matmul(tw_builder *b, int left, int right, int64_t heads, bool ta, bool tb)
{
    if (b->st != TW_OK) return 0;
    int64_t rows = b->h[left] * b->w[left], cols = b->c[left] / heads, rows2 = b->h[right] * b->w[right],
            cols2 = b->c[right] / heads;
    if (b->c[left] % heads != 0 || b->c[right] % heads != 0 || (ta ? rows : cols) != (tb ? cols2 : rows2))
        return refuse(b, "multiply", left, right);
    tw_node *n = pair(b, left, right, &tw_op_matmul, ta ? cols : rows, 1, heads * (tb ? rows2 : cols2));
    if (!n) return 0;
    n->groups = heads;
    n->ta = ta;
    n->tb = tb;
    return b->net->nodes;
}

int tw_build_softmax(tw_builder *b, int value, int64_t runs, double scale, bool causal)
{
    if (b->st != TW_OK) return 0;
    if (b->c[value] % runs != 0) {
        b->st = tw_fail(TW_EINVAL, "model %s: softmax: found %" PRId64 " features, expected a multiple of %" PRId64,
                        b->net->model, b->c[value], runs);
        return 0;
    }
    tw_node *n = tw_build_next(b, value, &tw_op_softmax, b->h[value], b->w[value], b->c[value]);
    if (!n) return 0;
    n->groups = runs;
    n->scale = scale;
    n->causal = causal;
    return b->net->nodes;
}

int tw_build_slice(tw_builder *b, int value, int64_t place, int64_t places, int64_t first, int64_t features)
{
    if (b->st != TW_OK) return 0;
    int64_t p = b->h[value] * b->w[value], c = b->c[value];
    if (place < 0 || places < 1 || place > p - places || first < 0 || features < 1 || first > c - features) {
        b->st = tw_fail(TW_EINVAL,
                        "model %s: slice: found positions %" PRId64 " to %" PRId64 " and features %" PRId64
                        " to %" PRId64 ", expected them within %" PRId64 " positions of %" PRId64 " features",
                        b->net->model, place, place + places - 1, first, first + features - 1, p, c);
        return 0;
    }
    tw_node *n = tw_build_next(b, value, &tw_op_slice, places, 1, features);
    if (!n) return 0;
    n->place = place;
    n->first = first;
    return b->net->nodes;
}

int tw_build_concat(tw_builder *b, int left, int right)
{
    if (b->st != TW_OK) return 0;
    if (b->h[left] != b->h[right] || b->w[left] != b->w[right]) return refuse(b, "concatenate", left, right);
    tw_node *n = pair(b, left, right, &tw_op_concat, b->h[left], b->w[left], b->c[left] + b->c[right]);
    return n ? b->net->nodes : 0;
}

int tw_build_multiply(tw_builder *b, int left, int right)
{
    if (b->st != TW_OK) return 0;
    if (b->h[left] != b->h[right] || b->w[left] != b->w[right] || b->c[left] != b->c[right])
        return refuse(b, "multiply number by number", left, right);
    tw_node *n = pair(b, left, right, &tw_op_multiply, b->h[left], b->w[left], b->c[left]);
    return n ? b->net->nodes : 0;
}

tw_shared tw_build_shared(tw_builder *b, const char *weight_name, const char *bias_name, int64_t in, int64_t out,
                          int64_t fan)
{
    tw_param shift = vector(out, 0);
    shift.fan_in = fan;
    int64_t weight = tw_build_param(
        b, weight_name, "",
        (tw_param){.rank = 2, .shape = {out, in}, .count = out * in, .image = {1, 1}, .fan_in = fan, .fan_out = out});
    return (tw_shared){weight, tw_build_param(b, bias_name, "", shift), in, out};
}

int tw_build_dense_shared(tw_builder *b, int value, const tw_shared *p)
{
    if (b->st != TW_OK) return 0;
    tw_node *n = tw_build_next(b, value, &tw_op_dense, 1, 1, p->out);
    if (!n) return 0;
    n->weight = p->weight;
    n->bias = p->bias;
    return b->net->nodes;
}

int tw_build_bias_shared(tw_builder *b, int value, const tw_shared *p)
{
    if (b->st != TW_OK) return 0;
    tw_node *n = tw_build_next(b, value, &tw_op_bias, b->h[value], b->w[value], b->c[value]);
    if (!n) return 0;
    n->weight = p->bias;
    return b->net->nodes;
}

// softmax(q k' / sqrt(width / heads)) v (Vaswani et al., NeurIPS 2017, section 3.2)
int tw_build_attention(tw_builder *b, int value, const char *name, int64_t heads, bool causal)
{
    char layer[80];
    if (b->st != TW_OK) return 0;
    int64_t width = b->c[value];
    snprintf(layer, sizeof layer, "%.64s.qkv", name);
    int qkv = tw_build_linear(b, value, layer, 3 * width, true);
    if (b->st != TW_OK) return 0;
    int64_t places = b->h[qkv] * b->w[qkv];
    int q = tw_build_slice(b, qkv, 0, places, 0, width), k = tw_build_slice(b, qkv, 0, places, width, width);
    int v = tw_build_slice(b, qkv, 0, places, 2 * width, width);
    int scores = tw_build_matmul(b, q, k, heads, false, true);
    int seen = tw_build_softmax(b, scores, heads, 1 / sqrt((double)width / (double)heads), causal);
    snprintf(layer, sizeof layer, "%.64s.proj", name);
    return tw_build_linear(b, tw_build_matmul(b, seen, v, heads, false, false), layer, width, true);
}
