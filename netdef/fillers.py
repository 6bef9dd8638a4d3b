"""Fillers: the values that a parameter has before the first step.

    check_filler(filler_param, shape)           is this filler able to fill that shape? Fills nothing.
    fill(filler_param, array, stream)           fill it

Random fillers draw from the stream alone: same key and counter, same values.
Source: Caffe include/caffe/filler.hpp.
"""

from __future__ import annotations

from math import ceil, prod, sqrt
from typing import NoReturn

import numpy as np

from netdef.digit_bitmaps import digit_bitmaps
from netdef.errors import LayerError
from netdef.random import Stream
from netdef.registry import Registry
from prototxt import schema

FILLERS: Registry[type[Filler]] = Registry("filler type")


def check_filler(filler_param: schema.FillerParameter, shape: tuple[int, ...]) -> None:
    """Raise a LayerError, its ``field`` relative to the filler, where ``filler_param`` cannot fill ``shape``."""
    _filler(filler_param).check(tuple(shape))


def fill(filler_param: schema.FillerParameter, array: np.ndarray, stream: Stream) -> None:
    """Fill ``array`` (float32 or float64, C-contiguous) in place.

    ``filler_param`` is a FillerParameter. Errors as `check_filler`.
    """
    filler = _filler(filler_param)
    filler.check(array.shape)
    filler.fill(array, stream)


def _filler(filler_param) -> Filler:
    if filler_param.type not in FILLERS:
        raise LayerError(FILLERS.unknown(filler_param.type), "type")
    return FILLERS.get(filler_param.type)(filler_param)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """``(fan_in, fan_out)`` of a parameter whose first axis is outputs and second axis inputs.

    fan_in = count / shape[0], fan_out = count / shape[1], or count for a vector (filler.hpp:150-154).
    """
    count = prod(shape)
    return count // shape[0], count // shape[1] if len(shape) > 1 else count


class Filler:
    """The base of all fillers: ``check`` judges field and shape, ``fill`` writes the values."""

    takes_sparse = False
    least_axes = 0

    def __init__(self, param: schema.FillerParameter) -> None:
        self.param = param

    def check(self, shape: tuple[int, ...]) -> None:
        if prod(shape) == 0:
            self.fail(f"got shape {shape}, which has no elements; every size must be at least 1.")
        if len(shape) < self.least_axes:
            self.fail(
                f"got shape {shape}; it needs at least {self.least_axes} axis, the outputs. "
                'Choose the type "constant", "uniform" or "gaussian".',
                "type",
            )
        if self.param.sparse != -1 and not self.takes_sparse:
            self.fail(
                f'got sparse {self.param.sparse}; only the type "gaussian" can be sparse. Take sparse away.', "sparse"
            )

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        """Write every element of ``array``."""

    def fan(self, shape: tuple[int, ...]) -> float:
        """The number of units by which xavier and msra divide, chosen by ``variance_norm``."""
        fan_in, fan_out = fans(shape)
        if self.param.variance_norm == schema.FillerParameter.AVERAGE:
            return (fan_in + fan_out) / 2
        return float(fan_out if self.param.variance_norm == schema.FillerParameter.FAN_OUT else fan_in)

    def fail(self, message: str, field: str = "") -> NoReturn:
        raise LayerError(f'the filler "{self.param.type}" {message}', field)


@FILLERS.register("constant")
class ConstantFiller(Filler):
    """Every element is ``value`` (default 0). filler.hpp:30."""

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        array[...] = self.param.value


@FILLERS.register("uniform")
class UniformFiller(Filler):
    """Uniform between ``min`` and ``max`` (default 0 and 1). filler.hpp:50."""

    def check(self, shape: tuple[int, ...]) -> None:
        super().check(shape)
        low, high = self.param.min, self.param.max
        if not low <= high:
            self.fail(f"got min {low:g} and max {high:g}; min must not be above max. Swap them.", "min")

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        _fill_uniform(array, self.param.min, self.param.max, stream)


