"""Pooling: drawn cases, naive twins, gradients, recorded values, sizes, threads, errors."""

import numba
import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.layers.pooling import pooled_size
from prototxt import schema
from tests.naive import pooling as naive
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def text(fields, tops='top: "pool1"'):
    return f'name: "pool1" type: "Pooling" bottom: "conv1" {tops} pooling_param {{ {fields} }}'


TWO_TOPS = 'top: "pool1" top: "mask"'


def test_drawn_case_max():
    # 1 5 | 2     the last window is cut off at the border
    # 5 3 | 4     the first of the two 5 gets the gradient
    bottom = np.array([[[[1, 5, 2], [5, 3, 4]]]])
    run = run_layer(text("kernel_size: 2 stride: 2"), [bottom]).backward([[[[[10, 20]]]]])
    assert np.array_equal(run.top[0].data, [[[[5, 4]]]])
    assert np.array_equal(run.bottom[0].diff, [[[[0, 10, 0], [0, 0, 20]]]])


def test_drawn_case_average():
    # with a pad of 1, windows of 2 x 2 and stride 2: each holds one pixel or two, and is divided by 4
    bottom = np.array([[[[4, 8, 12]]]])
    run = run_layer(text("pool: AVE kernel_size: 2 stride: 2 pad: 1"), [bottom]).backward([[[[[4, 8]]]]])
    assert np.array_equal(run.top[0].data, [[[[1, 5]]]])
    assert np.array_equal(run.bottom[0].diff, [[[[1, 2, 2]]]])


