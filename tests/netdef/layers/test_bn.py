import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive import batch_norm
from tests.naive import bn as naive
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

SHAPE = (4, 3, 2, 5)
PSPNET = "slope_filler { type: 'constant' value: 1 } bias_filler { type: 'constant' value: 0 }"
EPS = np.float32(1e-5)


def text(fields=PSPNET, top="t", extra="", tops=""):
    return f'layer {{ name: "L" type: "BN" bottom: "b" top: "{top}" {tops} bn_param {{ {fields} }} {extra} }}'


def draw(shape=SHAPE, seed=1701):
    return np.random.default_rng(seed).normal(1, 2, shape)


def parameters(count=4):
    slope, bias, mean, variance = draw((4, 3), 9)
    return [values.reshape(1, 3, 1, 1) for values in (slope, bias, mean, np.abs(variance))][:count]


def run_with(fields, bottom, params, top="t", phase=schema.TRAIN, dtype=np.float64, diff=None):
    run = run_layer(text(fields, top), [bottom], phase, dtype, params=params)
    data = run.top[0].data.copy()
    run.backward([draw(bottom.shape, 2) if diff is None else diff])
    return run, data


def test_by_hand():
    run = run_layer(text(PSPNET + "eps: 0 momentum: 0.75"), [[[1, 10], [3, 10.5], [5, 11]]], dtype=np.float64,
                    params=[np.reshape(v, (1, 2, 1, 1)) for v in ([1, 2], [0, 1], [4, 4], [0, 8])])  # fmt: skip
    y = 1.5**0.5
    np.testing.assert_allclose(run.top[0].data, [[-y, -2 * y + 1], [0, 1], [y, 2 * y + 1]])
    np.testing.assert_allclose(run.layer.blobs[2].data.reshape(-1), [3.75, 5.625])
    np.testing.assert_allclose(run.layer.blobs[3].data.reshape(-1), [2 / 3, 6 + 1 / 24])  # divided by the count


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [SHAPE, (6, 3)])
@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("kind", ["batch", "stored", "frozen", "segnet"])
def test_twin(kind, top, shape, dtype):
    bottom, diff = draw(shape), draw(shape, 2)
    fields = {"frozen": PSPNET + "frozen: true", "segnet": "bn_mode: LEARN"}.get(kind, PSPNET)
    params = parameters(2 if kind == "segnet" else 4)
    phase = schema.TEST if kind in ("stored", "segnet") else schema.TRAIN
    run, data = run_with(fields, bottom, params, top, phase, dtype, diff)
    slope, bias = (values.reshape(-1) for values in params[:2])
    of_batch = kind in ("batch", "segnet")
    eps = 1e-9 if kind == "segnet" else EPS
    means, variances = batch_norm.batch_statistics(bottom) if of_batch else [v.reshape(-1) for v in params[2:]]
    tolerance = 1e-4 if dtype == np.float32 else 1e-8
    wanted = naive.forward(bottom, slope, bias, means, variances, eps)
    np.testing.assert_allclose(data, wanted, tolerance, tolerance)
    wanted = naive.backward(bottom, slope, means, variances, eps, diff, of_batch)
    got = [run.bottom[0].diff, *(blob.diff.reshape(-1) for blob in run.layer.blobs[:2])]
    for array, values in zip(got[: 1 if kind == "frozen" else 3], wanted):
        np.testing.assert_allclose(array, values, tolerance, 10 * tolerance)
    if kind == "frozen":
        assert not got[1].any() and not got[2].any()
    if kind in ("stored", "frozen"):
        for blob, values in zip(run.layer.blobs[2:], params[2:]):
            np.testing.assert_array_equal(blob.data, values.astype(dtype))


@pytest.mark.parametrize("top", ["t", "b"])
def test_segnet_after_training(top):
    bottom, params = draw(), parameters(2)
    run, data = run_with("bn_mode: INFERENCE", bottom, params, top)
    np.testing.assert_allclose(data, bottom * params[0] + params[1])
    diff = draw(seed=2)
    np.testing.assert_allclose(run.bottom[0].diff, diff * params[0])
    np.testing.assert_allclose(run.layer.blobs[0].diff, (diff * bottom).sum(axis=(0, 2, 3), keepdims=True))
    np.testing.assert_allclose(run.layer.blobs[1].diff, diff.sum(axis=(0, 2, 3), keepdims=True))


