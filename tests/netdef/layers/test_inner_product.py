"""InnerProduct: a drawn case, the naive twin, gradients, recorded values, threads, errors."""

import numba
import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.inner_product import inner_product, inner_product_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def text(fields, top="ip1"):
    return f'name: "ip1" type: "InnerProduct" bottom: "pool2" top: "{top}" inner_product_param {{ {fields} }}'


def test_drawn_case():
    run = run_layer(text("num_output: 2"), [[[1, 2, 3]]], params=[[[1, 0, 2], [0, -1, 0]], [10, 20]])
    assert np.array_equal(run.top[0].data, [[17, 18]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape, num_output", [((2, 3, 4, 5), 7), ((13, 70), 9), ((1, 33), 2), ((3, 1100), 4)])
def test_naive_twin(rng, shape, num_output, bias, transpose, dtype):
    bottom = rng.normal(size=shape).astype(dtype)
    items = bottom.reshape(len(bottom), -1)
    weight = rng.normal(size=(num_output, items.shape[1])).astype(dtype)
    params = [weight.T if transpose else weight, rng.normal(size=num_output).astype(dtype)][: 1 + bias]
    fields = f"num_output: {num_output} bias_term: {str(bias).lower()} transpose: {str(transpose).lower()}"
    run = run_layer(text(fields), [bottom], dtype=dtype, params=params)
    close = {"rtol": 0, "atol": 1e-4 if dtype == np.float32 else 1e-12}
    assert run.top[0].shape == (shape[0], num_output)
    np.testing.assert_allclose(run.top[0].data, inner_product(items, weight, params[1] if bias else None), **close)
    top_diff = rng.normal(size=run.top[0].shape).astype(dtype)
    run.backward([top_diff])
    bottom_diff, weight_diff, bias_diff = inner_product_backward(items, weight, top_diff)
    np.testing.assert_allclose(run.bottom[0].diff.reshape(items.shape), bottom_diff, **close)
    np.testing.assert_allclose(run.layer.blobs[0].diff, weight_diff.T if transpose else weight_diff, **close)
    if bias:
        np.testing.assert_allclose(run.layer.blobs[1].diff, bias_diff, **close)
    assert np.array_equal(run.bottom[0].data, bottom)
    assert np.array_equal(run.layer.blobs[0].data, params[0])


@pytest.mark.parametrize("name", ["ip", "ip_axis2", "ip_nobias", "ip_transpose"])
def test_recorded_values(name):
    golden_layer(name)


@pytest.mark.parametrize("fields", ["num_output: 3", "num_output: 2 transpose: true axis: -2"])
def test_gradients(rng, fields):
    check_gradients(text(fields), [rng.normal(size=(2, 3, 4))])


def test_param_diffs_are_added_and_only_what_is_asked_for_is_written(rng):
    run = run_layer(text("num_output: 3"), [rng.normal(size=(2, 5))])
    run.backward([np.ones((2, 3))])
    once = [blob.diff.copy() for blob in run.layer.blobs]
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down[:] = [True, False]
    run.layer.backward(run.top, [False], run.bottom)
    assert (run.bottom[0].diff == 7).all()
    np.testing.assert_allclose(run.layer.blobs[0].diff, 2 * once[0], rtol=1e-6)
    assert np.array_equal(run.layer.blobs[1].diff, once[1])


@pytest.mark.parametrize("transpose", ["false", "true"])
def test_same_bits_on_one_thread_and_on_all(rng, transpose):
    bottom = rng.normal(size=(64, 800)).astype(np.float32)
    fields = f'num_output: 500 transpose: {transpose} weight_filler {{ type: "xavier" }}'
    results = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        run = run_layer(text(fields), [bottom])
        run.backward([np.sin(np.arange(run.top[0].count)).reshape(run.top[0].shape)])
        results.append([run.top[0].data, run.bottom[0].diff, *(blob.diff for blob in run.layer.blobs)])
    for first, second in zip(*results):
        assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "fields, message",
    [
        ("", "num_output is missing; it must say how many outputs an item has, at least 1. Set num_output."),
        ("num_output: 0", "num_output is 0; it must say how many outputs an item has, at least 1. Set num_output."),
        (
            "num_output: 2 axis: 3",
            'axis is 3 but bottom "pool2" has shape (2, 3, 4); axis must be from -3 to 2. Name an axis that it has.',
        ),
    ],
)
def test_errors(fields, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros((2, 3, 4))])
    assert caught.value.message == message


def test_error_for_items_that_change():
    run = make_layer(text("num_output: 2"), [np.zeros((2, 3, 4))])
    run.bottom[0].reshape(5, 3, 4)
    assert run.forward().top[0].shape == (5, 2)
    run.bottom[0].reshape(2, 3, 5)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert caught.value.message == (
        'bottom "pool2" now has shape (2, 3, 5), 15 values an item; the weights were made for 12. '
        "Change only the axes before axis 1."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text("num_output: 3", top="pool2"), [np.zeros((2, 3))])
    assert caught.value.message == (
        'bottom "pool2" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )
