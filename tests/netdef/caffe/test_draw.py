"""caffe.draw: pictures in every format, labels, and graphs for Graphviz where pydot is installed."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from netdef.caffe import draw
from netdef.caffe.proto import caffe_pb2
from netdef.errors import UsageError
from prototxt import parse_net

NET = """\
name: "drawn"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 7 } include { phase: TRAIN } }
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 9 } include { phase: TEST } }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 3 }
  convolution_param { num_output: 20 kernel_size: 5 pad: 1 }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "pool" bottom: "label" top: "loss" include { phase: TRAIN } }
"""


@pytest.fixture
def net():
    return parse_net(NET).message


@pytest.mark.parametrize("ext, kind", [("png", "PNG"), ("jpg", "JPEG"), ("gif", "GIF")])
def test_pictures(net, ext, kind):
    with Image.open(io.BytesIO(draw.draw_net(net, "LR", ext))) as image:
        assert image.format == kind and image.width > 300


def test_svg_of_one_phase(net):
    text = draw.draw_net(net, "TB", "svg", phase=caffe_pb2.TEST).decode()
    assert ">conv<" in text and ">loss<" not in text
    assert ">loss<" in draw.draw_net(net, "TB", "svg", phase=caffe_pb2.TRAIN).decode()
    assert ">loss<" in draw.draw_net(net, "TB", "svg").decode()


def test_learning_rates(net):
    assert "lr mult: 3.0, 1.0" in draw.draw_net(net, "BT", "svg", display_lrm=True).decode()
    assert "lr mult" not in draw.draw_net(net, "BT", "svg").decode()


def test_a_file(net, tmp_path):
    draw.draw_net_to_file(net, str(tmp_path / "net.svg"))
    assert (tmp_path / "net.svg").read_text().startswith("<?xml")


def test_old_nets_are_drawn_too():
    old = caffe_pb2.NetParameter(name="old")
    old.layers.add(name="ip", type=caffe_pb2.V1LayerParameter.INNER_PRODUCT, bottom=["data"], top=["ip"])
    assert ">ip<" in draw.draw_net(old, "LR", "svg").decode()
    assert not old.layer


def test_what_cannot_be_drawn(net):
    with pytest.raises(UsageError) as caught:
        draw.draw_net(net, "UP")
    assert str(caught.value) == 'rankdir is "UP"; expected LR, RL, TB or BT.'
    with pytest.raises(UsageError, match='^"doc" is no picture format known here'):
        draw.draw_net(net, "LR", "doc")


def test_labels(net):
    data, _, conv, relu, pool, _ = net.layer
    assert [draw.get_edge_label(layer) for layer in (data, conv, relu)] == ["Batch 7", "20", '""']
    assert draw.get_layer_label(conv, "TB", True) == (
        '"conv (Convolution) kernel size: 5 stride: 1 pad: 1 lr mult: 3.0, 1.0"'
    )
    assert draw.get_layer_label(pool, "LR") == r'"pool\n(Pooling AVE)\nkernel size: 2\nstride: 2\npad: 0"'
    assert draw.get_pooling_types_dict() == {0: "MAX", 1: "AVE", 2: "STOCHASTIC"}
    assert draw.choose_color_by_layertype("Convolution").startswith("#")
    with pytest.raises(ValueError, match="ReLU layers do not have a learning rate multiplier"):
        draw.get_layer_lr_mult(relu)


def test_graphviz(net):
    pytest.importorskip("pydot")
    graph = draw.get_pydot_graph(net, "LR", phase=caffe_pb2.TRAIN)
    assert "conv_Convolution" in graph.to_string()
