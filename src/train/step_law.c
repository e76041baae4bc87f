// SPDX-License-Identifier: MIT
// The law of the change of the loss in one step of SGD, from formulas and from many batches.
//
// Everything the formulas need is in the m x m matrix K_ij = s_i'H s_j and the m numbers a_i = mu's_i with s_i = P g_i.
// With J the centring 1 - 11'/m and c = 1/B (with replacement) or (m - B)/(B(m - 1)), C = (c/m) sum (g_i - mu)(g_i -
// mu)', so for Gaussian batches D = E D + b'z + z'W z - tr W with z standard normal,
//
//     W = (lr^2/2)(c/m) J K J,   b = sqrt(c/m) J (-lr a + lr^2 K 1/m),
//
// whose cumulants are k2 = |b|^2 + 2 tr W^2, k3 = 6 b'W b + 8 tr W^3, k4 = 48 |W b|^2 + 48 tr W^4. The change to second
// order of one batch, -lr mean a + (lr^2/2) mean K over the batch, costs B^2 additions.
//
// Source: Li et al., SDM 2020; the tail: Boucheron, Lugosi & Massart, Concentration Inequalities (2013), section 2.4
// and example 2.12 (weighted sums of squares are sub-gamma); derivation: docs/dynamics.md.
#include "thalweg/train_dynamics.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/ranks.h"
#include "base/shards.h"
#include "curv/samples.h"
#include "linalg/dense.h"
#include "net/net.h"
#include "net/sweep.h"
#include "train/batches.h"
#include "train/order.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { GROUP = 16, ROWS = 16, SLAB = 64 }; // draws a shard; samples a product; products whose row of K is made at once

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    const tw_step_law_opts *opts;
    tw_step_law *out;
    double *w, *mu, *p;                       // [n] weights, mean gradient, diagonal of P
    double *g;                                // [m][n]: gradients of samples (then P g)
    double *hs;                               // [SLAB][n]: H P g
    double *k, *a, *row;                      // [m][m] K, [m] a, [m] row means of K
    double *sample_loss;                      // [m]
    double f;                                 // with l2
    int64_t *pick;                            // [draws][batch]
    double *change, *second, *inner, *cosine; // [draws]
    int threads;
    tw_net **twin;   // [threads]
    tw_data *part;   // [threads]
    double *scratch; // [threads][3 n]
    int64_t *next;   // [threads][batch]
} job;

static tw_status tick(const job *j, const char *what, int64_t done, int64_t total)
{
    const tw_progress *p = &j->opts->progress;
    if (p->tick && !p->tick(p->ctx, what, (double)done, (double)total))
        return tw_fail(TW_ESTOPPED, "%s: stopped after %" PRId64 " of %" PRId64, what, done, total);
    return TW_OK;
}

static tw_status check(const tw_net *net, const tw_data *data, const tw_step_law_opts *o)
{
    if (!(o->lr > 0 && isfinite(o->lr)))
        return tw_fail(TW_EINVAL, "step law: found lr %g, expected a positive number", o->lr);
    if (o->batch < 1 || (!o->replacement && o->batch > data->m))
        return tw_fail(TW_EINVAL, "step law: found batch %" PRId64 ", expected 1 to %" PRId64, o->batch,
                       o->replacement ? INT64_MAX : data->m);
    if (o->draws < 100) return tw_fail(TW_EINVAL, "step law: found %" PRId64 " draws, expected at least 100", o->draws);
    if (!(o->power >= 0 && o->power <= 1 && o->eps > 0 && isfinite(o->eps)))
        return tw_fail(TW_EINVAL, "step law: found power %g, eps %g, expected 0 to 1 and a positive number", o->power,
                       o->eps);
    return tw_net_needs_samples(net, "the law of a step");
}

double tw_step_law_bytes(const tw_net *net, const tw_data *data, const tw_step_law_opts *o)
{
    double n = (double)net->n, m = (double)data->m, threads = tw_threads(), word = sizeof(double);
    double gradients = (m + (m < SLAB ? m : SLAB)) * n, squares = 2 * m * m, draws = (double)o->draws;
    double batches = threads * (double)o->batch * ((double)data->features + 2);
    return word * (gradients + squares + 3 * n + 6 * m + draws * (4 + (double)o->batch) + threads * 4 * n + batches);
}

