"""Every recorded layer configuration, so that none is forgotten; the layers' own tests name theirs as well."""

import pytest

from tests.support.nets import GOLDEN_LAYERS, golden_layer

CASES = sorted(path.stem for path in GOLDEN_LAYERS.glob("*.npz"))


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    golden_layer(name)


def test_all_cases_are_there():
    assert len(CASES) == 114
