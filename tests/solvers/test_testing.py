"""Means over test batches, on a net that puts out what it is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from netdef.errors import SolverError
from solvers.log import quiet
from solvers.testing import run_test


class Batches:
    """A test net whose one output takes the given values, batch by batch."""

    outputs = ["accuracy"]
    blob_loss_weights = {"accuracy": 0.0}

    def __init__(self, *batches):
        self.batches = iter(batches)
        self.blobs = {"accuracy": SimpleNamespace(data=None)}

    def share_with(self, other):
        pass

    def run(self):
        self.blobs["accuracy"].data = np.array(next(self.batches), np.float32)
        return 0.0


def means(*batches):
    param = SimpleNamespace(
        test_iter=[len(batches)], test_compute_loss=False, debug_info=False, eval_type="classification"
    )
    solver = SimpleNamespace(
        test_nets=[Batches(*batches)], param=param, log=quiet(), iter=0, net=None, answer_during_test=lambda: False
    )
    return run_test(solver, 0)


def test_each_value_has_its_mean():
    assert means([1, 5], [3, 7]) == [("accuracy", 2), ("accuracy", 6)]


def test_outputs_that_change_their_number():
    with pytest.raises(SolverError) as error:
        means([1], [1, 2, 3])
    assert error.value.message == (
        "test net #0 put out 1 values and then 3; their means need as many from every batch. "
        "Let its outputs keep their shapes."
    )
