// SPDX-License-Identifier: MIT
// Which loss, and its first and second derivative at the outputs z (f of them) of one sample.
//
//   xent      -ln softmax(z)_label                         second derivative diag p - p p'
//   mse       (1/f) |z - t|^2, as torch.nn.MSELoss         2/f
//   half-mse  (1/2) |z - t|^2, as papers 3 and 4           1
//   next      mean over positions of -ln softmax(z_t)_label, the label of a position being the input's next number
//   logistic  ln(1 + e^z) - label z, one output            sigma(z) (1 - sigma(z))
#include "net/loss.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const names[] = {"xent", "mse", "half-mse", "logistic", "next"};

const char *tw_loss_name(tw_loss_kind kind) { return names[kind]; }

tw_status tw_loss_parse(const char *name, const tw_data *data, tw_net *net)
{
    if (!name) {
        net->loss = data->classes > 0 ? TW_LOSS_XENT : TW_LOSS_MSE;
        return TW_OK;
    }
    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0) {
            net->loss = (tw_loss_kind)i;
            return TW_OK;
        }
    return tw_fail(TW_EINVAL, "loss: found \"%s\", expected xent, mse, half-mse, logistic or next", name);
}

// Whether every input is a whole number below the number of words.
static tw_status whole_numbers(const tw_net *net, const tw_data *data)
{
    for (int a = 0; a < net->nodes; a++) {
        const tw_node *n = &net->node[a];
        if (n->op != &tw_op_embed) continue;
        for (int64_t i = 0; i < (data->m - data->before - data->after) * data->features; i++) {
            double x = data->real == TW_F64 ? ((const double *)data->x)[i] : (double)((const float *)data->x)[i];
            if (!(x >= 0 && x < (double)n->words && x == floor(x)))
                return tw_fail(TW_EINVAL,
                               "model %s: embedding: %s: sample %" PRId64 ", feature %" PRId64
                               ": found %g, expected a whole number from 0 to %" PRId64 " (try --scale none)",
                               net->model, data->name, data->before + i / data->features, i % data->features, x,
                               n->words - 1);
        }
    }
    return TW_OK;
}

static tw_status fits_next(const tw_net *net, const tw_data *data)
{
    bool embeds = net->nodes > 0 && net->node[0].op == &tw_op_embed;
    int64_t words = net->out / net->out_places;
    if (!embeds || net->in != net->out_places + 1 || words != net->node[0].words)
        return tw_fail(TW_EINVAL,
                       "loss next: needs a model that reads whole numbers and gives one output for each at each "
                       "position but the last, as gpt does; found %s with %" PRId64 " inputs and %" PRId64 " x %" PRId64
                       " outputs",
                       net->model, net->in, net->out_places, words);
    return whole_numbers(net, data);
}

tw_status tw_net_fits(const tw_net *net, const tw_data *data)
{
    if (net->in != data->features)
        return tw_fail(TW_EINVAL, "model %s: found %" PRId64 " inputs, but a sample of %s has %" PRId64 " features",
                       net->model, net->in, data->name, data->features);
    if (net->loss == TW_LOSS_NEXT) return fits_next(net, data);
    if (net->out_places > 1)
        return tw_fail(TW_EINVAL, "model %s: gives outputs at %" PRId64 " positions, expected loss next", net->model,
                       net->out_places);
    bool needs_labels = net->loss == TW_LOSS_XENT || net->loss == TW_LOSS_LOGISTIC;
    if (needs_labels && !data->label)
        return tw_fail(TW_EINVAL, "loss %s: needs class labels, but %s has numeric targets; try --loss mse",
                       tw_loss_name(net->loss), data->name);
    int64_t outputs = data->label ? data->classes : data->targets;
    if (net->loss == TW_LOSS_LOGISTIC) {
        if (outputs != 2)
            return tw_fail(TW_EINVAL, "loss logistic: needs 2 classes, but %s has %" PRId64, data->name, outputs);
        outputs = 1;
    }
    if (net->out != outputs)
        return tw_fail(TW_EINVAL, "model %s: found %" PRId64 " outputs, but %s with loss %s needs %" PRId64, net->model,
                       net->out, data->name, tw_loss_name(net->loss), outputs);
    for (int64_t i = 0; data->label && i < data->m; i++)
        if (data->label[i] < 0 || data->label[i] >= data->classes)
            return tw_fail(TW_EINVAL, "%s: sample %" PRId64 ": found label %d, expected 0 to %" PRId64, data->name, i,
                           data->label[i], data->classes - 1);
    return whole_numbers(net, data);
}

