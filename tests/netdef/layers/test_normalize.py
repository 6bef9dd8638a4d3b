"""Normalize: a drawn case, the twin over options, in place, gradients, bad shapes."""

import numba
import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.normalize import normalize
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (2, 3, 4, 5)
OPTIONS = [
    "",
    "across_spatial: false",
    "channel_shared: false",
    "across_spatial: false channel_shared: false eps: 0.5",
]


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "Normalize" bottom: "b" top: "{top}" norm_param {{ {fields} }} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    bottom = [[[3, 6], [4, 8]]]
    run = run_layer(text("across_spatial: false channel_shared: false"), [bottom], params=[[10, 20]])
    np.testing.assert_allclose(run.top[0].data, [[[6, 6], [16, 16]]], 1e-6)
    run = run_layer(text(), [[[[1, 1], [1, 1]]]], params=[6])
    np.testing.assert_allclose(run.top[0].data, [[[3, 3], [3, 3]]], 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("fields", OPTIONS)
@pytest.mark.parametrize("shape", [SHAPE, (4, 3), (2, 3, 5)])
def test_twin(shape, fields, top, dtype):
    bottom = draw(shape)
    shared = "channel_shared" not in fields
    scale = np.float64(20) if shared else np.array([1.5, -2, 0.5])
    run = run_layer(text(fields, top), [bottom], params=[scale], dtype=dtype)
    assert run.layer.blobs[0].shape == (() if shared else (3,))
    wanted = normalize(bottom, scale, "across" not in fields, 0.5 if "eps" in fields else 1e-10)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    if top == "t":
        np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


@pytest.mark.parametrize("fields", OPTIONS)
def test_same_bits_on_one_thread_and_on_all(fields):
    bottom, results = draw((1, 7, 100, 110)).astype(np.float32), []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        run = run_layer(text(fields), [bottom]).backward([np.sin(bottom)])
        results.append((run.top[0].data, run.bottom[0].diff, run.layer.blobs[0].diff))
    assert all(map(np.array_equal, *results))


def test_many_values_go_through_the_parallel_kernels():
    bottom = draw((3, 8, 60, 61))
    for fields in OPTIONS[:2]:
        axes = (1, 2, 3) if not fields else 1
        run = run_layer(text(fields), [bottom], dtype=np.float64).backward([bottom])
        np.testing.assert_allclose(np.sum(run.top[0].data ** 2, axis=axes), 1, 1e-6)
        np.testing.assert_allclose(run.bottom[0].diff, 0, atol=1e-6)


def test_fillers():
    assert make_layer(text(), [draw()]).layer.blobs[0].data == 1
    filled = text('channel_shared: false scale_filler { type: "constant" value: 20 }')
    assert make_layer(filled, [draw()]).layer.blobs[0].data.tolist() == [20] * 3


def test_only_wanted_gradients_are_written():
    run = run_layer(text(), [draw()])
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down = [False]
    run.backward([draw()], [False])
    assert (run.bottom[0].diff == 7).all() and not run.layer.blobs[0].diff.any()


def test_a_scale_of_zero_has_a_gradient():
    run = run_layer(text(), [[[3, 4]]], params=[0]).backward([[[1, 1]]])
    np.testing.assert_allclose(run.layer.blobs[0].diff, 1.4, 1e-6)


@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("fields", OPTIONS)
def test_gradients(fields, top):
    check_gradients(text(fields, top), [draw((2, 3, 1, 2))], step=1e-4)


def test_too_few_axes():
    with pytest.raises(LayerError) as caught:
        make_layer(text(), [draw((3,))])
    assert str(caught.value) == (
        'layer "L" (Normalize): bottom "b" has shape (3,); channels are its axis 1, so that it must have at least 2 '
        "axes. Reshape it."
    )


def test_channels_that_change():
    run = run_layer(text(), [draw()])
    run.bottom[0].reshape(2, 4, 4, 5)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (Normalize): bottom "b" now has shape (2, 4, 4, 5), 4 channels; the scale was made for 3. '
        "Change the other axes only."
    )
