"""DummyData: blobs that fillers fill. Source: Caffe src/caffe/layers/dummy_data_layer.cpp."""

from __future__ import annotations

from netdef import fillers
from netdef.errors import LayerError
from netdef.layer import Layer, at_least, exactly, register_layer
from netdef.layers._axes import blob_shape, one_for_each
from prototxt import schema

LEGACY_FIELDS = ("num", "channels", "height", "width")


@register_layer("DummyData")
class DummyDataLayer(Layer):
    """Makes data out of fillers, to try a net without a database.

    Formula
        ``top[i] = data_filler[i]``. A "constant" filler fills its top once, before the first forward pass, and
        what the caller writes there afterwards stays; any other filler draws anew in every forward pass.
    Bottom / Top
        None → 1 or more, of the shapes given.
    Learnable
        None.
    Fields
        data_filler: none (zeros), one for all tops, or one for each · shape.dim: one shape for all tops or one for
        each · num, channels, height, width: the older form of shape, each once or once for each top.
    Raises
        LayerError when the number of fillers, shapes or sizes does not fit the tops, both forms of shape are given,
        or a shape or filler is impossible.
    Source
        Caffe dummy_data_layer.cpp:8-114.
    Differs from Caffe
        A size of 0 is an error.
    """

    num_bottom, num_top = exactly(0), at_least(1)
    uses_random = True

    def layer_setup(self, bottom, top):
        fields = self.param.dummy_data_param
        place = "dummy_data_param.data_filler"
        self.fillers = one_for_each(self, fields.data_filler, len(top), place, least=0)
        self.fillers = self.fillers or [schema.FillerParameter()] * len(top)
        for index, (blob, filler) in enumerate(zip(top, self.fillers)):
            blob.reshape(self._shape(index, len(top)))
            where = f"{place}[{index if len(fields.data_filler) > 1 else 0}]"
            self._check_filler(filler, blob.shape, where)
            if filler.type == "constant":
                blob.fill_later(lambda array, filler=filler: fillers.fill(filler, array, self.stream))

    def forward(self, bottom, top):
        for blob, filler in zip(top, self.fillers):
            if filler.type != "constant":
                fillers.fill(filler, blob.data, self.stream)

    def _shape(self, index: int, tops: int) -> tuple[int, ...]:
        fields = self.param.dummy_data_param
        if not any(len(getattr(fields, name)) for name in LEGACY_FIELDS):
            shapes = one_for_each(self, fields.shape, tops, "dummy_data_param.shape")
            return blob_shape(self, shapes[index].dim, "dummy_data_param.shape")
        if fields.shape:
            self.fail(
                f"has {len(fields.shape)} shape and also num, channels, height or width; "
                "they say the same thing. Keep shape alone.",
                "dummy_data_param.shape",
            )
        sizes = [
            one_for_each(self, getattr(fields, name), tops, f"dummy_data_param.{name}")[index] for name in LEGACY_FIELDS
        ]
        return blob_shape(self, sizes, "dummy_data_param")

    def _check_filler(self, filler, shape, where: str) -> None:
        try:
            fillers.check_filler(filler, shape)
        except LayerError as error:
            self.fail(error.message, f"{where}.{error.field}" if error.field else where)
