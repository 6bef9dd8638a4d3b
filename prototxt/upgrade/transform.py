"""Old transform fields of data layers become ``transform_param`` (upgrade_proto.cpp:603-649). V1 layers only."""

from __future__ import annotations

from prototxt import schema
from prototxt.upgrade.paths import Moved, Warnings

_V1 = schema.V1LayerParameter
_OPTIONS = {_V1.DATA: "data_param", _V1.IMAGE_DATA: "image_data_param", _V1.WINDOW_DATA: "window_data_param"}
_FIELDS = ("scale", "mean_file", "crop_size", "mirror")


def upgrade(net: schema.NetParameter, warnings: Warnings) -> Moved:
    """Move the fields of every data layer, if any data layer has one."""
    moved: Moved = {}
    layers = [(index, layer) for index, layer in enumerate(net.layers) if layer.type in _OPTIONS]
    if not any(getattr(layer, _OPTIONS[layer.type]).HasField(name) for _, layer in layers for name in _FIELDS):
        return moved
    for index, layer in layers:
        options = getattr(layer, _OPTIONS[layer.type])
        # Caffe makes both messages where any layer needs it, even empty ones (mutable_…_param).
        options.SetInParent()
        layer.transform_param.SetInParent()
        for name in _FIELDS:
            if options.HasField(name):
                setattr(layer.transform_param, name, getattr(options, name))
                options.ClearField(name)
                source = f"layers[{index}].{_OPTIONS[layer.type]}.{name}"
                moved[f"layers[{index}].transform_param.{name}"] = source
    return moved
