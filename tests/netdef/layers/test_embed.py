"""Embed: a drawn case, the twin, gradients, recorded values, numbers without a row."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.rows import embed, embed_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_net, make_layer, run_layer

ROWS, WIDTH = 5, 3


def text(fields="", top="t", sizes=f"num_output: {WIDTH} input_dim: {ROWS}"):
    return f'layer {{ name: "L" type: "Embed" bottom: "word" top: "{top}" embed_param {{ {sizes} {fields} }} }}'


@pytest.fixture
def numbers(rng):
    return rng.integers(0, ROWS, (4, 2))


def test_by_hand():
    run = run_layer(text(sizes="num_output: 2 input_dim: 3"), [[2, 0, 2]], params=[[[1, 2], [3, 4], [5, 6]], [10, 20]])
    run.backward([[[1, 2], [3, 4], [10, 20]]], [False])
    np.testing.assert_array_equal(run.top[0].data, [[15, 26], [11, 22], [15, 26]])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [[3, 4], [0, 0], [11, 22]])
    np.testing.assert_array_equal(run.layer.blobs[1].diff, [14, 26])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_twin(numbers, rng, dtype, bias):
    params = [rng.normal(size=(ROWS, WIDTH)), rng.normal(size=WIDTH)][: 1 + bias]
    run = run_layer(text("" if bias else "bias_term: false"), [numbers], params=params, dtype=dtype)
    assert [blob.shape for blob in run.layer.blobs] == [(ROWS, WIDTH), (WIDTH,)][: 1 + bias]
    assert run.top[0].shape == (4, 2, WIDTH)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(run.top[0].data, embed(numbers, *params), tolerance, tolerance)
    diff = rng.normal(size=(4, 2, WIDTH))
    run.backward([diff], [False])
    for blob, wanted in zip(run.layer.blobs, embed_backward(numbers, (ROWS, WIDTH), diff)):
        np.testing.assert_allclose(blob.diff, wanted, tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, numbers)


def test_gradients_of_parameters_are_added_where_wanted(numbers, rng):
    run = run_layer(text(), [numbers])
    diff = rng.normal(size=(4, 2, WIDTH))
    run.backward([diff], [False])
    once = [blob.diff.copy() for blob in run.layer.blobs]
    run.layer.backward(run.top, [False], run.bottom)
    for blob, values in zip(run.layer.blobs, once):
        np.testing.assert_allclose(blob.diff, 2 * values, 1e-6)
    run.layer.param_propagate_down = [False, False]
    run.backward([diff], [False])
    assert not any(blob.diff.any() for blob in run.layer.blobs)


def test_fillers(numbers):
    filler = 'weight_filler { type: "constant" value: 2 } bias_filler { type: "constant" value: 0.5 }'
    assert (run_layer(text(filler), [numbers]).top[0].data == 2.5).all()


def test_gradients(numbers):
    check_gradients(text(), [numbers], check_bottoms=[])


def test_golden():
    golden_net("embed")


@pytest.mark.parametrize("number, shown", [(5, "5"), (-1, "-1"), (np.nan, "nan")])
def test_number_without_a_row(number, shown):
    run = make_layer(text(), [[[0, 1], [number, 2]]])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        f'layer "L" (Embed): bottom "word" has the value {shown} at index (1, 0); input_dim is 5, so that it must be '
        "from 0 to 4. Correct the value."
    )
    assert caught.value.field == "bottom[0]"


@pytest.mark.parametrize(
    "sizes, message, field",
    [
        (
            "input_dim: 3",
            "num_output is missing; it must say how long a row is, at least 1. Set num_output.",
            "embed_param.num_output",
        ),
        (
            "num_output: 3 input_dim: 0",
            "input_dim is 0; it must say how many rows there are, at least 1. Set input_dim.",
            "embed_param.input_dim",
        ),
    ],
)
def test_errors(sizes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(sizes=sizes), [[0]])
    assert str(caught.value) == f'layer "L" (Embed): {message}'
    assert caught.value.field == field


def test_no_gradient_for_numbers(numbers):
    run = run_layer(text(), [numbers])
    assert not run.layer.allow_force_backward(0)
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True])
    assert str(caught.value) == (
        'layer "L" (Embed): the gradient with respect to bottom "word", numbers of rows, was asked for; there is '
        "none. Set propagate_down to false for it."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(top="word"), [[0]])
    assert str(caught.value) == (
        'layer "L" (Embed): bottom "word" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
