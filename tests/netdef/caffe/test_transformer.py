"""caffe.io.Transformer: each step alone, all together, back again, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import netdef.caffe as caffe


@pytest.fixture
def transformer():
    return caffe.io.Transformer({"data": (1, 3, 4, 5)})


def test_all_steps(transformer, rng):
    image = rng.random((4, 5, 3)).astype(np.float32)
    mean = np.array([104.0, 117.0, 123.0])
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", mean)
    transformer.set_input_scale("data", 0.017)
    before = image.copy()
    result = transformer.preprocess("data", image)
    expected = (image.transpose(2, 0, 1)[::-1] * 255 - mean[:, None, None]) * 0.017
    assert (result.shape, result.dtype) == ((3, 4, 5), np.float32)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_allclose(transformer.deprocess("data", result[None]), image, atol=1e-5)


def test_nothing_set_but_the_size(transformer, rng):
    image = rng.random((9, 7, 3))
    np.testing.assert_array_equal(
        transformer.preprocess("data", image), caffe.io.resize_image(image.astype("f4"), (4, 5))
    )


def test_means_of_other_sizes(transformer, rng):
    mean = rng.random((3, 8, 10)) * 255
    transformer.set_mean("data", mean)
    assert transformer.mean["data"].shape == (3, 4, 5)
    transformer.set_mean("data", np.full((3, 8, 10), 9.0))
    np.testing.assert_array_equal(transformer.mean["data"], np.full((3, 4, 5), 9))
    exact = rng.random((3, 4, 5))
    transformer.set_mean("data", exact)
    np.testing.assert_array_equal(transformer.mean["data"], exact)


@pytest.mark.parametrize(
    "method, value, message",
    [
        ("set_transpose", (0, 1), "Transpose order needs to have the same number of dimensions as the input: "
         "found (0, 1), expected 3 numbers."),
        ("set_channel_swap", (1, 0), "Channel swap needs to have the same number of dimensions as the input channels: "
         "found (1, 0), expected 3 numbers."),
        ("set_mean", np.zeros(4), "Mean channels incompatible with input: found 4 numbers, expected 3."),
        ("set_mean", np.zeros((1, 3, 4, 5)), "Mean shape invalid: found (1, 3, 4, 5), expected (K,), (H, W) or "
         "(K, H, W)."),
    ],
)  # fmt: skip
def test_what_does_not_fit(transformer, method, value, message):
    with pytest.raises(Exception) as caught:
        getattr(transformer, method)("data", value)
    assert str(caught.value) == message


def test_another_input(transformer):
    for call in (
        lambda: transformer.set_raw_scale("dato", 1),
        lambda: transformer.preprocess("dato", np.zeros((4, 5, 3))),
    ):
        with pytest.raises(Exception) as caught:
            call()
        assert str(caught.value) == 'dato is not one of the net inputs: data. Did you mean "data"?'
