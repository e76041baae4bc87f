// SPDX-License-Identifier: MIT
// The summed gradient of a batch. A batch is cut into shards like any other sum over samples, so it has the same bits
// on any number of threads.
//
// A weighted sum, sum_i c_i g_i, is one backward sweep in which the adjoint of sample i's output is multiplied by c_i.
#include "train/gradient.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "data/part.h"
#include <string.h>

// Inside, images of several channels are stored channel last where the network takes them as images (net/sweep.c).
static void move_images(const tw_gradient *g, int thread, int64_t first, tw_state *state)
{
    const tw_data *d = g->data;
    int64_t real = (int64_t)g->net->kern->real, bytes = g->net->in * real;
    bool last = g->net->channels > 1 && g->net->places > 1;
    char *image = (char *)g->image + thread * bytes;
    for (int64_t i = 0; i < state->s; i++) {
        int64_t sample = g->index ? g->index[first + i] : first + i;
        tw_move move = tw_augment_draw(&g->augment, g->seed, g->epoch, sample);
        memcpy(image, (const char *)state->x + i * bytes, (size_t)bytes);
        tw_augment_move(&move, last ? 1 : d->channels, d->height, d->width, last ? d->channels : 1, real, image,
                        (char *)state->own_x + i * bytes);
    }
    state->x = state->own_x;
}

static tw_status shard_gradient(void *ctx, int64_t shard, int thread, void *part)
{
    tw_gradient *g = ctx;
    tw_net *net = g->net;
    tw_state *state = &g->state[thread];
    int64_t from = shard * g->shard, left = g->count - from, s = left < g->shard ? left : g->shard;
    int last = net->nodes - 1;
    double *norm = g->norms + thread * 3 * g->largest;
    if (g->data->unit > 0) {
        tw_state_set_data(net, &g->near, NULL, from - g->near_first, s, NULL, NULL, state);
        state->drop.sample = g->index ? g->index + g->first + from : NULL;
        state->drop.first = g->first + from;
    } else {
        tw_state_set_data(net, g->data, g->index, g->first + from, s,
                          g->labels ? g->labels + thread * g->largest : NULL,
                          g->targets ? g->targets + thread * g->largest * g->data->targets : NULL, state);
    }
    if (tw_augment_is_on(&g->augment)) move_images(g, thread, g->first + from, state);
    state->drop.on = true;
    state->drop.seed = g->seed;
    state->drop.step = g->step;
    tw_sweep_forward(net, state);
    tw_sweep_loss(net, state);
    g->sums[shard] = tw_tree_sum(s, state->loss);
    g->right[shard] = state->label ? tw_sweep_count_right(net, state) : 0;
    if (g->track) tw_sweep_track(net, state); // nothing unless this shard is the whole batch
    if (g->weight) {
        for (int64_t i = 0; i < s; i++)
            norm[i] = g->weight[g->index ? g->index[g->first + from + i] : g->first + from + i];
        net->kern->map->weight_rows(s, 1, net->out, norm, state->yb[last], state->yb[last]);
    }
    tw_sweep_backward(net, state, part);
    if (g->wants_squares) {
        tw_sweep_gradient_norms(net, state, norm + g->largest, norm);
        g->squares[shard] = tw_tree_sum(s, norm);
    }
    return TW_OK;
}

tw_status tw_gradient_open(tw_net *net, const tw_data *data, int64_t most, tw_gradient *out)
{
    tw_status st = TW_OK;
    tw_gradient g = {
        .net = net, .data = data, .most = most, .threads = tw_threads(), .largest = tw_net_shard(net, most)};
    tw_state unused;
    int64_t bytes = tw_state_plan(net, g.largest, TW_FOR_ADJOINTS, true, NULL, &unused),
            shards = most; // shards of one at worst

    TW_TRY(tw_alloc(g.threads, sizeof *g.state, &g.state));
    TW_TRY(tw_alloc(g.threads, (size_t)bytes, &g.memory));
    for (int i = 0; i < g.threads; i++)
        tw_state_plan(net, g.largest, TW_FOR_ADJOINTS, true, (char *)g.memory + i * bytes, &g.state[i]);
    bytes = tw_scratch_bytes(net, g.largest, 1);
    TW_TRY(tw_alloc(g.threads, (size_t)bytes, &g.scratch));
    for (int i = 0; i < g.threads; i++) g.state[i].scratch = (char *)g.scratch + i * bytes;
    if (data->label) TW_TRY(tw_alloc(g.threads * g.largest, sizeof *g.labels, &g.labels));
    if (data->target) TW_TRY(tw_alloc(g.threads * g.largest * data->targets, sizeof *g.targets, &g.targets));
    TW_TRY(tw_alloc(shards, sizeof *g.sums, &g.sums));
    TW_TRY(tw_alloc(shards, sizeof *g.right, &g.right));
    TW_TRY(tw_alloc(shards, sizeof *g.squares, &g.squares));
    TW_TRY(tw_alloc(g.threads * 3 * g.largest, sizeof *g.norms, &g.norms));
    TW_TRY(tw_alloc(g.threads * net->in, net->kern->real, &g.image));
    TW_TRY(tw_parts_new(&g.parts));
    *out = g;
    g = (tw_gradient){0};
done:
    tw_gradient_close(&g);
    return st;
}

