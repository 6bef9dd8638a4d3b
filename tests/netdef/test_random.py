import numpy as np

from netdef.kernels.random import hash_bits, hash_uniform
from netdef.random import Stream, default_seed, derive_seed, mix, set_default_seed


def test_the_compiled_hash_is_the_python_hash():
    for key in (0, 1, 2**63, 2**64 - 1):
        for counter in (0, 1, 2**40, 2**64 - 2):
            assert int(hash_bits(np.uint64(key), np.uint64(counter))) == mix(key, counter)


def test_uniform_fills_the_interval_evenly():
    draws = np.array([hash_uniform(np.uint64(3), np.uint64(i)) for i in range(4000)])
    assert 0 <= draws.min() and draws.max() < 1
    assert np.abs(np.histogram(draws, 8, (0, 1))[0] / 500 - 1).max() < 0.2


def test_a_restored_stream_goes_on_where_it_was():
    stream = Stream(5)
    [stream.bits() for _ in range(3)]
    state = stream.state()
    after = [stream.uniform(), stream.integers(1000), stream.generator().random()]
    other = Stream(99)
    other.restore(state)
    assert [other.uniform(), other.integers(1000), other.generator().random()] == after


def test_integers_cover_their_range():
    stream = Stream(1)
    assert {stream.integers(3) for _ in range(100)} == {0, 1, 2}


def test_seeds_differ_by_label():
    seeds = {derive_seed(1, "conv1"), derive_seed(1, "conv2"), derive_seed(2, "conv1"), derive_seed(1, "conv", 1)}
    assert len(seeds) == 4 and derive_seed(1, "conv1") == derive_seed(1, "conv1")


def test_default_seed_can_be_set():
    assert default_seed() != default_seed()
    set_default_seed(7)
    assert default_seed() == 7
    set_default_seed(None)
    assert default_seed() != 7
