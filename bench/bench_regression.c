// SPDX-License-Identifier: MIT
// Replica-steps a second of the one-dimensional regression simulator, and the exact solver at large dimension.
//   bench_regression          the tables
//   bench_regression --core     only what a core does: one group of sixteen replicas, least CPU time of many runs
//   bench_regression --rate N   only the rate at batch 1 on N threads, for bench/peers/numpy_regression.py
//   bench_regression --solve    only the exact solver, D = 2000 too
#include "bench.h"

#include "base/alloc.h"
#include "sim/regression_lanes.h"
#include "thalweg/theory_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct job {
    tw_regression_one in;
} job;

static void simulate(void *ctx)
{
    tw_regression_law *law = NULL;
    if (tw_regression_run_one(&((job *)ctx)->in, 1, NULL, NULL, &law) != TW_OK) exit(1);
    tw_regression_law_free(law);
}

static double rate(int64_t S, int threads)
{
    job j = {{.S = S, .replicas = 1024, .steps = 10000, .a = 1, .s = 1, .lambda = 0.3, .seed = 1}};
    if (tw_threads_set(threads) != TW_OK) exit(1);
    return (double)j.in.replicas * (double)j.in.steps / bench_best(0.5, simulate, &j);
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Other work on the machine takes time away, never gives any: the least of many short runs is what a core does.
static double core_rate(int64_t S, double mu, double gamma)
{
    enum { STEPS = 8000, RUNS = 400 };
    tw_regression_one in = {
        .S = S, .replicas = 16, .steps = STEPS, .a = 1, .s = 1, .lambda = 0.1, .mu = mu, .gamma = gamma, .seed = 1};
    tw_mean_square fit = {0};
    double square[16], least = INFINITY;
    float last[16];
    if (S > 2 && tw_mean_square_fit(S, &fit) != TW_OK) exit(1);
    for (int i = 0; i < RUNS; i++) {
        const double begin = cpu_now();
        tw_regression_best()->one(&in, &fit, 0, square, last);
        least = fmin(least, cpu_now() - begin);
    }
    return 16.0 * STEPS / least;
}

static void core(void)
{
    static const int64_t batch[] = {1, 2, 3, 4, 8, 16, 64, 1024};
    printf("One group of sixteen replicas (%s): million replica-steps a second and core\n", tw_regression_best()->name);
    printf("             %8s  %8s  %8s  %8s\n", "plain", "momentum", "L2", "both");
    for (size_t i = 0; i < sizeof batch / sizeof batch[0]; i++)
        printf("  batch %4" PRId64 " %8.0f  %8.0f  %8.0f  %8.0f\n", batch[i], core_rate(batch[i], 0, 0) / 1e6,
               core_rate(batch[i], 0.5, 0) / 1e6, core_rate(batch[i], 0, 0.1) / 1e6,
               core_rate(batch[i], 0.5, 0.1) / 1e6);
}

// A dense A with eigenvalues spread over a decade, a diagonal Lambda that does not commute with it, momentum 0.9.
static void solve(int64_t D, bool l2)
{
    double *block = NULL;
    if (tw_alloc(4 * D * D + 2 * D, sizeof *block, &block) != TW_OK) exit(1);
    double *A = block, *B = A + D * D, *Gamma = B + D * D, *Lambda = Gamma + D * D, *u = Lambda + D * D, *w0 = u + D;
    for (int64_t i = 0; i < D; i++) {
        u[i] = 1;
        for (int64_t j = 0; j < D; j++) A[i * D + j] = pow(0.5, fabs((double)(i - j))) * (i == j ? 1.2 : 1);
        Lambda[i * D + i] = 0.2 / (double)D * (1 + (double)(i % 3));
        if (l2) Gamma[i * D + i] = 0.01 * (double)(1 + i % 2);
    }
    tw_noise_population in = {.D = D,
                              .S = 16,
                              .mu = 0.9,
                              .A = A,
                              .B = B,
                              .Gamma = Gamma,
                              .Lambda = Lambda,
                              .u = u,
                              .w0 = w0,
                              .sigma2 = 1,
                              .c1 = 2,
                              .c2 = 1};
    tw_noise_opts opts = tw_noise_defaults();
    tw_noise_law *law = NULL;
    const double begin = bench_now();
    if (tw_noise_solve_population(&in, &opts, &law) != TW_OK) {
        fprintf(stderr, "%s\n", tw_error());
        exit(1);
    }
    printf("  D = %4" PRId64 "%s  %8.3f s   %s, gain %.4f, rho %.6f\n", D, l2 ? ", L2" : "    ", bench_now() - begin,
           tw_noise_status_name(law->status), law->gain, law->rho);
    fflush(stdout);
    tw_noise_law_free(law);
    free(block);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--rate") == 0) {
        printf("%.6g\n", rate(1, atoi(argv[2])));
        return 0;
    }
    const bool solver = argc > 1 && strcmp(argv[1], "--solve") == 0;
    const int64_t batch[] = {1, 2, 3, 4, 8, 16, 64};
    const int most = tw_threads();
    bench_machine();
    if (argc > 1 && strcmp(argv[1], "--core") == 0) {
        core();
        return 0;
    }
    if (!solver) core();
    if (!solver) printf("1,024 replicas: million replica-steps a second, 1 thread and %d\n", most);
    for (size_t i = 0; !solver && i < sizeof batch / sizeof batch[0]; i++)
        printf("  batch %3" PRId64 "  %8.0f  %8.0f\n", batch[i], rate(batch[i], 1) / 1e6, rate(batch[i], most) / 1e6);
    printf("Exact stationary law, momentum 0.9, nothing commutes, gain, rho and largest step included\n");
    solve(32, false);
    solve(32, true);
    solve(500, false);
    solve(500, true);
    if (solver) solve(2000, false);
    return 0;
}
