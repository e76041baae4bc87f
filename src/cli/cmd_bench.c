// SPDX-License-Identifier: MIT
// thalweg bench: what this machine gives, in one run, so that ratios mean something.
#include "cli/show.h"

#include "base/alloc.h"
#include "kernel/kernel.h"
#include <stdio.h>

// A dense layer of 512 units on 512 samples: large enough to leave the caches of the first two levels.
enum { M = 512, N = 512, K = 784 };

static tw_status measure(const tw_kernels *kernels, double *flops)
{
    tw_status st = TW_OK;
    void *a = NULL, *b = NULL, *c = NULL;
    double best = 0;

    TW_TRY(tw_alloc(M * K, (size_t)kernels->real, &a));
    TW_TRY(tw_alloc(N * K, (size_t)kernels->real, &b));
    TW_TRY(tw_alloc(M * N, (size_t)kernels->real, &c));
    for (double begin = tw_show_clock(), now = begin; now - begin < 0.3;) {
        double before = now;
        kernels->gemm(false, true, M, N, K, a, K, b, K, 0, c, N);
        now = tw_show_clock();
        double rate = 2.0 * M * N * K / (now - before);
        if (rate > best) best = rate;
    }
    *flops = best;
done:
    free(c);
    free(b);
    free(a);
    return st;
}

static tw_status run(const tw_args *args)
{
    static const char *const tables[] = {"f32", "split3", "split6", "f64"};
    tw_status st = TW_OK;
    json_t *result = json_object(), *products = json_object();

    if (!tw_args_flag(args, "json")) printf("Matrix products of %d x %d x %d, one core, best of 0.3 s\n", M, N, K);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const tw_kernels *kernels = tw_kernels_find(tables[i]);
        double flops = 0;
        if (!kernels) continue;
        TW_TRY(measure(kernels, &flops));
        json_object_set_new(products, tables[i], tw_json_real(flops / 1e9));
        if (!tw_args_flag(args, "json")) printf("  %-8s %8.1f GFLOP/s\n", tables[i], flops / 1e9);
    }
    json_object_set(result, "gemm_gflops", products);
    TW_TRY(tw_show_provenance(args, result));
    if (tw_args_flag(args, "json")) {
        TW_TRY(tw_show_json(json_incref(result)));
    } else {
        printf("%s\n", tw_kernels_describe());
    }
done:
    json_decref(products);
    json_decref(result);
    return st;
}

const tw_command tw_cmd_bench = {
    .name = "bench",
    .summary = "measure this machine: products a second",
    .about = "Times the matrix products that every sweep stands on, on one core, in each way of computing this\n"
             "processor has. Rates are the best seen, in 1e9 floating point operations a second.",
    .example = "thalweg bench --json",
    .run = run,
};
