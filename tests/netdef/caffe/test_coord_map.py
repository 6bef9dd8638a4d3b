"""caffe.coord_map: maps of single layers, their composition, and the Crop layer that follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.caffe import coord_map as maps
from netdef.caffe import layers as L
from netdef.caffe import params as P


def chain(kernel=3, stride=1, pad=0, pool=2, up=2, up_pad=0):
    """data -> convolution -> pooling -> deconvolution"""
    data = L.Input(shape=dict(dim=[2, 1, 90, 110]))
    conv = L.Convolution(data, num_output=4, kernel_size=kernel, stride=stride, pad=pad)
    pooled = L.Pooling(conv, pool=P.Pooling.MAX, kernel_size=pool, stride=pool, pad=0)
    return data, L.Deconvolution(pooled, num_output=4, kernel_size=2 * up, stride=up, pad=up_pad)


def test_down_and_up_again():
    data, top = chain()
    axis, scale, shift = maps.coord_map_from_to(top, data)
    assert (axis, scale, shift) == (1, 1, 0)
    data, top = chain(pool=4, up=4)
    assert maps.coord_map_from_to(top, data) == (1, 1, -1)


@pytest.mark.parametrize("pad", [1, 4, 9])
def test_pads_move_the_map(pad):
    data, top = chain(pad=pad)
    assert maps.coord_map_from_to(top, data) == (1, 1, -pad)
    data, top = chain(up_pad=pad)
    assert maps.coord_map_from_to(top, data) == (1, 1, pad)
    data, top = chain(pad=pad, up_pad=pad)
    assert maps.coord_map_from_to(top, data) == (1, 1, 0)


def test_layers_that_leave_pixels_where_they_are():
    data, top = chain(pad=3)
    expected = maps.coord_map_from_to(top, data)
    relu = L.ReLU(top)
    one = L.Convolution(relu, num_output=5, kernel_size=1)
    assert maps.coord_map_from_to(relu, data) == maps.coord_map_from_to(one, data) == expected


def test_axes_of_their_own():
    data, top = chain(kernel=[3, 5], stride=[1, 2], pad=[0, 10])
    _, scale, shift = maps.coord_map_from_to(top, data)
    for part, options in enumerate((dict(kernel=3), dict(kernel=5, stride=2, pad=10))):
        other_data, other = chain(**options)
        _, other_scale, other_shift = maps.coord_map_from_to(other, other_data)
        assert (scale[part], shift[part]) == (other_scale, other_shift)


def test_dilation_widens_the_kernel():
    axis, scale, shift = maps.coord_map(L.Convolution(L.Input(), kernel_size=3, dilation=4).fn)
    assert (axis, scale, shift) == (1, 1, -4)


def test_a_crop_of_a_crop():
    data, top = chain()
    _, _, before = maps.coord_map_from_to(top, data)
    cropped = L.Crop(top, data, axis=2, offset=7)
    assert maps.coord_map_from_to(cropped, data) == (1, 1, before + 7)


def test_the_crop_layer():
    data, top = chain(pool=4, up=4)
    cropped = maps.crop(top, data)
    layer = cropped.to_proto().layer[-1]
    assert (layer.crop_param.axis, list(layer.crop_param.offset)) == (2, [1])
    both_data, both = chain(pad=[2, 5])
    layer = maps.crop(both, both_data).to_proto().layer[-1]
    assert list(layer.crop_param.offset) == [2, 5]


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(pool=3), r"scale mismatch on crop \(a = \[1.5\]\)"),
        (dict(up_pad=10), r"cannot crop negative offset \(b = \[10.\]\)"),
        (dict(kernel=4), r"cannot crop noninteger offset \(b = \[-0.5\]\)|cannot crop negative"),
    ],
)
def test_crops_that_are_impossible(options, message):
    data, top = chain(**options)
    with pytest.raises(AssertionError, match=message):
        maps.crop(top, data)


def test_blobs_without_a_common_place():
    data, top = chain()
    with pytest.raises(RuntimeError, match="^Could not compute map between tops"):
        maps.coord_map_from_to(L.InnerProduct(top, num_output=2), data)
    with pytest.raises(maps.UndefinedMapException, match="^Softmax layers have no coordinate map$"):
        maps.coord_map(L.Softmax(data).fn)


def test_composition():
    step = (1, np.array([2.0]), np.array([3.0]))
    axis, scale, shift = maps.compose(maps.inverse(step), step)
    assert (axis, scale, shift) == (1, 1, 0)
    with pytest.raises(maps.AxisMismatchException):
        maps.compose(step, (2, 1, 0))


def test_sides_of_windows_are_not_understood():
    with pytest.raises(AssertionError, match="legacy _h/_w params; found pad_h"):
        maps.conv_params(L.Convolution(L.Input(), kernel_size=3, pad_h=1).fn)
