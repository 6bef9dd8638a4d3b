"""SubSampling: the trainable pooling of LeNet-5. netdef's own."""

from __future__ import annotations

from netdef.kernels import bias as bias_kernels
from netdef.kernels import scale as scale_kernels
from netdef.kernels._size import sized
from netdef.kernels.subsampling import spread_windows, sum_windows
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from prototxt import schema


@register_layer("SubSampling")
class SubSamplingLayer(Layer):
    """Adds up each window, multiplies by the channel's coefficient and adds the channel's bias.

    Formula
        ``top[n, c, oh, ow] = coefficient[c] * s + bias[c]`` with
        ``s = sum over h, w < kernel_size of bottom[n, c, oh * stride + h, ow * stride + w]``. The squashing function
        that follows in LeNet-5 is a layer of its own, ScaledTanH. The same as Pooling with AVE, then Scale with
        bias_term, whose scale is ``coefficient * kernel_size ** 2``.
    Bottom / Top
        1 → 1: ``(N, C, H, W) → (N, C, H', W')`` with ``H' = floor((H - kernel_size) / stride) + 1``; rows and columns
        that fill no window are not read.
    Learnable
        coefficient ``(C,)``, bias ``(C,)``.
    Fields
        sub_sampling_param.kernel_size: pixels, 2 if not given · stride: pixels, kernel_size if not given ·
        coefficient_filler: 1 / kernel_size ** 2, the mean, if not given · bias_filler: 0 if not given.
    Raises
        LayerError when the bottom has not 4 axes, kernel_size or stride is 0, a window does not fit into the image,
        the number of channels changes after set-up, or the top is also the bottom.
    Source
        netdef's own; LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
        Proc. IEEE 86 (1998), section II.B, layers S2 and S4.
    Differs from Caffe
        Caffe has no such type.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        fields = self.param.sub_sampling_param
        self.size, self.stride = fields.kernel_size, fields.stride if fields.HasField("stride") else fields.kernel_size
        for name, value in (("kernel_size", self.size), ("stride", self.stride)):
            if value < 1:
                self.fail(f"{name} is {value}; it must be at least 1 pixel. Raise it.", f"sub_sampling_param.{name}")
        self._check_axes(bottom[0])
        self.channels = bottom[0].shape[1]
        mean = schema.FillerParameter(type="constant", value=1 / self.size**2)
        filler = fields.coefficient_filler if fields.HasField("coefficient_filler") else mean
        self.add_param((self.channels,), filler, "sub_sampling_param.coefficient_filler")
        self.add_param((self.channels,), fields.bias_filler, "sub_sampling_param.bias_filler")

    def _check_axes(self, blob):
        if len(blob.shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {blob.shape}; expected 4 axes, (num, channels, height, width). "
                "Reshape it.",
                "bottom",
            )

    def reshape(self, bottom, top):
        self._check_axes(bottom[0])
        num, channels, height, width = bottom[0].shape
        if channels != self.channels:
            self.fail(
                f"{bottom_name(self, 0)} now has shape {bottom[0].shape}; the coefficients were made for "
                f"{self.channels} channels. Change only the other axes.",
                "bottom",
            )
        if min(height, width) < self.size:
            self.fail(
                f"kernel_size is {self.size} but {bottom_name(self, 0)} has shape {bottom[0].shape}; a window must "
                "lie inside the image. Lower kernel_size.",
                "sub_sampling_param.kernel_size",
            )
        pooled = [(side - self.size) // self.stride + 1 for side in (height, width)]
        top[0].reshape(num, channels, *pooled)
        self.planes = (num * channels, height, width)
        self.pooled = (num * channels, *pooled)

    @repeatable
    def forward(self, bottom, top):
        sums = self.scratch("sums", self.pooled)
        sized(sum_windows, bottom[0].count)(bottom[0].data.reshape(self.planes), self.size, self.stride, sums)
        run = sized(scale_kernels.multiply_by_scale_and_add, sums.size)
        run(sums.reshape(-1), *(blob.data for blob in self.blobs), self._inner(), top[0].data.reshape(-1))

    def backward(self, top, propagate_down, bottom):
        top_diff, outer = top[0].diff.reshape(-1), top[0].shape[0]
        if self.param_propagate_down[0]:
            run = sized(scale_kernels.dot_to_scale, top_diff.size)
            sums = self.scratch("sums", self.pooled).reshape(-1)
            run(top_diff, sums, outer, self._inner(), True, self.blobs[0].diff)
        if self.param_propagate_down[1]:
            run = sized(bias_kernels.sum_to_bias, top_diff.size)
            run(top_diff, outer, self._inner(), True, self.blobs[1].diff)
        if propagate_down[0]:
            run = sized(spread_windows, bottom[0].count)
            bottom_diff = bottom[0].diff.reshape(self.planes)
            run(top_diff.reshape(self.pooled), self.blobs[0].data, self.size, self.stride, bottom_diff)

    def _inner(self) -> int:
        """Values of a channel of the top."""
        return self.pooled[1] * self.pooled[2]
