#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/data/data: small files as NumPy, gzip, csv and struct write them. Run once; the files are committed."""
import csv
import gzip
import io
import json
import pathlib
import struct
import tarfile
import zipfile

import numpy as np

here = pathlib.Path(__file__).parent / "data"
here.mkdir(exist_ok=True)

# The same six numbers in every type that can hold them; test_arrays.c has them too.
reals = np.array([[-1.5, 0, 0.25], [3, 1024, -0.125]])
signed = np.array([[-128, -1, 0], [1, 2, 127]])
unsigned = np.array([[0, 1, 2], [3, 127, 255]])
arrays = {}
for code in ("f2", "f4", "f8"):
    arrays[code] = reals.astype("<" + code)
    arrays["big_" + code] = reals.astype(">" + code)
for code in ("i1", "i2", "i4", "i8"):
    arrays[code] = signed.astype("<" + code)
    arrays["big_" + code] = signed.astype(">" + code)
for code in ("u1", "u2", "u4", "u8"):
    arrays[code] = unsigned.astype("<" + code)
    arrays["big_" + code] = unsigned.astype(">" + code)
arrays["bool"] = signed > 0
arrays["fortran"] = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
arrays["scalar"] = np.array(7.0)
arrays["empty"] = np.zeros((0, 3), "<f4")

np.savez_compressed(here / "types.npz", **arrays)
np.savez(here / "stored.npz", x=arrays["f4"], y=np.array([1, 0]))
np.save(here / "fortran_big.npy", np.asfortranarray(reals.astype(">f8")))
np.lib.format.write_array(open(here / "version2.npy", "wb"), arrays["f4"], version=(2, 0))
rng = np.random.default_rng(0)
np.savez_compressed(here / "images.npz", x=np.arange(2 * 3 * 2 * 2, dtype="u1").reshape(2, 3, 2, 2), y=np.array([0, 4]),
                    x_test=np.ones((1, 3, 2, 2), "u1"), y_test=np.array([4]))
with zipfile.ZipFile(here / "streamed.npz", "w", zipfile.ZIP_DEFLATED) as z:  # sizes after the data, zip64 extras
    with z.open("x.npy", "w", force_zip64=True) as f:
        np.lib.format.write_array(f, arrays["f4"])

# safetensors, by its description alone
blob, header = b"", {"__metadata__": {"format": "pt"}}


def add(name, dtype, shape, data):
    global blob
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(blob), len(blob) + len(data)]}
    blob += data


bf16 = (reals.astype("<f4").view("<u4") >> 16).astype("<u2")
for name, dtype, array in (("F64", "F64", arrays["f8"]), ("F32", "F32", arrays["f4"]), ("F16", "F16", arrays["f2"]),
                           ("BF16", "BF16", bf16), ("I64", "I64", arrays["i8"]), ("I32", "I32", arrays["i4"]),
                           ("I16", "I16", arrays["i2"]), ("I8", "I8", arrays["i1"]), ("U64", "U64", arrays["u8"]),
                           ("U32", "U32", arrays["u4"]), ("U16", "U16", arrays["u2"]), ("U8", "U8", arrays["u1"]),
                           ("BOOL", "BOOL", arrays["bool"])):
    add(name, dtype, [2, 3], array.tobytes())
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
(here / "types.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + blob)

# idx: three images of 2 x 4 pixels 0, 10, 20, ...; labels 2 0 1
images = struct.pack(">IIII", 0x803, 3, 2, 4) + bytes(range(0, 240, 10))
labels = struct.pack(">II", 0x801, 3) + bytes([2, 0, 1])
(here / "images.idx").write_bytes(images)
(here / "labels.idx").write_bytes(labels)
(here / "images.idx.gz").write_bytes(gzip.compress(images, mtime=0))
(here / "labels.idx.gz").write_bytes(gzip.compress(labels, mtime=0))

# cifar: record i has pixel j = (i + j) mod 256
records = [bytes((i + j) % 256 for j in range(3072)) for i in range(2)]
(here / "cifar10.bin.gz").write_bytes(gzip.compress(b"\7" + records[0] + b"\3" + records[1], mtime=0))
(here / "cifar100.bin.gz").write_bytes(gzip.compress(b"\13\143" + records[0] + b"\0\1" + records[1], mtime=0))

with open(here / "flowers.csv", "w", newline="") as f:  # csv writes \r\n
    w = csv.writer(f, delimiter=";", quoting=csv.QUOTE_NONNUMERIC)
    w.writerow(["length", "kind", 'width "w"'])
    w.writerows([[1.5, "rose; red", -2e3], [0.25, "aster", 7], [3, "rose; red", 0]])

# An archive as CIFAR-10's is laid out: a folder, a text, two binary files; written by Python's tarfile, GNU format.
def member(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


with tarfile.open(here / "pictures.tar.gz", "w:gz", format=tarfile.GNU_FORMAT) as tar:
    folder = tarfile.TarInfo("pictures")
    folder.type = tarfile.DIRTYPE
    tar.addfile(folder)
    member(tar, "pictures/readme.html", b"not needed")
    for b in (1, 2):
        member(tar, f"pictures/batch_{b}.bin", bytes([b]) * (3073 * b))
