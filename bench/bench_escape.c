// SPDX-License-Identifier: MIT
// Replica-steps a second of the escape simulator on the ten-dimensional Styblinski-Tang function.
//   bench_escape            all threads and one
//   bench_escape --rate N   only the rate on N threads, for bench/peers/numpy_escape.py
#include "bench.h"

#include "sim/escape.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLICAS = 4096 };

static int64_t steps[REPLICAS];
static bool escaped[REPLICAS];

// Steps that count: those before each replica's end.
static double rate(int threads)
{
    tw_escape_chain_spec c = {.n = 10,
                              .terms = 5,
                              .coef = {0, 2.5, -8, 0, 0.5},
                              .noise = TW_ESCAPE_WHITE,
                              .strength = 5,
                              .eta = 0.002,
                              .B = 1,
                              .start = -2.903534027771177,
                              .absorb = 0.1567312567803401,
                              .lo = -6,
                              .seed = 1};
    double best = 0;
    if (tw_threads_set(threads) != TW_OK) exit(1);
    for (int i = 0; i < 3; i++) {
        double begin = bench_now(), sum = 0;
        if (tw_escape_simulate(&c, REPLICAS, (int64_t)1 << 40, NULL, steps, escaped) != TW_OK) exit(1);
        double took = bench_now() - begin;
        for (int j = 0; j < REPLICAS; j++) sum += (double)steps[j];
        if (sum / took > best) best = sum / took;
    }
    return best;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--rate") == 0) {
        printf("%.6g\n", rate(atoi(argv[2])));
        return 0;
    }
    bench_machine();
    int all = tw_threads();
    printf("10-D Styblinski-Tang, %d replicas to their end (lanes: %s), million replica-steps a second\n", REPLICAS,
           tw_escape_lanes_name());
    printf("  1 thread %.1f, %d threads %.1f\n", rate(1) / 1e6, all, rate(all) / 1e6);
    return 0;
}
