// SPDX-License-Identifier: MIT
// What the commands on bounds of networks share.
#include "cli/bound.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

tw_status tw_bound_read_opts(const tw_args *args, tw_network_bound_opts *opts)
{
    tw_status st = TW_OK;
    *opts = tw_network_bound_defaults();
    TW_TRY(tw_args_real(args, "delta", -INFINITY, INFINITY, &opts->delta)); // the library says what it may be
    TW_TRY(tw_args_real(args, "delta-mc", -INFINITY, INFINITY, &opts->delta_mc));
    TW_TRY(tw_args_int(args, "draws", 2, INT64_MAX, &opts->draws));
    TW_TRY(tw_args_int(args, "pilot", 2, INT64_MAX, &opts->pilot));
    TW_TRY(tw_args_real(args, "prior-c", 1e-100, 1e100, &opts->c));
    TW_TRY(tw_args_real(args, "prior-b", 1e-100, 1e100, &opts->b));
    TW_TRY(tw_args_int(args, "prior-scales", 1, 100000, &opts->scales));
    TW_TRY(tw_args_int(args, "probes", 6, INT64_MAX, &opts->probes));
    TW_TRY(tw_args_seed(args, "seed", &opts->seed));
    if (tw_args_flag(args, "memory")) TW_TRY(tw_args_bytes(args, "memory", &opts->memory));
    opts->progress = tw_show_progress(args);
    if (!(opts->delta > 0 && opts->delta < 1) || !(opts->delta_mc > 0 && opts->delta_mc < 1) ||
        !(opts->delta + opts->delta_mc < 1)) // before data are read
        st = tw_fail(TW_EINVAL,
                     "--delta, --delta-mc: found %g and %g, expected numbers inside (0, 1) with a sum below 1",
                     opts->delta, opts->delta_mc);
done:
    return st;
}

tw_status tw_bound_read_training(const tw_args *args, tw_trainer_opts *opts, int64_t *epochs, double *until)
{
    tw_status st = TW_OK;
    *opts = tw_trainer_defaults();
    opts->optim = tw_args_str(args, "optim");
    TW_TRY(tw_train_check(TW_OPTIM, opts->optim));
    TW_TRY(tw_args_real(args, "lr", 1e-300, 1e300, &opts->lr));
    TW_TRY(tw_args_int(args, "batch", 1, INT64_MAX, &opts->batch));
    TW_TRY(tw_args_int(args, "epochs", 0, 100000000, epochs));
    TW_TRY(tw_args_real(args, "until-loss", 0, 1e300, until));
    TW_TRY(tw_args_seed(args, "seed", &opts->seed));
done:
    return st;
}

tw_status tw_bound_shape(const tw_args *args, const tw_net *net, const double *theta0, double **out)
{
    tw_status st = TW_OK;
    int64_t n = tw_net_params(net);
    TW_TRY(tw_alloc(n, sizeof(double), out));
    if (strcmp(tw_args_str(args, "prior-shape"), "layer") == 0)
        tw_prior_shape(net, theta0, *out);
    else
        for (int64_t j = 0; j < n; j++) (*out)[j] = 1;
done:
    return st;
}

tw_status tw_bound_open_test(const tw_args *args, const tw_data_opts *opts, tw_data **out)
{
    tw_data_opts test = *opts;
    if (strcmp(opts->split, "train") != 0) return TW_OK;
    test.split = "test";
    test.samples = 0;
    tw_status st = tw_data_open(tw_open_data_spec(args), &test, out);
    if (st == TW_EINVAL) { // the words were right for the training part
        tw_explain(args, "test", "none: %s", tw_error());
        st = TW_OK;
    }
    return st;
}

double tw_bound_population_error(double clean, double random, int64_t classes)
{
    return (1 - random) * clean + random * (1 - 1 / (double)classes);
}

static void put(json_t *o, const char *name, double x) { json_object_set_new(o, name, tw_json_real(x)); }

json_t *tw_bound_row_json(const tw_posterior_bound *row)
{
    json_t *o = json_object();
    put(o, "beta", row->beta);
    json_object_set_new(o, "scale", json_integer(row->scale));
    put(o, "sigma2", row->variance);
    put(o, "delta", row->delta);
    json_object_set_new(o, "active", json_integer(row->active));
    put(o, "effective_curvature", row->effective_curvature);
    put(o, "effective_curvature_low", row->curvature_low);
    put(o, "effective_curvature_high", row->curvature_high);
    put(o, "weighted_norm", row->weighted_norm);
    put(o, "kl_exact", row->kl_exact);
    put(o, "kl_paper_upper", row->kl_paper_upper);
    put(o, "gibbs", row->gibbs);
    put(o, "gibbs_stderr", row->gibbs_error);
    put(o, "gibbs_low", row->gibbs_low);
    put(o, "gibbs_high", row->gibbs_high);
    put(o, "rhs", row->rhs);
    put(o, "low", row->low);
    put(o, "bound", row->high);
    put(o, "bound_paper_form", row->paper);
    json_object_set_new(o, "vacuous", json_boolean(row->vacuous));
    put(o, "test_gibbs", row->test_gibbs);
    put(o, "test_gibbs_stderr", row->test_error);
    json_object_set_new(o, "overflowed", json_integer(row->overflowed));
    return o;
}

static json_t *grid_json(const tw_network_bound *b)
{
    json_t *grid = json_array();
    for (int64_t i = 0; i < b->scales; i++) {
        json_t *o = json_object();
        put(o, "sigma2", b->variance[i]);
        json_object_set_new(o, "active", json_integer(b->active[i]));
        put(o, "effective_curvature", b->curvature[i]);
        put(o, "weighted_norm", b->norm[i]);
        put(o, "rhs", b->rhs[i]);
        json_object_set_new(o, "pilot_bounds",
                            tw_json_reals(TW_NETWORK_POSTERIORS, b->pilot_bound + i * TW_NETWORK_POSTERIORS));
        json_array_append_new(grid, o);
    }
    return grid;
}

json_t *tw_bound_json(const tw_network_bound *b)
{
    json_t *o = json_object(), *diagonal = json_object(), *rows = json_array();
    put(o, "loss", b->loss);
    put(o, "error", b->error);
    put(o, "test_error", b->test_error);
    put(o, "confidence", b->confidence);
    json_object_set_new(diagonal, "exact", json_boolean(b->exact));
    json_object_set_new(diagonal, "swept", json_boolean(b->swept));
    json_object_set_new(diagonal, "products", json_integer(b->products));
    put(diagonal, "sum", b->trace);
    put(diagonal, "sum_stderr_at_most", b->trace_error);
    put(diagonal, "largest", b->largest);
    put(diagonal, "largest_stderr", b->largest_error);
    put(diagonal, "smallest", b->smallest);
    json_object_set_new(diagonal, "negative", json_integer(b->negative));
    json_object_set_new(o, "hessian_diagonal", diagonal);
    for (int i = 0; i < TW_NETWORK_POSTERIORS; i++) json_array_append_new(rows, tw_bound_row_json(&b->row[i]));
    json_object_set_new(o, "posteriors", rows);
    json_object_set_new(o, "best", json_integer(b->best));
    json_object_set_new(o, "scales", grid_json(b));
    return o;
}
