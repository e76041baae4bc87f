// SPDX-License-Identifier: MIT
// The anisotropic PAC-Bayes bound of a network: curvature, choice of the prior, Gibbs error, and the statement.
//
//   1. diag H at theta: of relu networks exactly in one sweep (curv/diagonal.c), else by unit vectors or probed. A
//   probed one is biased in max(beta H_jj, 1/s_j), which moves the effective
//      curvature but not the truth of the bound: the posterior may be any function of data and chance, and its KL is
//      computed from the precisions used.
//   2. For each beta the scale of the prior with the least bound at the error of a few pilot draws. All scales hold at
//      once (union bound), so choosing among them costs nothing further.
//   3. The Gibbs error from fresh draws: e in [e-, e+] with probability 1 - delta', by the Chernoff form of both
//      tails, P(kl(mean || e) > ln(2/delta')/draws) <= delta'. It is monotone, so the error on new samples lies in
//      [kl^-1_low(e-, rhs), kl^-1_high(e+, rhs)].
//
// Source: Li et al. 2020, section on generalisation; Langford & Caruana, NIPS 2001 (steps 2 and 3); Maurer,
// arXiv cs/0411099.
#include "thalweg/train_bound.h"

#include "base/alloc.h"
#include "base/options.h"
#include "net/net.h"
#include "thalweg/curv.h"
#include "train/gibbs.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { ROWS = TW_NETWORK_POSTERIORS, TEST_DRAWS = 100 };

typedef struct job {
    tw_net *net;
    const tw_data *data, *test;
    const double *theta0, *shape;
    const tw_network_bound_opts *opts;
    tw_network_bound *out;
    double *theta, *prior, *nu; // [n]
} job;

// --- what may be asked ---

static tw_status check_share(const char *name, double x)
{
    if (x > 0 && x < 1) return TW_OK;
    return tw_fail(TW_EINVAL, "%s: found %g, expected a number inside (0, 1)", name, x);
}

static tw_status check_opts(const tw_network_bound_opts *o)
{
    tw_status st = TW_OK;
    TW_TRY(check_share("delta", o->delta));
    TW_TRY(check_share("delta_mc", o->delta_mc));
    if (!(o->delta + o->delta_mc < 1))
        st = tw_fail(TW_EINVAL, "delta + delta_mc: found %g, expected less than 1", o->delta + o->delta_mc);
    else if (o->draws < 2 || o->pilot < 2)
        st = tw_fail(TW_EINVAL, "draws: found %" PRId64 " and %" PRId64 " for the pilot, expected at least 2 of each",
                     o->draws, o->pilot);
    else if (!(o->c > 0 && isfinite(o->c)) || !(o->b > 0 && isfinite(o->b)))
        st = tw_fail(TW_EINVAL, "prior scales: found c %g and b %g, expected positive numbers", o->c, o->b);
    else if (o->scales < 1 || o->scales > 100000)
        st = tw_fail(TW_EINVAL, "prior scales: found %" PRId64 ", expected 1 to 100000", o->scales);
    else if (!(o->c * exp(-(double)o->scales / o->b) > 0))
        st = tw_fail(TW_EINVAL, "prior scales: found c exp(-%" PRId64 "/b) = 0 for b %g, expected a positive number",
                     o->scales, o->b);
done:
    return st;
}

static tw_status check_data(const tw_net *net, const tw_data *data)
{
    if (!data->label)
        return tw_fail(TW_EINVAL, "%s: found numbers to predict, expected class labels: the bound is on the 0-1 error",
                       data->name);
    if (net->out_places != 1)
        return tw_fail(TW_EINVAL, "%s: found %" PRId64 " answers a sample, expected one", net->model, net->out_places);
    return tw_net_fits(net, data);
}

// --- curvature ---

