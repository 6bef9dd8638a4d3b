"""SPP: shapes, a drawn case, the twin over sizes, gradients, recorded values, images that are too small."""

import numpy as np
import pytest

from netdef.errors import LayerError
from prototxt import schema
from tests.naive.spp import spp
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def text(fields, top="t"):
    return f'layer {{ name: "L" type: "SPP" bottom: "b" top: "{top}" spp_param {{ {fields} }} }}'


def draw(shape):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    bottom = np.arange(8).reshape(1, 1, 2, 4)
    run = run_layer(text("pyramid_height: 2"), [bottom]).backward([[[1, 2, 3, 4, 5]]])
    np.testing.assert_array_equal(run.top[0].data, [[7, 1, 3, 5, 7]])
    np.testing.assert_array_equal(run.bottom[0].diff[0, 0], [[0, 2, 0, 3], [0, 4, 0, 6]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("height, size", [(1, (4, 5)), (2, (4, 5)), (3, (9, 9)), (3, (8, 11)), (4, (16, 23))])
def test_twin(height, size, pool, dtype):
    bottom = draw((2, 3, *size))
    run = run_layer(text(f"pyramid_height: {height} pool: {pool}"), [bottom], dtype=dtype)
    wanted = spp(bottom, height, pool)
    assert run.top[0].shape == wanted.shape
    np.testing.assert_allclose(run.top[0].data, wanted, 1e-5, 1e-6)
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("height", [1, 3])
def test_gradients(pool, height):
    check_gradients(text(f"pyramid_height: {height} pool: {pool}"), [draw((1, 2, 4, 7))], step=1e-4)


def test_images_of_other_sizes():
    run = run_layer(text("pyramid_height: 2"), [draw((1, 2, 4, 6))])
    for shape in ((3, 2, 5, 6), (1, 2, 4, 6)):
        run.bottom[0].reshape(shape)
        run.bottom[0].data[...] = draw(shape)
        run.forward()
        np.testing.assert_allclose(run.top[0].data, spp(draw(shape), 2), 1e-6)


@pytest.mark.parametrize("height", [1, 2])
def test_no_gradient_without_propagate_down(height):
    run = run_layer(text(f"pyramid_height: {height}"), [draw((1, 2, 4, 6))])
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


def test_stochastic_draws_from_each_bin():
    bottom = np.abs(draw((1, 2, 4, 8)))
    run = run_layer(text("pyramid_height: 2 pool: STOCHASTIC"), [bottom], phase=schema.TRAIN)
    first = run.top[0].data.copy()
    assert np.isin(first, bottom.astype(np.float32)).all()
    state = run.layer.state()
    following = run.forward().top[0].data.copy()
    run.layer.restore(state)
    np.testing.assert_array_equal(run.forward().top[0].data, following)


def test_golden():
    golden_layer("spp_max")


@pytest.mark.parametrize(
    "fields, shape, message, field",
    [
        (
            "",
            (1, 2, 4, 6),
            "pyramid_height is missing; it must say how many levels there are, at least 1. Set pyramid_height.",
            "spp_param.pyramid_height",
        ),
        (
            "pyramid_height: 0",
            (1, 2, 4, 6),
            "pyramid_height is 0; it must say how many levels there are, at least 1. Set pyramid_height.",
            "spp_param.pyramid_height",
        ),
        (
            "pyramid_height: 4000000000",
            (1, 2, 8, 5),
            'level 2 makes 4 bins of 2 pixels along axis 3 of bottom "b" with shape (1, 2, 8, 5), which takes a pad '
            "of 2; pad must be below 2, or a bin would hold only padding. Lower pyramid_height or resize the image.",
            "spp_param.pyramid_height",
        ),
        (
            "pyramid_height: 2 pool: STOCHASTIC",
            (1, 2, 4, 5),
            'level 1 makes 2 bins of 3 pixels along axis 3 of bottom "b" with shape (1, 2, 4, 5), which takes a pad '
            "of 1; STOCHASTIC pooling works without. Lower pyramid_height or resize the image.",
            "spp_param.pyramid_height",
        ),
        (
            "pyramid_height: 2",
            (4, 5),
            'bottom "b" has shape (4, 5); pooling works on 4 axes, (num, channels, height, width). Reshape it.',
            "bottom",
        ),
    ],
)
def test_errors(fields, shape, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [draw(shape)])
    assert str(caught.value) == f'layer "L" (SPP): {message}'
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text("pyramid_height: 2", top="b"), [draw((1, 2, 4, 6))])
    assert str(caught.value) == (
        'layer "L" (SPP): bottom "b" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )
