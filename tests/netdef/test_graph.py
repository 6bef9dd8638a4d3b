"""Graph rewrites, prototxt in and prototxt out."""

import pytest

from netdef.errors import LayerError, NetError
from netdef.graph import insert_splits, resolve
from prototxt import parse_net, schema, to_text

DATA = 'layer { name: "d" type: "Input" top: "data" top: "label" }'


def names(text, phase=schema.TRAIN, **state):
    return [node.name for node in resolve(parse_net(text), phase, **state).nodes]


def layers(text):
    return parse_net(text).message.layer


def ruled(rule):
    return f'layer {{ name: "a" type: "Silence" {rule} }} layer {{ name: "z" type: "Silence" }}'


@pytest.mark.parametrize(
    "rule, state, kept",
    [
        ("include { phase: TRAIN }", {}, True),
        ("include { phase: TEST }", {}, False),
        ("exclude { phase: TRAIN }", {}, False),
        ("exclude { phase: TEST }", {}, True),
        ("include { phase: TEST } include { phase: TRAIN }", {}, True),
        ("include { min_level: 2 }", {"level": 1}, False),
        ("include { min_level: 2 }", {"level": 2}, True),
        ("include { max_level: 2 }", {"level": 3}, False),
        ("include { min_level: 1 max_level: 3 }", {"level": 2}, True),
        ('include { stage: "a" }', {}, False),
        ('include { stage: "a" }', {"stages": ["b", "a"]}, True),
        ('include { stage: "a" stage: "b" }', {"stages": ["a"]}, False),
        ('include { not_stage: "a" }', {"stages": ["b"]}, True),
        ('include { not_stage: "a" }', {"stages": ["a"]}, False),
        ('exclude { stage: "a" phase: TEST }', {"stages": ["a"]}, True),
        ("exclude { phase: TEST } exclude { min_level: 1 }", {"level": 1}, False),
    ],
)
def test_rules(rule, state, kept):
    assert names(ruled(rule), **state) == (["a", "z"] if kept else ["z"])


def test_a_layer_left_out_is_explained_in_caffes_words():
    graph = resolve(parse_net(ruled("include { phase: TEST }")), schema.TRAIN)
    assert graph.skipped == ["The NetState phase (0) differed from the phase (1) specified by a rule in layer a"]


def test_the_states_stages_add_to_the_definitions():
    text = 'state { stage: "deploy" }' + ruled('include { stage: "deploy" stage: "more" }')
    assert names(text, stages=["more"]) == ["a", "z"]


def test_include_and_exclude_together():
    with pytest.raises(LayerError) as error:
        names('layer { name: "a" type: "Silence"\n  include { phase: TEST }\n  exclude { min_level: 1 }\n}')
    assert str(error.value) == (
        '<text>:3:3: layer "a" (Silence): has both include and exclude rules; a layer may have one kind only. '
        "Take one kind away.\n    exclude { min_level: 1 }\n    ^"
    )


def split_text(text):
    graph = resolve(parse_net(text), schema.TRAIN)
    again = insert_splits(graph.nodes)
    assert [n.param for n in again] == [n.param for n in graph.nodes], "splits are put in once"
    return graph.message().layer


def test_a_top_read_twice_is_split():
    found = split_text(
        DATA
        + 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }'
        + 'layer { name: "x" type: "EuclideanLoss" bottom: "ip" bottom: "label" }'
        + 'layer { name: "y" type: "EuclideanLoss" bottom: "ip" bottom: "data" }'
    )
    expected = layers(
        DATA
        + 'layer { name: "data_d_0_split" type: "Split" bottom: "data" '
        + 'top: "data_d_0_split_0" top: "data_d_0_split_1" }'
        + 'layer { name: "ip" type: "InnerProduct" bottom: "data_d_0_split_0" top: "ip" }'
        + 'layer { name: "ip_ip_0_split" type: "Split" bottom: "ip" top: "ip_ip_0_split_0" top: "ip_ip_0_split_1" }'
        + 'layer { name: "x" type: "EuclideanLoss" bottom: "ip_ip_0_split_0" bottom: "label" }'
        + 'layer { name: "y" type: "EuclideanLoss" bottom: "ip_ip_0_split_1" bottom: "data_d_0_split_1" }'
    )
    assert [to_text(p) for p in found] == [to_text(p) for p in expected]


