// SPDX-License-Identifier: MIT
// --model and --weights become a network; --matrix and --layers a matrix.
#include "cli/open.h"

#include "base/ranks.h"
#include "curv/product.h"
#include "data/part.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

// "init:7" is the network's own initialisation from seed 7. Anything else is a file.
static tw_status read_init(const char *word, const char *weights, uint64_t *seed, bool *is_init)
{
    *is_init = strncmp(weights, "init:", 5) == 0;
    if (!*is_init) return TW_OK;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(weights + 5, &end, 10);
    if (end == weights + 5 || *end || errno || strchr(weights, '-'))
        return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected init:SEED with a whole number", word, weights);
    *seed = value;
    return TW_OK;
}

static void explain_net(const tw_args *args, const tw_net *net, const tw_data *data)
{
    char count[32], bytes[32];
    int64_t shard = tw_net_shard(net, data->m);
    tw_flops flops = tw_sweep_flops(net);
    char *recipe = NULL;
    if (tw_args_flag(args, "explain") && tw_args_recipe(args, &recipe) == TW_OK)
        tw_explain(args, "recipe", "%s", recipe); // runs again as it stands
    free(recipe);
    tw_explain(args, "data", "%s: %s samples of %" PRId64 " numbers, checksum %016" PRIx64, data->name,
               tw_show_count(data->m, count), data->features, data->checksum);
    tw_explain(args, "model", "%s: %s parameters, %s", net->model, tw_show_count(net->n, count),
               tw_show_bytes((double)net->n * net->kern->real, bytes));
    tw_explain(args, "loss", "%s, l2 %g", tw_loss_name(net->loss), net->l2);
    tw_explain(args, "kernels", "%s; %s", net->kern->name, tw_kernels_describe());
    tw_explain(args, "shards", "%" PRId64 " of %" PRId64 " samples, on %d threads%s", (data->m + shard - 1) / shard,
               shard, tw_threads(), net->shard ? " (as asked)" : "");
    tw_explain(args, "flops", "a sample: forward %.3g, gradient %.3g, Hessian product %.3g, Gauss-Newton product %.3g",
               flops.forward, flops.forward + flops.backward, flops.tangent + flops.hessian, flops.tangent + flops.ggn);
}

tw_status tw_open_net(const tw_args *args, const tw_data *data, tw_net **out)
{
    uint64_t seed;
    tw_status st = tw_args_seed(args, "seed", &seed);
    if (st == TW_OK) st = tw_open_net_from(args, data, "weights", tw_args_str(args, "weights"), seed, out);
    return st;
}

static tw_status open_net(const tw_args *args, const tw_data *data, const char *word, const char *weights,
                          uint64_t seed, tw_net **out)
{
    tw_status st = TW_OK;
    tw_net *net = NULL;
    tw_net_opts opts = tw_net_defaults();
    bool is_init = true;

    opts.real = strcmp(tw_args_str(args, "dtype"), "f64") == 0 ? TW_F64 : TW_F32;
    opts.loss = tw_args_str(args, "loss");
    opts.init = tw_args_str(args, "init");
    opts.arith = tw_args_str(args, "arith");
    opts.seed = seed;
    TW_TRY(tw_args_real(args, "l2", 0, 1e300, &opts.l2));
    TW_TRY(tw_args_int(args, "shard", 1, INT64_MAX, &opts.shard));
    if (weights) TW_TRY(read_init(word, weights, &opts.seed, &is_init));
    TW_TRY(tw_net_new(tw_args_str(args, "model"), data, &opts, &net));
    if (!is_init) TW_TRY(tw_net_load(net, weights));
    *out = net;
    net = NULL;
done:
    tw_net_free(net);
    return st;
}

tw_status tw_open_net_from(const tw_args *args, const tw_data *data, const char *word, const char *weights,
                           uint64_t seed, tw_net **out)
{
    tw_status st = open_net(args, data, word, weights, seed, out);
    if (st == TW_OK) explain_net(args, *out, data);
    return st;
}

tw_status tw_open_problem(const tw_args *args, tw_data **data, tw_net **net)
{
    tw_status st = TW_OK;
    tw_data_opts opts;
    uint64_t seed;
    TW_TRY(tw_open_data_opts(args, &opts));
    TW_TRY(tw_args_seed(args, "seed", &seed));
    TW_TRY(tw_data_open_part(tw_open_data_spec(args), &opts, data));
    TW_TRY(open_net(args, *data, "weights", tw_args_str(args, "weights"), seed, net));
    TW_TRY(tw_data_hold(*data, tw_net_shard(*net, (*data)->m)));
    explain_net(args, *net, *data);
    if (tw_ranks() > 1)
        tw_explain(args, "part", "this rank holds %" PRId64 " samples", (*data)->m - (*data)->before - (*data)->after);
done:
    return st; // what was opened is the caller's
}

json_t *tw_open_net_json(const tw_args *args, const tw_net *net)
{
    json_t *about = json_object();
    const char *weights = tw_args_str(args, "weights");
    json_object_set_new(about, "model", json_string(net->model));
    json_object_set_new(about, "parameters", json_integer(net->n));
    json_object_set_new(about, "loss", json_string(tw_loss_name(net->loss)));
    json_object_set_new(about, "l2", tw_json_real(net->l2));
    json_object_set_new(about, "numbers", json_string(net->kern->name));
    if (weights) json_object_set_new(about, "weights", json_string(weights));
    return about;
}

tw_status tw_open_origin(const tw_args *args, const tw_net *net, const tw_data *data, json_t *result)
{
    json_object_set_new(result, "network", tw_open_net_json(args, net));
    json_object_set_new(result, "data", tw_open_data_json(args, data));
    return tw_show_provenance(args, result);
}

static void explain_curv(const tw_args *args, const tw_curv *curv)
{
    char kept[32], less[32], work[32];
    const tw_product *p = tw_curv_plan(curv);
    tw_explain(args, "matrix", "%s of %" PRId64 " parameters, %" PRId64 " directions at once",
               tw_args_str(args, "matrix"), tw_curv_linop(curv)->n, p->block);
    tw_explain(args, "state", "%s: %s to keep that of all shards, %s to recompute it a shard a thread; %s of work",
               p->kept ? "kept" : "recomputed every product, to fit into --memory",
               tw_show_bytes((double)p->kept_bytes, kept), tw_show_bytes((double)p->recompute_bytes, less),
               tw_show_bytes((double)p->work_bytes, work));
}

tw_status tw_open_curv(const tw_args *args, const tw_net *net, const tw_data *data, tw_curv **out)
{
    tw_status st = TW_OK;
    tw_curv_opts opts = tw_curv_defaults();
    opts.matrix = tw_args_str(args, "matrix");
    opts.layers = tw_args_str(args, "layers");
    opts.replacement = !tw_args_flag(args, "without-replacement");
    opts.progress = tw_show_interrupt(args); // solvers say how far they are
    TW_TRY(tw_args_int(args, "noise-batch", 1, INT64_MAX, &opts.batch));
    TW_TRY(tw_args_int(args, "block", 1, 4096, &opts.block));
    TW_TRY(tw_args_bytes(args, "memory", &opts.memory));
    TW_TRY(tw_args_seed(args, "seed", &opts.seed));
    TW_TRY(tw_curv_new(net, data, &opts, out));
    explain_curv(args, *out);
done:
    return st;
}
