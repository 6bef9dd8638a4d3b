"""Which layers are computed in one pass, and that nobody can tell."""

import numpy as np
import pytest

from netdef.chains import find_backward_chains, find_chains
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


CONV = layer("conv", "Convolution", top="c", more="convolution_param { num_output: 4 kernel_size: 1 }")
POOL = layer("pool", "Pooling", "c", "p", "pooling_param { kernel_size: 2 stride: 2 }")
LOSS = layer("loss", "Reduction", "p", "loss", "loss_weight: 1")
TOUCHING = HEAD.replace("dim: 5", "dim: 6")
POOLED = {
    "two": (TOUCHING + CONV + POOL + LOSS, [0, 1]),
    "windows that overlap": (TOUCHING + CONV + POOL.replace("stride: 2", "stride: 1") + LOSS, [0]),
    "windows over the border": (HEAD + CONV + POOL + LOSS, [0]),
    "an average": (TOUCHING + CONV + POOL.replace("kernel", "pool: AVE kernel") + LOSS, []),
    "places that are asked for": (TOUCHING + CONV + POOL.replace('top: "p"', 'top: "p" top: "m"') + LOSS, []),
    "another reader of the top": (
        TOUCHING + CONV + POOL + LOSS + layer("sum", "Reduction", "c", "sum", "loss_weight: 1"), []
    ),
    "a layer between": (TOUCHING + CONV + layer("relu", "ReLU", "c", "c") + POOL + LOSS, []),
    "a loss of the top": (TOUCHING + CONV.replace("convolution_param", "loss_weight: 1 convolution_param") + POOL, []),
    "frozen filters": (
        TOUCHING + CONV.replace("convolution_param", "param { lr_mult: 0 } convolution_param") + POOL + LOSS, [0]
    ),
    "many filters": (TOUCHING + CONV.replace("num_output: 4", "num_output: 40") + POOL + LOSS, [0]),
    "a connection table": (
        TOUCHING + CONV.replace("kernel_size", "connection_table: ['X.XX', 'XXXX', '..XX'] kernel_size") + POOL + LOSS,
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", POOLED)
def test_convolutions_and_their_pooling(name):
    text, expected = POOLED[name]
    net = Net(parse_net("force_backward: true " * ("frozen" not in name) + text), schema.TRAIN)
    found = [[(chain.first, chain.last) for chain in find(net.steps).values()]
             for find in (find_chains, find_backward_chains)]  # fmt: skip
    assert found == [[(1, 2)] if which in expected else [] for which in (0, 1)]


def test_no_chain_writes_where_it_still_has_to_read():
    net = Net(parse_net(TOUCHING + CONV + POOL + LOSS), schema.TEST)
    net.blobs["p"].set_data(net.blobs["x"].data.reshape(-1)[: net.blobs["p"].count])
    assert find_chains(net.steps) == {}


@pytest.mark.parametrize("batch", [1, 5, 16, 37])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fields",
    [
        "num_output: 6 kernel_size: 3 pad: 1 group: 3",
        "num_output: 4 kernel_size: 1 bias_term: false",
        "num_output: 5 kernel_size: 3 stride: 2 pad: 2",
        "num_output: 40 kernel_size: 2 dilation: 2 pad: 1",
    ],
)
def test_convolutions_with_their_pooling_give_the_same_bits(rng, fields, dtype, batch):
    text = HEAD.replace("dim: 2", f"dim: {batch}").replace("dim: 4 dim: 5", "dim: 14 dim: 22")
    text += CONV.replace("num_output: 4 kernel_size: 1", fields) + POOL + LOSS
    nets = [Net(parse_net("force_backward: true " + text), schema.TRAIN, dtype=dtype, seed=3) for _ in range(2)]
    assert find_chains(nets[0].steps)
    for _ in range(4):
        values = rng.normal(size=nets[0].blobs["x"].shape)
        for net in nets:
            net.blobs["x"].data[...] = values
            net.clear_param_diffs()
        nets[0].run(), nets[0].run_backward()
        nets[1].run_steps(0, 3), nets[1].run_steps_backward(3, 0)
        for name, blob in nets[0].blobs.items():
            np.testing.assert_array_equal(blob.data, nets[1].blobs[name].data, err_msg=name)
            np.testing.assert_array_equal(blob.diff, nets[1].blobs[name].diff, err_msg=name)
        for one, other in zip(nets[0].params["conv"], nets[1].params["conv"]):
            np.testing.assert_array_equal(one.diff, other.diff)


def conv(name="conv", bottom="x", top="y", more="num_output: 70 kernel_size: 1", kind="Convolution"):
    return layer(name, kind, bottom, top, f'convolution_param {{ {more} weight_filler {{ type: "msra" }} }}')


def on_y(text):
    return text.replace('bottom: "x" top: "x"', 'bottom: "y" top: "y"')


BN_Y, SCALE_Y, RELU_Y = on_y(BN), on_y(SCALE), on_y(RELU)
POOL_Y = POOL.replace('"c"', '"y"')
SUM = conv() + conv("c2", "x", "z") + 'layer { name: "sum" type: "Eltwise" bottom: "y" bottom: "z" top: "s" %s } '
SOURCES = {
    "a convolution and all three": (conv() + BN_Y + SCALE_Y + RELU_Y, [(1, 4)]),
    "a convolution and one": (conv() + RELU_Y, [(1, 2)]),
    "another order": (conv() + SCALE_Y + BN_Y, [(1, 2)]),
    "depthwise": (conv(kind="ConvolutionDepthwise", more="num_output: 3 kernel_size: 3") + RELU_Y, [(1, 2)]),
    "nothing in place": (conv() + layer("relu", "ReLU", "y", "z"), []),
    "another blob": (conv("c0", top="z") + conv() + layer("relu", "ReLU", "z", "z"), []),
    "nothing at all": (conv(), []),
    "another axis": (conv(more="num_output: 7 kernel_size: 1 axis: 2 force_nd_im2col: true") + RELU_Y, []),
    "any number of axes": (conv(more="num_output: 7 kernel_size: 1 force_nd_im2col: true") + BN_Y + RELU_Y, [(2, 3)]),
    "a deconvolution": (conv(kind="Deconvolution") + RELU_Y, []),
    "a sum": (SUM % "" + layer("relu", "ReLU", "s", "s"), [(4, 5)]),
    "a sum and a scale": (SUM % "" + layer("scale", "Scale", "s", "s") + layer("relu", "ReLU", "s", "s"), [(5, 6)]),
    "a product": (SUM % "eltwise_param { operation: PROD }" + layer("relu", "ReLU", "s", "s"), []),
}


@pytest.mark.parametrize("name", SOURCES)
def test_chains_with_what_fills_the_blob(name):
    text, expected = SOURCES[name]
    net = Net(parse_net(HEAD + text), schema.TEST)
    assert [(chain.first, chain.last) for chain in find_chains(net.steps).values()] == expected
    wanted = Net(parse_net("force_backward: true " + HEAD + text), schema.TEST)
    assert not find_chains(wanted.steps)


BIG = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: %d dim: 32 dim: %d dim: %d } } } '
PLANS = {
    "panels": (BIG % (1, 7, 9), conv(more="num_output: 300 kernel_size: 1")),
    "a part of the pixels for each thread": (BIG % (1, 29, 31), conv(more="num_output: 96 kernel_size: 3")),
    "strips": (BIG % (1, 67, 50), conv(more="num_output: 48 kernel_size: 2 stride: 1")),
    "groups": (BIG % (3, 40, 30), conv(more="num_output: 48 kernel_size: 3 group: 2 pad: 1")),
    "Winograd": (BIG % (1, 41, 30), conv(more="num_output: 37 kernel_size: 3 pad: 1")),
    "Winograd with images side by side": (BIG % (16, 9, 8), conv(more="num_output: 12 kernel_size: 5")),
    "depthwise 3x3": (BIG % (2, 41, 30), conv(more="num_output: 32 group: 32 kernel_size: 3 stride: 2")),
    "depthwise": (BIG % (2, 41, 30), conv(more="num_output: 32 group: 32 kernel_size: 5 stride: 3")),
    "a sum": (BIG % (2, 41, 30), SUM.replace('"s"', '"y"').replace('top: "y" conv', 'top: "w" conv')
              .replace('bottom: "y" bottom', 'bottom: "w" bottom') % "eltwise_param { coeff: 2 coeff: -1 }"),
}  # fmt: skip


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("more", [RELU_Y, BN_Y + SCALE_Y + RELU_Y])
@pytest.mark.parametrize("name", PLANS)
def test_chained_passes_have_the_bits_of_single_layers(rng, name, more, share):
    head, text = PLANS[name]
    net = Net(parse_net(head + text + more), schema.TEST, seed=5, share_memory=share)
    if "bn" in net.params:
        count = net.params["bn"][0].count
        for blob, values in zip(net.params["bn"], (np.linspace(-1, 1, count), np.linspace(1, 2, count), [2])):
            blob.data[...] = values
        net.params["scale"][1].data[...] = np.linspace(1, -1, count)
    net.blobs["x"].data[...] = rng.normal(size=net.blobs["x"].shape)
    found = []
    for _ in range(4):  # the first passes run layer by layer
        net.run()
        found.append(net.blobs["y"].data.copy())
    assert all(np.array_equal(found[0], other) for other in found[1:])
    assert (found[0] > 0).any()


def test_a_convolution_by_winograds_method_stays_one_with_its_pooling(rng):
    net = Net(parse_net(BIG % (2, 41, 30) + conv(more="num_output: 37 kernel_size: 3 pad: 1") + POOL_Y), schema.TEST)
    net.blobs["x"].data[...] = rng.normal(size=net.blobs["x"].shape)
    found = []
    for _ in range(4):
        net.run()
        found.append(net.blobs["p"].data.copy())
    assert all(np.array_equal(found[0], other) for other in found[1:])
