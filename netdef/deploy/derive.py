"""The derivation itself: choose a view, choose the heads, keep what leads to them, write the new definition.

Prototxt in, prototxt out; no array is touched, and only the shapes of the inputs may come from a data source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netdef.deploy.clean import clean_layer, drop_dropout
from netdef.deploy.flow import Flow, Version
from netdef.deploy.heads import MEASURES, Head, find_heads, main_heads, training_only
from netdef.deploy.inputs import InputShapes, make_input
from netdef.errors import LayerError
from netdef.graph import GraphNode, filter_layers
from prototxt import Document, schema

LABEL_SECOND = frozenset({"Data", "ImageData", "WindowData", "MemoryData"})  # top 0: data, top 1: labels


@dataclass
class Derivation:
    """The deploy net and ``notes``, one sentence for each decision that a user may want to know of."""

    message: schema.NetParameter
    notes: list[str] = field(default_factory=list)


@dataclass
class _Plan:
    """What stays of a view: ``layers`` by index, ``heads`` that end in an activation, ``inputs`` by version."""

    flow: Flow
    layers: list[int]
    heads: list[Head]
    helpers: list[Head]
    inputs: list[Version]


def derive_deploy(document: Document, **options: Any) -> schema.NetParameter:
    """The deploy net of a training definition; the options, rules and errors are `derive`'s."""
    return derive(document, **options).message


def derive(
    document: Document,
    *,
    batch: int | None = None,
    shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    keep_dropout: bool = False,
    keep_all_heads: bool = False,
    level: int = 0,
    stages: Sequence[str] = (),
) -> Derivation:
    """Turn a training definition into the net that answers.

    The TEST view is taken (with ``level`` and ``stages``); data that it lacks come from the TRAIN view, and
    so does everything where the TEST view holds nothing else than data. Then

    - every data layer becomes one Input layer for each top that is needed, named as that top, with the data
      layer's ``transform_param`` (less ``mirror`` and ``affine_param``, which belong to training) and the shape
      ``(batch, ...)``: from ``shape`` where given, else from the data source, the mean file, or crop_size. A
      DummyData layer stays where other data layers feed the net: there it is a constant;
    - losses, measures (Accuracy), drains (Silence, HDF5Output) and all that serves only them or reads only
      labels go. Of several losses, those with the greatest ``loss_weight`` stay unless ``keep_all_heads``;
    - a loss that hides a Softmax or Sigmoid leaves it behind, in its place, unless the net has that layer on
      that blob anyway; RBFLoss, which judges distances, leaves the Softmax of the negated ones. Its layer and top
      are called ``prob``; where several heads stay, or where ``prob`` is taken, they are called as the loss's top.
      A SoftmaxWithLoss with a second top leaves that one's name;
    - Dropout layers go unless ``keep_dropout``: whoever read their tops reads their bottoms;
    - rules, phases, loss weights, fillers, lr_mult and decay_mult go; the names of shared params stay.

    A definition that is a deploy net already (Input layers only, no loss, no rule) comes back as it is, but
    for an explicit ``batch`` or ``shape``.

    Parameters
    ----------
    document: a `prototxt.Document` of a NetParameter, in today's syntax (`prototxt.load_net` upgrades).
    batch: the first axis of every input; 1 unless given.
    shape: ``(C, H, W)``, without the batch, for the only input, or a mapping from blob name to shape.

    Raises: UsageError for a shape that fits no input; LayerError for an input whose shape is not known, and
    for a bottom that nothing makes; NetError for a net that has nothing to deploy.
    """
    shapes = InputShapes(document, batch, shape)
    views = _views(document, level, stages)
    if _is_deploy(document, views[0]):
        return _unchanged(document, shapes)
    plan = _first_complete_plan(document, views, keep_all_heads)
    shapes.check_names([plan.flow.name(version) for version in plan.inputs])
    return _write(document, plan, shapes, keep_dropout)