static double square_scale(const tw_net *net) { return net->loss == TW_LOSS_MSE ? 2 / (double)net->out : 1; }

void tw_loss_backward(const tw_net *net, int64_t s, const void *z, const int32_t *label, const double *target, void *p,
                      void *yb, double *loss)
{
    const tw_pointwise *map = net->kern->map;
    switch (net->loss) {
    case TW_LOSS_XENT:
        map->xent(s, net->out, z, label, p, yb, loss);
        break;
    case TW_LOSS_NEXT: { // one position after another in `loss`, then their means in its first s numbers
        int64_t places = net->out_places;
        map->xent(s * places, net->out / places, z, label, p, yb, loss);
        map->square_tan(s * net->out, 1 / (double)places, yb, yb); // a product with a number
        for (int64_t i = 0; i < s; i++) {
            double sum = 0;
            for (int64_t t = 0; t < places; t++) sum += loss[i * places + t];
            loss[i] = sum / (double)places;
        }
        break;
    }
    case TW_LOSS_LOGISTIC:
        map->logistic(s, z, label, p, yb, loss);
        break;
    case TW_LOSS_MSE:
    case TW_LOSS_HALF_MSE:
        map->square(s, net->out, square_scale(net), z, label, target, yb, loss);
        break;
    }
}

void tw_loss_tangent(const tw_net *net, int64_t s, int64_t k, const void *p, const void *zt, void *ybt)
{
    const tw_pointwise *map = net->kern->map;
    switch (net->loss) {
    case TW_LOSS_XENT:
        map->xent_tan(s, k, net->out, p, zt, ybt);
        break;
    case TW_LOSS_NEXT:
        map->xent_tan(s * net->out_places, k, net->out / net->out_places, p, zt, ybt);
        map->square_tan(s * k * net->out, 1 / (double)net->out_places, ybt, ybt);
        break;
    case TW_LOSS_LOGISTIC:
        map->scale_tangent(s, k, 1, p, zt, ybt);
        break;
    case TW_LOSS_MSE:
    case TW_LOSS_HALF_MSE:
        map->square_tan(s * k * net->out, square_scale(net), zt, ybt);
        break;
    }
}

void tw_loss_factor(const tw_net *net, int64_t s, const void *p, void *u)
{
    const tw_pointwise *map = net->kern->map;
    switch (net->loss) {
    case TW_LOSS_XENT:
    case TW_LOSS_NEXT: // at one position
        map->xent_factor(s, net->out, p, u);
        break;
    case TW_LOSS_LOGISTIC:
        map->logistic_factor(s, p, u);
        break;
    case TW_LOSS_MSE:
    case TW_LOSS_HALF_MSE:
        map->square_factor(s, net->out, square_scale(net), u);
        break;
    }
}

bool tw_loss_is_likelihood(const tw_net *net)
{
    return net->loss != TW_LOSS_MSE && (net->loss != TW_LOSS_NEXT || net->out_places == 1);
}

void tw_loss_sample(const tw_net *net, int64_t s, const void *z, const void *p, const double *u, void *yb)
{
    const tw_pointwise *map = net->kern->map;
    switch (net->loss) {
    case TW_LOSS_XENT:
        map->xent_sample(s, net->out, p, u, yb);
        break;
    case TW_LOSS_NEXT: // no likelihood: never asked
        break;
    case TW_LOSS_LOGISTIC:
        map->logistic_sample(s, z, u, yb);
        break;
    case TW_LOSS_MSE:
    case TW_LOSS_HALF_MSE:
        map->from_double(s * net->out, u, yb);
        break; // z - t with t = z - noise
    }
}
