import numpy as np
import pytest

from netdef.errors import LayerError
from tests.support.nets import make_layer, run_layer

FOUND = [
    (0, 1, 0.3, 0, 0, 0.5, 0.5),  # of a true box that a stronger one has
    (0, 1, 0.9, 0, 0, 0.5, 0.4),  # right
    (0, 2, 0.8, 0.5, 0.5, 1, 1),  # of a difficult box
    (2, 1, 0.7, 0, 0, 1, 1),  # in an image without true boxes
    (-1, 1, 0.5, 0, 0, 1, 1),  # no box
    (3, -1, -1, -1, -1, -1, -1),  # nothing in that image
]
TRUE = [
    (0, 1, 0, 0, 0, 0.5, 0.5, 0),
    (0, 2, 0, 0.5, 0.5, 1, 1, 1),
    (1, 2, 0, 0.2, 0.5, 1, 1, 0),
    (-1, 1, 0, 0, 0, 1, 1, 0),  # the end
    (1, 1, 0, 0, 0, 1, 1, 0),
]


def layer_text(fields="num_classes: 4"):
    return (
        'name: "eval" type: "DetectionEvaluate" bottom: "found" bottom: "true" top: "out" '
        f"detection_evaluate_param {{ {fields} }}"
    )


def rows(values):
    return np.array(values, np.float32)[None, None]


def judge(fields="num_classes: 4", found=FOUND, true=TRUE):
    return run_layer(layer_text(fields), [rows(found), rows(true)]).top[0].data[0, 0].tolist()


def right(*row):
    return list(map(pytest.approx, row))


@pytest.mark.parametrize(("fields", "boxes", "marks"), [("", 2, (1, 0)), ("evaluate_difficult_gt: false", 1, (0, 0))])
def test_boxes(fields, boxes, marks):
    assert judge(f"num_classes: 4 {fields}") == [
        [-1, 1, 1, -1, -1],
        [-1, 2, boxes, -1, -1],
        [-1, 3, 0, -1, -1],
        right(0, 1, 0.9, 1, 0),
        right(0, 1, 0.3, 0, 1),
        right(0, 2, 0.8, *marks),
        right(2, 1, 0.7, 0, 1),
    ]


def test_without_a_background_class():
    labels = [row[1] for row in judge("num_classes: 3 background_label_id: -1", FOUND[-1:], TRUE[:1])]
    assert labels == [0, 1, 2]


def test_pixels(tmp_path):
    """In pixels the far corners belong to a box: 2 x 2 of 3 x 2 are more than a half, 1 x 1 of 2 x 1 are not."""
    (tmp_path / "sizes").write_text("a 2 2\nb 1000 1000\n")
    found = [(0, 1, 0.9, 0, 0, 0.5, 0.5), (1, 1, 0.8, 0, 0, 0.5, 0.5)]
    true = [(0, 1, 0, 0, 0, 1, 0.5, 0), (1, 1, 0, 0, 0, 1, 0.5, 0)]
    fields = f'num_classes: 2 overlap_threshold: 0.6 name_size_file: "{tmp_path}/sizes"'
    run = run_layer(layer_text(fields), [rows(found), rows(true)])
    assert run.top[0].data[0, 0, 1:, 3:].tolist() == [[1, 0], [0, 1]]
    assert run.layer.state() == b"0"
    run.layer.restore(b"1")
    run.layer.forward(run.bottom, run.top)
    assert run.top[0].data[0, 0, 1:, 3:].tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", "num_classes is 0 or missing; expected the number of classes, background included. Set it."),
        ("num_classes: 2 overlap_threshold: 0", "overlap_threshold is 0; it must be above 0. Raise it."),
    ],
)
def test_wrong_fields(fields, message):
    with pytest.raises(LayerError) as error:
        make_layer(layer_text(fields), [np.zeros((1, 1, 2, 7)), np.zeros((1, 1, 2, 8))])
    assert error.value.message == message


def test_wrong_shape():
    with pytest.raises(LayerError) as error:
        make_layer(layer_text(), [np.zeros((1, 1, 2, 7)), np.zeros((1, 2, 2, 8))])
    assert error.value.message == (
        'bottom "true" has shape (1, 2, 2, 8); expected (1, 1, boxes, 8). '
        "Give the boxes of DetectionOutput, then those of AnnotatedData."
    )


def test_a_box_of_the_background():
    with pytest.raises(LayerError) as error:
        judge("num_classes: 4 background_label_id: 2")
    assert error.value.message == (
        'bottom "found" has a box of class 2, the background; expected other classes alone. '
        "Correct the labels, or background_label_id."
    )
