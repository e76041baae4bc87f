#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same escapes in NumPy, vectorised over replicas, beside ours in one run: numpy_escape.py BENCH_ESCAPE.

Ten-dimensional Styblinski-Tang, white noise, float32; NumPy has no threads here, ours is run on one and on all; best
of three. A replica that is done is put back to the start, so that every step counts for NumPy."""
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

REPLICAS, STEPS, ETA, D = 1024, 2000, np.float32(0.002), 5.0
START, END, LOW = np.float32(-2.903534), np.float32(0.1567313), np.float32(-6)


def numpy_rate(seed):
    """Replica-steps a second, and the mean steps of the escapes seen."""
    rng = np.random.default_rng(np.random.Philox(seed))
    x = np.full((10, REPLICAS), START, np.float32)
    z, slope, to = (np.empty_like(x) for _ in range(3))
    sd = np.float32((2 * float(ETA) * D) ** 0.5)
    escapes = 0
    begin = time.perf_counter()
    for _ in range(STEPS):
        rng.standard_normal(out=z, dtype=np.float32)
        np.multiply(x, x, out=slope)  # 2 x^3 - 16 x + 2.5
        slope *= 2
        slope -= 16
        slope *= x
        slope += np.float32(2.5)
        slope *= ETA
        z *= sd
        np.subtract(x, slope, out=to)
        to += z
        np.copyto(x, to, where=to >= LOW)
        out = (x >= END).any(axis=0)
        if out.any():
            escapes += int(out.sum())
            x[:, out] = START
    return REPLICAS * STEPS / (time.perf_counter() - begin), REPLICAS * STEPS / max(escapes, 1)


cores = len(os.sched_getaffinity(0))
ours = {threads: 0.0 for threads in (1, cores)}
theirs = 0.0
for i in range(3):
    for threads in ours:
        ours[threads] = max(ours[threads], float(subprocess.check_output([sys.argv[1], "--rate", str(threads)])))
    rate, mean = numpy_rate(i)
    theirs = max(theirs, rate)
print(f"NumPy {np.__version__}: {theirs / 1e6:.2f} million replica-steps a second ({mean:.0f} steps an escape, exact 20266)")
for threads, rate in ours.items():
    print(f"Thalweg, {threads} thread{'s' * (threads > 1)}: {rate / 1e6:.1f} million; ratio {rate / theirs:.1f}")
