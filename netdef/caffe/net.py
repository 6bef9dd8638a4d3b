"""``caffe.Net``: pycaffe's constructor, hooks and private names over `netdef.net.Net`.

Source: Caffe python/caffe/_caffe.cpp:106-190, 292-320, 380-427, python/caffe/pycaffe.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from netdef.caffe.errors import CaffeError, check_file
from netdef.caffe.switches import LOG
from netdef.net import NOTHING
from netdef.net import Net as _Net
from prototxt import Document

Hook = Callable[[int], object]


class Net(_Net):
    """``Net(network_file, phase, level=0, stages=None, weights=None)``.

    Parameters
    ----------
    network_file : str or path
        A prototxt.
    phase : int
        ``caffe.TRAIN`` or ``caffe.TEST``.
    level : int
    stages : list of str, optional
    weights : str or path, optional
        A ``.caffemodel`` or ``.caffemodel.h5``.

    The older order ``Net(network_file, weights, phase)`` is understood too, with a warning in the log.

    Raises
    ------
    RuntimeError
        Where a file does not exist.
    NetdefError
        With ``file:line:column``, for anything wrong in the definition or the weights.
    """

    def __init__(self, network_file: str | os.PathLike[str] | Document, *args: Any, **options: Any) -> None:
        self._hooks: dict[str, list[Hook]] = {
            "before_forward": [], "after_forward": [], "before_backward": [], "after_backward": []
        }  # fmt: skip
        positional = list(args)
        if len(positional) == 2 and isinstance(positional[0], (str, os.PathLike)):
            options["weights"], options["phase"] = positional
            positional = []
            self._warn(network_file, options)
        options.update(zip(("phase", "level", "stages", "weights"), positional))
        if options.get("phase") is None:
            raise TypeError("Net() needs a phase: caffe.TRAIN or caffe.TEST")
        check_file(network_file)
        check_file(options.get("weights"))
        super().__init__(network_file, **options)

    @staticmethod
    def _warn(network_file, options: dict) -> None:
        LOG.warning("_caffe.cpp:139", "DEPRECATION WARNING - deprecated use of Python interface")
        LOG.warning("_caffe.cpp:140", 'Use this instead (with the named "weights" parameter):')
        call = f"Net('{network_file}', {options['phase']}, weights='{options['weights']}')"
        LOG.warning("_caffe.cpp:142", call)

    # -- files ---------------------------------------------------------------------------------------------

    def save_hdf5(self, filename: str | os.PathLike[str]) -> None:
        """Write the parameters as HDF5 (``.caffemodel.h5``), whole or not at all."""
        from netdef.weights.hdf5 import write_weights  # loads h5py, which few runs need

        owned = {(id(p.layer), p.index): p.owner is None for p in self.parameters.all}
        layers = [
            (step.node.name, step.layer.blobs, [owned[id(step.layer), i] for i in range(len(step.layer.blobs))])
            for step in self.steps
        ]
        write_weights(filename, layers)

    def load_hdf5(self, filename: str | os.PathLike[str]) -> None:
        """Copy the parameters out of an HDF5 file."""
        self.copy_from(filename)

    # -- passes --------------------------------------------------------------------------------------------

    def before_forward(self, run: Hook) -> None:
        """Have ``run(layer_index)`` called before each layer's forward pass."""
        self._hooks["before_forward"].append(run)

    def after_forward(self, run: Hook) -> None:
        """Have ``run(layer_index)`` called after each layer's forward pass."""
        self._hooks["after_forward"].append(run)

    def before_backward(self, run: Hook) -> None:
        """Have ``run(layer_index)`` called before each layer's backward pass."""
        self._hooks["before_backward"].append(run)

    def after_backward(self, run: Hook) -> None:
        """Have ``run(layer_index)`` called after each layer's backward pass."""
        self._hooks["after_backward"].append(run)

    def forward_from_to(self, start: int, end: int) -> float:
        """Run layers ``start`` to ``end``, both included, and the hooks; returns the loss of those layers."""
        before, after = self._hooks["before_forward"], self._hooks["after_forward"]
        if not before and not after:
            return super().forward_from_to(start, end)
        loss = 0.0
        for index in range(start, end + 1):
            _call(before, index)
            loss += super().forward_from_to(index, index)
            _call(after, index)
        return loss

    @property
    def backward_is_watched(self) -> bool:
        """Whether hooks or Python layers run during the backward pass: they may look at gradients and change them."""
        return bool(self._hooks["before_backward"] or self._hooks["after_backward"]) or super().backward_is_watched

    def backward_from_to(self, start: int, end: int, after: Mapping[int, Callable[[], None]] = NOTHING) -> None:
        """Run layers ``start`` down to ``end`` backward, and the hooks."""
        hooks_before, hooks_after = self._hooks["before_backward"], self._hooks["after_backward"]
        if not hooks_before and not hooks_after:
            super().backward_from_to(start, end, after)
            return
        for index in range(start, end - 1, -1):
            _call(hooks_before, index)
            super().backward_from_to(index, index, after)
            _call(hooks_after, index)

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Hand data ``(N, channels, height, width)`` and labels ``(N,)`` to the MemoryData layer.

        Raises RuntimeError unless both are float32 and C-contiguous, of the layer's shape, N a multiple of its batch.
        """
        if not self.layers or self.layers[0].type != "MemoryData":
            raise CaffeError("set_input_arrays may only be called if the first layer is a MemoryDataLayer")
        param = self.layers[0].param.memory_data_param
        labels = labels.reshape(-1, 1, 1, 1) if labels.ndim == 1 else labels
        _check_array(data, "data array", (param.channels, param.height, param.width))
        _check_array(labels, "labels array", (1, 1, 1))
        if len(data) != len(labels):
            raise CaffeError(
                f"data and labels must have the same first dimension; found {len(data)} and {len(labels)}."
            )
        if len(data) % param.batch_size:
            raise CaffeError(
                f"first dimensions of input arrays must be a multiple of batch size; "
                f"found {len(data)}, and the batch size is {param.batch_size}."
            )
        super().set_input_arrays(data, labels.reshape(-1))

    # -- pycaffe's private names, which scripts use all the same -------------------------------------------

    @property
    def _layer_names(self) -> list[str]:
        return self.layer_names

    @property
    def _inputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.outputs]

    @property
    def _blob_loss_weights(self) -> list[float]:
        return list(self.blob_loss_weights.values())

    def _top_ids(self, layer_index: int) -> list[int]:
        return list(self.steps[layer_index].top_ids)

    def _bottom_ids(self, layer_index: int) -> list[int]:
        return list(self.steps[layer_index].bottom_ids)

    def _forward(self, start: int, end: int) -> float:
        return self.forward_from_to(start, end)

    def _backward(self, start: int, end: int) -> None:
        self.backward_from_to(start, end)

    def _batch(self, blobs: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        return self._batches(blobs)

    def _set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        self.set_input_arrays(data, labels)


def _call(hooks: list[Hook], index: int) -> None:
    for run in hooks:
        run(index)


def _check_array(array: np.ndarray, what: str, shape: tuple[int, int, int]) -> None:
    """RuntimeError, with pycaffe's words in front, unless ``array`` is float32 ``(N, *shape)`` in C order."""
    if not array.flags.c_contiguous:
        raise CaffeError(f"{what} must be C contiguous; use np.ascontiguousarray.")
    if array.ndim != 4:
        raise CaffeError(f"{what} must be 4-d; found shape {array.shape}, expected (N, {', '.join(map(str, shape))}).")
    if array.dtype != np.float32:
        raise CaffeError(f"{what} must be float32; found {array.dtype}. Use astype(np.float32).")
    for name, found, expected in zip(("number of channels", "height", "width"), array.shape[1:], shape):
        if found != expected:
            raise CaffeError(f"{what} has wrong {name}: found {found}, expected {expected}.")
