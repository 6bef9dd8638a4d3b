import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive.split import split_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4)


def text(tops):
    return 'layer { name: "L" type: "Split" bottom: "b" ' + " ".join(f'top: "t{i}"' for i in range(tops)) + " }"


@pytest.fixture
def generator():
    return np.random.default_rng(1701)


def test_tops_look_at_the_memory_of_the_bottom(generator):
    values = generator.normal(size=SHAPE)
    run = run_layer(text(3), [values])
    for top in run.top:
        assert top.shape == SHAPE and top.shares_data_with(run.bottom[0])
    run.bottom[0].data[1, 2, 3] = 7
    assert run.top[2].data[1, 2, 3] == 7


def test_by_hand():
    run = run_layer(text(3), [[1, 2]])
    run.backward([[1, 10], [2, 20], [4, 40]])
    np.testing.assert_array_equal(run.bottom[0].diff, [7, 70])


@pytest.mark.parametrize("tops", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_twin(tops, dtype, generator):
    diffs = [generator.normal(size=SHAPE).astype(dtype) for _ in range(tops)]
    run = run_layer(text(tops), [np.zeros(SHAPE)], dtype=dtype).backward(diffs)
    np.testing.assert_array_equal(run.bottom[0].diff, split_backward(diffs))
    for top, diff in zip(run.top, diffs):
        np.testing.assert_array_equal(top.diff, diff)


def test_gradient_of_two_tops_adds_up(generator):
    check_gradients(text(2), [generator.normal(size=SHAPE)])


def test_a_bottom_that_wants_no_gradient_gets_none():
    run = run_layer(text(2), [np.zeros(SHAPE)]).backward([np.ones(SHAPE)] * 2, [False])
    assert not run.bottom[0].diff.any()


def test_many_values_go_through_the_parallel_kernel(generator):
    diffs = [generator.normal(size=(5, 7, 2000)).astype(np.float32) for _ in range(2)]
    run = run_layer(text(2), [np.zeros((5, 7, 2000))]).backward(diffs)
    np.testing.assert_array_equal(run.bottom[0].diff, diffs[0] + diffs[1])


def test_golden():
    golden_layer("split")


def test_inserted_by_a_net():
    net = Net(
        parse_net(
            'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }'
            'layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { scale: 2 } }'
            'layer { name: "s" type: "Silence" bottom: "x" bottom: "p" }'
        ),
        schema.TEST,
    )
    net.forward(x=np.ones((2, 3)))
    assert net.top_names["x_in_0_split"] == ["x_in_0_split_0", "x_in_0_split_1"]
    np.testing.assert_array_equal(net.blobs["p"].data, 2 * np.ones((2, 3)))


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer('layer { name: "L" type: "Split" bottom: "b" top: "t" top: "b" }', [np.zeros(SHAPE)])
    assert str(caught.value) == (
        'layer "L" (Split): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
    assert caught.value.field == "top"
