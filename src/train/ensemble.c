// SPDX-License-Identifier: MIT
// Many runs from one start, side by side: each a trainer of its own on a twin of the network, a thread each.
//
// A run is a function of its seed alone, and figures are taken over runs in their order, so the number of threads
// changes no bit. At a step that is looked at, the loss on all samples is taken before and after, and the batch's
// gradient is kept for its product with the next one's.
#include "thalweg/train_dynamics.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/ranks.h"
#include "base/shards.h"
#include "net/net.h"
#include "thalweg/trainer.h"
#include "train/order.h"
#include <inttypes.h>
#include <math.h>

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    const tw_ensemble_opts *opts;
    tw_ensemble *out;
    double *loss, *change, *inner, *cosine; // [runs][looks], NAN: not finite there
    int64_t done;
    bool stopped;
} job;

static tw_status check(const tw_ensemble_opts *o)
{
    if (o->runs < 4 || o->looks < 2 || o->epochs < 1)
        return tw_fail(TW_EINVAL,
                       "ensemble: found %" PRId64 " runs, %" PRId64 " looks, %" PRId64
                       " epochs, expected at least 4, 2 and 1",
                       o->runs, o->looks, o->epochs);
    return TW_OK;
}

static tw_status open_trainer(const job *j, int64_t run, tw_net *net, tw_trainer **out)
{
    tw_trainer_opts opts = tw_trainer_defaults();
    opts.optim = j->opts->optim;
    opts.sampling = j->opts->sampling;
    opts.lr = j->opts->lr;
    opts.batch = j->opts->batch;
    opts.seed = j->opts->seed + (uint64_t)run;
    return tw_trainer_new(net, j->data, &opts, out);
}

// Steps 0, then by equal factors up to the last but one, each once.
static tw_status plan(job *j)
{
    tw_status st = TW_OK;
    tw_ensemble *o = j->out;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    TW_TRY(tw_net_twin(j->net, j->data, &net));
    TW_TRY(open_trainer(j, 0, net, &trainer));
    o->steps = j->opts->epochs * tw_trainer_epoch_steps(trainer);
    if (o->steps < 2) {
        st = tw_fail(TW_EINVAL, "ensemble: found %" PRId64 " step, expected at least 2: more epochs or smaller batches",
                     o->steps);
        goto done;
    }
    TW_TRY(tw_alloc(j->opts->looks, sizeof *o->look, &o->look));
    double last = (double)(o->steps - 2), pieces = (double)(j->opts->looks - 2);
    for (int64_t i = 0; i < j->opts->looks; i++) {
        int64_t step = i == 0 ? 0 : llround(pow(last, pieces > 0 ? (double)(i - 1) / pieces : 1));
        if (step > o->steps - 2) step = o->steps - 2;
        if (o->looks == 0 || step > o->look[o->looks - 1].step) o->look[o->looks++].step = step;
    }
done:
    tw_trainer_free(trainer);
    tw_net_free(net);
    return st;
}

