import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive import im2col as naive
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 6)


def text(fields):
    return f'layer {{ name: "L" type: "Im2col" bottom: "b" top: "t" convolution_param {{ {fields} }} }}'


def draw(shape=SHAPE, seed=1701):
    return np.random.default_rng(seed).normal(0, 1, shape)


def test_by_hand():
    run = run_layer(text("kernel_h: 1 kernel_w: 2 pad_w: 1"), [[[[[1, 2, 3]]]]])
    np.testing.assert_array_equal(run.top[0].data, [[[[0, 1, 2, 3]], [[1, 2, 3, 0]]]])
    run.backward([[[[[1, 2, 3, 4]], [[10, 20, 30, 40]]]]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[[[12, 23, 34]]]])


CASES = {
    "plain": ("kernel_size: 2", SHAPE, (2, 2), (1, 1), (0, 0), (1, 1)),
    "all": (
        "kernel_h: 2 kernel_w: 3 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 2 dilation: 3 dilation: 2",
        SHAPE, (2, 3), (2, 3), (1, 2), (3, 2),
    ),
    "one axis": ("kernel_size: 3 stride: 2 pad: 1", (2, 3, 7), (3,), (2,), (1,), (1,)),
    "three axes": ("kernel_size: 2 stride: 2 pad: 1", (2, 1, 2, 3, 4), (2,) * 3, (2,) * 3, (1,) * 3, (1,) * 3),
    "the long way": ("kernel_size: 3 pad: 1 force_nd_im2col: true", SHAPE, (3, 3), (1, 1), (1, 1), (1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_twin(case, dtype):
    fields, shape, *window = CASES[case]
    bottom = draw(shape).astype(dtype)
    run = run_layer(text(fields), [bottom], dtype=dtype)
    wanted = naive.forward(bottom, *window)
    np.testing.assert_array_equal(run.top[0].data, wanted)
    top_diff = draw(wanted.shape, 2)
    run.backward([top_diff])
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run.bottom[0].diff, naive.backward(shape, top_diff, *window), tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, bottom)


def test_channels_on_another_axis():
    run = run_layer(text("kernel_size: 2 axis: -3"), [draw((2, 2, 3, 4, 6))])
    assert run.top[0].shape == (2, 2, 12, 3, 5)
    np.testing.assert_array_equal(
        run.top[0].data.reshape(4, 12, 3, 5),
        run_layer(text("kernel_size: 2"), [draw((2, 2, 3, 4, 6)).reshape(4, 3, 4, 6)]).top[0].data,
    )


def test_a_bottom_that_wants_no_gradient_gets_none():
    run = run_layer(text("kernel_size: 2"), [draw()])
    run.backward([draw(run.top[0].shape)], [False])
    assert not run.bottom[0].diff.any()


def test_parallel_kernels_give_the_bits_of_the_serial_ones(monkeypatch):
    def both():
        run = run_layer(text("kernel_size: 3 pad: 1 stride: 2"), [draw((2, 3, 30, 40))])
        run.backward([draw(run.top[0].shape, 2)])
        return run.top[0].data, run.bottom[0].diff

    one = both()
    monkeypatch.setattr("netdef.kernels._size.PARALLEL_FROM", 0)
    for mine, other in zip(both(), one):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    "fields, shape", [("kernel_size: 2 stride: 2 pad: 1", (1, 2, 3, 4)), ("kernel_size: 2", (2, 2, 4))]
)
def test_gradients(fields, shape):
    check_gradients(text(fields), [draw(shape)])


def test_golden():
    golden_layer("im2col")


@pytest.mark.parametrize(
    "fields, message, field",
    [
        (
            "kernel_size: 2 axis: 3",
            'axis is 3 but bottom "b" has shape (2, 3, 4, 6); at least one spatial axis must follow the channels. '
            "Lower axis or reshape it.",
            "convolution_param.axis",
        ),
        (
            "kernel_size: 3 dilation: 2",
            'the window covers 5 pixels along axis 2 of bottom "b", shape (2, 3, 4, 6), but there are 4 with padding; '
            "it must not be larger. Lower the kernel or raise pad.",
            "convolution_param",
        ),
        (
            "pad: 1",
            "has no kernel_size; it must say how many pixels a filter covers. Add kernel_size, or kernel_h and "
            "kernel_w.",
            "convolution_param",
        ),
    ],
)
def test_errors(fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros(SHAPE)])
    assert str(caught.value) == 'layer "L" (Im2col): ' + message
    assert caught.value.field == field


def test_the_number_of_axes_may_not_change():
    run = run_layer(text("kernel_size: 2"), [draw()])
    run.bottom[0].reshape(2, 3, 24)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (Im2col): bottom "b" now has shape (2, 3, 24); the window was made for 2 spatial axes after '
        "axis 1. Keep the number of axes."
    )
