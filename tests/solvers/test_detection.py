"""Mean average precision of a test net, and the fields that ask for it."""

import numpy as np
import pytest

from netdef.errors import SolverError
from prototxt import parse_solver
from solvers import get_solver
from solvers.detection import AP_VERSIONS, average_precision
from tests.naive import detection_scores as naive
from tests.support.solvers import RecordedLog, tiny_solver


@pytest.mark.parametrize("version", AP_VERSIONS)
def test_average_precision(rng, version):
    for boxes in (1, 2, 9, 30):
        scores, right = rng.permutation(boxes) / boxes, (rng.random(boxes) < 0.6).astype(float)
        true_boxes = int(right.sum()) + 3
        found = average_precision(scores, right, true_boxes, version)
        ranked = right[np.argsort(-scores)].tolist()
        assert found == pytest.approx(naive.average_precision(ranked, true_boxes, version), abs=1e-6)
    assert average_precision(np.ones(1), np.ones(1), 0, version) == 0


NET = """
  layer { name: "found" type: "DummyData" top: "found" dummy_data_param { shape { dim: 1 dim: 1 dim: 3 dim: 7 }
    data_filler { type: "constant" value: 1 } } }
  layer { name: "true" type: "DummyData" top: "true" dummy_data_param { shape { dim: 1 dim: 1 dim: 2 dim: 8 }
    data_filler { type: "constant" value: 1 } } }
  layer { name: "map" type: "DetectionEvaluate" bottom: "found" bottom: "true" top: "map"
    detection_evaluate_param { num_classes: 3 overlap_threshold: 1e-9 } }
"""


def test_log_lines():
    """One of three boxes is right and one of two true ones is found, in each of two batches; nothing of class 2 is."""
    fields = 'eval_type: "detection" ap_version: "11point" show_per_class_result: true test_iter: 2 test_interval: 9'
    log = RecordedLog()
    boxes = {"found": (1, 1, 1, 0, 0, 1, 1), "true": (1, 1, 0, 0, 0, 1, 1, 0)}
    with tiny_solver(f"{fields} test_net_param {{ {NET} }}", log=log) as solver:
        net = solver.test_nets[0]
        net.run()
        for name, row in boxes.items():
            net.blobs[name].data[...] = row
        solver.test_all()
    # precisions 1 up to recall 1/4, then 1/2 up to recall 1/2: (3 + 3/2) / 11
    assert log.messages("solver.cpp:524") == ["Missing true_pos for label: 2"]
    assert log.messages("solver.cpp:540") == ["class1: 0.409091"]
    assert log.messages("solver.cpp:546") == ["    Test net output #0: map = 0.204545"]


def test_outputs_that_are_no_boxes():
    with tiny_solver('eval_type: "detection" test_iter: 1 test_interval: 9') as solver:
        with pytest.raises(SolverError) as error:
            solver.test_all()
    assert error.value.message == (
        'eval_type is "detection", but output "accuracy" of the test net has shape (); expected rows of 5, as '
        "DetectionEvaluate makes them. Silence the other outputs, or take eval_type away."
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [("eval_type", "classification or detection"), ("ap_version", "Integral, MaxIntegral or 11point")],
)
def test_unknown_values(field, expected):
    with pytest.raises(SolverError) as error:
        get_solver(parse_solver(f'{field}: "xyz" net: "n" base_lr: 1 lr_policy: "fixed"'))
    assert error.value.message == f'{field} is "xyz"; expected {expected}. Correct it.'
