"""Inner product: ``top = bottom weight^T + bias`` and its gradients, as matrix products of flat arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdef.kernels import gemm
from netdef.kernels._jit import kernel
from netdef.kernels.plans import PARALLEL_FROM, slots_for

__all__ = ["InnerProductPlan", "add_column_sums", "fill_rows"]

PARTS = 2  # of the outputs, for the gradient of the bottom: as many as the cores of a small machine
PARTIAL_BYTES = 1 << 22  # of the sums of all parts: beyond, adding them takes long
READING = 8  # multiply-adds that take as long as fetching one weight: with few items, memory sets the pace


@kernel
def fill_rows(row, out):
    """``out[n, j] = row[j]``; ``out`` is flat."""
    for n in range(0, out.size, row.size):
        for j in range(row.size):
            out[n + j] = row[j]


@kernel
def add_column_sums(matrix, sums):
    """``sums[j] += sum_n matrix[n, j]``, from the first row to the last; ``matrix`` is flat."""
    for n in range(0, matrix.size, sums.size):
        for j in range(sums.size):
            sums[j] += matrix[n + j]


def _twin(function: Callable, slots: int) -> Callable:
    return function if slots > 1 else function.serial


class InnerProductPlan:
    """The calls for ``num`` items of ``depth`` values and ``num_output`` outputs.

    Weights are ``(num_output, depth)``, or ``(depth, num_output)`` where ``transposed``. All arrays are flat.
    ``scratch`` is a function like `netdef.layer.Layer.scratch`.
    """

    def __init__(
        self, num: int, depth: int, num_output: int, transposed: bool, dtype, scratch: Callable | None = None
    ) -> None:
        self.scratch = scratch
        self.num, self.depth, self.num_output, self.transposed = num, depth, num_output, transposed
        most = max(num, depth, num_output)
        self.zeros = np.zeros(most, dtype)
        self.single = np.arange(most)
        self.by_depth, self.by_output = self.single * depth, self.single * num_output

    def _slots(self) -> int:
        weights = self.depth * self.num_output
        return slots_for(weights * max(self.num, READING))

    def forward(self, bottom, weight, bias, top) -> None:
        """``top``; ``bias`` is None where there is none."""
        slots = self._slots()
        if not self.transposed:
            _twin(gemm.dot_rows, slots)(
                self.num, self.num_output, self.depth, bottom, weight, self.by_depth,
                self.zeros if bias is None else bias, slots, top,
            )  # fmt: skip
            return
        fill_rows(self.zeros[: self.num_output] if bias is None else bias, top)
        _twin(gemm.multiply_rows, slots)(
            self.num, self.num_output, self.depth, bottom, self.by_depth, self.single, weight, self.by_output,
            self.zeros, True, False, slots, top, self.by_output,
        )  # fmt: skip

    def backward_data(self, top_diff, weight, bottom_diff) -> None:
        """Overwrite ``bottom_diff``: ``top_diff weight``."""
        slots = self._slots()
        if self.transposed:
            _twin(gemm.dot_rows, slots)(
                self.num, self.depth, self.num_output, top_diff, weight, self.by_output, self.zeros, slots, bottom_diff
            )
            return
        if self._in_parts(bottom_diff):
            partial = self.scratch("partial", PARTS * bottom_diff.size)
            shares = -(-slots // PARTS)
            _twin(gemm.multiply_depths, slots)(
                self.num, self.depth, self.num_output, top_diff, self.by_output, self.single, weight, self.by_depth,
                self.zeros, PARTS, shares, partial, bottom_diff, self.by_depth,
            )  # fmt: skip
            return
        _twin(gemm.multiply_rows, slots)(
            self.num, self.depth, self.num_output, top_diff, self.by_output, self.single, weight, self.by_depth,
            self.zeros, False, False, slots, bottom_diff, self.by_depth,
        )  # fmt: skip

    def _in_parts(self, bottom_diff) -> bool:
        """Whether parts of the outputs are summed apart; this must not depend on the number of threads."""
        weights = self.depth * self.num_output
        fits = PARTS * bottom_diff.nbytes <= PARTIAL_BYTES and self.num_output >= PARTS
        return self.scratch is not None and fits and weights * max(self.num, READING) >= PARALLEL_FROM

    def backward_weight(self, bottom, top_diff, weight_diff, add: bool = True) -> None:
        """Write ``top_diff^T bottom``, or its transpose, to ``weight_diff``, or add it."""
        if not top_diff.size:
            if not add:
                weight_diff.fill(0)
            return
        slots = self._slots()
        if self.transposed:
            _twin(gemm.multiply_rows, slots)(
                self.depth, self.num_output, self.num, bottom, self.single, self.by_depth, top_diff, self.by_output,
                self.zeros, add, True, slots, weight_diff, self.by_output,
            )  # fmt: skip
            return
        _twin(gemm.multiply_rows, slots)(
            self.num_output, self.depth, self.num, top_diff, self.single, self.by_output, bottom, self.by_depth,
            self.zeros, add, True, slots, weight_diff, self.by_depth,
        )  # fmt: skip
