// SPDX-License-Identifier: MIT
// The stationary fluctuation of SGD around a network's weights: predicted along the top of the Hessian, and measured.
//
// With H v = a v and Sigma the stationary covariance, v'(.)v of Theorem 1 is
//
//   2(1-mu) h S - (1+mu^2)/(1-mu^2) h^2 S + 2 mu/(1-mu^2) h^2 S = lr^2 v'Cv,   h = lr a,  S = v' Sigma v
//
// and (1 + mu^2 - 2 mu)/(1 - mu^2) = (1-mu)/(1+mu): one number a direction, whatever C does elsewhere. A displacement
// obeys z^2 - (1 + mu - h) z + mu = 0 and falls by e in -1/ln|z| steps, z the larger root.
//
// Measured: trajectory r leaves the time averages s_r of y = v'(w - w0) and q_r of y^2. With R trajectories and s their
// mean, E s^2 = (E y)^2 + var(s_r)/R, so q - s^2 + var(s_r)/R estimates the variance without bias; leaving out one
// trajectory at a time gives its standard error, however long each remembers.
// Source: Ziyin, Liu, Mori & Ueda, ICLR 2022, Theorem 1.
#include "thalweg/train_noise.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/rng.h"
#include "net/net.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct job {
    tw_net *net;
    const tw_data *data;
    const tw_fluctuation_opts *opts;
    tw_fluctuation *out;
    tw_eigs *eigs;
    double *start, *w, *m, *g; // [n]
    int64_t *order;            // [samples], without replacement
    tw_data part;              // one batch
    double *s, *q, *loss;      // [replicas][top], [replicas][top], [replicas]
    int64_t kept;              // trajectories that stayed finite
} job;

static tw_status check(const tw_data *data, int64_t n, const tw_fluctuation_opts *o)
{
    if (!(o->lr > 0 && isfinite(o->lr)) || !(o->momentum >= 0 && o->momentum < 1))
        return tw_fail(TW_EINVAL, "fluctuation: found lr %g, momentum %g, expected lr > 0 and momentum in [0, 1)",
                       o->lr, o->momentum);
    if (o->batch < 1 || (!o->replacement && o->batch > data->m))
        return tw_fail(TW_EINVAL, "fluctuation: found batch %" PRId64 ", expected 1 to %" PRId64, o->batch,
                       o->replacement ? INT64_MAX : data->m);
    if (o->top < 1 || o->top > n || o->replicas < 4 || o->burn < 0 || o->steps < 1)
        return tw_fail(TW_EINVAL,
                       "fluctuation: found top %" PRId64 " of %" PRId64 ", %" PRId64 " trajectories, %" PRId64
                       " + %" PRId64 " steps, expected 1 <= top <= n, at least 4 trajectories, 0 + 1 steps",
                       o->top, n, o->replicas, o->burn, o->steps);
    return TW_OK;
}

// --- what theory says ---

static double relaxation(double mu, double h)
{
    double b = 1 + mu - h, root = b * b - 4 * mu;
    double largest = root >= 0 ? (fabs(b) + sqrt(root)) / 2 : sqrt(mu);
    return largest < 1 ? largest > 0 ? -1 / log(largest) : 0 : INFINITY;
}

static tw_status predict(job *j)
{
    tw_status st = TW_OK;
    tw_fluctuation *o = j->out;
    tw_curv *hessian = NULL, *covariance = NULL;
    tw_curv_opts opts = tw_curv_defaults();
    tw_lanczos_opts lanczos = tw_lanczos_defaults();
    double *y = NULL, mu = j->opts->momentum, lr = j->opts->lr, S = (double)j->opts->batch;
    bool squared = j->net->loss == TW_LOSS_MSE || j->net->loss == TW_LOSS_HALF_MSE;

    opts.block = 1;
    TW_TRY(tw_curv_new(j->net, j->data, &opts, &hessian));
    lanczos.top = o->top;
    lanczos.tolerance = j->opts->tolerance;
    lanczos.block = 1;
    lanczos.seed = j->opts->seed;
    lanczos.progress = j->opts->progress;
    TW_TRY(tw_lanczos(tw_curv_linop(hessian), &lanczos, &j->eigs));
    double data_loss = tw_curv_loss(hessian)->data_loss;
    opts.matrix = "covariance";
    opts.batch = j->opts->batch;
    opts.replacement = j->opts->replacement;
    TW_TRY(tw_curv_new(j->net, j->data, &opts, &covariance));
    TW_TRY(tw_alloc(o->n, sizeof *y, &y));
    for (int64_t i = 0; i < o->top; i++) {
        tw_fluctuation_mode *mode = &o->mode[i];
        const double *v = j->eigs->vector + i * o->n;
        double a = j->eigs->value[i], h = lr * a;
        const tw_linop *c = tw_curv_linop(covariance);
        TW_TRY(c->apply(c->ctx, 1, v, y));
        for (int64_t k = 0; k < o->n; k++) mode->noise += v[k] * y[k];
        mode->eigenvalue = a;
        mode->residual = j->eigs->residual[i];
        mode->converged = j->eigs->converged[i];
        mode->relaxation = relaxation(mu, h);
        mode->settled = (double)j->opts->burn >= 5 * mode->relaxation;
        double d = 2 * (1 - mu) * h - (1 - mu) / (1 + mu) * h * h, plain = a - j->net->l2;
        bool stable = h > 0 && h < 2 * (1 + mu);
        mode->predicted = stable ? lr * lr * mode->noise / d : NAN;
        mode->from_paper = stable && squared ? lr * lr * 2 * data_loss / (S * (double)j->net->out) * plain / d : NAN;
        mode->from_hessian = stable ? lr * lr * plain / S / d : NAN;
    }
done:
    free(y);
    tw_curv_free(covariance);
    tw_curv_free(hessian);
    return st;
}

