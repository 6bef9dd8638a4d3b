"""Definitions with layer types that nobody registered: all of them are reported at once."""

from __future__ import annotations

import os
from collections.abc import Sequence

import netdef.layers  # noqa: F401  (the layer types register themselves)
from netdef.errors import NetError, suggestion
from netdef.forks import fork_of
from netdef.layer import LAYERS
from prototxt import Document, PrototxtError, load_net


def load_definition(path: str | os.PathLike) -> Document:
    """`prototxt.load_net`, but where a layer of unknown type has fields of its own, the types are what is reported.

    Raises NetError naming all unknown types of the net, PrototxtError for anything else that is wrong.
    """
    try:
        return load_net(path)
    except PrototxtError as error:
        if error.layer_type and error.layer_type not in LAYERS:
            _report_types(path)
        raise


def _report_types(path: str | os.PathLike) -> None:
    """Raise what is to be said about the types of the net. Returns where they are all known, or nothing can be read."""
    try:
        document = load_net(path, lenient=True)
    except PrototxtError:
        return
    layers = [(f"layer[{i}]", layer.name, layer.type) for i, layer in enumerate(document.message.layer)]
    refuse_unknown_types(document, layers)


def refuse_unknown_types(document: Document, layers: Sequence[tuple[str, str, str]]) -> None:
    """Raise a NetError about those of ``layers``, paths, names and types, whose type nobody registered.

    Whoever ports a net wants the whole list.
    """
    unknown = [layer for layer in layers if layer[2] not in LAYERS]
    if not unknown:
        return
    path, name, kind = unknown[0]
    message = LAYERS.unknown(kind) + fork_of(kind)
    for other_path, other_name, other_kind in unknown[1:]:
        place = document.location(f"{other_path}.type")
        message += f'\n{place}: layer "{other_name}" ({other_kind}): unknown layer type as well.'
        message += suggestion(other_kind, LAYERS) + fork_of(other_kind)
    raise NetError(message, location=document.location(f"{path}.type"), layer_name=name, layer_type=kind, field="type")
