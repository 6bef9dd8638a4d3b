"""V0 to V1: ``layers { layer { type: "conv" kernelsize: 5 } }`` becomes ``layers { convolution_param { … } }``
(upgrade_proto.cpp:105-601).

Padding was a layer of its own then; it becomes the ``pad`` of the layer behind it.
"""

from __future__ import annotations

import copy

from prototxt import schema
from prototxt.errors import PrototxtError, suggestion
from prototxt.tables import is_repeated
from prototxt.upgrade.paths import Moved, Warnings

_V1 = schema.V1LayerParameter

TYPES = {
    "accuracy": _V1.ACCURACY, "bnll": _V1.BNLL, "concat": _V1.CONCAT, "conv": _V1.CONVOLUTION, "data": _V1.DATA,
    "dropout": _V1.DROPOUT, "euclidean_loss": _V1.EUCLIDEAN_LOSS, "flatten": _V1.FLATTEN,
    "hdf5_data": _V1.HDF5_DATA, "hdf5_output": _V1.HDF5_OUTPUT, "im2col": _V1.IM2COL, "images": _V1.IMAGE_DATA,
    "infogain_loss": _V1.INFOGAIN_LOSS, "innerproduct": _V1.INNER_PRODUCT, "lrn": _V1.LRN,
    "multinomial_logistic_loss": _V1.MULTINOMIAL_LOGISTIC_LOSS, "pool": _V1.POOLING, "relu": _V1.RELU,
    "sigmoid": _V1.SIGMOID, "softmax": _V1.SOFTMAX, "softmax_loss": _V1.SOFTMAX_LOSS, "split": _V1.SPLIT,
    "tanh": _V1.TANH, "window_data": _V1.WINDOW_DATA,
}  # fmt: skip

# Where the options of each type went.
_MESSAGES = {
    "conv": "convolution_param", "innerproduct": "inner_product_param", "pool": "pooling_param",
    "dropout": "dropout_param", "lrn": "lrn_param", "data": "data_param", "hdf5_data": "hdf5_data_param",
    "images": "image_data_param", "window_data": "window_data_param", "infogain_loss": "infogain_loss_param",
    "concat": "concat_param",
}  # fmt: skip

# Option: its present name, and the types that have it. Other types never used it.
_WINDOW = ("window_data",)
_OPTIONS = {
    "num_output": ("num_output", ("conv", "innerproduct")),
    "biasterm": ("bias_term", ("conv", "innerproduct")),
    "weight_filler": ("weight_filler", ("conv", "innerproduct")),
    "bias_filler": ("bias_filler", ("conv", "innerproduct")),
    "pad": ("pad", ("conv", "pool")),
    "kernelsize": ("kernel_size", ("conv", "pool")),
    "group": ("group", ("conv",)),
    "stride": ("stride", ("conv", "pool")),
    "pool": ("pool", ("pool",)),
    "dropout_ratio": ("dropout_ratio", ("dropout",)),
    "local_size": ("local_size", ("lrn",)),
    "alpha": ("alpha", ("lrn",)),
    "beta": ("beta", ("lrn",)),
    "k": ("k", ("lrn",)),
    "source": ("source", ("data", "hdf5_data", "images", "window_data", "infogain_loss")),
    "batchsize": ("batch_size", ("data", "hdf5_data", "images", "window_data")),
    "rand_skip": ("rand_skip", ("data", "images")),
    "shuffle_images": ("shuffle", ("images",)),
    "new_height": ("new_height", ("images",)),
    "new_width": ("new_width", ("images",)),
    "concat_dim": ("concat_dim", ("concat",)),
    "det_fg_threshold": ("fg_threshold", _WINDOW),
    "det_bg_threshold": ("bg_threshold", _WINDOW),
    "det_fg_fraction": ("fg_fraction", _WINDOW),
    "det_context_pad": ("context_pad", _WINDOW),
    "det_crop_mode": ("crop_mode", _WINDOW),
}
_TRANSFORMS = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
_SIGNED = ("new_height", "new_width")  # int32 then, uint32 now
_UNCHANGED = ("name", "blobs", "blobs_lr", "weight_decay")
_KEPT_OUTSIDE = ("bottom", "top", "layer")
_NEWER = ("input_shape", "state", "debug_info")  # fields of a net that V0 nets did not have yet


def upgrade(net: schema.NetParameter, warnings: Warnings) -> Moved:
    """Take every ``layers.layer`` apart. Raises PrototxtError where V0 and V1 are mixed or a type is unknown."""
    moved: Moved = {}
    if not any(layer.HasField("layer") for layer in net.layers):
        return moved
    old_layers = [copy.deepcopy(layer) for layer in net.layers]
    _check(old_layers)
    pads = _fold_padding(net, old_layers)
    for name in _NEWER:
        _drop_newer(net, name, warnings)
    del net.layers[:]
    for index, old in enumerate(old_layers):
        if old.layer.type == "padding":
            continue
        new_path, old_path = f"layers[{len(net.layers)}]", f"layers[{index}]"
        moved[new_path] = old_path
        new = net.layers.add()
        new.bottom.extend(old.bottom)
        new.top.extend(old.top)
        _warn_dropped(old, old_path, warnings)
        _LayerUpgrade(old, new, old_path, new_path, moved, warnings).run()
        if index in pads:
            target = "convolution_param.pad[0]" if old.layer.type == "conv" else "pooling_param.pad"
            moved[f"{new_path}.{target}"] = f"layers[{pads[index]}].layer.pad"
    return moved


