"""Input layers made of data layers, and the complaint when a shape is not known."""

from __future__ import annotations

import pytest

from netdef.deploy.inputs import InputShapes, make_input
from netdef.errors import LayerError, UsageError
from netdef.graph import GraphNode
from prototxt import parse_net, to_text

TEXT = """layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 2 mirror: true }
        data_param { source: "gone" } }"""


def shapes(**options) -> InputShapes:
    return InputShapes(parse_net(TEXT, "net.prototxt"), options.get("batch"), options.get("shape"))


def node() -> GraphNode:
    return GraphNode(parse_net(TEXT).message.layer[0], "layer[0]")


def test_the_transform_comes_along_without_the_mirror():
    layer = make_input(node(), 0, shapes(batch=4, shape=(1, 5, 6)), [])
    assert (
        to_text(layer).split()
        == (
            'name: "data" type: "Input" top: "data" transform_param { scale: 2 } '
            "input_param { shape { dim: 4 dim: 1 dim: 5 dim: 6 } }"
        ).split()
    )


def test_a_label_as_input_has_no_transform():
    assert (
        to_text(make_input(node(), 1, shapes(), [])).split()
        == ('name: "label" type: "Input" top: "label" input_param { shape { dim: 1 } }').split()
    )


def test_an_unknown_shape():
    with pytest.raises(LayerError) as error:
        make_input(node(), 0, shapes(), [])
    assert error.value.sentence() == (
        'net.prototxt:1:1: layer "mnist" (Data): the shape of "data" is not known: source "gone" does not exist here, '
        "and transform_param has no crop_size. Give it without the batch: --shape C,H,W."
    )


def test_impossible_sizes():
    with pytest.raises(UsageError) as error:
        shapes(batch=0)
    assert str(error.value) == "batch is 0; it must be at least 1."
    with pytest.raises(UsageError) as error:
        shapes(shape=(3, 0, 2))
    assert str(error.value) == "shape is (3, 0, 2); every size must be at least 1."
