"""How a layer is shown: its colours, by kinship of types, and its key fields in a few words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prototxt import schema

if TYPE_CHECKING:
    from google.protobuf.message import Message


@dataclass(frozen=True)
class Colors:
    """``fill`` of the box, its ``border``, and ``ink`` for the type's name."""

    fill: str
    border: str
    ink: str


FAMILIES: dict[str, tuple[Colors, str]] = {
    "data": (
        Colors("#e6f4ea", "#6fb387", "#2b6b41"),
        "Input Data DummyData HDF5Data ImageData MemoryData WindowData Parameter",
    ),
    "convolution": (Colors("#e3eefb", "#6c9fdc", "#22558f"), "Convolution Deconvolution DepthwiseConvolution Im2col"),
    "pooling": (Colors("#fdecdc", "#e0a266", "#91540f"), "Pooling SubSampling SPP Crop Interp Upsample ROIPooling"),
    "product": (Colors("#ece7fa", "#9b87d6", "#4f3a94"), "InnerProduct RBF Embed LSTM RNN Recurrent LSTMUnit"),
    "activation": (
        Colors("#fdf5d3", "#d5b74a", "#77600c"),
        "ReLU PReLU ELU Sigmoid TanH ScaledTanH AbsVal BNLL Exp Log Power Clip Swish Threshold ReLU6 Axpy",
    ),
    "normalization": (Colors("#ddf3f4", "#62b1b8", "#17646b"), "LRN MVN BatchNorm BN Scale Bias Normalize"),
    "result": (Colors("#fbe3ec", "#d9789d", "#93234f"), "Softmax ArgMax DetectionOutput"),
    "loss": (Colors("#fde2df", "#dd7b70", "#982f24"), "Accuracy"),
}
OTHER = Colors("#eef0f2", "#a3acb5", "#4c5763")
_BY_TYPE = {name: colors for colors, names in FAMILIES.values() for name in names.split()}


def colors_of(layer_type: str) -> Colors:
    """The colours of a type; those that only move blobs about, and unknown ones, are grey."""
    if layer_type.endswith("Loss"):
        return FAMILIES["loss"][0]
    return _BY_TYPE.get(layer_type, OTHER)


def key_fields(param: schema.LayerParameter) -> list[str]:
    """The fields by which one tells layers of a type apart: ``["5x5", "20 maps", "stride 2"]``."""
    describe = DESCRIBERS.get(param.type)
    words = describe(param) if describe else []
    if param.type.endswith("Loss") and param.loss_weight and param.loss_weight[0] != 1:
        words.append(f"weight {param.loss_weight[0]:g}")
    return words


def kernel_sizes(param: Message, name: str, default: int) -> tuple[int, int]:
    """Height and width of ``kernel_size``, ``stride``, ``pad`` or ``dilation``, whichever way they are written."""
    short = name.split("_")[0]
    height, width = f"{short}_h", f"{short}_w"
    if height in param.DESCRIPTOR.fields_by_name and (param.HasField(height) or param.HasField(width)):
        return getattr(param, height) or default, getattr(param, width) or default
    value = getattr(param, name)
    if isinstance(value, int):
        return (value, value) if param.HasField(name) else (default, default)
    sizes = list(value) or [default]
    return sizes[0], sizes[-1]


def _window(param) -> list[str]:
    """Stride, pad and dilation where they differ from the plain ones."""
    words = []
    for name, plain in (("stride", 1), ("pad", 0), ("dilation", 1)):
        if name in param.DESCRIPTOR.fields_by_name:
            height, width = kernel_sizes(param, name, plain)
            if (height, width) != (plain, plain):
                words.append(f"{name} {height}" if height == width else f"{name} {height}x{width}")
    return words


def _convolution(layer) -> list[str]:
    param = layer.convolution_param
    height, width = kernel_sizes(param, "kernel_size", 1)
    words = [f"{height}x{width}", f"{param.num_output} maps", *_window(param)]
    table = "".join(param.connection_table)
    words += [f"{table.count('X')} of {len(table)} pairs"] if table else []
    return words + ([f"group {param.group}"] if param.group > 1 else [])


