import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from netdef.net import Net
from prototxt import parse_net
from tests.naive import upsample as naive
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (2, 3, 2, 4)


def text(fields="", mask=True):
    bottoms = 'bottom: "b" bottom: "mask"' if mask else 'bottom: "b"'
    return f'layer {{ name: "L" type: "Upsample" {bottoms} top: "t" upsample_param {{ {fields} }} }}'


def draw(shape=SHAPE, seed=1701):
    return np.random.default_rng(seed).normal(0, 1, shape)


def draw_mask(places, shape=SHAPE):
    """A place of its own for each value of a channel."""
    generator = np.random.default_rng(5)
    rows = [generator.permutation(places)[: shape[2] * shape[3]] for _ in range(shape[0] * shape[1])]
    return np.array(rows, float).reshape(shape)


def test_by_hand():
    run = run_layer(text(), [np.array([1, 2]).reshape(1, 1, 1, 2), np.array([4, 3]).reshape(1, 1, 1, 2)])
    np.testing.assert_array_equal(run.top[0].data, [[[[0, 0, 0, 2], [1, 0, 0, 0]]]])
    run.backward([np.arange(8).reshape(1, 1, 2, 4)])
    np.testing.assert_array_equal(run.bottom[0].diff, [[[[4, 3]]]])
    run = run_layer(text("scale_h: 1 scale_w: 2", mask=False), [np.array([1, 2]).reshape(1, 1, 1, 2)])
    np.testing.assert_array_equal(run.top[0].data, [[[[1, 1, 2, 2]]]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fields, size",
    [
        ("", (4, 8)),
        ("scale: 3", (6, 12)),
        ("scale_h: 2 scale_w: 3", (4, 12)),
        ("pad_out_h: true", (3, 8)),
        ("pad_out_h: true pad_out_w: true", (3, 7)),
        ("scale: 2 upsample_h: 5 upsample_w: 9", (5, 9)),
    ],
)
def test_twin_with_a_mask(fields, size, dtype):
    bottom, mask = draw(), draw_mask(size[0] * size[1])
    run = run_layer(text(fields), [bottom, mask], dtype=dtype)
    np.testing.assert_array_equal(run.top[0].data, naive.unpool(bottom, mask, *size).astype(dtype))
    top_diff = draw(run.top[0].shape, 2)
    run.backward([top_diff])
    np.testing.assert_array_equal(run.bottom[0].diff, naive.unpool_backward(mask, top_diff).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fields, scale", [("", (2, 2)), ("scale: 1", (1, 1)), ("scale_h: 3 scale_w: 2", (3, 2))])
def test_twin_of_repeating(fields, scale, dtype):
    bottom = draw()
    run = run_layer(text(fields, mask=False), [bottom], dtype=dtype)
    np.testing.assert_array_equal(run.top[0].data, naive.repeat(bottom, *scale).astype(dtype))
    top_diff = draw(run.top[0].shape, 2)
    run.backward([top_diff])
    np.testing.assert_allclose(run.bottom[0].diff, naive.repeat_backward(SHAPE, top_diff, *scale), 1e-5, 1e-6)


def test_one_place_for_several_values():
    run = run_layer(text(), [np.array([1, 2]).reshape(1, 1, 1, 2), np.full((1, 1, 1, 2), 5)])
    assert run.top[0].data.reshape(-1)[5] == 2
    run.backward([np.arange(8).reshape(1, 1, 2, 4)])
    np.testing.assert_array_equal(run.bottom[0].diff, [[[[5, 5]]]])


def test_undoes_a_pooling_in_a_net():
    net = Net(
        parse_net(
            'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 7 } } }'
            'layer { name: "p" type: "Pooling" bottom: "data" top: "p" top: "mask" '
            "pooling_param { kernel_size: 2 stride: 2 } }"
            'layer { name: "u" type: "Upsample" bottom: "p" bottom: "mask" top: "u" '
            "upsample_param { upsample_h: 5 upsample_w: 7 } }"
        )
    )
    image = np.random.default_rng(1).normal(5, 1, (1, 2, 5, 7)).astype(np.float32)
    result = net.forward(data=image)["u"]
    assert ((result == image) | (result == 0)).all() and (result != 0).sum() == 2 * 3 * 4


def test_the_mask_has_no_gradient():
    run = run_layer(text(), [draw(), draw_mask(32)])
    run.bottom[1].diff[...] = 7
    run.backward([draw((2, 3, 4, 8))], [False, True])
    assert not run.bottom[0].diff.any() and not run.bottom[1].diff.any()
    assert run.layer.allow_force_backward(0) and not run.layer.allow_force_backward(1)


def test_parallel_kernels_give_the_bits_of_the_serial_ones(monkeypatch):
    def both():
        result = []
        for run in (run_layer(text(), [draw(), draw_mask(32)]), run_layer(text(mask=False), [draw()])):
            run.backward([draw(run.top[0].shape, 2)])
            result += [run.top[0].data, run.bottom[0].diff]
        return result

    one = both()
    monkeypatch.setattr("netdef.kernels._size.PARALLEL_FROM", 0)
    for mine, other in zip(both(), one):
        np.testing.assert_array_equal(mine, other)


def test_gradients():
    check_gradients(text(), [draw(), draw_mask(32)])
    check_gradients(text("scale_h: 1 scale_w: 3", mask=False), [draw((1, 2, 2, 3))])


@pytest.mark.parametrize(
    "fields, mask, message, field",
    [
        ("upsample_h: 5", True, "has upsample_h but no upsample_w; both are needed. Add upsample_w.", "upsample_h"),
        ("scale_w: 5", True, "has scale_w but no scale_h; both are needed. Add scale_h.", "scale_w"),
        (
            "scale: 2 scale_h: 2 scale_w: 2",
            True,
            "has both scale and scale_h; only one of the two ways may be used. Keep scale, or scale_h and scale_w.",
            "scale",
        ),
        ("scale: 1", True, "scale is 1; it must be at least 2. Raise it.", "scale"),
        ("scale: 0", False, "scale is 0; it must be at least 1. Raise it.", "scale"),
        ("upsample_h: 4 upsample_w: 1", True, "upsample_w is 1; it must be at least 2. Raise it.", "upsample_w"),
        (
            "scale: 3 pad_out_w: true",
            True,
            "pad_out_w is true with a scale of 3; it needs 2, or the size of the top is not known. "
            "Use upsample_h and upsample_w.",
            "pad_out_w",
        ),
        (
            "pad_out_h: true",
            False,
            "has pad_out_h but no second bottom; without a mask pixels are repeated scale times. "
            "Add the mask, the second top of a Pooling, as a bottom, or use scale.",
            "pad_out_h",
        ),
    ],
)
def test_errors(fields, mask, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields, mask), [draw(), draw_mask(8)][: 1 + mask])
    assert str(caught.value) == f'layer "L" (Upsample): {message}'
    assert caught.value.field == f"upsample_param.{field}"


@pytest.mark.parametrize(
    "shapes, message",
    [
        (
            [(2, 3, 4), (2, 3, 4)],
            'bottom "b" has shape (2, 3, 4); it must have 4 axes, (num, channels, height, width). Reshape it.',
        ),
        (
            [SHAPE, (2, 3, 4, 2)],
            'bottom "mask", the mask, has shape (2, 3, 4, 2) but bottom "b" has shape (2, 3, 2, 4); they must be '
            "equal. Take the mask of the pooling that is undone.",
        ),
    ],
)
def test_shapes_that_do_not_fit(shapes, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "L" (Upsample): {message}'


@pytest.mark.parametrize("place", [32, -1, np.nan])
def test_a_place_outside_of_the_top(place):
    mask = draw_mask(32)
    mask[1, 2, 0, 3] = place
    with pytest.raises(DataError) as caught:
        run_layer(text(), [draw(), mask])
    assert str(caught.value) == (
        f'layer "L" (Upsample): bottom "mask", the mask, holds {place:g} at index (1, 2, 0, 3); the top has 4x8 '
        "pixels, 0 to 31. Set upsample_h and upsample_w to the size that the pooling had before it."
    )