def test_the_split_of_an_in_place_top_is_named_after_its_last_maker():
    found = split_text(
        DATA
        + 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }'
        + 'layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }'
        + 'layer { name: "x" type: "EuclideanLoss" bottom: "ip" bottom: "label" }'
        + 'layer { name: "y" type: "Silence" bottom: "ip" }'
    )
    assert [p.name for p in found] == ["d", "ip", "relu", "ip_relu_0_split", "x", "y"]


def test_a_loss_weight_counts_as_a_reader_and_moves_to_the_split():
    found = split_text(
        DATA
        + 'layer { name: "l" type: "EuclideanLoss" bottom: "data" bottom: "label" top: "l" loss_weight: 3 }'
        + 'layer { name: "s" type: "Silence" bottom: "l" }'
    )
    split = found[2]
    assert split.name == "l_l_0_split" and list(split.loss_weight) == [3, 0]
    assert not found[1].loss_weight and list(found[3].bottom) == ["l_l_0_split_1"]


def test_unknown_bottom():
    text = DATA + '\nlayer { name: "ip" type: "InnerProduct"\n  bottom: "dada" top: "ip" }'
    with pytest.raises(NetError) as error:
        names(text)
    assert str(error.value) == (
        '<text>:3:3: layer "ip" (InnerProduct): bottom "dada" is not a top of any earlier layer. '
        'Did you mean "data"? Tops so far: data, label.\n    bottom: "dada" top: "ip" }\n    ^'
    )


def test_bottom_made_further_down():
    text = 'layer { name: "a" type: "ReLU" bottom: "x" top: "y" }\nlayer { name: "b" type: "Input" top: "x" }'
    with pytest.raises(NetError) as error:
        names(text)
    assert error.value.message == (
        'bottom "x" is not a top of any earlier layer. Layer "b" makes it further down: move that layer up. '
        "Tops so far: none."
    )


def test_top_made_twice():
    text = DATA + '\nlayer { name: "e" type: "Input" top: "data" }'
    with pytest.raises(NetError) as error:
        names(text)
    assert error.value.sentence() == (
        '<text>:2:33: layer "e" (Input): top "data" is made by layer "d" already; a blob has one maker, and only a '
        "layer whose bottom 0 has the same name may work in place. Give the top another name."
    )


@pytest.mark.parametrize(
    "layers, found",
    [
        (
            'layer { name: "a" type: "Silence" bottom: "data" }\n'
            'layer { name: "b" type: "ReLU" bottom: "data" top: "data" }',
            'read by "a" as well',
        ),
        ('\nlayer { name: "b" type: "Eltwise" bottom: "data" bottom: "data" top: "data" }', 'read by "b" as well'),
        (
            'layer { name: "l" type: "Power" bottom: "label" top: "data2" loss_weight: 2 }\n'
            'layer { name: "b" type: "ReLU" bottom: "data2" top: "data2" }',
            "a loss as well, by its loss_weight",
        ),
    ],
)
def test_a_blob_with_two_readers_may_not_be_overwritten(layers, found):
    with pytest.raises(NetError) as error:
        names(DATA + layers)
    blob = "data2" if "data2" in layers else "data"
    assert error.value.layer_name == "b" and error.value.field == "top[0]" and error.value.line == 2
    assert error.value.message == (
        f'works in place on "{blob}", which is {found}; only a blob with one reader may be overwritten. '
        "Give the top another name."
    )
