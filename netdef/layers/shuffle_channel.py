"""ShuffleChannel: groups of channels interleaved. Source: ShuffleNet's Caffe fork, shuffle_channel_layer.cpp."""

from __future__ import annotations

from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers._views import View, steps


@register_layer("ShuffleChannel")
class ShuffleChannelLayer(Layer):
    """Deals the channels of each group out over all groups.

    Formula
        ``top[n, k * group + g] = bottom[n, g * C / group + k]``, g from 0 to group - 1, k from 0 to C / group - 1.
    Bottom / Top
        1 → 1 of the same shape: ``(N, C, H, W)``, at least 2 axes.
    Learnable
        None.
    Fields
        shuffle_channel_param.group: number of groups, 1 if not given; a divisor of C.
    Raises
        LayerError when group is 0 or does not divide the channels, the bottom has no channels, or the top is also
        the bottom.
    Source
        ShuffleNet's Caffe fork, shuffle_channel_layer.cpp:9-80; Zhang, Zhou, Lin and Sun (2017), section 3.1.
    Differs from Caffe
        Caffe master has no such type.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.group = self.param.shuffle_channel_param.group
        if self.group < 1:
            self.fail("group is 0; there must be at least 1 group. Raise group.", "shuffle_channel_param.group")

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) < 2:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; channels are its axis 1, so that it must have at least "
                "2 axes. Reshape it.",
                "bottom",
            )
        if shape[1] % self.group:
            self.fail(
                f"group is {self.group} but {bottom_name(self, 0)} has shape {shape}, {shape[1]} channels; group must "
                "divide them. Correct group.",
                "shuffle_channel_param.group",
            )
        top[0].reshape(shape)
        inner = bottom[0].count_from(2)
        dealt = (shape[0], self.group, shape[1] // self.group, inner)
        strides = steps(dealt)
        self.view = View([dealt[i] for i in (0, 2, 1, 3)], [strides[i] for i in (0, 2, 1, 3)])

    @repeatable
    def forward(self, bottom, top):
        self.view.read(bottom[0].data, top[0].data)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.view.write(top[0].diff, bottom[0].diff)
