import numpy as np
import pytest

from netdef.errors import LayerError
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

TEXT = 'layer { name: "L" type: "Silence" bottom: "b0" bottom: "b1" }'
VALUES = [np.ones((2, 3)), np.ones((4,))]


def test_gradients_are_zero_where_wanted():
    run = run_layer(TEXT, VALUES)
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward(propagate_down=[True, False])
    assert not run.bottom[0].diff.any() and (run.bottom[1].diff == 7).all()
    for blob, values in zip(run.bottom, VALUES):
        np.testing.assert_array_equal(blob.data, values)


def test_gradients():
    check_gradients(TEXT, VALUES)  # there is no top, so this only shows that nothing breaks


def test_golden():
    golden_layer("silence")


def test_errors():
    with pytest.raises(LayerError) as caught:
        make_layer('layer { name: "L" type: "Silence" }', [])
    assert str(caught.value) == 'layer "L" (Silence): has 0 bottom blobs; this type takes at least 1. Add 1.'
