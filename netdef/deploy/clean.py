"""What training leaves on a layer, and the layers that only training needs."""

from __future__ import annotations

from prototxt import schema
from prototxt.tables import is_repeated

TRAINING_FIELDS = ("include", "exclude", "phase", "loss_weight", "propagate_down")
KEEP_FILLERS = frozenset({"DummyData"})  # its fillers make the data


def clean_layer(param: schema.LayerParameter, notes: list[str]) -> schema.LayerParameter:
    """A copy without rules, loss weights, learning rates and fillers; names of shared params stay."""
    layer = schema.LayerParameter()
    layer.CopyFrom(param)
    for name in TRAINING_FIELDS:
        layer.ClearField(name)
    _clean_params(layer)
    if layer.type not in KEEP_FILLERS:
        _clear_fillers(layer)
    if layer.type == "BatchNorm" and not layer.batch_norm_param.use_global_stats:
        _use_global_stats(layer, notes)
    return layer


def _clean_params(layer: schema.LayerParameter) -> None:
    named = [index for index, spec in enumerate(layer.param) if spec.HasField("name")]
    del layer.param[named[-1] + 1 if named else 0 :]
    for spec in layer.param:
        spec.ClearField("lr_mult")
        spec.ClearField("decay_mult")


def _clear_fillers(layer: schema.LayerParameter) -> None:
    for field, value in layer.ListFields():
        if field.message_type is None or is_repeated(field) or field.name == "transform_param":
            continue
        for inner, _ in value.ListFields():
            if inner.message_type is not None and inner.message_type.name == "FillerParameter":
                value.ClearField(inner.name)
        if not value.ListFields():
            layer.ClearField(field.name)


def _use_global_stats(layer: schema.LayerParameter, notes: list[str]) -> None:
    """In the TEST phase the default is the stored statistics (batch_norm_layer.cpp:13-15)."""
    if not layer.batch_norm_param.HasField("use_global_stats"):
        return
    layer.batch_norm_param.ClearField("use_global_stats")
    if not layer.batch_norm_param.ListFields():
        layer.ClearField("batch_norm_param")
    notes.append(
        f'Layer "{layer.name}" (BatchNorm) took the statistics of the batch (use_global_stats: false); the deploy '
        "net takes the stored ones."
    )


def drop_dropout(layers: list[schema.LayerParameter], notes: list[str]) -> list[schema.LayerParameter]:
    """The layers without Dropout, which passes its bottom on when the net is not trained.

    Readers of a Dropout's top read its bottom instead. One stays where that is not possible: its bottom is
    worked on in place while the top is still read.
    """
    renamed: dict[str, str] = {}
    result = []
    for index, layer in enumerate(layers):
        for position, bottom in enumerate(layer.bottom):
            layer.bottom[position] = renamed.get(bottom, bottom)
        if _is_identity(layer):
            below, top = layer.bottom[0], layer.top[0]
            if below == top:
                continue
            if not _is_overwritten(layers[index + 1 :], below, top):
                renamed[top] = below
                continue
            notes.append(f'Layer "{layer.name}" (Dropout) was kept: "{below}" is changed while "{top}" is in use.')
        for top in layer.top:
            renamed.pop(top, None)
        result.append(layer)
    return result


def _is_identity(layer: schema.LayerParameter) -> bool:
    return layer.type == "Dropout" and len(layer.bottom) == 1 and len(layer.top) == 1


def _is_overwritten(later: list[schema.LayerParameter], below: str, top: str) -> bool:
    """Whether some layer writes ``below`` anew before the last reader of ``top``, or ``top`` is an output."""
    writers = [index for index, layer in enumerate(later) if below in layer.top]
    readers = [index for index, layer in enumerate(later) if top in layer.bottom]
    return bool(writers) and (not readers or writers[0] < readers[-1])
