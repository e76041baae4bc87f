// SPDX-License-Identifier: MIT
// The path itself: how long steps are, how they turn, how far they have come, what each does to the loss.
//
//   distance     |w - w_0| from where the run began
//   step_norm    |w_{s+1} - w_s| of the step that follows a measurement
//   loss_change  L(w_{s+1}) - L(w_s) on the probe's samples
//   cosine       between that step and the next one
#include "train/probe.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

// Vectors carried along: where the run began, where the last watched step began, and that step.
enum { BEGAN, BEFORE, STEP, VECTORS };
// Numbers: what to watch next (0 nothing, 1 the step, 2 the one after it), and the loss before it.
enum { WATCH, LOSS };

typedef struct own {
    double *w; // [n]
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    own *o = NULL;
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    probe->keeps = VECTORS;
    TW_TRY(tw_alloc(tw_net_params(place->net), sizeof *o->w, &o->w));
done:
    return st;
}

static void close(tw_probe *probe)
{
    own *o = probe->own;
    if (o) free(o->w);
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    double sum = 0, *began = probe->keep + BEGAN * probe->n;
    tw_loss_value value;
    tw_net_get_weights(at->net, o->w);
    if (probe->kept == 0) memcpy(began, o->w, (size_t)probe->n * sizeof *o->w);
    probe->kept = VECTORS;
    for (int64_t i = 0; i < probe->n; i++) sum += pow(o->w[i] - began[i], 2);
    TW_TRY(tw_probe_put(probe, at, sqrt(sum), NAN, "distance"));
    if (probe->memo[WATCH] != 0) goto done; // looked at every step: the one being watched is finished first
    TW_TRY(tw_loss(at->net, probe->data, NULL, NULL, &value));
    probe->memo[LOSS] = value.loss;
    probe->memo[WATCH] = 1;
    memcpy(probe->keep + BEFORE * probe->n, o->w, (size_t)probe->n * sizeof *o->w);
done:
    return st;
}

static tw_status follow(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    int64_t n = probe->n;
    double *before = probe->keep + BEFORE * n, *step = probe->keep + STEP * n;
    tw_loss_value value;
    if (probe->memo[WATCH] == 0) return TW_OK;
    tw_net_get_weights(at->net, o->w);
    if (probe->memo[WATCH] == 1) {
        for (int64_t i = 0; i < n; i++) step[i] = o->w[i] - before[i];
        memcpy(before, o->w, (size_t)n * sizeof *before);
        TW_TRY(tw_loss(at->net, probe->data, NULL, NULL, &value));
        TW_TRY(tw_probe_put(probe, at, sqrt(dot(n, step, step)), NAN, "step_norm"));
        TW_TRY(tw_probe_put(probe, at, value.loss - probe->memo[LOSS], NAN, "loss_change"));
        probe->memo[WATCH] = 2;
    } else {
        for (int64_t i = 0; i < n; i++) before[i] = o->w[i] - before[i]; // the step after
        double product = dot(n, step, before), lengths = sqrt(dot(n, step, step) * dot(n, before, before));
        TW_TRY(tw_probe_put(probe, at, lengths > 0 ? product / lengths : NAN, NAN, "cosine"));
        probe->memo[WATCH] = 0;
    }
done:
    return st;
}

static double cost(const tw_probe *probe) { return (double)probe->data->m * 2 / 3; }

const tw_probe_kind tw_probe_path = {"path", open, measure, follow, close, cost};
