// SPDX-License-Identifier: MIT
// The covariance of minibatch gradients beside the matrices it is said to be.
//
// Everything but eigenpairs comes from one sweep of probes. For a probe z let a = (Hz, Gz, Mz, g g'z). C and every
// candidate P is a combination of the four, so z'Pz, |Pz|^2, (Cz)'(Pz) follow from the 4 numbers z'a_i and the 10
// products a_i'a_j: E z'Pz = tr P and E (Cz)'(Pz) = tr CP for random signs z, and with all n unit vectors the sums are
// exact. Ratios are of sums over probes, their standard errors the jackknife's (Efron & Stein 1981): C and P see the
// same z, so much of what the z do cancels.
//
// Overlap: tr(P_x P_y)/k changes by at most |P_x - P_x'|_2 when x moves, which is sin(angle) <= |R|_F / gap with R the
// residuals of the k pairs and gap the distance to the interval of the next eigenvalue (Davis & Kahan 1970).
// Source: Ziyin, Liu, Mori & Ueda, ICLR 2022, Definition 1 and Theorem 5; derivation: docs/noise.md, "Networks".
#include "thalweg/curv_noise.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/rng.h"
#include "net/net.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { HESS, GGN, MOMENT, RANK_ONE, PARTS };

// What one probe says: lin[i] = z'a_i, quad[i][j] = a_i'a_j.
typedef struct said {
    double lin[PARTS], quad[PARTS][PARTS];
} said;

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    const tw_gradient_noise_opts *opts;
    tw_gradient_noise *out;
    double *g; // [n] mean gradient of the data loss
    tw_curv *curv[RANK_ONE];
    tw_linop rank_one;
    double truth[PARTS], weight[TW_GRADIENT_NOISE_MATCHES][PARTS];
    said *probe; // [probes]
} job;

static tw_status apply_rank_one(void *ctx, int64_t k, const double *x, double *y)
{
    const job *j = ctx;
    int64_t n = j->out->n;
    for (int64_t c = 0; c < k; c++, x += n, y += n) {
        double along = 0;
        for (int64_t i = 0; i < n; i++) along += j->g[i] * x[i];
        for (int64_t i = 0; i < n; i++) y[i] = along * j->g[i];
    }
    return TW_OK;
}

static tw_status check(const tw_data *data, int64_t n, const tw_gradient_noise_opts *o)
{
    if (o->batch < 1 || o->top < 1)
        return tw_fail(TW_EINVAL, "gradient noise: found batch %" PRId64 ", top %" PRId64 ", expected at least 1",
                       o->batch, o->top);
    if (o->probes < 3 && o->probes < n)
        return tw_fail(TW_EINVAL, "gradient noise: found %" PRId64 " probes, expected at least 3", o->probes);
    if (!o->replacement && o->batch > data->m)
        return tw_fail(TW_EINVAL,
                       "gradient noise: found batch %" PRId64 " without replacement, expected at most the %" PRId64
                       " samples",
                       o->batch, data->m);
    return TW_OK;
}

// Gradient without the l2 term, loss, and the exact trace of C.
static tw_status first_moments(job *j)
{
    tw_status st = TW_OK;
    tw_gradient_noise *o = j->out;
    double *w = NULL, *norm = NULL, g2 = 0;
    TW_TRY(tw_alloc(o->n, sizeof *w, &w));
    TW_TRY(tw_alloc(o->samples, sizeof *norm, &norm));
    TW_TRY(tw_alloc(o->n, sizeof *j->g, &j->g));
    TW_TRY(tw_loss(j->net, j->data, j->g, NULL, &o->loss));
    tw_net_get_weights(j->net, w);
    for (int64_t i = 0; i < o->n; i++) {
        j->g[i] -= j->net->l2 * w[i];
        g2 += j->g[i] * j->g[i];
    }
    o->loss.gradient_norm = sqrt(g2);
    TW_TRY(tw_gradient_norms(j->net, j->data, norm));
    o->trace = fmax(0, o->factor * (tw_tree_sum(o->samples, norm) / (double)o->samples - g2));
done:
    free(norm);
    free(w);
    return st;
}

