// SPDX-License-Identifier: MIT
// A network's life: made from a model string, its weights read and set, freed.
#include "net/net.h"

#include "base/alloc.h"
#include "base/options.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const tw_kernels *choose_kernels(const tw_net_opts *opts)
{
    bool wide = opts->real == TW_F64;
    if (strcmp(opts->arith, "ref") == 0) return tw_kernels_find(wide ? "ref64" : "ref32");
    if (strcmp(opts->arith, "f32") == 0) return tw_kernels_find(wide ? "f64" : "f32");
    return wide ? NULL : tw_kernels_find(opts->arith);
}

tw_status tw_net_new(const char *model, const tw_data *data, const tw_net_opts *opts, tw_net **out)
{
    TW_OPTIONS(tw_net, opts);
    tw_status st = TW_OK;
    tw_net *net = NULL;

    TW_TRY(tw_alloc(1, sizeof *net, &net));
    TW_TRY(tw_strdup(model, &net->model));
    if (opts->real != TW_F32 && opts->real != TW_F64) {
        st = tw_fail(TW_EINVAL, "number type: found %d bytes, expected 4 (float) or 8 (double)", opts->real);
        goto done;
    }
    net->kern = choose_kernels(opts);
    if (!net->kern) {
        st = tw_fail(TW_EINVAL,
                     "arith: found \"%s\", which this processor or number type does not have, expected f32 or ref",
                     opts->arith);
        goto done;
    }
    if (!(opts->l2 >= 0 && isfinite(opts->l2))) {
        st = tw_fail(TW_EINVAL, "l2: found %g, expected a finite number that is not negative", opts->l2);
        goto done;
    }
    if (opts->shard < 0) {
        st = tw_fail(TW_EINVAL, "shard: found %" PRId64 ", expected at least 1 sample, or 0 to choose", opts->shard);
        goto done;
    }
    net->l2 = opts->l2;
    net->shard = opts->shard;
    TW_TRY(tw_loss_parse(opts->loss, data, net));
    TW_TRY(tw_model_parse(model, data, net));
    if (!opts->loss && net->out_places > 1) net->loss = TW_LOSS_NEXT;
    if (opts->shard > 0 && tw_net_couples_samples(net)) {
        st = tw_fail(TW_EINVAL,
                     "shard: found %" PRId64
                     ", but model %s has batch norm with the batch's own statistics: a shard is the whole batch",
                     opts->shard, model);
        goto done;
    }
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(tw_alloc(net->n, (size_t)net->kern->real, &net->w));
    TW_TRY(tw_alloc(net->stats, (size_t)net->kern->real, &net->stat));
    TW_TRY(tw_net_init(net, opts->init, opts->seed));
    *out = net;
    net = NULL;
done:
    tw_net_free(net);
    return st;
}

void tw_net_free(tw_net *net)
{
    if (!net) return;
    for (int64_t t = 0; t < net->tensors; t++) free((char *)(uintptr_t)net->param[t].name);
    for (int64_t i = 0; i < net->buffers; i++) free(net->buffer[i].name);
    free(net->buffer);
    free(net->stat);
    free(net->param);
    free(net->w);
    free(net->model);
    free(net);
}

bool tw_net_couples_samples(const tw_net *net)
{
    for (int i = 0; i < net->nodes; i++)
        if (net->node[i].op == &tw_op_batch_norm && !net->node[i].fixed) return true;
    return false;
}

tw_status tw_net_needs_samples(const tw_net *net, const char *what)
{
    if (!tw_net_couples_samples(net)) return TW_OK;
    return tw_fail(
        TW_EINVAL,
        "model %s: %s needs the gradient of each sample, but batch norm with the batch's own statistics ties "
        "samples together; take the model with fixed statistics",
        net->model, what);
}

void tw_net_copy_stats(tw_net *to, const tw_net *from)
{
    if (from->stats > 0) memcpy(to->stat, from->stat, (size_t)from->stats * (size_t)from->kern->real);
}

