import numpy as np
import pytest

from netdef.kernels import boxes as kernels
from tests.naive import boxes as naive


def test_overlap():
    box = np.array([0.0, 0.0, 0.4, 0.2])
    assert kernels.overlap(box, box) == 1
    assert kernels.overlap(box, np.array([0.2, 0.1, 0.6, 0.3])) == pytest.approx(1 / 7)
    assert kernels.overlap(box, np.array([0.4, 0.0, 0.6, 0.2])) == 0
    assert kernels.overlap(box, np.array([0.5, 0.5, 0.6, 0.6])) == 0


@pytest.mark.parametrize("eta, top_k", [(1.0, -1), (0.8, -1), (1.0, 12), (1.0, 0)])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9])
def test_keep_best(rng, threshold, eta, top_k):
    corners = rng.uniform(0, 0.5, (40, 2))
    boxes = np.hstack([corners, corners + rng.uniform(0.1, 0.5, (40, 2))])
    scores = np.round(rng.uniform(0, 1, 40), 1)  # ties: the first comes first
    kept = np.zeros(40, np.int64)
    count = kernels.keep_best(boxes, scores, 0.25, threshold, eta, top_k, kept)
    assert kept[:count].tolist() == naive.keep_best(boxes, scores, 0.25, threshold, eta, top_k)
