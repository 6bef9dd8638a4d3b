"""Batches of images and of images of labels. Source: SegNet's Caffe, src/caffe/layers/dense_image_data_layer.cpp."""

from __future__ import annotations

from netdef.data.dense_list import PairListLoader, read_pair_list
from netdef.data.frame import refuse_frame
from netdef.layer import exactly, register_layer
from netdef.layers.image_data import ImageDataLayer


@register_layer("DenseImageData")
class DenseImageDataLayer(ImageDataLayer):
    """Reads pairs of an image and an image of labels, ``image label-image`` on each line of a list.

    Formula
        ``data = (pixel - mean) * scale`` (`netdef.data.transformer`); labels are gray levels as they are.
    Top
        0. images ``(batch_size, C, H, W)``, colour in blue, green, red order.
        1. labels ``(batch_size, 1, H, W)``, 0 to 255.
    Fields
        ``dense_image_data_param``: source (the list, a text file), root_folder (put before each name as it is),
        batch_size (images), new_height and new_width (pixels, both or none: images are resized by linear
        interpolation, labels by taking the nearest), is_color (3 channels, or 1), shuffle (another order in each
        epoch), rand_skip (images). ``transform_param``: see `netdef.data.transformer`.
        ``data_param.prefetch``: batches in the making or read ahead.
    Raises
        DataError for a list or an image that cannot be used, LayerError for fields.
    Source
        SegNet's Caffe dense_image_data_layer.cpp:20-175; Badrinarayanan, Kendall and Cipolla, "SegNet", PAMI 2017.
    Differs from Caffe
        crop_size and mirror, which the fork refuses, are applied to image and labels alike. Resuming is exact.
    """

    num_bottom, num_top = exactly(0), exactly(2)
    message = "dense_image_data_param"
    loader = PairListLoader

    def layer_setup(self, bottom, top):
        refuse_frame(self.param.transform_param, self.type)
        super().layer_setup(bottom, top)

    def read_list(self, source: str) -> list[tuple]:
        return read_pair_list(source)
