"""BNLL: a drawn case, the twin, gradients, recorded values, large values."""

import numpy as np

from tests.naive.elementwise import bnll
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, run_layer


def test_by_hand():
    run = run_layer(layer_text("BNLL"), [[0, np.log(3), -np.log(3)]]).backward([[2, 4, 4]])
    np.testing.assert_allclose(run.top[0].data, np.log([2, 4, 4 / 3]), 1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, [1, 3, 1], 1e-6)


def test_twin():
    check_elementwise("BNLL", "", bnll(), values())


def test_large_values_do_not_overflow():
    run = run_layer(layer_text("BNLL"), [[1000, -1000, np.nan]]).backward([[1, 1, 1]])
    np.testing.assert_array_equal(run.top[0].data, [1000, 0, np.nan])
    np.testing.assert_array_equal(run.bottom[0].diff[:2], [1, 0])


def test_gradients():
    check_gradients(layer_text("BNLL"), [values(shape=(2, 3, 5))])


def test_golden():
    golden_layer("bnll")
