"""Binary caffemodels of any age are read; whatever is not one is said to be so."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdef.errors import WeightsError
from netdef.weights.blobs import blob_message
from netdef.weights.caffemodel import parse_caffemodel, read_caffemodel, write_caffemodel
from netdef.weights.wire import encode_bytes, encode_varint
from prototxt import schema


def sample_net():
    net = schema.NetParameter(name="sample")
    for name, kind, shapes in (("data", "Input", []), ("ip", "InnerProduct", [(3, 4), (3,)])):
        layer = net.layer.add(name=name, type=kind)
        for seed, shape in enumerate(shapes):
            layer.blobs.add().CopyFrom(blob_message(np.random.default_rng(seed).normal(size=shape).astype("f4")))
    return net


def field(number: int, content: bytes) -> bytes:
    return b"".join(encode_bytes(number, content))


def packed_floats(values) -> bytes:
    return field(5, struct.pack(f"<{len(values)}f", *values))


def legacy_shape(*sizes: int) -> bytes:
    return b"".join(encode_varint(i + 1 << 3) + encode_varint(size) for i, size in enumerate(sizes))


def v2_layer(blob: bytes, name: bytes = b"ip") -> bytes:
    return field(100, field(1, name) + field(2, b"InnerProduct") + field(7, blob))


def test_recorded_lenet(recorded_dir):
    path = recorded_dir / "lenet" / "lenet_iter_0.caffemodel"
    layers = {layer.name: layer for layer in read_caffemodel(path)}
    assert list(layers) == ["mnist", "conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "loss"]
    assert layers["conv2"].type == "Convolution"
    assert [blob.shape for blob in layers["conv2"].blobs] == [(50, 20, 5, 5), (50,)]
    message = schema.NetParameter.FromString(path.read_bytes())
    assert layers["ip2"].blobs[0].ravel().tolist() == list(message.layer[7].blobs[0].data)


def test_write_gives_the_bytes_of_caffe(recorded_dir, tmp_path):
    path = recorded_dir / "lenet" / "lenet_iter_0.caffemodel"
    net = schema.NetParameter(name="LeNet")
    old = schema.NetParameter.FromString(path.read_bytes())
    for layer, weights in zip(old.layer, read_caffemodel(path), strict=True):
        copy = net.layer.add()
        copy.CopyFrom(layer)
        copy.ClearField("blobs")
        copy.blobs.extend(map(blob_message, weights.blobs))
    write_caffemodel(tmp_path / "copy.caffemodel", net)
    assert (tmp_path / "copy.caffemodel").read_bytes() == path.read_bytes()


def test_write_then_read(tmp_path):
    write_caffemodel(tmp_path / "a.caffemodel", sample_net())
    data, ip = read_caffemodel(tmp_path / "a.caffemodel")
    assert (data.name, data.type, data.blobs) == ("data", "Input", [])
    assert np.array_equal(ip.blobs[0], np.random.default_rng(0).normal(size=(3, 4)).astype("f4"))
    assert ip.blobs[0].flags.aligned and ip.blobs[0].flags.writeable


def test_double_blobs_and_diffs():
    array = np.arange(6.0).reshape(2, 3)
    blob = blob_message(array, array + 1)
    assert list(blob.double_diff) == [1, 2, 3, 4, 5, 6]
    (layer,) = parse_caffemodel(v2_layer(blob.SerializeToString()))
    assert layer.blobs[0].dtype == np.float64
    assert np.array_equal(layer.blobs[0], array)


def test_scalar_and_empty_blobs():
    for array in (np.float32(7).reshape(()), np.empty((0, 3), np.float32)):
        (layer,) = parse_caffemodel(v2_layer(blob_message(array).SerializeToString()))
        assert layer.blobs[0].shape == array.shape
        assert np.array_equal(layer.blobs[0], array)


def test_v1_layer_with_legacy_shape():
    blob = legacy_shape(1, 1, 2, 3) + packed_floats(range(6))
    layer_type = encode_varint(5 << 3) + encode_varint(schema.V1LayerParameter.INNER_PRODUCT)
    (layer,) = parse_caffemodel(field(2, field(4, b"fc6") + layer_type + field(6, blob)))
    assert (layer.name, layer.type) == ("fc6", "InnerProduct")
    assert np.array_equal(layer.blobs[0], np.arange(6, dtype="f4").reshape(1, 1, 2, 3))


def test_v0_layer():
    blob = legacy_shape(1, 1, 2, 3) + packed_floats(range(6))
    inner = field(1, b"fc6") + field(2, b"innerproduct") + field(50, blob)
    (layer,) = parse_caffemodel(field(2, field(1, inner) + field(2, b"pool5")))
    assert (layer.name, layer.type) == ("fc6", "innerproduct")
    assert layer.blobs[0].shape == (1, 1, 2, 3)


def test_unpacked_values():
    values = b"".join(b"\x2d" + struct.pack("<f", i) for i in range(6))
    shape = field(7, b"\x08\x02\x08\x03")  # dimensions that are not packed either
    (layer,) = parse_caffemodel(v2_layer(values + shape))
    assert np.array_equal(layer.blobs[0], np.arange(6, dtype="f4").reshape(2, 3))


def test_raw_half_values():
    raw = field(12, np.arange(6, dtype="<f2").tobytes()) + b"\x50\x02" + field(7, field(1, b"\x02\x03"))
    (layer,) = parse_caffemodel(v2_layer(raw))
    assert layer.blobs[0].dtype == np.float32
    assert np.array_equal(layer.blobs[0], np.arange(6, dtype="f4").reshape(2, 3))


def test_fields_of_forks_are_passed_over():
    """Numbers that collide with Caffe's carry other wire types and nonsense; nobody asks for them."""
    junk = field(101, b"\xff\xff\xff") + b"\x98\x06\x07" + field(143, b"\x00") + b"\xbd\x0b\x00\x00\x80\x3f"
    blob = blob_message(np.ones((2, 3), "f4")).SerializeToString()
    layer = field(100, junk + field(1, b"ip") + field(7, blob) + junk)
    (found,) = parse_caffemodel(layer + b"\x20\x05" + field(8000, b"junk"))
    assert (found.name, found.blobs[0].shape) == ("ip", (2, 3))


