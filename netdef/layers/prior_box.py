"""PriorBox: the boxes that a feature map speaks about. Source: SSD's Caffe, src/caffe/layers/prior_box_layer.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from netdef.kernels.boxes import prior_boxes
from netdef.layer import Layer, between, exactly, register_layer
from netdef.layers._axes import bottom_name


def box_sizes(min_sizes: Sequence[float], max_sizes: Sequence[float], ratios: Sequence[float]) -> np.ndarray:
    """Widths and heights of the boxes of a cell, float32 ``(priors, 2)``, pixels.

    For each min_size: a square of it; where there is a max_size, a square of ``sqrt(min_size max_size)``; for each
    ratio but 1 a box of ``min_size sqrt(ratio)`` by ``min_size / sqrt(ratio)``. Sizes are cut to whole pixels
    (prior_box_layer.cpp:103-137).
    """
    sizes = []
    for index, min_size in enumerate(min_sizes):
        least = int(min_size)
        sizes.append((least, least))
        if max_sizes:
            sizes.append((sqrt(least * int(max_sizes[index])),) * 2)
        sizes += [(least * sqrt(ratio), least / sqrt(ratio)) for ratio in ratios if abs(ratio - 1) >= 1e-6]
    return np.array(sizes, np.float32)


@register_layer("PriorBox")
class PriorBoxLayer(Layer):
    """Boxes of several sizes and shapes about the middle of every cell of a feature map.

    Formula
        ``top[0, 0]``: for each row, column and size ``(middle ± size / 2) / image size``, where the middle is
        ``(column + offset) step``; ``top[0, 1]``: the variances.
    Bottom / Top
        2 → 1: the feature map ``(N, C, H, W)`` and the image ``(N, C', H', W')``, of which shapes alone matter →
        ``(1, 2, 4 H W P)``: xmin, ymin, xmax, ymax in shares of the image, for P boxes a cell. Of the image none is
        needed where its size is given.
    Learnable
        None.
    Fields
        min_size: pixels, one or more, cut to whole ones · max_size: pixels, as many as min_size, or none ·
        aspect_ratio: width over height, besides 1 · flip: also 1 / aspect_ratio · clip: boxes are cut at the
        image's border · variance: one or four, 0.1 if not given · img_size, or img_h and img_w: pixels ·
        step, or step_h and step_w: pixels from cell to cell; image over feature map if not given · offset: of the
        middle in its cell, 0.5 if not given.
    Raises
        LayerError when min_size is missing, a size, step or variance is not above 0, their numbers do not fit, or the
        image's size is given twice or not at all.
    Source
        SSD's Caffe prior_box_layer.cpp:10-180; Liu et al., "SSD: single shot multibox detector", ECCV 2016.
    Differs from Caffe
        The second bottom may be left out where the image's size is given. Bottoms get gradients of zeros.
    """

    num_bottom, num_top = between(1, 2), exactly(1)

    def layer_setup(self, bottom, top):
        self.fields = fields = self.param.prior_box_param
        self._check_sizes()
        ratios = [1.0]
        for ratio in fields.aspect_ratio:
            if ratio <= 0:
                self.fail(f"aspect_ratio is {ratio:g}; it must be above 0. Correct it.", "prior_box_param.aspect_ratio")
            if all(abs(ratio - other) >= 1e-6 for other in ratios):
                ratios += [ratio, 1 / ratio] if fields.flip else [ratio]
        self.sizes = box_sizes(fields.min_size, fields.max_size, ratios)
        self._check_variances()
        values = list(fields.variance) or [0.1]
        self.variances = np.array(values * 4 if len(values) == 1 else values, np.float32)
        self.image = self._pair("img_size", "img_w", "img_h")
        self.step = self._pair("step", "step_w", "step_h")
        if self.image is None and len(bottom) < 2:
            self.fail(
                "has one bottom and no size of the image; expected the image as second bottom, or img_size. "
                "Add either.",
                "bottom",
            )

    def _check_sizes(self):
        fields = self.fields
        if not fields.min_size:
            self.fail("has no min_size; expected at least one, in pixels. Add it.", "prior_box_param")
        for size in fields.min_size:
            if not size > 0:
                self.fail(f"min_size is {size:g}; it must be above 0 pixels. Raise it.", "prior_box_param.min_size")
        if fields.max_size and len(fields.max_size) != len(fields.min_size):
            self.fail(
                f"has {len(fields.max_size)} max_size and {len(fields.min_size)} min_size; their numbers must be "
                "equal, or no max_size be given. Correct one of them.",
                "prior_box_param.max_size",
            )
        for least, most in zip(fields.min_size, fields.max_size):
            if not most > least:
                self.fail(
                    f"max_size is {most:g} where min_size is {least:g}; it must be above it. Raise it.",
                    "prior_box_param.max_size",
                )

    def _check_variances(self):
        values = self.fields.variance
        if len(values) not in (0, 1, 4):
            self.fail(
                f"has {len(values)} variance; expected 1 for all coordinates or 4. Correct their number.",
                "prior_box_param.variance",
            )
        for value in values:
            if not value > 0:
                self.fail(f"variance is {value:g}; it must be above 0. Raise it.", "prior_box_param.variance")

    def _pair(self, whole, *pair):
        """(width, height) of a field that may be given whole or for each axis; None where it is not given."""
        fields = self.fields
        given = [name for name in pair if fields.HasField(name)]
        if not given and not fields.HasField(whole):
            return None
        if given and fields.HasField(whole):
            self.fail(
                f"has both {whole} and {given[0]}; only one of the two ways may be used. "
                f"Keep {whole}, or {pair[1]} and {pair[0]}.",
                f"prior_box_param.{given[0]}",
            )
        names = pair if given else (whole, whole)
        for name in names:
            if not getattr(fields, name) > 0:
                self.fail(f"{name} is {getattr(fields, name):g}; it must be above 0. Set it.", "prior_box_param")
        return tuple(getattr(fields, name) for name in names)

    def reshape(self, bottom, top):
        for index, blob in enumerate(bottom):
            if len(blob.shape) != 4:
                self.fail(
                    f"{bottom_name(self, index)} has shape {blob.shape}; it must have 4 axes, "
                    "(num, channels, height, width).",
                    "bottom",
                )
        height, width = bottom[0].shape[2:]
        top[0].reshape(1, 2, height * width * len(self.sizes) * 4)

    def forward(self, bottom, top):
        height, width = bottom[0].shape[2:]
        image = self.image or (bottom[1].shape[3], bottom[1].shape[2])
        steps = self.step or (image[0] / width, image[1] / height)
        prior_boxes(
            self.sizes,
            np.array(steps, np.float32),
            np.array(image, np.float64),
            np.float32(self.fields.offset),
            self.fields.clip,
            self.variances,
            top[0].data.reshape(2, height, width, len(self.sizes), 4),
        )

    def backward(self, top, propagate_down, bottom):
        for blob, wanted in zip(bottom, propagate_down):
            if wanted:
                blob.diff.fill(0)
