#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same simulation in NumPy, vectorised over replicas, beside ours in one run: numpy_regression.py BENCH_REGRESSION.

Batch 1, one dimension, float32; NumPy has no threads here, ours is run on one and on all; alternating, best of five."""
import os
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
try:
    import numpy as np
except ImportError:
    print("numpy is not installed: no comparison")
    sys.exit(0)

REPLICAS, STEPS, STEP = 4096, 2000, np.float32(0.3)


def numpy_rate(seed):
    """Replica-steps a second. The replicas fit the second-level cache; draws are made one step at a time, in place."""
    rng = np.random.default_rng(np.random.Philox(seed))
    w = np.zeros(REPLICAS, np.float32)
    square = np.zeros(REPLICAS, np.float64)
    x, e, r = (np.empty(REPLICAS, np.float32) for _ in range(3))
    begin = time.perf_counter()
    for _ in range(STEPS):
        rng.standard_normal(out=x, dtype=np.float32)
        rng.standard_normal(out=e, dtype=np.float32)
        np.multiply(x, w, out=r)  # residual x w - e
        r -= e
        r *= x
        r *= STEP
        w -= r
        np.multiply(w, w, out=r)
        square += r
    took = time.perf_counter() - begin
    return REPLICAS * STEPS / took, square.mean() / STEPS


cores = len(os.sched_getaffinity(0))
ours = {1: [], cores: []}
theirs = []
for i in range(5):
    for threads in ours:
        ours[threads].append(float(subprocess.check_output([sys.argv[1], "--rate", str(threads)])))
    rate, variance = numpy_rate(i)
    theirs.append(rate)
print(f"NumPy {np.__version__}: {max(theirs) / 1e6:.1f} million replica-steps a second (variance {variance:.4f}, exact 0.2727)")
for threads, rates in ours.items():
    print(f"Thalweg, {threads} thread{'s' * (threads > 1)}: {max(rates) / 1e6:.0f} million; ratio {max(rates) / max(theirs):.1f}")
