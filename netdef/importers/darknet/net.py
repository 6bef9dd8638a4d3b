"""From the sections of a cfg to layers: what has been built so far, and how a part of it is added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netdef.importers.darknet.cfg import Section
from prototxt import schema

Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True)
class Output:
    """What a section of Darknet hands on: a blob, its shape, and whether the blob is this section's own."""

    blob: str
    shape: Shape
    owned: bool = True

    @property
    def count(self) -> int:
        channels, height, width = self.shape
        return channels * height * width


@dataclass(frozen=True)
class Learned:
    """A part of a weights file: which section it belongs to, its form, and the layers that take it."""

    section: Section
    kind: str  # "convolutional", "connected" or "batchnorm"
    name: str  # of the layer with the weights, "" for batchnorm
    shape: tuple[int, ...]  # of the weights; (channels,) for batchnorm
    norm: str = ""  # of the BatchNorm layer
    scale: str = ""  # of the Scale layer
    reads_image: bool = False


@dataclass
class Building:
    """A net under construction.

    ``layers`` are those that training and use have in common, ``losses`` and ``answers`` those of one of them.
    """

    image: Shape
    batch: int
    mini_batch: int
    layers: list[schema.LayerParameter] = field(default_factory=list)
    losses: list[schema.LayerParameter] = field(default_factory=list)
    answers: list[schema.LayerParameter] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    truth: str = ""  # "class", "vector" or "boxes": what the losses compare with; "" without a loss
    grids: list[tuple[Section, Output]] = field(default_factory=list)  # of yolo and region sections
    frozen_below: int = 0  # layers with a smaller index do not learn
    crop: Section | None = None  # the one that cuts images out of what the data hold

    @property
    def index(self) -> int:
        """The number of the section at hand, as Darknet counts and lists them."""
        return len(self.outputs)

    @property
    def last(self) -> Output:
        return self.outputs[-1] if self.outputs else Output("data", self.image, owned=False)

    def add(
        self, kind: str, name: str, bottoms: list[str], tops: list[str] | None = None, **fields: Any
    ) -> schema.LayerParameter:
        """A layer; its top is called as it is unless ``tops`` are given. ``fields`` are those of its parameters."""
        layer = new_layer(kind, name, bottoms, [name] if tops is None else tops, **fields)
        self.layers.append(layer)
        return layer

    def notice(self, section: Section, message: str, key: str = "") -> None:
        """Note for the reader what Darknet does and the import leaves out."""
        place = section.options[key].location if key in section.options else section.location
        self.notices.append(f"{place}: [{section.name}] {message}")


def new_layer(kind: str, name: str, bottoms: list[str], tops: list[str], **fields: Any) -> schema.LayerParameter:
    return schema.LayerParameter(name=name, type=kind, bottom=bottoms, top=tops, **fields)


def require_image(section: Section, output: Output) -> Shape:
    """The shape before ``section``, which must be an image."""
    if 0 in output.shape:
        section.fail(f"comes after something that is no image, {output.shape}; expected channels, height and width.")
    return output.shape


ACTIVATIONS = (
    "linear", "relu", "leaky", "logistic", "loggy", "tanh", "elu", "selu", "relie", "ramp", "hardtan", "relu6",
    "swish", "mish",
)  # fmt: skip
_SIMPLE: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("ReLU", {}),
    "leaky": ("ReLU", {"relu_param": {"negative_slope": 0.1}}),
    "relie": ("ReLU", {"relu_param": {"negative_slope": 0.01}}),
    "logistic": ("Sigmoid", {}),
    "tanh": ("TanH", {}),
    "elu": ("ELU", {}),
    "relu6": ("ReLU6", {}),
    "hardtan": ("Clip", {"clip_param": {"min": -1, "max": 1}}),
}
_SCALED = {  # factor before, the layer, factor after
    "loggy": (0.5, "TanH", {}, 1.0),
    "ramp": (1.1, "ReLU", {"relu_param": {"negative_slope": 0.1 / 1.1}}, 1.0),
    "selu": (1.0, "ELU", {"elu_param": {"alpha": 1.6732}}, 1.0507),
}


def read_activation(section: Section, default: str = "logistic") -> str:
    """The section's activation, one of `ACTIVATIONS`."""
    name = section.text("activation", default)
    if name not in ACTIVATIONS:
        section.fail(
            f'activation is "{name}", which has no equivalent here; expected one of {", ".join(ACTIVATIONS)}.',
            "activation",
        )
    return name


def add_activation(building: Building, activation: str, blob: str, stem: str) -> str:
    """Layers for an activation of ``blob``, in place where that can be; the blob that holds the result."""
    name = f"{stem}_{activation}"
    if activation in _SIMPLE:
        kind, fields = _SIMPLE[activation]
        building.add(kind, name, [blob], [blob], **fields)
    elif activation in _SCALED:
        before, kind, fields, after = _SCALED[activation]
        if before != 1:
            building.add("Power", f"{name}_in", [blob], [blob], power_param={"scale": before})
        building.add(kind, name, [blob], [blob], **fields)
        if after != 1:
            building.add("Power", f"{name}_out", [blob], [blob], power_param={"scale": after})
    elif activation == "swish":
        building.add("Swish", name, [blob])
        return name
    elif activation == "mish":  # x tanh(log(1 + exp(x)))
        building.add("BNLL", f"{name}_softplus", [blob])
        building.add("TanH", f"{name}_tanh", [f"{name}_softplus"], [f"{name}_softplus"])
        building.add("Eltwise", name, [blob, f"{name}_softplus"], eltwise_param={"operation": "PROD"})
        return name
    return blob
