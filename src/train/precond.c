// SPDX-License-Identifier: MIT
// Steps built from first and second moments of the gradient: a scalar one and a diagonal preconditioner.
//
// adaptive: with m and s exponential means of g and |g|^2 (weights w_k, sum 1) and N = 1 / sum w_k^2,
//     trace C = (s - |m|^2) / (1 - 1/N),   |mu|^2 = max(|m|^2 - trace C / N, 0)
//     w <- w - min(lr, c |mu|^2 / (L s)) g
//   |m|^2 overestimates |mu|^2 by trace C / N; both are without bias for gradients drawn at one place. L bounds the
//   curvature: given, or the largest eigenvalue on a subset, found anew every few epochs. With one gradient seen
//   (N = 1) the noise is unknown and taken as 0.
// oracle: the best one-step rate  |mu|^2 / Tr(H M_B),  M_B = C + mu mu', from all the data; Tr(H M_B) = E z'H M_B z
// over
//   random signs z, or over all unit vectors when `vectors` is at least the number of parameters.
// precond: w <- w - lr g / (s + eps)^power, s the bias-corrected exponential mean of g^2: powers 1/2 and 1.
//
// Source: Li et al., "Hessian based analysis of SGD for deep nets", SDM 2020, sections on step sizes; the de-biasing is
// that of a mean of N independent draws.
#include "train/directions.h"

#include "base/rng.h"
#include "base/alloc.h"
#include "thalweg/curv.h"
#include <math.h>

enum { KIND, C, BETA, CURVATURE, EVERY, SAMPLES, VECTORS };
enum { MOMENTS, ORACLE };
enum { COUNT, SECOND, WEIGHTS2, LARGEST };

static const tw_word adaptive_words[] = {
    {"kind", "moments", 0, 0, false, "moments oracle", "from running moments, or the best rate from all the data"},
    {"c", "0.5", 0, 1, false, NULL, "fraction of the rate that is taken"},
    {"beta", "0.9", 0, 1 - 0x1p-53, false, NULL, "of the running moments"},
    {"curvature", "0", 0, TW_LARGE, false, NULL, "L; 0: the largest eigenvalue of the Hessian on a subset"},
    {"every", "1", 1, 1e15, true, NULL, "epochs between its measurements"},
    {"samples", "2560", 1, 1e15, true, NULL, "of that subset"},
    {"vectors", "16", 1, 1e15, true, NULL, "oracle: random vectors of the trace"},
    TW_END,
};

typedef struct moments {
    tw_rule *rule;
    double beta, weight; // of the mean so far, and of the new gradient
} moments;

static void update_mean(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum)
{
    const moments *a = ctx;
    double *mean = a->rule->array[0].x + first;
    (void)w;
    for (int64_t i = 0; i < count; i++) {
        mean[i] += a->weight * (g[i] - mean[i]);
        sum[0] += mean[i] * mean[i];
        sum[1] += g[i] * g[i];
    }
}

static tw_status largest_eigenvalue(tw_rule *rule, tw_trainer *t)
{
    tw_status st = TW_OK;
    double *e = NULL, value;
    tw_directions_opts opts = {1, (int64_t)rule->value[SAMPLES], 1e-2, false, (int64_t)rule->scalar[COUNT], false};
    TW_TRY(tw_alloc(rule->n, sizeof *e, &e));
    st = tw_directions(t, &opts, e, &value);
    if (st == TW_ENUMERIC)
        st = TW_OK; // the loss will tell
    else if (st == TW_OK)
        rule->scalar[LARGEST] = value;
    rule->scalar[COUNT]++;
done:
    free(e);
    return st;
}

// Tr(H M_B) over the data, and |mu|^2.
static tw_status oracle_rate(tw_rule *rule, tw_trainer *t, double *rate)
{
    tw_status st = TW_OK;
    int64_t n = rule->n, wanted = (int64_t)rule->value[VECTORS], vectors = wanted < n ? wanted : n, m = t->data->m;
    double *z = NULL, *hz = NULL, *cz = NULL, *mu = NULL, trace = 0, square = 0, batch = (double)t->sampling.batch;
    tw_curv *h = NULL, *c = NULL;
    tw_loss_value value;
    tw_curv_opts opts = tw_curv_defaults();

    opts.block = 1;
    TW_TRY(tw_alloc(n, sizeof *z, &z));
    TW_TRY(tw_alloc(n, sizeof *hz, &hz));
    TW_TRY(tw_alloc(n, sizeof *cz, &cz));
    TW_TRY(tw_alloc(n, sizeof *mu, &mu));
    TW_TRY(tw_loss(t->net, t->data, mu, NULL, &value));
    if (!isfinite(value.loss)) goto done;
    TW_TRY(tw_curv_new(t->net, t->data, &opts, &h));
    opts.matrix = "covariance";
    opts.batch = t->sampling.batch;
    TW_TRY(tw_curv_new(t->net, t->data, &opts, &c));
    for (int64_t i = 0; i < n; i++) square += mu[i] * mu[i];
    for (int64_t j = 0; j < vectors && batch < (double)m; j++) {
        tw_rng rng = tw_rng_at(rule->seed, TW_RNG_CURVATURE, (uint64_t)(t->step * vectors + j));
        if (vectors == n)
            for (int64_t i = 0; i < n; i++) z[i] = i == j;
        else
            tw_rng_signs(&rng, n, z);
        TW_TRY(tw_curv_linop(h)->apply(tw_curv_linop(h)->ctx, 1, z, hz));
        TW_TRY(tw_curv_linop(c)->apply(tw_curv_linop(c)->ctx, 1, z, cz));
        for (int64_t i = 0; i < n; i++) trace += hz[i] * cz[i] / (vectors == n ? 1 : (double)vectors);
    }
    TW_TRY(tw_curv_linop(h)->apply(tw_curv_linop(h)->ctx, 1, mu, hz));
    for (int64_t i = 0; i < n; i++) trace += mu[i] * hz[i];
    if (trace > 0) *rate = square / trace; // else the loss falls at any rate, to second order
done:
    tw_curv_free(c);
    tw_curv_free(h);
    free(mu);
    free(cz);
    free(hz);
    free(z);
    return st;
}

