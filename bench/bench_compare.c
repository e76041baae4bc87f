// SPDX-License-Identifier: MIT
// Whole spectra of the Hessian and the second moment of a network of some 10,000 parameters, and hundreds of small
// runs.
//
//   bench_compare [MODEL [RUNS]]   mlp:50-100-42-10,act=tanh on 1,000 samples of 50 numbers; 500 runs
//
// Products are counted as tw_sweep_flops does, and set beside dgemm of 512 x 512 x 784 on as many threads in the same
// run. Weights and data are drawn.
#include "bench.h"
#include "base/shards.h"
#include "kernel/kernel.h"
#include "thalweg/curv_compare.h"
#include "thalweg/train_dynamics.h"
#include <stdio.h>
#include <stdlib.h>

enum { M = 512, N = 512, K = 784, TIMES = 40 };

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_compare: %s\n", tw_error());
    exit(1);
}

static tw_status multiply(void *ctx, int64_t shard, int thread)
{
    (void)thread;
    double *a = (double *)ctx + shard * (M * K + N * K + M * N);
    for (int i = 0; i < TIMES; i++)
        tw_kernels_find("f64")->gemm(false, true, M, N, K, a, K, a + M * K, K, 0, a + M * K + N * K, N);
    return TW_OK;
}

// The best of three, on all threads at once.
static double dgemm_rate(void)
{
    int64_t threads = tw_threads(), size = M * K + N * K + M * N;
    double *room = calloc((size_t)(threads * size), sizeof *room), best = 0;
    if (!room) exit(1);
    for (int turn = 0; turn < 3; turn++) {
        double begin = bench_now();
        must(tw_shards_run(threads, multiply, room));
        double rate = 2.0 * M * N * K * TIMES * (double)threads / (bench_now() - begin);
        best = rate > best ? rate : best;
    }
    free(room);
    return best;
}

static void spectra(const char *model)
{
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_compare_opts opts = tw_compare_defaults();
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_compare *o = NULL;
    data_opts.real = net_opts.real = 8;
    opts.matrices = "hessian,moment";
    opts.full = 20000;
    opts.top = 10;
    must(tw_data_open("gauss:classes=10,dim=50,n=1000", &data_opts, &data));
    must(tw_net_new(model, data, &net_opts, &net));
    double rate = dgemm_rate(), begin = bench_now();
    must(tw_compare_new(net, data, &opts, &o));
    double all = bench_now() - begin;
    printf("model=%s parameters=%lld samples=1000 seconds=%.1f product_seconds=%.1f dense_seconds=%.1f\n", model,
           (long long)o->n, all, o->product_seconds, o->solve_seconds);
    printf("products=%.1f GFLOP/s dgemm=%.1f GFLOP/s share=%.2f\n", o->product_flops / o->product_seconds / 1e9,
           rate / 1e9, o->product_flops / o->product_seconds / rate);
    tw_compare_free(o);
    tw_net_free(net);
    tw_data_free(data);
}

static void many_runs(int64_t runs)
{
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_ensemble_opts opts = tw_ensemble_defaults();
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_ensemble *o = NULL;
    opts.runs = runs;
    must(tw_data_open("gauss:classes=10,dim=10,n=1000", &data_opts, &data));
    must(tw_net_new("mlp:10-10-10-10,act=relu", data, &net_opts, &net));
    double begin = bench_now();
    must(tw_ensemble_new(net, data, &opts, &o));
    printf("model=mlp:10-10-10-10,act=relu samples=1000 batch=10 runs=%lld steps=%lld seconds=%.2f\n",
           (long long)o->runs, (long long)o->steps, bench_now() - begin);
    tw_ensemble_free(o);
    tw_net_free(net);
    tw_data_free(data);
}

int main(int argc, char **argv)
{
    bench_machine();
    many_runs(argc > 2 ? atoll(argv[2]) : 500);
    spectra(argc > 1 ? argv[1] : "mlp:50-100-42-10,act=tanh");
    return 0;
}