def test_segnet_shows_the_statistics():
    run = run_layer(text("scale_filler { }", tops='top: "mean" top: "variance"'), [draw()], dtype=np.float64)
    for blob, wanted in zip(run.top[1:], batch_norm.batch_statistics(draw())):
        assert blob.shape == (1, 3, 1, 1)
        np.testing.assert_allclose(blob.data.reshape(-1), wanted)


@pytest.mark.parametrize(
    "fields, extra, count",
    [
        (PSPNET, "", 4),
        ("momentum: 0.5", "param { } param { }", 4),
        ("frozen: false", "", 4),
        ("", "", 4),
        ("", "param { } " * 4, 4),
        ("scale_filler { }", "param { } param { }", 2),
        ("bn_mode: INFERENCE", "", 2),
        ("", "param { } param { }", 2),
    ],
)
def test_which_kind_it_is(fields, extra, count):
    layer = make_layer(text(fields, extra=extra), [draw()]).layer
    assert [blob.shape for blob in layer.blobs] == [(1, 3, 1, 1)] * count


@pytest.mark.parametrize("frozen, learned, variance", [("", [2, 2, 0, 0], 0), ("frozen: true", [0] * 4, 1)])
def test_what_is_learned(frozen, learned, variance):
    net = Net(
        parse_net(
            'layer { name: "in" type: "Input" top: "b" input_param { shape { dim: 2 dim: 3 } } }'
            + text(PSPNET + frozen, extra="param { lr_mult: 2 } param { lr_mult: 2 }")
        ),
        schema.TRAIN,
    )
    assert net.params_lr == learned
    assert [blob.data.reshape(-1)[0] for blob in net.params["L"]] == [1, 0, 0, variance]


def test_what_wants_no_gradient_gets_none():
    run = run_layer(text(), [draw()])
    run.layer.param_propagate_down = [False] * 4
    run.backward([draw()], [False])
    assert not run.bottom[0].diff.any() and not any(blob.diff.any() for blob in run.layer.blobs)


@pytest.mark.parametrize("fields", [PSPNET, "bn_mode: LEARN"])
def test_gradients(fields):
    bottom = draw((3, 2, 2))
    params = [np.array(values).reshape(1, 2, 1, 1) for values in ([1.5, -0.5], [0.3, 0.2], [0, 0], [1, 1])]
    count = 2 if "LEARN" in fields else 4
    run = run_layer(text(fields), [bottom], dtype=np.float64, params=params[:count])
    diff = draw(bottom.shape, 2)
    run.backward([diff])
    for blob, gradient in [(run.bottom[0], run.bottom[0].diff), *((b, b.diff) for b in run.layer.blobs[:2])]:
        gradient = gradient.copy()
        for index in np.ndindex(blob.shape):
            ends = []
            for step in (1e-5, -2e-5, 1e-5):
                blob.data[index] += step
                ends.append((run.forward().top[0].data * diff).sum())
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(gradient[index], rel=1e-4, abs=1e-6)


def test_gradients_after_training():
    check_gradients(text("bn_mode: INFERENCE"), [draw((3, 2, 2))])
    check_gradients(text("bn_mode: INFERENCE", top="b"), [draw((3, 2, 2))])


@pytest.mark.parametrize(
    "shape, fields, tops, message, field",
    [
        (
            (3,),
            PSPNET,
            "",
            'bottom "b" has shape (3,); it must have two axes or more, the second being the channels. Reshape it.',
            "bottom",
        ),
        (
            SHAPE,
            "momentum: 0.5 bn_mode: LEARN",
            "",
            "has bn_mode, a field of SegNet's BN, and momentum, one of PSPNet's; they are two kinds, with two blobs "
            "and with four. Keep the fields of one.",
            "bn_param.bn_mode",
        ),
        (
            SHAPE,
            PSPNET,
            'top: "mean"',
            "has 2 tops; with four blobs, as in PSPNet, there is one. Take the others away.",
            "top",
        ),
    ],
)
def test_errors(shape, fields, tops, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields, tops=tops), [np.zeros(shape)])
    assert str(caught.value) == f'layer "L" (BN): {message}'
    assert caught.value.field == field


def test_channels_may_not_change():
    run = run_layer(text(), [draw()])
    run.bottom[0].reshape(4, 2, 2, 5)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (BN): bottom "b" has shape (4, 2, 2, 5) but the parameters are for 3 channels; '
        "axis 1 must keep its size. Reshape other axes only."
    )
