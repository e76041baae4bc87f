// SPDX-License-Identifier: MIT
// How fast the machine could be, and how much of that the matrix products reach, on the shapes networks ask for.
//
// One thread works one shard, so products are measured on one thread, against the peak of one thread. Operands are as
// warm as one pass over them leaves them, as in a sweep.
#include "bench.h"
#include "kernel/kernel.h"
#include "thalweg/base.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct shape {
    const char *what;
    bool ta, tb;
    int64_t m, n, k;
} shape;

static const shape shapes[] = {
    {"tangents through W, 512 samples x 8", false, true, 4096, 512, 512},
    {"first layer, values times V", false, true, 512, 4096, 784},
    {"adjoints through W", false, false, 4096, 512, 512},
    {"one sample block, K = 1", false, true, 512, 512, 784},
    {"parameter tangents, 8 directions", true, false, 4096, 784, 512},
    {"parameter gradient", true, false, 512, 784, 512},
    {"output layer", false, true, 4096, 10, 512},
    {"adjoints of the output layer", false, false, 4096, 512, 10},
    {"gradient of the output layer", true, false, 80, 512, 512},
    {"tiny net", false, true, 1000, 10, 10},
    {"tiny net, adjoints", false, false, 1000, 10, 10},
    {"tiny net, gradient", true, false, 80, 10, 125},
};

typedef struct work {
    const shape *s;
    const tw_kernels *kern;
    void *a, *b, *c;
    int64_t times;
} work;

static void work_run(void *ctx)
{
    const work *w = ctx;
    const shape *s = w->s;
    for (int64_t i = 0; i < w->times; i++)
        w->kern->gemm(s->ta, s->tb, s->m, s->n, s->k, w->a, s->ta ? s->m : s->k, w->b, s->tb ? s->k : s->n, 0, w->c,
                      s->n);
}

static void *numbers(tw_real real, int64_t count)
{
    void *x = aligned_alloc(64, ((size_t)count * (size_t)real + 63) / 64 * 64);
    for (int64_t i = 0; x && i < count; i++)
        if (real == TW_F32)
            ((float *)x)[i] = (float)(i % 7) - 3;
        else
            ((double *)x)[i] = (double)(i % 7) - 3;
    return x;
}

static void products(const char *name, double peak)
{
    const tw_kernels *kern = tw_kernels_find(name);
    if (!kern) {
        printf("\n%s: not on this processor\n", name);
        return;
    }
    printf("\n%-6s %-38s      m      n     k   GFLOP/s  of peak\n", name, "matrix product");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        const double flops = 2.0 * (double)s->m * (double)s->n * (double)s->k;
        work w = {s,
                  kern,
                  numbers(kern->real, s->m * s->k),
                  numbers(kern->real, s->k * s->n),
                  numbers(kern->real, s->m * s->n),
                  1 + (int64_t)(2e7 / flops)};
        if (w.a && w.b && w.c) {
            const double rate = flops * (double)w.times / bench_best(0.15, work_run, &w);
            printf("%c%c     %-38s %6d %6d %5d   %7.1f   %5.1f%%\n", s->ta ? 'T' : 'N', s->tb ? 'T' : 'N', s->what,
                   (int)s->m, (int)s->n, (int)s->k, rate / 1e9, 100 * rate / peak);
        }
        free(w.a);
        free(w.b);
        free(w.c);
    }
}

int main(void)
{
    bench_machine();
    const int threads = tw_threads();
    const double peak32 = bench_peak(TW_F32, 1), peak64 = bench_peak(TW_F64, 1);
    printf("FMA peak   float %.1f GFLOP/s on one thread, %.1f on %d; double %.1f, %.1f\n", peak32 / 1e9,
           bench_peak(TW_F32, threads) / 1e9, threads, peak64 / 1e9, bench_peak(TW_F64, threads) / 1e9);
    printf("memory     %.1f GB/s on one thread, %.1f on %d\n", bench_bandwidth(1) / 1e9, bench_bandwidth(threads) / 1e9,
           threads);
    products("f32", peak32);
    products("f64", peak64);
    products("split3", peak32);
    products("split6", peak32);
    return 0;
}