static tw_status fits(const tw_net *net, const tw_data *data, const tw_step_law_opts *o)
{
    double needed = tw_step_law_bytes(net, data, o);
    if (o->memory <= 0 || needed <= (double)o->memory) return TW_OK;
    return tw_fail(TW_ENOMEM,
                   "step law: needs %.0f bytes for the gradients of %" PRId64 " samples by %" PRId64
                   " parameters, but %" PRId64 " are allowed; fewer samples need less",
                   needed, data->m, net->n, o->memory);
}

// At least one byte: 0 would mean no limit. Products that do not fit at all say so themselves.
static int64_t left_for_products(const job *j)
{
    double left = (double)j->opts->memory - tw_step_law_bytes(j->net, j->data, j->opts);
    return left > 1 ? (int64_t)left : 1;
}

// --- gradients, products, K ---

static tw_status first_moments(job *j)
{
    tw_status st = TW_OK;
    int64_t n = j->out->n, m = j->out->samples;
    double samples = (double)m;
    tw_loss_value value;
    TW_TRY(tw_loss(j->net, j->data, j->mu, j->sample_loss, &value));
    j->f = j->out->loss = value.loss;
    tw_net_get_weights(j->net, j->w);
    TW_TRY(tw_sample_gradients(j->net, j->data, j->g));
    for (int64_t q = 0; q < n; q++) j->mu[q] = j->p[q] = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t q = 0; q < n; q++) {
            double *g = j->g + i * n + q;
            *g += j->net->l2 * j->w[q];
            j->mu[q] += *g / samples;
            j->p[q] += *g * *g / samples;
        }
    for (int64_t q = 0; q < n; q++) {
        j->out->gradient2 += j->mu[q] * j->mu[q];
        j->out->trace_m += j->p[q];
        j->p[q] = j->opts->power > 0 ? pow(j->p[q] + j->opts->eps, -j->opts->power) : 1;
    }
done:
    return st;
}

static tw_status second_moments(job *j)
{
    tw_status st = TW_OK;
    int64_t n = j->out->n, m = j->out->samples;
    tw_curv *curv = NULL;
    tw_curv_opts opts = tw_curv_defaults();
    opts.block = m < ROWS ? m : ROWS;
    opts.memory = j->opts->memory > 0 ? left_for_products(j) : 0;
    TW_TRY(tw_curv_new(j->net, j->data, &opts, &curv));
    const tw_linop *op = tw_curv_linop(curv);
    for (int64_t i = 0; i < m; i++)
        for (int64_t q = 0; q < n; q++) {
            j->a[i] += j->mu[q] * j->p[q] * j->g[i * n + q];
            j->g[i * n + q] *= j->p[q];
        }
    for (int64_t first = 0; first < m; first += SLAB) {
        int64_t rows = m - first < SLAB ? m - first : SLAB;
        for (int64_t i = 0; i < rows; i += opts.block) {
            int64_t now = rows - i < opts.block ? rows - i : opts.block;
            TW_TRY(op->apply(op->ctx, now, j->g + (first + i) * n, j->hs + i * n));
            TW_TRY(tick(j, "products", first + i + now, m));
        }
        TW_TRY(tw_row_products(rows, m, n, j->hs, j->g, j->k + first * m));
    }
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < i; l++) j->k[i * m + l] = j->k[l * m + i] = (j->k[i * m + l] + j->k[l * m + i]) / 2;
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < m; l++) j->row[i] += j->k[i * m + l] / (double)m;
    for (int64_t i = 0; i < m; i++)
        if (!isfinite(j->row[i]) || !isfinite(j->a[i])) {
            st = tw_fail(TW_ENUMERIC, "step law: found a product that is not finite, of sample %" PRId64, i);
            goto done;
        }
done:
    tw_curv_free(curv);
    return st;
}

// --- what the formulas say ---