def _check(layers: list[schema.V1LayerParameter]) -> None:
    for index, layer in enumerate(layers):
        if not layer.HasField("layer"):
            raise PrototxtError(
                'this layer has no "layer" inside, while others have; expected all layers in one syntax. '
                "Write all of them in the present one: layer { ... }.",
                field=f"layers[{index}]",
                layer_name=layer.name,
            )
        kind = layer.layer.type
        if layer.layer.HasField("type") and kind not in TYPES and kind != "padding":
            known = sorted([*TYPES, "padding"])
            raise PrototxtError(
                f'the type is "{kind}"; expected one of {", ".join(known)}.'
                f"{suggestion(kind, known) or ' Write one of them.'}",
                field=f"layers[{index}].layer.type",
                layer_name=layer.layer.name,
                layer_type=kind,
            )


def _fold_padding(net: schema.NetParameter, layers: list[schema.V1LayerParameter]) -> dict[int, int]:
    """Give each layer behind a padding layer its pad and its bottom; returns who got it from whom."""
    makers: dict[str, int] = {name: -1 for name in net.input}
    pads: dict[int, int] = {}
    for index, layer in enumerate(layers):
        for j, bottom in enumerate(layer.bottom):
            if bottom not in makers:
                raise PrototxtError(
                    f'bottom "{bottom}" is not a top of any earlier layer.'
                    f"{suggestion(bottom, makers) or ' Correct its name.'}",
                    field=f"layers[{index}].bottom[{j}]",
                    layer_name=layer.layer.name,
                    layer_type=layer.layer.type,
                )
            maker = makers[bottom]
            if maker >= 0 and layers[maker].layer.type == "padding":
                _check_padding(layer, layers[maker], index, maker)
                layer.layer.pad = layers[maker].layer.pad
                layer.bottom[j] = layers[maker].bottom[0]
                pads[index] = maker
        makers.update((top, index) for top in layer.top)
    return pads


def _check_padding(
    layer: schema.V1LayerParameter, padding: schema.V1LayerParameter, index: int, padding_index: int
) -> None:
    kind = layer.layer.type
    if kind not in ("conv", "pool") or len(layer.bottom) != 1:
        raise PrototxtError(
            f'"{padding.layer.name}" (padding) is a bottom of this layer; expected it in front of a conv or pool '
            "layer with one bottom. Give the layer itself a pad.",
            field=f"layers[{index}]",
            layer_name=layer.layer.name,
            layer_type=kind,
        )
    if len(padding.bottom) != 1 or len(padding.top) != 1:
        raise PrototxtError(
            f"this layer has {len(padding.bottom)} bottom and {len(padding.top)} top; expected one of each. "
            "Give each padded layer a padding layer of its own.",
            field=f"layers[{padding_index}]",
            layer_name=padding.layer.name,
            layer_type="padding",
        )


def _drop_newer(net: schema.NetParameter, name: str, warnings: Warnings) -> None:
    if any(field.name == name for field, _ in net.ListFields()):
        place = f"{name}[0]" if is_repeated(net.DESCRIPTOR.fields_by_name[name]) else name
        warnings.append((place, f"{name} has no meaning in a net of V0 layers; it is ignored."))
        net.ClearField(name)


def _warn_dropped(old: schema.V1LayerParameter, path: str, warnings: Warnings) -> None:
    for field, _ in old.ListFields():
        if field.name not in _KEPT_OUTSIDE:
            warnings.append((f"{path}.{field.name}", f"{field.name} has no meaning beside a V0 layer; it is ignored."))


class _LayerUpgrade:
    """One V0 layer on its way into a V1 layer."""

    def __init__(self, old, new, old_path: str, new_path: str, moved: Moved, warnings: Warnings) -> None:
        self.old, self.new = old.layer, new
        self.old_path, self.new_path = f"{old_path}.layer", new_path
        self.moved, self.warnings = moved, warnings

    def run(self) -> None:
        kind = self.old.type
        if self.old.HasField("type"):
            self.new.type = TYPES[kind]
            self.moved[f"{self.new_path}.type"] = f"{self.old_path}.type"
        for field, value in self.old.ListFields():
            name = field.name
            present, kinds = _OPTIONS.get(name, ("", ()))
            if kind in kinds:
                self._move(_MESSAGES[kind], present, name, value)
            elif name in _TRANSFORMS:
                self._move("transform_param", _TRANSFORMS[name], name, value)
            elif name in _UNCHANGED or (name == "hdf5_output_param" and kind == "hdf5_output"):
                self._keep(field, value)
            elif name != "type":
                self.warnings.append(
                    (f"{self.old_path}.{name}", f'{name} has no meaning for a layer of type "{kind}"; it is ignored.')
                )

    def _move(self, message: str, present: str, name: str, value) -> None:
        options = getattr(self.new, message)
        field = options.DESCRIPTOR.fields_by_name[present]
        path = f"{self.new_path}.{message}.{present}"
        if name in _SIGNED and value < 0:
            raise PrototxtError(
                f"{name} is {value}; expected 0 or more. Write 0 to keep each image's own size.",
                field=f"{self.old_path}.{name}",
                layer_name=self.old.name,
                layer_type=self.old.type,
            )
        if is_repeated(field):
            getattr(options, present).append(value)
            path += "[0]"
        elif field.message_type is not None:
            getattr(options, present).CopyFrom(value)
        else:
            setattr(options, present, value)
        self.moved[path] = f"{self.old_path}.{name}"
        self.moved.setdefault(f"{self.new_path}.{message}", self.old_path)

    def _keep(self, field, value) -> None:
        if is_repeated(field):
            getattr(self.new, field.name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(self.new, field.name).CopyFrom(value)
        else:
            setattr(self.new, field.name, value)
        self.moved[f"{self.new_path}.{field.name}"] = f"{self.old_path}.{field.name}"
