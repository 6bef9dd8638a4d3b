import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.eltwise import eltwise, eltwise_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SHAPE = (2, 3, 4, 5)


def text(bottoms, fields="", top="t"):
    names = " ".join(f'bottom: "b{i}"' for i in range(bottoms))
    return f'layer {{ name: "L" type: "Eltwise" {names} top: "{top}" eltwise_param {{ {fields} }} }}'


def draw(count, shape=SHAPE):
    generator = np.random.default_rng(1701)
    return [generator.normal(size=shape) for _ in range(count)]


@pytest.mark.parametrize(
    "fields, top, diffs",
    [
        ("operation: PROD", [8, -6, 9], [[4, -2, 3], [2, 3, 3]]),
        ("operation: SUM", [6, 1, 6], [[1, 1, 1], [1, 1, 1]]),
        ("coeff: 2 coeff: -1", [0, 8, 3], [[2, 2, 2], [-1, -1, -1]]),
        ("operation: MAX", [4, 3, 3], [[0, 1, 0], [1, 0, 1]]),
    ],
)
def test_by_hand(fields, top, diffs):
    run = run_layer(text(2, fields), [[2, 3, 3], [4, -2, 3]])
    np.testing.assert_array_equal(run.top[0].data, top)
    run.backward([np.ones(3)])
    np.testing.assert_array_equal([blob.diff for blob in run.bottom], diffs)


def test_a_maximum_shared_by_three_goes_to_the_second():
    run = run_layer(text(3, "operation: MAX"), [[1, 1, 0], [1, 0, 0], [1, 1, 1]]).backward([np.ones(3)])
    np.testing.assert_array_equal([blob.diff for blob in run.bottom], [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize(
    "fields, operation",
    [
        ("operation: PROD", "PROD"),
        ("operation: PROD stable_prod_grad: false", "PROD"),
        ("", "SUM"),
        ("coeff", "SUM"),
        ("operation: MAX", "MAX"),
    ],
)
def test_twin(fields, operation, count, dtype):
    coeffs = [1.0] * count
    if fields == "coeff":
        coeffs = [0.5, -2.0, 1.0, 3.0][:count]
        fields = " ".join(f"coeff: {coeff}" for coeff in coeffs)
    bottoms = draw(count)
    run = run_layer(text(count, fields), bottoms, dtype=dtype)
    assert run.top[0].shape == SHAPE
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(run.top[0].data, eltwise(bottoms, operation, coeffs), tolerance, tolerance)
    diff = np.random.default_rng(2).normal(size=SHAPE)
    run.backward([diff])
    for blob, values, wanted in zip(run.bottom, bottoms, eltwise_backward(bottoms, operation, coeffs, diff)):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))
        np.testing.assert_allclose(blob.diff, wanted, tolerance, tolerance)


def test_only_wanted_gradients_are_written():
    run = run_layer(text(3), draw(3)).backward([np.ones(SHAPE)], [True, False, True])
    assert run.bottom[0].diff.all() and not run.bottom[1].diff.any() and run.bottom[2].diff.all()


def test_stable_gradient_of_a_product_with_zero():
    run = run_layer(text(2, "operation: PROD"), [[0.0], [3.0]]).backward([np.ones(1)])
    assert run.bottom[0].diff == 3 and run.bottom[1].diff == 0


def test_many_values_go_through_the_parallel_kernels():
    bottoms = [values.astype(np.float32) for values in draw(2, (7, 10000))]
    run = run_layer(text(2, "operation: MAX"), bottoms).backward([np.ones((7, 10000))])
    np.testing.assert_array_equal(run.top[0].data, np.maximum(*bottoms))
    np.testing.assert_array_equal(run.bottom[0].diff, bottoms[0] > bottoms[1])


@pytest.mark.parametrize(
    "count, fields, options",
    [
        (2, "operation: PROD", {}),
        (3, "operation: PROD", {}),
        (3, "operation: PROD stable_prod_grad: false", {}),
        (3, "", {}),
        (2, "coeff: 0.5 coeff: -3", {}),
        (3, "operation: MAX", {}),
    ],
)
def test_gradients(count, fields, options):
    check_gradients(text(count, fields), draw(count, (2, 3)), **options)


@pytest.mark.parametrize("name", ["eltwise_coeff", "eltwise_max", "eltwise_prod", "eltwise_sum"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "coeff: 1",
            [(2, 3)] * 2,
            "has 1 coeff for 2 bottoms; give one for each bottom or none.",
            "eltwise_param.coeff",
        ),
        (
            "operation: PROD coeff: 1 coeff: 2",
            [(2, 3)] * 2,
            "has coeff with operation PROD; coeff are the factors of a SUM. Remove them or sum.",
            "eltwise_param.coeff",
        ),
        (
            "",
            [(2, 3), (2, 3), (3, 2)],
            'bottom "b2" has shape (3, 2) but bottom "b0" has shape (2, 3); all bottoms must have one shape. '
            "Make them equal.",
            "bottom",
        ),
        (
            "",
            [(2, 3)],
            "has 1 bottom blob; this type takes at least 2. Add 1.",
            "bottom",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    with pytest.raises(LayerError) as caught:
        make_layer(text(len(shapes), fields), [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == 'layer "L" (Eltwise): ' + message
    assert caught.value.field == field


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text(2, top="b0"), [np.zeros(SHAPE)] * 2)
    assert str(caught.value) == (
        'layer "L" (Eltwise): bottom "b0" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