static tw_status predict(job *j)
{
    tw_status st = TW_OK;
    tw_step_law *o = j->out;
    int64_t m = o->samples;
    double lr = j->opts->lr, M = (double)m, B = (double)o->batch, all = 0, diagonal = 0, down = 0;
    double c = j->opts->replacement ? 1 / B : m > 1 ? (M - B) / (B * (M - 1)) : 0;
    double *w = NULL, *b = NULL, *wb = NULL, *value = NULL;
    TW_TRY(tw_alloc(m, (size_t)m * sizeof *w, &w));
    TW_TRY(tw_alloc(3 * m, sizeof *b, &b));
    wb = b + m;
    value = b + 2 * m;
    for (int64_t i = 0; i < m; i++) {
        all += j->row[i] / M;
        diagonal += j->k[i * m + i] / M;
        down += j->a[i] / M;
    }
    o->trace_hm = c * (diagonal - all) + all;
    o->best_lr = down / o->trace_hm;
    o->predicted.mean.value = -lr * down + lr * lr / 2 * o->trace_hm;
    for (int64_t i = 0; i < m; i++) {
        b[i] = sqrt(c / M) * (-lr * (j->a[i] - down) + lr * lr * (j->row[i] - all));
        for (int64_t l = 0; l < m; l++)
            w[i * m + l] = lr * lr / 2 * c / M * (j->k[i * m + l] - j->row[i] - j->row[l] + all);
    }
    double bb = 0, bwb = 0, wb2 = 0, w2 = 0, w3 = 0, w4 = 0, largest = 0;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t l = 0; l < m; l++) wb[i] += w[i * m + l] * b[l];
        bb += b[i] * b[i];
        bwb += b[i] * wb[i];
        wb2 += wb[i] * wb[i];
    }
    TW_TRY(tw_sym_values(m, w, value));
    for (int64_t i = 0; i < m; i++) {
        double x = value[i];
        w2 += x * x;
        w3 += x * x * x;
        w4 += x * x * x * x;
        largest = fmax(largest, x);
    }
    double v = bb + 2 * w2;
    o->subgamma = 2 * largest;
    o->predicted.variance.value = v;
    o->predicted.skewness = v > 0 ? (6 * bwb + 8 * w3) / pow(v, 1.5) : NAN;
    o->predicted.excess = v > 0 ? 48 * (wb2 + w4) / (v * v) : NAN;
    // P enters twice in Tr(P H P M_B) but once in g_t'g_(t+1), so that is predicted for P = 1 alone.
    o->inner_predicted = j->opts->power > 0 ? NAN : o->gradient2 - lr * o->trace_hm;
done:
    free(w);
    free(b);
    return st;
}

// --- what batches do ---

static tw_status draw_batches(job *j)
{
    tw_status st = TW_OK;
    tw_step_law *o = j->out;
    int64_t B = o->batch;
    double count = j->opts->replacement ? INFINITY : tw_batches_count(o->samples, B);
    if (B == 1) count = (double)o->samples;
    o->enumerated = count <= (double)j->opts->draws;
    o->draws = o->enumerated ? (int64_t)llround(count) : j->opts->draws;
    TW_TRY(tw_alloc(o->draws, (size_t)B * sizeof *j->pick, &j->pick));
    for (int64_t i = 0; i < B; i++) j->pick[i] = i;
    for (int64_t d = 0; d < o->draws; d++) {
        int64_t *pick = j->pick + d * B;
        if (o->enumerated && d > 0) {
            memcpy(pick, pick - B, (size_t)B * sizeof *pick);
            tw_batches_next(o->samples, B, pick);
        } else if (!o->enumerated) {
            tw_rng rng = tw_rng_at(j->opts->seed, TW_RNG_DRAW, (uint64_t)d);
            tw_batches_draw(&rng, o->samples, B, j->opts->replacement, pick);
        }
    }
done:
    return st;
}

