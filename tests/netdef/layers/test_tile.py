"""Tile: a drawn case, the twin over axes, gradients, recorded values, bad fields."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.tile import tile, tile_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(fields, top="t"):
    return f'layer {{ name: "L" type: "Tile" bottom: "b" top: "{top}" tile_param {{ {fields} }} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text("tiles: 2"), [[[1, 2], [3, 4]]]).backward([[[1, 2, 10, 20], [3, 4, 30, 40]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 2, 1, 2], [3, 4, 3, 4]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[11, 22], [33, 44]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis, tiles", [(None, 3), (0, 2), (1, 1), (2, 4), (-1, 3), (-4, 2)])
def test_twin(axis, tiles, dtype):
    bottom, place = draw(), 1 if axis is None else axis % 4
    run = run_layer(text(f"tiles: {tiles}" + (f" axis: {axis}" if axis is not None else "")), [bottom], dtype=dtype)
    wanted = tile(bottom, place, tiles)
    assert run.top[0].shape == wanted.shape
    np.testing.assert_array_equal(run.top[0].data, wanted.astype(dtype))
    diff = draw(wanted.shape)
    run.backward([diff])
    np.testing.assert_allclose(run.bottom[0].diff, tile_backward(SHAPE, place, diff), 1e-5, 1e-5)
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


def test_many_values_go_through_the_parallel_kernels():
    bottom = draw((7, 3, 1111))
    run = run_layer(text("tiles: 4"), [bottom], dtype=np.float64).backward([np.ones((7, 12, 1111))])
    np.testing.assert_array_equal(run.top[0].data, np.tile(bottom, (1, 4, 1)))
    assert (run.bottom[0].diff == 4).all()
    run.backward(propagate_down=[False])


def test_gradients():
    check_gradients(text("axis: 1 tiles: 3"), [draw((2, 2, 3))])


def test_golden():
    golden_layer("tile")


@pytest.mark.parametrize(
    "fields, message, field",
    [
        ("", "tiles is missing; it must say how many copies, at least 1. Set tiles.", "tile_param.tiles"),
        ("tiles: 0", "tiles is 0; it must say how many copies, at least 1. Set tiles.", "tile_param.tiles"),
        ("tiles: -2", "tiles is -2; it must say how many copies, at least 1. Set tiles.", "tile_param.tiles"),
        (
            "tiles: 2 axis: 4",
            'axis is 4 but bottom "b" has shape (2, 3, 4, 5); axis must be from -4 to 3. Name an axis that it has.',
            "tile_param.axis",
        ),
        (
            "tiles: 2000000000",
            "a blob of shape (2, 6000000000, 4, 5) is asked for, 240000000000 elements; there may be 2147483647 at "
            "most. Make it smaller.",
            "tile_param.tiles",
        ),
    ],
)
def test_errors(fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [draw()])
    assert str(caught.value) == f'layer "L" (Tile): {message}'
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text("tiles: 2", top="b"), [draw()])
    assert str(caught.value) == (
        'layer "L" (Tile): bottom "b" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )
