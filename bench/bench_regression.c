// SPDX-License-Identifier: MIT
// Replica-steps a second of the one-dimensional regression simulator, and the exact solver at large dimension.
//   bench_regression          the table
//   bench_regression --rate N   only the rate at batch 1 on N threads, for bench/peers/numpy_regression.py
//   bench_regression --large    also D = 2000
#include "bench.h"

#include "base/alloc.h"
#include "sim/regression_lanes.h"
#include "thalweg/theory_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    const int64_t batch[] = {1, 2, 4, 16, 64};
    const int most = tw_threads();
    bench_machine();
    printf("One-dimensional regression (%s): million replica-steps a second, 1 thread and %d\n",
           tw_regression_best()->name, most);
    for (size_t i = 0; i < sizeof batch / sizeof batch[0]; i++)
        printf("  batch %3" PRId64 "  %8.0f  %8.0f\n", batch[i], rate(batch[i], 1) / 1e6, rate(batch[i], most) / 1e6);
    printf("Exact stationary law, momentum 0.9, nothing commutes, gain, rho and largest step included\n");
    solve(32, false);
    solve(32, true);
    solve(500, false);
    solve(500, true);
    if (argc > 1 && strcmp(argv[1], "--large") == 0) solve(2000, false);
    return 0;
}