static tw_status one_draw(job *j, int64_t d, int thread)
{
    tw_status st = TW_OK;
    const tw_step_law *o = j->out;
    int64_t n = o->n, B = o->batch, m = o->samples;
    const int64_t *pick = j->pick + d * B;
    double *s = j->scratch + thread * 3 * n, *at = s + n, *g = at + n, lr = j->opts->lr, linear = 0, square = 0;
    double inner = 0, one = 0, two = 0;
    tw_net *net = j->twin[thread];
    tw_data *part = &j->part[thread];
    tw_loss_value value;
    memset(s, 0, (size_t)n * sizeof *s);
    for (int64_t i = 0; i < B; i++) {
        const double *x = j->g + pick[i] * n;
        for (int64_t q = 0; q < n; q++) s[q] += x[q] / (double)B;
        linear += j->a[pick[i]];
        for (int64_t l = 0; l < B; l++) square += j->k[pick[i] * m + pick[l]];
    }
    j->second[d] = -lr * linear / (double)B + lr * lr / 2 * square / ((double)B * (double)B);
    for (int64_t q = 0; q < n; q++) at[q] = j->w[q] - lr * s[q];
    TW_TRY(tw_net_set_weights(net, at));
    TW_TRY(tw_loss(net, j->data, NULL, NULL, &value));
    j->change[d] = value.loss - j->f;
    if (!isfinite(j->change[d])) {
        st = tw_fail(TW_ENUMERIC,
                     "step law: the loss after batch %" PRId64 " is not finite, expected a smaller lr than %g", d, lr);
        goto done;
    }
    // Another batch, independent of the first, at the new weights.
    int64_t *next = j->next + thread * B;
    tw_rng rng = tw_rng_at(j->opts->seed, TW_RNG_SIM, (uint64_t)d);
    tw_batches_draw(&rng, m, B, j->opts->replacement, next);
    tw_batch_fill(j->data, next, part);
    TW_TRY(tw_loss(net, part, g, NULL, &value));
    for (int64_t q = 0; q < n; q++) {
        double x = s[q] / j->p[q];
        inner += x * g[q];
        one += x * x;
        two += g[q] * g[q];
    }
    j->inner[d] = inner;
    j->cosine[d] = one > 0 && two > 0 ? inner / sqrt(one * two) : 0;
done:
    return st;
}

static tw_status some_draws(void *ctx, int64_t shard, int thread)
{
    job *j = ctx;
    for (int64_t d = shard * GROUP; d < j->out->draws && d < (shard + 1) * GROUP; d++) {
        tw_status st = one_draw(j, d, thread);
        if (st != TW_OK) return st;
    }
    return TW_OK;
}

static tw_status draw(job *j)
{
    tw_status st = TW_OK;
    tw_step_law *o = j->out;
    TW_TRY(draw_batches(j));
    TW_TRY(tw_alloc(4 * o->draws, sizeof *j->change, &j->change));
    j->second = j->change + o->draws;
    j->inner = j->second + o->draws;
    j->cosine = j->inner + o->draws;
    TW_TRY(tw_alloc(j->threads, sizeof(tw_net *), &j->twin));
    TW_TRY(tw_alloc(j->threads, sizeof *j->part, &j->part));
    TW_TRY(tw_alloc(j->threads, 3 * (size_t)o->n * sizeof *j->scratch, &j->scratch));
    TW_TRY(tw_alloc(j->threads, (size_t)o->batch * sizeof *j->next, &j->next));
    for (int t = 0; t < j->threads; t++) {
        TW_TRY(tw_net_twin(j->net, j->data, &j->twin[t]));
        TW_TRY(tw_batch_open(j->data, o->batch, &j->part[t]));
    }
    TW_TRY(tick(j, "batches", 0, o->draws));
    const int64_t shards = (o->draws + GROUP - 1) / GROUP, word = sizeof(double);
    double *const found[] = {j->change, j->second, j->inner, j->cosine};
    TW_TRY(tw_shards_run_dealt(shards, some_draws, j));
    for (int i = 0; i < 4; i++) TW_TRY(tw_ranks_gather(shards, GROUP * word, o->draws * word, found[i]));
    TW_TRY(tick(j, "batches", o->draws, o->draws));
done:
    return st;
}

// --- figures ---

