"""Losses, their weights and their predictions."""

from __future__ import annotations

import pytest

from netdef.deploy.flow import Flow
from netdef.deploy.heads import find_heads, loss_weight, main_heads, training_only
from netdef.graph import GraphNode
from prototxt import parse_net

START = """
layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" }
layer { name: "b" type: "InnerProduct" bottom: "data" top: "b" }
layer { name: "target" type: "Power" bottom: "data" top: "target" }
"""


def flow(end: str) -> Flow:
    return Flow([GraphNode(layer) for layer in parse_net(START + end).message.layer])


@pytest.mark.parametrize(
    ("end", "predictions"),
    [
        ('type: "SoftmaxWithLoss" bottom: "target" bottom: "label"', ((3, 0),)),
        ('type: "EuclideanLoss" bottom: "target" bottom: "a"', ((1, 0),)),
        ('type: "EuclideanLoss" bottom: "target" bottom: "label"', ((3, 0),)),
        ('type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "label"', ((1, 0), (2, 0))),
        ('type: "TripletLoss" bottom: "a" bottom: "b" bottom: "target"', ((1, 0), (2, 0))),
        ('type: "Python" loss_weight: 1 bottom: "a" bottom: "label"', ((1, 0),)),
    ],
)
def test_what_a_loss_judges(end, predictions):
    (head,) = find_heads(flow(f'layer {{ name: "end" top: "end" {end} }}'))
    assert head.predictions == predictions


def test_a_weight_on_a_blob_that_is_read_makes_no_loss():
    assert find_heads(flow('layer { name: "p" type: "Power" bottom: "a" top: "p" loss_weight: 1 } '
                           'layer { name: "q" type: "Power" bottom: "p" top: "q" }')) == []  # fmt: skip


def test_weights():
    layers = parse_net('layer { type: "HingeLoss" } layer { type: "HingeLoss" loss_weight: 0 } layer { type: "ReLU" } '
                       'layer { type: "SoftmaxWithLoss" loss_weight: 0.5 loss_weight: 0 }')  # fmt: skip
    assert [loss_weight(layer) for layer in layers.message.layer] == [1.0, 0.0, 0.0, 0.5]


def test_a_single_loss_of_weight_zero_is_the_main_head():
    heads = find_heads(flow('layer { name: "l" type: "HingeLoss" bottom: "a" bottom: "label" loss_weight: 0 }'))
    assert main_heads(heads) == heads


def test_training_only():
    ends = flow("""
        layer { name: "l" type: "HingeLoss" bottom: "a" bottom: "label" top: "l" }
        layer { name: "p" type: "Power" bottom: "l" top: "p" }
        layer { name: "s" type: "Silence" bottom: "label" }
        layer { name: "m" type: "Accuracy" bottom: "a" bottom: "label" top: "m" }
        layer { name: "e" type: "Power" bottom: "a" top: "e" }""")
    assert training_only(ends) == {4, 5, 6, 7}
