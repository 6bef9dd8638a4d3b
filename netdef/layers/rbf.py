"""RBF: distances from targets, the output layer of LeNet-5. netdef's own."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.rbf import distances, distances_to_bottom, distances_to_weight
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place


@register_layer("RBF")
class RBFLayer(Layer):
    """Euclidean radial basis units: the squared distance of each item from each target.

    Formula
        ``top[n, i] = sum over j of (bottom[n, j] - weight[i, j]) ** 2``;
        ``bottom_diff[n, j] = 2 * sum over i of top_diff[n, i] * (bottom[n, j] - weight[i, j])``, and
        ``weight_diff[i, j]`` is ``2 * sum over n of top_diff[n, i] * (weight[i, j] - bottom[n, j])``.
    Bottom / Top
        1 → 1: ``(N, …)``, K values an item → ``(N, num_output)``, 0 or more. The smallest distance is the answer:
        ArgMax and Accuracy want them negated, by a Power layer with scale -1.
    Learnable
        weight ``(num_output, K)``, the targets; a param block with lr_mult 0 leaves them as they are.
    Fields
        rbf_param.num_output: targets · weight_filler: their start; "digit_bitmaps" draws 10 digits of 7x12 pixels.
    Raises
        LayerError when num_output is missing or 0, the bottom has no axes, the top is also the bottom, or the size of
        an item changes after set-up.
    Source
        netdef's own; LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
        Proc. IEEE 86 (1998), equation 7.
    Differs from Caffe
        Caffe has no such type.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        fields = self.param.rbf_param
        if fields.num_output < 1:
            found = "is 0" if fields.HasField("num_output") else "is missing"
            self.fail(
                f"num_output {found}; it must say how many targets there are, at least 1. Set num_output.",
                "rbf_param.num_output",
            )
        if not bottom[0].shape:
            self.fail(f"{bottom_name(self, 0)} has shape (), no axes; a scalar has no items. Reshape it.", "bottom")
        self.dim = bottom[0].count_from(1)
        self.add_param((fields.num_output, self.dim), fields.weight_filler, "rbf_param.weight_filler")

    def reshape(self, bottom, top):
        if not bottom[0].shape or bottom[0].count_from(1) != self.dim:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {bottom[0].shape}; the targets were made for items of "
                f"{self.dim} values. Change only the first axis.",
                "bottom",
            )
        self.rows = (bottom[0].shape[0], self.dim)
        top[0].reshape(self.rows[0], self.param.rbf_param.num_output)

    @repeatable
    def forward(self, bottom, top):
        run = sized(distances, self._work(top))
        run(bottom[0].data.reshape(self.rows), self.blobs[0].data.reshape(-1, self.dim), top[0].data)

    def backward(self, top, propagate_down, bottom):
        values, weight = bottom[0].data.reshape(self.rows), self.blobs[0].data.reshape(-1, self.dim)
        if self.param_propagate_down[0]:
            run = sized(distances_to_weight, self._work(top))
            run(values, weight, top[0].diff, self.blobs[0].diff.reshape(-1, self.dim))
        if propagate_down[0]:
            run = sized(distances_to_bottom, self._work(top))
            run(values, weight, top[0].diff, bottom[0].diff.reshape(self.rows))

    def _work(self, top) -> int:
        """Differences that are taken."""
        return top[0].count * self.dim
