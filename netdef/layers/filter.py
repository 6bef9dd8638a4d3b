"""Filter: the items that a selector lets through. Source: Caffe src/caffe/layers/filter_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels._size import sized
from netdef.kernels.rows import add_rows, gather_rows, select_index
from netdef.layer import Layer, at_least, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers._rows import as_rows


@register_layer("Filter")
class FilterLayer(Layer):
    """Lets those items of a batch through whose selector is not 0.

    Formula
        ``top[t][i] = bottom[t][n]`` for the i-th n with ``selector[n] != 0``; the gradient of an item that was
        left out is 0.
    Bottom / Top
        2 or more → one fewer: any blobs ``(N, …)``, and last the selector, ``(N,)`` or ``(N, 1, …)`` → ``(M, …)``
        for each, M from 0 to N. The tops' batch is N until the first forward pass.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when there is not one top for each bottom but the last, the batches differ, the selector has
        more than one value an item, a top is also a bottom, or the selector's gradient is asked for.
    Source
        Caffe filter_layer.cpp:8-116.
    Differs from Caffe
        The tops get their batch in the forward pass; in Caffe already in reshape, which reads the selector.
    """

    num_bottom, num_top = at_least(2), at_least(1)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return bottom_index != len(self.param.bottom) - 1

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        if len(top) != len(bottom) - 1:
            self.fail(
                f"has {len(bottom)} bottom and {len(top)} top blobs; there must be one top for each bottom but the "
                f"last, which selects. Name {len(bottom) - 1} top{'s' if len(bottom) > 2 else ''}.",
                "top",
            )

    def reshape(self, bottom, top):
        selector = bottom[-1]
        if not selector.shape or selector.count != selector.shape[0]:
            self.fail(
                f"{bottom_name(self, len(bottom) - 1)}, the selector, has shape {selector.shape}; it must have one "
                "value an item, (N,) or (N, 1, …). Reshape it.",
                f"bottom[{len(bottom) - 1}]",
            )
        for i, (source, target) in enumerate(zip(bottom, top)):
            if source.shape[:1] != selector.shape[:1]:
                self.fail(
                    f"{bottom_name(self, i)} has shape {source.shape} but {bottom_name(self, len(bottom) - 1)}, the "
                    f"selector, has shape {selector.shape}; their first axes, the batch, must agree. "
                    "Give both the same batch size.",
                    f"bottom[{i}]",
                )
            target.reshape(source.shape)

    def forward(self, bottom, top):
        kept = self.scratch("kept", bottom[-1].count, np.int64)
        self.selected = kept[: select_index(bottom[-1].data.reshape(-1), kept)]
        for source, target in zip(bottom, top):
            target.reshape((self.selected.size, *source.shape[1:]))
            run = sized(gather_rows, target.count)
            run(as_rows(source.data, source.shape[0]), self.selected, as_rows(target.data, self.selected.size))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[-1]:
            last = len(bottom) - 1
            self.fail(
                f"the gradient with respect to {bottom_name(self, last)}, the selector, was asked for; there is none. "
                "Set propagate_down to false for it.",
                f"bottom[{last}]",
            )
        for source, target, wanted in zip(bottom, top, propagate_down):
            if wanted:
                source.diff[...] = 0
                if self.selected.size:
                    diff = as_rows(source.diff, source.shape[0])
                    sized(add_rows, target.count)(as_rows(target.diff, self.selected.size), self.selected, diff)
