// SPDX-License-Identifier: MIT
// Has the noise of gradients heavy tails? Three questions that are often taken for one.
//
//   index      how fast does P(|g_i - g| > v) fall over samples i: v^-index, by Hill beyond the threshold where a power
//   law
//              fits best; above 2 the noise of a sample has a variance, and that of batches tends to a Gaussian
//   power_law  p-value of there being a power law at all; small: the tail bends, and the index is only its local slope
//   gaussian   p-value of batch noise <g_B - g, z> along random directions z being Gaussian at this batch size
//   kurtosis   its excess kurtosis, exact for batches drawn with replacement: that of one sample over B
//   stable     the index of stability that batch noise would have if it were stable; 2: Gaussian
//
// |g_i - g|^2 = |g_i|^2 - 2 <g_i, g> + |g|^2 needs no gradient of a single sample, and <g_B, z> is a mean of <g_i, z>:
// so batches cost nothing beyond one product with z. They are drawn with replacement from the probe's samples, anew at
// each look; what is tested is the noise over these samples. Source: theory/tail.h; for what the stable index of finite
// variance noise is worth, Panigrahi et al., arXiv:1910.09626.
#include "train/probe.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/net.h"
#include "theory/tail.h"
#include <math.h>

// Data sets that judge a fit; draws in a sum; where the streams of batches begin, beyond those of directions.
enum { REPLICAS = 99, SUM = 10, STREAMS = 1 << 20 };

typedef struct own {
    int64_t vectors, batches;
    double *g, *z, *s, *p, *along, *noise; // [n], [n], [m], [m], [vectors][m], [batches][vectors]
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    own *o = NULL;
    int64_t m = probe->data->m;
    if (m < TW_TAIL_LEAST)
        return tw_fail(TW_EINVAL, "probes.also.%d: found %d samples, expected at least %d", probe->item, (int)m,
                       TW_TAIL_LEAST);
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    o->vectors = tw_probe_int(probe, place->recipe, "vectors");
    o->batches = tw_probe_int(probe, place->recipe, "noise_batches");
    TW_TRY(tw_alloc(probe->n, sizeof *o->g, &o->g));
    TW_TRY(tw_alloc(probe->n, sizeof *o->z, &o->z));
    TW_TRY(tw_alloc(m, sizeof *o->s, &o->s));
    TW_TRY(tw_alloc(m, sizeof *o->p, &o->p));
    TW_TRY(tw_alloc(o->vectors * m, sizeof *o->along, &o->along));
    TW_TRY(tw_alloc(o->batches * o->vectors, sizeof *o->noise, &o->noise));
done:
    return st;
}

static void close(tw_probe *probe)
{
    own *o = probe->own;
    if (!o) return;
    free(o->noise);
    free(o->along);
    free(o->p);
    free(o->s);
    free(o->z);
    free(o->g);
}

// |g_i - g| of every sample into o->s; how many of them are positive, those first.
static tw_status lengths(tw_probe *probe, const tw_moment *at, int64_t *positive)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    double g2 = 0, m = (double)probe->data->m;
    tw_loss_value value;
    *positive = 0;
    TW_TRY(tw_gradient_norms(at->net, probe->data, o->s));
    TW_TRY(tw_loss(at->net, probe->data, o->g, NULL, &value));
    tw_net_get_weights(at->net, o->z);
    for (int64_t i = 0; i < probe->n; i++) o->g[i] -= at->net->l2 * o->z[i]; // the same in every sample
    TW_TRY(tw_directional(at->net, probe->data, 1, o->g, o->p));
    for (int64_t i = 0; i < probe->data->m; i++) g2 += o->p[i] / m;
    for (int64_t i = 0; i < probe->data->m; i++) {
        double square = o->s[i] - 2 * o->p[i] + g2;
        if (square > 0) o->s[(*positive)++] = sqrt(square);
    }
done:
    return st;
}

