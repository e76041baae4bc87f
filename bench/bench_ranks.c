// SPDX-License-Identifier: MIT
// What ranks cost: a Hessian product on R ranks with one thread each beside one rank with R threads, and what travels.
//
//   mpirun --bind-to none -n R bench_ranks [ROUNDS [BLOCK [MODEL]]]   3 rounds, 1 direction, every model without them
//
// Both are measured in turns in one run, while the other ranks sleep, and the shortest of each counts: what else runs
// on the machine can only make one longer. `each` is the least and the largest ratio of a round, which says how much
// of the ratio is noise. Ranks bound to single cores would leave the R threads one core: such a start is refused.
// Each line is a row of name=value words. `moved` is what all ranks together
// receive in one product; `least` is 2 (P-1) times the block of results, the least that P ranks can sum it with
// (src/base/ranks_sum.c).
#include "bench.h"
#include "base/ranks.h"
#include "curv/product.h"
#include "net/net.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_ranks: %s: %s\n", tw_ranks_name(), tw_error());
    exit(1);
}

// All ranks come here; those that are early sleep.
static void sleep_for_others(void)
{
    bool unused;
    tw_ranks_meet(false, &unused);
}

typedef struct work {
    tw_product together, alone;
    double *v;
    int64_t k;
} work;

static double once(tw_product *p, const work *w)
{
    double begin = bench_now();
    must(tw_product_apply(p, w->k, w->v));
    return bench_now() - begin;
}

static void measure(const char *model, const char *source, int rounds, int64_t block)
{
    const bool base[TW_BASES] = {[TW_BASE_HESSIAN] = true};
    const int ranks = tw_ranks();
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_data *data = NULL;
    tw_net *net = NULL;
    work w = {.k = block};
    double best[2] = {1e300, 1e300}, each[2] = {1e300, 0};
    must(tw_data_open(source, &data_opts, &data));
    if (data->features == 3 * 32 * 32) { // what is drawn is as good as images
        data->channels = 3;
        data->height = data->width = 32;
    }
    must(tw_net_new(model, data, &net_opts, &net));
    w.v = malloc((size_t)(w.k * net->n) * sizeof *w.v);
    if (!w.v) exit(1);
    for (int64_t i = 0; i < w.k * net->n; i++) w.v[i] = 1;

    must(tw_threads_set(1));
    must(tw_product_open(&w.together, net, data, base, w.k, 0, false, 0));
    if (tw_rank() == 0) {
        tw_ranks_enter(1); // from here this rank works alone
        must(tw_threads_set(ranks));
        must(tw_product_open(&w.alone, net, data, base, w.k, 0, false, 0));
        once(&w.alone, &w);
        tw_ranks_enter(-1);
    }
    sleep_for_others();
    must(tw_threads_set(1));
    once(&w.together, &w);
    int64_t before = tw_ranks_received(), moved = 0, mine = 0;
    for (int round = 0; round < rounds; round++) {
        must(tw_ranks_wait());
        double time = once(&w.together, &w);
        double together = time;
        if (time < best[0]) best[0] = time;
        sleep_for_others();
        if (tw_rank() == 0) {
            tw_ranks_enter(1);
            must(tw_threads_set(ranks));
            time = once(&w.alone, &w);
            if (time < best[1]) best[1] = time;
            if (together / time < each[0]) each[0] = together / time;
            if (together / time > each[1]) each[1] = together / time;
            must(tw_threads_set(1));
            tw_ranks_enter(-1);
        }
        sleep_for_others();
    }
    mine = (tw_ranks_received() - before - rounds * (ranks - 1)) / rounds; // tw_ranks_wait is a byte a rank
    int64_t *all = calloc((size_t)ranks, sizeof *all);
    if (!all) exit(1);
    all[tw_rank()] = mine;
    must(tw_ranks_gather(ranks, sizeof *all, ranks * (int64_t)sizeof *all, all));
    for (int r = 0; r < ranks; r++) moved += all[r];
    int64_t least = 2 * (ranks - 1) * w.k * net->n * (int64_t)net->kern->real;
    if (tw_rank() == 0)
        printf("model=%s samples=%d shards=%d k=%d ranks=%d ms=%.5g threads=%d ms=%.5g ratio=%.3f each=%.3f-%.3f "
               "moved=%lld least=%lld moved/least=%.4f\n",
               model, (int)data->m, (int)w.together.shards, (int)w.k, ranks, 1e3 * best[0] / (double)w.k, ranks,
               1e3 * best[1] / (double)w.k, best[0] / best[1], each[0], each[1], (long long)moved, (long long)least,
               (double)moved / (double)least);
    fflush(stdout);
    if (tw_rank() == 0) tw_product_close(&w.alone);
    tw_product_close(&w.together);
    free(all);
    free(w.v);
    tw_net_free(net);
    tw_data_free(data);
}

static const struct {
    const char *model, *data;
} problem[] = {
    {"mlp:784-512-512-10,act=tanh", "gauss:classes=10,dim=784,n=8192"},
    {"mlp:784-512-512-10,act=tanh", "gauss:classes=10,dim=784,n=1000"},
    {"simplecnn", "gauss:classes=10,dim=3072,n=1024"},
};

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 3, block = argc > 2 ? atoi(argv[2]) : 1;
    must(tw_ranks_open());
    if (tw_ranks() == 1 || rounds < 1 || block < 1) {
        printf("bench_ranks: start it by mpirun --bind-to none -n 2 bench_ranks [ROUNDS [BLOCK [MODEL]]]\n");
        return 0;
    }
    if (omp_get_num_procs() < tw_ranks()) {
        fprintf(stderr,
                "bench_ranks: found %d cores for each of %d ranks, expected as many as ranks: --bind-to none?\n",
                omp_get_num_procs(), tw_ranks());
        exit(1);
    }
    if (tw_rank() == 0) bench_machine();
    for (size_t i = 0; i < sizeof problem / sizeof *problem; i++)
        if (argc < 4 || strstr(problem[i].model, argv[3])) measure(problem[i].model, problem[i].data, rounds, block);
    bool unused;
    tw_ranks_meet(false, &unused);
    tw_ranks_close(0);
    return 0;
}
