import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive import deconvolution as naive
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 4, 3, 5)


def text(fields, bottoms=1):
    names = "".join(f' bottom: "b{i}"' for i in range(bottoms)) + "".join(f' top: "t{i}"' for i in range(bottoms))
    return f'layer {{ name: "L" type: "Deconvolution"{names} convolution_param {{ {fields} }} }}'


def draw(shape=SHAPE, seed=1701):
    return np.random.default_rng(seed).normal(0, 1, shape)


def test_by_hand():
    """Three pixels, each spread over three, two pixels apart: neighbours meet in every second pixel."""
    fields = "num_output: 1 kernel_size: 3 stride: 2 bias_filler { type: 'constant' value: 10 }"
    run = run_layer(text(fields), [[[[[1, 2, 3]]]]], params=[[[[[1, 2, 4], [0, 0, 0], [0, 0, 1]]]], [10]])
    np.testing.assert_array_equal(
        run.top[0].data[0, 0], [[11, 12, 16, 14, 21, 16, 22], [10] * 7, [10, 10, 11, 10, 12, 10, 13]]
    )


CASES = {
    "plain": ("num_output: 3 kernel_size: 2", SHAPE, (2, 2), (1, 1), (0, 0), (1, 1), 1),
    "stride and pad": (
        "num_output: 3 kernel_h: 3 kernel_w: 4 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 2",
        SHAPE, (3, 4), (2, 3), (1, 2), (1, 1), 1,
    ),
    "dilation": ("num_output: 3 kernel_size: 2 dilation: 3 stride: 2", SHAPE, (2, 2), (2, 2), (0, 0), (3, 3), 1),
    "group": ("num_output: 6 group: 2 kernel_size: 3 stride: 2", SHAPE, (3, 3), (2, 2), (0, 0), (1, 1), 2),
    "one pixel": ("num_output: 3 kernel_size: 1", SHAPE, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    "each channel by itself": (
        "num_output: 4 group: 4 kernel_size: 4 stride: 2 pad: 1", SHAPE, (4, 4), (2, 2), (1, 1), (1, 1), 4,
    ),
    "one axis": ("num_output: 3 kernel_size: 3 stride: 2", (2, 4, 5), (3,), (2,), (0,), (1,), 1),
    "three axes": (
        "num_output: 3 kernel_size: 2 kernel_size: 3 kernel_size: 2 stride: 2 pad: 0 pad: 1 pad: 0",
        (2, 2, 2, 3, 4), (2, 3, 2), (2, 2, 2), (0, 1, 0), (1, 1, 1), 1,
    ),
    "two axes the long way": (
        "num_output: 3 kernel_size: 3 stride: 2 force_nd_im2col: true", SHAPE, (3, 3), (2, 2), (0, 0), (1, 1), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_twin(case, dtype):
    fields, shape, kernel, stride, pad, dilation, group = CASES[case]
    bottom = draw(shape)
    run = make_layer(text(fields), [bottom], dtype=dtype)
    outputs = run.layer.fields.num_output
    assert run.layer.blobs[0].shape == (shape[1], outputs // group, *kernel)
    assert run.top[0].shape == (shape[0], outputs, *naive.top_shape(shape[2:], kernel, stride, pad, dilation))
    weight, bias = draw(run.layer.blobs[0].shape, 2), draw((outputs,), 3)
    run = run_layer(text(fields), [bottom], dtype=dtype, params=[weight, bias])
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    wanted = naive.forward(bottom, weight, bias, stride, pad, dilation, group)
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    top_diff = draw(wanted.shape, 4)
    run.backward([top_diff])
    got = [run.bottom[0].diff, run.layer.blobs[0].diff, run.layer.blobs[1].diff]
    for array, wanted in zip(got, naive.backward(bottom, weight, top_diff, stride, pad, dilation, group)):
        np.testing.assert_allclose(array, wanted, tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))


def test_bilinear_weights_enlarge_an_image():
    fields = (
        "num_output: 2 group: 2 kernel_size: 4 stride: 2 pad: 1 bias_term: false weight_filler { type: 'bilinear' }"
    )
    ramp = np.arange(6.0)[None, None, None, :] * np.ones((1, 2, 4, 1))
    top = run_layer(text(fields), [ramp]).top[0].data
    np.testing.assert_allclose(top[0, :, 3, 2:-2], [np.arange(0.75, 4.5, 0.5)] * 2, rtol=1e-6)


def test_two_bottoms_share_the_filters():
    first, second = draw(), draw(seed=5)
    fields = "num_output: 3 kernel_size: 3 stride: 2"
    weight, bias = draw((4, 3, 3, 3), 2), draw((3,), 3)
    run = run_layer(text(fields, 2), [first, second], params=[weight, bias])
    diffs = [draw(run.top[0].shape, 6), draw(run.top[0].shape, 7)]
    run.backward(diffs)
    alone = [run_layer(text(fields), [array], params=[weight, bias]) for array in (first, second)]
    for i, single in enumerate(alone):
        single.backward([diffs[i]])
        np.testing.assert_array_equal(run.top[i].data, single.top[0].data)
        np.testing.assert_array_equal(run.bottom[i].diff, single.bottom[0].diff)
    np.testing.assert_allclose(run.layer.blobs[0].diff, sum(s.layer.blobs[0].diff for s in alone), rtol=1e-4)


def test_what_wants_no_gradient_gets_none():
    run = run_layer(text("num_output: 3 kernel_size: 2"), [draw()])
    run.layer.param_propagate_down = [False, False]
    run.backward([draw(run.top[0].shape)], [False])
    assert not run.bottom[0].diff.any() and not any(blob.diff.any() for blob in run.layer.blobs)


@pytest.mark.parametrize(
    "fields, shape",
    [
        ("num_output: 2 kernel_size: 3 stride: 2 pad: 1 group: 2", (2, 4, 2, 3)),
        ("num_output: 2 kernel_size: 2", (1, 3, 4)),
    ],
)
def test_gradients(fields, shape):
    check_gradients(text(fields), [draw(shape)])


@pytest.mark.parametrize("name", ["deconv_bilinear", "deconv_group", "deconv_s2"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, message, field",
    [
        (
            "num_output: 3 kernel_size: 2 pad: 2",
            'bottom "b0", shape (2, 4, 3, 5), would become a top of 0x2 pixels; every size must be at least 1. '
            "Lower pad or raise the kernel.",
            "convolution_param",
        ),
        (
            "num_output: 3 kernel_size: 2 group: 3",
            'group is 3 but bottom "b0" has 4 channels; they must divide evenly into groups. '
            "Change group or the channels.",
            "convolution_param.group",
        ),
        (
            "num_output: 30000 kernel_size: 2 stride: 1000",
            'bottom "b0", shape (2, 4, 3, 5), would become a top of 2002x4002 pixels, more than 2147483647 elements '
            "in all. Lower stride or the kernel.",
            "convolution_param",
        ),
    ],
)
def test_errors(fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros(SHAPE)])
    assert str(caught.value) == 'layer "L" (Deconvolution): ' + message
    assert caught.value.field == field
