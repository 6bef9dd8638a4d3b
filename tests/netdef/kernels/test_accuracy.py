"""Accuracy's kernel on any number of threads."""

import numpy as np

from netdef.kernels.accuracy import accuracy_hits
from tests.support.threads import assert_same_bits


def test_same_bits_on_any_number_of_threads(rng):
    scores = rng.normal(size=(5, 4, 3)).astype(np.float32)
    label = rng.integers(0, 4, 15).astype(np.float32)
    assert_same_bits(accuracy_hits, scores, label, 2.0, 2, np.empty(15, np.int32))
