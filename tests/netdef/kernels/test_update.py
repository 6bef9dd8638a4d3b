"""The fused update kernels against their naive twins, and the same bits on any number of threads."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from netdef.kernels import update
from tests.naive import update as naive

RULES = {
    "sgd": ((0.1, 0.9), 1),
    "nesterov": ((0.1, 0.9), 1),
    "adagrad": ((0.1, 1e-3), 1),
    "rmsprop": ((0.1, 0.95, 1e-3), 1),
    "adadelta": ((0.5, 0.9, 1e-3), 2),
    "adam": ((0.1, 0.9, 0.99, 1e-3), 2),
}


def arrays(count, slots, dtype, seed=7):
    generator = np.random.default_rng(seed)
    data, diff = (generator.normal(size=count).astype(dtype) for _ in range(2))
    data[1] = 0  # L1 regularization leaves a weight of exactly 0 alone
    histories = [generator.uniform(0, 1, count).astype(dtype) for _ in range(slots)]
    return data, diff, histories


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
def test_rule_equals_its_twin(rule, dtype):
    numbers, slots = RULES[rule]
    for regularization in ((0.5, 0.01, 0.0), (0.5, 0.0, 0.01)):
        data, diff, histories = arrays(23, slots, dtype)
        wanted = []
        for i in range(data.size):
            gradient = naive.regularized(float(data[i]), float(diff[i]), *regularization)
            states = (float(history[i]) for history in histories)
            wanted.append(getattr(naive, rule)(float(data[i]), gradient, *numbers, *states))
        kernel = getattr(update, rule).serial
        kernel(*map(dtype, numbers), *map(dtype, regularization), *histories, diff, data)
        tolerance = {"rtol": 2e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-13}
        np.testing.assert_allclose(data, [w[0] for w in wanted], **tolerance)
        np.testing.assert_allclose(diff, [w[1] for w in wanted], **tolerance)
        for slot in range(slots):
            np.testing.assert_allclose(histories[slot], [w[2][slot] for w in wanted], **tolerance)


@pytest.mark.parametrize("rule", RULES)
def test_same_bits_on_any_number_of_threads(rule):
    numbers, slots = RULES[rule]
    results = []
    kernel = getattr(update, rule)
    before = numba.get_num_threads()
    for threads in (0, 1, 2):
        data, diff, histories = arrays(70001, slots, np.float32)
        numba.set_num_threads(min(max(threads, 1), before))
        run = kernel if threads else kernel.serial
        run(*map(np.float32, numbers), *map(np.float32, (0.5, 0.01, 0)), *histories, diff, data)
        results.append(b"".join(array.tobytes() for array in (data, diff, *histories)))
    numba.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 8191, 20003])
def test_sum_of_squares(count):
    values = np.random.default_rng(count).normal(size=count).astype(np.float32)
    wanted = sum(float(value) ** 2 for value in values)
    assert update.sum_of_squares(values) == pytest.approx(wanted, rel=1e-12)


def test_sums_of_squares_are_those_of_chunks_on_any_number_of_threads():
    values = np.random.default_rng(2).normal(size=2 * update.CHUNK + 5).astype(np.float32)
    wanted = [update.sum_of_squares(part) for part in np.split(values, [update.CHUNK, 2 * update.CHUNK])]
    for run in (update.sums_of_squares, update.sums_of_squares.serial):
        partial = np.empty(3)
        run(values, partial)
        np.testing.assert_array_equal(partial, wanted)
