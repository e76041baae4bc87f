// SPDX-License-Identifier: MIT
// thalweg loss: the objective, the accuracy and the gradient's norm of a network on samples.
#include "cli/open.h"

#include "base/alloc.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static tw_status save_gradient(const char *path, int64_t n, double *gradient)
{
    tw_array array = {
        .name = (char *)(strstr(path, ".npy") ? "" : "gradient"), .rank = 1, .shape = {n}, .real = 8, .x = gradient};
    return tw_arrays_save(path, 1, &array);
}

// Per-sample losses and squared gradient norms as arrays "loss" and "gradient_norm2", the gradient as "gradient".
static tw_status save(const char *path, const tw_net *net, const tw_data *data, double *gradient, double *sample_loss)
{
    tw_status st = TW_OK;
    double *norms = NULL;
    TW_TRY(tw_alloc(data->m, sizeof *norms, &norms));
    TW_TRY(tw_gradient_norms(net, data, norms));
    tw_array array[] = {
        {.name = (char *)"loss", .rank = 1, .shape = {data->m}, .real = 8, .x = sample_loss},
        {.name = (char *)"gradient_norm2", .rank = 1, .shape = {data->m}, .real = 8, .x = norms},
        {.name = (char *)"gradient", .rank = 1, .shape = {tw_net_params(net)}, .real = 8, .x = gradient},
    };
    TW_TRY(tw_arrays_save(path, 3, array));
done:
    free(norms);
    return st;
}

static tw_status show(const tw_args *args, const tw_net *net, const tw_data *data, const tw_loss_value *value,
                      double seconds)
{
    tw_status st = TW_OK;
    char count[32];
    if (!tw_args_flag(args, "json")) {
        printf("loss           %.10g\n", value->loss);
        if (value->loss != value->data_loss) printf("  of the data  %.10g\n", value->data_loss);
        if (isfinite(value->accuracy)) printf("accuracy       %.6g\n", value->accuracy);
        printf("gradient norm  %.10g\n", value->gradient_norm);
        printf("%s parameters, ", tw_show_count(tw_net_params(net), count));
        printf("%s samples of %s\n", tw_show_count(data->m, count), data->name);
        return TW_OK;
    }
    json_t *result = json_object();
    json_object_set_new(result, "parameters", json_integer(tw_net_params(net)));
    json_object_set_new(result, "samples", json_integer(data->m));
    json_object_set_new(result, "loss", tw_json_real(value->loss));
    json_object_set_new(result, "data_loss", tw_json_real(value->data_loss));
    json_object_set_new(result, "accuracy", tw_json_real(value->accuracy));
    json_object_set_new(result, "gradient_norm", tw_json_real(value->gradient_norm));
    json_object_set_new(result, "seconds", tw_json_real(seconds));
    TW_TRY(tw_open_origin(args, net, data, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    double *gradient = NULL, *sample_loss = NULL;
    tw_loss_value value;
    const char *out = tw_args_str(args, "out"), *gradient_out = tw_args_str(args, "gradient");

    TW_TRY(tw_open_check_out("out", out, ".npz .safetensors"));
    TW_TRY(tw_open_check_out("gradient", gradient_out, ".npy .npz .safetensors"));
    TW_TRY(tw_open_problem(args, &data, &net));
    TW_TRY(tw_alloc(tw_net_params(net), sizeof *gradient, &gradient));
    if (out) TW_TRY(tw_alloc(data->m, sizeof *sample_loss, &sample_loss));
    double begin = tw_show_clock();
    TW_TRY(tw_loss(net, data, gradient, sample_loss, &value));
    double seconds = tw_show_clock() - begin;
    if (gradient_out) TW_TRY(save_gradient(gradient_out, tw_net_params(net), gradient));
    if (out) TW_TRY(save(out, net, data, gradient, sample_loss));
    TW_TRY(show(args, net, data, &value, seconds));
    if (!isfinite(value.loss)) tw_show_shortfall("the loss is not finite: found %g", value.loss);
done:
    free(sample_loss);
    free(gradient);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static const tw_flag flags[] = {
    {"gradient", "FILE", NULL, "write the gradient, n numbers, to a .npy file", .neutral = true},
    {0},
};

const tw_command tw_cmd_loss = {
    .name = "loss",
    .summary = "loss, accuracy and gradient norm of a network on samples",
    .about =
        "The loss is the mean over samples of a loss per sample, plus (l2/2)|w|^2 with --l2; the gradient is that of\n"
        "the same sum. --out saves each sample's loss, each sample's squared gradient norm (without the l2 term)\n"
        "and the gradient, in the order of the weights file.",
    .example = "thalweg loss --model mlp:50-20-10,act=tanh --weights init:1 --data gauss:classes=10,dim=50,n=500",
    .flags = flags,
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_OUT,
    .run = run,
};
