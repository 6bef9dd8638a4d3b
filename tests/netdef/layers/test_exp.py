"""Exp: a drawn case, the twin, gradients, recorded values, bad bases."""

import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.elementwise import exponential
from tests.support.elementwise import check_elementwise, layer_text, values
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

SETTINGS = [(-1, 1, 0), (-1, 0.5, 0.25), (2, 0.5, 0.1), (0.25, -1, 0), (1, 3, 2)]


def text(base, scale, shift, top="t"):
    return layer_text("Exp", f"exp_param {{ base: {base} scale: {scale} shift: {shift} }}", top)


def test_by_hand():
    run = run_layer(text(2, 3, 1), [[0, 1, -1]]).backward([[1, 1, 4]])
    np.testing.assert_allclose(run.top[0].data, [2, 16, 0.25], 1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, np.log(2) * np.array([6, 48, 3]), 1e-6)


@pytest.mark.parametrize("base, scale, shift", SETTINGS)
def test_twin(base, scale, shift):
    fields = f"exp_param {{ base: {base} scale: {scale} shift: {np.float32(shift)} }}" if shift else ""
    if not shift:
        fields = f"exp_param {{ base: {base} scale: {scale} }}"
    twin = exponential(np.e if base == -1 else base, scale, float(np.float32(shift)))
    check_elementwise("Exp", fields, twin, values())


@pytest.mark.parametrize("top", ["t", "b"])
@pytest.mark.parametrize("settings", SETTINGS[:4])
def test_gradients(settings, top):
    check_gradients(text(*settings, top), [values(-1, 1, (2, 3, 5))], step=1e-4)


@pytest.mark.parametrize("name", ["exp", "exp_base2"])
def test_golden(name):
    golden_layer(name)


@pytest.mark.parametrize("base", ["0", "-2", "inf", "nan"])
def test_bad_base(base):
    with pytest.raises(LayerError) as caught:
        make_layer(text(base, 1, 0), [values()])
    assert str(caught.value) == (
        f'layer "L" (Exp): base is {base}; it must be above 0, or -1, which stands for e. Correct base.'
    )
    assert caught.value.field == "exp_param.base"
