import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.yolo import detect
from tests.support.nets import make_layer, run_layer

BIASES = [0.7, 0.9, 2.4, 2.6]  # of two boxes


def v2(fields="biases: [0.7, 0.9, 2.4, 2.6]", bottoms=1):
    names = " ".join(f'bottom: "grid{i}"' for i in range(bottoms))
    return (
        f'name: "det" type: "YoloDetectionOutput" {names} top: "out" '
        f"yolo_detection_output_param {{ num_classes: 3 num_box: 2 {fields} }}"
    )


SIZES = [10, 13, 30, 20, 40, 70, 60, 50]  # pixels, of four boxes
V3 = f"biases: {SIZES} mask: [2, 3, 0, 1] anchors_scale: [32, 16] mask_group_num: 2"


def v3(fields=V3, bottoms=2):
    return v2(fields, bottoms).replace("Yolo", "Yolov3").replace("yolo_", "yolov3_")


def grids(rng, num=2):
    return [rng.normal(size=(num, 16, 3, 4)), rng.normal(size=(num, 16, 6, 8))]


def shares(pairs, grid, scale=1):
    return np.reshape(pairs, (-1, 2)) / (grid.shape[3] * scale, grid.shape[2] * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bottoms", [1, 2])
def test_naive_twin_of_v2(rng, dtype, bottoms):
    arrays = grids(rng)[:bottoms]
    text = v2("biases: [0.7, 0.9, 2.4, 2.6] confidence_threshold: 0.2 nms_threshold: 0.3", bottoms)
    run = run_layer(text, arrays, dtype=dtype)
    rows = detect(arrays, [shares(BIASES, grid) for grid in arrays], True, 0.2, 0.3)
    assert len(rows) > 4 and run.top[0].shape == (1, 1, len(rows), 7)
    np.testing.assert_allclose(run.top[0].data[0, 0], rows, atol=1e-5)


@pytest.mark.parametrize("nms_threshold", [0.1, 0.45, 1])
def test_naive_twin_of_v3(rng, nms_threshold):
    arrays = grids(rng)
    run = run_layer(v3(f"{V3} confidence_threshold: 0.4 nms_threshold: {nms_threshold}"), arrays, dtype=np.float64)
    sizes = [shares(SIZES[4:], arrays[0], 32), shares(SIZES[:4], arrays[1], 16)]
    rows = detect(arrays, sizes, False, 0.4, nms_threshold)
    assert {row[0] for row in rows} == {0, 1}
    np.testing.assert_allclose(run.top[0].data[0, 0], rows, atol=1e-6)


def test_a_box_drawn_by_hand():
    """One sure box in the middle of the cell in row 1, column 2, as large as a cell."""
    grid = np.zeros((1, 2, 8, 3, 4))
    grid[:, :, 4] = -50
    grid[0, 0, 4, 1, 2] = 50
    grid[0, 0, 7, 1, 2] = 50
    run = run_layer(v2("biases: [1, 1, 2, 2]"), [grid.reshape(1, 16, 3, 4)])
    np.testing.assert_allclose(run.top[0].data, [[[[0, 3, 1, 2 / 4, 1 / 3, 3 / 4, 2 / 3]]]], rtol=1e-6)


def test_nothing_found(rng):
    run = run_layer(v3(f"{V3} confidence_threshold: 1"), grids(rng, 3))
    assert run.top[0].data[0, 0].tolist() == [[n] + [-1] * 6 for n in range(3)]
    assert run.forward().top[0].shape == (1, 1, 3, 7)


def test_no_gradient(rng):
    run = run_layer(v2(), grids(rng)[:1])
    assert not run.layer.allow_force_backward(0)
    run.backward(propagate_down=[False])
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True])
    assert caught.value.message == (
        "has no gradient, but one is asked of it. Set propagate_down to false for its bottoms."
    )


ERRORS_2 = [
    ("num_box: 0", "num_box", "num_box is 0; expected at least 1. Raise it."),
    ("nms_threshold: 1.5", "nms_threshold", "nms_threshold is 1.5; it must be between 0 and 1. Correct it."),
    (
        "biases: [1, 0, 2, 3]",
        "biases",
        "has 0 among biases, sizes of boxes; they must be above 0. Correct it.",
    ),
    (
        "biases: [1, 2, 3]",
        "biases",
        "has 3 biases and num_box is 2; expected a width and a height for each box. Correct one of them.",
    ),
    ("coords: 5", "coords", "coords is 5; expected 4, x, y, width and height. Correct it."),
]


@pytest.mark.parametrize("fields, field, message", ERRORS_2)
def test_fields_of_v2(rng, fields, field, message):
    text = v2(fields).replace("num_box: 2 num_box", "num_box")
    with pytest.raises(LayerError) as caught:
        make_layer(text, grids(rng)[:1])
    assert (caught.value.message, caught.value.field) == (message, f"yolo_detection_output_param.{field}")


ERRORS_3 = [
    (
        "mask_group_num: 3 anchors_scale: [32, 16]",
        "mask_group_num",
        "has 2 bottoms and 3 as its number of mask_group_num; they must be equal. Correct one of them.",
    ),
    (
        "anchors_scale: 32",
        "anchors_scale",
        "has 2 bottoms and 1 as its number of anchors_scale; they must be equal. Correct one of them.",
    ),
    (
        "anchors_scale: [32, 16] mask: [0, 1]",
        "mask",
        "has 2 mask; expected 2 (num_box) for each of 2 bottoms. Correct their number.",
    ),
    (
        "anchors_scale: [32, 16] mask: [0, 1, 2, 4] biases: [1, 2, 3, 4, 5, 6, 7, 8]",
        "mask",
        "mask names box 4, counted from 0, and there are 8 biases; expected a width and a height for each box. "
        "Correct one of them.",
    ),
    (
        "anchors_scale: [32, 0] mask: [0, 1, 0, 1] biases: [1, 2, 3, 4]",
        "anchors_scale",
        "anchors_scale is 0; expected the pixels from cell to cell. Correct it.",
    ),
]


@pytest.mark.parametrize("fields, field, message", ERRORS_3)
def test_fields_of_v3(rng, fields, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(v3(fields), grids(rng))
    assert (caught.value.message, caught.value.field) == (message, f"yolov3_detection_output_param.{field}")


SHAPES = [
    (
        (2, 15, 6, 8),
        'bottom "grid1" has shape (2, 15, 6, 8); 2 boxes with 4 sides, an object\'s score and 3 classes each need '
        "(num, 16, height, width). Correct num_output before, num_box or num_classes.",
    ),
    (
        (3, 16, 6, 8),
        'bottom "grid0" has shape (2, 16, 3, 4) and bottom "grid1" has shape (3, 16, 6, 8); their first axes, the '
        "batch, must agree. Give both the same batch size.",
    ),
]


@pytest.mark.parametrize("shape, message", SHAPES)
def test_shapes(rng, shape, message):
    with pytest.raises(LayerError) as caught:
        make_layer(v3(), [grids(rng)[0], np.zeros(shape)])
    assert (caught.value.message, caught.value.field) == (message, "bottom")
