// SPDX-License-Identifier: MIT
// The cost model, measured and fitted.
//
// Every measurement is a row: the flops of the busiest core, the bytes that a rank receives and the messages it waits
// for, one after the other; and the seconds it took. A product of k directions on P ranks has 2 (P-1)/P k n numbers and
// 2 (P-1) messages (base/ranks_sum.c); bare sums of few and many numbers tell the two apart. Where ranks share cores a
// core works, copies and answers for several. The shortest of a few repeats counts: what else runs can only make one
// longer.
#include "cli/cost.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "cli/show.h"
#include "curv/product.h"
#include "linalg/fit.h"
#include <math.h>
#include <string.h>

enum { ROWS = 128, REPEATS = 3 };

typedef struct rows {
    double x[ROWS * TW_COST_TERMS], seconds[ROWS];
    int64_t count;
} rows;

static void add(rows *r, double flops, double bytes, double messages, double seconds)
{
    if (r->count == ROWS) return;
    double *x = r->x + TW_COST_TERMS * r->count;
    x[TW_COST_FLOPS] = flops;
    x[TW_COST_BYTES] = bytes;
    x[TW_COST_MESSAGES] = messages;
    r->seconds[r->count++] = seconds;
}

double tw_cost_flops(const tw_net *net, bool kept)
{
    tw_flops f = tw_sweep_flops(net);
    double flops = f.tangent + f.hessian + (kept ? 0 : f.forward + f.backward);
    return flops > 0 ? flops : (double)net->n;
}

// Ranks for one core, where there are more of them than cores; else 1.
static double crowd(void)
{
    int cores, sharing, ranks = tw_ranks_together();
    tw_ranks_cores(&cores, &sharing);
    if (sharing > ranks) sharing = ranks;
    return fmax(1, (double)sharing / cores);
}

// Shards that the busiest core works on.
static double busiest(const tw_product *p)
{
    int cores, sharing, ranks = tw_ranks_together();
    tw_ranks_cores(&cores, &sharing);
    if (sharing > ranks) sharing = ranks;
    double own = ceil((double)((p->shards + ranks - 1) / ranks) / p->threads);
    return fmax(own, (double)p->shards * sharing / ((double)ranks * cores));
}

static tw_status measure_products(rows *r, const tw_net *net, const tw_data *data, int64_t block, int64_t memory)
{
    tw_status st = TW_OK;
    const bool base[TW_BASES] = {[TW_BASE_HESSIAN] = true};
    const double others = tw_ranks_together() - 1;
    tw_product p = {0};
    double *v = NULL, last = 0;

    TW_TRY(tw_product_open(&p, net, data, base, block, memory, false, 0));
    TW_TRY(tw_alloc(block * net->n, sizeof *v, &v));
    for (int64_t i = 0; i < block * net->n; i++) v[i] = 1;
    const double sample = tw_cost_flops(net, p.kept);
    for (int64_t k = 1; k <= block; k = k < block ? block : block + 1) {
        const double moved = p.shards > 1 ? 2 * others / (others + 1) * (double)(k * net->n) * net->kern->real : 0;
        bool slow = last * (double)k > 4;
        TW_TRY(tw_ranks_share(&slow, sizeof slow)); // one answer for all: rank 0's
        if (slow) break;
        TW_TRY(tw_product_apply(&p, k, v)); // first touch of memory
        double best = INFINITY;
        for (int i = 0; i < REPEATS; i++) {
            TW_TRY(tw_ranks_wait());
            double begin = tw_show_clock();
            TW_TRY(tw_product_apply(&p, k, v));
            last = tw_show_clock() - begin;
            best = fmin(best, last);
        }
        add(r, sample * (double)(p.shard * k) * busiest(&p), moved * crowd(), p.shards > 1 ? 2 * others * crowd() : 0,
            best);
    }
done:
    tw_product_close(&p);
    free(v);
    return st;
}

static tw_status ones(void *ctx, int64_t shard, int thread, void *part)
{
    (void)shard;
    (void)thread;
    float *x = part;
    for (int64_t i = 0; i < *(const int64_t *)ctx; i++) x[i] = 1;
    return TW_OK;
}

// A sum over ranks and nothing else, of few and of many numbers.
static tw_status measure_sums(rows *r, int64_t n)
{
    tw_status st = TW_OK;
    const int64_t ranks = tw_ranks_together(), sizes[] = {16, 4096, n < 65536 ? 65536 : n};
    const double others = (double)(ranks - 1);
    tw_parts *parts = NULL;
    float *total = NULL;
    TW_TRY(tw_parts_new(&parts));
    TW_TRY(tw_alloc(sizes[2], sizeof *total, &total));
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t count = sizes[s];
        double best = INFINITY;
        for (int i = 0; i <= REPEATS; i++) { // the first touches memory
            TW_TRY(tw_ranks_wait());
            double begin = tw_show_clock();
            TW_TRY(tw_shards_sum_dealt(parts, ranks, TW_F32, count, ones, &count, total));
            if (i > 0) best = fmin(best, tw_show_clock() - begin);
        }
        add(r, 0, 2 * others / (double)ranks * (double)count * 4 * crowd(), 2 * others * crowd(), best);
    }
done:
    tw_parts_free(parts);
    free(total);
    return st;
}

static tw_status fit(const rows *r, tw_cost *c)
{
    tw_status st =
        tw_fit_relative(r->count, TW_COST_TERMS, r->x, r->seconds, c->per, c->error, c->known, &c->rms, &c->most);
    c->rows = r->count;
    return st;
}

tw_status tw_cost_measure(const tw_net *net, const tw_data *data, int64_t block, int64_t memory, tw_cost *out)
{
    tw_status st = TW_OK;
    const int all = tw_ranks_all();
    rows *r = NULL;
    tw_cost c = {.ranks = all};
    TW_TRY(tw_alloc(1, sizeof *r, &r));
    for (int ranks = 1; ranks <= all; ranks = ranks < 4 || ranks == all ? ranks + 1 : all) {
        TW_TRY(tw_ranks_limit(ranks));
        if (tw_rank() < ranks) TW_TRY(measure_products(r, net, data, block, memory));
        if (tw_rank() < ranks && ranks > 1) TW_TRY(measure_sums(r, block * net->n));
    }
    TW_TRY(tw_ranks_limit(all));
    if (tw_rank() == 0) TW_TRY(fit(r, &c));
    TW_TRY(tw_ranks_share(&c, sizeof c));
    *out = c;
done:
    free(r);
    return st;
}
