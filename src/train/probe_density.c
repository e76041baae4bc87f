// SPDX-License-Identifier: MIT
// Density of a matrix's spectrum along the way: curves edge [bins + 1], mass and mass_error [bins].
#include "train/probe.h"

#include "base/alloc.h"
#include <string.h>

typedef struct own {
    char matrix[32];
    tw_density_opts opts;
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    own *o = NULL;
    tw_status st = tw_alloc(1, sizeof *o, &o);
    if (st != TW_OK) return st;
    probe->own = o;
    strncpy(o->matrix, tw_probe_str(probe, place->recipe, "matrix"), sizeof o->matrix - 1);
    o->opts = tw_density_defaults();
    o->opts.probes = tw_probe_int(probe, place->recipe, "vectors");
    o->opts.steps = tw_probe_int(probe, place->recipe, "lanczos_steps");
    o->opts.symlog = true;
    o->opts.seed = probe->seed;
    return TW_OK;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_curv *curv = NULL;
    tw_density *density = NULL;
    tw_curv_opts matrix = tw_curv_defaults();
    matrix.matrix = o->matrix;
    matrix.batch = at->batch;
    matrix.seed = probe->seed;
    TW_TRY(tw_curv_new(at->net, probe->data, &matrix, &curv));
    TW_TRY(tw_density_new(tw_curv_linop(curv), &o->opts, &density));
    TW_TRY(tw_probe_put_curve(probe, at, density->bins + 1, density->edge, "edge"));
    TW_TRY(tw_probe_put_curve(probe, at, density->bins, density->mass, "mass"));
    TW_TRY(tw_probe_put_curve(probe, at, density->bins, density->mass_error, "mass_error"));
    TW_TRY(tw_probe_put(probe, at, density->truncation, (double)0, "truncation"));
done:
    tw_density_free(density);
    tw_curv_free(curv);
    return st;
}

static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    return (double)probe->data->m * (1 + 2 * (double)(o->opts.probes * o->opts.steps));
}

const tw_probe_kind tw_probe_density = {"density", open, measure, NULL, NULL, cost};
