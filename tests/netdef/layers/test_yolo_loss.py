import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from prototxt import schema
from tests.naive import yolo_loss as naive
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

# image, class, instance, xmin, ymin, xmax, ymax, difficult; two objects share a cell, image 1 has none
TRUTH = np.array(
    [
        [2, 3, 0, 0.05, 0.1, 0.5, 0.4, 0],
        [0, 1, 0, 0.30, 0.2, 0.5, 0.9, 0],
        [0, 2, 1, 0.32, 0.3, 0.5, 0.85, 1],
        [0, 3, 0, 0.60, 0.1, 0.95, 0.3, 0],
        [-1, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 1, 1, 0],
    ]
)
SIZES = [(6, 20), (12, 4), (9, 9)]  # pixels; the grid of 4x5 cells lies on an image of 32x40
CLASSES, GRID = 3, (4, 5)


def yolo(fields="", bottoms='bottom: "grid" bottom: "truth"'):
    biases = ", ".join(str(side) for size in SIZES for side in size)
    return (
        f'name: "loss" type: "YoloLoss" {bottoms} top: "l" yolo_loss_param {{ num_classes: {CLASSES} '
        f"num_box: 2 biases: [{biases}] mask: [0, 2] anchors_scale: 8 {fields} }}"
    )


def region(fields=""):
    biases = ", ".join(str(side / 8) for size in SIZES[:2] for side in size)
    return (
        'name: "loss" type: "RegionLoss" bottom: "grid" bottom: "truth" top: "l" region_loss_param { '
        f"num_classes: {CLASSES} num_box: 2 biases: [{biases}] {fields} }}"
    )


def shares(sizes):
    return [(w / 40, h / 32) for w, h in sizes]


@pytest.fixture
def grid(rng):
    return rng.normal(0, 0.7, (3, 2 * (5 + CLASSES), *GRID))


def blobs(grid):
    return grid, TRUTH[None, None]


def expected(grid, aim, softmax):
    """The twin's loss, and its gradient with targets and weights held still, by central differences."""
    total, slopes = 0.0, np.zeros(grid.shape)
    for n, image in enumerate(grid.reshape(3, 2, -1, *GRID)):
        target, weight = aim(image, naive.truths(TRUTH, n))
        total += naive.loss(image, target, weight, softmax)
        slope = slopes[n].reshape(image.shape)
        for a, row, column in np.ndindex(2, *GRID):
            at = np.s_[a : a + 1, :, row : row + 1, column : column + 1]
            for e in range(image.shape[1]):
                step = np.zeros(image[at].shape)
                step[0, e] = 1e-5
                ends = [naive.loss(image[at] + way * step, target[at], weight[at], softmax) for way in (1, -1)]
                slope[a, e, row, column] = (ends[0] - ends[1]) / 2e-5
    return total / 3, slopes / 3


