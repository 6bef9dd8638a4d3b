"""Average pooling of many planes, as sums over windows with planes side by side; see `netdef.kernels.lane_windows`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdef.kernels._lanes import VECTOR_BYTES
from netdef.kernels.depthwise3 import sum_windows_3x3
from netdef.kernels.lane_windows import LaneWindows

__all__ = ["AveragePlan"]

MOST_TAPS = 64  # of larger windows, sums of rows that are then added are cheaper


class AveragePlan:
    """The calls for so many ``planes``; ``geometry`` is that of `netdef.kernels.pooling`, ``scratch`` a layer's."""

    def __init__(self, planes: int, geometry: tuple[int, ...], dtype, scratch: Callable) -> None:
        axes = [(*geometry[i:8:2], 1, geometry[8 + i]) for i in range(2)]
        self.windows = LaneWindows(1, planes, *axes, dtype, scratch)
        sizes = [self._extents(*axis) for axis in axes]
        with np.errstate(divide="ignore"):  # a window that lies wholly behind the image has no size
            self.shares = (1 / np.outer(*sizes).reshape(-1)).astype(dtype)
        _, kernel, stride, pad, _, _ = zip(*axes)
        self.three = kernel == (3, 3) and stride in ((1, 1), (2, 2)) and np.ptp(self.shares) == 0
        self.weight, self.zero = np.full(9, self.shares[0]), np.zeros(1, dtype)
        self.pad, self.stride, self.unfinished = pad, stride[0], np.empty((0, 0), dtype)
        self.spatial, self.pooled = geometry[:2], geometry[8:]

    @staticmethod
    def fits(planes: int, geometry: tuple[int, ...], itemsize: int) -> bool:
        """Whether vectors of planes are quicker here than vectors of columns."""
        _, _, kernel_h, kernel_w, *_, pooled_height, pooled_width = geometry
        return 2 * planes * itemsize > VECTOR_BYTES and kernel_h * kernel_w <= MOST_TAPS and (
            pooled_height * pooled_width > 1
        )  # fmt: skip

    @staticmethod
    def _extents(size, kernel, stride, pad, _, outputs) -> np.ndarray:
        """Pixels of each window along an axis, those in the padding counted too (pooling_layer.cpp:208-216)."""
        return np.minimum(kernel, size + pad - (np.arange(outputs) * stride - pad)).astype(np.float64)

    def forward(self, bottom, slots: int, top) -> None:
        """``top``: the mean of each window; arrays are flat."""
        if self.three:
            run = sum_windows_3x3 if slots > 1 else sum_windows_3x3.serial
            run(
                bottom,
                self.weight,
                self.zero,
                self.spatial,
                self.pad,
                self.stride,
                False,
                self.pooled,
                self.unfinished,
                top,
            )
            return
        self.windows.run(False, slots, bottom, None, None, top, after=self.shares)

    def backward(self, top_diff, slots: int, bottom_diff) -> None:
        """Overwrite ``bottom_diff``: each output's gradient over its window's size, for every pixel of the window."""
        if self.three and self.stride == 1:
            pad = 2 - self.pad[0], 2 - self.pad[1]
            run = sum_windows_3x3 if slots > 1 else sum_windows_3x3.serial
            run(top_diff, self.weight, self.zero, self.pooled, pad, 1, True, self.spatial, self.unfinished, bottom_diff)
            return
        self.windows.run(True, slots, top_diff, None, None, bottom_diff, before=self.shares)
