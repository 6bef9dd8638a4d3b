"""From a definition and a state to the layers that will run, without touching an array.

    document ─filter_layers→ the layers of this phase, level and stage ─insert_splits→ Graph

Source: Caffe src/caffe/net.cpp (FilterNet, StateMeetsRule), src/caffe/util/insert_splits.cpp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from netdef.errors import LayerError, NetError, suggestion
from prototxt import Document, schema


@dataclass
class GraphNode:
    """A layer that will run.

    ``param`` is the graph's own copy of the LayerParameter. ``path`` is where the layer stands in the
    document (``"layer[3]"``), or "" for a split that the graph has put in.
    """

    param: schema.LayerParameter
    path: str = ""

    @property
    def name(self) -> str:
        return self.param.name

    @property
    def type(self) -> str:
        return self.param.type

    @property
    def bottoms(self) -> tuple[str, ...]:
        return tuple(self.param.bottom)

    @property
    def tops(self) -> tuple[str, ...]:
        return tuple(self.param.top)


@dataclass
class Graph:
    """The layers of one phase in the order in which they run, splits included.

    ``skipped`` has one sentence for each layer that a rule has left out, in Caffe's words for its log.
    ``written_names`` maps each name that a split has made to the name that the definition uses.
    """

    name: str
    nodes: list[GraphNode]
    state: schema.NetState
    document: object
    skipped: list[str] = field(default_factory=list)

    @property
    def written_names(self) -> dict[str, str]:
        splits = (node for node in self.nodes if not node.path)
        return {top: node.bottoms[0] for node in splits for top in node.tops}

    def message(self) -> schema.NetParameter:
        """The graph as a NetParameter."""
        message = schema.NetParameter(name=self.name)
        message.state.CopyFrom(self.state)
        message.layer.extend(node.param for node in self.nodes)
        return message


def resolve(document: Document, phase: int, level: int = 0, stages: Sequence[str] = ()) -> Graph:
    """Apply the rules of ``document`` (a `prototxt.Document` of a NetParameter) for a state; insert splits.

    Raises NetError or LayerError, with the place in the document, for rules that contradict each other, a
    bottom that no earlier layer makes, and a top that two layers make.
    """
    message = document.message
    state = schema.NetState()
    state.CopyFrom(message.state)
    state.phase = phase
    state.level = level
    state.stage.extend(stages)
    kept, skipped = filter_layers(message.layer, state, document)
    check_wiring(kept, document)
    check_in_place(kept, document)
    return Graph(message.name, insert_splits(kept), state, document, skipped)


# -- rules ----------------------------------------------------------------------------------------------------


def broken_rule(state: schema.NetState, rule: schema.NetStateRule) -> str:
    """Why ``state`` does not meet ``rule``, in the words of Caffe's log; "" where it does (net.cpp:308-371)."""
    if rule.HasField("phase") and rule.phase != state.phase:
        return f"The NetState phase ({state.phase}) differed from the phase ({rule.phase}) specified by a rule"
    if rule.HasField("min_level") and state.level < rule.min_level:
        return f"The NetState level ({state.level}) is above the min_level ({rule.min_level}) specified by a rule"
    if rule.HasField("max_level") and state.level > rule.max_level:
        return f"The NetState level ({state.level}) is above the max_level ({rule.max_level}) specified by a rule"
    for stage in rule.stage:
        if stage not in state.stage:
            return f"The NetState did not contain stage '{stage}' specified by a rule"
    for stage in rule.not_stage:
        if stage in state.stage:
            return f"The NetState contained a not_stage '{stage}' specified by a rule"
    return ""


def filter_layers(
    layers: Iterable, state: schema.NetState, document: Document | None = None
) -> tuple[list[GraphNode], list[str]]:
    """The layers that their include and exclude rules admit, and a log sentence for each refusal."""
    kept: list[GraphNode] = []
    skipped: list[str] = []
    for index, param in enumerate(layers):
        path = f"layer[{index}]"
        if param.include and param.exclude:
            raise LayerError(
                "has both include and exclude rules; a layer may have one kind only. Take one kind away.",
                "exclude",
                location=document.location(f"{path}.exclude[0]") if document else None,
                layer_name=param.name,
                layer_type=param.type,
            )
        included, reasons = _admitted(param, state)
        skipped += [f"{reason} in layer {param.name}" for reason in reasons]
        if included:
            copy = schema.LayerParameter()
            copy.CopyFrom(param)
            kept.append(GraphNode(copy, path))
    return kept, skipped


def _admitted(param, state) -> tuple[bool, list[str]]:
    reasons = []
    for rule in param.exclude:
        reason = broken_rule(state, rule)
        if not reason:
            return False, reasons
        reasons.append(reason)
    for rule in param.include:
        reason = broken_rule(state, rule)
        if not reason:
            return True, reasons
        reasons.append(reason)
    return not param.include, reasons


# -- wiring ---------------------------------------------------------------------------------------------------