static tw_law_moments moments_of(int64_t count, const double *x, bool exact)
{
    tw_law_moments o = {{0, 0}, {0, 0}, NAN, NAN};
    double k = (double)count, m2 = 0, m3 = 0, m4 = 0;
    for (int64_t i = 0; i < count; i++) o.mean.value += x[i] / k;
    for (int64_t i = 0; i < count; i++) {
        double d = x[i] - o.mean.value;
        m2 += d * d / k;
        m3 += d * d * d / k;
        m4 += d * d * d * d / k;
    }
    o.variance.value = exact ? m2 : m2 * k / (k - 1);
    if (m2 > 0) {
        o.skewness = m3 / pow(m2, 1.5);
        o.excess = m4 / (m2 * m2) - 3;
    }
    if (!exact) {
        o.mean.error = sqrt(m2 / k);
        o.variance.error = sqrt(fmax(0, m4 - m2 * m2) / k);
    }
    return o;
}

static tw_measured share(const tw_step_law *o, int64_t hits)
{
    double p = (double)hits / (double)o->draws; // the standard error does not vanish at 0 and 1 (Agresti & Coull 1998)
    double q = ((double)hits + 2) / ((double)o->draws + 4);
    return (tw_measured){p, o->enumerated ? 0 : sqrt(q * (1 - q) / (double)o->draws)};
}

static void conclude(job *j)
{
    static const double at[TW_LAW_QUANTILES] = {.01, .05, .25, .5, .75, .95, .99}, cosines[] = {.1, .5, .9};
    static const double level[TW_LAW_LEVELS] = {.5, .9, .95, .99},
                        z[TW_LAW_LEVELS] = {0.67448975019608171, 1.6448536269514722, 1.9599639845400545,
                                            2.5758293035489004};
    tw_step_law *o = j->out;
    int64_t k = o->draws, falls = 0;
    double mean = o->predicted.mean.value, sd = sqrt(o->predicted.variance.value);
    o->measured = moments_of(k, j->change, o->enumerated);
    o->quadratic = moments_of(k, j->second, o->enumerated);
    tw_law_moments inner = moments_of(k, j->inner, false); // the second batch is drawn
    o->inner = inner.mean;
    for (int64_t d = 0; d < k; d++) falls += j->change[d] < 0;
    o->falls = share(o, falls);
    for (int l = 0; l < TW_LAW_LEVELS; l++) {
        int64_t hits = 0;
        for (int64_t d = 0; d < k; d++) hits += fabs(j->change[d] - mean) <= z[l] * sd;
        o->level[l] = level[l];
        o->coverage[l] = sd > 0 ? share(o, hits) : (tw_measured){NAN, NAN}; // one batch: no interval
    }
    for (int t = 0; t < TW_LAW_TAILS; t++) {
        int64_t hits = 0;
        o->tail_x[t] = t + 1;
        o->tail_at[t] = mean + sd * sqrt(2 * o->tail_x[t]) + o->subgamma * o->tail_x[t];
        for (int64_t d = 0; d < k; d++) hits += j->change[d] >= o->tail_at[t];
        o->tail[t] = share(o, hits);
    }
    tw_sort(k, j->change);
    tw_sort(k, j->cosine);
    for (int q = 0; q < TW_LAW_QUANTILES; q++) o->quantile[q] = tw_quantile(k, j->change, at[q]);
    for (int q = 0; q < 3; q++) o->cosine[q] = tw_quantile(k, j->cosine, cosines[q]);
}

// --- special cases ---

