// SPDX-License-Identifier: MIT
// The gradients of single samples, one sweep each, and products of tall stacks of them.
#include "curv/samples.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/shards.h"
#include "kernel/kernel.h"
#include "net/net.h"

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    int64_t first; // sample, of this rank
    double *g;
    const double *w;
} job;

static tw_status one_gradient(void *ctx, int64_t shard, int thread)
{
    (void)thread;
    tw_status st = TW_OK;
    const job *j = ctx;
    int64_t i = j->first + shard;
    int64_t n = j->net->n;
    double *g = j->g + i * n;
    tw_data one = *j->data;
    tw_loss_value value;
    one.m = 1;
    one.x = (char *)one.x + (i - one.before) * one.features * one.real;
    one.before = one.after = 0;
    if (one.label) one.label += i;
    if (one.target) one.target += i * one.targets;
    TW_TRY(tw_loss(j->net, &one, g, NULL, &value));
    if (j->net->l2 != 0)
        for (int64_t k = 0; k < n; k++) g[k] -= j->net->l2 * j->w[k];
done:
    return st;
}

tw_status tw_sample_gradients(const tw_net *net, const tw_data *data, double *g)
{
    tw_status st = TW_OK;
    double *w = NULL;
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(tw_net_needs_samples(net, "the gradient of a sample"));
    TW_TRY(tw_alloc(net->n, sizeof *w, &w));
    tw_net_get_weights(net, w);
    // Each rank those of the shards that are its own in every sweep: it may hold no other samples.
    int64_t m = data->m, shard = tw_net_shard(net, m), shards = (m + shard - 1) / shard;
    tw_dealt mine = tw_ranks_mine(shards);
    int64_t last = mine.last * shard < m ? mine.last * shard : m;
    job j = {net, data, mine.first * shard, g, w};
    TW_TRY(tw_shards_run(last - j.first, one_gradient, &j));
    TW_TRY(tw_ranks_gather(shards, shard * net->n * (int64_t)sizeof *g, m * net->n * (int64_t)sizeof *g, g));
done:
    free(w);
    return st;
}

enum { ROWS = 32 };

typedef struct rows {
    int64_t rows, cols, n;
    const double *x, *y;
    double *out;
} rows;

static tw_status some_rows(void *ctx, int64_t slab, int thread)
{
    (void)thread;
    const rows *r = ctx;
    int64_t from = slab * ROWS, left = r->rows - from, count = left < ROWS ? left : ROWS;
    tw_kernels_find("f64")->gemm(false, true, count, r->cols, r->n, r->x + from * r->n, r->n, r->y, r->n, 0,
                                 r->out + from * r->cols, r->cols);
    return TW_OK;
}

tw_status tw_row_products(int64_t m, int64_t cols, int64_t n, const double *x, const double *y, double *out)
{
    rows r = {m, cols, n, x, y, out};
    return tw_shards_run((m + ROWS - 1) / ROWS, some_rows, &r);
}
