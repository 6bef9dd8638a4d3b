"""What the layers at a net's end are: losses with their predictions, measures, and mere drains.

Source: Caffe src/caffe/layers/*_loss_layer.cpp, accuracy_layer.cpp; InfogainLoss and SoftmaxWithLoss take
raw scores and hold a softmax of their own, SigmoidCrossEntropyLoss a sigmoid, the others take what they get.
RBFLoss takes distances; the softmax of the negated ones is what its MAP form makes probabilities of.
"""

from __future__ import annotations

from dataclasses import dataclass

from netdef.deploy.flow import Flow, Version
from prototxt import schema

ACTIVATIONS = {
    "SoftmaxWithLoss": "Softmax",
    "InfogainLoss": "Softmax",
    "RBFLoss": "Softmax",  # of the negated distances
    "SigmoidCrossEntropyLoss": "Sigmoid",
}
PREDICTION_FIRST = frozenset(ACTIVATIONS) | {"HingeLoss", "MultinomialLogisticLoss"}
MEASURES = frozenset({"Accuracy"})
DRAINS = frozenset({"Silence", "HDF5Output"})
LEARNED = frozenset(
    {"BatchNorm", "Bias", "Convolution", "Deconvolution", "Embed", "InnerProduct", "LSTM", "PReLU",
     "Parameter", "RBF", "RNN", "Recurrent", "Scale", "SubSampling"}
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """A loss layer with the versions that it judges. ``activation`` is the layer type hidden in the loss.

    ``distances`` says that small predictions are good ones.
    """

    layer: int
    predictions: tuple[Version, ...]
    weight: float
    activation: str = ""
    distances: bool = False


def is_loss(flow: Flow, index: int) -> bool:
    """A layer named as a loss, or one that has a loss weight and whose tops nothing reads."""
    param = flow.nodes[index].param
    if param.type.endswith("Loss"):
        return True
    return any(param.loss_weight) and not any(flow.readers.get(version) for version in flow.tops(index))


def loss_weight(param: schema.LayerParameter) -> float:
    """The weight of the layer in the objective; a loss layer that gives none has 1 (loss_layer.cpp:8-13)."""
    if param.loss_weight:
        return max(param.loss_weight)
    return 1.0 if param.type.endswith("Loss") else 0.0


def find_heads(flow: Flow) -> list[Head]:
    """Every loss of the view, in order."""
    heads = []
    for index, node in enumerate(flow.nodes):
        if is_loss(flow, index) and node.bottoms:
            predictions = tuple(version for version in _predictions(flow, index) if version is not None)
            activation = ACTIVATIONS.get(node.type, "")
            heads.append(Head(index, predictions, loss_weight(node.param), activation, node.type == "RBFLoss"))
    return heads


def training_only(flow: Flow) -> set[int]:
    """Losses, measures, drains, and whatever is computed from a loss or a measure."""
    ends = {index for index in range(len(flow.nodes)) if is_loss(flow, index)}
    ends |= {index for index, node in enumerate(flow.nodes) if node.type in MEASURES | DRAINS}
    return flow.downstream(ends)


def main_heads(heads: list[Head]) -> list[Head]:
    """Those with the greatest loss weight; the others help them to learn. A weight of 0 only measures."""
    greatest = max((head.weight for head in heads), default=0.0)
    return [head for head in heads if head.weight == greatest and (greatest > 0 or len(heads) == 1)]


def _predictions(flow: Flow, index: int) -> list[Version | None]:
    """The bottoms of a loss that the net has computed, as against labels and targets."""
    bottoms = flow.bottoms[index]
    kind = flow.nodes[index].type
    if kind in PREDICTION_FIRST:
        return bottoms[:1]
    if kind == "ContrastiveLoss":
        return bottoms[:2]
    learned = [version for version in bottoms if version is not None and _is_learned(flow, version)]
    return list(learned) or bottoms[:1]


def _is_learned(flow: Flow, version: Version) -> bool:
    return any(
        flow.nodes[layer].type in LEARNED or flow.nodes[layer].param.param for layer, _ in flow.upstream([version])
    )
