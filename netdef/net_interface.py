"""The side of `netdef.net.Net` that people know from pycaffe: names, dictionaries, batches.

Source: Caffe python/caffe/pycaffe.py.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from netdef.blob import Blob
from netdef.errors import NetError, suggestion
from netdef.layer import Layer

if TYPE_CHECKING:
    from netdef.net import Step


class NetInterface:
    """Views of a net by name, and passes that take and return arrays by name."""

    # -- names ---------------------------------------------------------------------------------------------

    @cached_property
    def blobs(self) -> OrderedDict[str, Blob]:
        """Every blob by name, in the order in which they are made."""
        return OrderedDict(self.sharing.seen if self.sharing else self.named_blobs())

    def named_blobs(self) -> list[tuple[str, Blob]]:
        """Every blob with its name, also those that share a name, such as tops that layers add by themselves."""
        return list(zip(self._blob_names, self._blobs))

    @cached_property
    def params(self) -> OrderedDict[str, list[Blob]]:
        """The parameters of each layer that has any: usually [weight, bias]."""
        return OrderedDict((step.node.name, step.layer.blobs) for step in self.steps if step.layer.blobs)

    @cached_property
    def layers(self) -> list[Layer]:
        return [step.layer for step in self.steps]

    @cached_property
    def layer_names(self) -> list[str]:
        return [step.node.name for step in self.steps]

    @cached_property
    def layer_dict(self) -> OrderedDict[str, Layer]:
        return OrderedDict(zip(self.layer_names, self.layers))

    @cached_property
    def inputs(self) -> list[str]:
        """Tops of Input layers."""
        return list(self._input_names)

    @cached_property
    def outputs(self) -> list[str]:
        """Blobs that no layer reads, sorted by name as in Caffe."""
        return list(self._output_names)

    @cached_property
    def output_blobs(self) -> list[Blob]:
        return [self.blobs[name] for name in self.outputs]

    @cached_property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """The names of each layer's tops."""
        return OrderedDict((s.node.name, [self._blob_names[i] for i in s.top_ids]) for s in self.steps)

    @cached_property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """The names of each layer's bottoms."""
        return OrderedDict((s.node.name, [self._blob_names[i] for i in s.bottom_ids]) for s in self.steps)

    def step_tops(self, step: Step) -> list[str]:
        """The names of the tops of one of ``steps``; layers may share a name, steps do not."""
        return [self._blob_names[index] for index in step.top_ids]

    def step_bottoms(self, step: Step) -> list[str]:
        """The names of the bottoms of one of ``steps``."""
        return [self._blob_names[index] for index in step.bottom_ids]

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """The weight with which each blob enters the loss, mostly 0."""
        weights = dict.fromkeys(range(len(self._blobs)), 0.0)
        for step in self.steps:
            weights.update(zip(step.top_ids, step.layer.loss_weights))
        return OrderedDict((name, weights[index]) for index, name in enumerate(self._blob_names))

    # -- passes --------------------------------------------------------------------------------------------

    def forward(
        self, blobs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **inputs: np.ndarray
    ) -> OrderedDict:
        """Write ``inputs`` into the input blobs, run layers ``start`` to ``end``, return arrays by blob name.

        Returns the net's outputs (with ``end``, that layer's tops) and the ``blobs`` asked for besides. The
        arrays are the blobs' own memory: the next pass overwrites them.
        """
        first = 0 if start is None else self._layer_index(start)
        last = len(self.steps) - 1 if end is None else self._layer_index(end)
        self._write("Input blob", self.inputs, inputs, "data")
        self.forward_from_to(first, last)
        names = self.outputs if end is None else self.top_names[end]
        return OrderedDict((name, self._blob(name).data) for name in [*names, *(blobs or [])])

    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **top_diffs: np.ndarray,
    ) -> OrderedDict:
        """Write ``top_diffs`` into the output blobs, run layers ``start`` down to ``end`` backward.

        Returns the gradients of the net's inputs (with ``end``, of that layer's bottoms) and of the ``diffs``
        asked for besides, by blob name.
        """
        first = len(self.steps) - 1 if start is None else self._layer_index(start)
        last = 0 if end is None else self._layer_index(end)
        self._write("Top diff", self.outputs, top_diffs, "diff")
        self.backward_from_to(first, last)
        names = self.inputs if end is None else self.bottom_names[end]
        return OrderedDict((name, self._blob(name).diff) for name in [*names, *(diffs or [])])

    def forward_all(self, blobs: Sequence[str] | None = None, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """`forward` over any number of items, in batches of the net's size; the last batch is padded."""
        outputs = {name: [] for name in [*self.outputs, *(blobs or [])]}
        for batch in self._batches(inputs):
            for name, array in self.forward(blobs=blobs, **batch).items():
                outputs[name].extend(array.copy())
        return self._packed(outputs, inputs)

    def forward_backward_all(
        self, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **arrays: np.ndarray
    ) -> tuple[dict, dict]:
        """`forward` and `backward` over any number of items; returns (blobs, diffs) by name."""
        outputs = {name: [] for name in [*self.outputs, *(blobs or [])]}
        gradients = {name: [] for name in [*self.inputs, *(diffs or [])]}
        forward = self._batches({name: arrays[name] for name in self.inputs if name in arrays})
        backward = self._batches({name: arrays[name] for name in self.outputs if name in arrays})
        for inputs, top_diffs in zip_longest(forward, backward, fillvalue={}):
            for name, array in self.forward(blobs=blobs, **inputs).items():
                outputs[name].extend(array.copy())
            for name, array in self.backward(diffs=diffs, **top_diffs).items():
                gradients[name].extend(array.copy())
        return self._packed(outputs, arrays), self._packed(gradients, arrays)

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Hand ``data`` (n, channels, height, width) and ``labels`` (n) to the net's MemoryData layer."""
        layer = self.layers[0] if self.layers else None
        if layer is None or layer.type != "MemoryData":
            found = f'"{layer.name}" ({layer.type})' if layer else "none"
            raise NetError(
                f"set_input_arrays feeds a MemoryData layer, but the first layer is {found}. "
                "Use forward(**inputs) for Input layers."
            )
        layer.reset(data, labels)

    # -- notebooks -----------------------------------------------------------------------------------------

    def _repr_svg_(self) -> str:
        """The net's picture, which Jupyter shows."""
        from netdef.report.notebook import net_svg

        return net_svg(self)

    def _repr_html_(self) -> str:
        """The net's picture and a table of its layers, which Jupyter shows."""
        from netdef.report.notebook import net_html

        return net_html(self)

    # -- helpers -------------------------------------------------------------------------------------------

    def _layer_index(self, name: str) -> int:
        if name not in self.layer_names:
            raise NetError(f'the net has no layer "{name}".{suggestion(name, self.layer_names)}')
        return self.layer_names.index(name)

    def _blob(self, name: str) -> Blob:
        if name not in self.blobs:
            raise NetError(f'the net has no blob "{name}".{suggestion(name, self.blobs)}')
        return self.blobs[name]

    def _write(self, kind: str, wanted: list[str], arrays: dict, side: str) -> None:
        if not arrays:
            return
        if set(arrays) != set(wanted):
            raise NetError(
                f"{kind} arguments do not match net: found {sorted(arrays)}, expected {sorted(wanted)}. "
                "Give an array for each."
            )
        for name, array in arrays.items():
            blob, shape = self.blobs[name], np.shape(array)
            if shape[:1] != blob.shape[:1]:
                raise NetError(
                    f'{kind} "{name}" is not batch sized: found shape {shape}, expected {blob.shape}. '
                    "Reshape the blob first, or use forward_all."
                )
            try:
                getattr(blob, side)[...] = array
            except ValueError:
                raise NetError(
                    f'{kind} "{name}" has shape {shape}; expected {blob.shape}. Give an array of that shape.'
                ) from None

    def _batches(self, arrays: dict) -> Iterator[dict]:
        """Parts of ``arrays`` as long as the first blob's batch, the last one padded with zeros."""
        if not arrays:
            return
        count = len(next(iter(arrays.values())))
        size = next(iter(self.blobs.values())).shape[0]
        for first in range(0, count, size):
            batch = {name: np.asarray(array[first : first + size]) for name, array in arrays.items()}
            missing = size - min(size, count - first)
            if missing:
                batch = {
                    name: np.concatenate([part, np.zeros((missing, *part.shape[1:]), part.dtype)])
                    for name, part in batch.items()
                }
            yield batch

    @staticmethod
    def _packed(lists: dict[str, list], arrays: dict) -> dict[str, np.ndarray]:
        """Arrays without the padding of the last batch."""
        count = len(next(iter(arrays.values()))) if arrays else None
        return {name: np.asarray(items)[:count] for name, items in lists.items()}
