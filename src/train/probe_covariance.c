// SPDX-License-Identifier: MIT
// The covariance C of minibatch gradients beside the matrices it is said to be: (2L/SK) H - gg'/S, H/S, M/S and kin.
//
//   trace, norm         tr C at the run's batch, exact over the probe's samples; |C|
//   top/I               its largest eigenvalues, the error being the residual
//   P/trace_ratio       tr P / tr C        P: paper, paper-g (squared losses only), hessian, ggn, moment
//   P/cosine            <C, P> / (|C| |P|)
//   P/distance          |P - C| / |C|
//   P/factor            the a that makes |a P - C| least
//   P/top/I             largest eigenvalues of P
//   P/overlap           mean cos^2 between the leading spaces of C and P; the error bounds it, by residuals and gaps
//   not_converged       pairs of all matrices that are not within the tolerance
//
// Traces and norms come from the same random signs for all matrices, with a jackknife over them; where `vectors` is the
// number of parameters or more they are exact. C is that of batches drawn with replacement from the probe's samples; in
// the ratios the batch cancels. Source and derivation: thalweg/curv_noise.h.
#include "train/probe.h"

#include "base/alloc.h"
#include "thalweg/curv_noise.h"
#include <math.h>
#include <stdio.h>

typedef struct own {
    tw_gradient_noise_opts opts;
} own;

static tw_status open(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    own *o = NULL;
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    probe->own = o;
    o->opts = tw_gradient_noise_defaults();
    o->opts.top = tw_probe_int(probe, place->recipe, "top");
    o->opts.probes = tw_probe_int(probe, place->recipe, "vectors");
    o->opts.max_products = tw_probe_int(probe, place->recipe, "products");
    o->opts.tolerance = tw_probe_real(probe, place->recipe, "tolerance");
    o->opts.seed = probe->seed;
    if (o->opts.probes < 3 && o->opts.probes < probe->n)
        return tw_fail(TW_EINVAL, "probes.also.%d: found %d vectors, expected at least 3", probe->item,
                       (int)o->opts.probes);
done:
    return st;
}

static tw_status put_pairs(const tw_probe *probe, const tw_moment *at, const tw_eigs *eigs, int64_t top,
                           const char *before, int64_t *missing)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < top; i++) {
        TW_TRY(tw_probe_put(probe, at, eigs->value[i], eigs->residual[i], "%stop/%d", before, (int)i + 1));
        *missing += !eigs->converged[i];
    }
done:
    return st;
}

// Ratios to a C that is 0 do not exist and are left out.
static tw_status put_measured(const tw_probe *probe, const tw_moment *at, tw_measured x, const char *before,
                              const char *what)
{
    return isfinite(x.value) ? tw_probe_put(probe, at, x.value, x.error, "%s%s", before, what) : TW_OK;
}

static tw_status put_match(const tw_probe *probe, const tw_moment *at, const tw_noise_match *m, int64_t top,
                           int64_t *missing)
{
    tw_status st = TW_OK;
    char before[32];
    snprintf(before, sizeof before, "%s/", m->name);
    TW_TRY(put_measured(probe, at, m->trace_ratio, before, "trace_ratio"));
    TW_TRY(put_measured(probe, at, m->cosine, before, "cosine"));
    TW_TRY(put_measured(probe, at, m->distance, before, "distance"));
    TW_TRY(put_measured(probe, at, m->scale, before, "factor"));
    TW_TRY(put_measured(probe, at, (tw_measured){m->overlap, m->overlap_bound}, before, "overlap"));
    TW_TRY(put_pairs(probe, at, m->eigs, top, before, missing));
done:
    return st;
}

static tw_status measure(tw_probe *probe, const tw_moment *at)
{
    tw_status st = TW_OK;
    own *o = probe->own;
    tw_gradient_noise *noise = NULL;
    int64_t missing = 0;
    o->opts.batch = at->batch;
    TW_TRY(tw_gradient_noise_new(at->net, probe->data, &o->opts, &noise));
    TW_TRY(tw_probe_put(probe, at, noise->trace, 0, "trace"));
    TW_TRY(put_measured(probe, at, noise->norm, "", "norm"));
    TW_TRY(put_pairs(probe, at, noise->eigs, noise->top, "", &missing));
    for (int64_t i = 0; i < noise->count; i++) TW_TRY(put_match(probe, at, &noise->match[i], noise->top, &missing));
    TW_TRY(tw_probe_put(probe, at, (double)missing, NAN, "not_converged"));
    TW_TRY(tw_probe_put(probe, at, (double)noise->products, NAN, "products"));
done:
    tw_gradient_noise_free(noise);
    return st;
}

// Norms and a gradient; for every sign vector one product with each of H, G and M; pairs of up to six matrices.
static double cost(const tw_probe *probe)
{
    const own *o = probe->own;
    double n = (double)probe->n, vectors = fmin(n, (double)o->opts.probes),
           products = fmin(n, (double)o->opts.max_products);
    return (double)probe->data->m * (3 + 5 * vectors + 10 * products);
}

const tw_probe_kind tw_probe_covariance = {"covariance", open, measure, NULL, NULL, cost};
