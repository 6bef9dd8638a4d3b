"""AbsVal: a drawn case, the twin, gradients, recorded values, in place."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.elementwise import absval
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def test_by_hand():
    run = run_layer(layer_text("AbsVal"), [[-2, 0, 3]]).backward([[5, 6, 7]])
    np.testing.assert_array_equal(run.top[0].data, [2, 0, 3])
    np.testing.assert_array_equal(run.bottom[0].diff, [-5, 0, 7])


def test_twin():
    check_elementwise("AbsVal", "", absval(), values(), in_place=False)


def test_gradients():
    check_gradients(layer_text("AbsVal"), [values(shape=(2, 3, 5))], kink_range=0.01)


def test_golden():
    golden_layer("absval")


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(layer_text("AbsVal", top="b"), [values()])
    assert str(caught.value) == (
        'layer "L" (AbsVal): bottom "b" is also a top; this type cannot compute in place. '
        "Give the top a name of its own."
    )
    assert caught.value.field == "top"
