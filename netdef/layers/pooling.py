"""Pooling: maximum or average over sliding windows. Source: Caffe src/caffe/layers/pooling_layer.cpp."""

from __future__ import annotations

from math import prod

import numpy as np

from netdef.blob import MAX_ELEMENTS
from netdef.kernels import pooling as kernels
from netdef.kernels._jit import num_threads
from netdef.kernels._size import sized
from netdef.kernels.average_pooling import AveragePlan
from netdef.kernels.depthwise import owing_taps
from netdef.kernels.pool_planes import are_pairs, pair_offsets
from netdef.layer import Layer, between, exactly, register_layer, repeatable
from netdef.layers._axes import bottom_name, refuse_in_place
from prototxt import schema

MAX, AVE, STOCHASTIC = (schema.PoolingParameter.PoolMethod.Value(name) for name in ("MAX", "AVE", "STOCHASTIC"))
MOST_OWING = 25  # taps of a window with stride 1: with more, looking at each costs more than adding out of order
FLOOR = schema.PoolingParameter.RoundMode.Value("FLOOR")


def pooled_size(size: int, kernel: int, stride: int, pad: int, floor: bool = False, clip: bool = False) -> int:
    """Windows along an axis of ``size`` pixels, at most 0 where none fits (pooling_layer.cpp:91-118).

    The quotient is rounded up, so that every pixel is covered, unless ``floor``. ``clip`` drops a last window that
    would start behind the image; Caffe does so on both axes where there is padding on one.
    """
    steps = size + 2 * pad - kernel
    places = (steps // stride if floor else -(-steps // stride)) + 1
    return places - 1 if clip and (places - 1) * stride >= size + pad else places


@register_layer("Pooling")
class PoolingLayer(Layer):
    """Maximum, average or a random draw over sliding windows.

    Formula
        MAX: ``top[n, c, oh, ow] = max bottom[n, c, h, w]`` over ``oh stride_h - pad_h <= h < … + kernel_h`` and
        likewise ``w``, within the image; the first of equals gets the gradient. AVE: the sum over the window
        divided by its size, padding counted. STOCHASTIC: in training a value drawn in proportion to it, in
        testing ``sum x^2 / sum x``; it wants values of 0 or more.
    Bottom / Top
        1 → 1 or, with MAX, 2: ``(N, C, H, W) → (N, C, H', W')``, where
        ``H' = ceil((H + 2 pad - kernel) / stride) + 1``. The second top holds the places ``h W + w`` of the maxima.
    Learnable
        None.
    Fields
        pool: MAX, AVE or STOCHASTIC · kernel_size, or kernel_h and kernel_w; stride, or stride_h and stride_w;
        pad, or pad_h and pad_w: pixels · global_pooling: one window over the whole image · round_mode: CEIL or
        FLOOR · ceil_mode: the same as forks write it, true or false. engine has no effect.
    Raises
        LayerError when there is no kernel or it is 0, two spellings are used, a stride is 0, a pad is not smaller
        than its kernel, STOCHASTIC pools with padding, no window fits, or the padded image is too large.
    Source
        Caffe pooling_layer.cpp:11-320, pooling_layer.cu:83-154; Zeiler and Fergus (2013) for STOCHASTIC.
    Differs from Caffe
        STOCHASTIC works on the CPU. An image without any value above the least float32 sends no gradient; Caffe
        writes it outside of the array. AVE over a window that lies wholly behind the image (stride larger than the
        kernel) gives NaN in both.
    """

    num_bottom, num_top = exactly(1), between(1, 2)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.pooling_param
        self.uses_random = fields.pool == STOCHASTIC
        if len(top) > 1 and fields.pool != MAX:
            self.fail(
                "has a second top, which would hold the places of the maxima, but pool is not MAX. "
                "Take the second top away.",
                "top",
            )
        self.kernel = self._read_kernel()
        self.stride = self._read_pair("stride")
        self.pad = self._read_pair("pad")
        for name, values in (("kernel", self.kernel or (1, 1)), ("stride", self.stride)):
            self._check_positive(name, values)
        self.floor = self._read_floor()
        self.averaged = self.geometry = None
        if fields.global_pooling:
            self._check_global()
        elif any(self.pad):
            self._check_pad()

    def _read_kernel(self):
        fields = self.fields
        if fields.global_pooling:
            for name in ("kernel_size", "kernel_h", "kernel_w"):
                if fields.HasField(name):
                    self.fail(
                        f"has {name} and global_pooling; one window then covers the whole image. Take {name} away.",
                        f"pooling_param.{name}",
                    )
            return None
        if not (fields.HasField("kernel_size") or fields.HasField("kernel_h") or fields.HasField("kernel_w")):
            self.fail(
                "has no kernel_size; it must say how many pixels a window covers. "
                "Add kernel_size, or kernel_h and kernel_w, or global_pooling: true.",
                "pooling_param",
            )
        return self._read_pair("kernel")

    def _read_floor(self):
        fields = self.fields
        if not fields.HasField("ceil_mode"):
            return fields.round_mode == FLOOR
        if fields.HasField("round_mode") and (fields.round_mode == FLOOR) == fields.ceil_mode:
            mode = "FLOOR" if fields.ceil_mode else "CEIL"
            self.fail(
                f"has ceil_mode: {str(fields.ceil_mode).lower()} and round_mode: {mode}; they say the opposite. "
                "Take one away.",
                "pooling_param.ceil_mode",
            )
        return not fields.ceil_mode

    def _read_pair(self, name):
        fields, whole = self.fields, "kernel_size" if name == "kernel" else name
        pair = f"{name}_h", f"{name}_w"
        given = [field for field in pair if fields.HasField(field)]
        if not given:
            return (getattr(fields, whole),) * 2
        if fields.HasField(whole):
            self.fail(
                f"has both {whole} and {given[0]}; only one of the two ways may be used. "
                f"Keep {whole}, or {pair[0]} and {pair[1]}.",
                f"pooling_param.{given[0]}",
            )
        if len(given) == 1:
            missing = pair[1 - pair.index(given[0])]
            self.fail(f"has {given[0]} but no {missing}; both are needed. Add {missing}.", f"pooling_param.{given[0]}")
        return tuple(getattr(fields, field) for field in pair)

    def _check_positive(self, name, values):
        whole = "kernel_size" if name == "kernel" else name
        for suffix, value in zip("hw", values):
            if value < 1:
                field = f"{name}_{suffix}" if self.fields.HasField(f"{name}_{suffix}") else whole
                self.fail(f"{field} is {value}; it must be at least 1 pixel. Raise it.", f"pooling_param.{field}")

    def _check_global(self):
        for name, values, wanted in (("pad", self.pad, 0), ("stride", self.stride, 1)):
            if values != (wanted, wanted):
                found = next(value for value in values if value != wanted)
                self.fail(
                    f"{name} is {found} with global_pooling; it must be {wanted}, for there is one window only. "
                    f"Take {name} away.",
                    f"pooling_param.{name if self.fields.HasField(name) else name + '_h'}",
                )

    def _check_pad(self):
        if self.fields.pool == STOCHASTIC:
            self.fail("has padding; STOCHASTIC pooling works without. Take pad away.", "pooling_param.pool")
        for suffix, pad, kernel in zip("hw", self.pad, self.kernel):
            if pad >= kernel:
                both = self.fields.HasField("pad_h"), self.fields.HasField("kernel_h")
                pad_name, kernel_name = (
                    (f"pad_{suffix}" if both[0] else "pad"),
                    (f"kernel_{suffix}" if both[1] else "kernel_size"),
                )
                self.fail(
                    f"{pad_name} is {pad} but {kernel_name} is {kernel}; pad must be smaller, or a window would hold "
                    f"only padding. Lower {pad_name} or raise {kernel_name}.",
                    f"pooling_param.{pad_name}",
                )

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 4:
            self.fail(
                f"{bottom_name(self, 0)} has shape {shape}; pooling works on 4 axes, (num, channels, height, width).",
                "bottom",
            )
        size = shape[2:]
        kernel = self.kernel or size
        pooled = tuple(
            pooled_size(size[i], kernel[i], self.stride[i], self.pad[i], self.floor, any(self.pad)) for i in range(2)
        )
        padded = tuple(size[i] + 2 * self.pad[i] for i in range(2))
        if prod(padded) > MAX_ELEMENTS:
            self.fail(
                f"{bottom_name(self, 0)}, shape {shape}, has {padded[0]}x{padded[1]} pixels with padding; there may "
                f"be {MAX_ELEMENTS} at most. Lower pad.",
                "pooling_param",
            )
        if min(pooled) < 1:
            self.fail(
                f"the window is {kernel[0]}x{kernel[1]} pixels but {bottom_name(self, 0)}, shape {shape}, has "
                f"{padded[0]}x{padded[1]} with padding; no window fits. Lower the kernel or raise pad.",
                "pooling_param",
            )
        # Beyond the padded image kernel and stride have no effect, and the kernels count in 32 bits.
        kernel = tuple(map(min, kernel, padded))
        stride = tuple(min(self.stride[i], padded[i] + 1) for i in range(2))
        geometry = (*size, *kernel, *stride, *self.pad, *pooled)
        if geometry != self.geometry:
            self.geometry, self.pairs = geometry, are_pairs(geometry)
            self.offsets = pair_offsets(geometry, self.dtype.itemsize)
        for blob in top:
            blob.reshape((*shape[:2], *pooled))

    def _mask(self, top):
        """The places of the maxima: the second top's data if there is one."""
        return top[1].data.reshape(-1) if len(top) > 1 else self.scratch("mask", (top[0].count,), np.int32)

    @property
    def is_maximum(self) -> bool:
        return self.fields.pool == MAX

    def maxima(self, top) -> tuple:
        """What `netdef.kernels.pooling.max_forward` takes behind the bottom."""
        return self.geometry, self.pairs, self.offsets, self._mask(top), top[0].data.reshape(-1)

    def gradients(self, top) -> tuple:
        """What `netdef.kernels.pooling.pairs_backward` takes before the bottom's gradient, its geometry last."""
        return top[0].diff.reshape(-1), self._mask(top), self.geometry

    def _average(self, blob):
        """The plan of AVE over many planes, or None; made when shapes change."""
        planes = prod(blob.shape[:2])
        if self.averaged != (planes, self.geometry):
            self.averaged = planes, self.geometry
            fits = AveragePlan.fits(planes, self.geometry, blob.data.itemsize)
            self.average = AveragePlan(planes, self.geometry, self.dtype, self.scratch) if fits else None
        return self.average

    def _owing(self):
        """The tables of the gradient: which windows hold a pixel."""
        height, width, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pooled_height, pooled_width = self.geometry
        return (
            owing_taps(height, pad_h, kernel_h, stride_h, 1, pooled_height, True),
            owing_taps(stride_w, pad_w, kernel_w, stride_w, 1, pooled_width, False),
            (stride_h, 1, stride_w, 1),
        )

    def _slots(self, count: int) -> int:
        """Shares of the planes: one for each thread, where threads pay."""
        return num_threads() if sized(kernels.average_forward, count) is kernels.average_forward else 1

    @repeatable(when=lambda layer: not layer.uses_random)
    def forward(self, bottom, top):
        source, target = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        count = top[0].count * self.geometry[2]
        if self.fields.pool == MAX:
            sized(kernels.max_forward, count)(source, *self.maxima(top))
        elif self.fields.pool == AVE and self._average(bottom[0]):
            self.average.forward(source, self._slots(count), target)
        elif self.fields.pool == AVE:
            lines = self.scratch("lines", (self._slots(count), 2, max(self.geometry[1], self.geometry[9])))
            sized(kernels.average_forward, count)(source, self.geometry, lines, target)
        elif self.phase == schema.TRAIN:
            first = np.uint64(self.stream.take(target.size))
            sized(kernels.stochastic_train_forward, count)(
                source, self.geometry, np.uint64(self.stream.key), first, self._mask(top), target
            )
        else:
            sized(kernels.stochastic_test_forward, count)(source, self.geometry, target)

    @repeatable
    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        source, target = top[0].diff.reshape(-1), bottom[0].diff.reshape(-1)
        if self.fields.pool == AVE:
            slots = self._slots(target.size)
            if self._average(bottom[0]):
                self.average.backward(source, slots, target)
                return
            lines = self.scratch("lines", (slots, max(self.geometry[1], self.geometry[9])))
            parts = self.scratch("parts", (slots, self.geometry[8] * self.geometry[9]))
            run = sized(kernels.average_backward, target.size)
            run(source, self.geometry, *self._owing(), lines, parts, target)
            return
        if self.fields.pool == STOCHASTIC and self.phase != schema.TRAIN:
            self.fail("STOCHASTIC pooling has no gradient in phase TEST. Use it in phase TRAIN, or MAX or AVE.")
        function = kernels.mask_backward
        if len(top) == 1 and self.pairs:
            function = kernels.pairs_backward
        elif len(top) == 1 and self.is_maximum and self.geometry[4:6] == (1, 1):
            if prod(self.geometry[2:4]) <= MOST_OWING:
                function = kernels.owed_backward
        sized(function, target.size)(source, self._mask(top), self.geometry, target)