static void add_match(job *j, const char *name, const char *formula, double h, double g, double m, double one)
{
    const double weight[PARTS] = {h, g, m, one};
    j->out->match[j->out->count].name = name;
    j->out->match[j->out->count].formula = formula;
    memcpy(j->weight[j->out->count], weight, sizeof weight);
    j->out->count++;
}

static tw_status open(job *j)
{
    static const char *const name[RANK_ONE] = {"hessian", "ggn", "moment"};
    tw_status st = TW_OK;
    tw_gradient_noise *o = j->out;
    double S = (double)o->batch;
    TW_TRY(first_moments(j));
    for (int i = 0; i < RANK_ONE; i++) {
        tw_curv_opts opts = tw_curv_defaults();
        opts.matrix = name[i];
        opts.block = 1;
        opts.memory = j->opts->memory;
        TW_TRY(tw_curv_new(j->net, j->data, &opts, &j->curv[i]));
    }
    j->rank_one = tw_linop_of(o->n, apply_rank_one, j);
    j->truth[MOMENT] = o->factor;
    j->truth[RANK_ONE] = -o->factor;
    double coefficient = 2 * o->loss.data_loss / (S * (double)o->outputs);
    if (o->squared) {
        add_match(j, "paper", o->outputs == 1 ? "(2L/S) H - gg'/S" : "(2L/SK) H - gg'/S", coefficient, 0, 0, -1 / S);
        add_match(j, "paper-g", o->outputs == 1 ? "(2L/S) G - gg'/S" : "(2L/SK) G - gg'/S", 0, coefficient, 0, -1 / S);
    }
    add_match(j, "hessian", "H/S", 1 / S, 0, 0, 0);
    add_match(j, "ggn", "G/S", 0, 1 / S, 0, 0);
    add_match(j, "moment", "M/S", 0, 0, 1 / S, 0);
done:
    return st;
}

// --- probes ---

static tw_status tick(const job *j, const char *what, int64_t done, int64_t total)
{
    const tw_progress *p = &j->opts->progress;
    if (p->tick && !p->tick(p->ctx, what, (double)done, (double)total))
        return tw_fail(TW_ESTOPPED, "%s: stopped after %" PRId64 " of %" PRId64, what, done, total);
    return TW_OK;
}

static tw_status probe(job *j)
{
    tw_status st = TW_OK;
    tw_gradient_noise *o = j->out;
    int64_t n = o->n;
    double *room = NULL;
    o->exact = j->opts->probes >= n;
    o->probes = o->exact ? n : j->opts->probes;
    TW_TRY(tw_alloc(o->probes, sizeof *j->probe, &j->probe));
    TW_TRY(tw_alloc(1 + PARTS, (size_t)n * sizeof *room, &room));
    for (int64_t p = 0; p < o->probes; p++) {
        double *z = room;
        tw_rng rng = tw_rng_at(j->opts->seed, TW_RNG_PROBE, (uint64_t)p);
        if (o->exact) {
            memset(z, 0, (size_t)n * sizeof *z);
            z[p] = 1;
        } else {
            tw_rng_signs(&rng, n, z);
        }
        for (int i = 0; i < PARTS; i++) {
            const tw_linop *op = i == RANK_ONE ? &j->rank_one : tw_curv_linop(j->curv[i]);
            double *y = room + (1 + i) * n;
            TW_TRY(op->apply(op->ctx, 1, z, y));
            if (i <= GGN) // the l2 term is the same in every batch: no noise
                for (int64_t q = 0; q < n; q++) y[q] -= j->net->l2 * z[q];
        }
        for (int a = 0; a < PARTS; a++) {
            const double *x = room + (1 + a) * n;
            for (int64_t q = 0; q < n; q++) j->probe[p].lin[a] += z[q] * x[q];
            for (int b = 0; b <= a; b++) {
                const double *y = room + (1 + b) * n;
                double sum = 0;
                for (int64_t q = 0; q < n; q++) sum += x[q] * y[q];
                j->probe[p].quad[a][b] = j->probe[p].quad[b][a] = sum;
            }
        }
        if (!isfinite(j->probe[p].quad[HESS][HESS] + j->probe[p].quad[GGN][GGN] + j->probe[p].quad[MOMENT][MOMENT])) {
            st = tw_fail(TW_ENUMERIC, "gradient noise: probe %" PRId64 ": found a product that is not finite", p);
            goto done;
        }
        TW_TRY(tick(j, "probes", p + 1, o->probes));
    }
done:
    free(room);
    return st;
}

