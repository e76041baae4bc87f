// SPDX-License-Identifier: MIT
// What the step of SGD does along the sharpest directions: batches are drawn where the run stands, their steps are cut
// down to one direction, and the loss is looked at. The run itself goes on as if nothing had been drawn.
//
// With e_1, e_2, ... the top eigenvectors of the Hessian on the probe's samples, u one of them or a random direction,
// c_b = <g_b, u> for batch b, and losses on `loss_samples` samples of the training part:
//
//   delta/I/A      100 (mean_b L(w - A lr c_b u) / L(w) - 1), the error being that of the mean over b;  A = 0.5, 1, 2
//   raised/I/A     part of the batches with L(w - A lr c_b u) > L(w)
//   predicted/I/A  the same as delta from the parabola: -A lr c_b <g, u> + (A lr c_b)^2 u'Hu / 2 over the same batches,
//                  g and H of the losses' samples
//   top/I          eigenvalues, the error being the residual; not_converged
//   cosine/I       mean_b |cos(g_b, e_I)|; cosine: mean over I; share: mean_b of sum_I <g_b, e_I>^2 / |g_b|^2
//   unit/I         mean_b lr |c_b|, the unit of
//   bowl/I (curve) L(w + t unit e_I), t = -16, -8, ..., -1/4, 0, 1/4, ..., 16
//
// delta, raised, predicted and bowl are taken along the first `along` eigenvectors, and delta along the random one.
// The same batches serve all directions and lengths, so that what is compared has the same luck.
// Source: Jastrzebski et al., ICLR 2019, sections 3.2 and 3.3; the parabola is its equation for one direction.
#include "train/probe.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/net.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LENGTHS = 3, BOWL = 15 };
static const double length[LENGTHS] = {0.5, 1, 2};
static const char *const length_name[LENGTHS] = {"0.5", "1", "2"};
static const double bowl[BOWL] = {-16, -8, -4, -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2, 4, 8, 16};

typedef struct own {
    int64_t top, products, along, batches, samples, losses;
    double tolerance;
    bool fresh;
    const tw_data *train; // where batches are drawn
    tw_data *loss_part;
    uint64_t draw;           // seed of what is drawn
    tw_net *copy;            // place->spare
    double *w, *moved, *g;   // [n] weights here, weights looked at, gradient on the losses' samples
    double *u, *component;   // [along + 1][n] directions; [top + 1][batches] c_b
    double *norm, *loss, *x; // [batches] |g_b|, losses; [n] a batch's gradient, a product
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    const tw_recipe *recipe = place->recipe;
    own *o = NULL;
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    o->top = tw_probe_int(probe, recipe, "top");
    o->along = tw_probe_int(probe, recipe, "along");
    o->products = tw_probe_int(probe, recipe, "products");
    o->batches = tw_probe_int(probe, recipe, "batches");
    o->tolerance = tw_probe_real(probe, recipe, "tolerance");
    o->fresh = strcmp(tw_probe_str(probe, recipe, "fresh"), "true") == 0;
    o->losses = tw_probe_int(probe, recipe, "loss_samples");
    o->samples = probe->data->m;
    o->train = place->train;
    o->draw = place->seed + (uint64_t)probe->item;
    o->copy = place->spare;
    if (o->top > probe->n || o->along > o->top)
        return tw_fail(TW_EINVAL,
                       "probes.also.%d: found top %d, along %d, expected top at most the %d parameters and "
                       "along at most top",
                       probe->item, (int)o->top, (int)o->along, (int)probe->n);
    if (!place->train) return TW_OK; // only its cost is asked for
    if (o->losses > o->train->m) o->losses = o->train->m;
    probe->keeps = o->top;
    if (o->train->x) TW_TRY(tw_data_sample(o->train, o->losses, place->seed, &o->loss_part));
    double **const vector[] = {&o->w, &o->moved, &o->g, &o->x};
    for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) TW_TRY(tw_alloc(probe->n, sizeof(double), vector[i]));
    TW_TRY(tw_alloc((o->along + 1) * probe->n, sizeof *o->u, &o->u));
    TW_TRY(tw_alloc((o->top + 1) * o->batches, sizeof *o->component, &o->component));
    TW_TRY(tw_alloc(o->batches, sizeof *o->norm, &o->norm));
    TW_TRY(tw_alloc(o->batches, sizeof *o->loss, &o->loss));
