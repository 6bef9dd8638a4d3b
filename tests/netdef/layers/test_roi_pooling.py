import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.roi_pooling import roi_pooling
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

# Inside, of one pixel, over the border, outside, ends before their starts, halves that round away from zero.
ROIS = np.array(
    [
        [0, 0, 0, 11, 9],
        [1, 4, 3, 4, 3],
        [1, -5, -3, 20, 30],
        [0, 40, 40, 50, 50],
        [1, 8, 8, 3, 2],
        [0, 1, 3, 13, 5],
    ],
    float,
)


def roi_layer(fields):
    return f'name: "roi" type: "ROIPooling" bottom: "conv" bottom: "rois" top: "pool" roi_pooling_param {{ {fields} }}'


def test_hand_case():
    bottom = np.arange(12).reshape(1, 1, 3, 4)
    run = run_layer(roi_layer("pooled_h: 2 pooled_w: 2"), [bottom, np.array([[0, 1, 0, 3, 2]])])
    assert run.top[0].data[0, 0].tolist() == [[6, 7], [10, 11]]  # 3 columns into 2: the middle one is in both
    run.backward([np.ones((1, 1, 2, 2))])
    assert run.bottom[0].diff[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize("pooled_h, pooled_w, scale", [(2, 3, 0.5), (1, 1, 1), (7, 6, 0.25)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_naive_twin(rng, pooled_h, pooled_w, scale, dtype):
    bottom = rng.normal(size=(2, 3, 6, 8)).astype(dtype)
    fields = f"pooled_h: {pooled_h} pooled_w: {pooled_w} spatial_scale: {scale}"
    run = run_layer(roi_layer(fields), [bottom, ROIS], dtype=dtype)
    assert run.top[0].shape == (6, 3, pooled_h, pooled_w)
    assert np.array_equal(run.top[0].data, roi_pooling(bottom, ROIS, pooled_h, pooled_w, scale))


def test_many_regions_in_parallel(rng):
    bottom = rng.normal(size=(2, 40, 30, 31)).astype(np.float32)
    corners = rng.integers(0, 20, (50, 2))
    rois = np.hstack([rng.integers(0, 2, (50, 1)), corners, corners + rng.integers(0, 11, (50, 2))])
    run = run_layer(roi_layer("pooled_h: 6 pooled_w: 7"), [bottom, rois])
    assert np.array_equal(run.top[0].data, roi_pooling(bottom, rois, 6, 7, 1))
    run.backward([np.ones(run.top[0].shape)])
    assert run.bottom[0].diff.sum() == run.top[0].count


def test_gradients(rng):
    bottom = rng.permutation(2 * 2 * 4 * 5).reshape(2, 2, 4, 5) / 10  # no two values alike
    check_gradients(roi_layer("pooled_h: 2 pooled_w: 3 spatial_scale: 0.5"), [bottom, ROIS])


def test_propagate_down(rng):
    run = run_layer(roi_layer("pooled_h: 2 pooled_w: 2"), [rng.normal(size=(2, 1, 4, 5)), ROIS])
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward([np.ones(run.top[0].shape)], propagate_down=[False, True])
    assert (run.bottom[0].diff == 7).all() and (run.bottom[1].diff == 0).all()


ERRORS = [
    (
        "pooled_w: 2",
        (2, 3, 4, 5),
        (6, 5),
        "roi_pooling_param",
        "pooled_h is 0 or missing; expected at least 1. Set it.",
    ),
    (
        "pooled_h: 1 pooled_w: 2",
        (2, 3, 4),
        (6, 5),
        "bottom",
        'bottom "conv" has shape (2, 3, 4); it must have 4 axes, (num, channels, height, width).',
    ),
    (
        "pooled_h: 1 pooled_w: 2",
        (2, 3, 4, 5),
        (6, 4),
        "bottom",
        'bottom "rois" has shape (6, 4); expected regions of 5 numbers each: the image\'s number in the batch, x1, y1, '
        "x2, y2. Reshape it.",
    ),
]


@pytest.mark.parametrize("fields, shape, rois, field, message", ERRORS)
def test_errors(fields, shape, rois, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(roi_layer(fields), [np.zeros(shape), np.zeros(rois)])
    assert (str(caught.value), caught.value.field) == (f'layer "roi" (ROIPooling): {message}', field)


@pytest.mark.parametrize("image, text", [(2, "2"), (-1, "-1")])
def test_an_image_that_is_not_there(image, text):
    with pytest.raises(LayerError) as caught:
        run_layer(
            roi_layer("pooled_h: 1 pooled_w: 2"), [np.zeros((2, 3, 4, 5)), np.array([[0, 0, 0, 1, 1], [image] * 5])]
        )
    assert str(caught.value) == (
        f'layer "roi" (ROIPooling): region 1 of bottom "rois" is in image {text}; bottom "conv" has 2 images, counted '
        "from 0. Correct the regions."
    )
