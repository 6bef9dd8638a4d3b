"""Repeated forward passes: the same numbers as layer by layer, whatever happens between two passes."""

import numpy as np
import pytest

from netdef import replay
from netdef.kernels._jit import available_threads, num_threads, set_threads
from netdef.kernels.calls import CAN_REPEAT
from netdef.net import Net
from prototxt import load_net, parse_net, schema

TEXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 7 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 8 kernel_size: 3
  weight_filler { type: "gaussian" std: 0.3 } bias_filler { type: "constant" value: 0.1 } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "sig" type: "Sigmoid" bottom: "conv" top: "sig" }
layer { name: "sum" type: "Eltwise" bottom: "conv" bottom: "sig" top: "sum" }
layer { name: "cat" type: "Concat" bottom: "sum" bottom: "sig" top: "cat" }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "drop" }
layer { name: "fc" type: "InnerProduct" bottom: "drop" top: "fc" inner_product_param { num_output: 5
  weight_filler { type: "gaussian" std: 0.2 } } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
DEAR = 'layer { name: "power" type: "Power" bottom: "fc" top: "power" power_param { scale: 0 shift: 3 } }'


def built(extra="", phase=schema.TEST):
    """A net with statistics other than zero, and another one that has the same weights and is never repeated."""
    nets = Net(parse_net(TEXT + extra), phase, seed=4), Net(parse_net(TEXT + extra), phase, seed=4)
    for net in nets:
        for blob, values in zip(net.params["bn"], (np.linspace(-1, 1, 8), np.linspace(1, 2, 8), [2])):
            blob.data[...] = values
    return nets


def feed(nets, seed):
    values = np.random.default_rng(seed).normal(size=nets[0].blobs["data"].shape)
    for net in nets:
        net.blobs["data"].data[...] = values


def check(nets):
    repeated, plain = nets
    losses = repeated.run(), plain.run_steps(0, len(plain.steps) - 1)
    assert losses[0] == losses[1]
    for name, blob in plain.blobs.items():
        np.testing.assert_array_equal(repeated.blobs[name].data, blob.data, err_msg=name)


def is_repeating(net):
    return net._replay._noted_at == replay._state()


@pytest.mark.parametrize("extra", ["", DEAR])
def test_repeated_passes_equal_plain_ones(extra):
    nets = built(extra)
    for seed in range(5):
        feed(nets, seed)
        check(nets)
    assert is_repeating(nets[0]) is CAN_REPEAT and not is_repeating(nets[1])


def test_a_third_pass_runs_no_layer_in_python(monkeypatch):
    if not CAN_REPEAT:
        pytest.skip("without compilation every pass is run layer by layer")
    net = built()[0]
    net.run(), net.run()
    monkeypatch.setattr(Net, "run_steps", None)
    net.run()


def test_changes_of_values_count_in_the_next_pass():
    nets = built()
    feed(nets, 0)
    for edit in range(6):
        for net in nets:
            net.params["conv"][0].data[...] *= 1 + edit / 10
            net.params["bn"][2].data[0] = edit  # 0, too
            net.params["fc"][1].data[edit % 5] = edit
            net.blobs["data"].data[0, 0, 0, 0] = edit
        check(nets)


def test_new_shapes_shared_parameters_and_threads_are_noticed():
    nets = built()
    for shape in [(2, 3, 9, 7)] * 3 + [(5, 3, 9, 7)] * 3 + [(2, 3, 9, 7)] * 3:
        for net in nets:
            net.blobs["data"].reshape(*shape)
        feed(nets, shape[0])
        check(nets)
    other = built()[0]
    other.params["conv"][0].data[...] = 0.5
    for net in nets:
        net.share_with(other)
    for _ in range(3):
        check(nets)
    threads = num_threads()
    try:
        for count in (1, available_threads()):
            set_threads(count)
            for _ in range(3):
                check(nets)
    finally:
        set_threads(threads)


def test_parts_of_a_net_run_layer_by_layer():
    net = built()[0]
    feed([net], 1)
    for _ in range(3):
        net.run()
    net.blobs["conv"].data[...] = 2
    net.forward(start="pool", end="pool")
    assert (net.blobs["pool"].data == 2).all()
    net.forward(end="conv")
    before = net.blobs["conv"].data.copy()
    net.run()
    assert not np.array_equal(net.blobs["conv"].data, before)  # the layers in place ran as well


def test_a_python_layer_amid_may_do_as_it_likes(tmp_path, monkeypatch):
    (tmp_path / "replay_layer.py").write_text(
        "import netdef.caffe as caffe\n"
        "class Tail(caffe.Layer):\n"
        "    passes = 0\n"
        "    def setup(self, bottom, top): pass\n"
        "    def reshape(self, bottom, top): top[0].reshape(1 + Tail.passes // 8, 2)\n"
        "    def forward(self, bottom, top):\n"
        "        Tail.passes += 1\n"
        "        top[0].data[...] = Tail.passes // 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    extra = (
        'layer { name: "tail" type: "Python" bottom: "prob" top: "tail" '
        'python_param { module: "replay_layer" layer: "Tail" } }'
        'layer { name: "twice" type: "Power" bottom: "tail" top: "twice" power_param { scale: 2 } }'
    )
    nets = built(extra)
    for seed in range(9):
        feed(nets, seed)
        nets[0].run()
        tail, twice = nets[0].blobs["tail"].data, nets[0].blobs["twice"].data
        assert tail.shape == twice.shape and (twice == 2 * tail).all()
        assert tail[0, 0] == (seed + 1) // 2


def test_losses_add_up_in_the_same_order():
    extra = 'layer { name: "w" type: "DummyData" top: "w" dummy_data_param { shape { dim: 2 } } }' + "".join(
        f'layer {{ name: "l{i}" type: "SoftmaxWithLoss" bottom: "fc" bottom: "w" top: "l{i}" loss_weight: {weight} }}'
        for i, weight in enumerate((0.3, 1e-3, 7.7))
    )
    nets = built(extra)
    for seed in range(4):
        feed(nets, seed)
        check(nets)


def test_lenet_repeats_every_layer():
    if not CAN_REPEAT:
        pytest.skip("without compilation every pass is run layer by layer")
    net = Net(load_net("prototxt/models/lenet.prototxt"), schema.TEST)
    net.run(), net.run()
    assert [part[:2] for part in net._replay._parts] == [(0, len(net.steps) - 1)]
    assert net._replay._parts[0].calls == (0, 8)  # the first convolution and its pooling are one