# -- views ----------------------------------------------------------------------------------------------------


def _views(document, level: int, stages: Sequence[str]) -> list[list[GraphNode]]:
    """The views to try, best first: TEST with data borrowed from TRAIN where it lacks them, then TRAIN."""
    test = _view(document, schema.TEST, level, stages)
    train = _view(document, schema.TRAIN, level, stages)
    if all(not node.bottoms for node in test):
        return [train]
    return [_borrow_losses(_borrow_data(test, train), train), train]


def _view(document, phase: int, level: int, stages: Sequence[str]) -> list[GraphNode]:
    state = schema.NetState()
    state.CopyFrom(document.message.state)
    state.phase, state.level = phase, level
    state.stage.extend(stages)
    nodes, _ = filter_layers(document.message.layer, state, document)
    return [part for node in nodes for part in _separate_softmax(node)]


def _separate_softmax(node: GraphNode) -> list[GraphNode]:
    """A SoftmaxWithLoss whose second top is its probabilities, as a Softmax layer and a plain loss."""
    if node.type != "SoftmaxWithLoss" or len(node.tops) < 2:
        return [node]
    softmax = schema.LayerParameter(name=node.tops[1], type="Softmax", bottom=node.bottoms[:1], top=node.tops[1:2])
    if node.param.HasField("softmax_param"):
        softmax.softmax_param.CopyFrom(node.param.softmax_param)
    loss = schema.LayerParameter()
    loss.CopyFrom(node.param)
    del loss.top[1:]
    return [GraphNode(softmax, node.path), GraphNode(loss, node.path)]


def _borrow_data(test: list[GraphNode], train: list[GraphNode]) -> list[GraphNode]:
    flow = Flow(test)
    lacking = {test[i].bottoms[k] for i, k in flow.missing()}
    borrowed = [node for node in train if not node.bottoms and lacking.intersection(node.tops)]
    return borrowed + test


def _borrow_losses(test: list[GraphNode], train: list[GraphNode]) -> list[GraphNode]:
    """Losses that only the TRAIN view has still tell which activation the predictions want."""
    if find_heads(Flow(test)):
        return test
    made = {top for node in test for top in node.tops}
    flow = Flow(train)
    losses = [train[head.layer] for head in find_heads(flow)]
    return test + [loss for loss in losses if loss.bottoms[0] in made]


def _is_deploy(document, view: list[GraphNode]) -> bool:
    flow = Flow(view)
    sources = flow.sources()
    return (
        bool(sources)
        and all(view[index].type == "Input" for index in sources)
        and not training_only(flow)
        and not any(layer.include or layer.exclude for layer in document.message.layer)
    )


def _unchanged(document, shapes: InputShapes) -> Derivation:
    message = schema.NetParameter()
    message.CopyFrom(document.message)
    inputs = [layer for layer in message.layer if layer.type == "Input"]
    shapes.check_names([top for layer in inputs for top in layer.top])
    changed = [shapes.change(layer) for layer in inputs]
    rest = "only its input shapes were changed" if any(changed) else "nothing was changed"
    return Derivation(message, [f"This is a deploy net already: {rest}."])


# -- what stays -----------------------------------------------------------------------------------------------


def _first_complete_plan(document, views: list[list[GraphNode]], keep_all_heads: bool) -> _Plan:
    plans = [_make_plan(Flow(view), keep_all_heads) for view in views]
    for plan in plans:
        if plan.layers and not plan.flow.missing(plan.layers):
            return plan
    flow = plans[0].flow
    for index, bottom in flow.missing(plans[0].layers):
        node = flow.nodes[index]
        raise LayerError(
            f'bottom "{node.bottoms[bottom]}" is not a top of any earlier layer, in the TEST view and in the '
            "TRAIN view. Add the layer that makes it, or give the stage that it belongs to.",
            f"bottom[{bottom}]",
            location=document.location(f"{node.path}.bottom[{bottom}]"),
            layer_name=node.name,
            layer_type=node.type,
        )
    raise _nothing_to_deploy(document)


