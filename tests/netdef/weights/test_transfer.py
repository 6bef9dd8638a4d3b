"""Weights go to layers of the same name; what does not fit is listed whole."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.net import Net
from netdef.weights.caffemodel import LayerWeights
from netdef.weights.transfer import copy_weights, same_shape
from prototxt import parse_net, schema

NET = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }
layer { name: "scale" type: "Scale" bottom: "data" top: "scale" scale_param { bias_term: true } }
layer { name: "bias" type: "Bias" bottom: "scale" top: "bias" param { name: "b" } bias_param { num_axes: 2 } }
layer { name: "again" type: "Bias" bottom: "bias" top: "again" param { name: "b" } bias_param { num_axes: 2 } }
"""


def net() -> Net:
    return Net(parse_net(NET, "net.prototxt"), schema.TEST, seed=1)


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def source(**changed) -> list[LayerWeights]:
    blobs = {"data": [], "scale": [values(3), values(3) + 1], "bias": [values(3, 4)], "again": [values(3, 4)]}
    return [LayerWeights(name, "", arrays) for name, arrays in {**blobs, **changed}.items()]


def test_layers_of_the_same_name_are_copied():
    target = net()
    report = copy_weights(target, source(extra=[values(7)], nothing=[]))
    assert np.array_equal(target.params["scale"][1].data, values(3) + 1)
    assert np.array_equal(target.params["bias"][0].data, values(3, 4))
    assert (report.copied, report.ignored, report.missing) == (["scale", "bias", "again"], ["extra"], [])


def test_layers_that_the_file_lacks_keep_their_values():
    target = net()
    report = copy_weights(target, [LayerWeights("bias", "", [values(3, 4)])])
    assert report.missing == ["scale"]  # "again" has the memory of "bias"
    assert target.params["scale"][0].data.tolist() == [1, 1, 1]


def test_old_shapes():
    target = net()
    copy_weights(target, source(scale=[values(1, 1, 1, 3), values(3)], bias=[values(1, 1, 3, 4)]))
    assert np.array_equal(target.params["scale"][0].data, values(1, 1, 1, 3).reshape(3))
    assert same_shape((3, 4), (1, 1, 3, 4))
    assert same_shape((), (1, 1, 1, 1))
    assert not same_shape((3, 4), (1, 3, 4))
    assert not same_shape((3, 4), (3, 4, 1, 1))
    assert not same_shape((3, 4, 5, 6, 1), (3, 4, 5, 6))


def test_blob_that_another_layer_owns_may_be_left_out():
    target = net()
    copy_weights(target, source(again=[]))
    assert np.array_equal(target.params["again"][0].data, values(3, 4))


def test_doubles_into_floats():
    target = net()
    copy_weights(target, source(scale=[np.array([0.1, 0.2, 0.3]), values(3)]))
    assert target.params["scale"][0].data.tolist() == np.array([0.1, 0.2, 0.3], np.float32).tolist()


def test_every_mismatch_is_listed_and_nothing_is_copied():
    target = net()
    before = {name: [blob.data.copy() for blob in blobs] for name, blobs in target.params.items()}
    bad = source(scale=[values(4), values(3)], bias=[values(4, 3)], again=[values(3, 4), values(3)])
    with pytest.raises(WeightsError) as caught:
        copy_weights(target, bad, path="w.caffemodel")
    assert str(caught.value) == (
        "w.caffemodel: does not fit the net in 3 places:\n"
        '  net.prototxt:2:1: layer "scale" (Scale), blob 0: (3,) here, (4,) in the file\n'
        '  net.prototxt:3:1: layer "bias" (Bias), blob 0: (3, 4) here, (4, 3) in the file\n'
        '  net.prototxt:4:1: layer "again" (Bias): 1 blobs here, 2 in the file\n'
        "Take the weights of this net, or give these layers other names to learn them from scratch; "
        "netdef train --skip_mismatch passes over them."
    )
    for name, arrays in before.items():
        for blob, array in zip(target.params[name], arrays, strict=True):
            assert np.array_equal(blob.data, array)


def test_mismatches_may_be_skipped():
    target = net()
    report = copy_weights(target, source(scale=[values(4), values(3)]), skip_mismatch=True)
    assert (report.skipped, report.copied) == (["scale"], ["bias", "again"])
    assert target.params["scale"][0].data.tolist() == [1, 1, 1]


def test_too_few_blobs():
    with pytest.raises(WeightsError) as caught:
        copy_weights(net(), source(scale=[values(3)]), path="w.caffemodel")
    assert '\n  net.prototxt:2:1: layer "scale" (Scale): 2 blobs here, 1 in the file\n' in str(caught.value)


def test_net_writes_and_reads_files(tmp_path):
    first, second = net(), net()
    copy_weights(first, source())
    first.save(tmp_path / "a.caffemodel")
    second.copy_from(tmp_path / "a.caffemodel")
    for name, blobs in first.params.items():
        for blob, other in zip(blobs, second.params[name], strict=True):
            assert np.array_equal(blob.data, other.data)


def test_weights_of_another_net():
    layers = [LayerWeights(f"layer{i}", "", [values(2, 2)]) for i in range(10)]
    with pytest.raises(WeightsError) as caught:
        copy_weights(net(), layers, path="other.caffemodel")
    assert str(caught.value) == (
        "other.caffemodel: holds weights for layer0, layer1, layer2, layer3, layer4, layer5, layer6, layer7 and 2 "
        "more; the layers of this net that take weights are scale, bias. It belongs to another net; "
        "take the weights of this one."
    )
    with pytest.raises(WeightsError) as caught:
        copy_weights(net(), source(scale=[], bias=[], again=[])[:1], path="none.caffemodel")
    assert caught.value.message == (
        "holds weights for no layer; the layers of this net that take weights are scale, bias. It belongs to another "
        "net; take the weights of this one."
    )


def test_of_one_name_the_layer_with_parameters_is_meant():
    silent = NET.replace('name: "data"', 'name: "bias"', 1)
    target = Net(parse_net(silent), schema.TEST, seed=1)
    copy_weights(target, [LayerWeights("bias", "", [values(3, 4)])])
    assert np.array_equal(target.params["bias"][0].data, values(3, 4))
