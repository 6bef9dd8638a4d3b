import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.scale import scale, scale_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(fields="", bottoms=1, top="t"):
    names = " ".join(f'bottom: "b{i}"' for i in range(bottoms))
    return f'layer {{ name: "L" type: "Scale" {names} top: "{top}" scale_param {{ {fields} }} }}'


def draw(*shapes):
    generator = np.random.default_rng(1701)
    return [generator.normal(size=shape) for shape in shapes]


def test_by_hand():
    run = run_layer(text("bias_term: true"), [[[1, 2], [3, 4]]], params=[[10, 20], [1, 2]])
    np.testing.assert_array_equal(run.top[0].data, [[11, 42], [31, 82]])
    run.backward([[[1, 2], [3, 4]]])
    np.testing.assert_array_equal(run.layer.blobs[0].diff, [10, 20])
    np.testing.assert_array_equal(run.layer.blobs[1].diff, [4, 6])
    np.testing.assert_array_equal(run.bottom[0].diff, [[10, 40], [30, 80]])


COVERS = [
    ("", 1, (3,)),
    ("axis: 0", 0, (2,)),
    ("axis: -1", 3, (5,)),
    ("axis: 1 num_axes: 2", 1, (3, 4)),
    ("axis: 0 num_axes: -1", 0, SHAPE),
    ("axis: 2 num_axes: 0", 0, ()),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fields, axis, covered", COVERS)
@pytest.mark.parametrize("bottoms", [1, 2])
@pytest.mark.parametrize("top", ["t", "b0"])
@pytest.mark.parametrize("bias_term", [False, True])
def test_twin(fields, axis, covered, bottoms, dtype, top, bias_term):
    bottom, factor, bias, diff = draw(SHAPE, covered, covered, SHAPE)
    inputs, params = ([bottom, factor], []) if bottoms == 2 else ([bottom], [factor])
    if bias_term:
        fields += " bias_term: true"
        params.append(bias)
    run = run_layer(text(fields, bottoms, top), inputs, dtype=dtype, params=params)
    assert [blob.shape for blob in run.layer.blobs] == [covered] * len(params)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    wanted = scale(bottom, factor, axis, bias if bias_term else None)
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    run.backward([diff])
    bottom_diff, scale_diff, bias_diff = scale_backward(bottom, factor, axis, diff)
    learned = run.bottom[1] if bottoms == 2 else run.layer.blobs[0]
    np.testing.assert_allclose(learned.diff, scale_diff, tolerance, tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, bottom_diff, tolerance, tolerance)
    if bias_term:
        np.testing.assert_allclose(run.layer.blobs[-1].diff, bias_diff, tolerance, tolerance)
    if top == "t":
        np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))
        np.testing.assert_array_equal(run.top[0].diff, diff.astype(dtype))


def test_learned_gradients_are_added_and_a_bottoms_is_written():
    run = run_layer(text("bias_term: true"), [np.ones(SHAPE)]).backward([np.ones(SHAPE)])
    run.layer.backward(run.top, [True], run.bottom)
    for blob in run.layer.blobs:
        np.testing.assert_array_equal(blob.diff, [80, 80, 80])
    run = run_layer(text(bottoms=2), [np.ones(SHAPE), np.ones(3)]).backward([np.ones(SHAPE)])
    run.layer.backward(run.top, [True, True], run.bottom)
    np.testing.assert_array_equal(run.bottom[1].diff, [40, 40, 40])


def test_only_wanted_gradients_are_written():
    run = run_layer(text(bottoms=2), draw(SHAPE, (3,))).backward([np.ones(SHAPE)], [False, False])
    assert not run.bottom[0].diff.any() and not run.bottom[1].diff.any()
    run = run_layer(text("bias_term: true"), draw(SHAPE))
    run.layer.param_propagate_down[:] = [False, False]
    run.backward([np.ones(SHAPE)])
    assert not run.layer.blobs[0].diff.any() and not run.layer.blobs[1].diff.any()


def test_fillers():
    layer = make_layer(text("bias_term: true"), [np.zeros(SHAPE)]).layer
    assert (layer.blobs[0].data == 1).all() and (layer.blobs[1].data == 0).all()
    fields = "filler { value: 3 } bias_term: true bias_filler { value: 4 }"
    layer = make_layer(text(fields), [np.zeros(SHAPE)]).layer
    assert (layer.blobs[0].data == 3).all() and (layer.blobs[1].data == 4).all()


@pytest.mark.parametrize("shape", [(3, 5, 6000), (40, 2000)])
def test_parallel_kernels_give_the_bits_of_the_serial_ones(shape, monkeypatch):
    values, factor, bias = draw(shape, shape[1:2], shape[1:2])
    many = run_layer(text("bias_term: true"), [values], params=[factor, bias]).backward([values])
    monkeypatch.setattr("netdef.kernels._size.PARALLEL_FROM", 1 << 40)
    one = run_layer(text("bias_term: true"), [values], params=[factor, bias]).backward([values])
    np.testing.assert_array_equal(many.top[0].data, one.top[0].data)
    np.testing.assert_array_equal(many.bottom[0].diff, one.bottom[0].diff)
    np.testing.assert_array_equal(many.layer.blobs[0].diff, one.layer.blobs[0].diff)


@pytest.mark.parametrize("fields", ["", "axis: 0 num_axes: 2 bias_term: true", "num_axes: 0 bias_term: true"])
@pytest.mark.parametrize("top", ["t", "b0"])
def test_gradients(fields, top):
    check_gradients(text(fields, top=top), draw((2, 3, 2)))


@pytest.mark.parametrize("top", ["t", "b0"])
def test_gradients_of_two_bottoms(top):
    check_gradients(text("axis: 1 bias_term: true", 2, top), draw((2, 3, 2), (3, 2)))


@pytest.mark.parametrize("name", ["scale", "scale_axis0", "scale_two_bottoms"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "axis: -5",
            [SHAPE],
            'axis is -5 but bottom "b0" has shape (2, 3, 4, 5); axis must be from -4 to 3. Name an axis that it has.',
            "scale_param.axis",
        ),
        (
            "num_axes: -3",
            [SHAPE],
            "num_axes is -3; it must be 0 or more, or -1 for all axes from axis on. Raise it.",
            "scale_param.num_axes",
        ),
        (
            "num_axes: 4",
            [SHAPE],
            'num_axes is 4 from axis 1 on, but bottom "b0" has shape (2, 3, 4, 5); num_axes must be at most 3 there. '
            "Lower num_axes or axis.",
            "scale_param.num_axes",
        ),
        (
            "",
            [SHAPE, (4,)],
            'bottom "b1" has shape (4,) but bottom "b0" has shape (2, 3, 4, 5), which is (3,) from axis 1 on; '
            "the two must be equal. Correct axis or the shapes.",
            "scale_param.axis",
        ),
        (
            "bias_term: true",
            [SHAPE, (3, 4, 5, 6)],
            'bottom "b1" has shape (3, 4, 5, 6) but bottom "b0" has shape (2, 3, 4, 5), which is (3, 4, 5) from axis 1 '
            "on; the two must be equal. Correct axis or the shapes.",
            "scale_param.axis",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields, len(shapes)), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == 'layer "L" (Scale): ' + message
    assert caught.value.field == field