def check_wiring(nodes: Sequence[GraphNode], document: Document | None = None) -> None:
    """Every bottom is an earlier layer's top, and no two layers make the same top except in place."""
    makers: dict[str, str] = {}
    for node in nodes:
        for index, bottom in enumerate(node.bottoms):
            if bottom not in makers:
                _fail(node, document, f"bottom[{index}]", _unknown_bottom(node, bottom, makers, nodes))
        for index, top in enumerate(node.tops):
            in_place = index < len(node.bottoms) and node.bottoms[index] == top
            if top in makers and not in_place:
                _fail(
                    node,
                    document,
                    f"top[{index}]",
                    f'top "{top}" is made by layer "{makers[top]}" already; a blob has one maker, and only a '
                    f"layer whose bottom {index} has the same name may work in place. Give the top another name.",
                )
            makers[top] = node.name


def check_in_place(nodes: Sequence[GraphNode], document: Document | None = None) -> None:
    """No layer overwrites a blob that is read elsewhere too; the wiring has been checked.

    Caffe comes upon such a layer after the splits, as "produced by multiple sources" (net.cpp:376).
    """
    sources, readers, _ = _count_readers(nodes)
    for i, node in enumerate(nodes):
        for j, (bottom, top) in enumerate(zip(node.bottoms, node.tops)):
            if bottom != top or readers[sources[i, j]] == 1:
                continue
            others = [nodes[reader].name for (reader, _), source in sources.items() if source == sources[i, j]]
            others.remove(node.name)
            also = f"read by {_quoted(others)} as well" if others else "a loss as well, by its loss_weight"
            _fail(
                node,
                document,
                f"top[{j}]",
                f'works in place on "{top}", which is {also}; only a blob with one reader may be overwritten. '
                "Give the top another name.",
            )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _unknown_bottom(node: GraphNode, bottom: str, makers: dict[str, str], nodes: Sequence[GraphNode]) -> str:
    hint = suggestion(bottom, makers)
    later = next((other.name for other in nodes if bottom in other.tops), None)
    if later is not None and later != node.name:
        hint = f' Layer "{later}" makes it further down: move that layer up.'
    known = ", ".join(makers) if makers else "none"
    return f'bottom "{bottom}" is not a top of any earlier layer.{hint} Tops so far: {known}.'


def _fail(node: GraphNode, document, field_name: str, message: str) -> None:
    place = document.location(f"{node.path}.{field_name}") if document and node.path else None
    raise NetError(message, location=place, layer_name=node.name, layer_type=node.type, field=field_name)


# -- splits ---------------------------------------------------------------------------------------------------


def split_layer_name(blob: str, maker: str, index: int) -> str:
    return f"{blob}_{maker}_{index}_split"


def split_blob_name(blob: str, maker: str, index: int, reader: int) -> str:
    return f"{blob}_{maker}_{index}_split_{reader}"


def insert_splits(nodes: Sequence[GraphNode]) -> list[GraphNode]:
    """Put a Split behind every top that is read more than once, so that gradients are added up.

    A loss weight on a top counts as a reader and moves to the split's first top. Running it on its own
    result changes nothing.
    """
    sources, readers, weights = _count_readers(nodes)
    next_reader: Counter = Counter()
    result = []
    for i, node in enumerate(nodes):
        param = schema.LayerParameter()
        param.CopyFrom(node.param)
        result.append(GraphNode(param, node.path))
        for j, bottom in enumerate(node.bottoms):
            source = sources[i, j]
            if readers[source] > 1:
                maker = nodes[source[0]].name
                param.bottom[j] = split_blob_name(bottom, maker, source[1], next_reader[source])
                next_reader[source] += 1
        for j, top in enumerate(node.tops):
            if readers[i, j] > 1:
                weight = weights.get((i, j), 0.0)
                result.append(GraphNode(_split_param(node.name, top, j, readers[i, j], weight)))
                if weight:
                    param.ClearField("loss_weight")
                    next_reader[i, j] += 1
    return result


def _count_readers(nodes: Sequence[GraphNode]):
    """Where each bottom comes from, how often each top is read, and the loss weights that count as reads."""
    last_top: dict[str, tuple[int, int]] = {}
    sources: dict[tuple[int, int], tuple[int, int]] = {}
    readers: Counter = Counter()
    weights: dict[tuple[int, int], float] = {}
    for i, node in enumerate(nodes):
        for j, bottom in enumerate(node.bottoms):
            sources[i, j] = last_top[bottom]
            readers[last_top[bottom]] += 1
        for j, top in enumerate(node.tops):
            last_top[top] = (i, j)
        for top, weight in zip(node.tops, node.param.loss_weight):
            weights[last_top[top]] = weight
            if weight:
                readers[last_top[top]] += 1
    return sources, readers, weights


def _split_param(maker: str, blob: str, index: int, readers: int, weight: float):
    param = schema.LayerParameter(name=split_layer_name(blob, maker, index), type="Split")
    param.bottom.append(blob)
    for reader in range(readers):
        param.top.append(split_blob_name(blob, maker, index, reader))
        if weight:
            param.loss_weight.append(weight if reader == 0 else 0.0)
    return param
