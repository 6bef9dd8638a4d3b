"""Windows and sizes that nobody would choose: drawn at random from a fixed seed, held against the naive twins.

One pixel, one image, windows as large as the image, strides larger than the window, as many groups as channels,
sizes that fill no vector register.
"""

import random

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive import convolution as naive_convolution
from tests.naive import inner_product as naive_inner_product
from tests.naive import pooling as naive_pooling
from tests.support.nets import make_layer

SEEDS = range(30)


def odd_window(rng, image, pad_below_kernel):
    """``(kernel, stride, pad)``, pairs, of which at least one place fits into ``image``."""
    while True:
        kernel = tuple(rng.choice([1, 1, 2, 3, 5, size]) for size in image)
        stride = tuple(rng.choice([1, 1, 2, 3, 7]) for _ in image)
        pad = tuple(rng.choice([0, 0, 1, 2]) for _ in image)
        fits = all(k <= size + 2 * p for k, size, p in zip(kernel, image, pad))
        if fits and not (pad_below_kernel and any(p >= k for p, k in zip(pad, kernel))):
            return kernel, stride, pad


def text(window):
    names = ("kernel_h", "kernel_w"), ("stride_h", "stride_w"), ("pad_h", "pad_w")
    return " ".join(f"{name}: {n}" for pair, values in zip(names, window) for name, n in zip(pair, values))


def near(got, want):
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_convolution(seed):
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    group, inputs, outputs = rng.choice([(1, 1, 1), (1, 3, 17), (2, 5, 3), (3, 1, 2), (7, 1, 1), (1, 16, 8)])
    shape = rng.choice([1, 1, 2, 3]), group * inputs, rng.choice([1, 2, 5, 8]), rng.choice([1, 3, 7, 9])
    kernel, stride, pad = window = odd_window(rng, shape[2:], False)
    dilation = tuple(
        rng.choice([1, 2]) if 2 * (k - 1) < size + 2 * p else 1 for k, size, p in zip(kernel, shape[2:], pad)
    )
    fields = f"num_output: {group * outputs} group: {group} {text(window)}"
    fields += f" dilation: {dilation[0]} dilation: {dilation[1]}"
    filler = 'weight_filler { type: "gaussian" } bias_filler { type: "gaussian" }'
    bottom = generator.standard_normal(shape, np.float32)
    layer = f'type: "Convolution" bottom: "a" top: "b" convolution_param {{ {fields} {filler} }}'
    run = make_layer(layer, [bottom]).forward()
    weight, bias = (blob.data for blob in run.layer.blobs)
    rest = stride, pad, dilation, group
    near(run.top[0].data, naive_convolution.convolution(bottom, weight, bias, *rest))
    top_diff = generator.standard_normal(run.top[0].shape, np.float32)
    run.backward([top_diff])
    wanted = naive_convolution.convolution_backward(bottom, weight, top_diff, *rest)
    for blob, values in zip([run.bottom[0], *run.layer.blobs], wanted, strict=True):
        near(blob.diff, values)


@pytest.mark.parametrize("seed", SEEDS)
def test_pooling(seed):
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    shape = rng.choice([1, 2]), rng.choice([1, 3]), rng.choice([1, 2, 5, 12]), rng.choice([1, 3, 9, 17])
    window, floor = odd_window(rng, shape[2:], True), rng.random() < 0.3
    bottom = generator.integers(-2, 3, shape).astype(np.float32)  # with equal values
    rounding = "round_mode: FLOOR" if floor else ""
    layer = f'type: "Pooling" bottom: "a" top: "b" pooling_param {{ {text(window)} {rounding} }}'
    run = make_layer(layer, [bottom]).forward()
    top, mask = naive_pooling.max_pooling(bottom, *window, floor)
    near(run.top[0].data, top)
    top_diff = generator.standard_normal(top.shape, np.float32)
    near(run.backward([top_diff]).bottom[0].diff, naive_pooling.max_pooling_backward(top_diff, mask, shape))
    if all(size > 0 for _, _, size in naive_pooling.windows(shape, *window, floor)):
        run = make_layer(layer.replace("{ ", "{ pool: AVE "), [bottom]).forward()
        near(run.top[0].data, naive_pooling.average_pooling(bottom, *window, floor))
        wanted = naive_pooling.average_pooling_backward(top_diff, shape, *window, floor)
        near(run.backward([top_diff]).bottom[0].diff, wanted)


@pytest.mark.parametrize("seed", range(10))
def test_inner_product(seed):
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    num, depth, outputs = rng.choice([1, 2, 7]), rng.choice([1, 3, 17, 65]), rng.choice([1, 5, 16, 33])
    items = generator.standard_normal((num, depth), np.float32)
    fields = f'num_output: {outputs} weight_filler {{ type: "gaussian" }} bias_filler {{ type: "gaussian" }}'
    layer = f'type: "InnerProduct" bottom: "a" top: "b" inner_product_param {{ {fields} }}'
    run = make_layer(layer, [items]).forward()
    weight, bias = (blob.data for blob in run.layer.blobs)
    near(run.top[0].data, naive_inner_product.inner_product(items, weight, bias))
    top_diff = generator.standard_normal((num, outputs), np.float32)
    run.backward([top_diff])
    wanted = naive_inner_product.inner_product_backward(items, weight, top_diff)
    for blob, values in zip([run.bottom[0], *run.layer.blobs], wanted, strict=True):
        near(blob.diff, values)


