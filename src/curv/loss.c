// SPDX-License-Identifier: MIT
// The objective, its gradient, and what single samples contribute, over all shards.
#include "curv/product.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <math.h>

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    int64_t shard, shards;
    int threads;
    tw_state *state; // [threads]
    void *memory, *scratch;
    double *sums;   // [shards]
    int64_t *right; // [shards]
    double *sample_loss, *norm2;
    double *norms;   // [threads][2 shard]
    void *by_sample; // NULL, or [threads][n]: one sample's gradient
} job;

static void run_forward(job *j, int64_t shard, int thread)
{
    tw_state *state = &j->state[thread];
    int64_t first = shard * j->shard, left = j->data->m - first, s = left < j->shard ? left : j->shard;
    tw_state_set_data(j->net, j->data, NULL, first, s, NULL, NULL, state);
    tw_sweep_forward(j->net, state);
    tw_sweep_loss(j->net, state);
    j->sums[shard] = tw_tree_sum(s, state->loss);
    if (state->label) j->right[shard] = tw_sweep_count_right(j->net, state);
    if (j->sample_loss)
        for (int64_t i = 0; i < s; i++) j->sample_loss[first + i] = state->loss[i];
}

// Layer by layer where that is possible, else from the gradient of each sample alone.
static void norms(job *j, int64_t shard, int thread)
{
    const tw_net *net = j->net;
    tw_state *state = &j->state[thread];
    double *to = j->norm2 + shard * j->shard;
    if (!j->by_sample) {
        tw_sweep_gradient_norms(net, state, j->norms + thread * 2 * j->shard, to);
        return;
    }
    int64_t first = shard * j->shard, s = state->s;
    char *one = (char *)j->by_sample + thread * net->n * (int64_t)net->kern->real;
    for (int64_t i = 0; i < s; i++) {
        tw_state_set_data(net, j->data, NULL, first + i, 1, NULL, NULL, state);
        tw_sweep_forward(net, state);
        tw_sweep_loss(net, state);
        tw_sweep_backward(net, state, one);
        net->kern->map->square_norms(1, net->n, one, &to[i]);
    }
}

static tw_status value_shard(void *ctx, int64_t shard, int thread)
{
    job *j = ctx;
    run_forward(j, shard, thread);
    if (j->norm2 && !j->by_sample) tw_sweep_backward(j->net, &j->state[thread], NULL);
    if (j->norm2) norms(j, shard, thread);
    return TW_OK;
}

static tw_status gradient_shard(void *ctx, int64_t shard, int thread, void *part)
{
    job *j = ctx;
    run_forward(j, shard, thread);
    tw_sweep_backward(j->net, &j->state[thread], part);
    if (j->norm2) norms(j, shard, thread);
    return TW_OK;
}

static tw_status open(job *j)
{
    tw_status st = TW_OK;
    tw_state unused;
    bool own_x = tw_net_copies_input(j->net, j->data);
    const tw_state_use use = j->norm2 ? TW_FOR_ADJOINTS : TW_FOR_GRADIENT;
    int64_t bytes = tw_state_plan(j->net, j->shard, use, own_x, NULL, &unused);
    TW_TRY(tw_alloc(j->threads, sizeof *j->state, &j->state));
    TW_TRY(tw_alloc_room(j->threads, (size_t)bytes, &j->memory));
    for (int i = 0; i < j->threads; i++)
        tw_state_plan(j->net, j->shard, use, own_x, (char *)j->memory + i * bytes, &j->state[i]);
    bytes = tw_scratch_bytes(j->net, j->shard, 1);
    TW_TRY(tw_alloc_room(j->threads, (size_t)bytes, &j->scratch));
    for (int i = 0; i < j->threads; i++) j->state[i].scratch = (char *)j->scratch + i * bytes;
    TW_TRY(tw_alloc(j->shards, sizeof *j->sums, &j->sums));
    TW_TRY(tw_alloc(j->shards, sizeof *j->right, &j->right));
    TW_TRY(tw_alloc(j->threads * 2 * j->shard, sizeof *j->norms, &j->norms));
    if (j->norm2 && !tw_net_norms_by_layer(j->net))
        TW_TRY(tw_alloc(j->threads * j->net->n, (size_t)j->net->kern->real, &j->by_sample));
done:
    return st;
}

