"""``caffe.coord_map``: where a pixel of one blob lies in another, for nets written with `net_spec`.

A map is ``(axis, scale, shift)``: coordinate ``i`` along the spatial axes from ``axis`` + 1 on goes to
``scale * i + shift``. ``axis`` is None for layers that leave coordinates alone.
Source: Caffe python/caffe/coord_map.py.
"""

from __future__ import annotations

import numpy as np

from netdef.caffe.net_spec import Function, Top
from netdef.caffe.net_spec import layers as L

PASS_THROUGH_LAYERS = [
    "AbsVal", "BatchNorm", "Bias", "BNLL", "Dropout", "Eltwise", "ELU", "Log", "LRN", "Exp", "MVN", "Power",
    "ReLU", "PReLU", "Scale", "Sigmoid", "Split", "TanH", "Threshold",
]  # fmt: skip
Map = tuple[int | None, float | np.ndarray, float | np.ndarray]  # (axis, scale, shift)
_LEGACY = {"pad_h", "pad_w", "kernel_h", "kernel_w", "stride_h", "stride_w"}
_IDENTITY = (None, 1, 0)


class UndefinedMapException(Exception):  # noqa: N818  (pycaffe's name)
    """A layer whose outputs have no place in its input."""


class AxisMismatchException(Exception):  # noqa: N818  (pycaffe's name)
    """Maps along different axes, which cannot be put one after the other."""


class CropError(AssertionError):
    """Blobs that a Crop layer cannot align."""


def conv_params(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """(axis, stride, extent of the kernel, pad) of a sliding window, arrays but for the axis."""
    fields = fn.params.get("convolution_param", fn.params)
    legacy = _LEGACY & set(fn.params)
    if legacy:
        raise CropError(f"cropping does not support legacy _h/_w params; found {', '.join(sorted(legacy))}")
    kernel, dilation = _vector(fields["kernel_size"]), _vector(fields.get("dilation", 1))
    extent = (kernel - 1) * dilation + 1
    return fields.get("axis", 1), _vector(fields.get("stride", 1)), extent, _vector(fields.get("pad", 0))


def crop_params(fn: Function) -> tuple[int, np.ndarray]:
    """(axis, offset) of a Crop layer."""
    fields = fn.params.get("crop_param", fn.params)
    return fields.get("axis", 2), _vector(fields.get("offset", 0))


def _vector(value) -> np.ndarray:
    return np.array(value, ndmin=1)


def coord_map(fn: Function) -> Map:
    """The map from a layer's bottom to its top. Raises: UndefinedMapException where there is none."""
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, extent, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (extent - 1) / 2) / stride
    if fn.type_name == "Deconvolution":
        axis, stride, extent, pad = conv_params(fn)
        return axis, stride, (extent - 1) / 2 - pad
    if fn.type_name in PASS_THROUGH_LAYERS:
        return _IDENTITY
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return axis - 1, 1, -offset
    raise UndefinedMapException(f"{fn.type_name} layers have no coordinate map")


def compose(base_map: Map, next_map: Map) -> Map:
    """``base_map`` after ``next_map``. Raises: AxisMismatchException."""
    axis, scale, shift = base_map
    next_axis, next_scale, next_shift = next_map
    if axis is not None and next_axis is not None and axis != next_axis:
        raise AxisMismatchException(f"maps along axes {axis} and {next_axis}")
    return next_axis if axis is None else axis, scale * next_scale, scale * next_shift + shift


def inverse(coord_map: Map) -> Map:
    """The map back."""
    axis, scale, shift = coord_map
    return axis, 1 / scale, -shift / scale


def _steps(top: Top):
    """The bottoms that ``top`` has a map to: all of a layer's, but of a Crop only what is cropped."""
    bottoms = top.fn.inputs[:1] if top.fn.type_name == "Crop" else top.fn.inputs
    try:
        return [(bottom, coord_map(top.fn)) for bottom in bottoms]
    except UndefinedMapException:
        return []


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map from ``top_from``'s coordinates to ``top_to``'s, by way of a blob that both come from.

    Raises: RuntimeError where there is none.
    """
    from_maps, frontier = {top_from: _IDENTITY}, [top_from]
    while frontier:
        top = frontier.pop()
        for bottom, step in _steps(top):
            from_maps[bottom] = compose(from_maps[top], step)
            frontier.append(bottom)
    to_maps, frontier = {top_to: _IDENTITY}, [top_to]
    while frontier:
        top = frontier.pop()
        if top in from_maps:
            return compose(to_maps[top], inverse(from_maps[top]))
        for bottom, step in _steps(top):
            to_maps[bottom] = compose(to_maps[top], step)
            frontier.append(bottom)
    raise RuntimeError("Could not compute map between tops; are they connected by spatial layers?")


def crop(top_from: Top, top_to: Top) -> Top:
    """A Crop layer that cuts ``top_from`` to where ``top_to`` lies.

    Raises: CropError (an AssertionError) where sizes or places do not allow it.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    if not np.all(scale == 1):
        raise CropError(f"scale mismatch on crop (a = {scale}); both must have the same stride from the input")
    if not np.all(shift <= 0):
        raise CropError(f"cannot crop negative offset (b = {shift}); pad the bottom more")
    if not np.all(np.round(shift) == shift):
        raise CropError(f"cannot crop noninteger offset (b = {shift})")
    offset = (-np.round(np.atleast_1d(shift)).astype(int)).tolist()
    return L.Crop(top_from, top_to, crop_param=dict(axis=axis + 1, offset=offset))
