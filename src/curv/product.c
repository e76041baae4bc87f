// SPDX-License-Identifier: MIT
// Elementary products over all shards: plan the memory, keep the primal states if they fit, sweep, join in a tree.
#include "curv/product.h"

#include "base/alloc.h"
#include "base/rng.h"
#include <inttypes.h>
#include <string.h>

static int64_t shard_size(const tw_product *p, int64_t shard)
{
    int64_t left = p->m - shard * p->shard;
    return left < p->shard ? left : p->shard;
}

static void run_primal(tw_product *p, int64_t shard, int thread, tw_state *state)
{
    int64_t s = shard_size(p, shard), first = shard * p->shard;
    state->scratch = (char *)p->scratch + thread * p->scratch_bytes;
    tw_state_set_data(p->net, p->data, NULL, first, s, NULL, NULL, state);
    tw_sweep_forward(p->net, state);
    tw_sweep_loss(p->net, state);
    if (p->noise) tw_sweep_sample_loss(p->net, state, p->noise + first * p->net->out);
    tw_sweep_backward(p->net, state, NULL);
}

static tw_state *state_of(const tw_product *p, int64_t shard, int thread)
{
    return &p->state[p->kept ? shard - p->mine.first : thread];
}

static tw_status keep_primal(void *ctx, int64_t shard, int thread)
{
    tw_product *p = ctx;
    tw_state *state = state_of(p, shard, thread);
    run_primal(p, shard, thread, state);
    if (p->jacobian) tw_sweep_jacobian(p->net, state, &p->jacobian[shard - p->mine.first]);
    return TW_OK;
}

// A sample's noise is a function of (seed, sample): uniform for classes, normal for targets.
static tw_status draw_noise(tw_product *p, uint64_t seed)
{
    int64_t f = p->net->out;
    bool normal = p->net->loss == TW_LOSS_HALF_MSE;
    tw_status st = tw_alloc(p->m * f, sizeof *p->noise, &p->noise);
    for (int64_t i = 0; st == TW_OK && i < p->m; i++) {
        tw_rng rng = tw_rng_at(seed, TW_RNG_MODEL_LABELS, (uint64_t)i);
        for (int64_t j = 0; j < f; j++) p->noise[i * f + j] = normal ? tw_rng_normal(&rng) : tw_rng_uniform(&rng);
    }
    return st;
}

// What products of k directions need besides states, on so many threads.
static int64_t work_bytes(const tw_product *p, int64_t k, int threads)
{
    tw_work work;
    // Partial sums alive at once at most: each thread's own, and those that wait beside the way of one of these up the
    // tree (base/shards.h), where threads share the topmost. Rarely more than one a thread and one a level.
    int64_t levels = 1;
    while ((int64_t)1 << levels < p->shards) levels++;
    int64_t most = (threads + (tw_ranks_together() > 1)) * levels + 1, parts = p->shards == 1 ? 0 : most;
    if (parts > p->shards) parts = p->shards;
    return (tw_scratch_bytes(p->net, p->shard, k) + tw_work_plan(p->net, p->shard, k, NULL, &work)) * threads +
           (1 + p->bases * (1 + parts)) * p->net->n * k * (int64_t)p->net->kern->real;
}