// What each rank found of its shards and samples.
static tw_status share(const job *j)
{
    tw_status st = TW_OK;
    const int64_t word = sizeof(double), all = j->data->m * word;
    TW_TRY(tw_ranks_gather(j->shards, word, j->shards * word, j->sums));
    TW_TRY(tw_ranks_gather(j->shards, word, j->shards * word, j->right));
    if (j->sample_loss) TW_TRY(tw_ranks_gather(j->shards, j->shard * word, all, j->sample_loss));
    if (j->norm2) TW_TRY(tw_ranks_gather(j->shards, j->shard * word, all, j->norm2));
done:
    return st;
}

static double l2_term(const tw_net *net, double *gradient, double *w)
{
    double sum = 0;
    tw_net_get_weights(net, w);
    for (int64_t i = 0; i < net->n; i++) {
        sum += w[i] * w[i];
        if (gradient) gradient[i] += net->l2 * w[i];
    }
    return net->l2 / 2 * sum;
}

tw_status tw_product_value(const tw_net *net, const tw_data *data, double *gradient, double *sample_loss, double *norm2,
                           tw_loss_value *out)
{
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .sample_loss = sample_loss, .norm2 = norm2, .threads = tw_threads()};
    tw_parts *parts = NULL;
    void *total = NULL;
    double *w = NULL, m = (double)data->m;
    int64_t right = 0;

    TW_TRY(tw_net_fits(net, data));
    if (norm2) TW_TRY(tw_net_needs_samples(net, "the norm of gradients"));
    j.shard = tw_net_shard(net, data->m);
    j.shards = (data->m + j.shard - 1) / j.shard;
    if (j.threads > j.shards) j.threads = (int)j.shards;
    TW_TRY(open(&j));
    if (gradient) {
        TW_TRY(tw_parts_new(&parts));
        TW_TRY(tw_alloc(net->n, (size_t)net->kern->real, &total));
        TW_TRY(tw_shards_sum_dealt(parts, j.shards, net->kern->real, net->n, gradient_shard, &j, total));
        tw_net_export(net, 1, 1 / m, false, total, gradient);
    } else {
        TW_TRY(tw_shards_run_dealt(j.shards, value_shard, &j));
    }
    TW_TRY(share(&j));
    *out = (tw_loss_value){.data_loss = tw_tree_sum(j.shards, j.sums) / m, .accuracy = NAN, .gradient_norm = NAN};
    for (int64_t i = 0; i < j.shards; i++) right += j.right[i];
    if (data->label || net->loss == TW_LOSS_NEXT) out->accuracy = (double)right / (m * (double)net->out_places);
    out->loss = out->data_loss;
    if (net->l2 != 0) {
        TW_TRY(tw_alloc(net->n, sizeof *w, &w));
        out->loss += l2_term(net, gradient, w);
    }
    if (gradient) {
        double sum = 0;
        for (int64_t i = 0; i < net->n; i++) sum += gradient[i] * gradient[i];
        out->gradient_norm = sqrt(sum);
    }
done:
    free(w);
    free(total);
    tw_parts_free(parts);
    free(j.by_sample);
    free(j.norms);
    free(j.scratch);
    free(j.right);
    free(j.sums);
    free(j.memory);
    free(j.state);
    return st;
}

tw_status tw_loss(const tw_net *net, const tw_data *data, double *gradient, double *sample_loss, tw_loss_value *out)
{
    return tw_product_value(net, data, gradient, sample_loss, NULL, out);
}

tw_status tw_gradient_norms(const tw_net *net, const tw_data *data, double *out)
{
    tw_loss_value value;
    return tw_product_value(net, data, NULL, NULL, out, &value);
}
