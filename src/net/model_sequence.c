// SPDX-License-Identifier: MIT
// Networks for sequences.
//
//   gpt:LAYERSxHEADSxWIDTHxCONTEXT   a pre-norm transformer on bytes (Radford et al. 2019): a sample is CONTEXT + 1
//       whole numbers from 0 to 255, the loss the mean cross-entropy of the next one at each position. With width F:
//       256 F + CONTEXT F + LAYERS (12 F^2 + 13 F) + 2 F + 256 F parameters.
//   lstm:HIDDEN[,steps=T]            one LSTM layer over T steps (the rows of an image of one channel), a dense layer
//       on the last state: 4 H (f + H) + 8 H + classes (H + 1) parameters for f features a step.
//
// LSTM (Hochreiter & Schmidhuber 1997, with torch.nn.LSTM's gates i f g o and both of its biases):
//     z_t = W x_t + b + U h_{t-1} + c,   c_t = sigma(f) c_{t-1} + sigma(i) tanh(g),   h_t = sigma(o) tanh(c_t)
#include "net/build.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BYTES = 256 };

static int block(tw_builder *b, int value, int number, int64_t heads, int64_t width)
{
    char layer[32], name[64];
    snprintf(layer, sizeof layer, "h.%d", number);
    snprintf(name, sizeof name, "%s.ln_1", layer);
    int normed = tw_build_layer_norm(b, value, name, 1e-5);
    snprintf(name, sizeof name, "%s.attn", layer);
    value = tw_build_add(b, value, tw_build_attention(b, normed, name, heads, true));
    snprintf(name, sizeof name, "%s.ln_2", layer);
    int inner = tw_build_layer_norm(b, value, name, 1e-5);
    snprintf(name, sizeof name, "%s.mlp.fc", layer);
    inner = tw_build_activation(b, tw_build_linear(b, inner, name, 4 * width, true), TW_ACT_GELU, 0);
    snprintf(name, sizeof name, "%s.mlp.proj", layer);
    return tw_build_add(b, value, tw_build_linear(b, inner, name, width, true));
}

static tw_status gpt(const char *model, tw_net *net)
{
    int64_t layers = 0, heads = 0, width = 0, context = 0;
    int used = 0;
    tw_builder b;
    if (sscanf(model, "gpt:%" SCNd64 "x%" SCNd64 "x%" SCNd64 "x%" SCNd64 "%n", &layers, &heads, &width, &context,
               &used) != 4 ||
        model[used])
        return tw_fail(TW_EINVAL, "model %s: expected gpt:LAYERSxHEADSxWIDTHxCONTEXT, as in gpt:2x4x64x32", model);
    if (layers < 1 || layers > 48 || heads < 1 || heads > width || width % heads != 0 || width > 65536 || context < 1 ||
        context > 65536)
        return tw_fail(TW_EINVAL,
                       "model %s: found %" PRId64 " layers, %" PRId64 " heads, width %" PRId64 ", context %" PRId64
                       ", expected 1 to 48 layers, heads that divide the width, width and context of 1 to 65536",
                       model, layers, heads, width, context);
    tw_build_begin(&b, net, context + 1, 1, 1);
    int value = tw_build_embed(&b, "wte", "wpe", context, BYTES, width);
    for (int i = 0; i < layers; i++) value = block(&b, value, i, heads, width);
    value = tw_build_layer_norm(&b, value, "ln_f", 1e-5);
    return tw_build_end_positions(&b, tw_build_linear(&b, value, "head", BYTES, false));
}

static tw_param matrix(int64_t out, int64_t in, int64_t fan)
{
    return (tw_param){.rank = 2, .shape = {out, in}, .count = out * in, .image = {1, 1}, .fan_in = fan, .fan_out = out};
}

static tw_param vector(int64_t out, int64_t fan)
{
    return (tw_param){.rank = 1, .shape = {out}, .count = out, .image = {1, 1}, .fan_in = fan, .fan_out = out};
}

static int64_t named(tw_builder *b, const char *layer, const char *what, tw_param p)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    return tw_build_param(b, name, "", p);
}