static void drop_near(tw_gradient *g)
{
    free(g->near.x);
    free(g->near.label);
    free(g->near.target);
    g->near = (tw_data){0};
    g->near_room = 0;
}

// Brings the samples of this rank's shards of the batch here.
static tw_status bring_near(tw_gradient *g)
{
    tw_status st = TW_OK;
    const tw_data *d = g->data;
    tw_wanted own = tw_data_fetched(g->count, g->shard, tw_rank());
    if (own.count > g->near_room || !g->near.x) {
        drop_near(g);
        g->near = *d;
        g->near.x = NULL;
        g->near.label = NULL;
        g->near.target = NULL;
        g->near.before = g->near.after = g->near.unit = 0;
        TW_TRY(tw_alloc(own.count, (size_t)(d->features * d->real), &g->near.x));
        if (d->label) TW_TRY(tw_alloc(own.count, sizeof *d->label, &g->near.label));
        if (d->target) TW_TRY(tw_alloc(own.count, (size_t)d->targets * sizeof *d->target, &g->near.target));
        g->near_room = own.count;
    }
    TW_TRY(tw_data_fetch(d, g->index ? g->index + g->first : NULL, g->first, g->count, g->shard, g->near.x));
    for (int64_t i = 0; i < own.count; i++) {
        int64_t at = g->first + own.first + i, sample = g->index ? g->index[at] : at;
        if (d->label) g->near.label[i] = d->label[sample];
        if (d->target)
            memcpy(g->near.target + i * d->targets, d->target + sample * d->targets,
                   (size_t)d->targets * sizeof *d->target);
    }
    g->near.m = own.count;
    g->near_first = own.first;
done:
    return st;
}

void tw_gradient_close(tw_gradient *g)
{
    drop_near(g);
    tw_parts_free(g->parts);
    free(g->image);
    free(g->norms);
    free(g->squares);
    free(g->right);
    free(g->sums);
    free(g->targets);
    free(g->labels);
    free(g->scratch);
    free(g->memory);
    free(g->state);
    *g = (tw_gradient){0};
}

tw_status tw_gradient_sum(tw_gradient *g, const int64_t *index, int64_t first, int64_t count, const double *weight,
                          bool squares, void *out, tw_gradient_sums *sums)
{
    tw_status st = TW_OK;
    if (g->threads != tw_threads()) { // the number of threads was changed on the way
        tw_gradient again;
        TW_TRY(tw_gradient_open(g->net, g->data, g->most, &again));
        again.track = g->track;
        again.seed = g->seed;
        again.step = g->step;
        again.augment = g->augment;
        again.epoch = g->epoch;
        tw_gradient_close(g);
        *g = again;
    }
    if (squares) {
        TW_TRY(tw_net_needs_samples(g->net, "the norm of gradients in training"));
        if (!tw_net_norms_by_layer(g->net)) {
            st = tw_fail(TW_EINVAL,
                         "model %s: the norms of single gradients in training need layers that share no parameters, "
                         "no embedding and no grouped convolution",
                         g->net->model);
            goto done;
        }
    }
    g->index = index;
    g->first = first;
    g->count = count;
    g->weight = weight;
    g->wants_squares = squares;
    g->shard = tw_net_shard(g->net, count);
    int64_t shards = (count + g->shard - 1) / g->shard;
    if (g->data->unit > 0) TW_TRY(bring_near(g));
    TW_TRY(tw_shards_sum_dealt(g->parts, shards, g->net->kern->real, g->net->n, shard_gradient, g, out));
    const int64_t word = sizeof(double);
    TW_TRY(tw_ranks_gather(shards, word, shards * word, g->sums));
    TW_TRY(tw_ranks_gather(shards, word, shards * word, g->right));
    if (squares) TW_TRY(tw_ranks_gather(shards, word, shards * word, g->squares));
    *sums = (tw_gradient_sums){.loss = tw_tree_sum(shards, g->sums)};
    if (squares) sums->squares = tw_tree_sum(shards, g->squares);
    for (int64_t i = 0; i < shards; i++) sums->right += g->right[i];
done:
    return st;
}