@FILLERS.register("gaussian")
class GaussianFiller(Filler):
    """Normal with ``mean`` (0) and ``std`` (1); ``sparse`` n keeps each element with probability n / shape[0].

    Source: filler.hpp:65-91.
    """

    takes_sparse = True

    def check(self, shape: tuple[int, ...]) -> None:
        super().check(shape)
        std, sparse = self.param.std, self.param.sparse
        if not std > 0:
            self.fail(f'got std {std:g}; it must be greater than 0. Use "constant" for equal values.', "std")
        if sparse < -1:
            self.fail(f"got sparse {sparse}; it must be -1, for none, or a number of weights.", "sparse")
        if sparse >= 0 and not shape:
            self.fail(f"got sparse {sparse} for the shape (); it needs at least 1 axis. Take sparse away.", "sparse")
        if shape and sparse > shape[0]:
            self.fail(
                f"got sparse {sparse} for the shape {shape}; it must be at most the first size, {shape[0]}.", "sparse"
            )

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        generator = stream.generator()
        _fill_gaussian(array, self.param.mean, self.param.std, generator)
        if self.param.sparse >= 0:
            array *= generator.random(array.shape, dtype=np.float32) < self.param.sparse / array.shape[0]


@FILLERS.register("positive_unitball")
class PositiveUnitballFiller(Filler):
    """Uniform in [0, 1), then divided so that the values of each ``array[i]`` add up to 1. filler.hpp:101."""

    least_axes = 1

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        _fill_uniform(array, 0.0, 1.0, stream)
        rows = array.reshape(array.shape[0], -1)
        rows /= rows.sum(axis=1, keepdims=True)


@FILLERS.register("xavier")
class XavierFiller(Filler):
    """Uniform in [-a, a], a = sqrt(3 / n), n = fan_in, fan_out or their mean by ``variance_norm``.

    Source: filler.hpp:144-169; Glorot and Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010.
    """

    least_axes = 1

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        limit = sqrt(3.0 / self.fan(array.shape))
        _fill_uniform(array, -limit, limit, stream)


@FILLERS.register("msra")
class MSRAFiller(Filler):
    """Normal, mean 0, variance 2 / n, n = fan_in, fan_out or their mean by ``variance_norm``.

    Source: filler.hpp:189-214; He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.
    """

    least_axes = 1

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        _fill_gaussian(array, 0.0, sqrt(2.0 / self.fan(array.shape)), stream.generator())


@FILLERS.register("bilinear")
class BilinearFiller(Filler):
    """The same kernel of bilinear interpolation in every ``array[i, j]``, for upsampling by Deconvolution.

    For a kernel of width K: f = ceil(K / 2), c = (K - 1) / (2 f),
    value(y, x) = (1 - |x / f - c|) (1 - |y / f - c|). Source: filler.hpp:250-268.
    """

    def check(self, shape: tuple[int, ...]) -> None:
        super().check(shape)
        if len(shape) != 4 or shape[2] != shape[3]:
            self.fail(
                f"got shape {shape}; it fills blobs of 4 axes with square kernels, such as (3, 1, 4, 4). "
                "Choose another type or a square kernel.",
                "type",
            )

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        width = array.shape[3]
        factor = ceil(width / 2)
        centre = (width - 1) / (2 * factor)
        ramp = 1 - np.abs(np.arange(width) / factor - centre)
        array[...] = np.outer(ramp, ramp)


@FILLERS.register("digit_bitmaps")
class DigitBitmapsFiller(Filler):
    """Row i is the digit i, 7x12 pixels of 1 (ink) and -1: targets of LeNet-5's RBF units. netdef's own."""

    def check(self, shape: tuple[int, ...]) -> None:
        super().check(shape)
        if tuple(shape) != (10, 84):
            self.fail(
                f"got shape {tuple(shape)}; it fills (10, 84) alone, ten digits of 7x12 pixels. Give the layer "
                "num_output 10 and 84 inputs, or choose another type.",
                "type",
            )

    def fill(self, array: np.ndarray, stream: Stream) -> None:
        array[...] = digit_bitmaps()


def _fill_uniform(array: np.ndarray, low: float, high: float, stream: Stream) -> None:
    stream.generator().random(dtype=array.dtype, out=array)
    array *= high - low
    array += low


def _fill_gaussian(array: np.ndarray, mean: float, std: float, generator: np.random.Generator) -> None:
    generator.standard_normal(dtype=array.dtype, out=array)
    array *= std
    array += mean
