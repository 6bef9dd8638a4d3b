import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support.nets import make_layer, run_layer

SHAPE = "shape { dim: 2 dim: 3 }"


def text(tops, fields):
    names = " ".join(f'top: "t{i}"' for i in range(tops))
    return f'layer {{ name: "L" type: "DummyData" {names} dummy_data_param {{ {fields} }} }}'


@pytest.mark.parametrize(
    "tops, fields, shapes",
    [
        (2, SHAPE, [(2, 3), (2, 3)]),
        (2, SHAPE + "shape { dim: 4 }", [(2, 3), (4,)]),
        (2, "num: 2 num: 6 channels: 3 height: 4 width: 5 width: 7", [(2, 3, 4, 5), (6, 3, 4, 7)]),
    ],
)
def test_shapes(tops, fields, shapes):
    run = make_layer(text(tops, fields), [])
    assert [top.shape for top in run.top] == shapes
    assert not any(top.has_data for top in run.top)
    assert not any(top.data.any() for top in run.forward().top)


def test_one_filler_for_all_tops():
    run = run_layer(text(2, SHAPE + "data_filler { value: 3 }"), [])
    assert all((top.data == 3).all() for top in run.top)


def test_constants_are_filled_once_and_others_always():
    fields = SHAPE + "data_filler { value: 3 } data_filler { type: 'uniform' min: 5 max: 6 }"
    run = run_layer(text(2, fields), [])
    assert (run.top[0].data == 3).all() and (5 <= run.top[1].data).all() and (run.top[1].data <= 6).all()
    drawn = run.top[1].data.copy()
    run.top[0].data[...] = 8
    run.forward()
    assert (run.top[0].data == 8).all() and not np.array_equal(run.top[1].data, drawn)


def test_what_is_written_before_the_first_pass_stays():
    run = make_layer(text(1, SHAPE + "data_filler { value: 3 }"), [])
    run.top[0].data[...] = 8
    assert (run.forward().top[0].data == 8).all()


def test_draws_depend_on_the_seed_and_resume():
    fields = text(1, SHAPE + "data_filler { type: 'gaussian' }")
    first, second = run_layer(fields, [], seed=5), run_layer(fields, [], seed=5)
    np.testing.assert_array_equal(first.top[0].data, second.top[0].data)
    second.layer.restore(first.layer.state())
    np.testing.assert_array_equal(first.forward().top[0].data, second.forward().top[0].data)
    assert not np.array_equal(first.top[0].data, run_layer(fields, [], seed=6).top[0].data)


def test_feeds_a_net():
    net = Net(
        parse_net(
            text(1, SHAPE + "data_filler { value: 3 }")
            + 'layer { name: "p" type: "Power" bottom: "t0" top: "p" power_param { shift: 1 } }'
        ),
        schema.TRAIN,
    )
    np.testing.assert_array_equal(net.forward()["p"], np.full((2, 3), 4))


@pytest.mark.parametrize(
    "tops, fields, message, field",
    [
        (
            1,
            "",
            "has 0 shape for 1 top; there must be 1: one for all tops or one for each. Add or remove shape.",
            "shape",
        ),
        (
            3,
            SHAPE + SHAPE,
            "has 2 shape for 3 tops; there must be 1 or 3: one for all tops or one for each. Add or remove shape.",
            "shape",
        ),
        (
            3,
            SHAPE + "data_filler {} data_filler {}",
            "has 2 data_filler for 3 tops; there must be none, 1 or 3: one for all tops or one for each. "
            "Add or remove data_filler.",
            "data_filler",
        ),
        (
            1,
            SHAPE + "num: 2",
            "has 1 shape and also num, channels, height or width; they say the same thing. Keep shape alone.",
            "shape",
        ),
        (
            1,
            "num: 2 channels: 3 width: 4",
            "has 0 height for 1 top; there must be 1: one for all tops or one for each. Add or remove height.",
            "height",
        ),
        (
            1,
            "num: 2 channels: 3 height: 0 width: 4",
            "a blob of shape (2, 3, 0, 4) is asked for; every size must be at least 1. Correct it.",
            "",
        ),
        (
            2,
            SHAPE + "data_filler {} data_filler { type: 'gauss' }",
            'unknown filler type "gauss". Did you mean "gaussian"? Known: bilinear, constant, digit_bitmaps, '
            "gaussian, msra, positive_unitball, uniform, xavier.",
            "data_filler[1].type",
        ),
    ],
)
def test_errors(tops, fields, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(tops, fields), [])
    assert str(caught.value) == 'layer "L" (DummyData): ' + message
    assert caught.value.field == f"dummy_data_param.{field}".rstrip(".")
