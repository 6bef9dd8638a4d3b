"""MVN: a drawn case, the twin over options, in place, gradients, recorded values, five axes."""

import numba
import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.mvn import mvn
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)
OPTIONS = ["", "normalize_variance: false", "across_channels: true", "normalize_variance: false across_channels: true"]


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "MVN" bottom: "b" top: "{top}" mvn_param {{ {fields} }} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(2, 3, shape)


def test_by_hand():
    run = run_layer(text("eps: 1"), [[[[[1, 3, 1, 3]]]]])
    np.testing.assert_array_equal(run.top[0].data.reshape(-1), [-0.5, 0.5, -0.5, 0.5])
    run = run_layer(text(OPTIONS[1]), [[[[[1, 3, 1, 3]]]]]).backward([[[[[4, 0, 0, 0]]]]])
    np.testing.assert_array_equal(run.top[0].data.reshape(-1), [-1, 1, -1, 1])
    np.testing.assert_array_equal(run.bottom[0].diff.reshape(-1), [3, -1, -1, -1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fields", [*OPTIONS, "eps: 0.5"])
@pytest.mark.parametrize("shape", [SHAPE, (4, 3), (2, 3, 5)])
def test_twin(shape, fields, dtype):
    bottom = draw(shape)
    run = run_layer(text(fields), [bottom], dtype=dtype)
    across, eps = "across" in fields, 0.5 if "eps" in fields else 1e-9
    wanted = mvn(bottom, "variance" not in fields, across, eps)
    assert run.top[0].shape == wanted.shape == shape + (1,) * (4 - len(shape))
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fields", OPTIONS)
def test_rows_that_threads_share(monkeypatch, fields, dtype):
    whole = run_layer(text(fields), [draw()], dtype=dtype).backward([draw() - 1])
    monkeypatch.setattr("netdef.layers.mvn.SHARE", 7)
    shared = run_layer(text(fields), [draw()], dtype=dtype).backward([draw() - 1])
    assert shared.layer.shares == (8 if "across" in fields else 2)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(shared.top[0].data, whole.top[0].data, tolerance, tolerance)
    np.testing.assert_allclose(shared.bottom[0].diff, whole.bottom[0].diff, tolerance, tolerance)


def test_shared_rows_have_the_same_bits_on_one_thread_and_on_all():
    bottom, fields, results = draw((1, 5, 90, 100)).astype(np.float32), "across_channels: true", []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        run = run_layer(text(fields), [bottom]).backward([np.sin(bottom)])
        assert run.layer.shares == 2
        results.append((run.top[0].data, run.bottom[0].diff))
    assert all(map(np.array_equal, *results))


@pytest.mark.parametrize("fields", OPTIONS)
def test_in_place(fields):
    diff = draw()
    beside = run_layer(text(fields), [draw()]).backward([diff])
    within = run_layer(text(fields, top="b"), [draw()])
    np.testing.assert_array_equal(within.top[0].data, beside.top[0].data)
    np.testing.assert_array_equal(within.backward([diff]).bottom[0].diff, beside.bottom[0].diff)


def test_constant_images_become_zero():
    assert not run_layer(text(), [np.full(SHAPE, 3)]).top[0].data.any()


def test_many_values_go_through_the_parallel_kernels():
    bottom = draw((5, 4, 60, 61))
    run = run_layer(text(), [bottom], dtype=np.float64).backward([draw((5, 4, 60, 61))])
    np.testing.assert_allclose(run.top[0].data.mean(axis=(2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(run.top[0].data.std(axis=(2, 3)), 1)
    np.testing.assert_allclose(run.bottom[0].diff.mean(axis=(2, 3)), 0, atol=1e-12)


@pytest.mark.parametrize("fields", OPTIONS)
def test_gradients(fields):
    check_gradients(text(fields), [draw((2, 2, 2, 3))], step=1e-4)


@pytest.mark.parametrize("name", ["mvn", "mvn_across", "mvn_mean"])
def test_golden(name):
    golden_layer(name)


def test_five_axes():
    with pytest.raises(LayerError) as caught:
        make_layer(text(), [draw((1, 2, 3, 4, 5))])
    assert str(caught.value) == (
        'layer "L" (MVN): bottom "b" has shape (1, 2, 3, 4, 5); there may be 4 axes at most, (num, channels, height, '
        "width). Reshape it."
    )
    assert caught.value.field == "bottom"
