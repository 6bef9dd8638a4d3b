"""Tile: a blob repeated along an axis. Source: Caffe src/caffe/layers/tile_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.tile import tile_backward, tile_forward
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import blob_shape, canonical_axis, refuse_in_place


@register_layer("Tile")
class TileLayer(Layer):
    """Repeats its bottom along one axis.

    Formula
        Along the axis, ``top = [bottom, bottom, …]``; the gradient is the sum of those of the copies.
    Bottom / Top
        1 → 1: with axis 1, ``(N, C, H, W)`` → ``(N, tiles * C, H, W)``.
    Learnable
        None.
    Fields
        axis: 1 if not given, negative counts from the end · tiles: number of copies, at least 1; required.
    Raises
        LayerError when the axis does not exist, tiles is missing or below 1, or the top is also the bottom.
    Source
        Caffe tile_layer.cpp:8-52.
    Differs from Caffe
        Running in place is an error instead of a wrong result.
    """

    num_bottom, num_top = exactly(1), exactly(1)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        fields = self.param.tile_param
        self.tiles = fields.tiles
        if self.tiles < 1:
            found = f"is {self.tiles}" if fields.HasField("tiles") else "is missing"
            self.fail(f"tiles {found}; it must say how many copies, at least 1. Set tiles.", "tile_param.tiles")

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        axis = canonical_axis(self, self.param.tile_param.axis, bottom[0], "tile_param.axis")
        repeated = (*shape[:axis], shape[axis] * self.tiles, *shape[axis + 1 :])
        top[0].reshape(blob_shape(self, repeated, "tile_param.tiles") if bottom[0].count else repeated)
        self.outer, self.inner = bottom[0].count_from(0, axis), bottom[0].count_from(axis)

    def forward(self, bottom, top):
        run = sized(tile_forward, top[0].count)
        run(bottom[0].data.reshape(self.outer, self.inner), self._copies(top[0].data))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            run = sized(tile_backward, top[0].count)
            run(self._copies(top[0].diff), bottom[0].diff.reshape(self.outer, self.inner))

    def _copies(self, array):
        return array.reshape(self.outer, self.tiles, self.inner)