static tw_status measure_diagonal(job *j)
{
    tw_status st = TW_OK;
    tw_network_bound *o = j->out;
    tw_curv *hessian = NULL;
    tw_curv_opts curv = tw_curv_defaults();
    tw_trace_opts trace = tw_trace_defaults();

    o->swept = tw_diagonals_agree(j->net);
    o->exact = o->swept || j->opts->probes >= o->n;
    if (o->swept) { // in one sweep back, whatever the number of probes
        TW_TRY(tw_ggn_diagonal(j->net, j->data, o->diagonal));
    } else {
        curv.memory = j->opts->memory;
        trace.products = j->opts->probes;
        trace.seed = j->opts->seed;
        trace.progress = j->opts->progress;
        TW_TRY(tw_curv_new(j->net, j->data, &curv, &hessian));
        TW_TRY(tw_diagonal(tw_curv_linop(hessian), &trace, o->diagonal, o->diagonal_error, &o->products));
    }
    o->largest = -INFINITY;
    o->smallest = INFINITY;
    for (int64_t i = 0; i < o->n; i++) {
        double h = o->diagonal[i];
        o->trace += h;
        o->trace_error += o->diagonal_error[i]; // entries may move together: the sum of errors is the worst
        o->negative += h < 0;
        o->smallest = fmin(o->smallest, h);
        if (h > o->largest) {
            o->largest = h;
            o->largest_error = o->diagonal_error[i];
        }
    }
done:
    tw_curv_free(hessian);
    return st;
}

// --- the bound at one scale of the prior ---

static double right_side(const job *j, const tw_pac_bayes_value *v)
{
    return j->data->m >= 8 ? v->maurer.rhs : v->langford.rhs; // 2 sqrt(m) is proved from m = 8 on
}

static tw_status bound_at(job *j, double beta, int64_t i, double gibbs, tw_pac_bayes_value *out)
{
    tw_network_bound *o = j->out;
    const double pi = 3.14159265358979323846;
    for (int64_t k = 0; k < o->n; k++) j->prior[k] = o->variance[i - 1] * (j->shape ? j->shape[k] : 1);
    const tw_pac_bayes_input in = {.p = o->n,
                                   .n = j->data->m,
                                   .delta = 6 * j->opts->delta / (pi * pi * (double)i * (double)i),
                                   .gibbs = gibbs,
                                   .beta = beta,
                                   .theta = j->theta,
                                   .theta0 = j->theta0,
                                   .prior_var = j->prior,
                                   .hess_diag = o->diagonal};
    return tw_pac_bayes(&in, j->nu, out);
}

static double curvature_with(const job *j, double beta, double errors)
{
    double sum = 0;
    for (int64_t k = 0; k < j->out->n; k++) {
        double ratio = beta * (j->out->diagonal[k] + errors * j->out->diagonal_error[k]) * j->prior[k];
        if (ratio > 1) sum += log(ratio);
    }
    return sum;
}

static tw_status tick(const job *j, double done)
{
    const tw_progress *p = &j->opts->progress;
    if (p->tick && !p->tick(p->ctx, "scales of the prior", done, (double)(ROWS * j->out->scales)))
        return tw_fail(TW_ESTOPPED, "scales of the prior: stopped");
    return TW_OK;
}

// The scale with the least bound; 1 - bound is compared, which tells bounds near 1 apart.
static tw_status choose_scale(job *j, int row)
{
    tw_status st = TW_OK;
    tw_network_bound *o = j->out;
    tw_posterior_bound *r = &o->row[row];
    double best = -1;
    for (int64_t i = 1; i <= o->scales; i++) {
        tw_pac_bayes_value v;
        tw_kl_range range;
        tw_gibbs pilot;
        double *to = &o->pilot_bound[(i - 1) * ROWS + row];
        TW_TRY(tick(j, (double)(row * o->scales + i)));
        TW_TRY(bound_at(j, r->beta, i, 0, &v));
        double rhs = right_side(j, &v);
        if (r->beta == 1) {
            o->curvature[i - 1] = v.effective_curvature;
            o->norm[i - 1] = v.weighted_norm;
            o->rhs[i - 1] = rhs;
            o->active[i - 1] = v.active;
        }
        *to = NAN;
        TW_TRY(tw_kl_inverse(0, rhs, &range));
        if (range.one_minus_upper <= best) continue; // not even without an error
        TW_TRY(tw_gibbs_draw(j->net, j->data, j->theta, j->nu, j->opts->seed, 0, j->opts->pilot,
                             (tw_progress){NULL, NULL}, &pilot));
        TW_TRY(tw_kl_inverse(pilot.mean, rhs, &range));
        *to = range.upper;
        if (range.one_minus_upper > best) {
            best = range.one_minus_upper;
            r->scale = i;
        }
    }
done:
    return st;
}