@pytest.mark.parametrize("far", [2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize(
    "name, fields", [("Convolution", "num_output: 2 "), ("Pooling", ""), ("Pooling", "pool: AVE ")]
)
def test_steps_far_beyond_the_image(name, fields, far):
    bottom = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    message = "pooling_param" if name == "Pooling" else "convolution_param"
    layer = f'type: "{name}" bottom: "a" top: "b" {message} {{ {fields}kernel_h: 3 kernel_w: 4 %s }}'
    near_run, far_run = (make_layer(layer % f"stride_h: {n} stride_w: {n}", [bottom]).forward() for n in (5, far))
    assert near_run.top[0].shape == far_run.top[0].shape == (1, 2, 1, 1)
    assert np.array_equal(near_run.top[0].data, far_run.top[0].data)
    assert np.isfinite(far_run.backward([np.ones((1, 2, 1, 1))]).bottom[0].diff).all()


def test_windows_behind_the_image_are_empty():
    bottom = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4)
    layer = f'type: "Pooling" bottom: "a" top: "b" pooling_param {{ kernel_size: 2 stride: {2**32 - 1} }}'
    run = make_layer(layer, [bottom]).forward()
    least = np.finfo(np.float32).min
    assert run.top[0].data.tolist() == [[[[6, least], [least, least]]]]
    run.backward([np.ones((1, 1, 2, 2))])
    assert run.bottom[0].diff.sum() == run.bottom[0].diff[0, 0, 1, 1] == 1


@pytest.mark.parametrize(
    "layer, field, message",
    [
        (
            f'type: "Convolution" convolution_param {{ num_output: 2 kernel_size: 3 pad: {2**31} }}',
            "convolution_param",
            "bottom 0, shape (1, 2, 3, 4), has 4294967299x4294967300 pixels with padding and would become a top of "
            "4294967297x4294967298, more than 2147483647 elements in all. Lower pad.",
        ),
        (
            f'type: "Pooling" pooling_param {{ kernel_size: {2**31} pad: {2**31 - 1} }}',
            "pooling_param",
            "bottom 0, shape (1, 2, 3, 4), has 4294967297x4294967298 pixels with padding; there may be 2147483647 at "
            "most. Lower pad.",
        ),
    ],
)
def test_padding_beyond_measure(layer, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(layer, [np.zeros((1, 2, 3, 4))], tops=1)
    assert (caught.value.field, caught.value.message) == (field, message)


def test_an_overwritten_mask_reaches_nothing_outside():
    layer = 'type: "Pooling" bottom: "a" top: "b" top: "mask" pooling_param { kernel_size: 2 stride: 1 }'
    run = make_layer(layer, [np.arange(6).reshape(1, 1, 2, 3)]).forward()
    run.top[1].data[...] = [[[[1e9, np.nan]]]]
    assert not run.backward([np.ones((1, 1, 1, 2))]).bottom[0].diff.any()


@pytest.mark.parametrize(
    "fields",
    [
        'type: "Convolution" convolution_param { num_output: 4 kernel_size: 2 }',
        'type: "Convolution" convolution_param { num_output: 40 kernel_size: 1 }',
        'type: "Convolution" convolution_param { num_output: 3 kernel_size: 2 group: 3 }',
        'type: "Deconvolution" convolution_param { num_output: 4 kernel_size: 2 }',
        'type: "Pooling" pooling_param { kernel_size: 2 }',
        'type: "InnerProduct" inner_product_param { num_output: 4 }',
        'type: "LRN"',
        'type: "BatchNorm"',
        'type: "Softmax"',
        'type: "Scale" scale_param { bias_term: true }',
        'type: "Power" power_param { power: 3 }',
        'type: "EuclideanLoss"',
        'type: "SigmoidCrossEntropyLoss"',
    ],
)
def test_no_items(fields):
    """A batch may run empty, after a filter say: nothing comes of it, and nothing breaks."""
    two = "Loss" in fields
    run = make_layer(fields, [np.ones((2, 3, 4, 5))] * (1 + two), tops=1)
    before = [blob.data.copy() for blob in run.layer.blobs]
    for blob in run.bottom:
        blob.reshape(0, 3, 4, 5)
    run.forward().backward(None if two else [0])
    assert run.top[0].shape[:1] == (() if two else (0,))
    assert not two or run.top[0].data == 0
    for blob, values in zip(run.layer.blobs, before, strict=True):
        assert np.array_equal(blob.data, values) and not blob.diff.any()


def test_a_scale_that_outgrows_its_bias():
    run = make_layer('type: "Scale" scale_param { bias_term: true }', [np.ones((2, 3)), np.ones(3)], tops=1)
    run.bottom[0].reshape(2, 5)
    run.bottom[1].reshape(5)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert caught.value.message == (
        "bottom 1 now has shape (5,) but the learned bias has shape (3,); they must stay equal. "
        "Reshape other axes only."
    )
