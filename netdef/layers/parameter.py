"""Parameter: a learned blob as a top. Source: Caffe include/caffe/layers/parameter_layer.hpp, parameter_layer.cpp."""

from __future__ import annotations

from netdef.kernels._size import sized
from netdef.kernels.eltwise import weighted_sum
from netdef.layer import Layer, exactly, register_layer, repeatable
from netdef.layers._axes import blob_shape
from prototxt import schema


@register_layer("Parameter")
class ParameterLayer(Layer):
    """Hands a learned blob to other layers.

    Formula
        ``top = parameter``; ``parameter.diff`` gets ``top.diff``.
    Bottom / Top
        0 → 1 of the shape asked for. The top shares the parameter's values.
    Learnable
        The parameter, 0 at the start; weights that are loaded replace it.
    Fields
        parameter_param.shape: a scalar if not given.
    Raises
        LayerError when the shape is none that a blob can have.
    Source
        Caffe parameter_layer.hpp:12-42, parameter_layer.cpp.
    Differs from Caffe
        The gradient is added to the parameter's, as with every other type, so that iter_size above 1 works; in Caffe
        the two share memory and the last pass alone counts.
    """

    num_bottom, num_top = exactly(0), exactly(1)

    def layer_setup(self, bottom, top):
        field = "parameter_param.shape"
        shape = blob_shape(self, self.param.parameter_param.shape.dim, field)
        self.add_param(shape, schema.FillerParameter(type="constant"), field)

    def reshape(self, bottom, top):
        top[0].reshape_like(self.blobs[0])

    @repeatable
    def forward(self, bottom, top):
        top[0].share_data(self.blobs[0])

    def backward(self, top, propagate_down, bottom):
        if self.param_propagate_down[0]:
            diff = self.blobs[0].diff.reshape(-1)
            one = self.dtype.type(1)
            sized(weighted_sum, diff.size)(diff, one, top[0].diff.reshape(-1), one, diff)
