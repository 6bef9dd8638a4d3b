import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.interp import interp
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer


def interp_layer(fields, top="big"):
    return f'name: "up" type: "Interp" bottom: "conv" top: "{top}" interp_param {{ {fields} }}'


def test_hand_case():
    run = run_layer(interp_layer("height: 3 width: 5"), [np.array([[[[0, 4, 8], [2, 6, 10]]]])])
    assert run.top[0].data[0, 0].tolist() == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9], [2, 4, 6, 8, 10]]


SIZES = [
    ("height: 7 width: 3", (7, 3), (0, 0)),
    ("height: 4 width: 5", (4, 5), (0, 0)),
    ("height: 1 width: 1", (1, 1), (0, 0)),
    ("zoom_factor: 3", (10, 13), (0, 0)),
    ("shrink_factor: 2", (2, 3), (0, 0)),
    ("shrink_factor: 2 zoom_factor: 3", (4, 7), (0, 0)),
    ("shrink_factor: 2 zoom_factor: 3 height: 5 width: 6", (5, 6), (0, 0)),
    ("zoom_factor: 2 height: 5 width: 6", (7, 9), (0, 0)),
    ("zoom_factor: 2 pad_beg: -1", (5, 7), (1, 0)),
    ("height: 4 width: 5 pad_beg: -1 pad_end: -2", (4, 5), (1, 2)),
]


@pytest.mark.parametrize("fields, size, cut", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_naive_twin(rng, fields, size, cut, dtype):
    bottom = rng.normal(size=(2, 3, 4, 5)).astype(dtype)
    run = run_layer(interp_layer(fields), [bottom], dtype=dtype)
    assert run.top[0].shape == (2, 3, *size)
    np.testing.assert_allclose(run.top[0].data, interp(bottom, *size, cut), atol=1e-5)


def test_many_planes_in_parallel(rng):
    bottom = rng.normal(size=(3, 25, 6, 7)).astype(np.float32)
    run = run_layer(interp_layer("height: 31 width: 30"), [bottom])
    np.testing.assert_allclose(run.top[0].data, interp(bottom, 31, 30), atol=1e-5)
    run.backward([np.ones(run.top[0].shape)])
    np.testing.assert_allclose(run.bottom[0].diff.sum(), run.top[0].count, rtol=1e-5)


@pytest.mark.parametrize("fields, size, cut", [SIZES[0], SIZES[3], SIZES[4], SIZES[9]])
def test_gradients(rng, fields, size, cut):
    check_gradients(interp_layer(fields), [rng.normal(size=(2, 1, 4, 5))])


def test_nothing_is_written_without_propagate_down(rng):
    run = run_layer(interp_layer("zoom_factor: 2"), [rng.normal(size=(1, 2, 3, 4))])
    run.bottom[0].diff[...] = 7
    run.backward([np.ones(run.top[0].shape)], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


ERRORS = [
    (
        "",
        (2, 3, 4, 5),
        "interp_param",
        "has no size; expected height and width, or zoom_factor, or shrink_factor. Add one of them.",
    ),
    ("height: 3 width: 0", (2, 3, 4, 5), "interp_param.width", "width is 0; it must be at least 1 pixel. Raise it."),
    ("zoom_factor: 0", (2, 3, 4, 5), "interp_param.zoom_factor", "zoom_factor is 0; it must be at least 1. Raise it."),
    (
        "zoom_factor: 2 pad_end: 1",
        (2, 3, 4, 5),
        "interp_param.pad_end",
        "pad_end is 1; it must be 0 or less, which cuts off. Make it negative.",
    ),
    (
        "zoom_factor: 2",
        (2, 3, 4),
        "bottom",
        'bottom "conv" has shape (2, 3, 4); it must have 4 axes, (num, channels, height, width).',
    ),
    (
        "zoom_factor: 2 pad_beg: -3 pad_end: -1",
        (2, 3, 4, 5),
        "interp_param",
        'bottom "conv" has shape (2, 3, 4, 5), of which pad_beg and pad_end cut off 4 rows and columns; '
        "nothing is left. Raise them towards 0.",
    ),
]


@pytest.mark.parametrize("fields, shape, field, message", ERRORS)
def test_errors(fields, shape, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(interp_layer(fields), [np.zeros(shape)])
    assert (str(caught.value), caught.value.field) == (f'layer "up" (Interp): {message}', field)
