"""Write ``netdef_caffe_pb2.py`` from ``netdef_caffe.proto``: ``python -m prototxt.compile_schema``.

protoc checks the text and turns it into a descriptor. The module around it is ours rather than
protoc's, because protoc ties its modules to the protobuf release it came with: this one runs on every
protobuf from 3.20 on, and is the same to the last byte whichever protoc compiled it.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
PROTO = FOLDER / "netdef_caffe.proto"
MODULE = FOLDER / "netdef_caffe_pb2.py"
DESCRIPTOR_BYTES_PER_LINE = 24

TEMPLATE = '''\
"""The messages of netdef_caffe.proto. Made by prototxt.compile_schema: change the .proto, not this file."""
# ruff: noqa
from google.protobuf import descriptor_pool
from google.protobuf.internal import builder

PROTO_SHA256 = "{digest}"
DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(
{descriptor}
)
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, __name__, globals())
'''


def proto_digest() -> str:
    """SHA-256 of the .proto with Unix line ends, as hexadecimal digits."""
    return hashlib.sha256(PROTO.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def serialized_descriptor() -> bytes:
    """What protoc makes of the .proto: a FileDescriptorProto. Needs grpcio-tools."""
    from google.protobuf import descriptor_pb2
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "descriptors"
        status = protoc.main(
            ["protoc", f"--proto_path={FOLDER}", f"--descriptor_set_out={output}", PROTO.name]
        )
        if status != 0:
            raise SystemExit(f"protoc ended with status {status}; see its messages above.")
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    _drop_json_names(files[0].message_type)
    return files[0].SerializeToString(deterministic=True)


def _drop_json_names(messages) -> None:
    """protoc adds the JSON name of every field, which follows from its name."""
    for message in messages:
        for field in message.field:
            field.ClearField("json_name")
        _drop_json_names(message.nested_type)


def module_text() -> str:
    """The whole text of the generated module."""
    descriptor = serialized_descriptor()
    starts = range(0, len(descriptor), DESCRIPTOR_BYTES_PER_LINE)
    lines = [f"    {descriptor[i : i + DESCRIPTOR_BYTES_PER_LINE]!r}" for i in starts]
    return TEMPLATE.format(digest=proto_digest(), descriptor="\n".join(lines))


if __name__ == "__main__":
    MODULE.write_text(module_text(), encoding="utf-8", newline="\n")
    print(f"wrote {MODULE.name}")
