"""Loss kernels: sums over more than one chunk, the same bits on any number of threads, the search for bad labels."""

import numpy as np
import pytest

from netdef.kernels import loss
from netdef.kernels.softmax import softmax_forward
from tests.support.threads import assert_same_bits

COUNT = 2 * loss.CHUNK + 100
NONE = float("nan")


def test_num_chunks():
    assert [loss.num_chunks(count) for count in (0, 1, loss.CHUNK, loss.CHUNK + 1)] == [0, 1, 1, 2]


@pytest.fixture
def partial():
    return np.zeros((loss.num_chunks(COUNT), 2))


def test_softmax_loss(rng, partial):
    prob = rng.uniform(0.1, 1, (2, 3, COUNT // 2)).astype(np.float32)
    label = rng.integers(0, 3, COUNT).astype(np.float32)
    total, valid = loss.softmax_loss_forward.serial(prob, label, 1.0, partial)
    columns = np.moveaxis(prob, 1, 2).reshape(-1, 3).astype(np.float64)
    terms = -np.log(columns[np.arange(COUNT), label.astype(int)])
    assert total == pytest.approx(terms[label != 1].sum(), rel=1e-12)
    assert valid == np.count_nonzero(label != 1)
    assert_same_bits(loss.softmax_loss_forward, prob, label, 1.0, partial)
    assert_same_bits(loss.softmax_loss_backward, prob, label, 1.0, np.float32(0.3), np.empty_like(prob))


def test_checked_softmax_loss(rng):
    scores, label = rng.normal(size=(4, 3, 5)).astype(np.float32), rng.integers(0, 3, 20).astype(np.float32)
    prob, wanted, scale, partial = np.empty_like(scores), np.empty_like(scores), np.empty((4, 5)), np.zeros((1, 2))
    scale = scale.astype(np.float32)
    bad, total, valid = loss.checked_softmax_loss(scores, label, 1.0, scale, prob, partial)
    softmax_forward.serial(scores, scale, wanted)
    np.testing.assert_array_equal(prob, wanted)
    assert (bad, total, valid) == (-1, *loss.softmax_loss_forward.serial(wanted, label, 1.0, partial))
    label[7] = 3
    assert loss.checked_softmax_loss(scores, label, 1.0, scale, prob, partial)[0] == 7


def test_sigmoid_cross_entropy(rng, partial):
    scores = rng.normal(0, 3, COUNT).astype(np.float32)
    target = rng.integers(0, 2, COUNT).astype(np.float32)
    assert_same_bits(loss.sigmoid_cross_entropy_forward, scores, target, NONE, partial)
    backward = loss.sigmoid_cross_entropy_backward
    assert_same_bits(backward, scores, target, 0.0, np.float32(0.3), np.empty_like(scores))


def test_euclidean(rng, partial):
    first, second, difference = rng.normal(size=(3, COUNT)).astype(np.float32)
    squares = loss.euclidean_forward.serial(first, second, partial, difference)
    assert squares == pytest.approx(((first - second).astype(np.float64) ** 2).sum(), rel=1e-6)
    assert_same_bits(loss.euclidean_forward, first, second, partial, difference)
    assert_same_bits(loss.euclidean_backward, difference, np.float32(0.3), np.empty_like(first))


@pytest.mark.parametrize(
    "labels, ignore_label, index",
    [
        ([0, 4, 2], NONE, -1),
        ([0, 5, 2], NONE, 1),
        ([0, 5, 2], 5.0, -1),
        ([0, 1, -1], NONE, 2),
        ([0, 1, -1], -1.0, -1),
        ([4.9, -0.9, 3], NONE, -1),  # truncated towards 0, as Caffe does
        ([0, np.nan], NONE, 1),
        ([0, np.nan], 255.0, 1),
        ([np.inf], NONE, 0),
        ([-np.inf], NONE, 0),
        ([], NONE, -1),
    ],
)
def test_find_bad_label(labels, ignore_label, index):
    assert loss.find_bad_label(np.array(labels, np.float32), 5, ignore_label) == index
