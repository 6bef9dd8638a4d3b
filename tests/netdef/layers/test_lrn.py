"""LRN in both regions: drawn cases, the naive twin, gradients, recorded values, errors."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.lrn import lrn, lrn_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'name: "norm1" type: "LRN" bottom: "pool1" top: "norm1"'
WITHIN = "norm_region: WITHIN_CHANNEL"


def with_fields(fields):
    return f"{TEXT} lrn_param {{ {fields} }}"


def test_drawn_case_across():
    # one pixel, channels 1 2 3; squares 1 4 9; sums of 3 neighbours 5 14 13; alpha / size = 1
    run = run_layer(with_fields("local_size: 3 alpha: 3 beta: 0.5 k: 2"), [np.reshape([1, 2, 3], (1, 3, 1, 1))])
    assert np.allclose(run.top[0].data.reshape(-1), [1 / 7**0.5, 2 / 16**0.5, 3 / 15**0.5])


def test_drawn_case_within():
    # 1 2 3   sums of the squares in 3 x 3 pixels, cut off at the borders:   6 31 30
    # 0 1 4                                                                  6 31 30   alpha / 9 = 1; k has no effect
    bottom = np.array([[[[1, 2, 3], [0, 1, 4]]]])
    run = run_layer(with_fields(f"local_size: 3 alpha: 9 beta: 0.75 k: 5 {WITHIN}"), [bottom])
    assert np.allclose(run.top[0].data, bottom / (1 + np.array([6, 31, 30])) ** 0.75)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("size, alpha, beta, k", [(5, 1.5, 0.75, 1), (3, 0.5, 0.5, 2), (1, 1, 0.6, 1), (9, 2, 1, 1)])
def test_naive_twin(rng, dtype, within, size, alpha, beta, k):
    bottom, top_diff = rng.normal(0, 2, (2, 2, 6, 3, 4)).astype(dtype)
    fields = f"local_size: {size} alpha: {alpha} beta: {beta} k: {k} {WITHIN if within else ''}"
    run = run_layer(with_fields(fields), [bottom], dtype=dtype).backward([top_diff])
    tolerance = 1e-5 if dtype == np.float32 else 1e-7  # the fields are float32
    assert run.top[0].shape == bottom.shape
    assert np.allclose(run.top[0].data, lrn(bottom, within, size, alpha, beta, k), atol=tolerance)
    assert np.allclose(run.bottom[0].diff, lrn_backward(bottom, top_diff, within, size, alpha, beta, k), atol=tolerance)
    assert np.array_equal(run.bottom[0].data, bottom)


@pytest.mark.parametrize("region", ["", WITHIN])
def test_gradients(rng, region):
    check_gradients(with_fields(f"local_size: 3 alpha: 2 beta: 0.6 {region}"), [rng.normal(size=(2, 4, 3, 2))])


def test_defaults(rng):
    bottom = rng.normal(size=(2, 7, 3, 4))
    assert np.allclose(run_layer(TEXT, [bottom]).top[0].data, lrn(bottom, size=5, alpha=1, beta=0.75, k=1), atol=1e-6)


def test_nothing_is_written_without_propagate_down(rng):
    run = run_layer(TEXT, [rng.normal(size=(1, 2, 3, 4))])
    run.bottom[0].diff[...] = 7
    run.backward([np.ones((1, 2, 3, 4))], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


@pytest.mark.parametrize("name", ["lrn_across", "lrn_across_k", "lrn_within"])
def test_recorded(name):
    golden_layer(name)


ERRORS = [
    (
        with_fields("local_size: 4"),
        (2, 3, 4, 5),
        "lrn_param.local_size",
        "local_size is 4; it must be odd, so that the window has a middle. Use 5.",
    ),
    (
        TEXT,
        (2, 3),
        "bottom",
        'bottom "pool1" has shape (2, 3); it must have 4 axes, (num, channels, height, width). '
        "Put a Reshape before this layer.",
    ),
    (
        TEXT.replace('top: "norm1"', 'top: "pool1"'),
        (2, 3, 4, 5),
        "top",
        'bottom "pool1" is also a top; this type cannot compute in place. Give the top a name of its own.',
    ),
]


@pytest.mark.parametrize("text, shape, field, message", ERRORS)
def test_errors(text, shape, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text, [np.zeros(shape)])
    assert (str(caught.value), caught.value.field) == (f'layer "norm1" (LRN): {message}', field)
