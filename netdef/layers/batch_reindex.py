"""BatchReindex: items picked by number. Source: Caffe src/caffe/layers/batch_reindex_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.rows import add_rows, gather_rows
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers._rows import as_rows, row_numbers


@register_layer("BatchReindex")
class BatchReindexLayer(Layer):
    """Picks items of a batch by number: leaves some out, repeats others, changes their order.

    Formula
        ``top[i] = bottom[0][bottom[1][i]]``; ``bottom[0].diff[n]`` is the sum of ``top.diff[i]`` over the i with
        ``bottom[1][i] == n``.
    Bottom / Top
        2 → 1: ``(N, …)``, any values; ``(M,)``, numbers of items, 0 to N - 1 → ``(M, …)``.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when bottom 1 has not exactly one axis, bottom 0 has none, the top is also a bottom, or the
        gradient with respect to bottom 1 is asked for. DataError at a number that is no item.
    Source
        Caffe batch_reindex_layer.cpp:8-69.
    Differs from Caffe
        Nothing.
    """

    num_bottom, num_top = exactly(2), exactly(1)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return bottom_index == 0

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)

    def reshape(self, bottom, top):
        if len(bottom[1].shape) != 1:
            self.fail(
                f"{bottom_name(self, 1)} has shape {bottom[1].shape}; it must have one axis, a number for each item "
                "of the top. Reshape it.",
                "bottom[1]",
            )
        if not bottom[0].shape:
            self.fail(
                f"{bottom_name(self, 0)} has shape (), no axes; its first axis must be the batch. Add one.", "bottom[0]"
            )
        top[0].reshape((*bottom[1].shape, *bottom[0].shape[1:]))

    def forward(self, bottom, top):
        items = bottom[0].shape[0]
        index = row_numbers(self, bottom[1], 1, items, f"{bottom_name(self, 0)} has {items} items")
        run = sized(gather_rows, top[0].count)
        run(as_rows(bottom[0].data, items), index, as_rows(top[0].data, index.size))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[1]:
            self.fail(
                f"the gradient with respect to {bottom_name(self, 1)}, numbers of items, was asked for; there is none. "
                "Set propagate_down to false for it.",
                "bottom[1]",
            )
        if propagate_down[0]:
            bottom[0].diff[...] = 0
            index = self.scratch("index", bottom[1].count, int)
            run = sized(add_rows, top[0].count)
            run(as_rows(top[0].diff, index.size), index, as_rows(bottom[0].diff, bottom[0].shape[0]))
