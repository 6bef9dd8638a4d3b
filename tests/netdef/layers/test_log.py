"""Log: a drawn case, the twin, gradients, recorded values, bad bases."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.elementwise import logarithm
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SETTINGS = [(-1, 1, 0), (10, 2, 0.5), (0.5, 1, 1), (-1, -0.25, 2)]


def text(base, scale, shift, top="t"):
    return layer_text("Log", f"log_param {{ base: {base} scale: {scale} shift: {shift} }}", top)


def test_by_hand():
    run = run_layer(text(2, 3, 1), [[0, 1, 5]]).backward([[1, 4, 16]])
    np.testing.assert_allclose(run.top[0].data, [0, 2, 4], 1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, 3 / np.log(2) * np.ones(3), 1e-6)


@pytest.mark.parametrize("base, scale, shift", SETTINGS)
def test_twin(base, scale, shift):
    fields = f"log_param {{ base: {base} scale: {scale} shift: {shift} }}"
    check_elementwise("Log", fields, logarithm(np.e if base == -1 else base, scale, shift), values(0.1, 3))


def test_no_logarithm():
    run = run_layer(layer_text("Log"), [[0, -1]])
    np.testing.assert_array_equal(run.top[0].data, [-np.inf, np.nan])


@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients(settings, top):
    check_gradients(text(*settings, top), [values(0.5, 3, (2, 3, 5))], step=1e-4)


@pytest.mark.parametrize("name", ["log", "log_base"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize(
    "base, message",
    [
        ("0", "base is 0; it must be above 0, or -1, which stands for e. Correct base."),
        ("-0.5", "base is -0.5; it must be above 0, or -1, which stands for e. Correct base."),
        ("1", "base is 1; no power of 1 is another number. Give another base."),
    ],
)
def test_bad_base(base, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(base, 1, 0), [values()])
    assert str(caught.value) == f'layer "L" (Log): {message}'
    assert caught.value.field == "log_param.base"
