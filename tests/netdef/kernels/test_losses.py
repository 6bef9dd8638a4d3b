"""The kernels of the losses besides softmax's, sigmoid's and Euclid's, on any number of threads."""

import numpy as np
import pytest

from netdef.kernels import class_loss, distance_loss
from netdef.kernels.loss import CHUNK, num_chunks
from tests.support.threads import assert_same_bits

NUM, DIM = 90, CHUNK // 30
HALF = np.float32(0.5)


@pytest.fixture
def pair(rng):
    return rng.normal(size=(NUM, DIM)).astype(np.float32), rng.normal(size=(NUM, DIM)).astype(np.float32)


@pytest.fixture
def label(rng):
    return rng.integers(0, 3, NUM).astype(np.float32)


@pytest.fixture
def partial():
    return np.zeros((num_chunks(NUM * DIM), 2))


def test_hinge(pair, label, partial):
    scores, margin = pair
    assert_same_bits(class_loss.hinge_forward, scores, label, partial, margin)
    for squared in (False, True):
        assert_same_bits(class_loss.hinge_backward, abs(margin), label, squared, HALF, np.empty_like(scores))


def test_infogain(rng):
    prob = rng.uniform(0.1, 1, (2, 3, CHUNK)).astype(np.float32)
    label = rng.integers(0, 3, 2 * CHUNK).astype(np.float32)
    matrix = rng.normal(size=(3, 3)).astype(np.float32)
    partial, sums = np.zeros((num_chunks(label.size), 2)), np.empty(3, np.float32)
    assert_same_bits(class_loss.infogain_forward, prob, label, 1.0, matrix, partial)
    assert_same_bits(class_loss.infogain_backward, prob, label, 1.0, matrix, sums, HALF, np.empty_like(prob))


@pytest.mark.parametrize("legacy", [False, True])
def test_contrastive(pair, label, legacy):
    difference, distance = np.empty_like(pair[0]), np.empty(NUM, np.float32)
    margin = np.float32(20)
    assert_same_bits(distance_loss.contrastive_forward, *pair, label, margin, legacy, difference, distance)
    distance[...] = np.linspace(1, 600, NUM)
    arguments = (pair[0], distance, label, margin, legacy, HALF, difference)
    assert_same_bits(distance_loss.contrastive_backward, *arguments)


def test_smooth_l1(pair, partial):
    first, second = (array.reshape(-1) for array in pair)
    difference = np.empty_like(first)
    assert_same_bits(distance_loss.smooth_l1_forward, first, second, first, second, HALF, partial, difference)
    assert_same_bits(distance_loss.smooth_l1_backward, first, first, second, HALF, HALF, difference)


def test_center(pair, label):
    features, difference = pair
    center, count = np.ones((3, DIM), np.float32), np.empty(3, np.float32)
    assert_same_bits(distance_loss.center_forward, features, label, center, np.empty(NUM), difference)
    assert_same_bits(distance_loss.center_backward, difference, label, count, center)
