// SPDX-License-Identifier: MIT
// The sharpest directions of the loss on a subset of the data, by Lanczos; or random orthonormal ones, by two rounds of
// Gram-Schmidt on a Gaussian block.
#include "train/directions.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "data/part.h"
#include "linalg/panel.h"
#include "thalweg/curv.h"
#include <float.h>
#include <string.h>

void tw_directions_drop(tw_data *subset)
{
    free(subset->x);
    free(subset->label);
    free(subset->target);
    *subset = (tw_data){0};
}

tw_status tw_directions_subset(const tw_trainer *t, int64_t samples, int64_t count, tw_data *out)
{
    tw_status st = TW_OK;
    const tw_data *data = t->data;
    tw_data part = *data;
    int64_t *order = NULL, row = data->features * data->real;
    part.x = NULL;
    part.label = NULL;
    part.target = NULL;
    part.m = samples < data->m ? samples : data->m;
    TW_TRY(tw_alloc(data->m, sizeof *order, &order));
    TW_TRY(tw_alloc(part.m, (size_t)row, &part.x));
    if (data->label) TW_TRY(tw_alloc(part.m, sizeof *part.label, &part.label));
    if (data->target) TW_TRY(tw_alloc(part.m * data->targets, sizeof *part.target, &part.target));
    for (int64_t i = 0; i < data->m; i++) order[i] = i;
    tw_rng rng = tw_rng_at(t->opts.seed, TW_RNG_CURVATURE, (uint64_t)count);
    if (part.m < data->m) tw_rng_shuffle(&rng, data->m, order);
    TW_TRY(tw_data_fetch(data, order, 0, part.m, part.m, part.x));
    part.before = part.after = part.unit = 0;
    for (int64_t i = 0; i < part.m; i++) {
        int64_t from = order[i];
        if (data->label) part.label[i] = data->label[from];
        if (data->target)
            memcpy(part.target + i * data->targets, data->target + from * data->targets,
                   (size_t)data->targets * sizeof *part.target);
    }
    *out = part;
    part = (tw_data){0};
done:
    free(order);
    tw_directions_drop(&part);
    return st;
}

static tw_status random_basis(const tw_trainer *t, const tw_directions_opts *opts, double *e)
{
    tw_status st = TW_OK;
    tw_panel *panel = NULL;
    double *floor = NULL;
    int64_t rank = 0, k = opts->k;
    tw_rng rng = tw_rng_at(t->opts.seed, TW_RNG_CURVATURE, (uint64_t)opts->count);
    tw_rng_normals(&rng, k * t->net->n, e);
    TW_TRY(tw_alloc(k, sizeof *floor, &floor));
    for (int64_t i = 0; i < k; i++) floor[i] = DBL_MIN;
    TW_TRY(tw_panel_new(t->net->n, k, &panel));
    TW_TRY(tw_panel_orthonormal(panel, 0, NULL, k, e, floor, &rank));
    if (rank < k) st = tw_fail(TW_ENUMERIC, "optim: random directions are linearly dependent");
done:
    tw_panel_free(panel);
    free(floor);
    return st;
}

tw_status tw_directions(tw_trainer *t, const tw_directions_opts *opts, double *e, double *value)
{
    tw_status st = TW_OK;
    tw_data part = {0};
    tw_curv *curv = NULL;
    tw_eigs *eigs = NULL;
    void *inside = NULL;
    double *before = NULL;
    int64_t n = t->net->n;

    if (opts->random) return random_basis(t, opts, e);
    tw_curv_opts copts = tw_curv_defaults();
    tw_lanczos_opts lopts = tw_lanczos_defaults();
    lopts.top = opts->k;
    lopts.tolerance = opts->tolerance;
    lopts.seed = t->opts.seed ^ (uint64_t)opts->count * 0x9E3779B97F4A7C15u; // another start each time
    TW_TRY(tw_directions_subset(t, opts->samples, opts->count, &part));
    TW_TRY(tw_alloc(n, (size_t)t->net->kern->real, &inside));
    if (opts->warm) {
        TW_TRY(tw_alloc(opts->k * n, sizeof *before, &before));
        for (int64_t i = 0; i < opts->k; i++) {
            t->net->kern->map->from_double(n, e + i * n, inside);
            tw_net_export(t->net, 1, 1, false, inside, before + i * n);
        }
        lopts.starts = opts->k;
        lopts.start = before;
        lopts.check = 0; // what was missed is looked for by the next search, which has a random vector of its own
    }
    copts.block = 1;
    TW_TRY(tw_curv_new(t->net, &part, &copts, &curv));
    TW_TRY(tw_lanczos(tw_curv_linop(curv), &lopts, &eigs));
    for (int64_t i = 0; i < opts->k; i++) { // to the order of memory
        tw_net_import(t->net, 1, eigs->vector + i * n, inside);
        t->net->kern->map->to_double(n, 1, inside, e + i * n);
        value[i] = eigs->value[i];
    }
    t->products += eigs->products;
done:
    free(before);
    free(inside);
    tw_eigs_free(eigs);
    tw_curv_free(curv);
    tw_directions_drop(&part);
    return st;
}