# -- what is wrong with a file ---------------------------------------------------------------------------------


def complaint(content: bytes, path: str = "w.caffemodel") -> str:
    with pytest.raises(WeightsError) as caught:
        parse_caffemodel(content, path)
    return str(caught.value)


def test_missing_file():
    with pytest.raises(WeightsError) as caught:
        read_caffemodel("nowhere.caffemodel")
    assert str(caught.value) == (
        "nowhere.caffemodel: cannot be read: No such file or directory; a binary caffemodel is expected. "
        "Check the path."
    )


def test_empty_file(tmp_path):
    path = tmp_path / "w.caffemodel"
    path.write_bytes(b"")
    with pytest.raises(WeightsError) as caught:
        read_caffemodel(path)
    assert str(caught.value) == (
        f"{path}: is empty; a binary caffemodel is expected. It was probably cut off while it was written or copied."
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'name: "LeNet"\nlayer {\n}\n', "prototxt text"),
        (b'# a comment\nname: "LeNet"\n', "prototxt text"),
        (b"<!DOCTYPE html><html></html>", "a web page; the download probably failed"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        (b"PK\x03\x04" + bytes(100), "a zip archive (PyTorch and Keras write such files)"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer instead of the file itself; fetch it with git lfs pull",
        ),
    ],
)
def test_foreign_files(content, found):
    assert complaint(content) == (
        f"w.caffemodel: seems to be {found}; a binary caffemodel is expected. Name the right file."
    )


def test_truncated_file():
    content = sample_net().SerializeToString()
    assert complaint(content[:-3]) == (
        f'w.caffemodel: ends at byte {len(content) - 3}, after layer "data", before it is complete '
        "(field 100 goes 3 bytes beyond its end); all of a binary caffemodel is expected. "
        "It was cut off; take another copy or an older snapshot."
    )


def test_count_that_does_not_fit_the_shape():
    blob = field(7, field(1, b"\x02\x03")) + packed_floats(range(5))
    assert complaint(v2_layer(blob)) == (
        'w.caffemodel: is damaged or no binary caffemodel: layer "ip", blob 0: '
        "it holds 5 values; its shape (2, 3) has 6 (byte 23, in layer 1); a binary caffemodel is expected. "
        "Take another copy or an older snapshot."
    )


def test_wrong_wire_type():
    assert complaint(b"\xa0\x06\x01") == (
        "w.caffemodel: is damaged or no binary caffemodel: a layer is varint; it must be "
        "length-delimited (byte 2, in layer 1); a binary caffemodel is expected. "
        "Take another copy or an older snapshot."
    )


def test_file_without_layers():
    assert complaint(field(1, b"LeNet")) == (
        "w.caffemodel: is damaged or no binary caffemodel: it holds no layer (byte 0); "
        "a binary caffemodel is expected. Take another copy or an older snapshot."
    )


def test_every_truncation_is_an_error_or_ends_between_layers():
    """The format cannot tell a file that ends between two layers; everything else must be noticed."""
    content = sample_net().SerializeToString()
    whole_parts = {len(schema.NetParameter(name="sample").SerializeToString())}
    for end in range(1, len(content)):
        try:
            layers = parse_caffemodel(content[:end])
        except WeightsError:
            continue
        assert [layer.name for layer in layers] == ["data"]
        whole_parts.add(end)
    assert len(whole_parts) == 2


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_random_bytes_never_crash(content):
    try:
        parse_caffemodel(content)
    except WeightsError:
        pass


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_flipped_bits_never_crash(data):
    content = bytearray(sample_net().SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        parse_caffemodel(bytes(content))
    except WeightsError:
        pass