def _pooling(layer) -> list[str]:
    param = layer.pooling_param
    kind = {param.MAX: "max", param.AVE: "average"}.get(param.pool, "stochastic")
    if param.global_pooling:
        return [kind, "global"]
    height, width = kernel_sizes(param, "kernel_size", 1)
    return [f"{kind} {height}x{width}", *_window(param)]


def _sub_sampling(layer) -> list[str]:
    param = layer.sub_sampling_param
    size, stride = param.kernel_size, param.stride
    return [f"sum {size}x{size}"] + ([f"stride {stride}"] if param.HasField("stride") and stride != size else [])


def _lrn(layer) -> list[str]:
    param = layer.lrn_param
    is_within = param.norm_region == param.WITHIN_CHANNEL
    return [f"{param.local_size}x{param.local_size} within a channel" if is_within else f"{param.local_size} channels"]


def _data(layer) -> list[str]:
    scale = layer.transform_param.scale
    words = [f"batch {layer.data_param.batch_size}"] if layer.data_param.batch_size else []
    return words + _transform(layer, scale)


def _transform(layer, scale: float) -> list[str]:
    words = [f"pad {layer.transform_param.pad}"] if layer.transform_param.pad else []
    words += ["distorted"] if layer.transform_param.HasField("affine_param") else []
    words += [f"scale {scale:.4g}"] if scale != 1 else []
    if layer.transform_param.crop_size:
        words.append(f"crop {layer.transform_param.crop_size}")
    return words + (["mirror"] if layer.transform_param.mirror else [])


def _eltwise(layer) -> list[str]:
    param = layer.eltwise_param
    return [{param.PROD: "product", param.SUM: "sum"}.get(param.operation, "maximum")]


def _reshape(layer) -> list[str]:
    return ["to " + " x ".join("same" if size == 0 else "rest" if size == -1 else str(size)
                               for size in layer.reshape_param.shape.dim)]  # fmt: skip


def _slice(layer) -> list[str]:
    points = list(layer.slice_param.slice_point)
    return [f"axis {layer.slice_param.axis}"] + ([f"at {', '.join(map(str, points))}"] if points else [])


def _relu(layer) -> list[str]:
    slope = layer.relu_param.negative_slope
    return [f"slope {slope:g}"] if slope else []


def _power(layer) -> list[str]:
    param = layer.power_param
    inner = ("x" if param.scale == 1 else f"{param.scale:g}x") + (f" + {param.shift:g}" if param.shift else "")
    return [f"({inner})^{param.power:g}" if param.power != 1 else inner]


DESCRIBERS: dict[str, Callable[[schema.LayerParameter], list[str]]] = {
    "Accuracy": lambda layer: [f"top {layer.accuracy_param.top_k}"] if layer.accuracy_param.top_k > 1 else [],
    "Concat": lambda layer: [f"axis {layer.concat_param.axis}"],
    "Convolution": _convolution,
    "Data": _data,
    "Deconvolution": _convolution,
    "DepthwiseConvolution": _convolution,
    "Dropout": lambda layer: [f"ratio {layer.dropout_param.dropout_ratio:g}"],
    "Eltwise": _eltwise,
    "ImageData": lambda layer: _transform(layer, layer.transform_param.scale),
    "InnerProduct": lambda layer: [f"{layer.inner_product_param.num_output} outputs"],
    "Input": lambda layer: _transform(layer, layer.transform_param.scale),
    "LRN": _lrn,
    "Pooling": _pooling,
    "Power": _power,
    "RBF": lambda layer: [f"{layer.rbf_param.num_output} targets"],
    "RBFLoss": lambda layer: ["MAP" if layer.rbf_loss_param.criterion else "mean square"],
    "ReLU": _relu,
    "Reshape": _reshape,
    "Scale": lambda layer: ["with bias"] if layer.scale_param.bias_term else [],
    "Slice": _slice,
    "SubSampling": _sub_sampling,
}
