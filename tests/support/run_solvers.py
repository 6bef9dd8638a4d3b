"""A process that trains every type of solver for a test: ``python -m tests.support.run_solvers FOLDER WHAT THREADS``.

WHAT is ``whole`` (2n iterations), ``first`` (n iterations and a snapshot) or ``second`` (from the snapshot n more).
Each trains with two batches an iteration and with one, where parameters are updated on the way back. The net reads
a database, HDF5 files, a shuffled list of images and memory at once, crops and mirrors at random and has a Dropout
layer. A digest of all parameters and of the history goes to the standard output, by type and iter_size, as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

import h5py
import numpy as np
from PIL import Image

from netdef.kernels._jit import set_threads
from solvers import SOLVERS, sgd
from tests.support.databases import pictures, write_lmdb
from tests.support.solvers import everything, tiny_solver

HALF = 5
ITEMS = 12
FIELDS = {"SGD": "momentum: 0.9", "Nesterov": "momentum: 0.9", "AdaDelta": "momentum: 0.9 delta: 1e-3"}
CROP = "transform_param { crop_size: 4 mirror: true scale: 0.01 }"
NET = f"""
  layer {{ name: "lmdb" type: "Data" top: "lmdb" top: "label" {CROP}
    data_param {{ source: "lmdb" batch_size: 5 backend: LMDB }} }}
  layer {{ name: "list" type: "ImageData" top: "list" top: "list_label" {CROP}
    image_data_param {{ source: "images.txt" batch_size: 5 shuffle: true }} }}
  layer {{ name: "hdf5" type: "HDF5Data" top: "table" top: "table_label"
    hdf5_data_param {{ source: "hdf5.txt" batch_size: 5 shuffle: true }} }}
  layer {{ name: "memory" type: "MemoryData" top: "memory" top: "memory_label"
    memory_data_param {{ batch_size: 5 channels: 3 height: 4 width: 4 }} }}
  layer {{ name: "quiet" type: "Silence" bottom: "list_label" bottom: "table_label" bottom: "memory_label" }}
  layer {{ name: "all" type: "Concat" bottom: "lmdb" bottom: "list" bottom: "table" bottom: "memory" top: "all" }}
  layer {{ name: "conv" type: "Convolution" bottom: "all" top: "conv"
    convolution_param {{ num_output: 6 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
  layer {{ name: "drop" type: "Dropout" bottom: "conv" top: "conv" }}
  layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
    inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
  layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""


def write_data() -> None:
    """The sources, in the working directory."""
    images = pictures(ITEMS)
    write_lmdb("lmdb", images, labels=[i % 2 for i in range(ITEMS)])
    for number, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(f"{number}.png")
    with open("images.txt", "w", encoding="utf-8") as listed:
        listed.writelines(f"{number}.png {number % 2}\n" for number in range(ITEMS))
    with open("hdf5.txt", "w", encoding="utf-8") as listed:
        for part in range(2):
            with h5py.File(f"{part}.h5", "w") as file:
                file["table"] = images[part::2, :, :4, :4] / np.float32(100)
                file["table_label"] = np.zeros(ITEMS // 2, np.float32)
            listed.write(f"{part}.h5\n")


def train(kind: str, iter_size: int, what: str) -> str:
    """Train one type of solver; returns the digest of everything in it."""
    prefix = f"{kind}{iter_size}"
    fields = f'type: "{kind}" {FIELDS.get(kind, "")} iter_size: {iter_size} random_seed: 7 snapshot_prefix: "{prefix}"'
    with tiny_solver(fields, NET) as solver:
        memory = pictures(15, height=4, width=4) / np.float32(100)
        solver.net.layer_dict["memory"].reset(memory, np.zeros(15))
        if what == "second":
            solver.restore(f"{prefix}_iter_{HALF}.solverstate")
        solver.step(2 * HALF if what == "whole" else HALF)
        if what == "first":
            solver.snapshot()
        found = everything(solver)
    return hashlib.sha256(b"".join(found[name] for name in sorted(found))).hexdigest()


if __name__ == "__main__":
    folder, what, threads = sys.argv[1:]
    os.chdir(folder)
    set_threads(int(threads))
    sgd._PARALLEL_FROM = 16  # the small parameters of this net shall count as large
    print(json.dumps({f"{kind} {size}": train(kind, size, what) for kind in SOLVERS for size in (1, 2)}))
