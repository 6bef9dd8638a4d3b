"""Net-level ``input``, ``input_shape`` and ``input_dim`` become an Input layer (upgrade_proto.cpp:938-975)."""

from __future__ import annotations

from prototxt import schema
from prototxt.errors import PrototxtError
from prototxt.upgrade.paths import Moved, Warnings

AXES = 4  # numbers of input_dim for each input: num, channels, height, width


def upgrade(net: schema.NetParameter, warnings: Warnings) -> Moved:
    """Put an Input layer called "input" in front. Inputs without any shape, as in old weight files, just go.

    Shapes and numbers beyond those of the inputs are left out, with a warning.
    """
    moved: Moved = {}
    if not net.input:
        return moved
    if net.input_shape or net.input_dim:
        _check_counts(net, warnings)
        moved = {f"layer[{i + 1}]": f"layer[{i}]" for i in range(len(net.layer))}
        _insert_layer(net, moved)
    for name in ("input", "input_shape", "input_dim"):
        net.ClearField(name)
    return moved


def _check_counts(net: schema.NetParameter, warnings: Warnings) -> None:
    inputs, shapes, dims = len(net.input), len(net.input_shape), len(net.input_dim)
    if shapes and shapes < inputs:
        raise PrototxtError(
            f"the net has {shapes} input_shape for {inputs} input; expected one for each. Give each input its shape.",
            field="input_shape[0]",
        )
    if not shapes and dims < AXES * inputs:
        raise PrototxtError(
            f"the net has {dims} input_dim for {inputs} input; expected {AXES * inputs}: "
            "num, channels, height and width of each. Give four numbers, or an input_shape.",
            field="input_dim[0]",
        )
    if shapes > inputs:
        sentence = f"the net has {shapes} input_shape for {inputs} input; those beyond them are ignored."
        warnings.append((f"input_shape[{inputs}]", sentence))
    elif not shapes and dims > AXES * inputs:
        sentence = f"the net has {dims} input_dim for {inputs} input, four for each; those beyond them are ignored."
        warnings.append((f"input_dim[{AXES * inputs}]", sentence))


def _insert_layer(net: schema.NetParameter, moved: Moved) -> None:
    layer = schema.LayerParameter(name="input", type="Input")
    moved["layer[0]"] = "input[0]"
    for i, name in enumerate(net.input):
        layer.top.append(name)
        moved[f"layer[0].top[{i}]"] = f"input[{i}]"
        shape = layer.input_param.shape.add()
        if net.input_shape:
            shape.CopyFrom(net.input_shape[i])
            moved[f"layer[0].input_param.shape[{i}]"] = f"input_shape[{i}]"
            continue
        shape.dim.extend(net.input_dim[AXES * i : AXES * (i + 1)])
        moved[f"layer[0].input_param.shape[{i}]"] = f"input_dim[{AXES * i}]"
        for axis in range(AXES):
            moved[f"layer[0].input_param.shape[{i}].dim[{axis}]"] = f"input_dim[{AXES * i + axis}]"
    net.layer.insert(0, layer)
