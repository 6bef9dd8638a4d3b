"""InnerProduct: a fully connected layer. Source: Caffe src/caffe/layers/inner_product_layer.cpp."""

from __future__ import annotations

from netdef.kernels.inner_product import InnerProductPlan, add_column_sums
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, canonical_axis, refuse_in_place
from netdef.layers._gradients import gradient_of


@register_layer("InnerProduct")
class InnerProductLayer(Layer):
    """Weighted sums of all values of an item, ``num_output`` of them.

    Formula
        ``top[n, j] = bias[j] + sum_k weight[j, k] bottom[n, k]``, where ``k`` runs over all axes from ``axis`` on.
    Bottom / Top
        1 → 1: ``(N, C, H, W) → (N, num_output)``; the axes before ``axis`` stay.
    Learnable
        weight ``(num_output, K)``, ``(K, num_output)`` where transpose is true; bias ``(num_output,)`` unless
        bias_term is false.
    Fields
        num_output · axis: the first axis of an item, 1 if not given, negative counts from the end · transpose ·
        bias_term · weight_filler, bias_filler.
    Raises
        LayerError when num_output is 0 or missing, the axis does not exist, the top is also the bottom, or the
        size of an item changes after set-up.
    Source
        Caffe inner_product_layer.cpp:9-141.
    Differs from Caffe
        Running in place is an error instead of a wrong result.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.inner_product_param
        if fields.num_output < 1:
            found = "is 0" if fields.HasField("num_output") else "is missing"
            self.fail(
                f"num_output {found}; it must say how many outputs an item has, at least 1. Set num_output.",
                "inner_product_param.num_output",
            )
        self.axis = canonical_axis(self, fields.axis, bottom[0], "inner_product_param.axis")
        self.depth = bottom[0].count_from(self.axis)
        shape = (self.depth, fields.num_output) if fields.transpose else (fields.num_output, self.depth)
        self.add_param(shape, fields.weight_filler, "inner_product_param.weight_filler")
        if fields.bias_term:
            self.add_param((fields.num_output,), fields.bias_filler, "inner_product_param.bias_filler")
        self.plan = None

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if bottom[0].count_from(self.axis) != self.depth:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {shape}, {bottom[0].count_from(self.axis)} values an item; "
                f"the weights were made for {self.depth}. Change only the axes before axis {self.axis}.",
                "bottom",
            )
        top[0].reshape((*shape[: self.axis], self.fields.num_output))
        num = bottom[0].count_from(0, self.axis)
        if self.plan is None or self.plan.num != num:
            sizes = num, self.depth, self.fields.num_output
            self.plan = InnerProductPlan(*sizes, self.fields.transpose, self.dtype, self.scratch)

    @repeatable
    def forward(self, bottom, top):
        bias = self.blobs[1].data if self.fields.bias_term else None
        self.plan.forward(bottom[0].data.reshape(-1), self.blobs[0].data.reshape(-1), bias, top[0].data.reshape(-1))

    @repeatable(when=lambda layer: layer.plan.num > 0)
    def backward(self, top, propagate_down, bottom):
        top_diff = top[0].diff.reshape(-1)
        if propagate_down[0]:
            self.plan.backward_data(top_diff, self.blobs[0].data.reshape(-1), bottom[0].diff.reshape(-1))
        if self.fields.bias_term and self.param_propagate_down[1]:
            add_column_sums(top_diff, gradient_of(self.blobs[1]))
        if self.param_propagate_down[0]:  # last: whoever updates the weights next finds their gradient in the cache
            weight_diff, add = self.blobs[0].open_diff()
            self.plan.backward_weight(bottom[0].data.reshape(-1), top_diff, weight_diff.reshape(-1), add)
