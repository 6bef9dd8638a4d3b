"""BatchNorm and Scale folded away: same answers, same names for what is read, and what must stay."""

from __future__ import annotations

import numpy as np
import pytest

from netdef import TEST, Net, parse_net, to_text
from netdef.deploy.merge_bn import compare, merge

HEAD = """name: "bn"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 7 } } }
"""
BN = """layer {{ name: "bn" type: "BatchNorm" bottom: "{below}" top: "{top}" {options} }}
layer {{ name: "scale" type: "Scale" bottom: "{top}" top: "{top}" scale_param {{ bias_term: true }} }}
layer {{ name: "relu" type: "ReLU" bottom: "{top}" top: "{top}" }}
"""
HOSTS = {
    "plain": '''layer { name: "host" type: "Convolution" bottom: "data" top: "host"
        convolution_param { num_output: 4 kernel_size: 3 bias_term: false weight_filler { type: "xavier" } } }\n''',
    "bias and groups": '''layer { name: "host" type: "Convolution" bottom: "data" top: "host"
        convolution_param { num_output: 6 group: 3 kernel_size: 2 weight_filler { type: "xavier" }
        bias_filler { type: "constant" value: 2 } } }\n''',
    "deconvolution": '''layer { name: "host" type: "Deconvolution" bottom: "data" top: "host"
        convolution_param { num_output: 5 kernel_size: 2 stride: 2 weight_filler { type: "xavier" } } }\n''',
    "inner product": '''layer { name: "host" type: "InnerProduct" bottom: "data" top: "host"
        inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }\n''',
}  # fmt: skip


def trained(text):
    """The net with parameters as training might leave them."""
    net = Net(parse_net(text), TEST, seed=3)
    rng = np.random.default_rng(4)
    for layer in net.layers:
        if layer.type == "BatchNorm":
            mean, variance, weight = (blob.data for blob in layer.blobs)
            mean[...] = rng.standard_normal(mean.shape) * 3
            variance[...] = rng.random(variance.shape) * 5 + 0.5
            weight[...] = 2.5
        if layer.type == "Scale":
            for blob in layer.blobs:
                blob.data[...] = rng.standard_normal(blob.shape)
    return net


def merged(net):
    result = merge(net)
    new = Net(parse_net(to_text(result.message)), TEST, seed=5)
    result.fill(net, new)
    return result, new


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("top", ["host", "normalized"])
def test_same_answers_from_fewer_layers(host, top):
    net = trained(HEAD + HOSTS[host] + BN.format(below="host", top=top, options=""))
    result, new = merged(net)
    assert [layer.type for layer in new.layers] == ["Input", net.layers[1].type, "ReLU"]
    assert new.outputs == net.outputs == [top]
    assert result.notes == ['Folded "bn" and "scale" into "host".']
    difference = compare(net, new, 0)
    assert difference.source == "random inputs" and difference.relative < 1e-5


def test_batch_norm_alone_and_scale_alone():
    bn, scale, _ = BN.format(below="host", top="host", options="").splitlines()
    for part, note in ((bn, 'Folded "bn" into "host".'), (scale, 'Folded "scale" into "host".')):
        net = trained(HEAD + HOSTS["plain"] + part)
        result, new = merged(net)
        assert (len(new.layers), result.notes) == (2, [note])
        assert compare(net, new, 0).relative < 1e-5


def test_the_old_net_stays_as_it_is():
    net = trained(HEAD + HOSTS["plain"] + BN.format(below="host", top="host", options=""))
    before = [blob.data.copy() for blobs in net.params.values() for blob in blobs]
    text = to_text(net.document.message)
    merged(net)
    assert to_text(net.document.message) == text
    for old, new in zip(before, (blob.data for blobs in net.params.values() for blob in blobs)):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "text, note",
    [
        (HOSTS["plain"] + BN.format(below="host", top="n", options="batch_norm_param { use_global_stats: false }"),
         '"bn" (BatchNorm) stays: it takes the statistics of each batch (use_global_stats: false).'),
        (HOSTS["plain"].replace('top: "host"', 'top: "host" param { name: "w" }')
         + BN.format(below="host", top="n", options=""),
         '"bn" (BatchNorm) stays: parameter "w" has a name, so that other layers may share it.'),
        (HOSTS["plain"] + BN.format(below="host", top="n", options="")
         + 'layer { name: "sum" type: "Eltwise" bottom: "host" bottom: "n" top: "sum" }',
         "There is nothing to fold: no BatchNorm or Scale follows a convolution."),
        (BN.format(below="data", top="n", options=""),
         "There is nothing to fold: no BatchNorm or Scale follows a convolution."),
        (HOSTS["plain"] + 'layer { name: "scale" type: "Scale" bottom: "host" top: "n" scale_param { num_axes: 2 } }',
         '"scale" (Scale) stays: it does not scale channels.'),
    ],
)  # fmt: skip
def test_what_stays(text, note):
    net = trained(HEAD + text)
    result, new = merged(net)
    assert result.notes[0] == note
    assert [layer.name for layer in new.layers] == [layer.name for layer in net.layers]
    assert compare(net, new, 0).absolute == 0
