// SPDX-License-Identifier: MIT
// Model strings: "mlp:784-512-10,act=tanh,bias=no" becomes nodes and named parameter tensors.
#include "base/alloc.h"
#include "net/build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const activation_name[TW_ACT_COUNT] = {
    [TW_ACT_IDENTITY] = "identity", [TW_ACT_RELU] = "relu",       [TW_ACT_LEAKY_RELU] = "leaky-relu",
    [TW_ACT_TANH] = "tanh",         [TW_ACT_SIGMOID] = "sigmoid", [TW_ACT_SOFTPLUS] = "softplus",
    [TW_ACT_GELU] = "gelu",
};

enum { MOST_WIDTHS = 64 };

typedef struct plan {
    int64_t width[MOST_WIDTHS];
    int widths;
    tw_activation activation;
    double slope;
    bool bias;
} plan;

static tw_status parse_widths(const char *model, char *text, plan *p)
{
    for (char *word; (word = strsep(&text, "-"));) { // an empty word is a width too, and refused
        char *end;
        errno = 0;
        long long width = strtoll(word, &end, 10);
        if (*end || end == word || errno || width < 1)
            return tw_fail(TW_EINVAL, "model %s: width %d: found \"%s\", expected a whole number of at least 1", model,
                           p->widths + 1, word);
        if (p->widths == MOST_WIDTHS)
            return tw_fail(TW_EINVAL, "model %s: found more than %d widths", model, MOST_WIDTHS);
        p->width[p->widths++] = width;
    }
    if (p->widths < 2)
        return tw_fail(TW_EINVAL,
                       "model %s: found %d width%s, expected at least inputs and outputs, as in mlp:784-128-10", model,
                       p->widths, p->widths == 1 ? "" : "s");
    return TW_OK;
}

static tw_status parse_activation(const char *model, const char *text, plan *p)
{
    size_t length = strcspn(text, "(");
    for (int i = 0; i < TW_ACT_COUNT; i++) {
        if (strlen(activation_name[i]) != length || strncmp(text, activation_name[i], length) != 0) continue;
        p->activation = (tw_activation)i;
        p->slope = i == TW_ACT_LEAKY_RELU ? 0.01 : 0;
        char tail = 0, extra;
        if (!text[length]) return TW_OK;
        if (i == TW_ACT_LEAKY_RELU && sscanf(text + length, "(%lf%c%c", &p->slope, &tail, &extra) == 2 && tail == ')' &&
            p->slope >= 0 && p->slope < 1)
            return TW_OK;
    }
    return tw_fail(
        TW_EINVAL,
        "model %s: act: found \"%s\", expected identity, relu, leaky-relu, leaky-relu(SLOPE) with a slope in "
        "[0, 1), tanh, sigmoid, softplus or gelu",
        model, text);
}

tw_status tw_model_activation(const char *model, const char *text, tw_activation *activation, double *slope)
{
    tw_status st = TW_OK;
    plan p = {.activation = TW_ACT_RELU};
    TW_TRY(parse_activation(model, text, &p));
    *activation = p.activation;
    *slope = p.slope;
done:
    return st;
}

static tw_status parse_options(const char *model, char *text, plan *p)
{
    tw_status st = TW_OK;
    char *rest = NULL;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strncmp(word, "act=", 4) == 0)
            TW_TRY(parse_activation(model, word + 4, p));
        else if (strcmp(word, "bias=no") == 0)
            p->bias = false;
        else if (strcmp(word, "bias=yes") == 0)
            p->bias = true;
        else
            return tw_fail(TW_EINVAL, "model %s: found \"%s\", expected act=NAME, bias=yes or bias=no", model, word);
    }
done:
    return st;
}

static tw_status build(const plan *p, tw_net *net)
{
    tw_builder b;
    int value = 0;
    tw_build_begin(&b, net, p->width[0], 1, 1);
    for (int l = 1; l < p->widths; l++) {
        char name[32];
        snprintf(name, sizeof name, "fc%d", l);
        value = tw_build_dense(&b, value, name, p->width[l], p->bias);
        if (l + 1 < p->widths) value = tw_build_activation(&b, value, p->activation, p->slope);
    }
    return tw_build_end(&b, value);
}

static tw_status parse_mlp(const char *model, char *text, tw_net *net)
{
    tw_status st = TW_OK;
    plan p = {.activation = TW_ACT_RELU, .bias = true};
    char *options = strchr(text, ',');
    if (options) *options++ = '\0';
    TW_TRY(parse_widths(model, text + strlen("mlp:"), &p));
    if (options) TW_TRY(parse_options(model, options, &p));
    TW_TRY(build(&p, net));
done:
    return st;
}

tw_status tw_model_parse(const char *model, const tw_data *data, tw_net *net)
{
    tw_status st = TW_OK;
    char *text = NULL;
    TW_TRY(tw_strdup(model, &text));
    if (strncmp(text, "mlp:", 4) == 0)
        TW_TRY(parse_mlp(model, text, net));
    else if (strncmp(text, "seq:", 4) == 0)
        TW_TRY(tw_model_seq(text + 4, data, net));
    else if (strncmp(text, "gpt:", 4) == 0 || strncmp(text, "lstm:", 5) == 0)
        TW_TRY(tw_model_sequence(text, data, net));
    else
        TW_TRY(tw_model_conv(text, data, net));
done:
    free(text);
    return st;
}
