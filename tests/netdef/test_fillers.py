"""Fillers: what they write, how it is distributed, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.fillers import FILLERS, check_filler, fans, fill
from netdef.random import Stream
from prototxt import schema

SEED = 1701


def filled(shape, dtype=np.float32, seed=SEED, **fields):
    array = np.full(shape, np.nan, dtype)
    fill(schema.FillerParameter(**fields), array, Stream(seed))
    return array


CAFFES = ["bilinear", "constant", "gaussian", "msra", "positive_unitball", "uniform", "xavier"]


def test_every_filler_of_caffe_is_there_and_one_of_our_own():
    assert FILLERS.names() == sorted([*CAFFES, "digit_bitmaps"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CAFFES)
def test_fill_depends_on_the_stream_alone(name, dtype):
    shape = (6, 3, 5, 5)
    first = filled(shape, dtype, type=name)
    np.random.default_rng(0).random(7)
    assert np.array_equal(first, filled(shape, dtype, type=name))
    assert first.dtype == dtype and np.isfinite(first).all()


@pytest.mark.parametrize("name", ["gaussian", "msra", "positive_unitball", "uniform", "xavier"])
def test_random_fillers_differ_between_seeds_and_move_the_stream_on(name):
    assert not np.array_equal(filled((6, 5), type=name), filled((6, 5), seed=2, type=name))
    stream = Stream(SEED)
    arrays = np.empty((2, 6, 5), np.float32)
    for array in arrays:
        fill(schema.FillerParameter(type=name), array, stream)
    assert not np.array_equal(arrays[0], arrays[1])


def test_constant_is_zero_by_default():
    assert np.array_equal(filled((2, 3)), np.zeros((2, 3)))
    assert np.array_equal(filled((2, 3), type="constant", value=0.5), np.full((2, 3), 0.5))
    assert filled((), type="constant", value=2) == 2


def test_uniform_covers_its_range():
    values = filled((200, 300), type="uniform", min=-1, max=3)
    assert values.min() >= -1 and values.max() <= 3
    assert np.allclose(np.histogram(values, bins=8, range=(-1, 3))[0] / values.size, 1 / 8, atol=0.005)


def test_gaussian_has_mean_and_std():
    values = filled((200, 300), type="gaussian", mean=2, std=0.1)
    assert values.mean() == pytest.approx(2, abs=0.002)
    assert values.std() == pytest.approx(0.1, rel=0.01)
    within = [np.mean(np.abs(values - 2) < sigmas * 0.1) for sigmas in (1, 2, 3)]
    assert within == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.006)


def test_sparse_gaussian_keeps_sparse_weights_per_input_on_average():
    values = filled((50, 400), type="gaussian", std=1, sparse=15)
    assert np.mean(values != 0) == pytest.approx(15 / 50, abs=0.01)
    assert values[values != 0].std() == pytest.approx(1, rel=0.03)
    assert not filled((50, 4), type="gaussian", sparse=0).any()
    assert filled((5, 4), type="gaussian", sparse=5).all()


def test_positive_unitball_rows_add_up_to_one():
    values = filled((4, 3, 5), type="positive_unitball")
    assert values.min() >= 0
    assert np.allclose(values.reshape(4, -1).sum(axis=1), 1)


@pytest.mark.parametrize("shape, expected", [((20, 5, 3, 2), (30, 24 * 5)), ((500, 800), (800, 500)), ((7,), (1, 7))])
def test_fans(shape, expected):
    assert fans(shape) == expected


VARIANCE_NORMS = [("FAN_IN", 4 * 15), ("FAN_OUT", 50 * 15), ("AVERAGE", 27 * 15)]


@pytest.mark.parametrize("norm, fan", VARIANCE_NORMS)
def test_xavier_is_uniform_with_the_variance_of_its_fan(norm, fan):
    values = filled((50, 4, 3, 5), type="xavier", variance_norm=norm)
    limit = np.sqrt(3 / fan)
    assert 0.99 * limit < np.abs(values).max() <= limit * (1 + 1e-6)
    assert values.var() == pytest.approx(1 / fan, rel=0.05)
    assert values.mean() == pytest.approx(0, abs=0.03 * limit)


@pytest.mark.parametrize("norm, fan", VARIANCE_NORMS)
def test_msra_is_normal_with_twice_the_variance_of_its_fan(norm, fan):
    values = filled((50, 4, 3, 5), type="msra", variance_norm=norm)
    assert values.var() == pytest.approx(2 / fan, rel=0.06)
    assert values.mean() == pytest.approx(0, abs=0.05 * np.sqrt(2 / fan))


@pytest.mark.parametrize(
    "width, row",
    [
        (1, [1]),
        (2, [0.5, 0.5]),  # f = 1, c = 1/2
        (3, [0.5, 1, 0.5]),  # f = 2, c = 1/2
        (4, [0.25, 0.75, 0.75, 0.25]),  # f = 2, c = 3/4
    ],
)
def test_bilinear(width, row):
    values = filled((3, 2, width, width), np.float64, type="bilinear")
    for kernel in values.reshape(-1, width, width):
        assert np.allclose(kernel, np.outer(row, row))


KNOWN = "Known: bilinear, constant, digit_bitmaps, gaussian, msra, positive_unitball, uniform, xavier."

ERRORS = [
    (
        dict(type="xaviar"),
        (2, 3),
        "type",
        f'unknown filler type "xaviar". Did you mean "xavier"? {KNOWN}',
    ),
    (dict(type="qqq"), (2, 3), "type", f'unknown filler type "qqq". {KNOWN}'),
    (
        dict(type="constant"),
        (2, 0),
        "",
        'the filler "constant" got shape (2, 0), which has no elements; every size must be at least 1.',
    ),
    (
        dict(type="xavier", sparse=3),
        (2, 3),
        "sparse",
        'the filler "xavier" got sparse 3; only the type "gaussian" can be sparse. Take sparse away.',
    ),
    (
        dict(type="uniform", min=2, max=1.5),
        (2, 3),
        "min",
        'the filler "uniform" got min 2 and max 1.5; min must not be above max. Swap them.',
    ),
    (
        dict(type="gaussian", std=0),
        (2, 3),
        "std",
        'the filler "gaussian" got std 0; it must be greater than 0. Use "constant" for equal values.',
    ),
    (
        dict(type="gaussian", sparse=-2),
        (2, 3),
        "sparse",
        'the filler "gaussian" got sparse -2; it must be -1, for none, or a number of weights.',
    ),
    (
        dict(type="gaussian", sparse=3),
        (2, 5),
        "sparse",
        'the filler "gaussian" got sparse 3 for the shape (2, 5); it must be at most the first size, 2.',
    ),
    (
        dict(type="gaussian", sparse=1),
        (),
        "sparse",
        'the filler "gaussian" got sparse 1 for the shape (); it needs at least 1 axis. Take sparse away.',
    ),
    (
        dict(type="msra"),
        (),
        "type",
        'the filler "msra" got shape (); it needs at least 1 axis, the outputs. '
        'Choose the type "constant", "uniform" or "gaussian".',
    ),
    (
        dict(type="bilinear"),
        (3, 4),
        "type",
        'the filler "bilinear" got shape (3, 4); it fills blobs of 4 axes with square kernels, '
        "such as (3, 1, 4, 4). Choose another type or a square kernel.",
    ),
    (
        dict(type="bilinear"),
        (3, 1, 4, 5),
        "type",
        'the filler "bilinear" got shape (3, 1, 4, 5); it fills blobs of 4 axes with square kernels, '
        "such as (3, 1, 4, 4). Choose another type or a square kernel.",
    ),
]


@pytest.mark.parametrize("fields, shape, field, message", ERRORS)
def test_errors_come_before_anything_is_filled(fields, shape, field, message):
    param = schema.FillerParameter(**fields)
    with pytest.raises(LayerError) as caught:
        check_filler(param, shape)
    assert (str(caught.value), caught.value.field) == (message, field)
    array = np.full(shape, 7, np.float32)
    with pytest.raises(LayerError):
        fill(param, array, Stream(SEED))
    assert (array == 7).all()


def test_digit_bitmaps():
    digits = filled((10, 84), type="digit_bitmaps")
    assert set(np.unique(digits)) == {-1, 1}
    three = ["".join(".#"[int(value > 0)] for value in row) for row in digits[3].reshape(12, 7)]
    assert three[1:4] == [".#####.", "#.....#", "......#"]
    assert len({row.tobytes() for row in digits}) == 10


@pytest.mark.parametrize("shape", [(84, 10), (10, 83), (10, 12, 7)])
def test_digit_bitmaps_have_one_shape(shape):
    with pytest.raises(LayerError) as caught:
        filled(shape, type="digit_bitmaps")
    assert caught.value.message == (
        f'the filler "digit_bitmaps" got shape {shape}; it fills (10, 84) alone, ten digits of 7x12 pixels. Give the '
        "layer num_output 10 and 84 inputs, or choose another type."
    )