// --- the statement ---

static tw_status measure_gibbs(job *j, int row)
{
    tw_status st = TW_OK;
    tw_posterior_bound *r = &j->out->row[row];
    const tw_network_bound_opts *opts = j->opts;
    tw_gibbs g, test = {.mean = NAN, .error = NAN};
    for (int other = 0; other < row; other++) { // nothing active: the same posterior, hence the same draws
        const tw_posterior_bound *same = &j->out->row[other];
        if (same->active > 0 || r->active > 0 || same->scale != r->scale) continue;
        g = (tw_gibbs){same->gibbs, same->gibbs_error, same->overflowed};
        test = (tw_gibbs){same->test_gibbs, same->test_error, 0};
        goto found;
    }
    TW_TRY(tw_gibbs_draw(j->net, j->data, j->theta, j->nu, opts->seed, opts->pilot, opts->draws, opts->progress, &g));
    if (j->test) {
        int64_t draws = opts->draws < TEST_DRAWS ? opts->draws : TEST_DRAWS;
        TW_TRY(tw_gibbs_draw(j->net, j->test, j->theta, j->nu, opts->seed, opts->pilot, draws, opts->progress, &test));
    }
found:
    r->gibbs = g.mean;
    r->gibbs_error = g.error;
    r->overflowed = g.overflowed;
    r->test_gibbs = test.mean;
    r->test_error = test.error;
done:
    return st;
}

static tw_status conclude(job *j, int row)
{
    tw_status st = TW_OK;
    tw_posterior_bound *r = &j->out->row[row];
    tw_pac_bayes_value v;
    tw_kl_range mc, range;
    const double i = (double)r->scale, pi = 3.14159265358979323846;

    r->variance = j->out->variance[r->scale - 1];
    r->delta = 6 * j->opts->delta / (pi * pi * i * i);
    TW_TRY(bound_at(j, r->beta, r->scale, 0, &v)); // the precisions to draw from
    r->active = v.active;
    r->curvature_low = j->out->exact ? v.effective_curvature : curvature_with(j, r->beta, -2);
    r->curvature_high = j->out->exact ? v.effective_curvature : curvature_with(j, r->beta, 2);
    TW_TRY(measure_gibbs(j, row));
    TW_TRY(tw_kl_inverse(r->gibbs, log(2 * ROWS / j->opts->delta_mc) / (double)j->opts->draws, &mc));
    r->gibbs_low = r->overflowed > 0 ? 0 : mc.lower; // a draw counted as wrong may have been right
    r->gibbs_high = mc.upper;
    TW_TRY(bound_at(j, r->beta, r->scale, mc.upper, &v));
    r->effective_curvature = v.effective_curvature;
    r->weighted_norm = v.weighted_norm;
    r->kl_exact = v.kl_exact;
    r->kl_paper_upper = v.kl_paper_upper;
    r->rhs = right_side(j, &v);
    TW_TRY(tw_kl_inverse(r->gibbs_low, r->rhs, &range));
    r->low = range.lower;
    r->high = j->data->m >= 8 ? v.maurer.bound : v.langford.bound;
    r->paper = v.paper.bound;
    r->vacuous = r->high >= 1 - 1 / (double)j->data->classes;
    if (r->high < j->out->row[j->out->best].high) j->out->best = row;
done:
    return st;
}

