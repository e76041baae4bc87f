// SPDX-License-Identifier: MIT
// What every benchmark shares: a clock, the machine in words, and the ceilings it is measured against in the same run.
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/shards.h"

double bench_now(void); // seconds, monotonic; of this process's work alone after bench_count_work
// From here on bench_now counts what all threads of this process work, not the time that passes: on one thread of a
// machine that others use, this is the smaller error.
void bench_count_work(void);

// The shortest of the runs that fit into `seconds` (at least three, where those fit into a minute's worth of it: sixty
// times as long) after one that is not counted: what else runs on
// the machine can only make a run longer.
double bench_best(double seconds, void (*run)(void *ctx), void *ctx);

// Fused multiply-adds a second times two, on registers alone, by the widest vectors the processor has.
double bench_peak(tw_real real, int threads);

// Bytes a second of a[i] = b[i] + s c[i], counted as three streams, over arrays far larger than the caches.
double bench_bandwidth(int threads);

// Processor, threads, compiler and the libraries behind the kernels, one line each, to stdout.
void bench_machine(void);

#endif
