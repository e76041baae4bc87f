#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same training steps in PyTorch, and how many times faster ours are in the same run.

    bench/peers/torch_train.py build/bench/bench_train [conv] [work]

conv: SimpleCNN on 3 x 32 x 32 alone. work: one thread on both sides, the time it worked: for a machine that others use.

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
    for line in subprocess.run([program, str(len(os.sched_getaffinity(0))), "0.5", *sys.argv[2:]], check=True, capture_output=True, text=True).stdout.splitlines():
        if not line.startswith("model="):
            print(line)
            continue
        word = dict(part.split("=", 1) for part in line.split())
        out[word["model"], int(word["batch"]), word["optim"]] = float(word["us"])
    return out


def simplecnn():
    nn, layers, channels = torch.nn, [], 3
    for width in (32, 64):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 6 * 6, 128), nn.ReLU(), nn.Linear(128, 10))


def mlp(sizes):
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers += [torch.nn.ReLU()] * (i > 0) + [torch.nn.Linear(a, b)]
    return torch.nn.Sequential(*layers)


def theirs(model, batch, rule):
    conv = model == "simplecnn"
    sizes = [3 * 32 * 32, 10] if conv else [int(s) for s in model[len("mlp:"):].split(",")[0].split("-")]
    shape = (3, 32, 32) if conv else (sizes[0],)
    count, batches = (4, 4) if conv else (20, 40)
    net = simplecnn() if conv else mlp(sizes)
    optim = RULES[rule](net.parameters())
    x, t = torch.randn(batches * batch, *shape), torch.arange(batches * batch) % sizes[-1]
    order = torch.randperm(batches * batch)

    def steps():
        for i in range(count):
            at = order[i * batch : (i + 1) * batch]
            optim.zero_grad()
            torch.nn.functional.cross_entropy(net(x[at]), t[at]).backward()
            optim.step()

    steps()
    now = time.process_time if "work" in sys.argv else time.perf_counter
    times, start = [], now()
    while len(times) < 3 or now() - start < 0.5:
        before = now()
        steps()
        times.append(now() - before)
    return 1e6 * min(times) / count


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/bench/bench_train"
    first = ours(program)
    cores = 1 if "work" in sys.argv else len(os.sched_getaffinity(0))
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
