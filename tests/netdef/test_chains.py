"""Which layers are computed in one pass."""

import pytest

from netdef.chains import find_chains
from netdef.net import Net
from prototxt import parse_net, schema

HEAD = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } } '


def layer(name, kind, bottom="x", top="x", more=""):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }} '


BN, RELU = layer("bn", "BatchNorm"), layer("relu", "ReLU")
SCALE = layer("scale", "Scale", more="scale_param { bias_term: true }")
CASES = {
    "all three": (BN + SCALE + RELU, [(1, 3)]),
    "without bias": (layer("s", "Scale") + RELU, [(1, 2)]),
    "two": (BN + RELU, [(1, 2)]),
    "one alone": (RELU, []),
    "another order": (SCALE + BN + RELU, [(2, 3)]),
    "one after another": (BN + SCALE + RELU + layer("bn2", "BatchNorm") + layer("s2", "Scale"), [(1, 3), (4, 5)]),
    "a top of its own": (layer("bn", "BatchNorm", top="y") + layer("s", "Scale", "y", "z"), []),
    "in place from the second on": (layer("bn", "BatchNorm", top="y") + layer("s", "Scale", "y", "y"), []),
    "statistics of the batch": (
        layer("bn", "BatchNorm", more="batch_norm_param { use_global_stats: false }") + SCALE + RELU, [(2, 3)]
    ),
    "a scale over all axes": (BN + layer("s", "Scale", more="scale_param { num_axes: -1 }"), []),
    "a scale along rows": (BN + layer("s", "Scale", more="scale_param { axis: 2 }"), []),
    "a gradient is wanted": (BN + SCALE + RELU, []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_chains(name):
    text, expected = CASES[name]
    force = "force_backward: true " if name == "a gradient is wanted" else ""
    net = Net(parse_net(force + HEAD + text), schema.TEST)
    assert [(chain.first, chain.last) for chain in find_chains(net.steps).values()] == expected
