import numpy as np
import pytest

from netdef.data.detection_scores import mark
from tests.naive import detection_scores as naive


@pytest.mark.parametrize(("size", "pixel"), [(1, 0), (40, 1)])
@pytest.mark.parametrize("threshold", [0.1, 0.5])
def test_marks(rng, size, pixel, threshold):
    kinds = set()
    for _ in range(30):
        corners = rng.uniform(0, 0.5, (9, 2)) * size
        boxes = np.hstack([corners, corners + rng.uniform(0.2, 0.5, (9, 2)) * size]).astype(np.float32)
        found, true, difficult = boxes[:6], boxes[6:], rng.random(3) < 0.4
        marks = mark(found, true, difficult, threshold, pixel)
        assert marks.tolist() == [list(pair) for pair in naive.mark(found, true, difficult, threshold, pixel)]
        kinds |= {tuple(row) for row in marks}
    assert kinds == {(1, 0), (0, 1), (0, 0)}


def test_without_true_boxes_all_are_wrong():
    assert mark(np.ones((2, 4)), np.ones((0, 4)), np.zeros(0, bool), 0.5).tolist() == [[0, 1], [0, 1]]
