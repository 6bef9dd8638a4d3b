import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive import batch_norm as naive
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (4, 3, 2, 5)


def text(fields="", top="t", extra=""):
    return f'layer {{ name: "L" type: "BatchNorm" bottom: "b" top: "{top}" batch_norm_param {{ {fields} }} {extra} }}'


def draw(shape=SHAPE, seed=1701):
    return np.random.default_rng(seed).normal(1, 2, shape)


def test_by_hand():
    run = run_layer(text("eps: 0"), [[[1, 10], [3, 10.5], [5, 11]]], dtype=np.float64)
    y = 1.5**0.5
    np.testing.assert_allclose(run.top[0].data, [[-y, -y], [0, 0], [y, y]])
    mean_sum, variance_sum, weight = (blob.data for blob in run.layer.blobs)
    np.testing.assert_allclose(mean_sum, [3, 10.5])
    np.testing.assert_allclose(variance_sum, [4, 0.25])  # of the sample: divided by 2, not by 3
    assert weight == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [SHAPE, (6, 4), (5, 1, 3), (1, 3, 7)])
@pytest.mark.parametrize("top", ["t", "b"])
def test_twin_of_the_batch(shape, dtype, top):
    bottom, diff = draw(shape), draw(shape, 2)
    statistics = [draw(shape[1:2], 3), np.abs(draw(shape[1:2], 4)), np.array([2.5])]
    run = run_layer(text("eps: 0.01 moving_average_fraction: 0.75", top), [bottom], dtype=dtype, params=statistics)
    tolerance = 2e-5 if dtype == np.float32 else 1e-8  # 0.01 is a float32 in the definition
    means, variances = naive.batch_statistics(bottom)
    np.testing.assert_allclose(
        run.top[0].data, naive.normalize(bottom, means, variances, np.float32(0.01)), tolerance, tolerance
    )
    count = bottom.size // shape[1]
    for blob, wanted in zip(run.layer.blobs, naive.moved(statistics, means, variances, count, 0.75)):
        np.testing.assert_allclose(blob.data, wanted, tolerance, tolerance)
    run.backward([diff])
    wanted = naive.backward(bottom, np.float32(0.01), diff)
    np.testing.assert_allclose(run.bottom[0].diff, wanted, 10 * tolerance, 10 * tolerance)
    if top == "t":
        np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))
        np.testing.assert_array_equal(run.top[0].diff, diff.astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize(
    "fields, phase",
    [("", schema.TEST), ("use_global_stats: true", schema.TRAIN), ("use_global_stats: true", schema.TEST)],
)
def test_twin_of_stored_statistics(fields, phase, dtype, top):
    bottom, diff = draw(), draw(seed=2)
    mean_sum, variance_sum = draw((3,), 3), np.abs(draw((3,), 4))
    run = run_layer(text(fields, top), [bottom], phase, dtype, params=[mean_sum, variance_sum, [2.5]])
    tolerance = 1e-5 if dtype == np.float32 else 1e-8
    wanted = naive.normalize(bottom, mean_sum / 2.5, variance_sum / 2.5, 1e-5)
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    run.backward([diff])
    wanted = naive.normalize(diff, np.zeros(3), variance_sum / 2.5, 1e-5)
    np.testing.assert_allclose(run.bottom[0].diff, wanted, tolerance, tolerance)
    np.testing.assert_array_equal(run.layer.blobs[2].data, [2.5])


def test_the_batch_counts_in_test_phase_if_asked():
    run = run_layer(text("use_global_stats: false"), [draw()], schema.TEST, np.float64)
    np.testing.assert_allclose(run.top[0].data.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    assert run.layer.blobs[2].data == 1


def test_statistics_of_weight_zero_count_as_zero():
    run = run_layer(text("eps: 0.25"), [draw()], schema.TEST, np.float64, params=[np.ones(3), np.ones(3), [0]])
    np.testing.assert_allclose(run.top[0].data, 2 * draw())


def test_one_value_a_channel():
    run = run_layer(text(), [np.ones((1, 3))])
    assert not run.top[0].data.any() and not run.layer.blobs[1].data.any()


def test_a_later_layer_in_place_does_not_spoil_the_gradient():
    run, other = (run_layer(text(), [draw()], dtype=np.float64) for _ in range(2))
    other.top[0].data[...] = 0
    np.testing.assert_array_equal(
        run.backward([draw(seed=2)]).bottom[0].diff, other.backward([draw(seed=2)]).bottom[0].diff
    )


def test_a_bottom_that_wants_no_gradient_gets_none():
    for phase in (schema.TRAIN, schema.TEST):
        run = run_layer(text(), [draw()], phase).backward([draw()], [False])
        assert not run.bottom[0].diff.any()


@pytest.mark.parametrize("phase", [schema.TRAIN, schema.TEST])
def test_parallel_kernels_give_the_bits_of_the_serial_ones(phase, monkeypatch):
    values, params = draw((4, 3, 6000)), [np.zeros(3), np.ones(3), [1]]
    many = run_layer(text(), [values], phase, params=params).backward([values])
    monkeypatch.setattr("netdef.kernels._size.PARALLEL_FROM", 1 << 40)
    one = run_layer(text(), [values], phase, params=params).backward([values])
    np.testing.assert_array_equal(many.top[0].data, one.top[0].data)
    np.testing.assert_array_equal(many.bottom[0].diff, one.bottom[0].diff)


def test_nothing_is_allocated_after_the_first_step():
    run = run_layer(text(), [draw()])
    kept = dict(run.layer._scratch)
    run.forward().backward([draw()])
    assert all(run.layer._scratch[name] is array for name, array in kept.items())


@pytest.mark.parametrize("shape", [(3, 2, 2), (5, 2)])
@pytest.mark.parametrize("top", ["t", "b"])
def test_gradients(shape, top):
    check_gradients(text("eps: 0.1", top), [draw(shape)], step=1e-4)


def test_gradients_of_stored_statistics():
    params = [np.zeros(3), np.ones(3), np.ones(1)]
    run = run_layer(text(), [draw()], schema.TEST, np.float64, params=params)
    top_diff, step = draw(seed=2), draw(seed=5)
    analytic = (run.backward([top_diff]).bottom[0].diff * step).sum()
    before = (run.top[0].data * top_diff).sum()
    run.bottom[0].data[...] += step
    assert (run.forward().top[0].data * top_diff).sum() - before == pytest.approx(analytic)


@pytest.mark.parametrize("name", ["batchnorm_2d", "batchnorm_eps", "batchnorm_global", "batchnorm_train"])
def test_golden(name):
    golden_layer(name)


def test_no_solver_learns_the_statistics():
    net = Net(
        parse_net('layer { name: "in" type: "Input" top: "b" input_param { shape { dim: 2 dim: 3 } } }' + text()),
        schema.TRAIN,
    )
    assert net.params_lr == [0, 0, 0]
    layer = make_layer(text(extra="param { lr_mult: 0 decay_mult: 0 }"), [draw()]).layer
    assert [spec.lr_mult for spec in layer.param.param] == [0, 0, 0]
    assert layer.param.param[0].HasField("decay_mult") and not layer.param.param[1].HasField("decay_mult")


@pytest.mark.parametrize(
    "shape, extra, message, field",
    [
        (
            (3,),
            "",
            'bottom "b" has shape (3,); it must have two axes or more, the second being the channels. Reshape it.',
            "bottom",
        ),
        (
            SHAPE,
            "param { lr_mult: 0 } param { lr_mult: 0.5 }",
            "param 1 has lr_mult 0.5; the statistics of a batch are not learned and their lr_mult must be 0. "
            "Write lr_mult: 0 or remove param.",
            "param[1].lr_mult",
        ),
    ],
)
def test_errors(shape, extra, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(extra=extra), [np.zeros(shape)])
    assert str(caught.value) == 'layer "L" (BatchNorm): ' + message
    assert caught.value.field == field


def test_channels_may_not_change():
    run = run_layer(text(), [draw()])
    run.bottom[0].reshape(4, 2, 2, 5)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (BatchNorm): bottom "b" has shape (4, 2, 2, 5) but the statistics are for 3 channels; '
        "axis 1 must keep its size. Reshape other axes only."
    )
