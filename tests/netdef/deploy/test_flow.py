"""Versions of blobs, and what lies above and below them."""

from __future__ import annotations

from netdef.deploy.flow import Flow
from netdef.graph import GraphNode
from prototxt import parse_net

TEXT = """
layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "scale" type: "Parameter" top: "scale" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
layer { name: "lost" type: "Power" bottom: "nowhere" top: "lost" }
"""


def flow() -> Flow:
    return Flow([GraphNode(layer) for layer in parse_net(TEXT).message.layer])


def test_each_layer_in_place_makes_a_new_version():
    made = flow()
    assert made.bottoms == [[], [(0, 0)], [(1, 0)], [], [(2, 0), (0, 1)], [None]]
    assert made.readers == {(0, 0): [1], (1, 0): [2], (2, 0): [4], (0, 1): [4]}
    assert made.last["ip"] == (2, 0)
    assert made.name((0, 1)) == "label"


def test_sources_do_not_include_learned_tops():
    assert flow().sources() == [0]


def test_missing():
    assert flow().missing() == [(5, 0)]
    assert flow().missing([1, 2]) == []


def test_upstream_and_downstream():
    assert flow().upstream([(2, 0), None]) == {(2, 0), (1, 0), (0, 0)}
    assert flow().downstream([1]) == {1, 2, 4}
