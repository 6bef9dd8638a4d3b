"""Every public definition builds and runs forward on one image; training nets on made-up data.

Large nets are built for their shapes alone, unless pytest is called with ``--heavy``.
"""

import numpy as np
import pytest

from netdef.net import Net
from prototxt import load_net, parse, parse_net, schema, to_text
from tests.conftest import beside_checkout
from tests.support.net_case import draw_weights

ZOO = beside_checkout("zoo")
SOURCES = ("Data", "DenseImageData", "HDF5Data", "ImageData", "WindowData")
HEAVY = (
    "alexnet", "caffenet", "fcn", "flickr", "googlenet", "imagenet", "pascal", "pspnet", "rcnn", "resnet", "segnet",
    "ResNet", "mobilenet_ssd",
)  # fmt: skip
DATA_SHAPES = {
    "siamese": (2, 28, 28),
    "mnist": (1, 28, 28),
    "cifar": (3, 32, 32),
    "hdf5": (4,),
    "segnet": (3, 360, 480),
}


def definitions():
    """The nets' paths within the folder, those in old syntax too."""
    paths = sorted(path for path in ZOO.rglob("*.prototxt") if "solver" not in path.name)
    return [path.relative_to(ZOO).as_posix() for path in paths]


def is_heavy(name):
    return any(word in name for word in HEAVY)


def made_up_data(layer, name):
    """A DummyData layer with the tops of the data layer ``layer``, one image at a time."""
    crop = layer.transform_param.crop_size or 227
    shape = next((sizes for word, sizes in DATA_SHAPES.items() if word in name), (3, crop, crop))
    shapes = [(1, *shape), *[(1,)] * (len(layer.top) - 1)]
    if layer.type == "DenseImageData":
        shapes[1] = (1, 1, *shape[1:])
    text = "".join("shape { " + " ".join(f"dim: {size}" for size in sizes) + " } " for sizes in shapes)
    fillers = ["data_filler { type: 'gaussian' } "] + ["data_filler { } "] * (len(shapes) - 1)
    dummy = parse(f"dummy_data_param {{ {text} {''.join(fillers)} }}", schema.LayerParameter).message
    dummy.name, dummy.type = layer.name, "DummyData"
    dummy.top.extend(layer.top)
    dummy.include.extend(layer.include)
    dummy.exclude.extend(layer.exclude)
    return dummy


def load(name):
    document = load_net(ZOO / name)
    for layer in document.message.layer:
        if layer.type in SOURCES:
            layer.CopyFrom(made_up_data(layer, name))
    return document


def build(name, phase):
    stages = ["test-on-test"] if "autoencoder" in name and phase == schema.TEST else []
    net = Net(parse_net(to_text(load(name).message), name), phase, stages=stages, seed=1)
    for top in net.inputs:
        net.blobs[top].reshape((1, *net.blobs[top].shape[1:]))
    net.reshape()
    return net


PYLOSS = """
import netdef.caffe as caffe

class EuclideanLossLayer(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(1)

    def forward(self, bottom, top):
        top[0].data[...] = ((bottom[0].data - bottom[1].data) ** 2).sum() / 2 / len(bottom[0].data)
"""


@pytest.fixture(autouse=True)
def needed_files(zoo_dir, tmp_path, monkeypatch):
    """The definitions, and the module that one of them names."""
    (tmp_path / "pyloss.py").write_text(PYLOSS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", definitions() or ["none"])
def test_builds(name):
    for phase in (schema.TRAIN, schema.TEST):
        assert build(name, phase).steps


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.heavy] if is_heavy(name) else []) for name in definitions() or ["none"]],
)
def test_runs_forward(name):
    net = build(name, schema.TEST)
    draw_weights(net)
    for layer in net.layers:
        if layer.type == "BN" and len(layer.blobs) == 4:
            layer.blobs[3].data[...] = 1  # a variance
    generator = np.random.default_rng(2)
    for top in net.inputs:
        net.blobs[top].data[...] = generator.normal(0, 1, net.blobs[top].shape)
    net.run()
    for top in net.outputs:
        assert net.blobs[top].count > 0 and np.isfinite(net.blobs[top].data).all(), top
