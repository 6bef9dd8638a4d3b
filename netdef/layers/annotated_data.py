"""AnnotatedData: images with true boxes. Source: SSD's Caffe, src/caffe/layers/annotated_data_layer.cpp."""

from __future__ import annotations

from netdef.data.annotated import AnnotatedLoader
from netdef.data.frame import refuse_frame
from netdef.data.transformer import SSD_FIELDS
from netdef.layer import between, exactly, register_layer
from netdef.layers._prefetching import PrefetchingLayer
from netdef.layers.data import open_loader
from prototxt import schema


@register_layer("AnnotatedData")
class AnnotatedDataLayer(PrefetchingLayer):
    """Reads images and the boxes of the objects on them, from a database of AnnotatedDatum records.

    Formula
        ``data = (pixel - mean) * scale``, of the image after distort_param, expand_param, a crop of batch_sampler,
        resize_param, crop_size and mirror, in this order; the boxes follow the image.
    Top
        0. images ``(batch_size, C, H, W)``, colour in blue, green, red order.
        1. true boxes ``(1, 1, G, 8)``: image, class, instance, xmin, ymin, xmax, ymax in shares of the image,
        difficult; one row of -1 where no image has any. Of records without a type: labels ``(batch_size,)``.
    Fields
        ``data_param``: see Data · ``annotated_data_param``: batch_sampler: crops that are tried for an image, one of
        those found is taken; anno_type: BBOX makes records without a type have boxes; label_map_file has no effect ·
        ``transform_param``: see Data; resize_param: height, width (pixels), resize_mode (WARP, FIT_SMALL_SIZE,
        FIT_LARGE_SIZE_AND_PAD with pad_mode and pad_value), interp_mode (one of those given is drawn); distort_param;
        expand_param; emit_constraint: which boxes stay in a crop.
    Raises
        DataError for a database or record that cannot be used; LayerError for fields.
    Source
        SSD's Caffe annotated_data_layer.cpp:24-330, data_transformer.cpp, im_transforms.cpp, sampler.cpp.
    Differs from Caffe
        The random numbers are others. interp_mode other than LINEAR follows Pillow's filters; saturation and hue are
        computed without rounding to bytes in between. Plain records are resized too. crop_h, crop_w and
        height_scale are refused. The position is part of the state, so that resuming goes on with the next image.
    """

    num_bottom, num_top = exactly(0), between(1, 2)

    def open_loader(self) -> AnnotatedLoader:
        plain = schema.LayerParameter()
        plain.CopyFrom(self.param)
        for name in SSD_FIELDS:
            plain.transform_param.ClearField(name)
        loader = open_loader(plain, self.phase, self.stream, self.dtype, AnnotatedLoader)
        loader.fields, fields = self.param.transform_param, self.param.annotated_data_param
        loader.samplers, loader.any_type = fields.batch_sampler, fields.HasField("anno_type")
        return loader

    def layer_setup(self, bottom, top) -> None:
        self.check_batch_size("data_param")
        self._check_resize()
        for index, fields in enumerate(self.param.annotated_data_param.batch_sampler):
            sampler = fields.sampler
            good = 0 < sampler.min_scale <= sampler.max_scale <= 1
            if not good or not 0 < sampler.min_aspect_ratio <= sampler.max_aspect_ratio:
                self.fail(
                    f"has a sampler of scale {sampler.min_scale:g} to {sampler.max_scale:g} and aspect_ratio "
                    f"{sampler.min_aspect_ratio:g} to {sampler.max_aspect_ratio:g}; expected scales above 0, at most "
                    "1, ratios above 0, and no least above the most. Correct it.",
                    f"annotated_data_param.batch_sampler[{index}].sampler",
                )
        super().layer_setup(bottom, top)

    def _check_resize(self) -> None:
        fields = self.param.transform_param
        refuse_frame(fields, self.type)
        for name in ("crop_h", "crop_w"):
            if getattr(fields, name):
                self.fail(f"{name} is not known here; use crop_size, or resize_param.", f"transform_param.{name}")
        if not fields.HasField("resize_param"):
            return
        resize = fields.resize_param
        if not resize.height or not resize.width:
            self.fail(
                f"resize_param has height {resize.height} and width {resize.width}; both must be at least 1 pixel. "
                "Set them.",
                "transform_param.resize_param",
            )
        if resize.height_scale or resize.width_scale:
            self.fail(
                "height_scale and width_scale are not known here. Take them away.", "transform_param.resize_param"
            )
        if resize.resize_mode == schema.ResizeParameter.FIT_SMALL_SIZE and self.param.data_param.batch_size != 1:
            self.fail(
                f"resize_mode is FIT_SMALL_SIZE and batch_size is {self.param.data_param.batch_size}; images of "
                "several sizes need batches of 1. Set batch_size: 1.",
                "transform_param.resize_param.resize_mode",
            )
