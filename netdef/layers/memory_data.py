"""MemoryData: batches out of arrays that the caller holds. Source: Caffe src/caffe/layers/memory_data_layer.cpp."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence

import numpy as np

from netdef.data.transformer import DataTransformer
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import blob_shape


@register_layer("MemoryData")
class MemoryDataLayer(Layer):
    """Serves batches from arrays: those of `reset`, taken as they are, or images of `add_images`, transformed.

    Formula
        Forward pass number k gives items ``k * batch_size`` to ``(k + 1) * batch_size - 1`` and starts over after
        the last.
    Bottom / Top
        None → data ``(batch_size, channels, height, width)`` and labels ``(batch_size)``, which are
        ``(batch_size, 1, 1, 1)`` from the first forward pass on.
    Learnable
        None.
    Fields
        batch_size (items), channels, height and width (pixels): all positive · transform_param: for `add_images`.
    Raises
        LayerError when a size is missing, a forward pass comes before any data, the number of items is not a
        multiple of batch_size, an array has another shape, or images are added while others wait.
    Source
        Caffe memory_data_layer.cpp:11-120.
    Differs from Caffe
        Data of `reset` are read at each forward pass as in Caffe, unless their dtype or layout makes a copy
        necessary, which Caffe refuses.
    """

    num_bottom, num_top = exactly(0), exactly(2)
    is_data = True

    def layer_setup(self, bottom, top):
        fields = self.param.memory_data_param
        for name in ("batch_size", "channels", "height", "width"):
            if getattr(fields, name) == 0:
                self.fail(
                    f"{name} is 0 or missing; batch_size, channels, height and width must be positive. Give {name}.",
                    f"memory_data_param.{name}" if fields.HasField(name) else "memory_data_param",
                )
        self.batch_size = fields.batch_size
        sizes = (self.batch_size, fields.channels, fields.height, fields.width)
        self.item_shape = blob_shape(self, sizes, "memory_data_param")[1:]
        self.transformer = DataTransformer(self.param.transform_param, self.phase, self.stream, self.dtype)
        self.position = 0
        self.data: np.ndarray | None = None
        self.labels: np.ndarray | None = None
        self.has_new_data = False
        top[0].reshape(self.batch_size, *self.item_shape)
        top[1].reshape(self.batch_size)

    def forward(self, bottom, top):
        if self.data is None:
            self.fail(
                "has no data yet; arrays must be given before a forward pass. Call net.set_input_arrays(data, labels)."
            )
        batch = slice(self.position, self.position + self.batch_size)
        top[0].reshape(self.batch_size, *self.item_shape)
        top[1].reshape(self.batch_size, 1, 1, 1)  # memory_data_layer.cpp:111
        top[0].data[...] = self.data[batch]
        top[1].data.reshape(-1)[...] = self.labels[batch]
        self.position = (self.position + self.batch_size) % len(self.data)
        self.has_new_data = self.has_new_data and self.position != 0

    def reset(self, data: np.ndarray, labels: np.ndarray, n: int | None = None) -> None:
        """Serve ``data`` (n, channels, height, width) and ``labels`` (n elements) from the start.

        ``n`` takes the first n items only. No transformation is applied.
        """
        if self.param.HasField("transform_param"):
            warnings.warn(
                f'layer "{self.name}" (MemoryData): transform_param does not apply to arrays; '
                "transform them beforehand or call add_images.",
                stacklevel=2,
            )
        self._serve(np.asarray(data)[:n], np.asarray(labels).reshape(-1)[:n])
        self.has_new_data = False

    def add_images(self, images: Sequence[np.ndarray], labels: Sequence[float]) -> None:
        """Transform ``images``, each uint8 or float32 ``(C, H, W)``, by transform_param and serve them.

        Only when all images added before have been served.
        """
        self._refuse_while_waiting("images cannot be added")
        data = np.empty((len(images), *self.item_shape), self.dtype)
        self.transformer.transform(images, data)
        self._serve(data, np.asarray(labels).reshape(-1))
        self.has_new_data = True

    def set_batch_size(self, batch_size: int) -> None:
        """Serve ``batch_size`` items a time from the next forward pass on."""
        self._refuse_while_waiting("batch_size cannot change")
        if batch_size < 1:
            self.fail(f"batch_size {batch_size} was asked for; it must be at least 1. Raise it.")
        self.batch_size = batch_size

    def state(self) -> bytes:
        return struct.pack("<Q", self.position) + self.stream.state()

    def restore(self, state: bytes) -> None:
        (self.position,) = struct.unpack("<Q", state[:8])
        self.stream.restore(state[8:])

    def _refuse_while_waiting(self, what: str) -> None:
        if self.has_new_data:
            waiting = len(self.data) - self.position
            self.fail(f"{what} while {waiting} added images have not been served. Run forward until they have.")

    def _serve(self, data: np.ndarray, labels: np.ndarray) -> None:
        if data.shape[1:] != self.item_shape or len(data.shape) != 4:
            wanted = ", ".join(map(str, self.item_shape))
            self.fail(f"was given data of shape {data.shape}; expected (n, {wanted}). Reshape or resize them.")
        if len(labels) != len(data):
            self.fail(
                f"was given {len(data)} items and {len(labels)} labels; each item has one label. Make them equal."
            )
        if len(data) == 0 or len(data) % self.batch_size:
            self.fail(
                f"was given {len(data)} items; their number must be a positive multiple of batch_size "
                f"{self.batch_size}. Add or remove items, or change batch_size."
            )
        self.data = np.ascontiguousarray(data, self.dtype)
        self.labels = np.ascontiguousarray(labels, self.dtype)
        self.position = 0
