"""The networks that the benchmarks generate are the published ones."""

from collections import Counter

import pytest

from netdef.net import Net
from netdef.report.shapes import shape_net
from prototxt import load_net, parse_net, schema
from tests.benchmarks.networks import NETWORKS, definition

ZOO = {
    "AlexNet": "bvlc/models/bvlc_alexnet/deploy.prototxt",
    "CaffeNet": "bvlc/models/bvlc_reference_caffenet/deploy.prototxt",
    "GoogLeNet": "bvlc/models/bvlc_googlenet/deploy.prototxt",
    "MobileNet v1": "mobilenet/mobilenet_deploy.prototxt",
    "ResNet-50": "resnet/deploy_resnet50.prototxt",
}
PARAMETERS = {
    "LeNet": 431_080,
    "AlexNet": 60_965_224,
    "CaffeNet": 60_965_224,
    "GoogLeNet": 6_998_552,
    "VGG-16": 138_357_544,
}


def facts(net: Net):
    """Each layer's type, the shape of its top and those of its parameters, however the layers are ordered."""
    return Counter(
        (step.node.type, step.top[0].shape, tuple(blob.shape for blob in step.layer.blobs))
        for step in net.steps
        if step.node.type not in ("Input", "Split")
    )


@pytest.mark.parametrize("name", ZOO)
def test_equal_to_the_published_definition(zoo_dir, name):
    published = shape_net(load_net(zoo_dir / ZOO[name]), schema.TEST)
    batch = published.blobs["data"].shape[0]
    assert facts(Net(parse_net(definition(name, batch)), schema.TEST)) == facts(published)


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name):
    net = Net(parse_net(definition(name, 1)), schema.TEST)
    assert sum(blob.count for blob in net.learnable_params) == PARAMETERS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_with_a_loss(name):
    net = Net(parse_net(definition(name, 2, loss=True)), schema.TRAIN)
    assert net.outputs == ["loss"]
    assert net.blobs["data"].shape == (2, *NETWORKS[name][1])
