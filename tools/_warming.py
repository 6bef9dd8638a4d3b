"""Compiles kernels in processes of their own: what the workers of ``netdef warmup`` do.

A task is a dictionary that travels as one line of JSON; see the functions behind `KINDS`. Kernels are compiled by
running what needs them, on zeros and small numbers, so that nothing here has to know which kernels there are.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from netdef.errors import NetdefError

if TYPE_CHECKING:
    from netdef.net import Net

LARGEST = 1 << 26  # bytes of a blob; a net with larger ones is run with a smaller batch
SOLVER = """
net_param {
  layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
  layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
  layer { name: "loss" type: "Reduction" bottom: "ip" top: "loss" loss_weight: 1 }
}
base_lr: 0.1 lr_policy: "fixed" max_iter: 1 clip_gradients: 1 snapshot_after_train: false
"""


def layers_of_net(task: dict) -> None:
    """Layers of some types in a net: ``net`` (its text), ``phase``, ``types``, ``part``, ``dtype``.

    The parts are forward, weights and data, the last two being the gradients of either; or all.
    """
    from netdef.chains import find_chains

    net = _net(task["net"], task["phase"], task["dtype"])
    part = task["part"]
    chains = find_chains(net.steps) if part in ("all", "forward") else {}
    for number, step in enumerate(net.steps):
        if step.node.type not in task["types"]:
            continue
        if part in ("all", "forward"):
            step.layer.forward(step.bottom, step.top)
        if number in chains:
            chains[number].forward()
        if part != "forward" and step.needs_backward:
            learns, down = step.layer.param_propagate_down, step.bottom_needs_backward
            step.layer.param_propagate_down = [one and part != "data" for one in learns]
            step.layer.backward(step.top, [one and part != "weights" for one in down], step.bottom)
            step.layer.param_propagate_down = learns


@lru_cache(maxsize=1)
def _net(text: str, phase: int, dtype: str) -> Net:
    from netdef.net import Net
    from prototxt import parse_net

    net = Net(parse_net(text), phase, dtype=dtype)
    largest = max((blob.count for blob in net.blobs.values()), default=0) * net.dtype.itemsize
    for name in net.inputs if largest > LARGEST else []:
        blob = net.blobs[name]
        blob.reshape(max(1, blob.shape[0] * LARGEST // largest), *blob.shape[1:])
    net.reshape()
    return net


def example_layer(task: dict) -> None:
    """The examples of a layer type (``type``, ``dtype``), forward and backward."""
    import numpy as np

    from prototxt import schema
    from tools.layer_examples import NO_GRADIENT, examples

    for example in examples(task["type"]):
        for phase in (schema.TRAIN, schema.TEST):
            layer, bottom, top = example.layer(np.dtype(task["dtype"]), phase)
            layer.reshape(bottom, top)
            layer.forward(bottom, top)
            if phase == schema.TRAIN and task["type"] not in NO_GRADIENT:
                down = [layer.allow_force_backward(i) for i in range(len(bottom))]
                layer.backward(top, down, bottom)
            layer.close()


def update_rule(task: dict) -> None:
    """One step of a solver (``type``, ``dtype``), with gradients clipped."""
    from prototxt import parse_solver
    from solvers import get_solver

    get_solver(parse_solver(f'type: "{task["type"]}" {SOLVER}'), dtype=task["dtype"]).step(1)


def data_layer(task: dict) -> None:
    """A data layer on a small database, with a random crop and mirror and without; an image at another size."""
    import tempfile

    import numpy as np

    from netdef.data.datum import encode_datum
    from netdef.data.image import resize_pixels
    from netdef.data.lmdb_writer import LmdbWriter
    from netdef.net import Net
    from prototxt import parse_net, schema

    resize_pixels(np.zeros((3, 6, 5), np.uint8), 4, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lmdb")
        with LmdbWriter(path) as writer:
            for number in range(2):
                writer.put(str(number), encode_datum(np.full((3, 6, 5), number, np.uint8), number))
        source = f"data_param {{ source: {json.dumps(path)} backend: LMDB batch_size: 2 }}"
        for fields in ("scale: 0.5", "crop_size: 4 mirror: true mean_value: 1"):
            text = f'layer {{ name: "d" type: "Data" top: "d" top: "l" {source} transform_param {{ {fields} }} }}'
            with Net(parse_net(text), schema.TRAIN, dtype=task["dtype"]) as net:
                net.run()


def start(task: dict) -> None:
    """What every other task needs."""
    import netdef.net  # noqa: F401  (compiles what is compiled when it is loaded)


def make_plan(task: dict) -> list[dict]:
    """The tasks of a ``request``."""
    from tools._warm_tasks import plan

    return plan(task["request"])


def twins(task: dict) -> None:
    """The twins, for one thread and for many, of all kernels that this process has run."""
    from netdef.kernels._jit import compile_twins

    compile_twins()


KINDS: dict[str, Callable[[dict], object]] = {
    "start": start,
    "plan": make_plan,
    "net": layers_of_net,
    "example": example_layer,
    "rule": update_rule,
    "data": data_layer,
    "twins": twins,
}


def main() -> None:
    """Work off the tasks on stdin, one a line; answer each with a line: what went wrong, or "", and the result."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a layer prints shall not come between
    for line in sys.stdin:
        task = json.loads(line)
        answer = {"trouble": "", "result": None}
        try:
            answer["result"] = KINDS[task["kind"]](task)
        except (NetdefError, OSError) as error:
            answer["trouble"] = str(error)
        except Exception as error:  # what this task needs will be compiled when a run needs it
            answer["trouble"] = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
