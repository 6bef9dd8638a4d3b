"""Batches of windows cut out of images. Source: Caffe src/caffe/layers/window_data_layer.cpp."""

from __future__ import annotations

from netdef.blob import Blob
from netdef.data.frame import refuse_frame
from netdef.data.window_file import read_window_file
from netdef.data.windows import WindowLoader
from netdef.errors import DataError
from netdef.layer import between, exactly, register_layer
from netdef.layers._prefetching import PrefetchingLayer


@register_layer("WindowData")
class WindowDataLayer(PrefetchingLayer):
    """Draws boxes of images at random, objects and background in a fixed proportion, as R-CNN is trained with.

    Formula
        ``data = (pixel - mean) * scale`` of the box, resized to crop_size x crop_size; 0 beyond the image.
    Top
        0. crops ``(batch_size, 3, crop_size, crop_size)``, in blue, green, red order: background first, then objects.
        1. labels ``(batch_size,)``, 0 for background; optional.
    Fields
        ``window_data_param``: source (the window file: `netdef.data.window_file`), root_folder (put before each
        name as it is, so that it ends in ``/``), batch_size (windows), fg_threshold and bg_threshold (overlap in
        [0, 1]: from the first on a window is an object, below the second background), fg_fraction (share of objects
        in a batch, rounded down), context_pad (pixels of the crop around the box), crop_mode ("warp", or "square":
        the box grows to a square), cache_images (keep all files in memory), scale (a factor).
        ``transform_param``: crop_size (pixels, must be given), mirror, mean_file or mean_value, scale.
        ``data_param.prefetch``: batches in the making or read ahead.
    Raises
        DataError for a window file or an image that cannot be used, LayerError for fields.
    Source
        Caffe window_data_layer.cpp:35-470; Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for
        accurate object detection", CVPR 2014.
    Differs from Caffe
        An image that is missing is an error, not a batch of zeros; ``transform_param.scale`` works too. Windows of one
        kind may be missing where a batch has none of them. The random numbers are others, and resuming is exact.
    """

    num_bottom, num_top = exactly(0), between(1, 2)

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        self.check_batch_size("window_data_param")
        self._check_fields()
        super().layer_setup(bottom, top)
        for (table, count), kind, threshold in zip(
            self._loader.parts,
            ("background", "object"),
            ("overlap below bg_threshold", "overlap of fg_threshold or more"),
        ):
            if count and not len(table):
                self.fail(
                    f'a batch has {count} {kind} windows, but "{self.param.window_data_param.source}" has none, that '
                    f"is, none with an {threshold}. Correct the file, the thresholds or fg_fraction.",
                    "window_data_param.source",
                )

    def _check_fields(self) -> None:
        fields, crop_size = self.param.window_data_param, self.param.transform_param.crop_size
        refuse_frame(self.param.transform_param, self.type)
        if crop_size == 0:
            self.fail(
                "crop_size is 0 or missing; expected the size in pixels to which windows are warped. Set it.",
                "transform_param.crop_size" if self.param.transform_param.HasField("crop_size") else "",
            )
        if 2 * fields.context_pad >= crop_size:
            self.fail(
                f"context_pad is {fields.context_pad} but crop_size is {crop_size}; it must be less than half of it. "
                "Lower context_pad.",
                "window_data_param.context_pad",
            )
        if not 0 <= fields.fg_fraction <= 1:
            self.fail(
                f"fg_fraction is {fields.fg_fraction:g}; expected a share from 0 to 1. Correct it.",
                "window_data_param.fg_fraction",
            )
        if fields.crop_mode not in ("warp", "square"):
            self.fail(
                f'crop_mode is "{fields.crop_mode}"; expected "warp" or "square". Choose one of them.',
                "window_data_param.crop_mode",
            )

    def open_loader(self) -> WindowLoader:
        fields = self.param.window_data_param
        try:
            windows = read_window_file(fields.source, fields.fg_threshold, fields.bg_threshold)
            return WindowLoader(windows, fields, self.param.transform_param, self.stream, self.dtype)
        except DataError as error:
            error.field = error.field or "window_data_param.source"
            raise
