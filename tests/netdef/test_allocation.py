"""After its first passes a net takes no new memory: neither arrays nor what kernels allocate."""

import tracemalloc

import pytest
from numba.core.runtime import _nrt_python, rtsys

from netdef.kernels.calls import CAN_REPEAT
from netdef.net import Net
from prototxt import load_net, parse_solver, schema
from solvers import get_solver

MOST_BYTES = 3000  # what Python itself may take for a moment: numbers, tuples, views of arrays
MOST_BYTES_OF_A_STEP = 30000  # with the arguments of some sixty calls of kernels; the least blob of LeNet's has 40 kB

DATA = (
    'layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param { '
    "shape { dim: 8 dim: 1 dim: 28 dim: 28 } shape { dim: 8 } "
    'data_filler { type: "gaussian" } data_filler { type: "constant" value: 3 } } } '
)


def lenet_solver():
    """LeNet with its loss on made-up data, and its solver."""
    document = load_net("prototxt/models/lenet_train_test.prototxt")
    layers = [layer for layer in document.message.layer if layer.type not in ("Data", "Accuracy")]
    net = DATA + " ".join(f"layer {{ {layer} }}" for layer in layers)
    return get_solver(
        parse_solver(
            f"net_param {{ {net} }} base_lr: 0.001 lr_policy: 'inv' gamma: 0.0001 power: 0.75 momentum: 0.9 "
            "weight_decay: 0.0005 max_iter: 100000 random_seed: 1"
        )
    )


def memory_taken(run, passes):
    """``(bytes of Python's and NumPy's memory, allocations by kernels that were not freed)`` of ``passes`` calls."""
    _nrt_python.memsys_enable_stats()
    tracemalloc.start()
    try:
        run()
        before, kernels_before = tracemalloc.get_traced_memory()[0], rtsys.get_allocation_stats()
        tracemalloc.reset_peak()
        for _ in range(passes):
            run()
        peak, kernels = tracemalloc.get_traced_memory()[1], rtsys.get_allocation_stats()
    finally:
        tracemalloc.stop()
        _nrt_python.memsys_disable_stats()
    return peak - before, kernels.mi_alloc - kernels_before.mi_alloc


@pytest.mark.skipif(not CAN_REPEAT, reason="without compilation kernels make arrays as Python does")
def test_inference():
    net = Net(load_net("prototxt/models/lenet.prototxt"), schema.TEST, seed=1)
    net.blobs["data"].reshape(3, 1, 28, 28)
    net.reshape()
    for _ in range(3):
        net.run()
    grown, allocations = memory_taken(net.run, 5)
    assert grown < MOST_BYTES and allocations == 0
    assert not any(blob.has_diff for _, blob in net.named_blobs())
    assert not any(blob.has_diff for blobs in net.params.values() for blob in blobs)


def test_training():
    solver = lenet_solver()
    solver.step(3)
    buffers = [id(array) for _, blob in solver.net.named_blobs() for array in (blob.data, blob.diff)]
    grown, _ = memory_taken(lambda: solver.step(1), 4)
    assert grown < MOST_BYTES_OF_A_STEP
    assert buffers == [id(array) for _, blob in solver.net.named_blobs() for array in (blob.data, blob.diff)]
