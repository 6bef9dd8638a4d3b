"""pycaffe's names over netdef: ``import netdef.caffe as caffe``.

Source: Caffe python/caffe/__init__.py, python/caffe/_caffe.cpp.
"""

from __future__ import annotations

import os

from netdef.blob import Blob
from netdef.layer import LAYERS, Layer
from netdef.net import Net as _Net
from netdef.random import set_default_seed as set_random_seed
from prototxt.schema import TEST, TRAIN
from solvers import get_solver

__all__ = [
    "Blob",
    "Layer",
    "Net",
    "TEST",
    "TRAIN",
    "get_solver",
    "layer_type_list",
    "set_device",
    "set_mode_cpu",
    "set_random_seed",
]


class Net(_Net):
    """``Net(network_file, phase, level=0, stages=None, weights=None)``.

    The older order ``Net(network_file, weights, phase)`` is understood too.
    """

    def __init__(self, network_file, *args, phase=None, weights=None, level=0, stages=None) -> None:
        positional = list(args)
        if positional and isinstance(positional[0], (str, os.PathLike)):
            weights = positional.pop(0)
        names = ("phase", "level", "stages", "weights")
        values = {"phase": phase, "level": level, "stages": stages, "weights": weights}
        values.update(zip(names, positional))
        if values["phase"] is None:
            raise TypeError("Net() needs a phase: caffe.TRAIN or caffe.TEST")
        super().__init__(str(network_file), **values)

    @property
    def _layer_names(self) -> list[str]:
        return self.layer_names

    def _forward(self, start: int, end: int) -> float:
        return self.forward_from_to(start, end)

    def _backward(self, start: int, end: int) -> None:
        self.backward_from_to(start, end)


def set_mode_cpu() -> None:
    """Kernels run on the CPU: the only mode there is, so nothing changes."""


def set_device(device: int) -> None:
    """Accepted for the sake of old scripts; kernels run on the CPU."""


def layer_type_list() -> list[str]:
    """The registered layer types, sorted."""
    return LAYERS.names()
