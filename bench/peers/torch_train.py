#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same training steps in PyTorch, and how many times faster ours are in the same run.

    bench/peers/torch_train.py build/bench/bench_train

Ours is measured before and after; PyTorch with one thread and with all; the better of each is quoted. A step is: gather
the batch, zero the gradients, forward, loss, backward, update.
"""
import os
import subprocess
import sys
import time

try:
    import torch
except ImportError:
    print("torch_train: PyTorch is not installed (Debian: python3-torch); nothing to compare with")
    sys.exit(0)

RULES = {
    "sgd": lambda p: torch.optim.SGD(p, 1e-4),
    "sgd:momentum=0.9": lambda p: torch.optim.SGD(p, 1e-4, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, 1e-4),
}


def ours(program):
    out = {}
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        if not line.startswith("model="):
            print(line)
            continue
        word = dict(part.split("=", 1) for part in line.split())
        out[word["model"], int(word["batch"]), word["optim"]] = float(word["us"])
    return out


def theirs(model, batch, rule):
    sizes = [int(s) for s in model[len("mlp:"):].split(",")[0].split("-")]
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers += [torch.nn.ReLU()] * (i > 0) + [torch.nn.Linear(a, b)]
    net = torch.nn.Sequential(*layers)
    optim = RULES[rule](net.parameters())
    x, t = torch.randn(40 * batch, sizes[0]), torch.arange(40 * batch) % sizes[-1]
    order = torch.randperm(40 * batch)

    def steps():
        for i in range(20):
            at = order[i * batch : (i + 1) * batch]
            optim.zero_grad()
            torch.nn.functional.cross_entropy(net(x[at]), t[at]).backward()
            optim.step()

    steps()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < 0.5:
        before = time.perf_counter()
        steps()
        times.append(time.perf_counter() - before)
    return 1e6 * min(times) / 20


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/bench/bench_train"
    first = ours(program)
    cores = len(os.sched_getaffinity(0))
    peer = {}
    for threads in {1, cores}:
        torch.set_num_threads(threads)
        for key in first:
            peer[key] = min(peer.get(key, 1e99), theirs(*key))
    again = ours(program)
    print(f"PyTorch {torch.__version__}, 1 and {cores} threads, the better of both; microseconds a step")
    for key, us in first.items():
        us = min(us, again[key])
        print(f"{key[0]} batch {key[1]} {key[2]:18}{us:10.4g}{peer[key]:10.4g}{peer[key] / us:8.2f}")


if __name__ == "__main__":
    main()
