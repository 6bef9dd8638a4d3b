import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.bias import bias, bias_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(fields="", bottoms=1, top="t"):
    names = " ".join(f'bottom: "b{i}"' for i in range(bottoms))
    return f'layer {{ name: "L" type: "Bias" {names} top: "{top}" bias_param {{ {fields} }} }}'


def draw(*shapes):
    generator = np.random.default_rng(1701)
    return [generator.normal(size=shape) for shape in shapes]


def test_by_hand():
    run = run_layer(text(), [[[1, 2], [3, 4]]], params=[[10, 20]])
    np.testing.assert_array_equal(run.top[0].data, [[11, 22], [13, 24]])
    run.backward([[[1, 2], [3, 4]]])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [4, 6])
    np.testing.assert_array_equal(run.bottom[0].diff, [[1, 2], [3, 4]])


COVERS = [
    ("", 1, (3,)),
    ("axis: 0", 0, (2,)),
    ("axis: -1", 3, (5,)),
    ("axis: 1 num_axes: 2", 1, (3, 4)),
    ("axis: 0 num_axes: -1", 0, SHAPE),
    ("num_axes: 0", 0, ()),
    ("axis: 3 num_axes: 0", 0, ()),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fields, axis, covered", COVERS)
@pytest.mark.parametrize("bottoms", [1, 2])
@pytest.mark.parametrize("top", ["t", "b0"])
def test_twin(fields, axis, covered, bottoms, dtype, top):
    bottom, term, diff = draw(SHAPE, covered, SHAPE)
    inputs, params = ([bottom, term], None) if bottoms == 2 else ([bottom], [term])
    run = run_layer(text(fields, bottoms, top), inputs, dtype=dtype, params=params)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run.top[0].data, bias(bottom, term, axis), tolerance, tolerance)
    if top == "t":
        np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))
    run.backward([diff])
    learned = run.bottom[1] if bottoms == 2 else run.layer.blobs[0]
    assert learned.shape == covered
    np.testing.assert_allclose(learned.diff, bias_backward(covered, axis, diff), tolerance, tolerance)
    np.testing.assert_array_equal(run.bottom[0].diff, diff.astype(dtype))


def test_learned_gradient_is_added_and_a_bottoms_is_written():
    run = run_layer(text(), [np.zeros(SHAPE)])
    run.backward([np.ones(SHAPE)])
    run.layer.backward(run.top, [True], run.bottom)
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [80, 80, 80])
    run = run_layer(text(bottoms=2), [np.zeros(SHAPE), np.zeros(3)]).backward([np.ones(SHAPE)])
    run.layer.backward(run.top, [True, True], run.bottom)
    np.testing.assert_array_equal(run.bottom[1].diff, [40, 40, 40])


def test_only_wanted_gradients_are_written():
    run = run_layer(text(bottoms=2), [np.zeros(SHAPE), np.zeros(3)]).backward([np.ones(SHAPE)], [False, False])
    assert not run.bottom[0].diff.any() and not run.bottom[1].diff.any()
    run = run_layer(text(), [np.zeros(SHAPE)])
    run.layer.param_propagate_down[0] = False
    run.backward([np.ones(SHAPE)])
    assert not run.layer.blobs[0].diff.any()


def test_filler():
    assert (make_layer(text("filler { value: 3 }"), [np.zeros(SHAPE)]).layer.blobs[0].data == 3).all()
    assert not make_layer(text(), [np.zeros(SHAPE)]).layer.blobs[0].data.any()


@pytest.mark.parametrize("shape", [(3, 5, 6000), (40, 2000)])
def test_parallel_kernels_give_the_bits_of_the_serial_ones(shape, monkeypatch):
    (values,) = draw(shape)
    many = run_layer(text("filler { value: 2 }"), [values]).backward([values])
    monkeypatch.setattr("netdef.kernels._size.PARALLEL_FROM", 1 << 40)
    one = run_layer(text("filler { value: 2 }"), [values]).backward([values])
    np.testing.assert_array_equal(many.top[0].data, one.top[0].data)
    np.testing.assert_array_equal(many.layer.blobs[0].diff, one.layer.blobs[0].diff)


@pytest.mark.parametrize("fields", ["", "axis: 0 num_axes: 2", "num_axes: 0"])
def test_gradients(fields):
    check_gradients(text(fields), draw((2, 3, 2)))


def test_gradients_of_two_bottoms():
    check_gradients(text("axis: 1", 2), draw((2, 3, 2), (3, 2)))
    check_gradients(text("axis: 1", 2, "b0"), draw((2, 3, 2), (3,)))


@pytest.mark.parametrize("name", ["bias", "bias_two_bottoms"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "axis: 4",
            [SHAPE],
            'axis is 4 but bottom "b0" has shape (2, 3, 4, 5); axis must be from -4 to 3. Name an axis that it has.',
            "bias_param.axis",
        ),
        (
            "num_axes: -2",
            [SHAPE],
            "num_axes is -2; it must be 0 or more, or -1 for all axes from axis on. Raise it.",
            "bias_param.num_axes",
        ),
        (
            "axis: 2 num_axes: 3",
            [SHAPE],
            'num_axes is 3 from axis 2 on, but bottom "b0" has shape (2, 3, 4, 5); num_axes must be at most 2 there. '
            "Lower num_axes or axis.",
            "bias_param.num_axes",
        ),
        (
            "axis: 1",
            [SHAPE, (3, 5)],
            'bottom "b1" has shape (3, 5) but bottom "b0" has shape (2, 3, 4, 5), which is (3, 4) from axis 1 on; '
            "the two must be equal. Correct axis or the shapes.",
            "bias_param.axis",
        ),
        (
            "axis: 3",
            [SHAPE, (5, 6)],
            'bottom "b1" has shape (5, 6) but bottom "b0" has shape (2, 3, 4, 5), which is (5,) from axis 3 on; '
            "the two must be equal. Correct axis or the shapes.",
            "bias_param.axis",
        ),
        (
            "filler { type: 'constnt' }",
            [SHAPE],
            'unknown filler type "constnt". Did you mean "constant"? Known: bilinear, constant, digit_bitmaps, '
            "gaussian, msra, positive_unitball, uniform, xavier.",
            "bias_param.filler.type",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields, len(shapes)), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == 'layer "L" (Bias): ' + message
    assert caught.value.field == field


def test_a_bottom_that_outgrows_the_learned_bias():
    run = run_layer(text(), [np.zeros((2, 3))])
    run.bottom[0].reshape(2, 4)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (Bias): the learned blob has shape (3,) but bottom "b0" has shape (2, 4), which is (4,) from axis 1 '
        "on; the two must be equal. Correct axis or the shapes."
    )