static tw_status plan(tw_product *p, tw_state_use use, int64_t memory)
{
    const tw_net *net = p->net;
    tw_state state;
    bool own_x = tw_net_copies_input(net, p->data);
    int64_t one = tw_state_plan(net, p->shard, use, own_x, NULL, &state);
    int64_t mine = p->mine.last - p->mine.first;
    p->kept_bytes = one * mine;
    p->recompute_bytes = one * p->threads;
    p->scratch_bytes = tw_scratch_bytes(net, p->shard, p->block);
    p->work_bytes = work_bytes(p, p->block, p->threads);
    // Jacobians are kept when they pay and fit: into the memory allowed, else into eight times what is kept anyway.
    // They round differently, so neither ranks nor threads may decide: it is the bytes of one process that must fit,
    // with as many threads as one may think of.
    tw_work jacobian;
    p->jacobian_bytes = p->base[TW_BASE_GGN] && tw_sweep_jacobian_pays(net)
                            ? tw_jacobian_plan(net, p->shard, NULL, &jacobian) * p->shards
                            : 0;
    int64_t all = one * p->shards, many = p->shards < 64 ? p->shards : 64;
    int64_t room =
        memory > 0 ? memory - all - work_bytes(p, p->block, (int)many) : 8 * (all + work_bytes(p, p->block, 1));
    p->jacobian_bytes = p->jacobian_bytes > room ? 0 : p->jacobian_bytes / p->shards * mine;
    p->kept = memory <= 0 || p->kept_bytes + p->work_bytes <= memory;
    int64_t least = p->recompute_bytes + p->work_bytes;
    if (memory > 0 && !p->kept && least > memory)
        return tw_fail(TW_ENOMEM,
                       "memory: products need %" PRId64 " bytes with %" PRId64 " directions at once (%" PRId64
                       " with one) even when states are recomputed, but %" PRId64 " are allowed",
                       least, p->block, p->recompute_bytes + work_bytes(p, 1, p->threads), memory);
    return TW_OK;
}

tw_status tw_product_open(tw_product *p, const tw_net *net, const tw_data *data, const bool *base, int64_t block,
                          int64_t memory, bool model_labels, uint64_t seed)
{
    tw_status st = TW_OK;
    *p = (tw_product){.net = net, .data = data, .m = data->m, .block = block, .threads = tw_threads()};
    p->shard = tw_net_shard(net, data->m);
    p->shards = (p->m + p->shard - 1) / p->shard;
    p->mine = tw_ranks_mine(p->shards);
    if (p->threads > p->shards) p->threads = (int)p->shards;
    for (int b = 0; b < TW_BASES; b++) {
        p->base[b] = base[b];
        p->bases += base[b];
    }
    bool own_x = tw_net_copies_input(net, data);
    const tw_state_use use = base[TW_BASE_HESSIAN] ? TW_FOR_HESSIAN : TW_FOR_ADJOINTS;

    TW_TRY(tw_net_fits(net, data));
    if (base[TW_BASE_MOMENT]) TW_TRY(tw_net_needs_samples(net, "the second moment of gradients"));
    TW_TRY(plan(p, use, memory));
    int64_t mine = p->mine.last - p->mine.first, states = p->kept ? mine : p->threads;
    TW_TRY(tw_alloc(states, sizeof *p->state, &p->state));
    TW_TRY(tw_alloc_room(p->kept ? p->kept_bytes : p->recompute_bytes, 1, &p->state_memory));
    char *at = p->state_memory;
    for (int64_t i = 0; i < states; i++) at += tw_state_plan(net, p->shard, use, own_x, at, &p->state[i]);
    TW_TRY(tw_alloc(p->threads, sizeof *p->work, &p->work));
    tw_work unused;
    TW_TRY(tw_alloc_room(p->threads, (size_t)tw_work_plan(net, p->shard, block, NULL, &unused), &p->work_memory));
    at = p->work_memory;
    for (int i = 0; i < p->threads; i++) at += tw_work_plan(net, p->shard, block, at, &p->work[i]);
    TW_TRY(tw_alloc_room(p->threads, (size_t)p->scratch_bytes, &p->scratch));
    TW_TRY(tw_parts_new(&p->parts));
    TW_TRY(tw_alloc(net->n * block, (size_t)net->kern->real, &p->wt));
    TW_TRY(tw_alloc(net->n * block * p->bases, (size_t)net->kern->real, &p->total));
    if (model_labels) TW_TRY(draw_noise(p, seed));
    if (p->jacobian_bytes > 0) {
        TW_TRY(tw_alloc(mine, sizeof *p->jacobian, &p->jacobian));
        TW_TRY(tw_alloc(p->jacobian_bytes, 1, &p->jacobian_memory));
        for (int64_t i = 0; i < mine; i++)
            tw_jacobian_plan(net, p->shard, (char *)p->jacobian_memory + i * (p->jacobian_bytes / mine),
                             &p->jacobian[i]);
    }
    if (p->kept) TW_TRY(tw_shards_run_dealt(p->shards, keep_primal, p));
done:
    if (st != TW_OK) tw_product_close(p);
    return st;
}

