"""Embed: a learned row for each number. Source: Caffe src/caffe/layers/embed_layer.cpp."""

from __future__ import annotations

from netdef.kernels import bias as bias_kernels
from netdef.kernels._size import sized
from netdef.kernels.rows import add_rows, gather_rows
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers._rows import row_numbers


@register_layer("Embed")
class EmbedLayer(Layer):
    """Looks a row of learned values up for each number: InnerProduct for one-hot vectors.

    Formula
        ``top[n] = weight[bottom[n]] + bias``; ``weight.diff[k]`` gets the sum of ``top.diff[n]`` over the n with
        ``bottom[n] == k``.
    Bottom / Top
        1 → 1: any shape ``(T, N)``, numbers 0 to input_dim - 1 → ``(T, N, num_output)``.
    Learnable
        weight ``(input_dim, num_output)``; bias ``(num_output,)`` unless bias_term is false.
    Fields
        num_output: length of a row · input_dim: number of rows, one more than the greatest number · bias_term:
        true if not given · weight_filler, bias_filler.
    Raises
        LayerError when num_output or input_dim is missing or 0, the top is also the bottom, or a gradient with
        respect to the numbers is asked for. DataError at a number that has no row.
    Source
        Caffe embed_layer.cpp:9-110.
    Differs from Caffe
        A number without a row is an error; Caffe, unless built for debugging, reads past the weights. With
        force_backward the bottom is passed over; Caffe aborts.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return False

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.embed_param
        for name, what in (("num_output", "how long a row is"), ("input_dim", "how many rows there are")):
            if getattr(fields, name) < 1:
                found = "is 0" if fields.HasField(name) else "is missing"
                self.fail(f"{name} {found}; it must say {what}, at least 1. Set {name}.", f"embed_param.{name}")
        self.add_param((fields.input_dim, fields.num_output), fields.weight_filler, "embed_param.weight_filler")
        if fields.bias_term:
            self.add_param((fields.num_output,), fields.bias_filler, "embed_param.bias_filler")

    def reshape(self, bottom, top):
        top[0].reshape((*bottom[0].shape, self.fields.num_output))

    def forward(self, bottom, top):
        rows = self.fields.input_dim
        index = row_numbers(self, bottom[0], 0, rows, f"input_dim is {rows}")
        top_data = top[0].data.reshape(-1)
        run = sized(gather_rows, top_data.size)
        run(self.blobs[0].data.reshape(rows, -1), index, top_data.reshape(index.size, self.fields.num_output))
        if self.fields.bias_term:
            sized(bias_kernels.add_bias, top_data.size)(top_data, self.blobs[1].data.reshape(-1), 1, top_data)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.fail(
                f"the gradient with respect to {bottom_name(self, 0)}, numbers of rows, was asked for; there is none. "
                "Set propagate_down to false for it.",
                "bottom[0]",
            )
        index = self.scratch("index", bottom[0].count, int)
        top_diff = top[0].diff.reshape(index.size, self.fields.num_output)
        if self.param_propagate_down[0]:
            weight_diff = self.blobs[0].diff.reshape(self.fields.input_dim, -1)
            sized(add_rows, top_diff.size)(top_diff, index, weight_diff)
        if self.fields.bias_term and self.param_propagate_down[1]:
            run = sized(bias_kernels.sum_to_bias, top_diff.size)
            run(top_diff.reshape(-1), index.size, 1, True, self.blobs[1].diff.reshape(-1))