static double product(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static tw_status one_run(void *ctx, int64_t run, int thread)
{
    (void)thread;
    tw_status st = TW_OK;
    job *j = ctx;
    const tw_ensemble *o = j->out;
    int64_t n = j->net->n, look = 0, pending = -1, known = -1; // known: step before which `value` was taken
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    double *g = NULL;
    tw_loss_value value = {0};
    tw_step step = {0};
    double *const row[] = {j->loss + run * o->looks, j->change + run * o->looks, j->inner + run * o->looks,
                           j->cosine + run * o->looks};
    for (int r = 0; r < 4; r++)
        for (int64_t i = 0; i < o->looks; i++) row[r][i] = NAN;
    o->final_loss[run] = NAN;
    TW_TRY(tw_net_twin(j->net, j->data, &net));
    TW_TRY(open_trainer(j, run, net, &trainer));
    TW_TRY(tw_alloc(2, (size_t)n * sizeof *g, &g));
    for (int64_t s = 0; s < o->steps && !step.diverged; s++) {
        bool looked = look < o->looks && o->look[look].step == s;
        if (looked && known != s) TW_TRY(tw_loss(net, j->data, NULL, NULL, &value));
        double before = value.loss;
        TW_TRY(tw_trainer_step(trainer, &step));
        if (step.diverged) break;
        if (pending >= 0) {
            tw_trainer_gradient(trainer, g + n);
            double inner = product(n, g, g + n), size = product(n, g, g) * product(n, g + n, g + n);
            row[2][pending] = inner;
            row[3][pending] = size > 0 ? inner / sqrt(size) : 0;
            pending = -1;
        }
        if (!looked) continue;
        tw_trainer_gradient(trainer, g);
        TW_TRY(tw_loss(net, j->data, NULL, NULL, &value));
        known = s + 1;
        row[0][look] = before;
        row[1][look] = value.loss - before;
        pending = look++;
    }
    if (!step.diverged) {
        TW_TRY(tw_loss(net, j->data, NULL, NULL, &value));
        o->final_loss[run] = value.loss;
    }
    int64_t done;
#pragma omp atomic capture
    done = ++j->done;
    const tw_progress *p = &j->opts->progress;
    bool go = true;
    if (p->tick) {
#pragma omp critical(tw_ensemble_tick)
        go = p->tick(p->ctx, "runs", (double)done, (double)j->opts->runs);
    }
    if (!go) st = tw_fail(TW_ESTOPPED, "runs: stopped after %" PRId64 " of %" PRId64, done, j->opts->runs);
done:
    free(g);
    tw_trainer_free(trainer);
    tw_net_free(net);
    return st;
}

// --- figures over runs ---

// The finite numbers of one look, sorted; their mean with its standard error, and their spread.
static int64_t column(const job *j, const double *x, int64_t look, double *sorted, tw_measured *mean, double *spread)
{
    int64_t count = 0;
    double sum = 0, square = 0;
    for (int64_t r = 0; r < j->opts->runs; r++) {
        double one = x[r * j->out->looks + look];
        if (isfinite(one)) sorted[count++] = one;
    }
    for (int64_t i = 0; i < count; i++) sum += sorted[i];
    mean->value = sum / (double)count;
    for (int64_t i = 0; i < count; i++) square += (sorted[i] - mean->value) * (sorted[i] - mean->value);
    *spread = count > 1 ? sqrt(square / (double)(count - 1)) : NAN;
    mean->error = *spread / sqrt((double)count);
    tw_sort(count, sorted);
    return count;
}

static tw_status conclude(job *j)
{
    static const double at[TW_ENSEMBLE_QUANTILES] = {.05, .25, .5, .75, .95}, cosines[] = {.1, .5, .9};
    tw_status st = TW_OK;
    tw_ensemble *o = j->out;
    double *sorted = NULL, unused;
    tw_measured mean;
    TW_TRY(tw_alloc(o->runs, sizeof *sorted, &sorted));
    for (int64_t r = 0; r < o->runs; r++) o->diverged += !isfinite(o->final_loss[r]);
    if (o->runs - o->diverged < 4) {
        st = tw_fail(TW_ENUMERIC,
                     "ensemble: %" PRId64 " of %" PRId64 " runs stayed finite, expected 4; a smaller lr than "
                     "%g may help",
                     o->runs - o->diverged, o->runs, j->opts->lr);
        goto done;
    }
    o->phase = -1;
    for (int64_t i = 0; i < o->looks; i++) {
        tw_ensemble_look *l = &o->look[i];
        l->runs = column(j, j->loss, i, sorted, &l->mean_loss, &unused);
        for (int q = 0; q < TW_ENSEMBLE_QUANTILES; q++) l->loss[q] = tw_quantile(l->runs, sorted, at[q]);
        int64_t count = column(j, j->change, i, sorted, &l->mean_change, &l->spread), falls = 0;
        for (int q = 0; q < TW_ENSEMBLE_QUANTILES; q++) l->change[q] = tw_quantile(count, sorted, at[q]);
        while (falls < count && sorted[falls] < 0) falls++;
        double k = (double)count, p = ((double)falls + 2) / (k + 4);
        l->falls = (tw_measured){(double)falls / k, sqrt(p * (1 - p) / k)};
        column(j, j->inner, i, sorted, &l->inner, &unused);
        count = column(j, j->cosine, i, sorted, &mean, &unused);
        for (int q = 0; q < 3; q++) l->cosine[q] = tw_quantile(count, sorted, cosines[q]);
        if (o->phase < 0 && (fabs(l->mean_change.value) <= 2 * l->mean_change.error || l->falls.value < 0.6))
            o->phase = i;
    }
done:
    free(sorted);
    return st;
}

tw_status tw_ensemble_new(const tw_net *net, const tw_data *data, const tw_ensemble_opts *opts, tw_ensemble **out)
{
    TW_OPTIONS(tw_ensemble, opts);
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .opts = opts};
    tw_ensemble *o = NULL;

    TW_TRY(tw_net_fits(net, data));
    TW_TRY(check(opts));
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    j.out = o;
    o->runs = opts->runs;
    TW_TRY(tw_alloc(o->runs, sizeof *o->final_loss, &o->final_loss));
    TW_TRY(plan(&j));
    int64_t size = o->runs * o->looks;
    TW_TRY(tw_alloc(4 * size, sizeof *j.loss, &j.loss));
    j.change = j.loss + size;
    j.inner = j.change + size;
    j.cosine = j.inner + size;
    TW_TRY(tw_shards_run_dealt(o->runs, one_run, &j));
    const int64_t word = sizeof(double), row = o->looks * word;
    double *const found[] = {j.loss, j.change, j.inner, j.cosine};
    for (int i = 0; i < 4; i++) TW_TRY(tw_ranks_gather(o->runs, row, o->runs * row, found[i]));
    TW_TRY(tw_ranks_gather(o->runs, word, o->runs * word, o->final_loss));
    TW_TRY(conclude(&j));
    *out = o;
    o = NULL;
done:
    free(j.loss);
    tw_ensemble_free(o);
    return st;
}

void tw_ensemble_free(tw_ensemble *ensemble)
{
    if (!ensemble) return;
    free(ensemble->look);
    free(ensemble->final_loss);
    free(ensemble);
}
