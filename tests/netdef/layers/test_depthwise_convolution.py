import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.kernels.depthwise import DepthwisePlan
from tests.naive import depthwise_convolution as naive
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (2, 3, 5, 7)


def text(fields, kind="ConvolutionDepthwise"):
    return f'layer {{ name: "L" type: "{kind}" bottom: "b" top: "t" convolution_param {{ {fields} }} }}'


def draw(shape=SHAPE, seed=1701):
    return np.random.default_rng(seed).normal(0, 1, shape)


def test_by_hand():
    bottom = np.array([[1, 2, 3], [4, 5, 6]]).reshape(1, 2, 1, 3)
    weight = np.array([[1, 10], [2, 0]]).reshape(2, 1, 1, 2)
    run = run_layer(text("kernel_h: 1 kernel_w: 2"), [bottom], params=[weight, [0, 100]])
    np.testing.assert_array_equal(run.top[0].data, [[[[21, 32]], [[108, 110]]]])


CASES = {
    "usual": ("kernel_size: 3 pad: 1", SHAPE, (1, 1), (1, 1), (1, 1)),
    "usual, one column": ("kernel_size: 3 pad: 1", (2, 3, 5, 1), (1, 1), (1, 1), (1, 1)),
    "usual, two columns": ("kernel_size: 3 pad: 1", (2, 3, 5, 2), (1, 1), (1, 1), (1, 1)),
    "stride": ("kernel_size: 3 pad: 1 stride: 2", SHAPE, (2, 2), (1, 1), (1, 1)),
    "no pad": ("kernel_size: 2", SHAPE, (1, 1), (0, 0), (1, 1)),
    "dilation": ("kernel_size: 3 dilation: 2 pad: 3", SHAPE, (1, 1), (3, 3), (2, 2)),
    "all": (
        "kernel_h: 2 kernel_w: 5 stride_h: 3 stride_w: 2 pad_h: 1 pad_w: 4 dilation: 2 dilation: 3",
        (2, 3, 8, 9), (3, 2), (1, 4), (2, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["ConvolutionDepthwise", "DepthwiseConvolution", "Convolution"])
@pytest.mark.parametrize("case", CASES)
def test_twin(case, kind, dtype):
    fields, shape, stride, pad, dilation = CASES[case]
    if kind != "ConvolutionDepthwise":
        fields += " num_output: 3 group: 3"
    bottom = draw(shape)
    run = make_layer(text(fields, kind), [bottom], dtype=dtype)
    weight, bias = draw(run.layer.blobs[0].shape, 2), draw((3,), 3)
    assert weight.shape[:2] == (3, 1)
    run = run_layer(text(fields, kind), [bottom], dtype=dtype, params=[weight, bias])
    assert isinstance(run.layer.plan, DepthwisePlan)
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    wanted = naive.forward(bottom, weight, bias, stride, pad, dilation)
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    top_diff = draw(wanted.shape, 4)
    run.backward([top_diff])
    got = [run.bottom[0].diff, run.layer.blobs[0].diff, run.layer.blobs[1].diff]
    for array, wanted in zip(got, naive.backward(bottom, weight, top_diff, stride, pad, dilation)):
        np.testing.assert_allclose(array, wanted, tolerance, tolerance)


def test_num_output_and_group_are_not_read():
    run = run_layer(text("num_output: 5 group: 2 kernel_size: 3 bias_term: false"), [draw()])
    assert [blob.shape for blob in run.layer.blobs] == [(3, 1, 3, 3)] and run.top[0].shape == (2, 3, 3, 5)


def test_several_filters_for_a_channel():
    run = run_layer(text("num_output: 6 group: 3 kernel_size: 3", "DepthwiseConvolution"), [draw()])
    assert run.layer.blobs[0].shape == (6, 1, 3, 3) and run.top[0].shape == (2, 6, 3, 5)


def test_parallel_kernels_give_the_bits_of_the_serial_ones(monkeypatch):
    bottom, fields = draw((2, 5, 60, 70)), "kernel_size: 3 pad: 1 stride: 2"
    monkeypatch.setattr("netdef.kernels.plans.PARALLEL_FROM", 0)
    many = run_layer(text(fields), [bottom], params=[draw((5, 1, 3, 3), 2), draw((5,), 3)])
    many.backward([draw(many.top[0].shape, 4)])
    monkeypatch.setattr("netdef.kernels.plans.PARALLEL_FROM", 1 << 60)
    one = run_layer(text(fields), [bottom], params=[draw((5, 1, 3, 3), 2), draw((5,), 3)])
    one.backward([draw(many.top[0].shape, 4)])
    np.testing.assert_array_equal(many.top[0].data, one.top[0].data)
    np.testing.assert_array_equal(many.bottom[0].diff, one.bottom[0].diff)
    for mine, other in zip(many.layer.blobs, one.layer.blobs):
        np.testing.assert_array_equal(mine.diff, other.diff)


@pytest.mark.parametrize("fields", ["kernel_size: 3 pad: 1", "kernel_size: 2 stride: 2 dilation: 2"])
def test_gradients(fields):
    check_gradients(text(fields), [draw((2, 3, 3, 4))])


def test_errors():
    with pytest.raises(LayerError) as caught:
        make_layer(text("kernel_size: 6"), [draw()])
    assert str(caught.value) == (
        'layer "L" (ConvolutionDepthwise): the window covers 6 pixels along axis 2 of bottom "b", shape (2, 3, 5, 7), '
        "but there are 5 with padding; it must not be larger. Lower the kernel or raise pad."
    )