static tw_status open(job *j)
{
    tw_status st = TW_OK;
    tw_network_bound *o = j->out;
    tw_loss_value value;
    double *const beta[] = {&o->row[0].beta, &o->row[1].beta, &o->row[2].beta, &o->row[3].beta};

    o->n = tw_net_params(j->net);
    o->samples = j->data->m;
    o->classes = j->data->classes;
    o->scales = j->opts->scales;
    o->confidence = 1 - j->opts->delta - j->opts->delta_mc;
    o->test_error = NAN;
    *beta[0] = 0;
    *beta[1] = 1;
    *beta[2] = (double)j->data->m / 10;
    *beta[3] = (double)j->data->m;
    TW_TRY(tw_alloc(o->n, sizeof(double), &o->diagonal));
    TW_TRY(tw_alloc(o->n, sizeof(double), &o->diagonal_error));
    TW_TRY(tw_alloc(o->scales, sizeof(double), &o->variance));
    TW_TRY(tw_alloc(o->scales, sizeof(double), &o->curvature));
    TW_TRY(tw_alloc(o->scales, sizeof(double), &o->norm));
    TW_TRY(tw_alloc(o->scales, sizeof(double), &o->rhs));
    TW_TRY(tw_alloc(o->scales, sizeof(int64_t), &o->active));
    TW_TRY(tw_alloc(o->scales * ROWS, sizeof(double), &o->pilot_bound));
    TW_TRY(tw_alloc(o->n, sizeof(double), &j->prior));
    TW_TRY(tw_alloc(o->n, sizeof(double), &j->nu));
    for (int64_t i = 0; i < o->scales; i++) o->variance[i] = j->opts->c * exp(-(double)(i + 1) / j->opts->b);
    TW_TRY(tw_loss(j->net, j->data, NULL, NULL, &value));
    if (!isfinite(value.data_loss)) {
        st = tw_fail(TW_ENUMERIC, "%s: the loss at the posterior's mean is not finite", j->data->name);
        goto done;
    }
    o->loss = value.data_loss;
    o->error = 1 - value.accuracy;
    if (j->test) {
        TW_TRY(tw_loss(j->net, j->test, NULL, NULL, &value));
        o->test_error = 1 - value.accuracy;
        o->test_samples = j->test->m;
    }
done:
    return st;
}

void tw_prior_shape(const tw_net *net, const double *theta0, double *shape)
{
    double before = 1;
    for (int64_t i = 0; i < tw_net_tensors(net); i++) {
        const tw_param *p = tw_net_param(net, i);
        double square = 0;
        for (int64_t j = 0; j < p->count; j++) square += theta0[p->offset + j] * theta0[p->offset + j];
        if (square > 0) before = square / (double)p->count;
        for (int64_t j = 0; j < p->count; j++) shape[p->offset + j] = before;
    }
}

tw_status tw_network_bound_new(tw_net *net, const tw_data *data, const tw_data *test, const double *theta0,
                               const double *shape, const tw_network_bound_opts *opts, tw_network_bound **out)
{
    TW_OPTIONS(tw_network_bound, opts);
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .test = test, .theta0 = theta0, .shape = shape, .opts = opts};

    TW_TRY(check_opts(opts));
    TW_TRY(tw_net_needs_samples(net, "the bound"));
    TW_TRY(check_data(net, data));
    if (test) TW_TRY(check_data(net, test));
    TW_TRY(tw_alloc(1, sizeof *j.out, &j.out));
    TW_TRY(open(&j));
    TW_TRY(measure_diagonal(&j));
    TW_TRY(tw_alloc(j.out->n, sizeof *j.theta, &j.theta));
    tw_net_get_weights(net, j.theta);
    for (int row = 0; row < ROWS; row++) {
        j.out->row[row].high = INFINITY;
        TW_TRY(choose_scale(&j, row));
    }
    for (int row = 0; row < ROWS; row++) TW_TRY(conclude(&j, row));
    *out = j.out;
    j.out = NULL;
done:
    if (j.theta) { // they were finite: setting them cannot fail
        tw_status back = tw_net_set_weights(net, j.theta);
        if (st == TW_OK) st = back;
    }
    tw_network_bound_free(j.out);
    free(j.nu);
    free(j.prior);
    free(j.theta);
    return st;
}

void tw_network_bound_free(tw_network_bound *bound)
{
    if (!bound) return;
    free(bound->pilot_bound);
    free(bound->active);
    free(bound->rhs);
    free(bound->norm);
    free(bound->curvature);
    free(bound->variance);
    free(bound->diagonal_error);
    free(bound->diagonal);
    free(bound);
}
