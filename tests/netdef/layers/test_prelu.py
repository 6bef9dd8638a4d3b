"""PReLU: a drawn case, the twin, in place, gradients, recorded values, bad shapes."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.prelu import prelu, prelu_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)
SHARED = "prelu_param { channel_shared: true }"


def text(fields="", top="t"):
    return f'layer {{ name: "L" type: "PReLU" bottom: "b" top: "{top}" {fields} }}'


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text(), [[[-2, 4], [6, -8]]], params=[[0.5, 2]]).backward([[[1, 1], [1, 3]]])
    np.testing.assert_array_equal(run.top[0].data, [[-1, 4], [6, -16]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[0.5, 1], [1, 6]])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [-2, -24])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", [SHAPE, (4, 3), (2, 3, 5), (70, 3, 20, 20), (30, 2500)])
def test_twin(shape, shared, top, dtype):
    bottom, diff = draw(shape), draw(shape)[::-1]
    slope = np.float64(0.3) if shared else draw(shape[1])
    run = run_layer(text(SHARED if shared else "", top), [bottom], params=[slope], dtype=dtype)
    assert run.layer.blobs[0].shape == (() if shared else shape[1:2])
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    large = bottom.size > 10000
    wanted = np.where(bottom > 0, bottom, bottom * _over(slope, shape)) if large else prelu(bottom, slope)
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    run.backward([diff])
    bottom_diff, slope_diff = _large_backward(bottom, slope, diff) if large else prelu_backward(bottom, slope, diff)
    np.testing.assert_allclose(run.bottom[0].diff, bottom_diff, tolerance, tolerance)
    np.testing.assert_allclose(run.layer.blobs[0].diff, slope_diff, tolerance, 10 * tolerance)
    if top == "t":
        np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


def _over(slope, shape):
    return np.reshape(slope, (-1,) + (1,) * (len(shape) - 2))


def _large_backward(bottom, slope, diff):
    terms = np.moveaxis(np.where(bottom > 0, 0, bottom * diff), 1, 0).reshape(bottom.shape[1], -1).sum(axis=1)
    return np.where(bottom > 0, diff, diff * _over(slope, bottom.shape)), terms if np.ndim(slope) else terms.sum()


def test_fillers():
    assert make_layer(text(), [draw()]).layer.blobs[0].data.tolist() == [0.25] * 3
    filled = text('prelu_param { channel_shared: true filler { type: "constant" value: 2 } }')
    assert make_layer(filled, [draw()]).layer.blobs[0].data == 2


def test_only_wanted_gradients_are_written():
    run = run_layer(text(), [draw()])
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down = [False]
    run.backward([draw()], [False])
    assert (run.bottom[0].diff == 7).all() and not run.layer.blobs[0].diff.any()


@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("fields", ["", SHARED])
def test_gradients(fields, top):
    check_gradients(text(fields, top), [draw((2, 3, 4))], kink_range=0.01)


@pytest.mark.parametrize("name", ["prelu", "prelu_shared"])
def test_golden(name):
    golden_layer(name)


def test_too_few_axes():
    with pytest.raises(LayerError) as caught:
        make_layer(text(), [draw((3,))])
    assert str(caught.value) == (
        'layer "L" (PReLU): bottom "b" has shape (3,); channels are its axis 1, so that it must have at least 2 axes. '
        "Reshape it."
    )


def test_channels_that_change():
    run = run_layer(text(), [draw()])
    run.bottom[0].reshape(2, 4, 4, 5)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (PReLU): bottom "b" now has shape (2, 4, 4, 5), 4 channels; the slopes were made for 3. '
        "Change the other axes only."
    )
