// SPDX-License-Identifier: MIT
// thalweg bench: what this machine gives, in one run, so that ratios mean something.
#include "cli/open.h"

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

typedef struct sweeps {
    double gradient, one, block; // seconds: a gradient, a Hessian product alone, one of a block of 8
} sweeps;

// Best of three; the first call of each has touched the memory before.
static tw_status measure_sweeps(const tw_net *net, const tw_data *data, const tw_linop *op, sweeps *out)
{
    tw_status st = TW_OK;
    int64_t n = op->n;
    double *x = NULL, *y = NULL, *const best[] = {&out->gradient, &out->one, &out->block};
    tw_loss_value value;

    *out = (sweeps){1e9, 1e9, 1e9};
    TW_TRY(tw_alloc(8 * n, sizeof *x, &x));
    TW_TRY(tw_alloc(8 * n, sizeof *y, &y));
    for (int64_t i = 0; i < 8 * n; i++) x[i] = 1;
    for (int turn = 0; turn < 4; turn++)
        for (int what = 0; what < 3; what++) {
            double begin = tw_show_clock();
            if (what == 0)
                TW_TRY(tw_loss(net, data, y, NULL, &value));
            else
                TW_TRY(op->apply(op->ctx, what == 1 ? 1 : 8, x, y));
            double seconds = (tw_show_clock() - begin) / (what == 2 ? 8 : 1);
            if (turn > 0 && seconds < *best[what]) *best[what] = seconds;
        }
done:
    free(y);
    free(x);
    return st;
}

static tw_status bench_sweeps(const tw_args *args, json_t *result)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_curv_opts curv_opts = tw_curv_defaults();
    sweeps found;
    static const char model[] = "mlp:784-512-512-10,act=tanh";

    curv_opts.progress = tw_show_interrupt(args);
    TW_TRY(tw_data_open("gauss:classes=10,dim=784,n=1024", &data_opts, &data));
    TW_TRY(tw_net_new(model, data, &net_opts, &net));
    TW_TRY(tw_curv_new(net, data, &curv_opts, &curv));
    TW_TRY(measure_sweeps(net, data, tw_curv_linop(curv), &found));
    json_t *about = json_object();
    json_object_set_new(about, "model", json_string(model));
    json_object_set_new(about, "samples", json_integer(data->m));
    json_object_set_new(about, "threads", json_integer(tw_threads()));
    json_object_set_new(about, "gradient_seconds", tw_json_real(found.gradient));
    json_object_set_new(about, "hessian_product_seconds", tw_json_real(found.one));
    json_object_set_new(about, "hessian_product_of_8_seconds", tw_json_real(found.block));
    json_object_set_new(result, "sweeps", about);
    if (tw_args_flag(args, "json")) goto done;
    printf("\n%s, 1,024 samples, float, %d threads\n", model, tw_threads());
    printf("  gradient                  %8.2f ms\n", 1e3 * found.gradient);
    printf("  Hessian product           %8.2f ms  %.2f gradients\n", 1e3 * found.one, found.one / found.gradient);
    printf("  ... in blocks of 8, each  %8.2f ms  %.2f gradients\n", 1e3 * found.block, found.block / found.gradient);
done:
    tw_curv_free(curv);
    tw_net_free(net);
    tw_data_free(data);
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
    TW_TRY(bench_sweeps(args, result));
    TW_TRY(tw_show_provenance(args, result));
    if (tw_args_flag(args, "json")) {
        TW_TRY(tw_show_json(json_incref(result)));
    } else {
        printf("\n%s\n", tw_kernels_describe());
    }
done:
    json_decref(products);
    json_decref(result);
    return st;
}

const tw_command tw_cmd_bench = {
    .name = "bench",
    .summary = "measure this machine: matrix products, a gradient, Hessian products",
    .about =
        "Times the matrix products that every sweep stands on, on one core, in each way of computing this\n"
        "processor has (1e9 floating point operations a second, best seen), then a gradient and Hessian products of\n"
        "a network on all threads, alone and in blocks of 8. `make bench` measures more, against other programs.",
    .example = "thalweg bench --json",
    .run = run,
};
