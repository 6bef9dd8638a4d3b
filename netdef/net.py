"""A net: blobs, the layers between them, and running forward and backward.

Source: Caffe src/caffe/net.cpp, python/caffe/pycaffe.py.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import DTypeLike

import netdef.layers  # noqa: F401  (the layer types register themselves)
from netdef import gradient_flow
from netdef.blob import Blob
from netdef.definitions import load_definition, refuse_unknown_types
from netdef.errors import NetdefError
from netdef.graph import GraphNode, resolve
from netdef.layer import LAYERS, Layer
from netdef.net_interface import NetInterface
from netdef.net_parameters import NetParameters
from netdef.parameters import ParameterTable
from netdef.random import default_seed, derive_seed
from netdef.replay import BackwardReplay, Replay
from netdef.sharing import Sharing
from prototxt import Document, schema

NOTHING: Mapping[int, Callable[[], None]] = MappingProxyType({})
AUTOMATIC = "(automatic)"  # the name of tops that a layer adds by itself (net.cpp:374)


@dataclass
class Step:
    """A layer bound to its blobs."""

    node: GraphNode
    layer: Layer
    bottom: list[Blob]
    top: list[Blob]
    bottom_ids: list[int]
    top_ids: list[int]
    needs_backward: bool = False
    bottom_needs_backward: list[bool] = field(default_factory=list)
    losses: list[tuple[Blob, float]] = field(default_factory=list)
    shapes: list[tuple[int, ...]] | None = None

    def current_shapes(self) -> list[tuple[int, ...]]:
        return [blob.shape for blob in self.bottom] + [blob.shape for blob in self.top]


class Net(NetParameters, NetInterface):
    """A network built from a definition, for one phase.

    Parameters
    ----------
    definition : str, Path or prototxt.Document
        A prototxt file, or a document that `prototxt.load_net` or `prototxt.parse_net` returned.
    phase : int
        ``schema.TRAIN`` or ``schema.TEST``; with level and stages it selects the layers.
    weights : str or Path, optional
        A ``.caffemodel`` to copy from.
    dtype : numpy dtype
        ``float32``, or ``float64`` for gradient checks.
    seed : int, optional
        Makes fillers, dropout and data augmentation repeatable.
    share_memory : bool
        Let blobs take the memory of those whose readers are done: their values are gone after a pass, and there
        is no backward pass. Inputs, outputs and the blobs named in ``keep`` stay.

    Raises
    ------
    NetdefError
        With ``file:line:column``, for anything wrong in the definition.
    """

    def __init__(
        self,
        definition: str | os.PathLike[str] | Document,
        phase: int = schema.TEST,
        level: int = 0,
        stages: Sequence[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        dtype: DTypeLike = np.float32,
        seed: int | None = None,
        share_memory: bool = False,
        keep: Sequence[str] = (),
    ) -> None:
        self.document = load_definition(definition) if isinstance(definition, (str, os.PathLike)) else definition
        self.phase = phase
        self.dtype = np.dtype(dtype)
        self.seed = default_seed() if seed is None else int(seed)
        self.graph = resolve(self.document, phase, level, stages or ())
        self.name = self.graph.name
        self.steps: list[Step] = []
        self.parameters = ParameterTable()
        self._blob_names: list[str] = []
        self._blobs: list[Blob] = []
        self._input_names: list[str] = []
        self._output_names: list[str] = []
        self._replay, self._backward_replay = Replay(), BackwardReplay()
        self.sharing: Sharing | None = None
        refuse_unknown_types(self.document, [(node.path, node.name, node.type) for node in self.graph.nodes])
        try:
            self._build()
            if share_memory:
                self.sharing = Sharing(self, keep)
        except BaseException:
            self.close()
            raise
        if weights is not None:
            self.copy_from(weights)

    # -- building ------------------------------------------------------------------------------------------

    def _build(self) -> None:
        ids: dict[str, int] = {}
        available: dict[str, None] = {}
        flows, passing_scratch = [], {}
        learning: dict[str, GraphNode] = {}
        named: Counter = Counter()
        for node in self.graph.nodes:
            seed = derive_seed(self.seed, named[node.name]) if named[node.name] else self.seed
            layer = LAYERS.get(node.type)(node.param, self.phase, self.dtype, seed)
            layer.passing_scratch = passing_scratch
            named[node.name] += 1
            step = Step(node, layer, [], [], [], [])
            self.steps.append(step)
            with self._placing(step):
                self._connect(step, ids, available)
                layer.setup(step.bottom, step.top)
                self._refuse_second_name(layer, learning.get(node.name))
                if layer.blobs:
                    learning[node.name] = node
                learns = self.parameters.append_layer(layer)
                flows.append(self._flow(step, learns))
            step.losses = [(blob, weight) for blob, weight in zip(step.top, layer.loss_weights) if weight]
            step.shapes = step.current_shapes()
        self._output_names = sorted(available)
        gradient_flow.decide(flows, self._blob_names, self.document.message.force_backward)
        for step, flow in zip(self.steps, flows):
            step.needs_backward = step.layer.needs_backward = flow.needs_backward
            step.bottom_needs_backward = flow.bottom_needs_backward
            if self.document.message.force_backward:
                step.layer.param_propagate_down = [True] * len(step.layer.blobs)

    def _refuse_second_name(self, layer: Layer, other: GraphNode | None) -> None:
        """Weight files know layers by name alone: of two that learn, one would lose its parameters, silently."""
        if other is None or not layer.blobs:
            return
        place = self.document.location(other.path)
        layer.fail(
            f"has the name of an earlier layer with parameters ({other.type}, {place}); weight files tell layers apart "
            "by their names. Give one of them another name.",
            "name",
        )

    def _connect(self, step: Step, ids: dict[str, int], available: dict[str, None]) -> None:
        node = step.node
        for name in node.bottoms:
            step.bottom_ids.append(ids[name])
            available.pop(name, None)
        for index, name in enumerate(node.tops):
            in_place = index < len(node.bottoms) and node.bottoms[index] == name
            if not in_place:
                ids[name] = self._add_blob(name)
            step.top_ids.append(ids[name])
            available[name] = None
            if node.type == "Input":
                self._input_names.append(name)
        if step.layer.auto_top_blobs:
            for _ in range(len(node.tops), step.layer.num_top[0]):
                step.top_ids.append(self._add_blob(AUTOMATIC))
        step.bottom = [self._blobs[index] for index in step.bottom_ids]
        step.top = [self._blobs[index] for index in step.top_ids]

    def _add_blob(self, name: str) -> int:
        self._blob_names.append(name)
        self._blobs.append(Blob((0,), self.dtype))
        return len(self._blobs) - 1

    def _flow(self, step: Step, learns: bool) -> gradient_flow.LayerFlow:
        layer, propagate_down = step.layer, list(step.node.param.propagate_down)
        if propagate_down and len(propagate_down) != len(step.bottom):
            layer.fail(
                f"has {len(propagate_down)} propagate_down for {len(step.bottom)} bottom blobs; "
                "give one for each bottom or none.",
                "propagate_down",
            )
        return gradient_flow.LayerFlow(
            step.bottom_ids, step.top_ids, layer.loss_weights, learns, propagate_down, layer.allow_force_backward
        )

    @contextmanager
    def _placing(self, step: Step) -> Iterator[None]:
        """Add file, position and layer to whatever goes wrong inside."""
        try:
            yield
        except NetdefError as error:
            self._place(error, step)
            raise

    def _place(self, error: NetdefError, step: Step) -> None:
        for split_name, written in self.graph.written_names.items():
            error.message = error.message.replace(f'"{split_name}"', f'"{written}"')
        if not error.layer_name:
            error.layer_name, error.layer_type = step.node.name, step.node.type
        if error.location is None and step.node.path:
            error.location = self.document.location(f"{step.node.path}.{error.field}".rstrip("."))

    # -- running -------------------------------------------------------------------------------------------

    def forward_from_to(self, start: int, end: int) -> float:
        """Run layers ``start`` to ``end``, both included; returns the weighted loss of those layers."""
        if start == 0 and end >= len(self.steps) - 1:
            return self._replay.forward(self)
        return self.sharing.run_part(self, start, end) if self.sharing else self.run_steps(start, end)

    def run_steps(self, start: int, end: int, loss: float = 0.0) -> float:
        """Run layers ``start`` to ``end``, both included, one by one; returns ``loss`` and theirs added to it."""
        step = None
        try:
            for step in self.steps[start : end + 1]:
                layer, bottom, top = step.layer, step.bottom, step.top
                if step.shapes != [blob._shape for blob in bottom] + [blob._shape for blob in top]:
                    self._reshape(step)
                layer.forward(bottom, top)
                for blob, weight in step.losses:
                    loss += weight * (blob.data.item() if blob.count == 1 else float(blob.data.sum(dtype=np.float64)))
                if layer.is_data:
                    step.shapes = step.current_shapes()
        except NetdefError as error:
            self._place(error, step)
            raise
        return loss

    @cached_property
    def backward_is_watched(self) -> bool:
        """Whether code of the user's runs during the backward pass, which may look at gradients and weights."""
        return any(step.node.type == "Python" for step in self.steps)

    def backward_from_to(self, start: int, end: int, after: Mapping[int, Callable[[], None]] = NOTHING) -> None:
        """Run layers ``start`` down to ``end`` backward; parameter gradients are added to what is there.

        ``after[i]()`` is called when layer i has run.
        """
        if self.sharing:
            self.sharing.refuse_backward()
        if start >= len(self.steps) - 1 and end == 0:
            self._backward_replay.backward(self, after)
        else:
            self.run_steps_backward(start, end, after)

    def run_steps_backward(self, start: int, end: int, after: Mapping[int, Callable[[], None]] = NOTHING) -> None:
        """`backward_from_to`, layer by layer."""
        step = None
        try:
            for number in range(start, end - 1, -1):
                step = self.steps[number]
                if step.needs_backward:
                    step.layer.backward(step.top, step.bottom_needs_backward, step.bottom)
                if number in after:
                    after[number]()
        except NetdefError as error:
            self._place(error, step)
            raise

    def run(self) -> float:
        """One forward pass; returns the loss."""
        return self.forward_from_to(0, len(self.steps) - 1)

    def run_backward(self, after: Mapping[int, Callable[[], None]] = NOTHING) -> None:
        """One backward pass; see `backward_from_to`."""
        self.backward_from_to(len(self.steps) - 1, 0, after)

    def reshape(self) -> None:
        """Carry new shapes of the inputs through the net."""
        for step in self.steps:
            with self._placing(step):
                self._reshape(step)

    def _reshape(self, step: Step) -> None:
        step.layer.reshape(step.bottom, step.top)
        if step.losses:
            step.layer.fill_loss_weights(step.top)
        step.shapes = step.current_shapes()

    # -- state ---------------------------------------------------------------------------------------------

    def states(self) -> dict[str, bytes]:
        """What an exact resume needs besides the parameters: data cursors, positions of random streams."""
        found = ((key, step.layer.state()) for key, step in self._keyed_steps())
        return {key: state for key, state in found if state is not None}

    def restore_states(self, states: dict[str, bytes]) -> None:
        """Go on from what `states` returned."""
        for key, step in self._keyed_steps():
            if key in states:
                with self._placing(step):
                    step.layer.restore(states[key])

    def _keyed_steps(self) -> Iterator[tuple[str, Step]]:
        """Every step with its layer's name, to which a number is added where an earlier layer has it too."""
        named: Counter = Counter()
        for step in self.steps:
            count = named[step.node.name]
            named[step.node.name] += 1
            yield (f"{step.node.name}#{count}" if count else step.node.name), step

    def close(self) -> None:
        """Stop background threads and close files; the net can no longer read data afterwards."""
        for step in self.steps:
            step.layer.close()

    def __enter__(self) -> Net:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        phase = schema.Phase.Name(self.phase)
        return f'<Net "{self.name}" {phase}: {len(self.steps)} layers, {len(self._blobs)} blobs>'
