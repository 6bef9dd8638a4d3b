"""Batches from image files. Source: Caffe src/caffe/layers/image_data_layer.cpp."""

from __future__ import annotations

from netdef.blob import Blob
from netdef.data.image_list import ImageListLoader, read_image_list
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError
from netdef.layer import between, exactly, register_layer
from netdef.layers._prefetching import PrefetchingLayer


@register_layer("ImageData")
class ImageDataLayer(PrefetchingLayer):
    """Reads the images of a list, ``name label`` on each line, again from the first after the last.

    Formula
        ``data = (pixel - mean) * scale`` on a crop, mirrored or not (`netdef.data.transformer`).
    Top
        0. images ``(batch_size, C, H, W)``, colour in blue, green, red order; the first of each batch decides H and W.
        1. labels ``(batch_size,)``, optional.
    Fields
        ``image_data_param``: source (the list, a text file), root_folder (put before each name as it is, so that it
        ends in ``/``), batch_size (images), new_height and new_width (pixels, both or none: the images are resized
        by linear interpolation), is_color (3 channels, or 1), shuffle (another order in each epoch), rand_skip
        (images; as many as a random number below it are passed over at the start). ``transform_param``: see
        `netdef.data.transformer`. ``data_param.prefetch``: batches in the making or read ahead.
    Raises
        DataError for a list or an image that cannot be used, LayerError for fields.
    Source
        Caffe image_data_layer.cpp:20-150.
    Differs from Caffe
        An image that is missing or of another shape, a line without label and a label that is no whole number are
        errors; empty lines are passed over. The position is part of the state, so that resuming is exact.
    """

    num_bottom, num_top = exactly(0), between(1, 2)
    message = "image_data_param"
    loader = ImageListLoader

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        fields = getattr(self.param, self.message)
        self.check_batch_size(self.message)
        if bool(fields.new_height) != bool(fields.new_width):
            given, missing = ("new_height", "new_width") if fields.new_height else ("new_width", "new_height")
            self.fail(
                f"has {given} but no {missing}; images are resized to both or not at all. Add {missing}.",
                f"{self.message}.{given}",
            )
        super().layer_setup(bottom, top)

    def open_loader(self) -> ImageListLoader:
        fields = getattr(self.param, self.message)
        transformer = DataTransformer(self.param.transform_param, self.phase, self.stream, self.dtype)
        try:
            entries = self.read_list(fields.source)
        except DataError as error:
            error.field = f"{self.message}.source"
            raise
        return self.loader(
            entries,
            transformer,
            fields.batch_size,
            fields.shuffle,
            fields.root_folder,
            (fields.new_height, fields.new_width),
            fields.is_color,
        )

    def read_list(self, source: str) -> list[tuple]:
        """Names and labels of the images."""
        return read_image_list(source)

    def skip_some(self) -> None:
        fields = getattr(self.param, self.message)
        if not fields.rand_skip:
            return
        count = self.stream.integers(fields.rand_skip)
        if count >= len(self._loader.entries):
            self.fail(
                f"{count} images are to be skipped, a random number below rand_skip {fields.rand_skip}, but "
                f'"{fields.source}" lists {len(self._loader.entries)}. Lower rand_skip.',
                f"{self.message}.rand_skip",
            )
        self._loader.order.skip(count)
