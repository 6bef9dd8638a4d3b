"""ShuffleChannel: a drawn case, the twin, gradients, bad groups."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.shuffle_channel import shuffle_channel, shuffle_channel_backward
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer


def text(group, top="t"):
    fields = f"shuffle_channel_param {{ group: {group} }}" if group is not None else ""
    return f'layer {{ name: "L" type: "ShuffleChannel" bottom: "b" top: "{top}" {fields} }}'


def draw(shape):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(text(2), [[[1, 2, 3, 4, 5, 6]]]).backward([[[1, 2, 3, 4, 5, 6]]])
    np.testing.assert_array_equal(run.top[0].data, [[1, 4, 2, 5, 3, 6]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[1, 3, 5, 2, 4, 6]])


@pytest.mark.parametrize("group", [None, 1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(2, 6, 4, 5), (3, 6), (2, 6, 5)])
def test_twin(shape, group):
    bottom, diff = draw(shape), draw(shape) ** 2
    run = run_layer(text(group), [bottom], dtype=np.float64).backward([diff])
    np.testing.assert_array_equal(run.top[0].data, shuffle_channel(bottom, group or 1))
    np.testing.assert_array_equal(run.bottom[0].diff, shuffle_channel_backward(diff, group or 1))
    np.testing.assert_array_equal(run.bottom[0].data, bottom)
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


def test_gradients():
    check_gradients(text(3), [draw((1, 6, 1, 2))])


@pytest.mark.parametrize(
    "group, shape, message, field",
    [
        (0, (2, 6), "group is 0; there must be at least 1 group. Raise group.", "shuffle_channel_param.group"),
        (
            4,
            (2, 6, 5),
            'group is 4 but bottom "b" has shape (2, 6, 5), 6 channels; group must divide them. Correct group.',
            "shuffle_channel_param.group",
        ),
        (
            2,
            (6,),
            'bottom "b" has shape (6,); channels are its axis 1, so that it must have at least 2 axes. Reshape it.',
            "bottom",
        ),
    ],
)
def test_errors(group, shape, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(group), [draw(shape)])
    assert str(caught.value) == f'layer "L" (ShuffleChannel): {message}'
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(2, top="b"), [draw((2, 6))])
    assert str(caught.value) == (
        'layer "L" (ShuffleChannel): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
