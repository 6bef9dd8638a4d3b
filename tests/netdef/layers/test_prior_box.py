import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.boxes import prior_boxes
from tests.support.nets import make_layer, run_layer


def prior_layer(fields, bottoms='bottom: "conv" bottom: "data"'):
    return f'name: "prior" type: "PriorBox" {bottoms} top: "priors" prior_box_param {{ {fields} }}'


MAP, IMAGE = np.zeros((2, 8, 3, 4)), np.zeros((2, 3, 30, 20))


def test_hand_case():
    run = run_layer(prior_layer("min_size: 4"), [np.zeros((1, 1, 1, 2)), np.zeros((1, 3, 10, 20))])
    assert run.top[0].shape == (1, 2, 8)
    np.testing.assert_allclose(run.top[0].data[0, 0], [0.15, 0.3, 0.35, 0.7, 0.65, 0.3, 0.85, 0.7], rtol=1e-6)
    np.testing.assert_allclose(run.top[0].data[0, 1], [0.1] * 8, rtol=1e-6)


CASES = [
    ("min_size: 6 max_size: 9 aspect_ratio: 2", {"max_sizes": [9], "ratios": [2, 1 / 2]}),
    ("min_size: 6 aspect_ratio: 2 aspect_ratio: 3 flip: false", {"ratios": [2, 3]}),
    ("min_size: 6.9 aspect_ratio: 1 aspect_ratio: 2 aspect_ratio: 0.5", {"ratios": [2, 1 / 2]}),
    (
        "min_size: 6 min_size: 8 max_size: 8 max_size: 15 aspect_ratio: 2 flip: false clip: true",
        {"min_sizes": [6, 8], "max_sizes": [8, 15], "ratios": [2], "clip": True},
    ),
    ("min_size: 6 step: 7 offset: 0.25", {"step": (7, 7), "offset": 0.25}),
    ("min_size: 6 step_w: 3 step_h: 5", {"step": (3, 5)}),
    ("min_size: 6 img_size: 40", {"image": (40, 40)}),
    ("min_size: 6 img_w: 50 img_h: 70", {"image": (50, 70)}),
]


@pytest.mark.parametrize("fields, options", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_naive_twin(fields, options, dtype):
    options = {"image": (20, 30), "min_sizes": [6], "max_sizes": [], "ratios": [], **options}
    run = run_layer(prior_layer(fields), [MAP, IMAGE], dtype=dtype)
    expected = prior_boxes(3, 4, **options)
    np.testing.assert_allclose(run.top[0].data[0, 0], expected.ravel(), atol=1e-6)


def test_variances_and_an_image_that_is_not_needed():
    fields = "min_size: 6 img_size: 40 variance: 0.1 variance: 0.2 variance: 0.3 variance: 0.4"
    run = run_layer(prior_layer(fields, 'bottom: "conv"'), [MAP])
    np.testing.assert_allclose(run.top[0].data[0, 1], [0.1, 0.2, 0.3, 0.4] * 12, rtol=1e-6)
    run = run_layer(prior_layer("min_size: 6 variance: 0.5"), [MAP, IMAGE])
    assert (run.top[0].data[0, 1] == 0.5).all()


def test_gradients_are_zeros():
    run = run_layer(prior_layer("min_size: 6"), [MAP, IMAGE])
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward([np.ones(run.top[0].shape)], propagate_down=[True, False])
    assert (run.bottom[0].diff == 0).all() and (run.bottom[1].diff == 7).all()


ERRORS = [
    ("", "", "has no min_size; expected at least one, in pixels. Add it."),
    ("min_size: 0", ".min_size", "min_size is 0; it must be above 0 pixels. Raise it."),
    (
        "min_size: 4 max_size: 5 max_size: 6",
        ".max_size",
        "has 2 max_size and 1 min_size; their numbers must be equal, or no max_size be given. Correct one of them.",
    ),
    ("min_size: 4 max_size: 4", ".max_size", "max_size is 4 where min_size is 4; it must be above it. Raise it."),
    ("min_size: 4 aspect_ratio: 0", ".aspect_ratio", "aspect_ratio is 0; it must be above 0. Correct it."),
    (
        "min_size: 4 variance: 1 variance: 2",
        ".variance",
        "has 2 variance; expected 1 for all coordinates or 4. Correct their number.",
    ),
    ("min_size: 4 variance: 0", ".variance", "variance is 0; it must be above 0. Raise it."),
    (
        "min_size: 4 step: 1 step_w: 2",
        ".step_w",
        "has both step and step_w; only one of the two ways may be used. Keep step, or step_h and step_w.",
    ),
    ("min_size: 4 img_w: 2", "", "img_h is 0; it must be above 0. Set it."),
]


@pytest.mark.parametrize("fields, field, message", ERRORS)
def test_errors(fields, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(prior_layer(fields), [MAP, IMAGE])
    assert (str(caught.value), caught.value.field) == (
        f'layer "prior" (PriorBox): {message}',
        f"prior_box_param{field}",
    )


def test_bottoms_that_do_not_do():
    with pytest.raises(LayerError) as caught:
        make_layer(prior_layer("min_size: 4", 'bottom: "conv"'), [MAP])
    assert caught.value.message == (
        "has one bottom and no size of the image; expected the image as second bottom, or img_size. Add either."
    )
    with pytest.raises(LayerError) as caught:
        make_layer(prior_layer("min_size: 4"), [MAP, np.zeros((2, 3))])
    assert caught.value.message == (
        'bottom "data" has shape (2, 3); it must have 4 axes, (num, channels, height, width).'
    )
