"""``caffe.io.Transformer``: from images to a net's input and back.

Source: Caffe python/caffe/io.py:97-290.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from netdef.caffe.resampling import resize_image
from netdef.errors import UsageError, suggestion


class Transformer:
    """Prepares ``(H, W, K)`` images for the inputs of a net.

    Parameters
    ----------
    inputs : dict
        The shape of each input blob: ``{"data": net.blobs["data"].data.shape}``.

    What `preprocess` does, in this order, where it is set: resize to the input's height and width, transpose,
    swap channels, multiply by the raw scale, subtract the mean, multiply by the input scale.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = inputs
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """An ``(H', W', K)`` image as float32 ``(K, H, W)``, ready for the input ``in_``."""
        self._check_input(in_)
        size = tuple(self.inputs[in_][2:])
        result = data.astype(np.float32)
        if result.shape[:2] != size:
            result = resize_image(result, size)
        if in_ in self.transpose:
            result = result.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            result = result[list(self.channel_swap[in_])]
        if self.raw_scale.get(in_) is not None:
            result = result * np.float32(self.raw_scale[in_])
        if in_ in self.mean:
            result = result - self.mean[in_].astype(np.float32)
        if self.input_scale.get(in_) is not None:
            result = result * np.float32(self.input_scale[in_])
        return result

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """An input ``(1, K, H, W)`` or ``(K, H, W)`` as an ``(H, W, K)`` image: `preprocess` undone, size aside.

        Differs from Caffe: a single channel keeps its axis; Caffe fails there.
        """
        self._check_input(in_)
        result = data[0].copy() if data.ndim == len(self.inputs[in_]) else data.copy()
        if self.input_scale.get(in_) is not None:
            result = result / self.input_scale[in_]
        if in_ in self.mean:
            result = result + self.mean[in_]
        if self.raw_scale.get(in_) is not None:
            result = result / self.raw_scale[in_]
        if in_ in self.channel_swap:
            result = result[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            result = result.transpose(np.argsort(self.transpose[in_]))
        return result

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """``(2, 0, 1)`` brings ``(H, W, K)`` to ``(K, H, W)``."""
        self._check_input(in_)
        expected = len(self.inputs[in_]) - 1
        if len(order) != expected:
            raise UsageError(
                "Transpose order needs to have the same number of dimensions as the input: "
                f"found {tuple(order)}, expected {expected} numbers."
            )
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """``(2, 1, 0)`` brings red, green, blue to blue, green, red; channels come first by then."""
        self._check_input(in_)
        expected = self.inputs[in_][1]
        if len(order) != expected:
            raise UsageError(
                "Channel swap needs to have the same number of dimensions as the input channels: "
                f"found {tuple(order)}, expected {expected} numbers."
            )
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """What pixels are multiplied by before the mean is subtracted: 255 for nets that know 0 to 255."""
        self._check_input(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """The mean to subtract: ``(K,)``, one number a channel, or ``(K, H, W)``, resized to the input's size.

        Raises: ValueError for a shape that does not fit.
        """
        self._check_input(in_)
        shape = tuple(self.inputs[in_][1:])
        if mean.ndim == 1:
            if len(mean) != shape[0]:
                raise ValueError(
                    f"Mean channels incompatible with input: found {len(mean)} numbers, expected {shape[0]}."
                )
            self.mean[in_] = mean[:, np.newaxis, np.newaxis]
            return
        planes = mean[np.newaxis] if mean.ndim == 2 else mean
        if planes.ndim != 3:
            raise ValueError(f"Mean shape invalid: found {mean.shape}, expected (K,), (H, W) or (K, H, W).")
        self.mean[in_] = mean if planes.shape == shape else _resized_mean(planes, shape)

    def set_input_scale(self, in_: str, scale: float) -> None:
        """What the input is multiplied by in the end, after the mean is subtracted."""
        self._check_input(in_)
        self.input_scale[in_] = scale

    def _check_input(self, in_: str) -> None:
        if in_ not in self.inputs:
            raise UsageError(
                f"{in_} is not one of the net inputs: {', '.join(self.inputs)}.{suggestion(in_, self.inputs)}"
            )


def _resized_mean(planes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    least, most = planes.min(), planes.max()
    if not most > least:
        return np.full((len(planes), *shape[1:]), least, np.float32)
    normal = (planes - least) / (most - least)
    return resize_image(normal.transpose(1, 2, 0), shape[1:]).transpose(2, 0, 1) * (most - least) + least
