"""Dropout's mask on any number of threads."""

import numpy as np

from netdef.kernels.dropout import dropout
from tests.support.threads import assert_same_bits


def test_same_bits_on_any_number_of_threads(rng):
    source = rng.normal(size=1013).astype(np.float32)
    key, first, threshold = np.uint64(2**63 + 12345), np.uint64(7), np.uint64(2**62)
    assert_same_bits(dropout, source, key, first, threshold, np.float32(4 / 3), np.empty_like(source))


def test_counters_wrap_around():
    source = np.ones(5, np.float32)
    whole, parts = np.empty_like(source), np.empty_like(source)
    key, threshold, scale = np.uint64(1701), np.uint64(2**63), np.float32(2)
    dropout.serial(source, key, np.uint64(2**64 - 2), threshold, scale, whole)
    dropout.serial(source[:2], key, np.uint64(2**64 - 2), threshold, scale, parts[:2])
    dropout.serial(source[2:], key, np.uint64(0), threshold, scale, parts[2:])
    assert np.array_equal(whole, parts)