// For f_i = r_i^2/2, g_i = r_i x_i: x_i'Hx_i = g_i'Hg_i / (2 f_i). For f_i = -ln p_i of one logit, g_i = +-(1 - p_i)
// x_i.
static tw_status special_cases(job *j)
{
    tw_status st = TW_OK;
    tw_step_law *o = j->out;
    const tw_net *net = j->net;
    int64_t n = o->n, m = o->samples;
    double *h = NULL, *value = NULL, asymmetry, least = INFINITY, most = 0, longest = 0;
    tw_curv *curv = NULL;
    bool linear = tw_net_is_dense(net) && net->tensors <= 2 && net->out == 1 && net->l2 == 0 && j->opts->power == 0;
    o->safe_lr = o->safe_factor = o->safe_ratio = o->noise_share = NAN;
    o->least_squares = linear && net->loss == TW_LOSS_HALF_MSE && n <= 2000;
    o->logistic = linear && net->loss == TW_LOSS_LOGISTIC;
    for (int64_t i = 0; i < m && o->logistic; i++) {
        double norm2 = 0, away = -expm1(-j->sample_loss[i]);
        for (int64_t q = 0; q < n; q++) norm2 += j->g[i * n + q] * j->g[i * n + q];
        if (away > 0) longest = fmax(longest, norm2 / (away * away));
    }
    if (o->logistic) o->noise_share = o->trace_m / (longest * o->loss);
    if (!o->least_squares) goto done;
    TW_TRY(tw_alloc(n, (size_t)n * sizeof *h, &h));
    TW_TRY(tw_alloc(n, sizeof *value, &value));
    tw_curv_opts opts = tw_curv_defaults();
    TW_TRY(tw_curv_new(net, j->data, &opts, &curv));
    TW_TRY(tw_linop_assemble(tw_curv_linop(curv), (tw_progress){NULL, NULL}, h, &asymmetry));
    TW_TRY(tw_sym_values(n, h, value));
    double rounding = tw_curv_linop(curv)->rounding * (double)n * value[n - 1], diagonal = 0, down = 0;
    for (int64_t i = 0; i < n; i++)
        if (value[i] > rounding) least = fmin(least, value[i]);
    for (int64_t i = 0; i < m; i++) {
        if (j->sample_loss[i] > 0) most = fmax(most, j->k[i * m + i] / (2 * j->sample_loss[i]));
        diagonal += j->k[i * m + i] / (double)m;
        down += j->a[i] / (double)m;
    }
    if (most == 0) goto done;
    o->safe_lr = least / most;
    o->safe_factor = 1 - least * o->safe_lr;
    o->safe_ratio = (o->loss - o->safe_lr * down + o->safe_lr * o->safe_lr / 2 * diagonal) / o->loss;
done:
    tw_curv_free(curv);
    free(h);
    free(value);
    return st;
}

tw_status tw_step_law_new(const tw_net *net, const tw_data *data, const tw_step_law_opts *opts, tw_step_law **out)
{
    TW_OPTIONS(tw_step_law, opts);
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .opts = opts, .threads = tw_threads()};
    tw_step_law *o = NULL;

    TW_TRY(tw_net_fits(net, data));
    TW_TRY(check(net, data, opts));
    TW_TRY(fits(net, data, opts));
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    j.out = o;
    int64_t n = o->n = net->n, m = o->samples = data->m;
    o->batch = opts->batch;
    TW_TRY(tw_alloc(3 * n, sizeof *j.w, &j.w));
    j.mu = j.w + n;
    j.p = j.mu + n;
    TW_TRY(tw_alloc(m, (size_t)n * sizeof *j.g, &j.g));
    TW_TRY(tw_alloc(m < SLAB ? m : SLAB, (size_t)n * sizeof *j.hs, &j.hs));
    TW_TRY(tw_alloc(m, (size_t)m * sizeof *j.k, &j.k));
    TW_TRY(tw_alloc(3 * m, sizeof *j.a, &j.a));
    j.row = j.a + m;
    j.sample_loss = j.row + m;
    TW_TRY(first_moments(&j));
    TW_TRY(second_moments(&j));
    TW_TRY(predict(&j));
    TW_TRY(draw(&j));
    conclude(&j);
    TW_TRY(special_cases(&j));
    *out = o;
    o = NULL;
done:
    for (int t = 0; j.twin && t < j.threads; t++) tw_net_free(j.twin[t]);
    for (int t = 0; j.part && t < j.threads; t++) tw_batch_close(&j.part[t]);
    free(j.twin);
    free(j.part);
    free(j.next);
    free(j.scratch);
    free(j.change);
    free(j.pick);
    free(j.a);
    free(j.k);
    free(j.hs);
    free(j.g);
    free(j.w);
    tw_step_law_free(o);
    return st;
}

void tw_step_law_free(tw_step_law *law) { free(law); }
