"""BatchReindex: a drawn case, the twin, gradients, recorded values, numbers that are no item."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.naive.rows import batch_reindex, batch_reindex_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_net, make_layer, run_layer

TEXT = 'layer { name: "L" type: "BatchReindex" bottom: "b" bottom: "number" top: "t" }'
SHAPE = (5, 3, 2)


def draw(shape=SHAPE):
    return np.random.default_rng(1701).normal(size=shape)


def test_by_hand():
    run = run_layer(TEXT, [[[1, 2], [3, 4], [5, 6]], [2, 0, 2]]).backward([[[1, 2], [3, 4], [10, 20]]])
    np.testing.assert_array_equal(run.top[0].data, [[5, 6], [1, 2], [5, 6]])
    np.testing.assert_array_equal(run.bottom[0].diff, [[3, 4], [0, 0], [11, 22]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("numbers", [[4, 0, 0, 2], [3], [0, 1, 2, 3, 4, 4, 4], [1.75, 0.5]])
def test_twin(numbers, dtype):
    bottom = draw()
    run = run_layer(TEXT, [bottom, numbers], dtype=dtype)
    assert run.top[0].shape == (len(numbers), 3, 2)
    np.testing.assert_array_equal(run.top[0].data, batch_reindex(bottom, numbers).astype(dtype))
    diff = draw(run.top[0].shape)
    run.backward([diff], [True, False])
    np.testing.assert_allclose(run.bottom[0].diff, batch_reindex_backward(SHAPE, numbers, diff), 1e-6, 1e-6)
    np.testing.assert_array_equal(run.bottom[0].data, bottom.astype(dtype))
    run.bottom[0].diff[...] = 7
    run.backward(propagate_down=[False, False])
    assert (run.bottom[0].diff == 7).all()


def test_many_values_go_through_the_parallel_kernels():
    bottom = draw((20, 700)).astype(np.float32)
    numbers = np.arange(120) % 20
    run = run_layer(TEXT, [bottom, numbers]).backward([np.ones((120, 700))], [True, False])
    np.testing.assert_array_equal(run.top[0].data, bottom[numbers])
    assert (run.bottom[0].diff == 6).all()


def test_gradients():
    check_gradients(TEXT, [draw((3, 2)), [2, 0, 2, 2]])


def test_golden():
    golden_net("batchreindex")


@pytest.mark.parametrize("number, shown", [(5, "5"), (-1, "-1"), (-0.5, "-0.5"), (np.nan, "nan")])
def test_number_that_is_no_item(number, shown):
    run = make_layer(TEXT, [draw(), [0, number]])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        f'layer "L" (BatchReindex): bottom "number" has the value {shown} at index (1,); bottom "b" has 5 items, so '
        "that it must be from 0 to 4. Correct the value."
    )
    assert caught.value.field == "bottom[1]"


@pytest.mark.parametrize(
    "shapes, message, field",
    [
        (
            [SHAPE, (4, 1)],
            'bottom "number" has shape (4, 1); it must have one axis, a number for each item of the top. Reshape it.',
            "bottom[1]",
        ),
        ([(), (4,)], 'bottom "b" has shape (), no axes; its first axis must be the batch. Add one.', "bottom[0]"),
    ],
)
def test_errors(shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT, [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "L" (BatchReindex): {message}'
    assert caught.value.field == field


def test_no_gradient_for_numbers():
    run = run_layer(TEXT, [draw(), [0]])
    assert [run.layer.allow_force_backward(i) for i in (0, 1)] == [True, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, True])
    assert str(caught.value) == (
        'layer "L" (BatchReindex): the gradient with respect to bottom "number", numbers of items, was asked for; '
        "there is none. Set propagate_down to false for it."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(TEXT.replace('"t"', '"b"'), [draw(), [0]])
    assert str(caught.value) == (
        'layer "L" (BatchReindex): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