done:
    return st;
}

static void close(tw_probe *probe)
{
    own *o = probe->own;
    if (!o) return;
    tw_data_free(o->loss_part);
    free(o->w);
    free(o->moved);
    free(o->g);
    free(o->x);
    free(o->u);
    free(o->component);
    free(o->norm);
    free(o->loss);
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static double mean_of(int64_t k, const double *x, double *error)
{
    double sum = 0, square = 0, n = (double)k;
    for (int64_t i = 0; i < k; i++) sum += x[i];
    for (int64_t i = 0; i < k; i++) square += pow(x[i] - sum / n, 2);
    *error = sqrt(square / (n * (n - 1)));
    return sum / n;
}

static tw_status find_directions(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_data *drawn = NULL;
    tw_curv *curv = NULL;
    tw_eigs *eigs = NULL;
    tw_curv_opts matrix = tw_curv_defaults();
    tw_lanczos_opts opts = tw_lanczos_defaults();
    if (o->fresh)
        TW_TRY(tw_data_sample(o->train, o->samples, o->draw ^ (uint64_t)(at->step + 1) * 0x9E3779B97F4A7C15u, &drawn));
    matrix.block = 1;
    TW_TRY(tw_curv_new(at->net, drawn ? drawn : probe->data, &matrix, &curv));
    opts.top = o->top;
    opts.tolerance = o->tolerance;
    opts.max_products = o->products;
    opts.seed = probe->seed;
    opts.check = 0; // the next look checks this one's
    opts.starts = probe->kept;
    opts.start = probe->keep;
    TW_TRY(tw_lanczos(tw_curv_linop(curv), &opts, &eigs));
    for (int64_t i = 0; i < o->top; i++)
        TW_TRY(tw_probe_put(probe, at, eigs->value[i], eigs->residual[i], "top/%d", (int)i + 1));
    TW_TRY(tw_probe_put(probe, at, (double)(eigs->count - eigs->converged_count), NAN, "not_converged"));
    TW_TRY(tw_probe_put(probe, at, (double)eigs->products, NAN, "products"));
    memcpy(probe->keep, eigs->vector, (size_t)(o->top * probe->n) * sizeof *probe->keep);
    probe->kept = o->top;
done:
    tw_eigs_free(eigs);
    tw_curv_free(curv);
    tw_data_free(drawn);
    return st;
}

// Components of the batches' gradients along the eigenvectors and, last, the random direction.
static tw_status draw_batches(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_data *batch = NULL;
    tw_loss_value value;
    int64_t n = probe->n, M = o->batches;
    double *random = o->u + o->along * n, all = 0, error;
    tw_rng rng = tw_rng_at(o->draw, TW_RNG_PROBE, (uint64_t)at->step);
    memcpy(o->u, probe->keep, (size_t)(o->along * n) * sizeof *o->u);
    tw_rng_normals(&rng, n, random);
    double scale = 1 / sqrt(dot(n, random, random));
    for (int64_t i = 0; i < n; i++) random[i] *= scale;
    for (int64_t b = 0; b < M; b++) {
        uint64_t seed = o->draw + 0x9E3779B97F4A7C15u * (uint64_t)(1 + at->step * M + b);
        TW_TRY(tw_data_sample(o->train, at->batch, seed, &batch));
        TW_TRY(tw_loss(at->net, batch, o->x, NULL, &value));
        for (int64_t i = 0; i < o->top; i++) o->component[i * M + b] = dot(n, probe->keep + i * n, o->x);
        o->component[o->top * M + b] = dot(n, random, o->x);
        o->norm[b] = sqrt(dot(n, o->x, o->x));
        tw_data_free(batch);
        batch = NULL;
    }
    for (int64_t b = 0; b < M; b++) o->loss[b] = 0; // sum over i of cos^2
    for (int64_t i = 0; i < o->top; i++) {
        double sum = 0;
        for (int64_t b = 0; b < M; b++) {
            double c = o->norm[b] > 0 ? fabs(o->component[i * M + b]) / o->norm[b] : 0;
            o->loss[b] += c * c;
            sum += c / (double)M;
        }
        TW_TRY(tw_probe_put(probe, at, sum, NAN, "cosine/%d", (int)i + 1));
        all += sum / (double)o->top;
    }
    TW_TRY(tw_probe_put(probe, at, all, NAN, "cosine"));
    double share = mean_of(M, o->loss, &error);
    TW_TRY(tw_probe_put(probe, at, share, error, "share"));
done:
    tw_data_free(batch);
    return st;
}

static tw_status loss_at(own *o, int64_t n, double t, const double *u, double *out)
{
    tw_status st = TW_OK;
    tw_loss_value value;
    for (int64_t i = 0; i < n; i++) o->moved[i] = o->w[i] + t * u[i];
    TW_TRY(tw_net_set_weights(o->copy, o->moved));
    TW_TRY(tw_loss(o->copy, o->loss_part, NULL, NULL, &value));
    *out = value.loss;
done:
    return st;
}

// u'Hu on the losses' samples.
static tw_status curvature(const tw_probe *probe, const tw_moment *at, const double *u, double *out)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_curv *curv = NULL;
    tw_curv_opts opts = tw_curv_defaults();
    opts.block = 1;
    TW_TRY(tw_curv_new(at->net, o->loss_part, &opts, &curv));
    const tw_linop *h = tw_curv_linop(curv);
    TW_TRY(h->apply(h->ctx, 1, u, o->x));
    *out = dot(probe->n, u, o->x);
done:
    tw_curv_free(curv);
    return st;
}