// --- what SGD does ---

static void draw_batch(job *j, tw_rng *rng)
{
    const tw_data *data = j->data;
    size_t row = (size_t)data->features * (size_t)data->real;
    for (int64_t i = 0; i < j->opts->batch; i++) {
        int64_t from = (int64_t)tw_rng_below(rng, (uint64_t)(j->opts->replacement ? data->m : data->m - i));
        if (!j->opts->replacement) { // the beginning of a shuffle; any order will do to begin with
            int64_t other = i + from;
            from = j->order[other];
            j->order[other] = j->order[i];
            j->order[i] = from;
        }
        memcpy((char *)j->part.x + (size_t)i * row, (const char *)data->x + (size_t)from * row, row);
        if (data->label) j->part.label[i] = data->label[from];
        if (data->target)
            memcpy(j->part.target + i * data->targets, data->target + from * data->targets,
                   (size_t)data->targets * sizeof(double));
    }
}

static tw_status trajectory(job *j, int64_t r)
{
    tw_status st = TW_OK;
    tw_fluctuation *o = j->out;
    int64_t n = o->n, top = o->top, total = j->opts->burn + j->opts->steps;
    double *s = j->s + j->kept * top, *q = j->q + j->kept * top, kept = (double)j->opts->steps, loss = 0;
    tw_rng rng = tw_rng_at(j->opts->seed, TW_RNG_SIM, (uint64_t)r);
    const tw_progress *p = &j->opts->progress;
    memcpy(j->w, j->start, (size_t)n * sizeof *j->w);
    memset(j->m, 0, (size_t)n * sizeof *j->m);
    memset(s, 0, (size_t)top * sizeof *s);
    memset(q, 0, (size_t)top * sizeof *q);
    for (int64_t i = 0; i < j->data->m; i++) j->order[i] = i;
    for (int64_t step = 0; step < total; step++) {
        tw_loss_value value;
        bool finite = true;
        TW_TRY(tw_net_set_weights(j->net, j->w));
        draw_batch(j, &rng);
        TW_TRY(tw_loss(j->net, &j->part, j->g, NULL, &value));
        for (int64_t i = 0; i < n; i++) {
            j->m[i] = j->opts->momentum * j->m[i] + j->g[i];
            j->w[i] -= j->opts->lr * j->m[i];
            finite = finite && fabs(j->w[i]) < 1e30; // inside float's range
        }
        if (!finite || !isfinite(value.loss)) {
            o->diverged++;
            goto done;
        }
        if (p->tick && step % 64 == 0 &&
            !p->tick(p->ctx, "trajectories", (double)(r * total + step), (double)(j->opts->replicas * total))) {
            st = tw_fail(TW_ESTOPPED, "trajectories: stopped in number %" PRId64, r + 1);
            goto done;
        }
        if (step < j->opts->burn) continue;
        loss += value.data_loss / kept;
        for (int64_t k = 0; k < top; k++) {
            const double *v = j->eigs->vector + k * n;
            double y = 0;
            for (int64_t i = 0; i < n; i++) y += v[i] * (j->w[i] - j->start[i]);
            s[k] += y / kept;
            q[k] += y * y / kept;
        }
    }
    j->loss[j->kept++] = loss;
done:
    return st;
}

