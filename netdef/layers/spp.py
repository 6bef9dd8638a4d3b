"""SPP: spatial pyramid pooling. Source: Caffe src/caffe/layers/spp_layer.cpp."""

from __future__ import annotations

from netdef.blob import Blob
from netdef.kernels import concat as concat_kernels
from netdef.kernels._size import sized
from netdef.kernels.eltwise import weighted_sum
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers.pooling import PoolingLayer
from prototxt import schema

STOCHASTIC = schema.SPPParameter.STOCHASTIC


@register_layer("SPP")
class SPPLayer(Layer):
    """Pools an image into 1, 4, 16 … bins, so that images of any size give vectors of one length.

    Formula
        Level i pools into ``2**i * 2**i`` bins of ``ceil(H / 2**i) * ceil(W / 2**i)`` pixels, with the padding
        that they lack; the top is the levels side by side, each ``(C, 2**i, 2**i)`` laid flat.
    Bottom / Top
        1 → 1: ``(N, C, H, W)`` → ``(N, C * (1 + 4 + … ))``; with pyramid_height 1, ``(N, C, 1, 1)``.
    Learnable
        None.
    Fields
        pyramid_height: number of levels, required · pool: MAX (the default), AVE, or STOCHASTIC, which takes bins
        without padding only. engine has no effect.
    Raises
        LayerError when pyramid_height is missing or 0, the image is too small for the bins, STOCHASTIC would need
        padding, the bottom has not 4 axes, or the top is also the bottom.
    Source
        Caffe spp_layer.cpp:12-223; He, Zhang, Ren and Sun (2014), section 2.2.
    Differs from Caffe
        STOCHASTIC works on the CPU.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.spp_param
        self.uses_random = fields.pool == STOCHASTIC
        if fields.pyramid_height < 1:
            found = "is 0" if fields.HasField("pyramid_height") else "is missing"
            self.fail(
                f"pyramid_height {found}; it must say how many levels there are, at least 1. Set pyramid_height.",
                "spp_param.pyramid_height",
            )
        self.size = None
        self.input = Blob((), self.dtype)  # the bottom's values, with a gradient of one level

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; pooling works on 4 axes, (num, channels, height, width). "
                "Reshape it.",
                "bottom",
            )
        if self.size != shape[2:]:
            self.levels = [self._level(level, bottom[0]) for level in range(self.fields.pyramid_height)]
            self.outputs = [Blob((), self.dtype) for _ in self.levels]
            self.size = shape[2:]
        for pooling, output in zip(self.levels, self.outputs):
            pooling.reshape(bottom, [output])
        if len(self.levels) == 1:
            top[0].reshape_like(self.outputs[0])
        else:
            top[0].reshape(shape[0], sum(output.count_from(1) for output in self.outputs))

    def _level(self, level: int, blob: Blob) -> PoolingLayer:
        """The pooling of one level (spp_layer.cpp:12-62)."""
        bins = 2**level
        param = schema.LayerParameter(name=self.name, type="Pooling", bottom=self.param.bottom)
        fields = param.pooling_param
        fields.pool = schema.PoolingParameter.PoolMethod.Value(schema.SPPParameter.PoolMethod.Name(self.fields.pool))
        for axis, size in (("h", blob.shape[2]), ("w", blob.shape[3])):
            kernel = -(-size // bins)
            pad = (kernel * bins - size + 1) // 2
            if pad >= kernel or (pad and self.uses_random):
                self._refuse(level, blob, "hw".index(axis) + 2, pad, kernel)
            for name, value in (("kernel", kernel), ("stride", kernel), ("pad", pad)):
                setattr(fields, f"{name}_{axis}", value)
        pooling = PoolingLayer(param, self.phase, self.dtype)
        pooling.layer_setup([blob], [Blob((), self.dtype)])
        pooling.stream = self.stream
        return pooling

    def _refuse(self, level: int, blob: Blob, axis: int, pad: int, kernel: int) -> None:
        reason = (
            f"pad must be below {kernel}, or a bin would hold only padding"
            if pad >= kernel
            else "STOCHASTIC pooling works without"
        )
        self.fail(
            f"level {level} makes {2**level} bins of {kernel} pixels along axis {axis} of {bottom_name(self, 0)} with "
            f"shape {blob.shape}, which takes a pad of {pad}; {reason}. "
            "Lower pyramid_height or resize the image.",
            "spp_param.pyramid_height",
        )

    def forward(self, bottom, top):
        if len(self.levels) == 1:
            self.levels[0].forward(bottom, top)
            return
        whole, column = top[0].data, 0
        for pooling, output in zip(self.levels, self.outputs):
            pooling.forward(bottom, [output])
            part = output.data.reshape(whole.shape[0], output.count_from(1))
            sized(concat_kernels.copy_into_columns, part.size)(part, column, whole)
            column += part.shape[1]

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        if len(self.levels) == 1:
            self.levels[0].backward(top, propagate_down, bottom)
            return
        whole, column, one = top[0].diff, 0, self.dtype.type(1)
        self.input.reshape_like(bottom[0])
        self.input.share_data(bottom[0])
        total, share = bottom[0].diff.reshape(-1), self.input.diff.reshape(-1)
        total[...] = 0
        for pooling, output in zip(self.levels, self.outputs):
            part = output.diff.reshape(whole.shape[0], output.count_from(1))
            sized(concat_kernels.copy_from_columns, part.size)(whole, column, part)
            column += part.shape[1]
            pooling.backward([output], propagate_down, [self.input])
            sized(weighted_sum, total.size)(total, one, share, one, total)
