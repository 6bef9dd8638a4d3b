import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.roi_pooling import psroi_pooling
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

# Inside, of one pixel, over the border, outside, ends before their starts, coordinates that are not whole.
ROIS = np.array(
    [
        [0, 0, 0, 11, 9],
        [1, 4, 3, 4, 3],
        [1, -5, -3, 20, 30],
        [0, 40, 40, 50, 50],
        [1, 8, 8, 3, 2],
        [0, 1.5, 2.25, 9.5, 5.75],
    ]
)


def psroi_layer(fields):
    return (
        f'name: "ps" type: "PSROIPooling" bottom: "conv" bottom: "rois" top: "pool" psroi_pooling_param {{ {fields} }}'
    )


def test_hand_case():
    """Each quarter of the image from a channel of its own."""
    bottom = np.arange(64).reshape(1, 4, 4, 4)
    run = run_layer(psroi_layer("output_dim: 1 group_size: 2"), [bottom, np.array([[0, 0, 0, 3, 3]])])
    assert run.top[0].data[0, 0].tolist() == [[2.5, 16 + 4.5], [32 + 10.5, 48 + 12.5]]


@pytest.mark.parametrize("output_dim, group, scale", [(2, 3, 0.5), (18, 1, 1), (2, 3, 0.25)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_naive_twin(rng, output_dim, group, scale, dtype):
    bottom = rng.normal(size=(2, 18, 6, 8)).astype(dtype)
    fields = f"output_dim: {output_dim} group_size: {group} spatial_scale: {scale}"
    run = run_layer(psroi_layer(fields), [bottom, ROIS], dtype=dtype)
    assert run.top[0].shape == (6, output_dim, group, group)
    if dtype == np.float64:
        np.testing.assert_allclose(run.top[0].data, psroi_pooling(bottom, ROIS, output_dim, group, scale), atol=1e-12)
    else:  # the naive twin's borders between parts are those of float64
        parts = [n for n in range(6) if group == 1 or scale == 0.25 and n in (0, 1, 3)]
        expected = psroi_pooling(bottom, ROIS, output_dim, group, scale)
        np.testing.assert_allclose(run.top[0].data[parts], expected[parts], atol=1e-5)


def test_many_regions_in_parallel(rng):
    bottom = rng.normal(size=(2, 32, 50, 51))
    corners = rng.integers(0, 20, (50, 2))
    rois = np.hstack([rng.integers(0, 2, (50, 1)), corners, corners + rng.integers(0, 11, (50, 2))])
    run = run_layer(psroi_layer("output_dim: 8 group_size: 2"), [bottom, rois], dtype=np.float64)
    np.testing.assert_allclose(run.top[0].data, psroi_pooling(bottom, rois, 8, 2, 1), atol=1e-12)
    run.backward([np.ones(run.top[0].shape)])
    np.testing.assert_allclose(run.bottom[0].diff.sum(), run.top[0].count)


def test_gradients(rng):
    check_gradients(
        psroi_layer("output_dim: 2 group_size: 2 spatial_scale: 0.5"), [rng.normal(size=(2, 8, 4, 5)), ROIS]
    )


def test_propagate_down(rng):
    run = run_layer(psroi_layer("output_dim: 1 group_size: 2"), [rng.normal(size=(2, 4, 4, 5)), ROIS])
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward([np.ones(run.top[0].shape)], propagate_down=[False, True])
    assert (run.bottom[0].diff == 7).all() and (run.bottom[1].diff == 0).all()


ERRORS = [
    ("group_size: 2", (2, 4, 4, 5), "psroi_pooling_param", "output_dim is 0 or missing; expected at least 1. Set it."),
    (
        "output_dim: 2 group_size: 2",
        (2, 9, 4, 5),
        "psroi_pooling_param",
        'bottom "conv" has 9 channels; output_dim 2 and group_size 2 need 2 * 2^2 = 8. Correct num_output before, or '
        "these fields.",
    ),
]


@pytest.mark.parametrize("fields, shape, field, message", ERRORS)
def test_errors(fields, shape, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(psroi_layer(fields), [np.zeros(shape), ROIS])
    assert (str(caught.value), caught.value.field) == (f'layer "ps" (PSROIPooling): {message}', field)