// <g_i - g, z> for every direction; the mean over directions of the excess kurtosis, with a jackknife over samples.
static tw_status project(tw_probe *probe, const tw_moment *at, double *kurtosis, double *error)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    int64_t count = probe->data->m;
    double m = (double)count, *replica = o->p, mean_k = 0, square = 0;
    for (int64_t c = 0; c < o->vectors; c++) {
        double *a = o->along + c * count, mean = 0;
        tw_rng rng = tw_rng_at(probe->seed, TW_RNG_PROBE, (uint64_t)c);
        tw_rng_signs(&rng, probe->n, o->z);
        TW_TRY(tw_directional(at->net, probe->data, 1, o->z, a));
        for (int64_t i = 0; i < count; i++) mean += a[i] / m;
        for (int64_t i = 0; i < count; i++) a[i] -= mean;
    }
    *kurtosis = 0;
    for (int64_t i = 0; i < count; i++) replica[i] = 0;
    for (int64_t c = 0; c < o->vectors; c++) {
        const double *a = o->along + c * count;
        double two = 0, four = 0, parts = (double)o->vectors;
        for (int64_t i = 0; i < count; i++) {
            two += a[i] * a[i];
            four += a[i] * a[i] * a[i] * a[i];
        }
        *kurtosis += (m * four / (two * two) - 3) / parts;
        for (int64_t i = 0; i < count; i++) {
            double t = two - a[i] * a[i], f = four - a[i] * a[i] * a[i] * a[i];
            replica[i] += ((m - 1) * f / (t * t) - 3) / parts;
        }
    }
    for (int64_t i = 0; i < count; i++) mean_k += replica[i] / m;
    for (int64_t i = 0; i < count; i++) square += pow(replica[i] - mean_k, 2);
    *error = sqrt((m - 1) / m * square);
done:
    return st;
}

static void draw_batches(tw_probe *probe, const tw_moment *at, tw_rng *rng)
{
    own *o = probe->own;
    int64_t m = probe->data->m, k = o->vectors;
    for (int64_t b = 0; b < o->batches; b++) {
        double *noise = o->noise + b * k;
        for (int64_t c = 0; c < k; c++) noise[c] = 0;
        for (int64_t j = 0; j < at->batch; j++) {
            int64_t i = (int64_t)tw_rng_below(rng, (uint64_t)m);
            for (int64_t c = 0; c < k; c++) noise[c] += o->along[c * m + i] / (double)at->batch;
        }
    }
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    int64_t positive;
    double kurtosis, error, p;
    tw_tail_power tail;
    tw_rng rng = tw_rng_at(probe->seed, TW_RNG_PROBE, STREAMS + (uint64_t)at->step);

    TW_TRY(lengths(probe, at, &positive));
    if (positive >= TW_TAIL_LEAST) {
        TW_TRY(tw_tail_fit_power(positive, o->s, REPLICAS, &rng, &tail));
        TW_TRY(tw_probe_put(probe, at, tail.index, tail.error, "index"));
        TW_TRY(tw_probe_put(probe, at, (double)tail.largest, NAN, "largest"));
        TW_TRY(tw_probe_put(probe, at, tail.fit, NAN, "power_law"));
    }
    TW_TRY(project(probe, at, &kurtosis, &error));
    TW_TRY(tw_probe_put(probe, at, kurtosis / (double)at->batch, error / (double)at->batch, "kurtosis"));
    draw_batches(probe, at, &rng);
    TW_TRY(tw_tail_test_gaussian(o->batches, o->vectors, o->noise, &p));
    TW_TRY(tw_probe_put(probe, at, p, NAN, "gaussian"));
    TW_TRY(tw_tail_stable(o->batches, o->vectors, o->noise, SUM, &kurtosis, &error));
    TW_TRY(tw_probe_put(probe, at, kurtosis, error, "stable"));
done:
    return st;
}

// Norms, gradient and directions of every sample; then replicas and draws, whose time is that of about 2e8 products of
// two numbers whatever the network is.
static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    double gradient = 6 * (double)probe->n;
    return (double)probe->data->m * (4 + 1.5 * (double)o->vectors) + 2e8 / gradient;
}

const tw_probe_kind tw_probe_tail = {"tail", open, measure, NULL, close, cost};
