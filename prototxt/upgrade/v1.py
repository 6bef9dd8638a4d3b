"""V1 to the present: ``layers { type: CONVOLUTION }`` becomes ``layer { … }`` (upgrade_proto.cpp:651-838)."""

from __future__ import annotations

from prototxt import schema
from prototxt.errors import PrototxtError
from prototxt.tables import is_repeated
from prototxt.upgrade.paths import Moved, Warnings

# upgrade_proto.cpp:840-928
TYPES = {
    "NONE": "", "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL",
    "CONCAT": "Concat", "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data",
    "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss", "ELTWISE": "Eltwise", "EXP": "Exp", "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct", "LRN": "LRN",
    "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN",
    "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "SLICE": "Slice", "TANH": "TanH",
    "WINDOW_DATA": "WindowData", "THRESHOLD": "Threshold",
}  # fmt: skip

# Four rows of numbers and names, one for each learnable blob, became one ParamSpec for each blob.
_PARAM_FIELDS = {"param": "name", "blob_share_mode": "share_mode", "blobs_lr": "lr_mult", "weight_decay": "decay_mult"}


def upgrade(net: schema.NetParameter, warnings: Warnings) -> Moved:
    """Turn every ``layers`` into a ``layer``. Raises PrototxtError where a net has both."""
    moved: Moved = {}
    if net.layers and net.layer:
        raise PrototxtError(
            'the net has both "layer" and "layers"; expected one of the two. '
            'Write every layer as layer { type: "Convolution" ... }.',
            field="layers[0]",
        )
    for index, old in enumerate(net.layers):
        moved[f"layer[{index}]"] = f"layers[{index}]"
        _upgrade_layer(old, net.layer.add(), index, moved)
        old.Clear()  # weights may be many: do not hold them twice
    net.ClearField("layers")
    return moved


def _upgrade_layer(old: schema.V1LayerParameter, new: schema.LayerParameter, index: int, moved: Moved) -> None:
    for field, value in old.ListFields():
        name = field.name
        if name == "type":
            new.type = TYPES[schema.V1LayerParameter.LayerType.Name(value)]
        elif name in _PARAM_FIELDS:
            _upgrade_params(name, value, new, index, moved)
        elif is_repeated(field):
            getattr(new, name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(new, name).CopyFrom(value)
        else:
            setattr(new, name, value)


def _upgrade_params(name: str, values, new: schema.LayerParameter, index: int, moved: Moved) -> None:
    for i, value in enumerate(values):
        if len(new.param) <= i:
            new.param.add()
        setattr(new.param[i], _PARAM_FIELDS[name], value)
        source = f"layers[{index}].{name}[{i}]"
        moved[f"layer[{index}].param[{i}].{_PARAM_FIELDS[name]}"] = source
        moved.setdefault(f"layer[{index}].param[{i}]", source)