// W x_t + b at all steps at once: a convolution with a window of one step, whose parameters have torch.nn.LSTM's names.
static int all_inputs(tw_builder *b, int value, const char *name, int64_t hidden, tw_shared *state)
{
    int64_t f = b->c[value], steps = b->h[value] * b->w[value];
    tw_node *n = tw_build_next(b, value, &tw_op_conv, steps, 1, 4 * hidden);
    if (!n) return 0;
    n->win = (tw_window){.h = steps, .w = 1, .c = f, .oh = steps, .ow = 1, .kh = 1, .kw = 1, .stride = 1};
    n->weight = named(b, name, "weight_ih_l0", matrix(4 * hidden, f, hidden));
    state->in = hidden;
    state->out = 4 * hidden;
    state->weight = named(b, name, "weight_hh_l0", matrix(4 * hidden, hidden, hidden));
    n->bias = named(b, name, "bias_ih_l0", vector(4 * hidden, hidden));
    state->bias = named(b, name, "bias_hh_l0", vector(4 * hidden, hidden));
    return b->net->nodes;
}

static int gate(tw_builder *b, int z, int number, int64_t hidden, tw_activation activation)
{
    return tw_build_activation(b, tw_build_slice(b, z, 0, 1, number * hidden, hidden), activation, 0);
}

int tw_build_lstm(tw_builder *b, int value, const char *name, int64_t hidden)
{
    int64_t steps = b->st == TW_OK ? b->h[value] * b->w[value] : 0;
    tw_shared state;
    if (b->st == TW_OK && (steps < 2 || steps > TW_MOST_STEPS)) {
        b->st =
            tw_fail(TW_EINVAL, "model %s: found %" PRId64 " positions of %" PRId64 " features, expected 2 to %d steps",
                    b->net->model, steps, b->c[value], TW_MOST_STEPS);
        return 0;
    }
    int inputs = all_inputs(b, value, name, hidden, &state), h = -1, c = -1;
    for (int64_t t = 0; t < steps && b->st == TW_OK; t++) {
        int z = tw_build_slice(b, inputs, t, 1, 0, 4 * hidden);
        z = h < 0 ? tw_build_bias_shared(b, z, &state) : tw_build_add(b, z, tw_build_dense_shared(b, h, &state));
        int in = gate(b, z, 0, hidden, TW_ACT_SIGMOID), forget = gate(b, z, 1, hidden, TW_ACT_SIGMOID);
        int fresh = tw_build_multiply(b, in, gate(b, z, 2, hidden, TW_ACT_TANH));
        int out = gate(b, z, 3, hidden, TW_ACT_SIGMOID);
        c = c < 0 ? fresh : tw_build_add(b, tw_build_multiply(b, forget, c), fresh);
        h = tw_build_multiply(b, out, tw_build_activation(b, c, TW_ACT_TANH, 0));
    }
    return h;
}

static tw_status lstm(const char *model, const tw_data *data, tw_net *net)
{
    int64_t hidden = 0, steps = data->channels == 1 ? data->height : 1;
    int64_t classes = data->label ? data->classes : data->targets;
    int used = 0, more = 0;
    tw_builder b;
    if (sscanf(model, "lstm:%" SCNd64 "%n,steps=%" SCNd64 "%n", &hidden, &used, &steps, &more) < 1 ||
        model[more ? more : used] || hidden < 1 || hidden > 65536)
        return tw_fail(TW_EINVAL, "model %s: expected lstm:HIDDEN[,steps=T], as in lstm:64", model);
    if (steps < 2 || steps > TW_MOST_STEPS || data->features % steps != 0)
        return tw_fail(TW_EINVAL,
                       "model %s: found %" PRId64 " steps for samples of %" PRId64
                       " numbers, expected 2 to %d that divide them (rows of an image of one channel, or steps=T)",
                       model, steps, data->features, TW_MOST_STEPS);
    tw_build_begin(&b, net, data->features / steps, steps, 1);
    net->channels = net->in; // step after step as it stands in the file
    net->places = 1;
    return tw_build_end(&b, tw_build_dense(&b, tw_build_lstm(&b, 0, "lstm", hidden), "fc", classes, true));
}

tw_status tw_model_sequence(const char *model, const tw_data *data, tw_net *net)
{
    return strncmp(model, "gpt:", 4) == 0 ? gpt(model, net) : lstm(model, data, net);
}
