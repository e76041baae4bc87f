// SPDX-License-Identifier: MIT
// Rescaling of layers that leaves a ReLU network the function it is.
//
// max(0, a z) = a max(0, z) for a > 0. With W_l -> alpha_l W_l and b_l -> (alpha_1 ... alpha_l) b_l the input of layer
// l+1 is multiplied by alpha_1 ... alpha_l, and the outputs by the whole product, 1. For T = diag(t),
// grad f(T w) = T^-1 grad f(w) and H(T w) = T^-1 H(w) T^-1.
// Source: Dinh, Pascanu, Bengio & Bengio, ICML 2017, section 3.
#include "thalweg/train_bound.h"

#include "base/alloc.h"
#include "thalweg/curv.h"
#include <inttypes.h>
#include <math.h>

int64_t tw_rescaling_layers(const tw_net *net)
{
    int64_t layers = 0;
    for (int64_t i = 0; i < tw_net_tensors(net); i++) layers += tw_net_param(net, i)->rank >= 2;
    return layers;
}

tw_status tw_rescaling(const tw_net *net, int64_t count, const double *alpha, double *t)
{
    int64_t layers = tw_rescaling_layers(net), layer = -1;
    double product = 1;
    if (count != layers)
        return tw_fail(TW_EINVAL, "rescaling: found %" PRId64 " factors, expected one for each of %" PRId64 " layers",
                       count, layers);
    for (int64_t l = 0; l < count; l++) {
        if (!(alpha[l] > 0 && isfinite(alpha[l])))
            return tw_fail(TW_EINVAL, "rescaling: factor %" PRId64 ": found %g, expected a positive number", l + 1,
                           alpha[l]);
        product *= alpha[l];
    }
    if (!(fabs(product - 1) <= 1e-12))
        return tw_fail(TW_EINVAL, "rescaling: found factors with product %.17g, expected 1", product);
    product = 1;
    for (int64_t i = 0; i < tw_net_tensors(net); i++) {
        const tw_param *p = tw_net_param(net, i);
        if (p->rank >= 2) product *= alpha[++layer];
        double factor = p->rank >= 2 ? alpha[layer] : product;
        for (int64_t j = 0; j < p->count; j++) t[p->offset + j] = factor;
    }
    return TW_OK;
}

tw_status tw_rescaling_change(tw_net *net, const tw_data *data, const double *t, double *change)
{
    tw_status st = TW_OK;
    int64_t n = tw_net_params(net);
    double *w = NULL, *moved = NULL, *before = NULL, *after = NULL, largest = 0;
    tw_loss_value value;

    TW_TRY(tw_alloc(n, sizeof *moved, &moved));
    TW_TRY(tw_alloc(data->m, sizeof *before, &before));
    TW_TRY(tw_alloc(data->m, sizeof *after, &after));
    TW_TRY(tw_loss(net, data, NULL, before, &value));
    TW_TRY(tw_alloc(n, sizeof *w, &w));
    tw_net_get_weights(net, w);
    for (int64_t j = 0; j < n; j++) moved[j] = t[j] * w[j];
    TW_TRY(tw_net_set_weights(net, moved));
    TW_TRY(tw_loss(net, data, NULL, after, &value));
    for (int64_t i = 0; i < data->m; i++) {
        double relative = fabs(after[i] - before[i]) / (1 + fabs(before[i]));
        largest = relative > largest || isnan(relative) ? relative : largest;
        if (isnan(largest)) break;
    }
    *change = isnan(largest) ? INFINITY : largest;
done:
    if (w) { // they were finite: setting them cannot fail
        tw_status back = tw_net_set_weights(net, w);
        if (st == TW_OK) st = back;
    }
    free(after);
    free(before);
    free(moved);
    free(w);
    return st;
}
