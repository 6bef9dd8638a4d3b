"""SubSampling: a drawn case, the twin, Pooling with Scale, gradients, threads, bad fields."""

import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.kernels.subsampling import spread_windows, sum_windows
from tests.naive.sub_sampling import sub_sampling, sub_sampling_backward
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer
from tests.support.threads import assert_same_bits


def text(fields="", type="SubSampling", message="sub_sampling_param"):
    return f'name: "s2" type: "{type}" bottom: "c1" top: "s2" {message} {{ {fields} }}'


def test_drawn_case():
    # 1 2 | 3     sum 10; times 2, plus 1. The last column fills no window.
    # 3 4 | 9
    run = run_layer(text(), [np.array([[[[1, 2, 3], [3, 4, 9]]]])], params=[[2], [1]]).backward([[[[1]]]])
    assert np.array_equal(run.top[0].data, [[[[21]]]])
    assert np.array_equal(run.bottom[0].diff, [[[[2, 2, 0], [2, 2, 0]]]])
    assert [blob.diff.tolist() for blob in run.layer.blobs] == [[10], [1]]


def test_it_begins_as_the_mean():
    run = run_layer(text("kernel_size: 3"), [np.full((1, 2, 3, 4), 5)])
    assert np.allclose(run.top[0].data, 5) and [blob.shape for blob in run.layer.blobs] == [(2,), (2,)]


CASES = {"lenet": (2, 2, ""), "overlap": (3, 2, "kernel_size: 3 stride: 2"), "gaps": (2, 3, "stride: 3")}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", [(2, 3, 7, 5), (6, 5, 60, 50)])
def test_naive_twin(rng, shape, case, dtype):
    size, stride, fields = CASES[case]
    bottom = rng.normal(size=shape).astype(dtype)
    params = list(rng.normal(size=(2, shape[1])).astype(dtype))
    top = sub_sampling(bottom, *params, size, stride)
    run = run_layer(text(fields), [bottom], dtype=dtype, params=params)
    close = {"rtol": 1e-4 if dtype == np.float32 else 1e-11, "atol": 2e-4 if dtype == np.float32 else 1e-11}
    np.testing.assert_allclose(run.top[0].data, top, **close)
    top_diff = rng.normal(size=top.shape).astype(dtype)
    run.backward([top_diff])
    got = [run.bottom[0].diff, *(blob.diff for blob in run.layer.blobs)]
    for array, wanted in zip(got, sub_sampling_backward(bottom, params[0], top_diff, size, stride)):
        np.testing.assert_allclose(array, wanted, **close)
    assert np.array_equal(run.bottom[0].data, bottom)


def test_it_is_pooling_and_scale(rng):
    bottom, top_diff = rng.normal(size=(2, 3, 8, 6)), rng.normal(size=(2, 3, 4, 3))
    coefficient, bias = rng.normal(size=(2, 3))
    ours = run_layer(text(), [bottom], dtype=np.float64, params=[coefficient, bias]).backward([top_diff])
    fields = "pool: AVE kernel_size: 2 stride: 2"
    pooling = run_layer(text(fields, "Pooling", "pooling_param"), [bottom], dtype=np.float64)
    mean = pooling.top[0].data
    scale = run_layer(
        text("bias_term: true", "Scale", "scale_param"), [mean], dtype=np.float64, params=[4 * coefficient, bias]
    ).backward([top_diff])
    pooling.backward([scale.bottom[0].diff])
    np.testing.assert_allclose(ours.top[0].data, scale.top[0].data, 1e-12)
    np.testing.assert_allclose(ours.bottom[0].diff, pooling.bottom[0].diff, 1e-12)
    np.testing.assert_allclose(ours.layer.blobs[0].diff, 4 * scale.layer.blobs[0].diff, 1e-12)
    np.testing.assert_allclose(ours.layer.blobs[1].diff, scale.layer.blobs[1].diff, 1e-12)


def test_only_wanted_gradients_are_written():
    run = run_layer(text(), [np.ones((1, 2, 2, 2))])
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down = [False, False]
    run.backward([np.ones((1, 2, 1, 1))], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all() and not any(blob.diff.any() for blob in run.layer.blobs)


@pytest.mark.parametrize("case", CASES)
def test_gradients(rng, case):
    check_gradients(text(CASES[case][2]), [rng.normal(size=(2, 3, 6, 5))])


def test_same_bits_on_any_number_of_threads(rng):
    images, sums = rng.normal(size=(12, 9, 7)).astype(np.float32), np.zeros((12, 4, 3), np.float32)
    assert_same_bits(sum_windows, images, 3, 2, sums)
    assert_same_bits(spread_windows, images[:, :4, :3].copy(), images[0, 0, :4].copy(), 3, 2, images)


@pytest.mark.parametrize(
    "fields, shape, message, field",
    [
        (
            "kernel_size: 0",
            (1, 2, 3, 4),
            "kernel_size is 0; it must be at least 1 pixel. Raise it.",
            "sub_sampling_param.kernel_size",
        ),
        (
            "stride: 0",
            (1, 2, 3, 4),
            "stride is 0; it must be at least 1 pixel. Raise it.",
            "sub_sampling_param.stride",
        ),
        (
            "",
            (2, 3),
            'bottom "c1" has shape (2, 3); expected 4 axes, (num, channels, height, width). Reshape it.',
            "bottom",
        ),
        (
            "kernel_size: 4",
            (1, 2, 3, 5),
            'kernel_size is 4 but bottom "c1" has shape (1, 2, 3, 5); a window must lie inside the image. '
            "Lower kernel_size.",
            "sub_sampling_param.kernel_size",
        ),
    ],
)
def test_errors(fields, shape, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros(shape)])
    assert str(caught.value) == f'layer "s2" (SubSampling): {message}'
    assert caught.value.field == field


def test_channels_that_change():
    run = run_layer(text(), [np.ones((1, 2, 3, 4))])
    run.bottom[0].reshape(1, 3, 3, 4)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "s2" (SubSampling): bottom "c1" now has shape (1, 3, 3, 4); the coefficients were made for 2 channels. '
        "Change only the other axes."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError, match="this type cannot compute in place"):
        make_layer('name: "s2" type: "SubSampling" bottom: "c1" top: "c1"', [np.ones((1, 2, 3, 4))])
