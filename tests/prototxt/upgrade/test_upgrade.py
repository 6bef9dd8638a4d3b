"""Upgrades as a whole: real old nets, what is left alone, what is refused."""

import pytest

from prototxt import PrototxtError, load_net, parse, parse_net, parse_solver, schema, to_text, upgrade_net
from prototxt.upgrade import upgrade_solver


def test_old_nets_become_what_caffes_own_tool_makes_of_them(zoo_dir):
    files = sorted((zoo_dir / "old").glob("*.prototxt"))
    assert len(files) == 8
    for file in files:
        expected = parse(file.with_suffix(".upgraded").read_text(encoding="utf-8"), schema.NetParameter).message
        document = load_net(file)
        assert document.message == expected, file
        assert document.warnings == []
        fields = [f"layer[{i}].{f.name}" for i, layer in enumerate(expected.layer) for f, _ in layer.ListFields()]
        assert all(document.location(path).line for path in fields), file


def test_present_nets_stay_as_they_are(zoo_dir):
    for file in sorted(zoo_dir.glob("bvlc/models/*/train_val.prototxt")):
        text = file.read_text(encoding="utf-8")
        assert parse_net(text).message == parse(text, schema.NetParameter).message


def test_binary_messages_are_upgraded_too():
    net = schema.NetParameter(name="n")
    old = net.layers.add(name="ip", type=schema.V1LayerParameter.INNER_PRODUCT, blobs_lr=[1, 2])
    old.blobs.add(num=1, channels=1, height=2, width=3, data=range(6))
    upgraded, path_map = upgrade_net(schema.NetParameter.FromString(net.SerializeToString()))
    assert not upgraded.layers
    assert (upgraded.layer[0].type, list(upgraded.layer[0].blobs[0].data)) == ("InnerProduct", [0, 1, 2, 3, 4, 5])
    assert path_map.source("layer[0].param[1].lr_mult") == "layers[0].blobs_lr[1]"
    assert path_map.source("layer[0].blobs[0].data[3]") == "layers[0].blobs[0].data[3]"


def test_upgrading_twice_changes_nothing():
    message = parse_net('input: "a" input_dim: [1, 2, 3, 4] layers { type: RELU bottom: "a" top: "a" }').message
    before = to_text(message)
    assert to_text(upgrade_net(message)[0]) == before


