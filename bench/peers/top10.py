#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The ten largest Hessian eigenvalues of one trained network: Thalweg, ARPACK on PyTorch products, PyHessian.

top10.py THALWEG: trains mlp:784-512-512-10 (tanh) on Fashion-MNIST with THALWEG, then measures all three in one run,
on 4,096 samples, in float, with the same number of threads, to a relative residual of 1e-3. PyHessian is measured
where it can be imported (PYTHONPATH); it stops on the change of an eigenvalue, not on a residual.
"""
import gzip
import importlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time

MODEL = "mlp:784-512-512-10,act=tanh"
SAMPLES = 4096
TOP = 10
TOLERANCE = 1e-3
FOLDER = "/usr/share/datasets/fashion-mnist"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    thalweg = sys.argv[1]
    threads = len(os.sched_getaffinity(0))
    try:
        numpy, torch = importlib.import_module("numpy"), importlib.import_module("torch")
        arpack = importlib.import_module("scipy.sparse.linalg")
    except ImportError as missing:
        print(f"no comparison: {missing} (Debian: python3-torch, python3-scipy)")
        return
    torch.set_num_threads(threads)
    print(f"torch {torch.__version__}, {threads} threads, {MODEL}, {SAMPLES} samples, float")

    with tempfile.TemporaryDirectory() as scratch:
        weights = os.path.join(scratch, "w.safetensors")
        subprocess.run([thalweg, "train", "--model", MODEL, "--data", "fashion-mnist", "--lr", "0.1", "--batch", "64",
                        "--epochs", "3", "--seed", "1", "--save", weights, "--quiet"], check=True, stdout=sys.stderr)
        begin = time.perf_counter()
        out = subprocess.run([thalweg, "spectrum", "--model", MODEL, "--weights", weights, "--data", "fashion-mnist",
                              "--samples", str(SAMPLES), "--matrix", "hessian", "--top", str(TOP), "--of-each",
                              "--tolerance", str(TOLERANCE), "--json", "--quiet"], check=True, capture_output=True)
        ours_seconds = time.perf_counter() - begin
        ours = json.loads(out.stdout)
        network = read_network(torch, numpy, weights)

    data = read_samples(torch, numpy)
    hessian = Hessian(torch, network, *data)
    show("Thalweg, whole process", ours_seconds, ours_seconds, ours["products"], ours["eigenvalues"], ours["residuals"])

    begin = time.perf_counter()
    hessian.keep()
    operator = arpack.LinearOperator((hessian.n, hessian.n), matvec=hessian.apply, dtype=numpy.float32)
    values, vectors = arpack.eigsh(operator, k=TOP, which="LA", tol=TOLERANCE)
    seconds, products = time.perf_counter() - begin, hessian.products
    show("ARPACK on PyTorch, kept graph", seconds, ours_seconds, products, values[::-1],
         [hessian.residual(numpy, value, vector) for value, vector in zip(values[::-1], vectors.T[::-1])])
    apart = max(abs(a - b) / b for a, b in zip(ours["eigenvalues"], values[::-1]))
    print(f"  Thalweg's and ARPACK's eigenvalues differ by at most {apart:.1e} of their size")

    try:
        pyhessian = importlib.import_module("pyhessian")
    except ImportError as missing:
        print(f"PyHessian: not measured: {missing}")
        return
    torch.manual_seed(1)
    begin = time.perf_counter()
    peer = pyhessian.hessian(network, torch.nn.CrossEntropyLoss(), data=data, cuda=False)
    values, vectors = peer.eigenvalues(maxIter=100, tol=TOLERANCE, top_n=TOP)
    seconds = time.perf_counter() - begin
    hessian.keep()
    flat = [torch.cat([part.reshape(-1) for part in vector]).detach().numpy() for vector in vectors]
    show("PyHessian", seconds, ours_seconds, "?", values,
         [hessian.residual(numpy, value, vector) for value, vector in zip(values, flat)])


def show(name, seconds, ours, products, values, residuals):
    worst = max(residual / abs(value) for residual, value in zip(residuals, values))
    print(f"{name}: {seconds:.2f} s ({seconds / ours:.2f} of Thalweg's), {products} products, "
          f"largest relative residual {worst:.1e}")
    print("  " + " ".join(f"{value:.4f}" for value in values))


def read_network(torch, numpy, path):
    """safetensors: 8 bytes of length, a JSON header, then the numbers."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    network = torch.nn.Sequential()
    for i in range(1, 4):
        weight, bias = (numpy.frombuffer(body[slice(*header[name]["data_offsets"])], numpy.float32)
                        .reshape(header[name]["shape"]).copy() for name in (f"fc{i}.weight", f"fc{i}.bias"))
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        network.add_module(f"fc{i}", layer)
        if i < 3:
            network.add_module(f"tanh{i}", torch.nn.Tanh())
    return network


def read_samples(torch, numpy):
    """The first samples of the training set, pixels divided by 255."""
    with gzip.open(f"{FOLDER}/train-images-idx3-ubyte.gz") as file:
        pixels = numpy.frombuffer(file.read(16 + SAMPLES * 784), numpy.uint8, offset=16).reshape(SAMPLES, 784)
    with gzip.open(f"{FOLDER}/train-labels-idx1-ubyte.gz") as file:
        labels = numpy.frombuffer(file.read(8 + SAMPLES), numpy.uint8, offset=8)
    return (torch.from_numpy(pixels.astype(numpy.float32) / 255), torch.from_numpy(labels.astype(numpy.int64)))


class Hessian:
    """Products by double backward on a graph that is built once and kept."""

    def __init__(self, torch, network, x, y):
        self.torch, self.network, self.x, self.y = torch, network, x, y
        self.parameters = list(network.parameters())
        self.n = sum(parameter.numel() for parameter in self.parameters)
        self.products = 0
        self.gradient = None

    def keep(self):
        loss = self.torch.nn.functional.cross_entropy(self.network(self.x), self.y)
        parts = self.torch.autograd.grad(loss, self.parameters, create_graph=True)
        self.gradient = self.torch.cat([part.reshape(-1) for part in parts])
        self.products = 0

    def apply(self, vector):
        self.products += 1
        direction = self.torch.from_numpy(vector.astype("float32").reshape(-1))
        parts = self.torch.autograd.grad(self.gradient, self.parameters, direction, retain_graph=True)
        return self.torch.cat([part.reshape(-1) for part in parts]).numpy()

    def residual(self, numpy, value, vector):
        vector = vector.astype(numpy.float64) / numpy.linalg.norm(vector.astype(numpy.float64))
        return float(numpy.linalg.norm(self.apply(vector) - value * vector))


if __name__ == "__main__":
    main()
