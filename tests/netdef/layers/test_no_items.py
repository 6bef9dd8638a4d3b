"""A batch may run empty, after a filter say: nothing comes of it, and nothing breaks."""

import numpy as np
import pytest

from tests.support.nets import make_layer

IMAGES, ITEMS = (2, 3, 4, 8), (2, 3)


@pytest.mark.parametrize(
    "fields",
    [
        'type: "AbsVal"',
        'type: "BNLL"',
        'type: "Clip" clip_param { min: 0 max: 1 }',
        'type: "ELU"',
        'type: "Exp"',
        'type: "Log"',
        'type: "MVN"',
        'type: "MVN" mvn_param { across_channels: true }',
        'type: "Normalize"',
        'type: "Normalize" norm_param { across_spatial: false }',
        'type: "Permute" permute_param { order: 0 order: 2 order: 3 order: 1 }',
        'type: "PReLU"',
        'type: "PReLU" prelu_param { channel_shared: true }',
        'type: "Reduction" reduction_param { axis: 1 operation: MEAN }',
        'type: "ReLU6"',
        'type: "ShuffleChannel" shuffle_channel_param { group: 3 }',
        'type: "SPP" spp_param { pyramid_height: 2 }',
        'type: "Swish"',
        'type: "Tile" tile_param { tiles: 2 }',
    ],
)
def test_images(fields):
    run = make_layer(fields, [np.ones(IMAGES)], tops=1)
    run.bottom[0].reshape(0, *IMAGES[1:])
    run.forward().backward([0])
    assert run.top[0].shape[0] == 0
    assert not any(blob.diff.any() for blob in run.layer.blobs)


@pytest.mark.parametrize(
    "fields, shapes",
    [
        ('type: "ArgMax"', [IMAGES]),
        ('type: "ArgMax" argmax_param { axis: 1 out_max_val: true }', [IMAGES]),
        ('type: "Axpy"', [IMAGES[:2], IMAGES, IMAGES]),
        ('type: "BatchReindex"', [IMAGES, (2,)]),
        ('type: "Crop"', [IMAGES, IMAGES]),
        ('type: "Embed" embed_param { num_output: 4 input_dim: 3 }', [(2,)]),
        ('type: "Filter"', [IMAGES, (2,)]),
        ('type: "Threshold"', [IMAGES]),
    ],
)
def test_several_bottoms_and_no_gradient(fields, shapes):
    run = make_layer(fields, [np.ones(shape) for shape in shapes], tops=1)
    for blob in run.bottom:
        blob.reshape(0, *blob.shape[1:])
    run.forward().backward([0], [False] * len(shapes))
    assert run.top[0].shape[0] == 0


@pytest.mark.parametrize(
    "fields, shapes",
    [
        ('type: "CenterLoss" center_loss_param { num_output: 3 }', [ITEMS, ITEMS[:1]]),
        ('type: "ContrastiveLoss"', [ITEMS, ITEMS, ITEMS[:1]]),
        ('type: "HingeLoss"', [ITEMS, ITEMS[:1]]),
        ('type: "MultinomialLogisticLoss"', [ITEMS, ITEMS[:1]]),
        ('type: "SmoothL1Loss"', [ITEMS, ITEMS]),
    ],
)
def test_losses(fields, shapes):
    run = make_layer(fields, [np.ones(shape) for shape in shapes], tops=1)
    for blob in run.bottom:
        blob.reshape(0, *blob.shape[1:])
    run.forward().backward()
    assert run.top[0].data == 0
    assert not any(blob.diff.any() for blob in run.layer.blobs)
