// SPDX-License-Identifier: MIT
// The convolutional architectures of Jastrzebski et al., ICLR 2019, for images of any size and number of classes.
//
//   simplecnn, simplecnn:root    two blocks of conv same, conv valid, pool with 32 and 64 filters of 3 x 3, dense 128
//   simplecnn:medium             the same with 100 and 200 filters of 5 x 5
//   resnetD, D = 6 n + 2         pre-activation residual network: 3 stages of n blocks, 16, 32, 64 filters
//   vgg11
//
// and then ,bn=batch (batch norm before each relu, the batch's own statistics), ,bn=fixed (the running ones,
// constants), ,dropout=P (simplecnn: before the last layer; vgg11: before both dense layers; resnet: between the
// convolutions of a block) and ,init-scale=X (resnet, for --init paper). Batch norm as the paper has it: eps 1e-3,
// momentum 0.99 in Keras's sense, so a batch weighs 0.01.
#include "net/build.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan {
    tw_builder b;
    bool norm, fixed;
    double dropout, scale; // scale < 0: not given
    int norms;
} plan;

static int norm(plan *p, int value, const char *name)
{
    return p->norm ? tw_build_batch_norm(&p->b, value, name, 1e-3, 0.01, p->fixed) : value;
}

static int norm_relu(plan *p, int value)
{
    char name[32];
    snprintf(name, sizeof name, "bn%d", ++p->norms);
    return tw_build_activation(&p->b, norm(p, value, name), TW_ACT_RELU, 0);
}

static int drop(plan *p, int value) { return p->dropout > 0 ? tw_build_dropout(&p->b, value, p->dropout) : value; }

static int conv_relu(plan *p, int value, int number, int64_t filters, int64_t size, bool same)
{
    char name[32];
    snprintf(name, sizeof name, "conv%d", number);
    return norm_relu(p, tw_build_conv(&p->b, value, name, filters, size, 1, same));
}

static int simplecnn(plan *p, int64_t filters, int64_t size, int64_t classes)
{
    int value = 0;
    for (int stage = 0; stage < 2; stage++) {
        value = conv_relu(p, value, 2 * stage + 1, filters << stage, size, true);
        value = conv_relu(p, value, 2 * stage + 2, filters << stage, size, false);
        value = tw_build_pool(&p->b, value, false, 2, 2);
    }
    value = drop(p, norm_relu(p, tw_build_dense(&p->b, value, "fc1", 128, true)));
    return tw_build_dense(&p->b, value, "fc2", classes, true);
}

// Convolutions of a residual network start with small variance, so that the sum over the blocks stays bounded.
static int conv(plan *p, int value, const char *name, int64_t filters, int64_t size, int64_t stride)
{
    int64_t first = p->b.net->tensors;
    int made = tw_build_conv(&p->b, value, name, filters, size, stride, true);
    if (p->b.st == TW_OK) {
        p->b.net->param[first].law = 4;
        p->b.net->param[first].law_scale = p->scale;
    }
    return made;
}

// y = conv(relu(bn(conv(relu(bn(x)))))) + x, the skip by a 1 x 1 convolution where the stride is 2.
static int block(plan *p, int value, int stage, int number, int64_t filters, int64_t stride)
{
    tw_builder *b = &p->b;
    char name[64];
    snprintf(name, sizeof name, "stage%d.block%d.bn1", stage, number);
    int y = tw_build_activation(b, norm(p, value, name), TW_ACT_RELU, 0), skip = value;
    snprintf(name, sizeof name, "stage%d.block%d.conv1", stage, number);
    y = conv(p, y, name, filters, 3, stride);
    snprintf(name, sizeof name, "stage%d.block%d.bn2", stage, number);
    y = drop(p, tw_build_activation(b, norm(p, y, name), TW_ACT_RELU, 0));
    snprintf(name, sizeof name, "stage%d.block%d.conv2", stage, number);
    y = conv(p, y, name, filters, 3, 1);
    snprintf(name, sizeof name, "stage%d.block%d.skip", stage, number);
    if (stride == 2) skip = conv(p, value, name, filters, 1, 2);
    return tw_build_add(b, y, skip);
}

