import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support.nets import make_layer

SIZES = "batch_size: 2 channels: 3 height: 4 width: 5"


def text(sizes=SIZES, extra=""):
    return f'layer {{ name: "L" type: "MemoryData" top: "data" top: "label" memory_data_param {{ {sizes} }} {extra} }}'


def arrays(items, dtype=np.float32):
    data = np.random.default_rng(1701).normal(size=(items, 3, 4, 5)).astype(dtype)
    return data, np.arange(items, dtype=dtype)


def test_shapes():
    run = make_layer(text(), [])
    assert [top.shape for top in run.top] == [(2, 3, 4, 5), (2,)]
    run.layer.reset(*arrays(2))
    run.forward()
    assert [top.shape for top in run.top] == [(2, 3, 4, 5), (2, 1, 1, 1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_follow_each_other_and_start_over(dtype):
    run = make_layer(text(), [], dtype=dtype)
    data, labels = arrays(6, dtype)
    run.layer.reset(data, labels)
    for start in (0, 2, 4, 0):
        run.forward()
        np.testing.assert_array_equal(run.top[0].data, data[start : start + 2])
        np.testing.assert_array_equal(run.top[1].data.reshape(-1), [start, start + 1])
    np.testing.assert_array_equal(data, arrays(6, dtype)[0])


def test_arrays_are_read_when_they_are_served():
    run = make_layer(text(), [])
    data, labels = arrays(2)
    run.layer.reset(data, labels)
    data[...] = 9
    assert (run.forward().top[0].data == 9).all()


def test_other_dtypes_layouts_and_label_shapes():
    run = make_layer(text(), [])
    data = np.asfortranarray(np.arange(240, dtype=np.uint8).reshape(4, 3, 4, 5))
    run.layer.reset(data, np.arange(4).reshape(4, 1, 1, 1), 2)
    np.testing.assert_array_equal(run.forward().top[0].data, data[:2])
    np.testing.assert_array_equal(run.forward().top[0].data, data[:2])


def test_images_are_transformed():
    sizes, transform = "batch_size: 2 channels: 1 height: 2 width: 2", "transform_param { scale: 0.5 crop_size: 2 }"
    run = make_layer(text(sizes, transform), [], schema.TEST)
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    run.layer.add_images([image, image + 16], [7, 8])
    run.forward()
    np.testing.assert_array_equal(run.top[0].data[:, 0], [[[2.5, 3], [4.5, 5]], [[10.5, 11], [12.5, 13]]])
    np.testing.assert_array_equal(run.top[1].data.reshape(-1), [7, 8])


def test_images_wait_for_those_before_them():
    run = make_layer(text(), [])
    images = [np.full((3, 4, 5), i, np.uint8) for i in range(4)]
    run.layer.add_images(images, range(4))
    run.forward()
    for call in (lambda: run.layer.add_images(images, range(4)), lambda: run.layer.set_batch_size(4)):
        with pytest.raises(LayerError, match="while 2 added images have not been served. Run forward until they have."):
            call()
    run.forward()
    run.layer.set_batch_size(4)
    run.layer.add_images(images, range(4))
    assert run.forward().top[0].shape == (4, 3, 4, 5)


def test_resumes_where_it_was():
    run, other = make_layer(text(), []), make_layer(text(), [])
    for one in (run, other):
        one.layer.reset(*arrays(6))
    run.forward()
    other.layer.restore(run.layer.state())
    np.testing.assert_array_equal(run.forward().top[0].data, other.forward().top[0].data)


def test_set_input_arrays():
    net = Net(parse_net(text() + 'layer { name: "s" type: "Silence" bottom: "label" }'), schema.TEST)
    data, labels = arrays(4)
    net.set_input_arrays(data, labels)
    np.testing.assert_array_equal(net.forward()["data"], data[:2])
    np.testing.assert_array_equal(net.forward()["data"], data[2:])


def test_reset_tells_that_it_does_not_transform():
    run = make_layer(text(extra="transform_param { scale: 2 }"), [])
    with pytest.warns(UserWarning) as caught:
        run.layer.reset(*arrays(2))
    assert str(caught[0].message) == (
        'layer "L" (MemoryData): transform_param does not apply to arrays; '
        "transform them beforehand or call add_images."
    )


@pytest.mark.parametrize(
    "sizes, message, field",
    [
        (
            "batch_size: 2 channels: 3 width: 5",
            "height is 0 or missing; batch_size, channels, height and width must be positive. Give height.",
            "",
        ),
        (
            "batch_size: 0 channels: 3 height: 4 width: 5",
            "batch_size is 0 or missing; batch_size, channels, height and width must be positive. Give batch_size.",
            ".batch_size",
        ),
        (
            "batch_size: 65536 channels: 65536 height: 1 width: 1",
            "a blob of shape (65536, 65536, 1, 1) is asked for, 4294967296 elements; there may be 2147483647 at most. "
            "Make it smaller.",
            "",
        ),
    ],
)
def test_errors_of_the_definition(sizes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(sizes), [])
    assert str(caught.value) == 'layer "L" (MemoryData): ' + message
    assert caught.value.field == "memory_data_param" + field


@pytest.mark.parametrize(
    "act, message",
    [
        (
            lambda layer: layer.forward([], []),
            "has no data yet; arrays must be given before a forward pass. Call net.set_input_arrays(data, labels).",
        ),
        (
            lambda layer: layer.reset(np.zeros((2, 3, 5, 4)), [0, 1]),
            "was given data of shape (2, 3, 5, 4); expected (n, 3, 4, 5). Reshape or resize them.",
        ),
        (
            lambda layer: layer.reset(np.zeros((2, 3, 4, 5)), [0, 1, 2]),
            "was given 2 items and 3 labels; each item has one label. Make them equal.",
        ),
        (
            lambda layer: layer.reset(*arrays(3)),
            "was given 3 items; their number must be a positive multiple of batch_size 2. "
            "Add or remove items, or change batch_size.",
        ),
        (
            lambda layer: layer.add_images([], []),
            "was given 0 items; their number must be a positive multiple of batch_size 2. "
            "Add or remove items, or change batch_size.",
        ),
        (
            lambda layer: layer.set_batch_size(0),
            "batch_size 0 was asked for; it must be at least 1. Raise it.",
        ),
    ],
)
def test_errors_of_a_call(act, message):
    with pytest.raises(LayerError) as caught:
        act(make_layer(text(), []).layer)
    assert str(caught.value) == 'layer "L" (MemoryData): ' + message
