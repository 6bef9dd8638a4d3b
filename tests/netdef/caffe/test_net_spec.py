"""caffe.net_spec: nets written as Python come out as the prototxt that was meant."""

from __future__ import annotations

import pytest

import netdef.caffe as caffe
from netdef.caffe import layers as L
from netdef.caffe import params as P
from prototxt import parse_net


def lenet(n):
    n.data, n.label = L.DummyData(
        shape=[dict(dim=[8, 1, 12, 12]), dict(dim=[8])], ntop=2, transform_param=dict(scale=0.5)
    )
    n.conv = L.Convolution(
        n.data, kernel_size=5, num_output=3, weight_filler=dict(type="xavier"), param=[dict(lr_mult=1), dict(lr_mult=2)]
    )
    n.pool = L.Pooling(n.conv, kernel_size=2, stride=2, pool=P.Pooling.AVE)
    n.ip = L.InnerProduct(n.pool, num_output=4, weight_filler=dict(type="xavier"), name="named")
    n.relu = L.ReLU(n.ip, in_place=True)
    n.loss = L.SoftmaxWithLoss(n.relu, n.label, include=dict(phase=caffe.TEST))
    return n.to_proto()


EXPECTED = """\
layer { name: "data" type: "DummyData" top: "data" top: "label" transform_param { scale: 0.5 }
  dummy_data_param { shape { dim: 8 dim: 1 dim: 12 dim: 12 } shape { dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 3 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "named" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" include { phase: TEST } }
"""


def test_a_net_with_names(tmp_path):
    message = lenet(caffe.NetSpec())
    expected = parse_net(EXPECTED).message
    for found, wanted in zip(message.layer, expected.layer, strict=True):
        assert found == wanted
    (tmp_path / "net.prototxt").write_text(str(message))
    net = caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST)
    assert net.forward()["loss"].shape == ()


def test_made_up_names():
    data = L.Input(shape=dict(dim=[1, 2]))
    first = L.InnerProduct(data, num_output=3)
    both = L.Concat(L.InnerProduct(first, num_output=4), first)
    layers = both.to_proto().layer
    assert [(layer.name, list(layer.bottom), list(layer.top)) for layer in layers] == [
        ("Input1", [], ["Input1"]),
        ("InnerProduct1", ["Input1"], ["InnerProduct1"]),
        ("InnerProduct2", ["InnerProduct1"], ["InnerProduct2"]),
        ("Concat1", ["InnerProduct2", "InnerProduct1"], ["Concat1"]),
    ]
    assert caffe.to_proto(both, first) == both.to_proto()


def test_layers_without_tops():
    n = caffe.NetSpec()
    n["a"], n["b"] = L.DummyData(shape=dict(dim=3), ntop=2)
    n.silence = L.Silence(n.a, n["b"], ntop=0)
    layer = n.to_proto().layer[1]
    assert (layer.name, list(layer.bottom), list(layer.top)) == ("silence", ["a", "b"], [])


def test_bottoms_are_tops():
    tops = L.DummyData(ntop=2)
    with pytest.raises(TypeError) as caught:
        L.Silence(tops, ntop=0)
    assert str(caught.value) == "Silence input 0 is not a Top (type is <class 'tuple'>)"
    L.Silence(*tops, ntop=0)


def test_fields_that_do_not_exist():
    with pytest.raises(AttributeError) as caught:
        L.Convolution(L.Input(), kernal_size=3).to_proto()
    assert str(caught.value) == 'ConvolutionParameter has no field "kernal_size". Did you mean "kernel_size"?'


def test_tops_that_do_not_exist():
    n = caffe.NetSpec()
    n.data = L.Input()
    with pytest.raises(AttributeError) as caught:
        n.dato  # noqa: B018
    assert str(caught.value) == 'the net has no top "dato". Did you mean "data"?'
    with pytest.raises(KeyError):
        n["dato"]


def test_deconvolution_has_the_fields_of_convolution():
    layer = L.Deconvolution(L.Input(), num_output=2, kernel_size=4).to_proto().layer[1]
    assert layer.convolution_param.num_output == 2


def test_python_layers():
    layer = L.Python(L.Input(), module="m", layer="C", param_str="{'a': 1}").to_proto().layer[1]
    assert (layer.python_param.module, layer.python_param.param_str) == ("m", "{'a': 1}")


def test_enums():
    assert (P.Pooling.MAX, P.Pooling.AVE, P.Eltwise.SUM, P.Data.LMDB) == (0, 1, 1, 1)
