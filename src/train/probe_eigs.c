// SPDX-License-Identifier: MIT
// Eigenpairs of a matrix along the way, warm-started from those before, and what the trajectory does in their span.
//
//   top/I, bottom/I      eigenvalues; the error is the residual |A v - value v|
//   not_converged        pairs whose residual is above the tolerance
//   overlap              of the top space with that of the measurement before: mean of cos^2 of the principal angles
//   with                 the same with the top space of the probe named by `with`, measured at the same step
//   gradient, step       part of |gradient|^2 on the probe's samples, and of |step|^2, that lies in the top space
//   gradient/I           <g, v_i>^2 / |g|^2
//   along/I (curve)      the loss at w + t <step, v_i> v_i, t = -1, -3/4, ..., 3, in units of the step that was made
//   overshoot/I          <step, v_i> over the step to the minimum of the parabola, -<g, v_i> / value_i: beyond 2 the
//                        loss grows along v_i
// A random direction would have k/n in place of gradient and step. Source: Jastrzebski et al., ICLR 2019 (along,
// overshoot); Gur-Ari, Roberts & Dyer, arXiv:1812.04754 (gradient, overlap).
#include "train/probe.h"

#include "base/alloc.h"
#include "net/net.h"
#include <math.h>
#include <string.h>

enum { POINTS = 17 };

typedef struct own {
    char matrix[32];
    int64_t top, bottom, products, along;
    double tolerance;
    double *g, *before; // [n] gradient and weights at the last measurement
    double *value;      // [top]
    tw_net *copy;       // place->spare, for the loss along directions
    double *w;          // [n] its weights
    int64_t measured;   // at this step, to be followed after the next; -1: none
    int64_t pairs;      // top pairs that were found
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    const tw_recipe *recipe = place->recipe;
    own *o = NULL;
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    o->measured = -1;
    strncpy(o->matrix, tw_probe_str(probe, recipe, "matrix"), sizeof o->matrix - 1);
    o->top = tw_probe_int(probe, recipe, "top");
    o->bottom = tw_probe_int(probe, recipe, "bottom");
    o->products = tw_probe_int(probe, recipe, "products");
    o->along = tw_probe_int(probe, recipe, "along");
    o->tolerance = tw_probe_real(probe, recipe, "tolerance");
    if (o->top + o->bottom > probe->n || o->along > o->top) {
        st = tw_fail(TW_EINVAL,
                     "probes.also.%d: found top %d, bottom %d, along %d, expected top + bottom at most the %d "
                     "parameters and along at most top",
                     probe->item, (int)o->top, (int)o->bottom, (int)o->along, (int)probe->n);
        goto done;
    }
    probe->keeps = o->top + o->bottom;
    TW_TRY(tw_alloc(probe->n, sizeof *o->g, &o->g));
    TW_TRY(tw_alloc(probe->n, sizeof *o->before, &o->before));
    TW_TRY(tw_alloc(o->top, sizeof *o->value, &o->value));
    if (o->along > 0) {
        TW_TRY(tw_alloc(probe->n, sizeof *o->w, &o->w));
        o->copy = place->spare;
    }
done:
    return st;
}

static void close(tw_probe *probe)
{
    own *o = probe->own;
    if (!o) return;
    free(o->w);
    free(o->value);
    free(o->before);
    free(o->g);
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

// Part of |x|^2 in the span of k orthonormal vectors.
static double part(int64_t n, int64_t k, const double *v, const double *x)
{
    double sum = 0, all = dot(n, x, x);
    for (int64_t i = 0; i < k; i++) sum += pow(dot(n, v + i * n, x), 2);
    return all > 0 ? sum / all : NAN;
}

static tw_status overlap(const tw_probe *probe, const tw_moment *at, int64_t k, const double *v, int64_t l,
                         const double *u, const char *name)
{
    tw_status st = TW_OK;
    tw_angles *angles = NULL;
    TW_TRY(tw_angles_new(probe->n, k, v, l, u, &angles));
    TW_TRY(tw_probe_put(probe, at, angles->overlap, NAN, "%s", name));
done:
    tw_angles_free(angles);
    return st;
}

static tw_status find_pairs(tw_probe *probe, const tw_moment *at, tw_eigs **out)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_curv *curv = NULL;
    tw_curv_opts matrix = tw_curv_defaults();
    tw_lanczos_opts opts = tw_lanczos_defaults();

    matrix.matrix = o->matrix;
    matrix.batch = at->batch;
    matrix.block = 1;
    matrix.seed = probe->seed;
    TW_TRY(tw_curv_new(at->net, probe->data, &matrix, &curv));
    opts.top = o->top;
    opts.bottom = o->bottom;
    opts.tolerance = o->tolerance;
    opts.max_products = o->products;
    opts.seed = probe->seed;
    opts.check = 0; // the starts of a trajectory are checked by the next look
    opts.starts = probe->kept;
    opts.start = probe->keep;
    TW_TRY(tw_lanczos(tw_curv_linop(curv), &opts, out));
done:
    tw_curv_free(curv);
    return st;
}

