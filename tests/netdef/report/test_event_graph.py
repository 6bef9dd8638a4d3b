"""A net as TensorBoard's graph."""

from __future__ import annotations

from netdef.graph import resolve
from netdef.report.event_graph import graph_def
from prototxt import parse_net, schema
from tests.support.event_files import CLASSES

NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "ip a" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "ip" type: "InnerProduct" bottom: "ip" top: "one" inner_product_param { num_output: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "ip" top: "two" inner_product_param { num_output: 4 } }
layer { name: "sum" type: "Eltwise" bottom: "one" bottom: "two" top: "sum" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }
"""


def test_layers_and_what_they_read():
    nodes = resolve(parse_net(NET), schema.TRAIN).nodes
    assert any(not node.path for node in nodes)  # there is a split, and it is not shown
    graph = CLASSES["GraphDef"].FromString(graph_def(nodes, {"data": (2, 3), "ip": (2, 5)}))
    assert [(node.name, node.op, list(node.input)) for node in graph.node] == [
        ("data", "DummyData", []),
        ("ip_a", "InnerProduct", ["data"]),
        ("relu", "ReLU", ["ip_a"]),
        ("ip", "InnerProduct", ["relu"]),
        ("ip_2", "InnerProduct", ["relu"]),
        ("sum", "Eltwise", ["ip", "ip_2"]),
        ("loss", "SoftmaxWithLoss", ["sum", "data:1"]),
    ]
    attributes = {attribute.key: attribute.value for attribute in graph.node[1].attr}
    assert [[dim.size for dim in shape.dim] for shape in attributes["_output_shapes"].list.shape] == [[2, 5]]
    assert attributes["layer"].s == b"inner_product_param {\n  num_output: 5\n}"
    assert [attribute.key for attribute in graph.node[2].attr] == ["_output_shapes"]