static tw_status adaptive_prepare(tw_rule *rule, tw_trainer *t)
{
    tw_status st = TW_OK;
    double *p = rule->value, *s = rule->scalar, rate = INFINITY, sum[2];
    if (p[KIND] == ORACLE) {
        TW_TRY(oracle_rate(rule, t, &rate));
        rule->lr = fmin(rule->lr, p[C] * rate);
        goto done;
    }
    if (p[CURVATURE] == 0 && (s[COUNT] == 0 || t->step % ((int64_t)p[EVERY] * t->sampling.epoch_steps) == 0))
        TW_TRY(largest_eigenvalue(rule, t));
    double total = 1 - pow(p[BETA], (double)rule->step + 1);
    moments a = {rule, p[BETA], (1 - p[BETA]) / total};
    TW_TRY(tw_trainer_walk(t, update_mean, &a, 2, sum));
    s[SECOND] += a.weight * (sum[1] - s[SECOND]);
    s[WEIGHTS2] = (1 - a.weight) * (1 - a.weight) * s[WEIGHTS2] + a.weight * a.weight; // 1/N
    double noise = s[WEIGHTS2] < 1 ? fmax(s[SECOND] - sum[0], 0) / (1 - s[WEIGHTS2]) : 0;
    double mean = fmax(sum[0] - noise * s[WEIGHTS2], 0), l = p[CURVATURE] > 0 ? p[CURVATURE] : s[LARGEST];
    if (l > 0 && s[SECOND] > 0) rule->lr = fmin(rule->lr, p[C] * mean / (l * s[SECOND]));
done:
    return st;
}

static void adaptive_slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g,
                          double *const *m, double *u)
{
    (void)first;
    (void)w;
    (void)m;
    for (int64_t i = 0; i < count; i++) u[i] = -rule->lr * g[i];
}

const tw_rule_kind tw_rule_adaptive = {
    .words = {"adaptive", "SGD whose rate follows from moments of the gradient; lr is its ceiling", adaptive_words},
    .scalars = 4,
    .moment = {"mean"},
    .prepare = adaptive_prepare,
    .slab = adaptive_slab};

enum { POWER, SQUARE_BETA, EPS };
static const tw_word precond_words[] = {
    {"power", "0.5", 0, 1, false, NULL, "of the mean square: 1/2 or 1"},
    {"beta", "0.99", 0, 1 - 0x1p-53, false, NULL, "of the running mean of squares"},
    {"eps", "1e-8", 0, TW_LARGE, false, NULL, "added to it"},
    TW_END,
};

TW_CLONES static void precond_slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g,
                                   double *const *m, double *u)
{
    (void)first;
    (void)w;
    const double *p = rule->value, beta = p[SQUARE_BETA], eps = p[EPS], lr = rule->lr,
                 total = 1 - pow(beta, (double)rule->step + 1);
    double *restrict square = m[0];
    for (int64_t i = 0; i < count; i++) {
        square[i] = beta * square[i] + (1 - beta) * g[i] * g[i];
        u[i] = square[i] / total + eps;
    }
    if (p[POWER] == 0.5)
        for (int64_t i = 0; i < count; i++) u[i] = -lr * g[i] / sqrt(u[i]);
    else if (p[POWER] == 1)
        for (int64_t i = 0; i < count; i++) u[i] = -lr * g[i] / u[i];
    else
        for (int64_t i = 0; i < count; i++) u[i] = -lr * g[i] / pow(u[i], p[POWER]);
}

const tw_rule_kind tw_rule_precond = {.words = {"precond", "SGD divided by a power of the mean squares", precond_words},
                                      .moment = {"square"},
                                      .slab = precond_slab};