def check(run, total, slopes):
    np.testing.assert_allclose(run.top[0].data, total, rtol=1e-6)
    run.top[0].diff[...] = 1
    run.layer.backward(run.top, [True, False], run.bottom)
    np.testing.assert_allclose(run.bottom[0].diff, slopes, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("ignore, certain", [(0.5, 1), (0.05, 1), (0.1, 0.2), (0, 0.15)])
def test_naive_twin_of_yolo(grid, ignore, certain):
    run = run_layer(yolo(f"ignore_thresh: {ignore} truth_thresh: {certain}"), blobs(grid), dtype=np.float64)
    ignore, certain = np.float32([ignore, certain])

    def aim(image, rows):
        return naive.aim_yolo(image, rows, shares(SIZES), [0, 2], ignore, certain)

    check(run, *expected(grid, aim, False))


REGION_CASES = [
    ("", {}),
    ("softmax: false prior_images: 0", {"softmax": False, "prior": False}),
    ("bias_match: true rescore: true thresh: 0.05", {"bias_match": True, "rescore": True, "thresh": 0.05}),
    (
        "coord_scale: 2 object_scale: 5 noobject_scale: 0.5 class_scale: 3 rescore: true prior_images: 3",
        {"scales": (2, 5, 0.5, 3), "rescore": True, "prior": False},
    ),
]


@pytest.mark.parametrize("fields, options", REGION_CASES)
def test_naive_twin_of_region(grid, fields, options):
    run = run_layer(region(fields), blobs(grid), dtype=np.float64)
    wanted = {"thresh": 0.5, "scales": (1, 1, 1, 1), "prior": True, "softmax": True, "rescore": False} | options
    wanted.setdefault("bias_match", False)
    wanted["thresh"] = np.float32(wanted["thresh"])

    def aim(image, rows):
        return naive.aim_region(image, rows, shares(SIZES[:2]), **wanted)

    check(run, *expected(grid, aim, wanted["softmax"]))


def test_one_cell_by_hand():
    """One cell, one box, one class, all 0: every sigmoid is 0.5 and the box is its anchor, the whole image."""
    text = yolo().replace("num_classes: 3 num_box: 2", "num_classes: 1 num_box: 1").replace("mask: [0, 2]", "mask: 0")
    text = text.replace("6, 20, 12, 4, 9, 9", "8, 8")
    truth = np.array([[0, 1, 0, 0, 0, 1, 1, 0]], np.float64)
    run = run_layer(text, (np.zeros((1, 6, 1, 1)), truth[None, None]), dtype=np.float64)
    np.testing.assert_allclose(run.top[0].data, 4 * np.log(2), rtol=1e-6)  # x, y, object, class; w and h are right


@pytest.mark.parametrize(
    "text",
    [yolo("ignore_thresh: 0.05"), yolo("truth_thresh: 0.2"), region("bias_match: true"), region("softmax: false")],
)
def test_gradients(grid, text):
    check_gradients(text, blobs(grid[:, :, :3, :4]), check_bottoms=[0], step=1e-4)


def test_no_true_boxes(grid):
    none = np.full((1, 1, 1, 8), -1.0)
    run = run_layer(yolo(), (grid, none), dtype=np.float64)
    objects = grid.reshape(3, 2, 8, *GRID)[:, :, 4]
    np.testing.assert_allclose(run.top[0].data, np.log1p(np.exp(objects)).sum() / 3, rtol=1e-6)


def test_gradient_is_written_only_where_it_is_asked_for(grid):
    run = run_layer(yolo(), blobs(grid), dtype=np.float64)
    run.bottom[0].diff[...] = 7
    run.layer.backward(run.top, [False, False], run.bottom)
    assert (run.bottom[0].diff == 7).all()


def test_images_seen_are_counted_in_training_and_gone_on_from(grid):
    run = make_layer(region("prior_images: 7"), blobs(grid), schema.TRAIN, np.float64)
    losses = [float(run.forward().top[0].data) for _ in range(3)]
    assert losses[0] == losses[1] > losses[2]
    other = make_layer(region("prior_images: 7"), blobs(grid), schema.TRAIN, np.float64)
    other.layer.restore(run.layer.state())
    other.forward()
    assert float(other.top[0].data) == losses[2]
    test = run_layer(region("prior_images: 7"), blobs(grid), schema.TEST, dtype=np.float64)
    assert float(test.top[0].data) == losses[2]


@pytest.mark.parametrize(
    "text, field, message",
    [
        (yolo("num_classes: 0").replace("num_classes: 3 ", ""), "yolo_loss_param.num_classes",
         "num_classes is 0; expected at least 1. Raise it."),
        (yolo().replace("6, 20", "-6, 20"), "yolo_loss_param.biases",
         "has -6 among biases, sizes of boxes; they must be above 0. Correct it."),
        (yolo().replace("6, 20", "6"), "yolo_loss_param.biases",
         "has 5 biases; expected a width and a height for each anchor. Complete them."),
        (yolo().replace("anchors_scale: 8", ""), "yolo_loss_param.anchors_scale",
         "anchors_scale is 0 or missing; expected the pixels from cell to cell. Set it."),
        (yolo().replace("[0, 2]", "[0, 3]"), "yolo_loss_param.mask",
         "mask is 0, 3; expected 2 (num_box) of the 3 anchors, counted from 0. Correct one of them."),
        (yolo().replace("mask: [0, 2]", ""), "yolo_loss_param.mask",
         "mask is 0, 1, 2; expected 2 (num_box) of the 3 anchors, counted from 0. Correct one of them."),
        (region().replace("num_box: 2", "num_box: 3"), "region_loss_param.biases",
         "has 4 biases and num_box is 3; expected a width and a height for each box. Correct one of them."),
    ],
)  # fmt: skip
def test_wrong_fields(grid, text, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text, blobs(grid))
    assert (caught.value.message, caught.value.field) == (message, field)


def test_wrong_shapes(grid):
    with pytest.raises(LayerError) as caught:
        make_layer(yolo(), (grid[:, :15], TRUTH[None, None]))
    assert caught.value.message == (
        'bottom "grid" has shape (3, 15, 4, 5); 2 boxes with 4 sides, an object\'s score and 3 classes each need (num, '
        "16, height, width). Correct num_output before, num_box or num_classes."
    )
    with pytest.raises(LayerError) as caught:
        make_layer(yolo(), (grid, TRUTH[None, None, :, :7]))
    assert caught.value.message == 'bottom "truth" has shape (1, 1, 6, 7); expected true boxes (1, 1, boxes, 8).'


@pytest.mark.parametrize(
    "place, value, message",
    [
        ((1, 1), 4, 'row 1 of bottom "truth" has the class 4; expected 1 to 3. Correct the label or num_classes.'),
        ((1, 1), 0, 'row 1 of bottom "truth" has the class 0; expected 1 to 3. Correct the label or num_classes.'),
        ((0, 0), 3, 'row 0 of bottom "truth" is of image 3; expected 0 to 2, or -1 at the end. Correct the data.'),
        ((3, 5), 0.6, 'row 3 of bottom "truth" has the sides 0.6, 0.1, 0.6, 0.3; expected xmin, ymin, xmax, ymax with '
         "both largest above the least. Correct the data."),
    ],
)  # fmt: skip
def test_wrong_true_boxes(grid, place, value, message):
    truth = TRUTH.copy()
    truth[place] = value
    with pytest.raises(DataError) as caught:
        run_layer(yolo(), (grid, truth[None, None]))
    assert caught.value.message == message