enum { RATIO, COSINE, DISTANCE, SCALE, NORM, FIGURES };

typedef struct figures {
    double at[FIGURES];
} figures;

static figures figures_of(const said *s, const double *truth, const double *weight)
{
    double tc = 0, tp = 0, cc = 0, pp = 0, cp = 0, dd = 0;
    for (int a = 0; a < PARTS; a++) {
        tc += truth[a] * s->lin[a];
        tp += weight[a] * s->lin[a];
        for (int b = 0; b < PARTS; b++) {
            cc += truth[a] * truth[b] * s->quad[a][b];
            pp += weight[a] * weight[b] * s->quad[a][b];
            cp += truth[a] * weight[b] * s->quad[a][b];
            dd += (truth[a] - weight[a]) * (truth[b] - weight[b]) * s->quad[a][b];
        }
    }
    figures f = {{NAN, NAN, NAN, NAN, sqrt(fmax(cc, 0))}};
    if (tc > 0) f.at[RATIO] = tp / tc;
    if (cc > 0) f.at[DISTANCE] = sqrt(fmax(dd, 0) / cc);
    if (cc > 0 && pp > 0) f.at[COSINE] = cp / sqrt(cc * pp);
    if (pp > 0) f.at[SCALE] = cp / pp;
    return f;
}

static void subtract(said *sum, const said *x, double factor)
{
    for (int a = 0; a < PARTS; a++) {
        sum->lin[a] -= factor * x->lin[a];
        for (int b = 0; b < PARTS; b++) sum->quad[a][b] -= factor * x->quad[a][b];
    }
}

static void jackknife(const job *j, const said *sum, const double *weight, figures *value, figures *error)
{
    int64_t k = j->out->probes;
    figures mean = {{0}};
    *value = figures_of(sum, j->truth, weight);
    *error = (figures){{0}};
    if (j->out->exact) return;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t p = 0; p < k; p++) {
            said left = *sum;
            subtract(&left, &j->probe[p], 1);
            figures f = figures_of(&left, j->truth, weight);
            f.at[NORM] *= sqrt((double)k / (double)(k - 1)); // the sums are of k - 1 probes
            for (int i = 0; i < FIGURES; i++) {
                if (pass == 0)
                    mean.at[i] += f.at[i] / (double)k;
                else
                    error->at[i] += (f.at[i] - mean.at[i]) * (f.at[i] - mean.at[i]);
            }
        }
    for (int i = 0; i < FIGURES; i++) error->at[i] = sqrt(error->at[i] * (double)(k - 1) / (double)k);
}

static void conclude(job *j)
{
    tw_gradient_noise *o = j->out;
    said sum = {0};
    figures value, error;
    for (int64_t p = 0; p < o->probes; p++) subtract(&sum, &j->probe[p], -1);
    double per = o->exact ? 1 : 1 / sqrt((double)o->probes); // sums to means of |Cz|^2
    jackknife(j, &sum, j->truth, &value, &error);
    o->norm = (tw_measured){value.at[NORM] * per, error.at[NORM] * per};
    for (int64_t i = 0; i < o->count; i++) {
        tw_noise_match *m = &o->match[i];
        jackknife(j, &sum, j->weight[i], &value, &error);
        m->trace_ratio = (tw_measured){value.at[RATIO], error.at[RATIO]};
        m->cosine = (tw_measured){value.at[COSINE], error.at[COSINE]};
        m->distance = (tw_measured){value.at[DISTANCE], error.at[DISTANCE]};
        m->scale = (tw_measured){value.at[SCALE], error.at[SCALE]};
    }
}

// --- leading eigenpairs ---