static tw_status look_along(tw_probe *probe, const tw_moment *at, int64_t d, double here)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    int64_t n = probe->n, M = o->batches;
    bool random = d == o->along;
    const double *u = o->u + d * n, *c = o->component + (random ? o->top : d) * M;
    double slope = dot(n, u, o->g), curve, error, unit = 0, loss[BOWL];
    char name[16] = "random";
    if (!random) snprintf(name, sizeof name, "%d", (int)d + 1);
    TW_TRY(curvature(probe, at, u, &curve));
    for (int a = 0; a < LENGTHS; a++) {
        double raised = 0, predicted = 0;
        for (int64_t b = 0; b < M; b++) {
            double t = -length[a] * at->lr * c[b], value;
            TW_TRY(loss_at(o, n, t, u, &value));
            raised += value > here ? 1.0 / (double)M : 0;
            predicted += (t * slope + t * t * curve / 2) / (double)M;
            o->loss[b] = 100 * (value / here - 1);
        }
        double delta = mean_of(M, o->loss, &error);
        TW_TRY(tw_probe_put(probe, at, delta, error, "delta/%s/%s", name, length_name[a]));
        TW_TRY(tw_probe_put(probe, at, raised, NAN, "raised/%s/%s", name, length_name[a]));
        TW_TRY(tw_probe_put(probe, at, 100 * predicted / here, NAN, "predicted/%s/%s", name, length_name[a]));
    }
    if (random) goto done;
    for (int64_t b = 0; b < M; b++) unit += at->lr * fabs(c[b]) / (double)M;
    for (int k = 0; k < BOWL; k++) TW_TRY(loss_at(o, n, bowl[k] * unit, u, &loss[k]));
    TW_TRY(tw_probe_put(probe, at, unit, NAN, "unit/%s", name));
    TW_TRY(tw_probe_put_curve(probe, at, BOWL, loss, "bowl/%s", name));
done:
    return st;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_loss_value value;
    tw_net_get_weights(at->net, o->w);
    tw_net_copy_stats(o->copy, at->net);
    TW_TRY(find_directions(probe, at));
    TW_TRY(draw_batches(probe, at));
    TW_TRY(tw_loss(at->net, o->loss_part, o->g, NULL, &value));
    if (o->along == 0) goto done;
    for (int64_t d = 0; d <= o->along; d++) TW_TRY(look_along(probe, at, d, value.loss));
done:
    return st;
}

static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    double looks = (double)(o->along > 0 ? (o->along + 1) * LENGTHS * o->batches + o->along * BOWL : 0);
    return (double)o->samples * 2 * (double)(o->products + o->top) + (double)o->losses * (1 + looks / 3 + 2);
}

const tw_probe_kind tw_probe_step = {"step", open, measure, NULL, close, cost};
