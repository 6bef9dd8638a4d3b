"""The LeNet-5 definitions that ship, held against the tables and formulas of what was written about it.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998),
section II.B, and the tables of later introductions to it.
"""

from pathlib import Path

import numpy as np
import pytest

import prototxt
from netdef import TEST, TRAIN, Net
from netdef.deploy import derive_deploy
from netdef.deploy.clean import clean_layer
from netdef.report.connections import count_connections, learned_values, owned_values
from netdef.report.shapes import shape_net
from prototxt import load_net, load_solver, parse_net, schema

MODELS = Path(prototxt.__file__).parent / "models"
# width, kernel, stride → width of the result, layer by layer
SIZES = {"c1": (32, 5, 1, 28), "s2": (28, 2, 2, 14), "c3": (14, 5, 1, 10), "s4": (10, 2, 2, 5), "c5": (5, 5, 1, 1)}
# maps, neurons, learned numbers, connections
PAPER = {
    "c1": (6, 28 * 28 * 6, 156, 122_304),
    "s2": (6, 14 * 14 * 6, 12, 5_880),
    "c3": (16, 10 * 10 * 16, 1_516, 151_600),
    "s4": (16, 5 * 5 * 16, 32, 2_000),
    "c5": (120, 120, 48_120, 48_120),
    "f6": (84, 84, 10_164, 10_164),
    "rbf": (10, 10, 840, 840),
}
CLASSIC = {"c1": 156, "c3": 2_416, "c5": 48_120, "f6": 10_164, "output": 850}


def steps(name):
    return {step.node.name: step for step in shape_net(load_net(MODELS / f"{name}.prototxt"), schema.TEST).steps}


@pytest.mark.parametrize("name", ["lenet5_1998", "lenet5_classic"])
@pytest.mark.parametrize("layer", SIZES)
def test_output_size(name, layer):
    """(W - K + 2 P) / S + 1, with the numbers that the definition has."""
    step = steps(name)[layer]
    width, kernel, stride, result = SIZES[layer]
    assert (width - kernel + 2 * 0) / stride + 1 == result
    if step.node.type != "InnerProduct":  # c5 of the classic net, where it is the same
        assert step.bottom[0].shape[2:] == (width, width) and step.top[0].shape[2:] == (result, result)


@pytest.mark.parametrize("layer", PAPER)
def test_the_papers_counts(layer):
    step = steps("lenet5_1998")[layer]
    top = step.top[0].shape
    found = (top[1], int(np.prod(top[1:])), learned_values(step.layer),
             count_connections(step.layer, [step.bottom[0].shape], [top]))  # fmt: skip
    assert found == PAPER[layer]


def test_the_papers_sums():
    assert sum(numbers for _, _, numbers, _ in PAPER.values()) - 840 == 60_000  # "60,000 trainable free parameters"
    assert sum(connections for _, _, _, connections in PAPER.values()) == 340_908  # "340,908 connections"
    parts = (6, 3), (6, 4), (3, 4), (1, 6)
    assert sum(maps * (inputs * 25 + 1) for maps, inputs in parts) == 1_516 == PAPER["c3"][2]


def test_pictures_tell_the_papers_counts():
    counts = owned_values(shape_net(load_net(MODELS / "lenet5_1998.prototxt"), schema.TEST))
    assert {name: count for name, count in counts.items() if count} == {name: row[2] for name, row in PAPER.items()}


def test_the_classic_tables_counts():
    found = {name: learned_values(step.layer) for name, step in steps("lenet5_classic").items()}
    assert {name: count for name, count in found.items() if count} == CLASSIC
    assert sum(found.values()) == 61_706


@pytest.mark.parametrize("name", ["lenet5_1998", "lenet5_1998_distorted"])
def test_images_are_the_papers(name):
    """28x28 within 32x32, paper -0.1 and ink 1.175; only the distorted variant moves pixels, and only to train."""
    layers = load_net(MODELS / f"{name}_train_test.prototxt").message.layer[:2]
    for layer in layers:
        change = layer.transform_param
        assert 28 + 2 * change.pad == 32
        assert [(grey - change.mean_value[0]) * change.scale for grey in (0, 255)] == pytest.approx([-0.1, 1.175])
    distorts = [layer.transform_param.HasField("affine_param") for layer in layers]
    assert distorts == [name == "lenet5_1998_distorted", False]


@pytest.mark.parametrize("name", ["lenet5_1998", "lenet5_1998_distorted", "lenet5_classic"])
def test_trains_for_20_epochs(name):
    """With a test of all 10,000 images after each; an epoch that is no whole number of batches is rounded up."""
    solver = load_solver(MODELS / f"{name}_solver.prototxt").message
    train, test = load_net(MODELS / solver.net).message.layer[:2]
    epoch = -(-60_000 // train.data_param.batch_size)
    assert (solver.max_iter, solver.test_interval) == (20 * epoch, epoch)
    assert solver.test_iter[0] * test.data_param.batch_size == 10_000


@pytest.mark.parametrize("name", ["lenet5_1998", "lenet5_1998_distorted", "lenet5_classic"])
def test_the_deploy_net_that_ships_is_the_derived_one(name):
    shipped = load_net(MODELS / f"{name.removesuffix('_distorted')}.prototxt").message
    derived = derive_deploy(load_net(MODELS / f"{name}_train_test.prototxt"), shape=(1, 32, 32))
    shipped.name = derived.name
    for layer in shipped.layer:  # the classic one tells its fillers and rates
        layer.CopyFrom(clean_layer(layer, []))
    assert derived == shipped


def test_passes_that_are_repeated_give_the_same(rng):
    """From the third pass on a net repeats the calls of the second; here the values change in between."""
    definition, images = MODELS / "lenet5_1998.prototxt", rng.normal(size=(4, 1, 1, 32, 32))
    net = Net(definition, TEST, seed=1)
    for values in images:
        fresh = Net(definition, TEST, seed=1)
        for each in (net, fresh):
            each.blobs["data"].data[...] = values
            each.run()
        assert np.array_equal(net.blobs["prob"].data, fresh.blobs["prob"].data)


def test_training_keeps_the_bitmaps_and_what_is_not_connected():
    """One backward pass of the definition as it ships, on random images in the place of MNIST."""
    net = load_net(MODELS / "lenet5_1998_train_test.prototxt")
    images = """layer { name: "data" type: "Input" top: "data" top: "label"
                input_param { shape { dim: 3 dim: 1 dim: 32 dim: 32 } shape { dim: 3 } } }"""
    text = parse_net(images).message
    text.layer.extend(layer for layer in net.message.layer if layer.type != "Data")
    net = Net(parse_net(prototxt.to_text(text)), TRAIN, seed=1)
    net.blobs["data"].data[...] = np.random.default_rng(1).normal(size=(3, 1, 32, 32))
    net.blobs["label"].data[...] = [3, 0, 9]
    net.run()
    net.run_backward()
    weight = net.params["c3"][0]
    unconnected = (weight.data == 0).all(axis=(2, 3))
    assert unconnected.sum() == 36 and not weight.diff[unconnected].any() and weight.diff[~unconnected].all()
    assert not net.params["rbf"][0].diff.any() and set(np.unique(net.params["rbf"][0].data)) == {-1, 1}
    assert all(blob.diff.any() for name, blobs in net.params.items() if name != "rbf" for blob in blobs)