// At least 64 rows keep the products efficient and at most 512 keep several threads busy; about eight shards between.
// Places of an image are rows like samples: a few images fill a product, and the tangents of more, for eight
// directions, are gigabytes (ResNet-32, 64 images a shard: 5.8 GB for two threads, 8 images: 1.6 GB, in the same time).
int64_t tw_net_shard(const tw_net *net, int64_t m)
{
    if (tw_net_couples_samples(net)) return m;
    if (net->shard > 0) return net->shard < m ? net->shard : m;
    int64_t places = 1;
    for (int i = 0; i < net->nodes; i++) places = net->node[i].pout > places ? net->node[i].pout : places;
    int64_t eighth = (m + 7) / 8, rounded = (eighth + 31) / 32 * 32;
    int64_t shard = rounded < 64 ? 64 : rounded > 512 ? 512 : rounded;
    if (places >= 64) shard = 8;
    return shard < m ? shard : m;
}

int64_t tw_net_params(const tw_net *net) { return net->n; }

int64_t tw_net_tensors(const tw_net *net) { return net->tensors; }

const tw_param *tw_net_param(const tw_net *net, int64_t tensor) { return &net->param[tensor]; }

// Rows of [channel][position] outside are [position][channel] inside.
void tw_net_import(const tw_net *net, int64_t k, const double *outside, void *inside)
{
    int64_t real = (int64_t)net->kern->real;
    for (int64_t t = 0; t < net->tensors; t++) {
        const tw_param *p = &net->param[t];
        bool plain = p->image[0] == 1 || p->image[1] == 1;
        for (int64_t c = 0; c < k; c++) {
            const double *from = outside + c * net->n + p->offset;
            char *to = (char *)inside + (p->offset * k + c * p->count) * real;
            if (plain)
                net->kern->map->from_double(p->count, from, to);
            else
                net->kern->map->import_rows(p->count, p->image[0], p->image[1], from, to);
        }
    }
}

void tw_net_export(const tw_net *net, int64_t k, double scale, bool add, const void *inside, double *outside)
{
    int64_t real = (int64_t)net->kern->real;
    for (int64_t t = 0; t < net->tensors; t++) {
        const tw_param *p = &net->param[t];
        bool plain = p->image[0] == 1 || p->image[1] == 1;
        for (int64_t c = 0; c < k; c++) {
            const char *from = (const char *)inside + (p->offset * k + c * p->count) * real;
            double *to = outside + c * net->n + p->offset;
            if (!plain)
                net->kern->map->export_rows(p->count, p->image[0], p->image[1], scale, add, from, to);
            else if (add)
                net->kern->map->add_to_double(p->count, scale, from, to);
            else
                net->kern->map->to_double(p->count, scale, from, to);
        }
    }
}

void tw_net_get_weights(const tw_net *net, double *w) { tw_net_export(net, 1, 1, false, net->w, w); }

tw_status tw_net_set_weights(tw_net *net, const double *w)
{
    double most = net->kern->real == TW_F32 ? 3.4028234663852886e38 : 1.7976931348623157e308;
    for (int64_t t = 0; t < net->tensors; t++)
        for (int64_t i = 0; i < net->param[t].count; i++) {
            double x = w[net->param[t].offset + i];
            if (!(fabs(x) <= most))
                return tw_fail(TW_EINVAL, "weights: %s: element %" PRId64 ": found %g, expected a finite number",
                               net->param[t].name, i, x);
        }
    tw_net_import(net, 1, w, net->w);
    return TW_OK;
}

tw_status tw_net_twin(const tw_net *net, const tw_data *data, tw_net **out)
{
    tw_status st = TW_OK;
    tw_net *twin = NULL;
    tw_net_opts opts = tw_net_defaults();
    opts.real = net->kern->real;
    opts.loss = tw_loss_name(net->loss);
    opts.l2 = net->l2;
    opts.shard = net->shard;
    if (strncmp(net->kern->name, "split", 5) == 0) opts.arith = net->kern->name;
    if (strncmp(net->kern->name, "ref", 3) == 0) opts.arith = "ref";
    TW_TRY(tw_net_new(net->model, data, &opts, &twin));
    memcpy(twin->w, net->w, (size_t)net->n * (size_t)net->kern->real);
    tw_net_copy_stats(twin, net);
    *out = twin;
done:
    return st;
}