def _nothing_to_deploy(document) -> LayerError:
    count = len(document.message.layer)
    return LayerError(
        f"nothing can be deployed: {count} layer{'' if count == 1 else 's'}, of which none computes a result "
        "from data. Give the definition of a whole net.",
        location=document.location(""),
    )


def _make_plan(flow: Flow, keep_all_heads: bool) -> _Plan:
    heads = find_heads(flow)
    chosen = [head for head in heads if head.weight > 0] if keep_all_heads else main_heads(heads)
    helpers = [head for head in heads if head not in chosen and head.weight > 0]
    wanted = [version for head in chosen for version in head.predictions]
    wanted += _outputs(flow, heads, _helper_layers(flow, chosen, helpers))
    needed = flow.upstream(wanted)
    layers = sorted({index for index, _ in needed})
    sources = [version for version in sorted(needed) if flow.is_source(version[0])]
    fed = [version for version in sources if flow.nodes[version[0]].type != "DummyData"]
    return _Plan(flow, layers, chosen, helpers, fed or sources)


def _helper_layers(flow: Flow, chosen: list[Head], helpers: list[Head]) -> set[int]:
    """The layers that only the helpers need."""
    ours = {index for index, _ in flow.upstream(v for head in chosen for v in head.predictions)}
    theirs = {index for index, _ in flow.upstream(v for head in helpers for v in head.predictions)}
    return theirs - ours


def _outputs(flow: Flow, heads: list[Head], helper_layers: set[int]) -> list[Version]:
    """Computed blobs that nothing reads but losses and measures, and that come from more than labels."""
    dropped = training_only(flow)
    excluded = dropped | flow.downstream(helper_layers)
    labels = _labels(flow, heads)
    targets = _targets(flow, heads)
    found = []
    for index in range(len(flow.nodes)):
        if index in excluded or flow.is_source(index):
            continue
        for version in flow.tops(index):
            data = {below for below in flow.upstream([version]) if flow.is_source(below[0])}
            if version not in targets and data - labels and dropped.issuperset(flow.readers.get(version, [])):
                found.append(version)
    return found


def _targets(flow: Flow, heads: list[Head]) -> set[Version | None]:
    """What losses compare predictions with, such as an autoencoder's flattened data."""
    read = {version for head in heads for version in flow.bottoms[head.layer]}
    return read - {version for head in heads for version in head.predictions}


def _labels(flow: Flow, heads: list[Head]) -> set[Version]:
    """The data tops that are labels: those that lead to no prediction, or, without a loss, by their place."""
    tops = {version for index in flow.sources() for version in flow.tops(index)}
    predictions = [version for head in heads for version in head.predictions]
    if predictions:
        return tops - flow.upstream(predictions)
    measured = {
        flow.bottoms[i][1] for i, node in enumerate(flow.nodes) if node.type in MEASURES and len(node.bottoms) > 1
    }
    second = {version for version in tops if version[1] > 0 and flow.nodes[version[0]].type in LABEL_SECOND}
    return second | (tops & measured)


# -- writing --------------------------------------------------------------------------------------------------


def _write(document, plan: _Plan, shapes: InputShapes, keep_dropout: bool) -> Derivation:
    flow = plan.flow
    notes: list[str] = []
    activations = _activations(plan)
    fed = {index for index, _ in plan.inputs}
    layers: list[schema.LayerParameter] = []
    kept = set(plan.layers)
    for index, node in enumerate(flow.nodes):
        if index in fed:
            tops = [top for layer, top in plan.inputs if layer == index]
            layers += [make_input(node, top, shapes, notes) for top in tops]
        elif index in kept:
            layers.append(clean_layer(node.param, notes))
        layers += activations.get(index, [])
    if not keep_dropout:
        layers = drop_dropout(layers, notes)
    _name_inputs(layers)
    notes += _helper_notes(plan)
    message = schema.NetParameter(layer=layers)
    if document.message.name:
        message.name = document.message.name
    return Derivation(message, notes)


