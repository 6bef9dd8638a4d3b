"""Binary ``.caffemodel`` files: the learned values of a net, layer by layer.

Only layer name, type and blobs are believed, whichever fork wrote the file; the architecture comes from text.
Source: Caffe src/caffe/proto/caffe.proto (NetParameter, LayerParameter, V1LayerParameter, V0LayerParameter),
src/caffe/net.cpp (ToProto, CopyTrainedLayersFromBinaryProto).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf.message import DecodeError, EncodeError

from netdef.errors import Location, WeightsError
from netdef.weights import wire
from netdef.weights.atomic import write_atomically
from netdef.weights.blobs import blob_chunks, read_blob
from netdef.weights.files import map_file, read_file, unreadable
from prototxt import schema
from prototxt.upgrade.v1 import TYPES as V1_TYPES

if TYPE_CHECKING:
    from google.protobuf.message import Message

WHAT = "a binary caffemodel"

# NetParameter's fields
_NET_NAME, _NET_LAYERS_V1, _NET_LAYER = 1, 2, 100
_MOST_BYTES = 2**31 - 1  # of a message that protocol buffers can read


@dataclass
class LayerWeights:
    """The blobs of one layer in a file. A blob is None where the file leaves it to the layer that owns it.

    ``type`` is "" where the file does not say it in words or numbers that Caffe knows.
    """

    name: str
    type: str = ""
    blobs: list[np.ndarray | None] = field(default_factory=list)


@dataclass(frozen=True)
class _Version:
    """Field numbers of one generation of layer messages."""

    name: int
    type: int
    blobs: int


_V2 = _Version(name=1, type=2, blobs=7)
_V1 = _Version(name=4, type=5, blobs=6)
_V0 = _Version(name=1, type=2, blobs=50)
_V1_INNER_V0 = 1  # V1LayerParameter.layer: a V0 layer inside


def read_caffemodel(path: str | os.PathLike[str]) -> list[LayerWeights]:
    """The layers of a binary caffemodel of any age (V0, V1, V2), in file order, those without blobs too.

    Raises
    ------
    WeightsError
        A file that is missing, empty, cut off, damaged or something else; what was found, and where.
    """
    return parse_caffemodel(read_file(path, WHAT), path)


def map_caffemodel(path: str | os.PathLike[str]) -> list[LayerWeights]:
    """`read_caffemodel` with blobs that are views of the file, where it has them as they are: to copy from."""
    return parse_caffemodel(map_file(path, WHAT), path, views=True)


def parse_caffemodel(
    content: bytes | memoryview, path: str | os.PathLike[str] = "<bytes>", views: bool = False
) -> list[LayerWeights]:
    """`read_caffemodel` of bytes; ``path`` is for messages. With ``views`` the blobs may be views of the bytes."""
    data = memoryview(content)
    layers: list[LayerWeights] = []
    where = ""
    try:
        for found in wire.fields(data, 0, len(data)):
            where = f"in layer {len(layers) + 1}"
            if found.number == _NET_NAME:
                wire.text(data, found, "the net's name")
            elif found.number == _NET_LAYER:
                layers.append(_read_layer(data, found.expect(wire.LENGTH, "a layer"), _V2, views))
            elif found.number == _NET_LAYERS_V1:
                layers.append(_read_layer(data, found.expect(wire.LENGTH, "a layer"), _V1, views))
            where = f'after layer "{layers[-1].name}"' if layers else ""
    except wire.WireError as error:
        raise unreadable(path, bytes(content), error, WHAT, where) from None
    if not layers:
        raise unreadable(path, bytes(content), wire.WireError(0, "it holds no layer"), WHAT)
    return layers


def read_net(path: str | os.PathLike[str]) -> schema.NetParameter:
    """All of a binary caffemodel as it was written, definition included; for upgrades of Caffe's own files.

    Raises
    ------
    WeightsError
        As `read_caffemodel`; also where a fork wrote fields that mean something else here.
    """
    content = read_file(path, WHAT)
    parse_caffemodel(content, path)
    try:
        return schema.NetParameter.FromString(content)
    except DecodeError:
        raise WeightsError(
            "holds a definition that Caffe's own programs did not write; a file of Caffe's is expected. "
            "Load it with a prototxt: from it only names and values are needed then.",
            location=Location(os.fspath(path)),
        ) from None


def _read_layer(data: memoryview, message: wire.Field, version: _Version, views: bool) -> LayerWeights:
    layer = LayerWeights("")
    for found in wire.fields(data, message.start, message.end):
        if found.number == version.name:
            layer.name = wire.text(data, found, "a layer's name")
        elif found.number == version.blobs:
            layer.blobs.append(_read_blob(data, found, layer, views))
        elif found.number == version.type:
            layer.type = _read_type(data, found, version)
        elif version is _V1 and found.number == _V1_INNER_V0 and found.kind == wire.LENGTH:
            inner = _read_layer(data, found, _V0, views)
            layer = LayerWeights(layer.name or inner.name, layer.type or inner.type, layer.blobs + inner.blobs)
    return layer


def _read_blob(data: memoryview, found: wire.Field, layer: LayerWeights, views: bool) -> np.ndarray:
    found.expect(wire.LENGTH, "a blob")
    try:
        return read_blob(data, found.start, found.end, views)
    except wire.WireError as error:
        message = f'layer "{layer.name}", blob {len(layer.blobs)}: {error.message}'
        raise wire.WireError(error.offset, message, error.truncated) from None


def _read_type(data: memoryview, found: wire.Field, version: _Version) -> str:
    if version is not _V1:
        return wire.text(data, found, "a layer's type")
    number = found.expect(wire.VARINT, "a layer's type").value
    known = schema.V1LayerParameter.LayerType
    return V1_TYPES.get(known.Name(number), "") if number in known.values() else ""


def write_caffemodel(path: str | os.PathLike[str], message: schema.NetParameter) -> None:
    """Write ``message`` (a ``schema.NetParameter`` with blobs) whole or not at all; Caffe reads the file."""
    write_atomically(path, serialized(message, path))


def write_layers(path: str | os.PathLike[str], name: str, layers: Iterable[tuple]) -> None:
    """Write a net of that ``name`` whole or not at all, without a copy of its values.

    ``layers`` are pairs of a LayerParameter, whose own blobs do not count, and the values of its blobs.
    """
    pairs = []
    for param, arrays in layers:
        bare = schema.LayerParameter()
        bare.CopyFrom(param)
        bare.ClearField("blobs")
        pairs.append((bare, [_Values(array) for array in arrays]))
    write_atomically(path, model_chunks(name, pairs, path))


@dataclass
class _Values:
    """A blob without a gradient."""

    data: np.ndarray
    diff: np.ndarray | None = None


def serialized(message: Message, path: str | os.PathLike[str]) -> bytes:
    """The bytes of a message; a WeightsError where it is larger than the format allows."""
    try:
        return message.SerializePartialToString()
    except EncodeError as error:
        raise _too_large(path, str(error)) from error


def model_chunks(name: str, layers: Iterable[tuple], path: str | os.PathLike[str]) -> list:
    """The bytes of a caffemodel in chunks, most of them views of the arrays.

    Parameters
    ----------
    name : str
        The net's.
    layers : iterable of pairs
        The LayerParameter without blobs, and the blobs: things with arrays ``data`` and ``diff``, which may be None.
    path
        For messages.

    Raises
    ------
    WeightsError
        Where the whole is larger than the format allows.
    """
    chunks = [schema.NetParameter(name=name).SerializeToString()]
    for param, blobs in layers:
        encoded = [wire.encode_bytes(_V2.blobs, *blob_chunks(blob.data, blob.diff)) for blob in blobs]
        inner = [param.SerializePartialToString(), *(chunk for blob in encoded for chunk in blob)]
        chunks += wire.encode_bytes(_NET_LAYER, *inner)
    size = sum(map(len, chunks))
    if size > _MOST_BYTES:
        raise _too_large(path, f"it would have {size} bytes")
    return chunks


def _too_large(path, cause: str) -> WeightsError:
    return WeightsError(
        f"cannot be written: {cause}; a binary file holds up to 2 GiB. Use snapshot_format: HDF5.",
        location=Location(str(path)),
    )