// Mean of x[i stride] without number `left` (-1: all), and its unbiased variance over trajectories.
static double mean_without(int64_t count, int64_t stride, const double *x, int64_t left, double *variance)
{
    double mean = 0, square = 0, used = (double)(left < 0 ? count : count - 1);
    for (int64_t i = 0; i < count; i++)
        if (i != left) mean += x[i * stride] / used;
    for (int64_t i = 0; i < count; i++)
        if (i != left) square += (x[i * stride] - mean) * (x[i * stride] - mean);
    *variance = square / (used - 1);
    return mean;
}

static double variance_without(const job *j, int64_t k, int64_t left)
{
    int64_t top = j->out->top;
    double unused, of_s, R = (double)(left < 0 ? j->kept : j->kept - 1);
    double q = mean_without(j->kept, top, j->q + k, left, &unused),
           s = mean_without(j->kept, top, j->s + k, left, &of_s);
    return q - s * s + of_s / R;
}

static tw_status conclude(job *j)
{
    tw_fluctuation *o = j->out;
    double R = (double)j->kept, spread;
    if (j->kept < 4)
        return tw_fail(TW_ENUMERIC, "fluctuation: %" PRId64 " of %" PRId64 " trajectories stayed finite, expected 4",
                       j->kept, j->opts->replicas);
    o->final_loss.value = mean_without(j->kept, 1, j->loss, -1, &spread);
    o->final_loss.error = sqrt(spread / R);
    for (int64_t k = 0; k < o->top; k++) {
        tw_fluctuation_mode *mode = &o->mode[k];
        double mean = 0, square = 0;
        mode->mean.value = mean_without(j->kept, o->top, j->s + k, -1, &spread);
        mode->mean.error = sqrt(spread / R);
        mode->variance.value = variance_without(j, k, -1);
        for (int64_t r = 0; r < j->kept; r++) mean += variance_without(j, k, r) / R;
        for (int64_t r = 0; r < j->kept; r++) square += pow(variance_without(j, k, r) - mean, 2);
        mode->variance.error = sqrt(square * (R - 1) / R);
    }
    return TW_OK;
}

tw_status tw_fluctuation_new(tw_net *net, const tw_data *data, const tw_fluctuation_opts *opts, tw_fluctuation **out)
{
    TW_OPTIONS(tw_fluctuation, opts);
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .opts = opts, .part = *data};
    tw_fluctuation *o = NULL;
    tw_loss_value value;

    j.part.m = opts->batch;
    j.part.x = NULL;
    j.part.label = NULL;
    j.part.target = NULL;
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(check(data, tw_net_params(net), opts));
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    j.out = o;
    o->n = tw_net_params(net);
    o->top = opts->top;
    TW_TRY(tw_alloc(o->top, sizeof *o->mode, &o->mode));
    TW_TRY(tw_alloc(o->n, sizeof *j.w, &j.w));
    TW_TRY(tw_alloc(o->n, sizeof *j.m, &j.m));
    TW_TRY(tw_alloc(o->n, sizeof *j.g, &j.g));
    TW_TRY(tw_alloc(data->m, sizeof *j.order, &j.order));
    TW_TRY(tw_alloc(opts->batch * data->features, (size_t)data->real, &j.part.x));
    if (data->label) TW_TRY(tw_alloc(opts->batch, sizeof *j.part.label, &j.part.label));
    if (data->target) TW_TRY(tw_alloc(opts->batch * data->targets, sizeof *j.part.target, &j.part.target));
    TW_TRY(tw_alloc(opts->replicas * o->top, sizeof *j.s, &j.s));
    TW_TRY(tw_alloc(opts->replicas * o->top, sizeof *j.q, &j.q));
    TW_TRY(tw_alloc(opts->replicas, sizeof *j.loss, &j.loss));
    TW_TRY(tw_loss(net, data, j.g, NULL, &value));
    o->loss = value.loss;
    o->gradient_norm = value.gradient_norm;
    TW_TRY(predict(&j));
    TW_TRY(tw_alloc(o->n, sizeof *j.start, &j.start));
    tw_net_get_weights(net, j.start);
    for (int64_t r = 0; r < opts->replicas; r++) TW_TRY(trajectory(&j, r));
    TW_TRY(conclude(&j));
    *out = o;
    o = NULL;
done:
    if (j.start) { // they were finite: setting them cannot fail
        tw_status back = tw_net_set_weights(net, j.start);
        if (st == TW_OK) st = back;
    }
    tw_fluctuation_free(o);
    tw_eigs_free(j.eigs);
    free(j.loss);
    free(j.q);
    free(j.s);
    free(j.part.target);
    free(j.part.label);
    free(j.part.x);
    free(j.order);
    free(j.g);
    free(j.m);
    free(j.w);
    free(j.start);
    return st;
}

void tw_fluctuation_free(tw_fluctuation *fluctuation)
{
    if (!fluctuation) return;
    free(fluctuation->mode);
    free(fluctuation);
}