REFUSED = [
    (
        'layer { name: "a" }\nlayers { name: "b" }',
        '2:1: the net has both "layer" and "layers"; expected one of the two. '
        'Write every layer as layer { type: "Convolution" ... }.',
    ),
    (
        'input: "a"\ninput_dim: [1, 2, 3]',
        "2:13: the net has 3 input_dim for 1 input; expected 4: num, channels, height and width of each. "
        "Give four numbers, or an input_shape.",
    ),
    (
        'input: "a"\ninput: "b"\ninput_shape { dim: 1 }',
        "3:1: the net has 1 input_shape for 2 input; expected one for each. Give each input its shape.",
    ),
    (
        'layers { layer { name: "x" type: "relu" } }\nlayers { name: "y" type: RELU }',
        '2:1: layer "y": this layer has no "layer" inside, while others have; expected all layers in one syntax. '
        "Write all of them in the present one: layer { ... }.",
    ),
    (
        'layers { layer { name: "x"\n type: "convolution" } }',
        '2:2: layer "x" (convolution): the type is "convolution"; expected one of accuracy, bnll, concat, conv, data, '
        "dropout, euclidean_loss, flatten, hdf5_data, hdf5_output, im2col, images, infogain_loss, innerproduct, lrn, "
        "multinomial_logistic_loss, padding, pool, relu, sigmoid, softmax, softmax_loss, split, tanh, window_data. "
        "Write one of them.",
    ),
    (
        'input: "data" input_dim: [1, 1, 4, 4]\nlayers { layer { name: "x" type: "relu" }\n bottom: "dato" }',
        '3:2: layer "x" (relu): bottom "dato" is not a top of any earlier layer. Did you mean "data"?',
    ),
    (
        'input: "d" input_dim: [1, 1, 4, 4]\nlayers { layer { name: "p" type: "padding" } bottom: "d" top: "p" }\n'
        'layers { layer { name: "r" type: "relu" } bottom: "p" top: "r" }',
        '3:1: layer "r" (relu): "p" (padding) is a bottom of this layer; expected it in front of a conv or pool layer '
        "with one bottom. Give the layer itself a pad.",
    ),
    (
        'layers { layer { name: "i" type: "images"\n new_height: -3 } }',
        '2:2: layer "i" (images): new_height is -3; expected 0 or more. Write 0 to keep each image\'s own size.',
    ),
    (
        'input: "d" input_dim: [1, 1, 4, 4]\n'
        'layers { layer { name: "p" type: "padding" } bottom: "d" top: "p" top: "q" }\n'
        'layers { layer { name: "c" type: "conv" } bottom: "p" top: "c" }',
        '2:1: layer "p" (padding): this layer has 1 bottom and 2 top; expected one of each. '
        "Give each padded layer a padding layer of its own.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_what_cannot_be_upgraded(text, sentence):
    with pytest.raises(PrototxtError) as caught:
        parse_net(text, "old.prototxt")
    assert caught.value.sentence() == f"old.prototxt:{sentence}"


def test_errors_in_a_net_within_a_solver_have_their_place():
    with pytest.raises(PrototxtError) as caught:
        parse_solver('net_param {\n  layer { name: "a" }\n  layers { name: "b" }\n}', "s.prototxt")
    assert caught.value.sentence() == (
        's.prototxt:3:3: the net has both "layer" and "layers"; expected one of the two. '
        'Write every layer as layer { type: "Convolution" ... }.'
    )


def test_what_is_left_out_is_a_warning():
    document = parse_net(
        'layers { layer { name: "x" type: "relu" stride: 2\n new_num: 1 }\n loss_weight: 1 top: "y" }', "old.prototxt"
    )
    assert to_text(document.message) == 'layer {\n  name: "x"\n  type: "ReLU"\n  top: "y"\n}\n'
    assert [warning.sentence() for warning in document.warnings] == [
        "old.prototxt:3:2: loss_weight has no meaning beside a V0 layer; it is ignored.",
        'old.prototxt:1:41: stride has no meaning for a layer of type "relu"; it is ignored.',
        'old.prototxt:2:2: new_num has no meaning for a layer of type "relu"; it is ignored.',
    ]


def test_shapes_beyond_the_inputs_are_a_warning():
    document = parse_net('input: "a"\ninput_dim: [2, 3, 4, 5,\n 6]', "old.prototxt")
    assert list(document.message.layer[0].input_param.shape[0].dim) == [2, 3, 4, 5]
    assert [warning.sentence() for warning in document.warnings] == [
        "old.prototxt:3:2: the net has 5 input_dim for 1 input, four for each; those beyond them are ignored."
    ]
    document = parse_net('input: "a"\ninput_shape { dim: 2 }\ninput_shape { dim: 3 }', "old.prototxt")
    assert [list(shape.dim) for shape in document.message.layer[0].input_param.shape] == [[2]]
    assert [warning.sentence() for warning in document.warnings] == [
        "old.prototxt:3:1: the net has 2 input_shape for 1 input; those beyond them are ignored."
    ]


def test_newer_fields_of_a_v0_net_are_left_out_as_by_caffe():
    text = 'name: "n" force_backward: true debug_info: true\nstate { level: 1 }\ninput: "a" input_shape { dim: 2 } '
    document = parse_net(text + 'layers { layer { name: "r" type: "relu" } bottom: "a" top: "a" }', "old.prototxt")
    assert document.message == parse(
        'name: "n" force_backward: true layer { name: "r" type: "ReLU" bottom: "a" top: "a" }', schema.NetParameter
    ).message
    assert [warning.sentence() for warning in document.warnings] == [
        "old.prototxt:3:12: input_shape has no meaning in a net of V0 layers; it is ignored.",
        "old.prototxt:2:1: state has no meaning in a net of V0 layers; it is ignored.",
        "old.prototxt:1:32: debug_info has no meaning in a net of V0 layers; it is ignored.",
    ]


def test_warnings_in_a_net_within_a_solver_have_their_place():
    document = parse_solver('net_param {\n layers { layer { type: "relu" stride: 2 } } }', "s.prototxt")
    assert [warning.sentence() for warning in document.warnings] == [
        's.prototxt:2:32: stride has no meaning for a layer of type "relu"; it is ignored.'
    ]


def test_numeric_solver_types():
    names = ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"]
    messages = [parse_solver(f"solver_type: {number}").message for number in range(6)]
    assert messages == [schema.SolverParameter(type=name) for name in names]


def test_solver_with_both_types():
    with pytest.raises(PrototxtError) as caught:
        parse_solver('type: "Adam"\nsolver_type: SGD', "s.prototxt")
    assert caught.value.sentence() == (
        's.prototxt:2:1: solver_type is SGD and type is "Adam"; expected one of the two. Remove solver_type.'
    )


def test_solver_messages_are_upgraded_in_place():
    message = schema.SolverParameter(solver_type=schema.SolverParameter.RMSPROP)
    upgraded, path_map = upgrade_solver(message)
    assert upgraded is message and message.type == "RMSProp"
    assert path_map.source("type") == "solver_type"
