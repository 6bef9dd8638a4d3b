"""Where imported values can go: the parameters of a net, with what each of them is."""

from __future__ import annotations

from dataclasses import dataclass, field

from netdef.importers.source import BETA, BIAS, GAMMA, MEAN, RECURRENT, VARIANCE, WEIGHT
from netdef.net import Net, Step

FACTOR = "factor"  # what Caffe's BatchNorm divides mean and variance by
_FILTERS = (
    "Convolution", "Deconvolution", "DepthwiseConvolution", "ConvolutionDepthwise", "InnerProduct", "Embed",
)  # fmt: skip
_ROLES = {
    **dict.fromkeys(_FILTERS, (WEIGHT, BIAS)),
    "PReLU": (WEIGHT,),
    "BatchNorm": (MEAN, VARIANCE, FACTOR),
    "Scale": (GAMMA, BETA),
    "Bias": (BETA,),
    "LSTM": (WEIGHT, BIAS, RECURRENT),
}
_BN_ROLES = (GAMMA, BETA, MEAN, VARIANCE)
# Layers behind which an image is still the same image, or the same one in a row.
_SAME_ORDER = (
    "Flatten", "Reshape", "Split", "Dropout", "ReLU", "ReLU6", "PReLU", "ELU", "Swish", "TanH", "ScaledTanH", "Sigmoid",
    "Clip", "AbsVal", "Power", "BNLL", "Scale", "BatchNorm", "Bias",
)  # fmt: skip


@dataclass
class Slot:
    """One parameter: its layer, its number there, its shape, and its role, "" where it has none known here."""

    step: Step
    index: int
    shape: tuple[int, ...]
    role: str = ""

    @property
    def name(self) -> str:
        return f"{self.step.node.name}[{self.index}]"


@dataclass
class Target:
    """The parameters that one layer of a source fills: those of a layer, or of a BatchNorm and the Scale behind it."""

    name: str
    slots: list[Slot] = field(default_factory=list)
    epsilon: float | None = None
    is_batch_norm: bool = False


def find_targets(net: Net) -> list[Target]:
    """The layers of ``net`` with parameters, in the order in which they run."""
    targets: list[Target] = []
    normalized: dict[int, Target] = {}  # the blob that a BatchNorm has made
    seen: set[str] = set()
    for step in net.steps:
        blobs = net.params.get(step.node.name, ())
        if not len(blobs) or step.node.name in seen:
            continue
        seen.add(step.node.name)
        slots = [
            Slot(step, index, blob.shape, role) for index, (blob, role) in enumerate(zip(blobs, _roles(step, blobs)))
        ]
        before = normalized.get(step.bottom_ids[0]) if step.bottom_ids else None
        if step.node.type == "Scale" and before is not None:
            before.slots += slots
            continue
        target = Target(step.node.name, slots)
        targets.append(target)
        if step.node.type in ("BatchNorm", "BN"):
            target.is_batch_norm = True
            has_field = step.node.type == "BatchNorm"
            target.epsilon = step.layer.param.batch_norm_param.eps if has_field else None
            normalized.update(dict.fromkeys(step.top_ids, target) if has_field else {})
        else:
            for blob in step.top_ids:
                normalized.pop(blob, None)
    return targets


def _roles(step: Step, blobs) -> list[str]:
    roles = _BN_ROLES if step.node.type == "BN" and len(blobs) == 4 else _ROLES.get(step.node.type, ())
    return [*roles, *[""] * len(blobs)][: len(blobs)]


def flattened_image(net: Net, step: Step) -> tuple[int, ...] | None:
    """The shape ``(C, H, W)`` of the image whose values the layer of ``step`` reads in a row; None for no image."""
    blob_id, blob = step.bottom_ids[0], step.bottom[0]
    count = blob.count // blob.shape[0]
    place = net.steps.index(step)
    while True:
        if len(blob.shape) > 2:
            return tuple(blob.shape[1:]) if blob.count // blob.shape[0] == count else None
        makers = [index for index in range(place) if blob_id in net.steps[index].top_ids]
        if not makers:
            return None
        place = makers[-1]
        maker = net.steps[place]
        if maker.node.type not in _SAME_ORDER:
            return None
        blob_id, blob = maker.bottom_ids[0], maker.bottom[0]
