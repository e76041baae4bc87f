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
// Near the end of training with a mean square loss L, C is expected to be about 2 L H: `ratio` is tr C / (2 L tr H),
// its error that of both traces, and `alignment` the cosine tr HC / (|H|_F |C|_F), with a jackknife over the z. The
// scale is missing where |G|^2 or G'HG is not positive: there the noise leaves no gradient to be seen. Source:
// McCandlish, Kaplan, Amodei et al., arXiv:1812.06162, appendix A; Efron & Stein, Ann. Stat. 9 (1981) 586; Mori, Ziyin,
// Liu & Ueda, ICML 2022 (C and 2 L H).
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

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
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

typedef struct weighted {
    double trace, error;               // tr HC for C the covariance of one sample's gradient
    double hessian, hessian_error;     // tr H
    double alignment, alignment_error; // tr HC / (|H|_F |C|_F): 1 where C is a multiple of H
    double ghg;
} weighted;

// Mean of k numbers and its standard error.
static double mean_of(int64_t k, const double *x, double *error)
{
    double sum = 0, square = 0, n = (double)k;
    for (int64_t i = 0; i < k; i++) sum += x[i];
    for (int64_t i = 0; i < k; i++) square += pow(x[i] - sum / n, 2);
    *error = k > 1 ? sqrt(square / (n * (n - 1))) : NAN;
    return sum / n;
}

// sum a / sqrt(sum b sum c), with the jackknife's standard error.
static double alignment_of(int64_t k, const double *a, const double *b, const double *c, double *error)
{
    double sa = 0, sb = 0, sc = 0, mean = 0, square = 0, n = (double)k;
    for (int64_t i = 0; i < k; i++) {
        sa += a[i];
        sb += b[i];
        sc += c[i];
    }
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < k; i++) {
            double x = (sa - a[i]) / sqrt((sb - b[i]) * (sc - c[i]));
            if (pass == 0)
                mean += x / n;
            else
                square += pow(x - mean, 2);
        }
    *error = sqrt((n - 1) / n * square);
    return sa / sqrt(sb * sc);
}

// z'HCz, z'Hz, |Hz|^2 and |Cz|^2 over random signs z give all of it; g'Hg takes one product more.
static tw_status look_at_hessian(tw_probe *probe, const tw_moment *at, weighted *out)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_curv *hessian = NULL, *covariance = NULL;
    double *z = NULL, *cz = NULL, *hz = NULL, *part = NULL;
    int64_t n = probe->n, k = o->vectors;
    tw_curv_opts opts = tw_curv_defaults();

    opts.block = 1;
    TW_TRY(tw_curv_new(at->net, probe->data, &opts, &hessian));
    opts.matrix = "covariance";
    TW_TRY(tw_curv_new(at->net, probe->data, &opts, &covariance));
    TW_TRY(tw_alloc(n, sizeof *z, &z));
    TW_TRY(tw_alloc(n, sizeof *cz, &cz));
    TW_TRY(tw_alloc(n, sizeof *hz, &hz));
    TW_TRY(tw_alloc(4 * k, sizeof *part, &part));
    double *hc = part, *h1 = part + k, *h2 = part + 2 * k, *c2 = part + 3 * k;
    const tw_linop *h = tw_curv_linop(hessian), *c = tw_curv_linop(covariance);
    for (int64_t i = 0; i < k; i++) {
        tw_rng rng = tw_rng_at(probe->seed, TW_RNG_PROBE, (uint64_t)i);
        tw_rng_signs(&rng, n, z);
        TW_TRY(h->apply(h->ctx, 1, z, hz));
        TW_TRY(c->apply(c->ctx, 1, z, cz));
        hc[i] = dot(n, hz, cz);
        h1[i] = dot(n, z, hz);
        h2[i] = dot(n, hz, hz);
        c2[i] = dot(n, cz, cz);
    }
    double unbiased = (double)probe->data->m / (double)(probe->data->m - 1); // the matrix's C divides by m
    weighted w = {0};
    w.trace = unbiased * mean_of(k, hc, &w.error);
    w.error *= unbiased;
    w.hessian = mean_of(k, h1, &w.hessian_error);
    w.alignment = alignment_of(k, hc, h2, c2, &w.alignment_error);
    TW_TRY(h->apply(h->ctx, 1, o->g, hz));
    w.ghg = dot(n, o->g, hz);
    *out = w;
done:
    free(part);
    free(hz);
    free(cz);
    free(z);
    tw_curv_free(covariance);
    tw_curv_free(hessian);
    return st;
}

// Without the l2 term, which is the same in every batch.
static tw_status data_gradient(tw_probe *probe, const tw_moment *at, double *loss)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    double *w = NULL;
    tw_loss_value value;
    TW_TRY(tw_loss(at->net, probe->data, o->g, NULL, &value));
    TW_TRY(tw_alloc(probe->n, sizeof *w, &w));
    *loss = value.data_loss;
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
    double mean_s = 0, mean_p = 0, loss = 0;
    weighted w = {0};

    TW_TRY(tw_gradient_norms(at->net, probe->data, o->s));
    TW_TRY(data_gradient(probe, at, &loss));
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
    TW_TRY(look_at_hessian(probe, at, &w));
    double clean = w.ghg - w.trace / (double)m, ratio = x.trace / (2 * loss * w.hessian);
    TW_TRY(tw_probe_put(probe, at, w.trace, w.error, "trace_hessian"));
    TW_TRY(
        tw_probe_put(probe, at, clean > 0 ? w.trace / clean : NAN, clean > 0 ? w.error / clean : NAN, "scale_hessian"));
    TW_TRY(
        tw_probe_put(probe, at, ratio, fabs(ratio) * hypot(e.trace / x.trace, w.hessian_error / w.hessian), "ratio"));
    TW_TRY(tw_probe_put(probe, at, w.alignment, w.alignment_error, "alignment"));
done:
    return st;
}

static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    return (double)probe->data->m * (6 + 4 * (double)o->vectors);
}

const tw_probe_kind tw_probe_noise = {"noise", open, measure, NULL, close, cost};
