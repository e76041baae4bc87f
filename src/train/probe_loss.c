// SPDX-License-Identifier: MIT
// Loss, accuracy and gradient norm on a part of the data.
#include "train/probe.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

typedef struct own {
    bool gradient;
    double *g; // [n]
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    own *o = NULL;
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    o->gradient = strcmp(tw_probe_str(probe, place->recipe, "gradient"), "true") == 0;
    if (o->gradient) TW_TRY(tw_alloc(probe->n, sizeof *o->g, &o->g));
done:
    return st;
}

static void close(tw_probe *probe)
{
    own *o = probe->own;
    if (o) free(o->g);
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_loss_value value;
    TW_TRY(tw_loss(at->net, probe->data, o->g, NULL, &value));
    TW_TRY(tw_probe_put(probe, at, value.loss, NAN, "loss"));
    if (probe->data->label) TW_TRY(tw_probe_put(probe, at, value.accuracy, NAN, "accuracy"));
    if (o->gradient) TW_TRY(tw_probe_put(probe, at, value.gradient_norm, NAN, "gradient_norm"));
done:
    return st;
}

// A forward sweep is a third of a gradient; to begin a sweep costs about as much as the gradients of twenty samples.
static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    return 20 + (double)probe->data->m * (o->gradient ? 1 : 1.0 / 3);
}

const tw_probe_kind tw_probe_loss = {"loss", open, measure, NULL, close, cost};
