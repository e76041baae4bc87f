// SPDX-License-Identifier: MIT
// The noise of gradients: how large a batch must be before it pays less.
//
// g_1 ... g_m are gradients of samples, g their mean, s_i = |g_i|^2, p_i = <g_i, g>. Unbiased over samples,
//
//   trace     tr C   = m / (m - 1) (mean s - |g|^2)
//   gradient2 |G|^2  = |g|^2 - tr C / m
//   scale     tr C / |G|^2           the simple noise scale: the batch at which noise and gradient are equally large
//
// with the jackknife's standard errors; leaving out sample i,
//
//   |g_(i)|^2 = (m^2 |g|^2 - 2 m p_i + s_i) / (m - 1)^2,
//
// so all m replicas need nothing but s and p. The Hessian-weighted scale tr(H C) / G'HG takes its numerator from random
// signs z, E z'H C z, whose standard error is over the z. Its denominator is corrected like |G|^2, by tr(H C)/m.
// The scale is missing where |G|^2 or G'HG is not positive: there the noise leaves no gradient to be seen.
// Source: McCandlish, Kaplan, Amodei et al., arXiv:1812.06162, appendix A; Efron & Stein, Ann. Stat. 9 (1981) 586.
#include "train/probe.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/net.h"
#include <math.h>
#include <string.h>

typedef struct own {
    int64_t vectors;
    double *g, *s, *p; // [n], [m], [m]
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    own *o = NULL;
    if (probe->data->m < 3)
        return tw_fail(TW_EINVAL, "probes.also.%d: found %d samples, expected at least 3", probe->item,
                       (int)probe->data->m);
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    o->vectors = tw_probe_int(probe, place->recipe, "vectors");
    TW_TRY(tw_alloc(probe->n, sizeof *o->g, &o->g));
    TW_TRY(tw_alloc(probe->data->m, sizeof *o->s, &o->s));
    TW_TRY(tw_alloc(probe->data->m, sizeof *o->p, &o->p));
done:
    return st;
}

static void close(tw_probe *probe)
{
    own *o = probe->own;
    if (!o) return;
    free(o->p);
    free(o->s);
    free(o->g);
}

typedef struct noise {
    double trace, gradient2, scale;
} noise;

static noise of(double m, double mean_s, double g2)
{
    noise x;
    x.trace = m / (m - 1) * (mean_s - g2);
    x.gradient2 = g2 - x.trace / m;
    x.scale = x.gradient2 > 0 ? x.trace / x.gradient2 : NAN;
    return x;
}

// Standard errors by leaving out one sample at a time: (m - 1)/m sum (x_(i) - mean)^2, in two passes.
static noise jackknife(int64_t count, double mean_s, double g2, const double *s, const double *p)
{
    double m = (double)count;
    noise mean = {0}, square = {0};
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < count; i++) {
            noise x =
                of(m - 1, (m * mean_s - s[i]) / (m - 1), (m * m * g2 - 2 * m * p[i] + s[i]) / ((m - 1) * (m - 1)));
            if (pass == 0) {
                mean.trace += x.trace / m;
                mean.gradient2 += x.gradient2 / m;
                mean.scale += x.scale / m;
            } else {
                square.trace += pow(x.trace - mean.trace, 2);
                square.gradient2 += pow(x.gradient2 - mean.gradient2, 2);
                square.scale += pow(x.scale - mean.scale, 2);
            }
        }
    double f = (m - 1) / m;
    return (noise){sqrt(f * square.trace), sqrt(f * square.gradient2), sqrt(f * square.scale)};
}

