"""Eltwise: bottoms of one shape combined value by value. Source: Caffe src/caffe/layers/eltwise_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels import eltwise as kernels
from netdef.kernels._size import sized
from netdef.layer import Layer, at_least, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from prototxt import schema

PROD = schema.EltwiseParameter.PROD
SUM = schema.EltwiseParameter.SUM
MAX = schema.EltwiseParameter.MAX


@register_layer("Eltwise")
class EltwiseLayer(Layer):
    """The product, the weighted sum or the maximum of its bottoms.

    Formula
        PROD: ``top = b0 * b1 * …`` · SUM: ``top = coeff0 * b0 + coeff1 * b1 + …`` · MAX: the greatest; in a tie
        of the first two bottoms the second wins, in any later tie the earlier one.
    Bottom / Top
        2 or more → 1; all of one shape, any number of axes.
    Learnable
        None.
    Fields
        operation: PROD, SUM (the default) or MAX · coeff: factors of the bottoms for SUM, one each, 1 if not
        given · stable_prod_grad: PROD's gradient as the product of the other bottoms (true, the default)
        instead of top / bottom, which is quicker for many bottoms and NaN where a bottom is 0.
    Raises
        LayerError when the shapes differ, coeff do not match the bottoms or come with PROD, or the top is also a
        bottom.
    Source
        Caffe eltwise_layer.cpp:9-153.
    Differs from Caffe
        Running in place is an error instead of a wrong result.
    """

    num_bottom, num_top = at_least(2), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        fields = self.param.eltwise_param
        self.operation = fields.operation
        self.stable_prod_grad = fields.stable_prod_grad
        if fields.coeff and len(fields.coeff) != len(bottom):
            self.fail(
                f"has {len(fields.coeff)} coeff for {len(bottom)} bottoms; give one for each bottom or none.",
                "eltwise_param.coeff",
            )
        if fields.coeff and self.operation == PROD:
            self.fail(
                "has coeff with operation PROD; coeff are the factors of a SUM. Remove them or sum.",
                "eltwise_param.coeff",
            )
        self.coeffs = [self.dtype.type(c) for c in fields.coeff] or [self.dtype.type(1)] * len(bottom)

    def reshape(self, bottom, top):
        for index, blob in enumerate(bottom):
            if blob.shape != bottom[0].shape:
                self.fail(
                    f"{bottom_name(self, index)} has shape {blob.shape} but {bottom_name(self, 0)} has shape "
                    f"{bottom[0].shape}; all bottoms must have one shape. Make them equal.",
                    "bottom",
                )
        top[0].reshape_like(bottom[0])

    @repeatable
    def forward(self, bottom, top):
        arrays = [blob.data.reshape(-1) for blob in bottom]
        top_data = top[0].data.reshape(-1)
        if self.operation == PROD:
            self._multiply_all(arrays, top_data)
        elif self.operation == SUM:
            self._sum_all(arrays, top_data)
        else:
            self._take_maximum(arrays, top_data)

    @property
    def is_plain_sum(self) -> bool:
        """Whether `forward_rectified` works: SUM of two bottoms."""
        return self.operation == SUM and len(self.coeffs) == 2

    def forward_rectified(self, bottom, top, slope):
        """`forward` and a ReLU in place with this negative slope."""
        first, second, total = (blob.data.reshape(-1) for blob in (*bottom, *top))
        run = sized(kernels.rectified_sum, total.size)
        run(first, self.coeffs[0], second, self.coeffs[1], slope, total)

    def backward(self, top, propagate_down, bottom):
        top_diff = top[0].diff.reshape(-1)
        size = top_diff.size
        for index, blob in enumerate(bottom):
            if not propagate_down[index]:
                continue
            bottom_diff = blob.diff.reshape(-1)
            if self.operation == PROD:
                self._product_gradient(index, top, bottom)
            elif self.operation == SUM:
                sized(kernels.multiply_by, size)(self.coeffs[index], top_diff, bottom_diff)
            else:
                winner = self._winner(size)
                sized(kernels.maximum_backward, size)(top_diff, winner, index, bottom_diff)

    def _winner(self, size: int) -> np.ndarray:
        """For MAX: which bottom each value of the top came from."""
        return self.scratch("winner", size, np.int32)

    def _multiply_all(self, arrays, product) -> None:
        multiply = sized(kernels.multiply, product.size)
        multiply(arrays[0], arrays[1], product)
        for values in arrays[2:]:
            multiply(product, values, product)

    def _sum_all(self, arrays, total) -> None:
        one = self.dtype.type(1)
        weighted_sum = sized(kernels.weighted_sum, total.size)
        weighted_sum(arrays[0], self.coeffs[0], arrays[1], self.coeffs[1], total)
        for values, coeff in zip(arrays[2:], self.coeffs[2:]):
            weighted_sum(total, one, values, coeff, total)

    def _take_maximum(self, arrays, top_data) -> None:
        winner = self._winner(top_data.size)
        sized(kernels.maximum_of_two, top_data.size)(arrays[0], arrays[1], top_data, winner)
        for index, values in enumerate(arrays[2:], 2):
            sized(kernels.maximum_with_next, top_data.size)(values, index, top_data, winner)

    def _product_gradient(self, index: int, top, bottom) -> None:
        top_diff = top[0].diff.reshape(-1)
        bottom_diff = bottom[index].diff.reshape(-1)
        if not self.stable_prod_grad:
            divide = sized(kernels.divide_and_multiply, top_diff.size)
            divide(top[0].data.reshape(-1), bottom[index].data.reshape(-1), top_diff, bottom_diff)
            return
        others = [blob.data.reshape(-1) for i, blob in enumerate(bottom) if i != index]
        self._multiply_all([*others, top_diff], bottom_diff)