void tw_product_close(tw_product *p)
{
    free(p->state);
    free(p->state_memory);
    free(p->work);
    free(p->work_memory);
    free(p->scratch);
    free(p->jacobian);
    free(p->jacobian_memory);
    tw_parts_free(p->parts);
    free(p->wt);
    free(p->total);
    free(p->noise);
    *p = (tw_product){0};
}

typedef struct pass {
    tw_product *p;
    int64_t k;
} pass;

static tw_status product_shard(void *ctx, int64_t shard, int thread, void *part)
{
    const pass *a = ctx;
    tw_product *p = a->p;
    tw_state *state = state_of(p, shard, thread);
    tw_work *work = &p->work[thread];
    int64_t image = p->net->n * a->k * (int64_t)p->net->kern->real;
    char *out = part;
    if (!p->kept) run_primal(p, shard, thread, state);
    state->scratch = (char *)p->scratch + thread * p->scratch_bytes;
    bool ggn = p->base[TW_BASE_GGN], moment = p->base[TW_BASE_MOMENT], hessian = p->base[TW_BASE_HESSIAN];
    bool through =
        hessian || (ggn && !p->jacobian) || (moment && !tw_net_is_dense(p->net)); // tangents of hidden values
    if (through) tw_sweep_tangent(p->net, state, a->k, p->wt, work);
    if (moment) { // before anything overwrites the tangents
        if (through)
            tw_sweep_directional(p->net, state, a->k, work, work->c);
        else
            tw_sweep_directional_by_layers(p->net, state, a->k, p->wt, work);
    }
    if (hessian) {
        tw_sweep_backward_tangent(p->net, state, a->k, p->wt, true, work, out);
        out += image;
    }
    if (ggn) {
        if (p->jacobian)
            tw_sweep_ggn(p->net, state, &p->jacobian[shard - p->mine.first], a->k, p->wt, work, out);
        else
            tw_sweep_backward_tangent(p->net, state, a->k, NULL, false, work, out);
        out += image;
    }
    if (moment) tw_sweep_moment(p->net, state, a->k, work, out);
    return TW_OK;
}

tw_status tw_product_apply(tw_product *p, int64_t k, const double *v)
{
    pass a = {p, k};
    tw_net_import(p->net, k, v, p->wt);
    return tw_shards_sum_dealt(p->parts, p->shards, p->net->kern->real, p->bases * p->net->n * k, product_shard, &a,
                               p->total);
}

static tw_status directional_shard(void *ctx, int64_t shard, int thread)
{
    const pass *a = ctx;
    tw_product *p = a->p;
    tw_state *state = state_of(p, shard, thread);
    tw_work *work = &p->work[thread];
    if (!p->kept) run_primal(p, shard, thread, state);
    state->scratch = (char *)p->scratch + thread * p->scratch_bytes;
    double *c = p->directional + shard * p->shard * a->k;
    if (tw_net_is_dense(p->net)) {
        tw_sweep_directional_by_layers(p->net, state, a->k, p->wt, work);
        memcpy(c, work->c, (size_t)(state->s * a->k) * sizeof *c);
    } else {
        tw_sweep_tangent(p->net, state, a->k, p->wt, work);
        tw_sweep_directional(p->net, state, a->k, work, c);
    }
    return TW_OK;
}

tw_status tw_product_directional(tw_product *p, int64_t k, const double *v, double *out)
{
    pass a = {p, k};
    p->directional = out;
    tw_net_import(p->net, k, v, p->wt);
    tw_status st = tw_shards_run_dealt(p->shards, directional_shard, &a);
    const int64_t bytes = k * (int64_t)sizeof *out;
    return st == TW_OK ? tw_ranks_gather(p->shards, p->shard * bytes, p->m * bytes, out) : st;
}