def _name_inputs(layers: list[schema.LayerParameter]) -> None:
    """An input is called as its top, unless another layer has that name."""
    others = {layer.name for layer in layers if layer.type != "Input"}
    for layer in layers:
        if layer.type == "Input" and len(layer.top) == 1:
            layer.name = f"{layer.top[0]}_input" if layer.top[0] in others else layer.top[0]


def _activations(plan: _Plan) -> dict[int, list[schema.LayerParameter]]:
    """The Softmax and Sigmoid layers that take the places of their losses."""
    flow = plan.flow
    kept = [flow.nodes[index] for index in plan.layers]
    taken = {node.name for node in kept} | {top for node in kept for top in node.tops}
    bare = [head for head in plan.heads if head.activation and not _has_activation(plan, head)]
    greatest = max((head.weight for head in bare), default=0.0)
    first = [head for head in bare if head.weight == greatest]
    result = {}
    for head in bare:
        loss = flow.nodes[head.layer]
        own = loss.tops[0] if loss.tops else loss.name
        name = _free("prob" if first == [head] and "prob" not in taken else own, taken)
        negated = _negated(plan, head)
        scores = flow.name(negated)
        result[head.layer] = []
        if head.distances and negated == head.predictions[0]:
            scores = _free("score", taken)
            negation = schema.LayerParameter(name=scores, type="Power", bottom=[flow.name(negated)], top=[scores])
            negation.power_param.scale = -1
            result[head.layer].append(negation)
        result[head.layer].append(_activation(flow, head, name, scores))
    return result


def _free(name: str, taken: set[str]) -> str:
    """``name``, made longer until nothing else is called so; it is taken from now on."""
    while name in taken:
        name += "_prob"
    taken.add(name)
    return name


def _negated(plan: _Plan, head: Head) -> Version:
    """The negated prediction of a loss of distances where the net computes it before the loss, else the prediction."""
    flow, prediction = plan.flow, head.predictions[0]
    for index in flow.readers.get(prediction, []):
        power = flow.nodes[index].param.power_param
        plain = (power.power, power.scale, power.shift) == (1, -1, 0)
        here = flow.nodes[index].type == "Power" and plain and index in plan.layers and index < head.layer
        if head.distances and here:
            return flow.tops(index)[0]
    return prediction


def _has_activation(plan: _Plan, head: Head) -> bool:
    readers = plan.flow.readers.get(_negated(plan, head), [])
    return any(plan.flow.nodes[index].type == head.activation for index in readers if index in plan.layers)


def _activation(flow: Flow, head: Head, name: str, bottom: str) -> schema.LayerParameter:
    loss = flow.nodes[head.layer].param
    layer = schema.LayerParameter(name=name, type=head.activation, bottom=[bottom], top=[name])
    if loss.type == "InfogainLoss" and loss.infogain_loss_param.HasField("axis"):
        layer.softmax_param.axis = loss.infogain_loss_param.axis
    elif head.activation == "Softmax" and loss.softmax_param.HasField("axis"):
        layer.softmax_param.axis = loss.softmax_param.axis
    return layer


def _helper_notes(plan: _Plan) -> list[str]:
    if not plan.helpers:
        return []
    names = ", ".join(f'"{plan.flow.nodes[head.layer].name}" ({head.weight:g})' for head in plan.helpers)
    mains = ", ".join(f'"{plan.flow.nodes[head.layer].name}" ({head.weight:g})' for head in plan.heads)
    return [
        f"The heads of smaller loss_weight were left out as helpers of the training: {names}; kept: {mains}. "
        "--keep-all-heads keeps them all."
    ]