static tw_status put_pairs(const tw_probe *probe, const tw_moment *at, const tw_eigs *eigs)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < eigs->count; i++) {
        bool top = i < eigs->top;
        TW_TRY(tw_probe_put(probe, at, eigs->value[i], eigs->residual[i], "%s/%d", top ? "top" : "bottom",
                            (int)(top ? i : i - eigs->top) + 1));
    }
    TW_TRY(tw_probe_put(probe, at, (double)(eigs->count - eigs->converged_count), NAN, "not_converged"));
    TW_TRY(tw_probe_put(probe, at, (double)eigs->products, NAN, "products"));
done:
    return st;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_eigs *eigs = NULL;
    tw_loss_value value;
    int64_t n = probe->n;

    TW_TRY(find_pairs(probe, at, &eigs));
    TW_TRY(put_pairs(probe, at, eigs));
    int64_t before = probe->kept < eigs->top ? probe->kept : eigs->top;
    if (before > 0) TW_TRY(overlap(probe, at, eigs->top, eigs->vector, before, probe->keep, "overlap"));
    if (probe->other && probe->other->kept > 0 && (int64_t)probe->other->memo[0] == at->step) {
        const own *other = probe->other->own;
        TW_TRY(overlap(probe, at, eigs->top, eigs->vector, other->pairs, probe->other->keep, "with"));
    }
    TW_TRY(tw_loss(at->net, probe->data, o->g, NULL, &value));
    TW_TRY(tw_probe_put(probe, at, part(n, eigs->top, eigs->vector, o->g), NAN, "gradient"));
    for (int64_t i = 0; i < eigs->top; i++)
        TW_TRY(tw_probe_put(probe, at, part(n, 1, eigs->vector + i * n, o->g), NAN, "gradient/%d", (int)i + 1));

    memcpy(probe->keep, eigs->vector, (size_t)(eigs->count * n) * sizeof *probe->keep);
    memcpy(o->value, eigs->value, (size_t)eigs->top * sizeof *o->value);
    probe->kept = eigs->count;
    o->pairs = eigs->top;
    probe->memo[0] = (double)at->step;
    tw_net_get_weights(at->net, o->before);
    o->measured = at->step;
done:
    tw_eigs_free(eigs);
    return st;
}

static tw_status put_along(tw_probe *probe, const tw_moment *at, int64_t i, double length)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    double loss[POINTS];
    const double *v = probe->keep + i * probe->n;
    tw_loss_value value;
    tw_net_copy_stats(o->copy, at->net);
    for (int p = 0; p < POINTS; p++) {
        double t = (double)(p - 4) / 4 * length;
        for (int64_t j = 0; j < probe->n; j++) o->w[j] = o->before[j] + t * v[j];
        TW_TRY(tw_net_set_weights(o->copy, o->w));
        TW_TRY(tw_loss(o->copy, probe->data, NULL, NULL, &value));
        loss[p] = value.loss;
    }
    TW_TRY(tw_probe_put_curve(probe, at, POINTS, loss, "along/%d", (int)i + 1));
done:
    return st;
}

// The step from where the pairs were measured, which is still known: o->before.
static tw_status follow(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    double *step = NULL;
    int64_t n = probe->n;
    if (o->measured < 0 || o->measured + 1 != at->step) return TW_OK;
    o->measured = -1;
    TW_TRY(tw_alloc(n, sizeof *step, &step));
    tw_net_get_weights(at->net, step);
    for (int64_t i = 0; i < n; i++) step[i] -= o->before[i];
    TW_TRY(tw_probe_put(probe, at, part(n, o->pairs, probe->keep, step), NAN, "step"));
    for (int64_t i = 0; i < o->pairs; i++) {
        const double *v = probe->keep + i * n;
        double length = dot(n, v, step), slope = dot(n, v, o->g);
        if (o->value[i] > 0 && slope != 0)
            TW_TRY(tw_probe_put(probe, at, -length * o->value[i] / slope, NAN, "overshoot/%d", (int)i + 1));
        if (i < o->along && length != 0) TW_TRY(put_along(probe, at, i, length));
    }
done:
    free(step);
    return st;
}

// A product is two gradients; the pairs are checked by fresh products. Each product is made orthogonal to the basis,
// half full in the mean: four passes over its vectors. A pass over n doubles in memory takes about as long as the
// gradients of twelve samples (6 n flops each), whatever n: on few samples that is most of the work.
static double cost(const tw_probe *probe)
{
    enum { BASIS = 20, PASS = 12 };
    const own *o = probe->own;
    double products = (double)(o->products + o->top + o->bottom);
    double basis = fmin(products, (double)(2 * (o->top + o->bottom) + BASIS));
    return (double)probe->data->m * (2 + 2 * products + (double)(o->along * POINTS) / 3) +
           products * 4 * (basis / 2) * PASS;
}

const tw_probe_kind tw_probe_eigs = {"eigs", open, measure, follow, close, cost};