static int resnet(plan *p, int blocks, int64_t classes)
{
    tw_builder *b = &p->b;
    if (p->scale < 0) p->scale = p->norm ? 1 : 1 / (3.0 * blocks);
    int value = conv(p, 0, "conv1", 16, 3, 1);
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < blocks; i++)
            value = block(p, value, stage + 1, i + 1, (int64_t)16 << stage, stage > 0 && i == 0 ? 2 : 1);
    value = tw_build_activation(b, norm(p, value, "bn"), TW_ACT_RELU, 0);
    if (b->st == TW_OK) value = tw_build_pool(b, value, true, b->h[value], b->h[value]);
    return tw_build_dense(b, value, "fc", classes, true);
}

static int vgg11(plan *p, int64_t classes)
{
    static const int64_t filters[] = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}; // 0: pool
    int value = norm(p, 0, "bn0"), number = 1;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        value =
            filters[i] ? conv_relu(p, value, number++, filters[i], 3, true) : tw_build_pool(&p->b, value, false, 2, 2);
    for (int i = 1; i <= 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "fc%d", i);
        value = norm_relu(p, tw_build_dense(&p->b, drop(p, value), name, 512, true));
    }
    return tw_build_dense(&p->b, value, "fc3", classes, true);
}

static tw_status parse_options(const char *model, char *text, plan *p)
{
    char *rest = NULL;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *end = NULL;
        if (strcmp(word, "bn=batch") == 0 || strcmp(word, "bn=fixed") == 0) {
            p->norm = true;
            p->fixed = word[3] == 'f';
            continue;
        }
        if (strncmp(word, "dropout=", 8) == 0) {
            p->dropout = strtod(word + 8, &end);
            if (end > word + 8 && !*end && p->dropout >= 0 && p->dropout < 1) continue;
        }
        if (strncmp(word, "init-scale=", 11) == 0) {
            p->scale = strtod(word + 11, &end);
            if (end > word + 11 && !*end && p->scale > 0 && p->scale < 1e6) continue;
        }
        return tw_fail(TW_EINVAL,
                       "model %s: found \"%s\", expected bn=batch, bn=fixed, dropout=P with 0 <= P < 1 or init-scale=X "
                       "with X > 0",
                       model, word);
    }
    return TW_OK;
}

static tw_status build(const char *model, const tw_data *data, tw_net *net, char *options, plan *p)
{
    tw_builder *b = &p->b;
    int depth = 0, value = 0, used = 0;
    int64_t classes = data->label ? data->classes : data->targets;
    if (options) {
        tw_status st = parse_options(net->model, options, p);
        if (st != TW_OK) return st;
    }
    if (data->features != data->channels * data->height * data->width || data->height < 2 || data->width < 2)
        if (strncmp(model, "simplecnn", 9) == 0 || strncmp(model, "resnet", 6) == 0 || strcmp(model, "vgg11") == 0)
            return tw_fail(TW_EINVAL,
                           "model %s: needs images, but a sample of %s is %" PRId64 " x %" PRId64 " x %" PRId64, model,
                           data->name, data->channels, data->height, data->width);
    tw_build_begin(b, net, data->channels, data->height, data->width);
    if (strcmp(model, "simplecnn") == 0 || strcmp(model, "simplecnn:root") == 0) {
        value = simplecnn(p, 32, 3, classes);
    } else if (strcmp(model, "simplecnn:medium") == 0) {
        value = simplecnn(p, 100, 5, classes);
    } else if (strcmp(model, "vgg11") == 0) {
        value = vgg11(p, classes);
    } else if (sscanf(model, "resnet%d%n", &depth, &used) == 1 && !model[used]) {
        if (depth < 8 || depth > 200 || (depth - 2) % 6 != 0)
            return tw_fail(TW_EINVAL, "model %s: found depth %d, expected 6 n + 2 from 8 to 200, such as 20 or 32",
                           model, depth);
        value = resnet(p, (depth - 2) / 6, classes);
    } else {
        return tw_fail(
            TW_EINVAL,
            "model %s: found no known architecture, expected mlp:WIDTHS[,act=NAME][,bias=no], simplecnn, "
            "simplecnn:medium, resnetDEPTH, vgg11, gpt:LAYERSxHEADSxWIDTHxCONTEXT, lstm:HIDDEN or seq:LAYERS",
            model);
    }
    return tw_build_end(b, value);
}

tw_status tw_model_conv(const char *given, const tw_data *data, tw_net *net)
{
    tw_status st = TW_OK;
    plan p = {.scale = -1};
    char *text = NULL;
    TW_TRY(tw_strdup(given, &text));
    char *options = strchr(text, ',');
    if (options) *options++ = '\0';
    st = build(text, data, net, options, &p);
done:
    free(text);
    return st;
}
