// SPDX-License-Identifier: MIT
// Valleys on tables and escapes from them (paper/escape_valley.h).
#include "paper/escape_valley.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include "thalweg/theory_escape.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

static tw_status read_table(const tw_effort *e, const tw_escape_set *set, tw_finding *f, tw_data **out, bool *there)
{
    tw_status st = TW_OK;
    char spec[4096];
    struct stat about;
    tw_data_opts opts = tw_data_defaults();
    snprintf(spec, sizeof spec, "csv:%s/%s", e->tables ? e->tables : "", set->file);
    *there = e->tables && stat(spec + 4, &about) == 0;
    if (!*there) {
        f->verdict = TW_UNDECIDED;
        snprintf(f->measured, sizeof f->measured, "not measured: needs %s in the folder --tables DIR", set->file);
        return TW_OK;
    }
    opts.real = 8;
    opts.scale = "standard";
    opts.seed = e->seed;
    opts.samples = set->samples;
    opts.random_subset = set->samples > 0;
    TW_TRY(tw_data_open(spec, &opts, out));
    tw_data *data = *out;
    if (data->classes <= set->first) {
        st = tw_fail(TW_EINVAL, "%s: found %" PRId64 " classes, expected more than %" PRId64, spec + 4, data->classes,
                     set->first);
        goto done;
    }
    for (int64_t j = 0; j < data->m; j++) data->label[j] = data->label[j] >= set->first;
    for (int64_t c = 2; data->class_name && c < data->classes; c++) free(data->class_name[c]);
    data->classes = 2;
done:
    return st;
}

tw_status tw_escape_valley_open(const tw_effort *e, const tw_escape_set *set, const char *model, double l2,
                                tw_finding *f, tw_escape_valley *v, bool *there)
{
    tw_status st = TW_OK;
    char spec[96];
    double *w = NULL;
    tw_net_opts net = tw_net_defaults();
    TW_TRY(read_table(e, set, f, &v->data, there));
    if (!*there) goto done;
    net.real = 8;
    net.loss = "logistic";
    net.l2 = l2;
    net.seed = e->seed;
    snprintf(spec, sizeof spec, "mlp:%" PRId64 "%s", v->data->features, model);
    TW_TRY(tw_net_new(spec, v->data, &net, &v->net));
    TW_TRY(tw_escape_net_new(v->net, v->data, &v->lanes));
    tw_network_surface_open(v->net, v->data, e->progress, &v->surface);
    TW_TRY(tw_alloc(tw_net_params(v->net), sizeof *w, &w));
    tw_net_get_weights(v->net, w);
    TW_TRY(tw_network_valley_find(&v->surface, w, 0, e->seed, &v->valley));
    if (!v->valley.a.found || v->valley.a.flat > 0)
        st = tw_fail(TW_ENUMERIC, "%s on %s: no minimum without flat directions was reached (gradient %.2g left)", spec,
                     set->name, v->valley.a.gradient);
done:
    free(w);
    return st;
}

void tw_escape_valley_close(tw_escape_valley *v)
{
    tw_network_valley_free(&v->valley);
    tw_escape_net_free(v->lanes);
    tw_net_free(v->net);
    tw_data_free(v->data);
    *v = (tw_escape_valley){0};
}

// A factor F of eta^2 times the covariance of one gradient's noise.
static tw_status factor_of(const tw_escape_valley *v, tw_network_noise noise, double D, double eta, double B,
                           double **out)
{
    tw_status st = TW_OK;
    int64_t n = v->valley.a.n;
    double trace = 0;
    TW_TRY(tw_alloc(n * n, sizeof **out, out));
    TW_TRY(tw_network_noise_matrix(&v->valley, v->net->l2, noise, D, eta, B, *out));
    for (int64_t i = 0; i < n; i++) trace += (*out)[i * n + i];
    for (int64_t i = 0; i < n; i++) (*out)[i * n + i] += 1e-10 * trace / (double)n; // positive to rounding
    TW_TRY(tw_cholesky(n, *out));
    for (int64_t i = 0; i < n * n; i++) (*out)[i] *= eta;
done:
    return st;
}

tw_status tw_escape_valley_leave(const tw_effort *e, tw_escape_valley *v, tw_network_noise noise, double D, double box,
                                 double eta, double B, int64_t replicas, int64_t most, uint64_t seed,
                                 tw_escape_reading *out)
{
    tw_status st = TW_OK;
    int64_t *steps = NULL, alive = 0, later = 0;
    bool *escaped = NULL;
    double *t = NULL, *factor = NULL, dead = ceil(5 / (eta * v->valley.a.eig[0]));
    tw_escape_rate rate;
    tw_escape_walk walk = {.net = v->lanes,
                           .rule = TW_RULE_BOX,
                           .size = box,
                           .a = v->valley.a.x,
                           .eta = eta,
                           .batch = noise == TW_NETWORK_SAMPLES ? (int64_t)B : 1,
                           .seed = seed};
    TW_TRY(tw_alloc(replicas, sizeof *steps, &steps));
    TW_TRY(tw_alloc(replicas, sizeof *escaped, &escaped));
    TW_TRY(tw_alloc(replicas, sizeof *t, &t));
    if (noise != TW_NETWORK_SAMPLES) TW_TRY(factor_of(v, noise, D, eta, B, &factor));
    walk.factor = factor;
    TW_TRY(tw_escape_walk_run(&walk, replicas, most, NULL, NULL, &e->progress, steps, escaped));
    // Clocks start when the start is forgotten, or at once where most are out by then.
    for (int64_t i = 0; i < replicas; i++) later += (double)steps[i] > dead;
    if (2 * later <= replicas) dead = 0;
    for (int64_t i = 0; i < replicas; i++) {
        if ((double)steps[i] <= dead) continue;
        t[alive] = (double)steps[i] - dead;
        escaped[alive++] = escaped[i];
    }
    *out = (tw_escape_reading){.ln_tau = NAN, .se = NAN, .z = NAN};
    TW_TRY(tw_escape_rate_mle(alive, t, escaped, &rate));
    out->events = rate.events;
    if (rate.events >= 8) {
        out->ln_tau = rate.ln_tau;
        out->se = rate.se_ln_tau;
        TW_TRY(tw_escape_weibull(alive, t, escaped, &out->z));
    }
    TW_TRY(tw_network_predict(&v->valley, v->net->l2, noise, D, TW_RULE_BOX, box, eta, B, &out->says));
    TW_TRY(tw_network_premises_find(&v->surface, &v->valley, noise, D, TW_RULE_BOX, box, eta, B, &out->premises));
done:
    free(steps);
    free(escaped);
    free(t);
    free(factor);
    return st;
}

bool tw_escape_reading_counts(const tw_escape_reading *r)
{
    return isfinite(r->ln_tau) && isfinite(r->z) && fabs(r->z) <= 3;
}

tw_verdict tw_escape_line_verdict(const tw_escape_line *line, const tw_escape_line *rival)
{
    if (!(line->chi2 < 2 * (double)line->dof)) return TW_CONTRADICTED;
    return rival->chi2 > line->chi2 + 10 ? TW_HOLDS : TW_UNDECIDED;
}
