"""Repeated backward passes: the same gradients as layer by layer, whatever happens between two passes."""

import numpy as np
import pytest

from netdef.blob import Memory
from netdef.kernels._jit import available_threads, kernel, num_threads, set_threads
from netdef.kernels.calls import CAN_REPEAT, BoundCalls
from netdef.layer import Layer
from netdef.net import Net
from netdef.replay import FollowUp
from prototxt import parse_net, schema

TEXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 6 dim: 3 dim: 10 dim: 12 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3
  weight_filler { type: "gaussian" std: 0.3 } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "wide" type: "Convolution" bottom: "pool" top: "wide" convolution_param { num_output: 40 kernel_size: 2
  weight_filler { type: "gaussian" std: 0.3 } } }
layer { name: "tanh" type: "TanH" bottom: "wide" top: "wide" }
layer { name: "fc1" type: "InnerProduct" bottom: "wide" top: "fc1" param { name: "w" } inner_product_param {
  num_output: 16 weight_filler { type: "gaussian" std: 0.2 } } }
layer { name: "relu" type: "ReLU" bottom: "fc1" top: "fc1" }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2" inner_product_param { num_output: 5
  weight_filler { type: "gaussian" std: 0.2 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
"""
LAST = 9


def built(extra="", text=TEXT):
    """A net and another one that has the same weights and is never repeated."""
    return [Net(parse_net(text + extra), schema.TRAIN, seed=4) for _ in range(2)]


def feed(nets, seed):
    rng = np.random.default_rng(seed)
    values, labels = rng.normal(size=nets[0].blobs["data"].shape), rng.integers(0, 5, nets[0].blobs["label"].shape)
    for net in nets:
        net.blobs["data"].data[...] = values
        net.blobs["label"].data[...] = labels


def check(nets):
    """A pass forward and backward; all gradients of both nets are the same."""
    repeated, plain = nets
    last = len(plain.steps) - 1
    for net in nets:
        net.run_steps(0, last)
    repeated.run_backward()
    plain.run_steps_backward(last, 0)
    for name, blob in plain.blobs.items():
        np.testing.assert_array_equal(repeated.blobs[name].diff, blob.diff, err_msg=name)
    for one, other in zip(repeated.learnable_params, plain.learnable_params):
        np.testing.assert_array_equal(one.diff, other.diff)


def repeats(net):
    """What is noted for the kinds of passes so far."""
    return list(net._backward_replay._noted.values())


@pytest.mark.parametrize("clear", ["clear_param_diffs", "clear_param_diffs_later", None])
def test_repeated_passes_equal_plain_ones(clear):
    nets = built()
    for seed in range(6):
        feed(nets, seed)
        for net in nets:
            if clear:
                getattr(net, clear)()
        check(nets)
    assert len(repeats(nets[0])) == CAN_REPEAT and not repeats(nets[1])


def test_gradients_that_are_cleared_now_and_then():
    nets = built()
    for seed, number in enumerate([0, 1, 1, 2, 1, 3, 0, 1, 2, 3, 0, 1] * 2):
        feed(nets, seed)
        for net in nets:
            if number == 1:
                net.clear_param_diffs_later()
            elif number == 2:
                net.learnable_params[0].clear_diff_later(), net.learnable_params[4].clear_diff_later()
            elif number == 3:
                net.clear_param_diffs_later()
                net.learnable_params[2].diff[...] = 7
        check(nets)


def test_a_third_pass_runs_few_layers_in_python(monkeypatch):
    if not CAN_REPEAT:
        pytest.skip("without compilation every pass is run layer by layer")
    net = built()[0]
    feed([net], 0)
    for _ in range(4):
        net.clear_param_diffs_later()
        net.run(), net.run_backward()
    ((parts, _),) = repeats(net)
    assert [(first, last) for first, last, calls, *_ in parts if calls is None] == [(9, 9), (5, 5)]


@kernel
def scale(factor, values):
    for i in range(values.size):
        values[i] *= factor


class Halving:
    """Halves the weights of a layer after its backward pass, and counts how often it was called to do so."""

    def __init__(self, layer):
        self.layer, self.count, self.calls, self.bound_at = layer, 0, None, None
        self.follow_up = FollowUp(self.do, self.ready)

    def do(self):
        self.count += 1
        if self.bound_at != Memory.changes:
            self.calls = BoundCalls([(scale, (blob.data.reshape(-1),)) for blob in self.layer.blobs], np.float32)
            self.bound_at = Memory.changes
        self.calls([(0.5,)] * len(self.layer.blobs))

    def ready(self):
        return self.calls.ready if self.bound_at == Memory.changes else []


def test_follow_ups_are_repeated_with_their_layers():
    nets = built()
    halvings = [{number: Halving(net.layers[number]) for number in (6, 2)} for net in nets]
    counts = []
    for seed in range(9):
        feed(nets, seed)
        if seed == 5:
            for net in nets:
                net.layers[6].blobs[0].set_data(net.layers[6].blobs[0].data.copy())
        for net, own in zip(nets, halvings):
            net.clear_param_diffs_later()
            net.run_steps(0, LAST)
            after = {number: halving.follow_up for number, halving in own.items()}
            net.run_backward(after) if net is nets[0] else net.run_steps_backward(LAST, 0, after)
        for one, other in zip(*(net.learnable_params for net in nets)):
            np.testing.assert_array_equal(one.diff, other.diff)
            np.testing.assert_array_equal(one.data, other.data)
        counts.append([halving.count for halving in halvings[0].values()])
    assert counts[8] == ([5, 5] if CAN_REPEAT else [9, 9])
    assert [halving.count for halving in halvings[1].values()] == [9, 9]


def test_a_follow_up_is_not_repeated_for_another():
    nets = built()
    for seed in range(5):
        feed(nets, seed)
        for net in nets:
            net.clear_param_diffs_later()
            net.run_steps(0, LAST)
        halving = [Halving(net.layers[6]) for net in nets]
        nets[0].run_backward({6: halving[0].follow_up})
        nets[1].run_steps_backward(LAST, 0, {6: halving[1].follow_up})
        assert halving[0].count == 1
    np.testing.assert_array_equal(*(net.layers[6].blobs[0].data for net in nets))


def test_functions_are_called_after_their_layers():
    nets = built()
    for seed in range(5):
        feed(nets, seed)
        seen = []
        for net in nets:

            def look(number, net=net, seen=seen):
                diffs = [blob.diff.copy() for blob in net.layers[number].blobs]
                seen.append((number, net.blobs["fc2"].diff.copy(), *diffs))
                for blob in net.layers[number].blobs:
                    blob.data[...] *= 0.5

            net.clear_param_diffs_later()
            net.run_steps(0, LAST)
            after = {number: lambda number=number, look=look: look(number) for number in (6, 2, 3)}
            net.run_backward(after) if net is nets[0] else net.run_steps_backward(LAST, 0, after)
        assert [entry[0] for entry in seen] == [6, 3, 2] * 2
        for one, other in zip(seen[:3], seen[3:]):
            for mine, theirs in zip(one[1:], other[1:], strict=True):
                np.testing.assert_array_equal(mine, theirs)
    check(nets)


def test_new_shapes_and_threads_are_noticed():
    nets = built()
    threads = num_threads()
    try:
        for number, count in zip((6, 6, 6, 9, 9, 9, 6, 6, 6), (1, 1, 1, 1, 1, 1, *[available_threads()] * 3)):
            set_threads(count)
            for net in nets:
                net.blobs["data"].reshape(number, 3, 10, 12)
                net.blobs["label"].reshape(number)
                net.reshape()
                net.clear_param_diffs_later()
            feed(nets, number)
            check(nets)
    finally:
        set_threads(threads)


def test_shared_parameters():
    more = """
    layer { name: "fc3" type: "InnerProduct" bottom: "fc1" top: "fc3" param { name: "shared" } inner_product_param {
      num_output: 16 weight_filler { type: "gaussian" std: 0.2 } } }
    layer { name: "fc4" type: "InnerProduct" bottom: "fc3" top: "fc4" param { name: "shared" } inner_product_param {
      num_output: 16 } }
    layer { name: "more" type: "EuclideanLoss" bottom: "fc4" bottom: "fc1" top: "more" loss_weight: 0.1 }
    """
    nets = built(more)
    for seed in range(6):
        feed(nets, seed)
        for net in nets:
            net.clear_param_diffs_later()
        check(nets)


def test_parts_of_a_net_run_layer_by_layer():
    nets = built()
    feed(nets, 1)
    for _ in range(4):
        for net in nets:
            net.clear_param_diffs_later()
        check(nets)
    for net in nets:
        net.blobs["pool"].diff[...] = 2
        net.clear_param_diffs()
    nets[0].backward(start="pool")
    nets[1].run_steps_backward(3, 0)
    np.testing.assert_array_equal(nets[0].params["conv"][0].diff, nets[1].params["conv"][0].diff)
    assert nets[0].params["conv"][0].diff.any()


def test_parameters_that_do_not_learn():
    frozen = TEXT.replace(
        'type: "Convolution" bottom: "pool"', 'type: "Convolution" param { lr_mult: 0 } bottom: "pool"'
    )
    nets = built(text=frozen)
    for seed in range(5):
        feed(nets, seed)
        for net in nets:
            net.clear_param_diffs_later()
        check(nets)
        assert not nets[0].params["wide"][0].diff.any()


def test_a_kernel_that_finds_no_memory(monkeypatch):
    if not CAN_REPEAT:
        pytest.skip("without compilation every pass is run layer by layer")
    net = built()[0]
    for _ in range(4):
        net.clear_param_diffs_later()
        net.run(), net.run_backward()
    ((_, table),) = repeats(net)
    monkeypatch.setattr(table, "run", lambda first, last: False)
    net.clear_param_diffs_later()
    with pytest.raises(MemoryError, match="a kernel found no memory for its working space"):
        net.run_backward()


def test_only_marked_layers_are_repeated():
    assert not Layer.is_backward_repeatable.fget(built()[0].layers[5])
