// SPDX-License-Identifier: MIT
// Plain SGD. A batch is cut into shards like any other sum over samples, so a run has the same bits on any threads.
#include "thalweg/train.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/sweep.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    SLAB = 1 << 18
}; // numbers of one slab of the weight update: below that, waking a thread costs more than it saves

typedef struct job {
    tw_net *net;
    const tw_data *data;
    int64_t *order;   // [m]
    int64_t first, b; // the batch
    int64_t shard;    // samples a shard of this batch
    int64_t largest;  // samples a shard of the largest batch: what was planned
    double lr;
    uint64_t seed; // of dropout
    int64_t step;
    tw_state *state; // [threads]
    void *memory, *scratch;
    int32_t *labels; // [threads][largest]
    double *targets; // [threads][largest][targets]
    double *sums;    // [shards]
    int64_t *right;  // [shards]
    tw_parts *parts;
    void *gradient; // [n], sum over the batch
    void *before;   // [n], the weights before the last step
} job;

static tw_status gradient_shard(void *ctx, int64_t shard, int thread, void *part)
{
    job *j = ctx;
    tw_state *state = &j->state[thread];
    int64_t from = shard * j->shard, left = j->b - from, s = left < j->shard ? left : j->shard;
    tw_state_set_data(j->net, j->data, j->order, j->first + from, s, j->labels ? j->labels + thread * j->largest : NULL,
                      j->targets ? j->targets + thread * j->largest * j->data->targets : NULL, state);
    state->drop.on = true;
    state->drop.seed = j->seed;
    state->drop.step = j->step;
    tw_sweep_forward(j->net, state);
    tw_sweep_loss(j->net, state);
    j->sums[shard] = tw_tree_sum(s, state->loss);
    if (state->label) j->right[shard] = tw_sweep_count_right(j->net, state);
    tw_sweep_track(j->net, state); // nothing unless this shard is the whole batch
    tw_sweep_backward(j->net, state, part);
    return TW_OK;
}

static tw_status update_slab(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    job *j = ctx;
    const tw_pointwise *map = j->net->kern->map;
    int64_t real = (int64_t)j->net->kern->real, at = slab * SLAB, left = j->net->n - at,
            count = left < SLAB ? left : SLAB;
    char *w = (char *)j->net->w + at * real;
    memcpy((char *)j->before + at * real, w, (size_t)(count * real));
    if (j->net->l2 != 0) map->axpy(count, -j->lr * j->net->l2, (char *)j->before + at * real, w);
    map->axpy(count, -j->lr / (double)j->b, (char *)j->gradient + at * real, w);
    return TW_OK;
}

static tw_status open(job *j, int64_t batch)
{
    tw_status st = TW_OK;
    tw_state unused;
    int threads = tw_threads();
    j->largest = tw_net_shard(j->net, batch);
    int64_t shards = batch,
            bytes = tw_state_plan(j->net, j->largest, false, true, NULL, &unused); // shards of one at worst
    TW_TRY(tw_alloc(j->data->m, sizeof *j->order, &j->order));
    TW_TRY(tw_alloc(threads, sizeof *j->state, &j->state));
    TW_TRY(tw_alloc(threads, (size_t)bytes, &j->memory));
    for (int i = 0; i < threads; i++)
        tw_state_plan(j->net, j->largest, false, true, (char *)j->memory + i * bytes, &j->state[i]);
    bytes = tw_scratch_bytes(j->net, j->largest, 1);
    TW_TRY(tw_alloc(threads, (size_t)bytes, &j->scratch));
    for (int i = 0; i < threads; i++) j->state[i].scratch = (char *)j->scratch + i * bytes;
    if (j->data->label) TW_TRY(tw_alloc(threads * j->largest, sizeof *j->labels, &j->labels));
    if (j->data->target) TW_TRY(tw_alloc(threads * j->largest * j->data->targets, sizeof *j->targets, &j->targets));
    TW_TRY(tw_alloc(shards, sizeof *j->sums, &j->sums));
    TW_TRY(tw_alloc(shards, sizeof *j->right, &j->right));
    TW_TRY(tw_parts_new(&j->parts));
    TW_TRY(tw_alloc(j->net->n, (size_t)j->net->kern->real, &j->gradient));
    TW_TRY(tw_alloc(j->net->n, (size_t)j->net->kern->real, &j->before));
done:
    return st;
}

