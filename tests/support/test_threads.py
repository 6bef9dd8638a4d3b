"""The check for equal bits finds a kernel that has none, and leaves the arguments alone."""

import numpy as np
import pytest

from tests.support.threads import assert_same_bits


class Twins:
    """A kernel whose parallel twin adds ``slip`` to what the serial one writes, and ``extra`` to its result."""

    def __init__(self, slip=0.0, extra=0.0):
        self.slip, self.extra = slip, extra

    def serial(self, source, target):
        target[...] = source
        return 1.0

    def __call__(self, source, target):
        target[...] = source + self.slip
        return 1.0 + self.extra


def test_equal_twins_pass_and_arguments_stay():
    target = np.zeros(3)
    assert_same_bits(Twins(), np.arange(3.0), target)
    assert not target.any()


@pytest.mark.parametrize(
    "twins, message",
    [
        (Twins(slip=1e-15), "argument 1 differs on 1 threads"),
        (Twins(extra=1e-15), "the result differs on 1 threads"),
    ],
)
def test_unequal_twins_fail(twins, message):
    with pytest.raises(AssertionError, match=message):
        assert_same_bits(twins, np.ones(3), np.zeros(3))
