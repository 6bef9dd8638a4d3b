import numpy as np
import pytest

from netdef.errors import LayerError
from tests.support.nets import make_layer, run_layer


def text(tops, fields):
    names = " ".join(f'top: "t{i}"' for i in range(tops))
    return f'layer {{ name: "L" type: "Input" {names} input_param {{ {fields} }} }}'


@pytest.mark.parametrize(
    "tops, fields, shapes",
    [
        (1, "shape { dim: 2 dim: 3 dim: 4 }", [(2, 3, 4)]),
        (2, "shape { dim: 2 dim: 3 }", [(2, 3), (2, 3)]),
        (2, "shape { dim: 2 dim: 3 } shape { dim: 4 }", [(2, 3), (4,)]),
        (2, "shape {}", [(), ()]),
        (2, "", [(), ()]),
    ],
)
def test_shapes(tops, fields, shapes):
    run = make_layer(text(tops, fields), [])
    assert [top.shape for top in run.top] == shapes
    assert not any(top.has_data for top in run.top)


def test_what_the_caller_wrote_and_reshaped_stays():
    run = make_layer(text(1, "shape { dim: 2 dim: 3 }"), [])
    run.top[0].reshape(4, 3)
    run.top[0].data[...] = 5
    run.forward().backward()
    assert run.top[0].shape == (4, 3)
    np.testing.assert_array_equal(run.top[0].data, np.full((4, 3), 5))


def test_no_gradient_is_asked_of_it():
    run = run_layer(text(1, "shape { dim: 2 }"), []).backward([np.ones(2)])
    np.testing.assert_array_equal(run.top[0].diff, [1, 1])


@pytest.mark.parametrize(
    "tops, fields, message",
    [
        (
            3,
            "shape { dim: 2 } shape { dim: 3 }",
            "has 2 shape for 3 tops; there must be none, 1 or 3: one for all tops or one for each. "
            "Add or remove shape.",
        ),
        (
            1,
            "shape { dim: 2 dim: -3 }",
            "a blob of shape (2, -3) is asked for; every size must be at least 1. Correct it.",
        ),
        (1, "shape { dim: 0 }", "a blob of shape (0,) is asked for; every size must be at least 1. Correct it."),
        (
            1,
            "shape { dim: 65536 dim: 65536 }",
            "a blob of shape (65536, 65536) is asked for, 4294967296 elements; there may be 2147483647 at most. "
            "Make it smaller.",
        ),
        (
            1,
            "shape { " + "dim: 1 " * 33 + "}",
            "a blob of 33 axes is asked for; there may be 32 at most. Take some away.",
        ),
    ],
)
def test_errors(tops, fields, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(tops, fields), [])
    assert str(caught.value) == 'layer "L" (Input): ' + message
    assert caught.value.field == "input_param.shape"
