#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same products in PyTorch, by double backward, and how many times faster ours are in the same run.

    bench/peers/torch_hvp.py build/bench/bench_hvp [MODEL [DTYPE]]

Without MODEL the dense networks: PyTorch with one thread and with all, and the better is quoted; ours with all, before
and after, and likewise. With MODEL one network of images (simplecnn, resnet32 or simplecnn:medium; minutes): all
threads on each side, and the largest resident sets. Without PyTorch this says so and exits 0.
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
IMAGES = {"simplecnn": 512, "resnet32": 128, "simplecnn:medium": 128}
DTYPES = {"f32": torch.float32, "f64": torch.float64}


def ours(command, word_of=lambda word: float(word["ms"])):
    """{(model, dtype, what, k): ms} from the rows of name=value words."""
    out = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if not line.startswith("model="):
            print(line)
            continue
        word = dict(part.split("=", 1) for part in line.split())
        out[word["model"], word["dtype"], word["what"], int(word["k"])] = word_of(word)
    return out


def best(run, seconds=1.0):
    run()
    times = []
    start = time.perf_counter()
    while not times or (len(times) < 3 and time.perf_counter() - start < 60 * seconds) or time.perf_counter() - start < seconds:
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


class Block(torch.nn.Module):
    """relu, conv, relu, conv beside the identity, or beside a convolution of one where the width changes."""

    def __init__(self, before, width, stride):
        super().__init__()
        self.one = torch.nn.Conv2d(before, width, 3, stride, 1)
        self.two = torch.nn.Conv2d(width, width, 3, 1, 1)
        self.side = torch.nn.Conv2d(before, width, 1, stride) if before != width or stride != 1 else None

    def forward(self, x):
        y = torch.relu(x)
        return self.two(torch.relu(self.one(y))) + (self.side(x) if self.side else x)


def image_network(model):
    """The network as thalweg builds it (src/net/model_conv.c)."""
    nn = torch.nn
    if model == "resnet32":
        layers, before = [nn.Conv2d(3, 16, 3, 1, 1)], 16
        for stage in range(3):
            for block in range(5):
                layers.append(Block(before, 16 << stage, 2 if stage and not block else 1))
                before = 16 << stage
        return nn.Sequential(*layers, nn.ReLU(), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))
    a, size = (100, 5) if model == "simplecnn:medium" else (32, 3)
    layers, before, side = [], 3, 32
    for width in (a, 2 * a):
        layers += [nn.Conv2d(before, width, size, padding=size // 2), nn.ReLU()]
        layers += [nn.Conv2d(width, width, size), nn.ReLU(), nn.MaxPool2d(2)]
        before, side = width, (side - size + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side * side, 128), nn.ReLU(), nn.Linear(128, 10))


def resident():
    """The largest resident set since last asked, in MB."""
    with open("/proc/self/status") as f:
        found = [int(line.split()[1]) for line in f if line.startswith("VmHWM")]
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")
    return found[0] / 1e3 if found else 0.0


def torch_case(model, samples, dtype, seconds=1.0):
    """Milliseconds of a gradient, of a product on a kept graph, and of one that builds its graph; resident sets."""
    torch.manual_seed(1)
    if model in IMAGES:
        net = image_network(model).to(dtype)
        x = torch.randn(samples, 3, 32, 32, dtype=dtype)
        t = torch.arange(samples) % 10
    else:
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

    def kept():
        return torch.autograd.grad(g, params, grad_outputs=v, retain_graph=True)

    out = {}
    for what, run in (("gradient", gradient), ("rebuilt", rebuilt)):
        resident()
        out[what] = best(run, seconds)
        out[what + " MB"] = resident()
    g = torch.autograd.grad(loss(), params, create_graph=True)
    out["kept"] = best(kept, seconds)
    out["kept MB"] = resident()
    return out


def images(program, model, dtype):
    """Both sides on one network of images, with all threads."""
    cores = len(os.sched_getaffinity(0))
    seconds = 0.1
    command = [program, str(cores), str(seconds), model, dtype]
    first = {} if program == "-" else ours(command, lambda word: (float(word["ms"]), word["peak"], float(word["rss"])))
    torch.set_num_threads(cores)
    t = torch_case(model, IMAGES[model], DTYPES[dtype], seconds)
    print(f"{model} {dtype}, {IMAGES[model]} samples, {cores} threads each, PyTorch {torch.__version__}; ms a direction, MB")
    print(f"{'':34}{'ours':>10}{'of peak':>9}{'MB':>7}{'PyTorch':>10}{'MB':>7}{'ratio':>8}")
    for label, key, peer in (
        ("gradient", ("gradient", 1), "gradient"),
        ("product of 8, kept / kept graph", ("hessian", 8), "kept"),
        ("product of 1, kept / kept graph", ("hessian", 1), "kept"),
        ("product of 8, rebuilt / rebuilt", ("hessian-rebuilt", 8), "rebuilt"),
        ("product of 1, rebuilt / rebuilt", ("hessian-rebuilt", 1), "rebuilt"),
    ):
        found = first.get((model, dtype) + key)
        found = found or (float("nan"), "", 0)
        if peer in t:
            print(f"  {label:32}{found[0]:10.4g}{found[1]:>9}{found[2]:7.0f}{t[peer]:10.4g}{t[peer + ' MB']:7.0f}"
                  f"{t[peer] / found[0]:8.2f}")


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/bench/bench_hvp"
    if len(sys.argv) > 2:
        images(program, sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "f32")
        return
    first = ours([program])
    cores = len(os.sched_getaffinity(0))
    theirs = {}
    for model, samples in CASES:
        for name, dtype in DTYPES.items():
            runs = []
            for threads in {1, cores}:
                torch.set_num_threads(threads)
                runs.append(torch_case(model, samples, dtype))
            theirs[model, name] = {what: min(r[what] for r in runs) for what in runs[0]}
    again = ours([program])
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