static tw_status eigenpairs(job *j, const double *weight, tw_eigs **out)
{
    tw_status st = TW_OK;
    const tw_linop *term[PARTS];
    double used[PARTS], shift = 0;
    int64_t count = 0;
    tw_linop *op = NULL;
    tw_lanczos_opts opts = tw_lanczos_defaults();
    for (int i = 0; i < PARTS; i++) {
        if (weight[i] == 0) continue;
        used[count] = weight[i];
        term[count++] = i == RANK_ONE ? &j->rank_one : tw_curv_linop(j->curv[i]);
        if (i <= GGN) shift -= weight[i] * j->net->l2;
    }
    if (count == 0) { // full batch without replacement: C = 0
        used[0] = 0;
        term[count++] = &j->rank_one;
    }
    TW_TRY(tw_linop_sum(count, used, term, shift, &op));
    opts.top = j->out->top < j->out->n ? j->out->top + 1 : j->out->n;
    opts.tolerance = j->opts->tolerance;
    opts.max_products = j->opts->max_products;
    opts.block = 1;
    opts.seed = j->opts->seed;
    opts.progress = j->opts->progress;
    TW_TRY(tw_lanczos(op, &opts, out));
done:
    tw_linop_free(op);
    return st;
}

// sin of the largest angle by which the space of the first k pairs can miss the true one.
static double miss(const tw_eigs *e, int64_t k)
{
    double residual2 = 0, lowest = INFINITY;
    if (k >= e->n) return 0;
    for (int64_t i = 0; i < k; i++) {
        residual2 += e->residual[i] * e->residual[i];
        lowest = fmin(lowest, e->value[i]);
    }
    double gap = lowest - e->hi[k];
    return gap > 0 ? fmin(1, sqrt(residual2) / gap) : 1;
}

static tw_status compare_spaces(job *j)
{
    tw_status st = TW_OK;
    tw_gradient_noise *o = j->out;
    int64_t k = o->top;
    TW_TRY(eigenpairs(j, j->truth, &o->eigs));
    for (int64_t i = 0; i < o->count; i++) {
        tw_noise_match *m = &o->match[i];
        tw_angles *angles = NULL;
        TW_TRY(eigenpairs(j, j->weight[i], &m->eigs));
        TW_TRY(tw_angles_new(o->n, k, o->eigs->vector, k, m->eigs->vector, &angles));
        m->overlap = angles->overlap;
        m->overlap_bound = fmin(1, miss(o->eigs, k) + miss(m->eigs, k));
        tw_angles_free(angles);
    }
done:
    return st;
}

tw_status tw_gradient_noise_new(const tw_net *net, const tw_data *data, const tw_gradient_noise_opts *opts,
                                tw_gradient_noise **out)
{
    TW_OPTIONS(tw_gradient_noise, opts);
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .opts = opts};
    tw_gradient_noise *o = NULL;

    TW_TRY(tw_net_fits(net, data));
    TW_TRY(check(data, tw_net_params(net), opts));
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    j.out = o;
    o->n = tw_net_params(net);
    o->samples = data->m;
    o->batch = opts->batch;
    o->outputs = net->out;
    o->top = opts->top < o->n ? opts->top : o->n;
    o->replacement = opts->replacement;
    o->squared = net->loss == TW_LOSS_MSE || net->loss == TW_LOSS_HALF_MSE;
    double N = (double)o->samples, S = (double)o->batch;
    o->factor = opts->replacement ? 1 / S : N > 1 ? (N - S) / (S * (N - 1)) : 0;
    TW_TRY(open(&j));
    TW_TRY(probe(&j));
    conclude(&j);
    TW_TRY(compare_spaces(&j));
    for (int i = 0; i < RANK_ONE; i++) o->products += tw_curv_products(j.curv[i]);
    *out = o;
    o = NULL;
done:
    tw_gradient_noise_free(o);
    for (int i = 0; i < RANK_ONE; i++) tw_curv_free(j.curv[i]);
    free(j.probe);
    free(j.g);
    return st;
}

void tw_gradient_noise_free(tw_gradient_noise *noise)
{
    if (!noise) return;
    tw_eigs_free(noise->eigs);
    for (int64_t i = 0; i < noise->count; i++) tw_eigs_free(noise->match[i].eigs);
    free(noise);
}
