"""Input layers in the place of data layers, and where their shapes come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netdef.deploy.sources import source_shape
from netdef.errors import LayerError, UsageError, suggestion
from netdef.graph import GraphNode
from prototxt import Document, schema


class InputShapes:
    """The shapes of a deploy net's inputs: what the caller asks for, else what the data layer tells."""

    def __init__(
        self, document: Document, batch: int | None, shape: Sequence[int] | Mapping[str, Sequence[int]] | None
    ) -> None:
        if batch is not None and batch < 1:
            raise UsageError(f"batch is {batch}; it must be at least 1.")
        self.document = document
        self.batch = batch
        self.named: Mapping[str, Sequence[int]] = shape if isinstance(shape, Mapping) else {}
        self.only: Sequence[int] | None = None if isinstance(shape, Mapping) else shape
        for sizes in [*self.named.values(), *([self.only] if self.only is not None else [])]:
            if not sizes or min(sizes) < 1:
                raise UsageError(f"shape is {tuple(sizes)}; every size must be at least 1.")

    def check_names(self, inputs: Sequence[str]) -> None:
        """Every shape asked for must be that of an input. Raises: UsageError."""
        known = ", ".join(inputs)
        for name in self.named:
            if name not in inputs:
                near = suggestion(name, inputs)
                raise UsageError(f'a shape is given for "{name}", which is not an input.{near} Inputs: {known}.')
        if self.only is not None and len(inputs) > 1:
            example = ",".join(map(str, self.only))
            raise UsageError(
                f"one shape is given for {len(inputs)} inputs: {known}. Name the input: --shape {inputs[0]}={example}."
            )

    def asked(self, name: str) -> tuple[int, ...] | None:
        sizes = self.named.get(name, self.only)
        return None if sizes is None else tuple(sizes)

    def shape(self, node: GraphNode, top: int, notes: list[str]) -> tuple[int, ...]:
        """``(batch, ...)`` for a top of a data layer. Raises: LayerError where nothing tells it."""
        name = node.tops[top]
        sizes = self.asked(name)
        if sizes is None:
            sizes, missing = source_shape(node.param, top, notes)
            if sizes is None:
                raise self._unknown(node, name, missing)
        return (self.batch or 1, *sizes)

    def change(self, layer: schema.LayerParameter) -> bool:
        """Give an Input layer the batch and shape that were asked for; whether that changes anything."""
        param = layer.input_param
        before = param.SerializeToString()
        if len(param.shape) == 1 and len(layer.top) > 1:
            param.shape.extend([param.shape[0]] * (len(layer.top) - 1))
        for name, shape in zip(layer.top, param.shape):
            sizes = self.asked(name)
            if sizes is not None:
                shape.dim[:] = [self.batch or (shape.dim[0] if shape.dim else 1), *sizes]
            elif self.batch is not None and shape.dim:
                shape.dim[0] = self.batch
        after = param.SerializeToString()
        return before != after

    def _unknown(self, node: GraphNode, name: str, missing: str) -> LayerError:
        return LayerError(
            f'the shape of "{name}" is not known: {missing}. Give it without the batch: --shape C,H,W.',
            location=self.document.location(node.path),
            layer_name=node.name,
            layer_type=node.type,
        )


def make_input(node: GraphNode, top: int, shapes: InputShapes, notes: list[str]) -> schema.LayerParameter:
    """The Input layer for one top of a data layer.

    The transform goes with the first top, the only one that data layers transform; ``mirror`` and ``affine_param``
    are for training.
    """
    name = node.tops[top]
    layer = schema.LayerParameter(name=name, type="Input", top=[name])
    layer.input_param.shape.add().dim.extend(shapes.shape(node, top, notes))
    if top == 0 and node.param.HasField("transform_param"):
        layer.transform_param.CopyFrom(node.param.transform_param)
        for name in ("mirror", "affine_param"):
            layer.transform_param.ClearField(name)
        if not layer.transform_param.ListFields():
            layer.ClearField("transform_param")
    return layer