// tr(HC) for C the covariance of one sample's gradient, its standard error, and g'Hg.
static tw_status weighted(tw_probe *probe, const tw_moment *at, double *trace, double *error, double *ghg)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_curv *hessian = NULL, *covariance = NULL;
    double *z = NULL, *cz = NULL, *hz = NULL, sum = 0, square = 0, k = (double)o->vectors;
    int64_t n = probe->n;
    tw_curv_opts opts = tw_curv_defaults();

    opts.block = 1;
    TW_TRY(tw_curv_new(at->net, probe->data, &opts, &hessian));
    opts.matrix = "covariance";
    TW_TRY(tw_curv_new(at->net, probe->data, &opts, &covariance));
    TW_TRY(tw_alloc(n, sizeof *z, &z));
    TW_TRY(tw_alloc(n, sizeof *cz, &cz));
    TW_TRY(tw_alloc(n, sizeof *hz, &hz));
    const tw_linop *h = tw_curv_linop(hessian), *c = tw_curv_linop(covariance);
    for (int64_t i = 0; i < o->vectors; i++) {
        double x = 0;
        tw_rng rng = tw_rng_at(probe->seed, TW_RNG_PROBE, (uint64_t)i);
        tw_rng_signs(&rng, n, z);
        TW_TRY(h->apply(h->ctx, 1, z, hz));
        TW_TRY(c->apply(c->ctx, 1, z, cz));
        for (int64_t j = 0; j < n; j++) x += hz[j] * cz[j];
        sum += x;
        square += x * x;
    }
    double unbiased = (double)probe->data->m / (double)(probe->data->m - 1); // the matrix's C divides by m
    *trace = unbiased * sum / k;
    *error = o->vectors > 1 ? unbiased * sqrt(fmax(square - sum * sum / k, 0) / (k * (k - 1))) : NAN;
    TW_TRY(h->apply(h->ctx, 1, o->g, hz));
    *ghg = 0;
    for (int64_t j = 0; j < n; j++) *ghg += o->g[j] * hz[j];
done:
    free(hz);
    free(cz);
    free(z);
    tw_curv_free(covariance);
    tw_curv_free(hessian);
    return st;
}

// Without the l2 term, which is the same in every batch.
static tw_status data_gradient(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    double *w = NULL;
    tw_loss_value value;
    TW_TRY(tw_loss(at->net, probe->data, o->g, NULL, &value));
    TW_TRY(tw_alloc(probe->n, sizeof *w, &w));
    tw_net_get_weights(at->net, w);
    for (int64_t i = 0; i < probe->n; i++) o->g[i] -= at->net->l2 * w[i];
done:
    free(w);
    return st;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    int64_t m = probe->data->m;
    double mean_s = 0, mean_p = 0, trace = 0, error = 0, ghg = 0;

    TW_TRY(tw_gradient_norms(at->net, probe->data, o->s));
    TW_TRY(data_gradient(probe, at));
    TW_TRY(tw_directional(at->net, probe->data, 1, o->g, o->p));
    for (int64_t i = 0; i < m; i++) {
        mean_s += o->s[i] / (double)m;
        mean_p += o->p[i] / (double)m;
    }
    double g2 = mean_p; // <g, g>
    noise x = of((double)m, mean_s, g2), e = jackknife(m, mean_s, g2, o->s, o->p);
    TW_TRY(tw_probe_put(probe, at, x.trace, e.trace, "trace"));
    TW_TRY(tw_probe_put(probe, at, x.gradient2, e.gradient2, "gradient2"));
    TW_TRY(tw_probe_put(probe, at, x.scale, e.scale, "scale"));
    if (o->vectors == 0) goto done;
    TW_TRY(weighted(probe, at, &trace, &error, &ghg));
    double clean = ghg - trace / (double)m;
    TW_TRY(tw_probe_put(probe, at, trace, error, "trace_hessian"));
    TW_TRY(tw_probe_put(probe, at, clean > 0 ? trace / clean : NAN, clean > 0 ? error / clean : NAN, "scale_hessian"));
done:
    return st;
}

static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    return (double)probe->data->m * (4 + (o->vectors > 0 ? 2 + 4 * (double)o->vectors : 0));
}

const tw_probe_kind tw_probe_noise = {"noise", open, measure, NULL, close, cost};
