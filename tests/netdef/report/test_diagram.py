"""Boxes and wires of a definition."""

from __future__ import annotations

from netdef.graph import GraphNode
from netdef.report.diagram import Wire, make_diagram
from prototxt import parse_net


def diagram(text: str, **known):
    return make_diagram([GraphNode(layer) for layer in parse_net(text).message.layer], **known)


def test_layers_in_place_are_inside():
    made = diagram("""
        layer { name: "data" type: "Input" top: "data" }
        layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }
        layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
        layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
        layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }""")
    assert [box.main.name for box in made.boxes] == ["data", "ip", "prob"]
    assert [part.name for part in made.boxes[1].inside] == ["relu", "drop"]
    assert made.wires == [Wire(0, 0, 1), Wire(1, 0, 2)]


def test_shared_names_and_counts():
    tower = 'layer {{ name: "{0}" type: "InnerProduct" bottom: "data" top: "{0}" {1} }}'
    made = diagram(
        'layer { name: "data" type: "Input" top: "data" }'
        + tower.format("a", 'param { name: "w" }')
        + tower.format("b", 'param { name: "w" }')
        + tower.format("c", 'param { name: "own" }'),
        parameters={"a": 12, "c": 3456},
    )
    assert [box.main.fields[-1] for box in made.boxes[1:]] == ["shares w", "shares w", "3,456 parameters"]


def test_a_label_far_down_is_a_reference():
    chain = "".join(
        f'layer {{ name: "l{i}" type: "Power" bottom: "{f"l{i - 1}" if i else "data"}" top: "l{i}" }}' for i in range(7)
    )
    made = diagram(
        'layer { name: "data" type: "Data" top: "data" top: "label" }' + chain
        + 'layer { name: "loss" type: "HingeLoss" bottom: "l6" bottom: "label" top: "loss" }'
    )  # fmt: skip
    assert [box.reference for box in made.boxes] == [""] * 8 + ["label", ""]
    assert made.wires[-2:] == [Wire(7, 0, 9), Wire(8, 0, 9)]