CASES = [
    # fields, shape, kernel, stride, pad, floor
    ("kernel_size: 2 stride: 2", (2, 3, 4, 6), (2, 2), (2, 2), (0, 0), False),
    ("kernel_size: 2 stride: 2", (2, 3, 5, 7), (2, 2), (2, 2), (0, 0), False),
    ("kernel_size: 3 stride: 2 pad: 1", (2, 3, 6, 9), (3, 3), (2, 2), (1, 1), False),
    ("kernel_size: 3 stride: 2 round_mode: FLOOR", (1, 2, 6, 4), (3, 3), (2, 2), (0, 0), True),
    ("kernel_size: 3", (2, 2, 5, 40), (3, 3), (1, 1), (0, 0), False),
    ("kernel_size: 3 stride: 2", (1, 2, 5, 81), (3, 3), (2, 2), (0, 0), False),
    (
        "kernel_h: 2 kernel_w: 4 stride_h: 1 stride_w: 3 pad_h: 1 pad_w: 2",
        (2, 2, 3, 55), (2, 4), (1, 3), (1, 2), False,
    ),
    ("global_pooling: true", (2, 3, 4, 5), (4, 5), (1, 1), (0, 0), False),
    ("kernel_size: 5 stride: 3", (1, 2, 4, 3), (5, 5), (3, 3), (0, 0), False),
    ("kernel_size: 5 stride: 3", (2, 11, 9, 8), (5, 5), (3, 3), (0, 0), False),
    ("kernel_size: 3 pad: 1", (3, 7, 5, 18), (3, 3), (1, 1), (1, 1), False),
    ("kernel_size: 3 stride: 2", (1, 18, 7, 5), (3, 3), (2, 2), (0, 0), False),
    ("kernel_size: 3 stride: 2 pad: 1", (3, 6, 6, 9), (3, 3), (2, 2), (1, 1), False),
    ("kernel_size: 2 stride: 2", (3, 2, 10, 2), (2, 2), (2, 2), (0, 0), False),  # windows that touch, in short rows
    ("kernel_size: 2 stride: 2", (2, 3, 6, 8), (2, 2), (2, 2), (0, 0), False),
    ("kernel_size: 2 stride: 2", (3, 2, 10, 14), (2, 2), (2, 2), (0, 0), False),
    ("kernel_size: 2 stride: 2", (2, 3, 4, 24), (2, 2), (2, 2), (0, 0), False),  # and in long ones
    ("kernel_size: 2 stride: 2", (2, 3, 6, 32), (2, 2), (2, 2), (0, 0), False),
    ("kernel_size: 2 stride: 2", (3, 1, 4, 38), (2, 2), (2, 2), (0, 0), False),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_naive_twin_max(rng, case, dtype):
    fields, shape, *window = CASES[case]
    bottom = np.round(rng.normal(0, 2, shape)).astype(dtype)  # rounded, so that there are ties
    top, mask = naive.max_pooling(bottom, *window)
    top_diff = rng.normal(size=top.shape).astype(dtype)
    wanted = naive.max_pooling_backward(top_diff, mask, shape)
    for tops in ('top: "pool1"', TWO_TOPS):
        run = run_layer(text(fields, tops), [bottom], dtype=dtype).backward([top_diff])
        assert np.array_equal(run.top[0].data, top)
        np.testing.assert_allclose(run.bottom[0].diff, wanted, rtol=1e-5, atol=1e-6)
        assert np.array_equal(run.bottom[0].data, bottom)
    assert np.array_equal(run.top[1].data, mask)


@pytest.mark.parametrize("fields", ["kernel_size: 3 pad: 1", "kernel_h: 2 kernel_w: 5", "kernel_size: 6 pad: 2"])
def test_gradients_of_overlapping_windows_are_added_in_the_same_order_with_and_without_a_mask(rng, fields):
    bottom = np.round(rng.normal(0, 2, (2, 3, 9, 37))).astype(np.float32)
    runs = [run_layer(text(fields, tops), [bottom]) for tops in ('top: "pool1"', TWO_TOPS)]
    top_diff = rng.normal(size=runs[0].top[0].shape).astype(np.float32)
    first, second = (run.backward([top_diff]) for run in runs)
    assert np.array_equal(first.bottom[0].diff, second.bottom[0].diff)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_naive_twin_average(rng, case, dtype):
    fields, shape, *window = CASES[case]
    bottom = rng.normal(size=shape).astype(dtype)
    top = naive.average_pooling(bottom, *window)
    top_diff = rng.normal(size=top.shape).astype(dtype)
    run = run_layer(text(f"pool: AVE {fields}"), [bottom], dtype=dtype).backward([top_diff])
    np.testing.assert_allclose(run.top[0].data, top, atol=1e-6)
    np.testing.assert_allclose(
        run.bottom[0].diff, naive.average_pooling_backward(top_diff, shape, *window), rtol=1e-5, atol=1e-6
    )
    assert np.array_equal(run.bottom[0].data, bottom)


@pytest.mark.parametrize(
    "name", ["ave_2", "ave_global", "ave_pad", "max_2", "max_ceil", "max_floor", "max_mask", "max_pad", "max_rect"]
)
def test_recorded_values(name):
    golden_layer(f"pool_{name}")


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("fields", ["kernel_size: 2 stride: 2", "kernel_size: 3 stride: 2 pad: 1"])
def test_gradients(rng, pool, fields):
    bottom = rng.permutation(np.arange(2 * 2 * 5 * 4)).reshape(2, 2, 5, 4) / 10  # far enough apart for the steps
    check_gradients(text(f"pool: {pool} {fields}"), [bottom])


def test_values_that_are_not_greater_than_the_least_leave_no_place():
    bottom = np.full((1, 1, 2, 2), -np.inf)
    bottom[0, 0, 1, 1] = np.nan
    run = run_layer(text("kernel_size: 2", TWO_TOPS), [bottom]).backward([np.ones((1, 1, 1, 1))])
    assert run.top[0].data[0, 0, 0, 0] == naive.LEAST
    assert run.top[1].data[0, 0, 0, 0] == -1
    assert not run.bottom[0].diff.any()


@pytest.mark.parametrize("pool", ["MAX", "AVE", "STOCHASTIC"])
def test_same_bits_on_one_thread_and_on_all(rng, pool):
    bottom = np.abs(rng.normal(size=(3, 16, 40, 41)))
    results = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        run = run_layer(text(f"pool: {pool} kernel_size: 3 stride: 2"), [bottom])
        results.append((run.top[0].data, run.backward([np.cos(run.top[0].data)]).bottom[0].diff))
    for first, second in zip(*results):
        assert np.array_equal(first, second)


def test_stochastic_draws_in_proportion():
    bottom = np.tile([[1.0, 3.0], [0.0, 4.0]], (1, 1, 200, 100))
    run = run_layer(text("pool: STOCHASTIC kernel_size: 2 stride: 2"), [bottom])
    shares = [(run.top[0].data == value).mean() for value in (1, 3, 0, 4)]
    np.testing.assert_allclose(shares, [1 / 8, 3 / 8, 0, 4 / 8], atol=0.02)
    run.backward([np.ones(run.top[0].shape)])
    drawn = run.bottom[0].diff.astype(bool)
    assert np.array_equal(bottom[drawn], run.top[0].data.reshape(-1)[np.argsort(np.argsort(first_places(drawn)))])
    assert not np.array_equal(run.top[0].data.copy(), run.forward().top[0].data)


def first_places(drawn):
    """For each drawn pixel, in the order in which they lie, the number of its window."""
    _, _, rows, columns = np.nonzero(drawn)
    return rows // 2 * (drawn.shape[3] // 2) + columns // 2


def test_stochastic_expects_in_testing():
    bottom = np.array([[[[1.0, 3.0, 0.0], [0.0, 4.0, 0.0]]]])
    run = run_layer(text("pool: STOCHASTIC kernel_size: 2 stride: 2"), [bottom], phase=schema.TEST)
    assert np.array_equal(run.top[0].data, [[[[26 / 8, 0]]]])
    with pytest.raises(LayerError) as caught:
        run.backward()
    assert caught.value.message == (
        "STOCHASTIC pooling has no gradient in phase TEST. Use it in phase TRAIN, or MAX or AVE."
    )


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("kernel, stride, pad", [(1, 1, 0), (2, 2, 0), (3, 2, 1), (3, 3, 2), (2, 3, 1)])
def test_pooled_size(size, kernel, stride, pad):
    for floor in (False, True):
        wanted = naive.pooled_size(size, kernel, stride, pad, floor, pad > 0)
        assert pooled_size(size, kernel, stride, pad, floor, pad > 0) == wanted


def test_no_gradient_unless_asked_for():
    run = run_layer(text("kernel_size: 2"), [np.zeros((1, 2, 3, 4))])
    run.bottom[0].diff[...] = 7
    run.backward([np.ones((1, 2, 2, 3))], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


ERRORS = [
    (
        "",
        "has no kernel_size; it must say how many pixels a window covers. "
        "Add kernel_size, or kernel_h and kernel_w, or global_pooling: true.",
    ),
    ("kernel_size: 0", "kernel_size is 0; it must be at least 1 pixel. Raise it."),
    ("kernel_h: 2 kernel_w: 0", "kernel_w is 0; it must be at least 1 pixel. Raise it."),
    ("kernel_size: 2 stride: 0", "stride is 0; it must be at least 1 pixel. Raise it."),
    ("kernel_w: 2", "has kernel_w but no kernel_h; both are needed. Add kernel_h."),
    (
        "kernel_size: 2 kernel_h: 2 kernel_w: 3",
        "has both kernel_size and kernel_h; only one of the two ways may be used. "
        "Keep kernel_size, or kernel_h and kernel_w.",
    ),
    (
        "kernel_size: 2 stride: 2 stride_h: 1 stride_w: 2",
        "has both stride and stride_h; only one of the two ways may be used. Keep stride, or stride_h and stride_w.",
    ),
    (
        "kernel_size: 2 pad: 3",
        "pad is 3 but kernel_size is 2; pad must be smaller, or a window would hold only padding. "
        "Lower pad or raise kernel_size.",
    ),
    (
        "kernel_h: 3 kernel_w: 2 pad_h: 1 pad_w: 2",
        "pad_w is 2 but kernel_w is 2; pad must be smaller, or a window would hold only padding. "
        "Lower pad_w or raise kernel_w.",
    ),
    (
        "global_pooling: true kernel_size: 2",
        "has kernel_size and global_pooling; one window then covers the whole image. Take kernel_size away.",
    ),
    (
        "global_pooling: true stride: 2",
        "stride is 2 with global_pooling; it must be 1, for there is one window only. Take stride away.",
    ),
    (
        "global_pooling: true pad_h: 0 pad_w: 1",
        "pad is 1 with global_pooling; it must be 0, for there is one window only. Take pad away.",
    ),
    (
        "kernel_size: 6",
        'the window is 6x6 pixels but bottom "conv1", shape (2, 3, 4, 5), has 4x5 with padding; no window fits. '
        "Lower the kernel or raise pad.",
    ),
    (
        "pool: STOCHASTIC kernel_size: 2 pad: 1",
        "has padding; STOCHASTIC pooling works without. Take pad away.",
    ),
]


@pytest.mark.parametrize("fields, message", ERRORS)
def test_errors(fields, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros((2, 3, 4, 5))])
    assert caught.value.message == message


def test_error_for_axes():
    with pytest.raises(LayerError) as caught:
        make_layer(text("kernel_size: 2"), [np.zeros((2, 3, 4))])
    assert caught.value.message == (
        'bottom "conv1" has shape (2, 3, 4); pooling works on 4 axes, (num, channels, height, width).'
    )


def test_error_for_a_second_top():
    with pytest.raises(LayerError) as caught:
        make_layer(text("pool: AVE kernel_size: 2", TWO_TOPS), [np.zeros((2, 3, 4, 5))])
    assert caught.value.message == (
        "has a second top, which would hold the places of the maxima, but pool is not MAX. Take the second top away."
    )


@pytest.mark.parametrize(
    "fields, size", [("ceil_mode: false", 2), ("ceil_mode: true", 3), ("ceil_mode: false round_mode: FLOOR", 2)]
)
def test_ceil_mode_is_the_forks_round_mode(fields, size):
    run = make_layer(text(f"kernel_size: 2 stride: 2 {fields}"), [np.zeros((1, 2, 5, 7))])
    assert run.top[0].shape == (1, 2, size, size + 1)


def test_error_for_opposite_modes():
    with pytest.raises(LayerError) as caught:
        make_layer(text("kernel_size: 2 ceil_mode: true round_mode: FLOOR"), [np.zeros((1, 2, 5, 7))])
    assert caught.value.message == ("has ceil_mode: true and round_mode: FLOOR; they say the opposite. Take one away.")
