// SPDX-License-Identifier: MIT
// The convolutional architectures of Jastrzebski et al., ICLR 2019, for images of any size and number of classes.
//
//   simplecnn, simplecnn:root    two blocks of conv same, conv valid, pool with 32 and 64 filters of 3 x 3, dense 128
//   simplecnn:medium             the same with 100 and 200 filters of 5 x 5
//   resnetD, D = 6 n + 2         pre-activation residual network without batch norm: 3 stages of n blocks, 16, 32, 64
//   filters vgg11                        without batch norm and dropout
#include "net/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int conv_relu(tw_builder *b, int value, int number, int64_t filters, int64_t size, bool same)
{
    char name[32];
    snprintf(name, sizeof name, "conv%d", number);
    return tw_build_activation(b, tw_build_conv(b, value, name, filters, size, 1, same), TW_ACT_RELU, 0);
}

static int simplecnn(tw_builder *b, int64_t filters, int64_t size, int64_t classes)
{
    int value = 0;
    for (int stage = 0; stage < 2; stage++) {
        value = conv_relu(b, value, 2 * stage + 1, filters << stage, size, true);
        value = conv_relu(b, value, 2 * stage + 2, filters << stage, size, false);
        value = tw_build_pool(b, value, false, 2, 2);
    }
    value = tw_build_activation(b, tw_build_dense(b, value, "fc1", 128, true), TW_ACT_RELU, 0);
    return tw_build_dense(b, value, "fc2", classes, true);
}

// y = conv(relu(conv(relu(x)))) + x, the skip by a 1 x 1 convolution where the stride is 2.
static int block(tw_builder *b, int value, int stage, int number, int64_t filters, int64_t stride)
{
    char name[64];
    int y = tw_build_activation(b, value, TW_ACT_RELU, 0), skip = value;
    snprintf(name, sizeof name, "stage%d.block%d.conv1", stage, number);
    y = tw_build_activation(b, tw_build_conv(b, y, name, filters, 3, stride, true), TW_ACT_RELU, 0);
    snprintf(name, sizeof name, "stage%d.block%d.conv2", stage, number);
    y = tw_build_conv(b, y, name, filters, 3, 1, true);
    snprintf(name, sizeof name, "stage%d.block%d.skip", stage, number);
    if (stride == 2) skip = tw_build_conv(b, value, name, filters, 1, 2, true);
    return tw_build_add(b, y, skip);
}

static int resnet(tw_builder *b, int blocks, int64_t classes)
{
    int value = tw_build_conv(b, 0, "conv1", 16, 3, 1, true);
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < blocks; i++)
            value = block(b, value, stage + 1, i + 1, (int64_t)16 << stage, stage > 0 && i == 0 ? 2 : 1);
    value = tw_build_activation(b, value, TW_ACT_RELU, 0);
    if (b->st == TW_OK) value = tw_build_pool(b, value, true, b->h[value], b->h[value]);
    return tw_build_dense(b, value, "fc", classes, true);
}

static int vgg11(tw_builder *b, int64_t classes)
{
    static const int64_t filters[] = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}; // 0: pool
    int value = 0, number = 1;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        value = filters[i] ? conv_relu(b, value, number++, filters[i], 3, true) : tw_build_pool(b, value, false, 2, 2);
    for (int i = 1; i <= 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "fc%d", i);
        value = tw_build_activation(b, tw_build_dense(b, value, name, 512, true), TW_ACT_RELU, 0);
    }
    return tw_build_dense(b, value, "fc3", classes, true);
}

tw_status tw_model_conv(const char *model, const tw_data *data, tw_net *net)
{
    tw_builder b;
    int depth = 0, value = 0, used = 0;
    int64_t classes = data->label ? data->classes : data->targets;
    if (data->features != data->channels * data->height * data->width || data->height < 2 || data->width < 2)
        if (strncmp(model, "simplecnn", 9) == 0 || strncmp(model, "resnet", 6) == 0 || strcmp(model, "vgg11") == 0)
            return tw_fail(TW_EINVAL,
                           "model %s: needs images, but a sample of %s is %" PRId64 " x %" PRId64 " x %" PRId64, model,
                           data->name, data->channels, data->height, data->width);
    tw_build_begin(&b, net, data->channels, data->height, data->width);
    if (strcmp(model, "simplecnn") == 0 || strcmp(model, "simplecnn:root") == 0) {
        value = simplecnn(&b, 32, 3, classes);
    } else if (strcmp(model, "simplecnn:medium") == 0) {
        value = simplecnn(&b, 100, 5, classes);
    } else if (strcmp(model, "vgg11") == 0) {
        value = vgg11(&b, classes);
    } else if (sscanf(model, "resnet%d%n", &depth, &used) == 1 && !model[used]) {
        if (depth < 8 || depth > 200 || (depth - 2) % 6 != 0)
            return tw_fail(TW_EINVAL, "model %s: found depth %d, expected 6 n + 2 from 8 to 200, such as 20 or 32",
                           model, depth);
        value = resnet(&b, (depth - 2) / 6, classes);
    } else {
        return tw_fail(TW_EINVAL,
                       "model %s: found no known architecture, expected mlp:WIDTHS[,act=NAME][,bias=no], simplecnn, "
                       "simplecnn:medium, resnetDEPTH or vgg11",
                       model);
    }
    return tw_build_end(&b, value);
}