static void close(job *j)
{
    free(j->before);
    free(j->gradient);
    tw_parts_free(j->parts);
    free(j->right);
    free(j->sums);
    free(j->targets);
    free(j->labels);
    free(j->scratch);
    free(j->memory);
    free(j->state);
    free(j->order);
}

// The gradient of one batch; its summed loss and right answers.
static tw_status batch_gradient(job *j, double *loss, int64_t *right)
{
    j->shard = tw_net_shard(j->net, j->b);
    int64_t shards = (j->b + j->shard - 1) / j->shard;
    tw_status st = tw_shards_sum(j->parts, shards, j->net->kern->real, j->net->n, gradient_shard, j, j->gradient);
    if (st != TW_OK) return st;
    *loss = tw_tree_sum(shards, j->sums);
    *right = 0;
    for (int64_t i = 0; i < shards; i++) *right += j->right[i];
    return TW_OK;
}

static tw_status run_epoch(job *j, const tw_sgd_opts *opts, int64_t epoch, tw_sgd_curve *curve)
{
    tw_status st = TW_OK;
    int64_t m = j->data->m, right = 0;
    double sum = 0;
    tw_rng rng = tw_rng_at(opts->seed, TW_RNG_ORDER, (uint64_t)(opts->first_epoch + epoch));
    for (int64_t i = 0; i < m; i++) j->order[i] = i;
    tw_rng_shuffle(&rng, m, j->order);
    for (j->first = 0; j->first < m; j->first += j->b) {
        double loss;
        int64_t hits;
        j->step = (opts->first_epoch + epoch) * ((m + opts->batch - 1) / opts->batch) + j->first / opts->batch;
        j->b = m - j->first < opts->batch ? m - j->first : opts->batch;
        TW_TRY(batch_gradient(j, &loss, &hits));
        if (!isfinite(loss)) {
            curve->diverged = true;
            curve->diverged_step = curve->steps;
            if (curve->steps > 0) memcpy(j->net->w, j->before, (size_t)j->net->n * (size_t)j->net->kern->real);
            return TW_OK;
        }
        TW_TRY(tw_shards_run((j->net->n + SLAB - 1) / SLAB, update_slab, j));
        curve->steps++;
        sum += loss;
        right += hits;
        double at = (double)epoch * (double)m + (double)(j->first + j->b);
        if (opts->progress.tick &&
            !opts->progress.tick(opts->progress.ctx, "training", at, (double)opts->epochs * (double)m)) {
            st = tw_fail(TW_ESTOPPED, "training: stopped after step %" PRId64, curve->steps);
            goto done;
        }
    }
    curve->loss[epoch] = sum / (double)m;
    bool counted = j->data->label || j->net->loss == TW_LOSS_NEXT;
    curve->accuracy[epoch] = counted ? (double)right / (double)(m * j->net->out_places) : NAN;
    curve->epochs = epoch + 1;
done:
    return st;
}

tw_status tw_sgd(tw_net *net, const tw_data *data, const tw_sgd_opts *opts, tw_sgd_curve **out)
{
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .lr = opts->lr, .seed = opts->seed};
    tw_sgd_curve *curve = NULL;

    if (!(opts->lr > 0 && isfinite(opts->lr))) {
        st = tw_fail(TW_EINVAL, "lr: found %g, expected a positive number", opts->lr);
        goto done;
    }
    if (opts->batch < 1 || opts->epochs < 0 || opts->first_epoch < 0) {
        st = tw_fail(TW_EINVAL, "batch %" PRId64 ", epochs %" PRId64 ": expected at least 1 sample and 0 epochs",
                     opts->batch, opts->epochs);
        goto done;
    }
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(tw_alloc(1, sizeof *curve, &curve));
    TW_TRY(tw_alloc(opts->epochs, sizeof *curve->loss, &curve->loss));
    TW_TRY(tw_alloc(opts->epochs, sizeof *curve->accuracy, &curve->accuracy));
    TW_TRY(open(&j, opts->batch < data->m ? opts->batch : data->m));
    for (int64_t epoch = 0; epoch < opts->epochs && !curve->diverged; epoch++)
        TW_TRY(run_epoch(&j, opts, epoch, curve));
    *out = curve;
    curve = NULL;
done:
    tw_sgd_curve_free(curve);
    close(&j);
    return st;
}

void tw_sgd_curve_free(tw_sgd_curve *curve)
{
    if (!curve) return;
    free(curve->loss);
    free(curve->accuracy);
    free(curve);
}
