#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same products in PyTorch, by double backward, and how many times faster ours are in the same run.

    bench/peers/torch_hvp.py build/bench/bench_hvp

PyTorch is measured with one thread and with all, and the better is quoted; ours with all, before and after, and
likewise. Without PyTorch this says so and exits 0.
"""
import os
import subprocess
import sys
import time

try:
    import torch
except ImportError:
    print("torch_hvp: PyTorch is not installed (Debian: python3-torch); nothing to compare with")
    sys.exit(0)

CASES = [("mlp:784-512-512-10,act=tanh", 4096), ("mlp:784-512-512-10,act=relu", 4096), ("mlp:10-10-10-10,act=tanh", 1000)]
DTYPES = {"f32": torch.float32, "f64": torch.float64}


def ours(program):
    """{(model, dtype, what, k): ms} from the rows of name=value words."""
    out = {}
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        if not line.startswith("model="):
            print(line)
            continue
        word = dict(part.split("=", 1) for part in line.split())
        out[word["model"], word["dtype"], word["what"], int(word["k"])] = float(word["ms"])
    return out


def best(run, seconds=1.0):
    run()
    times = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return 1e3 * min(times)


def network(model, dtype):
    sizes, act = model[len("mlp:"):].split(",act=")
    sizes = [int(s) for s in sizes.split("-")]
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        if i:
            layers.append(torch.nn.Tanh() if act == "tanh" else torch.nn.ReLU())
        layers.append(torch.nn.Linear(a, b))
    return torch.nn.Sequential(*layers).to(dtype), sizes


def torch_case(model, samples, dtype):
    """Milliseconds of a gradient, of a product on a kept graph, and of one that builds its graph."""
    torch.manual_seed(1)
    net, sizes = network(model, dtype)
    x = torch.randn(samples, sizes[0], dtype=dtype)
    t = torch.arange(samples) % sizes[-1]
    params = list(net.parameters())
    v = [torch.randn_like(p) for p in params]

    def loss():
        return torch.nn.functional.cross_entropy(net(x), t)

    def gradient():
        return torch.autograd.grad(loss(), params)

    def rebuilt():
        return torch.autograd.grad(torch.autograd.grad(loss(), params, create_graph=True), params, grad_outputs=v)

    g = torch.autograd.grad(loss(), params, create_graph=True)

    def kept():
        return torch.autograd.grad(g, params, grad_outputs=v, retain_graph=True)

    return {"gradient": best(gradient), "kept": best(kept), "rebuilt": best(rebuilt)}


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/bench/bench_hvp"
    first = ours(program)
    cores = len(os.sched_getaffinity(0))
    theirs = {}
    for model, samples in CASES:
        for name, dtype in DTYPES.items():
            runs = []
            for threads in {1, cores}:
                torch.set_num_threads(threads)
                runs.append(torch_case(model, samples, dtype))
            theirs[model, name] = {what: min(r[what] for r in runs) for what in runs[0]}
    again = ours(program)
    mine = {key: min(first[key], again[key]) for key in first}

    print(f"PyTorch {torch.__version__}, 1 and {cores} threads, the better of both; milliseconds a direction")
    print(f"{'':34}{'ours':>10}{'PyTorch':>10}{'ratio':>8}")
    for (model, dtype), t in theirs.items():
        print(f"{model} {dtype}")
        for label, key, peer in (
            ("gradient", ("gradient", 1), "gradient"),
            ("product of 8, kept / kept graph", ("hessian", 8), "kept"),
            ("product of 8, kept / rebuilt", ("hessian", 8), "rebuilt"),
            ("product of 1, kept / kept graph", ("hessian", 1), "kept"),
            ("product of 1, rebuilt / rebuilt", ("hessian-rebuilt", 1), "rebuilt"),
        ):
            a, b = mine[(model, dtype) + key], t[peer]
            print(f"  {label:32}{a:10.4g}{b:10.4g}{b / a:8.2f}")
        h8, g8 = mine[model, dtype, "hessian", 8], mine[model, dtype, "ggn", 8]
        h1, r1, g = (mine[model, dtype, what, 1] for what in ("hessian", "hessian-rebuilt", "gradient"))
        print(f"  product / Gauss-Newton product {h8 / g8:.2f}; one product / gradient {h1 / g:.2f} kept, {r1 / g:.2f} rebuilt")


if __name__ == "__main__":
    main()
