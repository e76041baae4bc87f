// SPDX-License-Identifier: MIT
// Trace and Frobenius norm of a matrix along the way, with standard errors.
#include "train/probe.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

typedef struct own {
    char matrix[32];
    tw_trace_opts opts;
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    own *o = NULL;
    tw_status st = tw_alloc(1, sizeof *o, &o);
    if (st != TW_OK) return st;
    probe->own = o;
    strncpy(o->matrix, tw_probe_str(probe, place->recipe, "matrix"), sizeof o->matrix - 1);
    o->opts = tw_trace_defaults();
    o->opts.products = tw_probe_int(probe, place->recipe, "products");
    o->opts.seed = probe->seed;
    return TW_OK;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_curv *curv = NULL;
    tw_estimate trace, square;
    tw_curv_opts matrix = tw_curv_defaults();
    matrix.matrix = o->matrix;
    matrix.batch = at->batch;
    matrix.seed = probe->seed;
    TW_TRY(tw_curv_new(at->net, probe->data, &matrix, &curv));
    TW_TRY(tw_trace(tw_curv_linop(curv), &o->opts, &trace));
    TW_TRY(tw_probe_put(probe, at, trace.value, trace.error, "trace"));
    TW_TRY(tw_frobenius2(tw_curv_linop(curv), &o->opts, &square));
    double norm = sqrt(fmax(square.value, 0));
    TW_TRY(tw_probe_put(probe, at, norm, norm > 0 ? square.error / (2 * norm) : NAN, "frobenius")); // d sqrt(x)
done:
    tw_curv_free(curv);
    return st;
}

static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    return (double)probe->data->m * (1 + 4 * (double)o->opts.products);
}

const tw_probe_kind tw_probe_trace = {"trace", open, measure, NULL, NULL, cost};
