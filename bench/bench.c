// SPDX-License-Identifier: MIT
// Clock, machine and ceilings.
#include "bench.h"
#include "thalweg/base.h"
#include "thalweg/kernel.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static clockid_t used = CLOCK_MONOTONIC;

void bench_count_work(void) { used = CLOCK_PROCESS_CPUTIME_ID; }

double bench_now(void)
{
    struct timespec t;
    clock_gettime(used, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_best(double seconds, void (*run)(void *ctx), void *ctx)
{
    double best = 1e300;
    run(ctx);
    const double start = bench_now();
    for (int i = 0; i < 1 || (i < 3 && bench_now() - start < 60 * seconds) || bench_now() - start < seconds; i++) {
        const double before = bench_now();
        run(ctx);
        const double took = bench_now() - before;
        if (took < best) best = took;
    }
    return best;
}

// Twelve independent chains of x = x a + b: more than any processor's latency times its units. The chains converge to
// b / (1 - a), so numbers stay ordinary.
enum { CHAINS = 12, STEPS = 1 << 16 };
#define EACH_CHAIN _Pragma("GCC unroll 12") for (int j = 0; j < CHAINS; j++)
#define PEAK(name, set, bytes, REAL)                                    \
    set static double name(void)                                        \
    {                                                                   \
        typedef REAL vec __attribute__((vector_size(bytes)));           \
        const vec a = (vec){0} + (REAL)0.5, b = (vec){0} + 1;           \
        vec x[CHAINS], sum = {0};                                       \
        EACH_CHAIN x[j] = (vec){0} + (REAL)j;                           \
        for (int i = 0; i < STEPS; i++) EACH_CHAIN x[j] = x[j] * a + b; \
        EACH_CHAIN sum += x[j];                                         \
        volatile REAL keep = sum[0];                                    \
        (void)keep;                                                     \
        return 2.0 * CHAINS * STEPS * (double)(bytes / sizeof(REAL));   \
    }
PEAK(plain_f32, , 16, float)
PEAK(plain_f64, , 16, double)
#ifdef __x86_64__
PEAK(avx2_f32, __attribute__((target("avx2,fma"))), 32, float)
PEAK(avx2_f64, __attribute__((target("avx2,fma"))), 32, double)
PEAK(avx512_f32, __attribute__((target("avx512f"))), 64, float)
PEAK(avx512_f64, __attribute__((target("avx512f"))), 64, double)
#endif

typedef struct peak {
    double (*work)(void);
    int threads;
    double flops;
} peak;

static void peak_run(void *ctx)
{
    peak *p = ctx;
    double flops = 0;
#pragma omp parallel num_threads(p->threads) reduction(+ : flops)
    flops += p->work();
    p->flops = flops;
}

double bench_peak(tw_real real, int threads)
{
    peak p = {real == TW_F32 ? plain_f32 : plain_f64, threads, 0};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) p.work = real == TW_F32 ? avx2_f32 : avx2_f64;
    if (__builtin_cpu_supports("avx512f")) p.work = real == TW_F32 ? avx512_f32 : avx512_f64;
#endif
    const double took = bench_best(0.3, peak_run, &p);
    return p.flops / took;
}

typedef struct triad {
    int64_t n;
    int threads;
    float *a, *b, *c;
} triad;

static void triad_run(void *ctx)
{
    const triad *t = ctx;
    float *a = t->a;
    const float *b = t->b, *c = t->c;
#pragma omp parallel for num_threads(t->threads) schedule(static)
    for (int64_t i = 0; i < t->n; i++) a[i] = b[i] + 3 * c[i];
}

double bench_bandwidth(int threads)
{
    triad t = {.n = 24 << 20, .threads = threads};
    const size_t bytes = (size_t)t.n * sizeof(float);
    t.a = calloc(1, bytes);
    t.b = calloc(1, bytes);
    t.c = calloc(1, bytes);
    double rate = 0;
    if (t.a && t.b && t.c) {
        for (int64_t i = 0; i < t.n; i++) t.b[i] = t.c[i] = 1; // touched, or all pages would be one
        rate = 3.0 * (double)bytes / bench_best(0.3, triad_run, &t);
    }
    free(t.a);
    free(t.b);
    free(t.c);
    return rate;
}

void bench_machine(void)
{
    char line[256], model[256] = "unknown processor\n";
    FILE *cpu = fopen("/proc/cpuinfo", "r");
    while (cpu && fgets(line, sizeof line, cpu))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            strcpy(model, strchr(line, ':') + 2);
            break;
        }
    if (cpu) fclose(cpu);
    printf("processor  %s", model);
    printf("threads    %d of %d\n", tw_threads(), omp_get_num_procs());
    printf("thalweg    %s, compiler %s\n", tw_version(), __VERSION__);
    printf("kernels    %s\n", tw_kernels_describe());
}
