"""Nets whose blobs share memory give the same answers in less of it."""

import numpy as np
import pytest

from netdef.errors import NetError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.netdef.test_replay import TEXT

DEEP = 'layer { name: "data" type: "Input" top: "c0" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 5 } } }' + "".join(
    f'layer {{ name: "c{i + 1}" type: "Convolution" bottom: "c{i}" top: "c{i + 1}" convolution_param {{ num_output: 3 '
    "kernel_size: 3 pad: 1 weight_filler { type: 'msra' } } } "
    f'layer {{ name: "r{i + 1}" type: "ReLU" bottom: "c{i + 1}" top: "c{i + 1}" }} '
    for i in range(8)
)


def pair(text, **options):
    document = parse_net(text)
    return Net(document, schema.TEST, seed=3), Net(document, schema.TEST, seed=3, share_memory=True, **options)


def check(nets, seed):
    plain, sharing = nets
    name = plain.inputs[0]
    values = np.random.default_rng(seed).normal(size=plain.blobs[name].shape)
    for net in nets:
        net.forward(**{name: values})
    assert np.array_equal(sharing.blobs[name].data, plain.blobs[name].data)
    for output in plain.outputs:
        np.testing.assert_array_equal(sharing.blobs[output].data, plain.blobs[output].data)


def buffers(net):
    return {id(blob.data_memory.flat) for _, blob in net.named_blobs()}


@pytest.mark.parametrize("text", [TEXT, DEEP])
def test_outputs_are_those_of_a_plain_net(text):
    nets = pair(text)
    for seed in range(5):
        check(nets, seed)


def test_a_deep_net_lives_in_two_buffers_besides_input_and_output():
    nets = pair(DEEP)
    for seed in range(4):
        check(nets, seed)
        assert len(buffers(nets[1])) == 4 and len(buffers(nets[0])) == 9


def test_new_shapes_are_shared_anew():
    nets = pair(DEEP)
    for shape in [(2, 3, 6, 5), (4, 3, 9, 8), (1, 3, 6, 5)]:
        for net in nets:
            net.blobs["c0"].reshape(*shape)
        for seed in range(4):
            check(nets, seed)
        assert len(buffers(nets[1])) == 4


def test_named_blobs_are_kept():
    nets = pair(DEEP, keep=["c3", "c5"])
    for seed in range(4):
        check(nets, seed)
        for name in ("c3", "c5"):
            np.testing.assert_array_equal(nets[1].blobs[name].data, nets[0].blobs[name].data)


def test_a_blob_with_a_late_reader_outlives_those_between():
    text = DEEP + 'layer { name: "sum" type: "Eltwise" bottom: "c8" bottom: "c2" top: "sum" }'
    nets = pair(text)
    for seed in range(4):
        check(nets, seed)


def test_values_that_are_gone_are_refused():
    net = pair(DEEP)[1]
    net.run()
    assert net.blobs["c1"].shape == (2, 3, 6, 5) and repr(net.blobs["c1"]) == "<Blob (2, 3, 6, 5) float32>"
    for side in ("data", "diff"):
        with pytest.raises(NetError) as caught:
            getattr(net.blobs["c1"], side)
        assert str(caught.value) == (
            'the values of blob "c1" are gone: the net was built with share_memory, and later blobs took their place. '
            'Build it with keep=["c1"] as well, or without share_memory.'
        )


def test_there_is_no_backward_pass():
    net = pair(DEEP)[1]
    net.run()
    with pytest.raises(NetError) as caught:
        net.run_backward()
    assert str(caught.value) == (
        "the net was built with share_memory, which keeps no values for a backward pass. Build it without share_memory."
    )


def test_parts_run_one_after_another_only():
    plain, net = pair(DEEP)
    check((plain, net), 1)
    expected = net.blobs["c8"].data.copy()
    net.blobs["c8"].data.fill(0)
    for index in range(len(net.steps)):
        net.forward_from_to(index, index)
    np.testing.assert_array_equal(net.blobs["c8"].data, expected)
    with pytest.raises(NetError) as caught:
        net.forward(start="r5")
    assert str(caught.value) == (
        'a pass cannot begin with layer "r5": the net was built with share_memory, and the values that the layer '
        "reads are gone. Begin with the first layer, or build it without share_memory."
    )


def test_unknown_names_to_keep_are_refused():
    with pytest.raises(NetError) as caught:
        pair(DEEP, keep=["c44"])
    assert str(caught.value) == 'the net has no blob "c44" to keep. Did you mean "c4"?'
