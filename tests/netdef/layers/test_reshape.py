import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive.reshape import reshaped
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(dims, fields="", top="t"):
    listed = " ".join(f"dim: {dim}" for dim in dims)
    shape = f"shape {{ {listed} }} {fields}"
    return f'layer {{ name: "L" type: "Reshape" bottom: "b" top: "{top}" reshape_param {{ {shape} }} }}'


def values(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text([3, -1]), [[[1, 2, 3], [4, 5, 6]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 2], [3, 4], [5, 6]])


@pytest.mark.parametrize(
    "dims, options",
    [
        ((0, -1), {}),
        ((0, 0, 0, 0), {}),
        ((-1,), {}),
        ((-1, 0, 2), {}),
        ((6, 20), {}),
        ((12,), {"axis": 1, "num_axes": 2}),
        ((2, -1), {"axis": 1, "num_axes": 2}),
        ((0, 20), {"axis": 1}),
        ((1, 1), {"axis": -1}),
        ((1,), {"axis": 0, "num_axes": 0}),
        ((), {"axis": 4, "num_axes": 0}),
        ((-1, 5), {"axis": -3}),
    ],
)
def test_twin(dims, options):
    fields = " ".join(f"{name}: {value}" for name, value in options.items())
    run = run_layer(text(dims, fields), [values()], dtype=np.float64)
    assert run.top[0].shape == reshaped(SHAPE, dims, **options)
    np.testing.assert_array_equal(run.top[0].data.reshape(-1), values().reshape(-1))


def test_memory_is_shared_both_ways():
    run = run_layer(text([0, -1]), [values()])
    assert run.top[0].shares_data_with(run.bottom[0])
    diff = values((2, 60)).astype(np.float32)
    run.backward([diff])
    np.testing.assert_array_equal(run.bottom[0].diff, diff.reshape(SHAPE))


def test_a_bottom_that_wants_no_gradient_gets_none():
    run = run_layer(text([0, -1]), [values()]).backward([values((2, 60))], [False])
    assert not run.bottom[0].diff.any()


def test_a_chain_of_sharing_layers_passes_the_gradient_on():
    net = Net(
        parse_net(
            'force_backward: true layer { name: "in" type: "Input" top: "a" input_param { shape { dim: 2 dim: 6 } } }'
            'layer { name: "r" type: "Reshape" bottom: "a" top: "b" reshape_param { shape { dim: 0 dim: 3 dim: 2 } } }'
            'layer { name: "f" type: "Flatten" bottom: "b" top: "c" }'
            'layer { name: "p" type: "Power" bottom: "c" top: "d" power_param { scale: 3 } }'
        ),
        schema.TRAIN,
    )
    for _ in range(2):
        net.forward(a=np.arange(12).reshape(2, 6))
        net.blobs["d"].diff[...] = 1
        net.run_backward()
        np.testing.assert_array_equal(net.blobs["a"].diff, np.full((2, 6), 3))
        np.testing.assert_array_equal(net.blobs["d"].data, 3 * np.arange(12).reshape(2, 6))


def test_follows_a_bottom_that_is_reshaped():
    run = run_layer(text([0, -1]), [values()])
    run.bottom[0].reshape(6, 3, 4, 7)
    run.bottom[0].data[...] = 3
    run.forward()
    assert run.top[0].shape == (6, 84) and (run.top[0].data == 3).all()


def test_gradients():
    check_gradients(text([-1, 2]), [values((2, 3, 4))])


@pytest.mark.parametrize("name", ["reshape", "reshape_axes"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "dims, fields, message, field",
    [
        (
            (0, -2),
            "",
            "the new sizes are 0, -2; each must be positive, 0 to copy or -1 to infer. Correct dim.",
            "shape",
        ),
        (
            (-1, 2, -1),
            "",
            "the new sizes are -1, 2, -1; one -1 at most can be inferred. Give the other sizes.",
            "shape",
        ),
        (
            (0,),
            "num_axes: -2",
            "num_axes is -2; it must be 0 or more, or -1 for all axes from axis on. Raise it.",
            "num_axes",
        ),
        (
            (0,),
            "axis: 5",
            'axis is 5 but bottom "b" has shape (2, 3, 4, 5); axis must be from -5 to 4. Name a place within it.',
            "axis",
        ),
        (
            (0,),
            "axis: 2 num_axes: 3",
            'num_axes is 3 from axis 2 on, but bottom "b" has shape (2, 3, 4, 5); num_axes must be at most 2 there. '
            "Lower num_axes or axis.",
            "num_axes",
        ),
        (
            (120, 1, 1, 1, 0),
            "",
            'dim 0 stands at axis 4 of the top but bottom "b" has shape (2, 3, 4, 5), 4 axes; there is no size to '
            "copy. Write the size itself.",
            "shape",
        ),
        (
            (7, -1),
            "",
            'bottom "b" has shape (2, 3, 4, 5), 120 elements, and cannot become (7, -1); 120 is not a multiple of 7, '
            "the product of the known sizes. Correct dim.",
            "shape",
        ),
        (
            (0, 3, 4),
            "",
            'bottom "b" has shape (2, 3, 4, 5), 120 elements, and cannot become (2, 3, 4), 24 elements; the counts '
            "must be equal. Correct dim, or write -1 for one of them.",
            "shape",
        ),
    ],
)
def test_errors(dims, fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(dims, fields), [np.zeros(SHAPE)])
    assert str(caught.value) == 'layer "L" (Reshape): ' + message
    assert caught.value.field == f"reshape_param.{field}"


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text([0, -1], top="b"), [np.zeros(SHAPE)])
    assert str(caught.value) == (
        'layer "L" (Reshape): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
