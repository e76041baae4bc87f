// SPDX-License-Identifier: MIT
// The diagonal of the Gauss-Newton matrix over all shards (net/sweep_diagonal.c has the formula).
#include "base/alloc.h"
#include "base/shards.h"
#include "net/sweep.h"
#include "thalweg/curv.h"
#include <inttypes.h>
#include <string.h>

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    int64_t shard, shards, at_once; // samples a shard, shards, samples swept together
    int threads;
    tw_state *state; // [threads]
    tw_work *work;   // [threads]
    void *state_memory, *work_memory, *room;
    int64_t state_bytes, work_bytes, scratch_bytes, room_bytes; // of a thread; room: scratch, room, one diagonal
} job;

bool tw_diagonals_agree(const tw_net *net) { return tw_net_is_linear_by_weight(net); }

static tw_status plan(job *j)
{
    tw_status st = TW_OK;
    const tw_net *net = j->net;
    tw_state state;
    tw_work work;
    bool own_x = tw_net_copies_input(net, j->data);
    int64_t s = j->at_once, threads = j->threads;
    j->state_bytes = tw_state_plan(net, s, TW_FOR_ADJOINTS, own_x, NULL, &state);
    j->work_bytes = tw_work_plan(net, s, net->out, NULL, &work);
    j->scratch_bytes = (tw_scratch_bytes(net, s, net->out) + 63) / 64 * 64;
    j->room_bytes = j->scratch_bytes + tw_diagonal_room(net, s) + net->n * (int64_t)net->kern->real;
    TW_TRY(tw_alloc(threads, sizeof *j->state, &j->state));
    TW_TRY(tw_alloc(threads, sizeof *j->work, &j->work));
    TW_TRY(tw_alloc(threads, (size_t)j->state_bytes, &j->state_memory));
    TW_TRY(tw_alloc(threads, (size_t)j->work_bytes, &j->work_memory));
    j->room_bytes = (j->room_bytes + 63) / 64 * 64;
    TW_TRY(tw_alloc(threads, (size_t)j->room_bytes, &j->room));
    for (int64_t t = 0; t < threads; t++) {
        tw_state_plan(net, s, TW_FOR_ADJOINTS, own_x, (char *)j->state_memory + t * j->state_bytes, &j->state[t]);
        tw_work_plan(net, s, net->out, (char *)j->work_memory + t * j->work_bytes, &j->work[t]);
        j->state[t].scratch = (char *)j->room + t * j->room_bytes;
    }
done:
    return st;
}

static tw_status one_shard(void *ctx, int64_t shard, int thread, void *part)
{
    const job *j = ctx;
    const tw_net *net = j->net;
    int64_t first = shard * j->shard, end = first + j->shard < j->data->m ? first + j->shard : j->data->m;
    tw_state *state = &j->state[thread];
    char *room = (char *)j->room + thread * j->room_bytes + j->scratch_bytes,
         *own = room + tw_diagonal_room(net, j->at_once);
    for (int64_t at = first; at < end; at += j->at_once) {
        int64_t s = end - at < j->at_once ? end - at : j->at_once;
        tw_state_set_data(net, j->data, NULL, at, s, NULL, NULL, state);
        tw_sweep_forward(net, state);
        tw_sweep_loss(net, state);
        tw_sweep_ggn_diagonal(net, state, &j->work[thread], room, at == first ? part : own);
        if (at > first) net->kern->map->axpy(net->n, 1, own, part);
    }
    return TW_OK;
}

tw_status tw_ggn_diagonal(const tw_net *net, const tw_data *data, double *out)
{
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .threads = tw_threads()};
    tw_parts *parts = NULL;
    void *total = NULL;
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(tw_net_needs_samples(net, "the diagonal of the Gauss-Newton matrix"));
    if (net->out_places != 1) {
        st = tw_fail(TW_EINVAL, "%s: found %" PRId64 " answers a sample, expected one", net->model, net->out_places);
        goto done;
    }
    j.shard = tw_net_shard(net, data->m);
    j.shards = (data->m + j.shard - 1) / j.shard;
    j.at_once = tw_net_is_dense(net) ? j.shard : 1;
    if (j.threads > j.shards) j.threads = (int)j.shards;
    TW_TRY(plan(&j));
    TW_TRY(tw_parts_new(&parts));
    TW_TRY(tw_alloc(net->n, (size_t)net->kern->real, &total));
    TW_TRY(tw_shards_sum_dealt(parts, j.shards, net->kern->real, net->n, one_shard, &j, total));
    tw_net_export(net, 1, 1 / (double)data->m, false, total, out);
    for (int64_t i = 0; i < net->n; i++) out[i] += net->l2;
done:
    free(total);
    tw_parts_free(parts);
    free(j.room);
    free(j.work_memory);
    free(j.state_memory);
    free(j.work);
    free(j.state);
    return st;
}
