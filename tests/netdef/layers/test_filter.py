"""Filter: a drawn case, the twin, gradients, recorded values, all and nothing let through, in a net."""

import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive.rows import filter_backward, filter_items
from tests.support.gradients import check_gradients
from tests.support.nets import golden_net, make_layer, run_layer

SHAPES = (5, 3, 2), (5,)


def text(bottoms=1, tops=None):
    names = "".join(f' bottom: "b{i}"' for i in range(bottoms)) + ' bottom: "selector"'
    names += "".join(f' top: "t{i}"' for i in range(bottoms if tops is None else tops))
    return f'layer {{ name: "L" type: "Filter" {names} }}'


def draw(shape):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text(), [[[1, 2], [3, 4], [5, 6]], [1, 0, -0.5]]).backward([[[10, 20], [30, 40]]], [True, False])
    np.testing.assert_array_equal(run.top[0].data, [[1, 2], [5, 6]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[10, 20], [0, 0], [30, 40]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("selector", [[1, 0, 0, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 2]])
@pytest.mark.parametrize("shape", [(5,), (5, 1, 1)])
def test_twin(selector, shape, dtype):
    bottoms = [draw(size) for size in SHAPES]
    run = run_layer(text(2), [*bottoms, np.reshape(selector, shape)], dtype=dtype)
    diffs = []
    for bottom, top in zip(bottoms, run.top):
        wanted = filter_items(bottom, selector)
        assert top.shape == wanted.shape
        np.testing.assert_array_equal(top.data, wanted.astype(dtype))
        diffs.append(draw(wanted.shape))
    run.backward(diffs, [True, True, False])
    for bottom, diff, blob in zip(bottoms, diffs, run.bottom):
        np.testing.assert_array_equal(blob.diff, filter_backward(bottom.shape, selector, diff).astype(dtype))
        np.testing.assert_array_equal(blob.data, bottom.astype(dtype))


def test_only_wanted_gradients_are_written():
    run = run_layer(text(2), [*(draw(size) for size in SHAPES), [1, 0, 1, 0, 1]])
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward([np.ones((3, 3, 2)), np.ones(3)], [True, False, False])
    assert (run.bottom[0].diff[::2] == 1).all() and (run.bottom[1].diff == 7).all() and (run.bottom[2].diff == 7).all()


def test_batch_before_the_first_forward_pass():
    assert make_layer(text(), [draw((5, 3)), np.zeros(5)]).top[0].shape == (5, 3)


def test_in_a_net_the_layers_after_it_follow():
    net = Net(
        parse_net(
            'layer { name: "in" type: "Input" top: "x" top: "s" input_param { shape { dim: 4 dim: 3 } '
            'shape { dim: 4 } } } layer { name: "f" type: "Filter" bottom: "x" bottom: "s" top: "y" } '
            'layer { name: "p" type: "Power" bottom: "y" top: "z" power_param { scale: 2 } }'
        ),
        schema.TEST,
    )
    net.blobs["x"].data[...] = np.arange(12).reshape(4, 3)
    for selector in ([1, 0, 0, 1], [0, 1, 1, 1], [1, 0, 0, 0]):
        net.blobs["s"].data[...] = selector
        wanted = 2 * np.arange(12).reshape(4, 3)[np.array(selector) > 0]
        np.testing.assert_array_equal(net.forward()["z"], wanted)


def test_gradients():
    check_gradients(text(), [draw((4, 2)), [0, 1, 1, 0]])


def test_golden():
    golden_net("filter")


@pytest.mark.parametrize(
    "definition, shapes, message, field",
    [
        (
            text(2, 1),
            [(5, 3), (5, 3), (5,)],
            "has 3 bottom and 1 top blobs; there must be one top for each bottom but the last, which selects. "
            "Name 2 tops.",
            "top",
        ),
        (
            text(),
            [(5, 3), (5, 3)],
            'bottom "selector", the selector, has shape (5, 3); it must have one value an item, (N,) or (N, 1, …). '
            "Reshape it.",
            "bottom[1]",
        ),
        (
            text(2),
            [(5, 3), (4, 3), (5,)],
            'bottom "b1" has shape (4, 3) but bottom "selector", the selector, has shape (5,); their first axes, the '
            "batch, must agree. Give both the same batch size.",
            "bottom[1]",
        ),
    ],
)
def test_errors(definition, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(definition, [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "L" (Filter): {message}'
    assert caught.value.field == field


def test_no_gradient_for_the_selector():
    run = run_layer(text(), [draw((5, 3)), np.ones(5)])
    assert [run.layer.allow_force_backward(i) for i in (0, 1)] == [True, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True])
    assert str(caught.value) == (
        'layer "L" (Filter): the gradient with respect to bottom "selector", the selector, was asked for; there is '
        "none. Set propagate_down to false for it."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text().replace('"t0"', '"b0"'), [draw((5, 3)), np.ones(5)])
    assert str(caught.value) == (
        'layer "L" (Filter): bottom "b0" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
