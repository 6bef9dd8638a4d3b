"""Training definition in, deploy definition out, and out again unchanged."""

from __future__ import annotations

import pytest

from netdef.deploy import derive, derive_deploy
from netdef.errors import LayerError, UsageError
from prototxt import parse_net, to_text

DATA = """
layer { name: "source" type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 7 channels: 3 height: 6 width: 5 }
        transform_param { scale: 0.5 mirror: true } }
"""
IP = 'layer {{ name: "{0}" type: "InnerProduct" bottom: "{1}" top: "{0}" inner_product_param {{ num_output: 4 }} }}'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
INPUT = """
layer { name: "data" type: "Input" top: "data" transform_param { scale: 0.5 }
        input_param { shape { dim: 1 dim: 3 dim: 6 dim: 5 } } }
"""
PROB = 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }'


def deploy(*layers: str, **options) -> str:
    return to_text(derive_deploy(parse_net("\n".join(layers)), **options))


def text(*layers: str) -> str:
    return to_text(parse_net("\n".join(layers)).message)


def wiring(*layers: str, **options) -> list[str]:
    message = derive_deploy(parse_net("\n".join(layers)), **options)
    return [f"{layer.type} {layer.name}: {' '.join(layer.bottom)} -> {' '.join(layer.top)}" for layer in message.layer]


def test_a_classifier():
    training = (
        'name: "net" force_backward: true',
        DATA,
        """layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { lr_mult: 1 } param { lr_mult: 2 }
                   inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }""",
        'layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" include { phase: TEST } }',
        LOSS,
    )
    wanted = text('name: "net"', INPUT, IP.format("ip", "data"), PROB)
    derived = deploy(*training)
    assert derived == wanted
    assert deploy(derived) == wanted


def test_a_deploy_net_stays_as_it_is_and_says_so():
    definition = text(INPUT, IP.format("ip", "data"), 'layer { name: "d" type: "Dropout" bottom: "ip" top: "d" }')
    derivation = derive(parse_net(definition))
    assert to_text(derivation.message) == definition
    assert derivation.notes == ["This is a deploy net already: nothing was changed."]


def test_a_deploy_net_takes_another_batch_and_shape():
    derivation = derive(parse_net(text(INPUT, IP.format("ip", "data"))), batch=8, shape=(3, 2, 9))
    assert list(derivation.message.layer[0].input_param.shape[0].dim) == [8, 3, 2, 9]
    assert derivation.notes == ["This is a deploy net already: only its input shapes were changed."]


def test_old_input_fields_are_a_deploy_net_too():
    derived = deploy('input: "data" input_dim: 1 input_dim: 3 input_dim: 6 input_dim: 5', IP.format("ip", "data"))
    assert "Input" in derived
    assert deploy(derived) == derived


def test_data_of_the_test_view_win_and_train_only_data_serve_too():
    train = DATA.replace("layer {", "layer { include { phase: TRAIN }", 1)
    test = train.replace("TRAIN", "TEST").replace("width: 5", "width: 8")
    assert "dim: 8" in deploy(train, test, IP.format("ip", "data"), LOSS)
    assert deploy(train, IP.format("ip", "data"), LOSS) == text(INPUT, IP.format("ip", "data"), PROB)


def test_a_net_that_is_only_for_training():
    train = "include { phase: TRAIN }"
    layers = [layer.replace("layer {", "layer { " + train, 1) for layer in (DATA, IP.format("ip", "data"), LOSS)]
    assert deploy(*layers) == text(INPUT, IP.format("ip", "data"), PROB)


def test_a_loss_in_the_train_view_only_still_gives_its_softmax():
    loss = LOSS.replace("layer {", "layer { include { phase: TRAIN }")
    accuracy = 'layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" include { phase: TEST } }'
    assert wiring(DATA, IP.format("ip", "data"), loss, accuracy)[-1] == "Softmax prob: ip -> prob"


def test_stages_choose_the_view():
    here = DATA.replace("layer {", 'layer { include { stage: "here" }', 1)
    there = here.replace("here", "there").replace("width: 5", "width: 8")
    assert "dim: 8" in deploy(here, there, IP.format("ip", "data"), LOSS, stages=["there"])


TWO_HEADS = (
    DATA,
    IP.format("ip", "data"),
    IP.format("aside", "data"),
    'layer { name: "relu" type: "ReLU" bottom: "aside" top: "aside" }',
    IP.format("early", "aside"),
    'layer { name: "loss1" type: "SoftmaxWithLoss" bottom: "early" bottom: "label" top: "loss1/loss" '
    "loss_weight: 0.25 }",
    'layer { name: "top1" type: "Accuracy" bottom: "early" bottom: "label" top: "top1" include { phase: TEST } }',
    LOSS.replace("type", "loss_weight: 2 type"),
)


def test_the_head_of_the_greatest_weight_stays():
    assert deploy(*TWO_HEADS) == text(INPUT, IP.format("ip", "data"), PROB)
    assert derive(parse_net("\n".join(TWO_HEADS))).notes == [
        'The heads of smaller loss_weight were left out as helpers of the training: "loss1" (0.25); '
        'kept: "loss" (2). --keep-all-heads keeps them all.'
    ]


def test_all_heads_on_demand():
    assert wiring(*TWO_HEADS, keep_all_heads=True) == [
        "Input data:  -> data",
        "InnerProduct ip: data -> ip",
        "InnerProduct aside: data -> aside",
        "ReLU relu: aside -> aside",
        "InnerProduct early: aside -> early",
        "Softmax loss1/loss: early -> loss1/loss",
        "Softmax prob: ip -> prob",
    ]


def test_heads_of_one_weight_are_tasks_of_one_net_and_keep_their_names():
    layers = [layer.replace("loss_weight: 0.25", "loss_weight: 2") for layer in TWO_HEADS]
    assert wiring(*layers)[-2:] == ["Softmax loss1/loss: early -> loss1/loss", "Softmax loss: ip -> loss"]


def test_prob_is_taken():
    other = 'layer { name: "prob" type: "Power" bottom: "data" top: "prob" }'
    assert wiring(DATA, other, IP.format("ip", "prob"), LOSS)[-1] == "Softmax loss: ip -> loss"


def test_a_softmax_that_is_there_is_not_doubled():
    softmax = 'layer { name: "p" type: "Softmax" bottom: "ip" top: "p" include { phase: TEST } }'
    assert wiring(DATA, IP.format("ip", "data"), softmax, LOSS)[-1] == "Softmax p: ip -> p"


def test_the_second_top_of_a_loss_names_its_softmax():
    loss = LOSS.replace('top: "loss"', 'top: "loss" top: "odds" softmax_param { axis: 2 }')
    reader = 'layer { name: "best" type: "ArgMax" bottom: "odds" top: "best" }'
    assert wiring(DATA, IP.format("ip", "data"), loss, reader)[-2:] == [
        "Softmax odds: ip -> odds",
        "ArgMax best: odds -> best",
    ]
    assert "axis: 2" in deploy(DATA, IP.format("ip", "data"), loss)


@pytest.mark.parametrize(
    ("loss", "end"),
    [
        ("SigmoidCrossEntropyLoss", "Sigmoid prob: ip -> prob"),
        ("InfogainLoss", "Softmax prob: ip -> prob"),
        ("EuclideanLoss", "InnerProduct ip: data -> ip"),
        ("HingeLoss", "InnerProduct ip: data -> ip"),
        ("MultinomialLogisticLoss", "InnerProduct ip: data -> ip"),
    ],
)
def test_what_each_loss_leaves_behind(loss, end):
    assert wiring(DATA, IP.format("ip", "data"), LOSS.replace("SoftmaxWithLoss", loss))[-1] == end


def test_a_loss_hands_its_axis_on():
    loss = LOSS.replace("top:", "softmax_param { axis: 2 } top:")
    assert "axis: 2" in deploy(DATA, IP.format("ip", "data"), loss)


def test_an_autoencoder_keeps_its_reconstruction_and_not_its_target():
    layers = (
        DATA.replace('top: "label"', ""),
        'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }',
        IP.format("ip", "data"),
        'layer { name: "cross" type: "SigmoidCrossEntropyLoss" bottom: "ip" bottom: "flat" top: "cross" '
        "loss_weight: 1 }",
        'layer { name: "back" type: "Sigmoid" bottom: "ip" top: "back" }',
        'layer { name: "l2" type: "EuclideanLoss" bottom: "back" bottom: "flat" top: "l2" loss_weight: 0 }',
    )
    assert wiring(*layers) == ["Input data:  -> data", "InnerProduct ip: data -> ip", "Sigmoid back: ip -> back"]


def test_two_towers_share_their_weights():
    tower = """layer {{ name: "{0}" type: "InnerProduct" bottom: "{1}" top: "{0}" param {{ name: "w" lr_mult: 1 }}
               param {{ lr_mult: 2 }} inner_product_param {{ num_output: 4 }} }}"""
    layers = (
        DATA.replace("label", "same"),
        'layer { name: "cut" type: "Slice" bottom: "data" top: "a" top: "b" '
        "slice_param { slice_dim: 1 slice_point: 1 } }",
        tower.format("left", "a"),
        tower.format("right", "b"),
        'layer { name: "loss" type: "ContrastiveLoss" bottom: "left" bottom: "right" bottom: "same" }',
    )
    assert wiring(*layers)[1:] == [
        "Slice cut: data -> a b",
        "InnerProduct left: a -> left",
        "InnerProduct right: b -> right",
    ]
    assert 'param {\n    name: "w"\n  }\n  inner' in deploy(*layers)


def test_a_net_without_a_loss_keeps_its_features_and_drops_its_labels():
    layers = (DATA, IP.format("ip", "data"), 'layer { name: "silence" type: "Silence" bottom: "label" }')
    assert deploy(*layers) == text(INPUT, IP.format("ip", "data"))


def test_what_is_computed_from_labels_alone_goes():
    layers = (DATA, IP.format("ip", "data"), LOSS, 'layer { name: "l" type: "Power" bottom: "label" top: "l" }')
    assert deploy(*layers) == text(INPUT, IP.format("ip", "data"), PROB)


def test_dropout_goes_or_stays():
    layers = (
        DATA,
        IP.format("mid", "data"),
        'layer { name: "drop1" type: "Dropout" bottom: "mid" top: "mid" }',
        'layer { name: "drop2" type: "Dropout" bottom: "mid" top: "other" }',
        IP.format("ip", "other"),
        LOSS,
    )
    assert wiring(*layers)[1:] == [
        "InnerProduct mid: data -> mid",
        "InnerProduct ip: mid -> ip",
        "Softmax prob: ip -> prob",
    ]
    assert wiring(*layers, keep_dropout=True)[2:4] == ["Dropout drop1: mid -> mid", "Dropout drop2: mid -> other"]


def test_a_constant_beside_real_data_stays():
    constant = """layer { name: "one" type: "DummyData" top: "one"
                  dummy_data_param { shape { dim: 7 dim: 2 } data_filler { value: 1 } } }"""
    layers = (DATA, constant, IP.format("mid", "data"),
              'layer { name: "ip" type: "Concat" bottom: "mid" bottom: "one" top: "ip" }', LOSS)  # fmt: skip
    assert "DummyData one:  -> one" in wiring(*layers)
    assert "value: 1" in deploy(*layers)


def test_a_layer_may_have_the_name_of_the_input():
    ip = IP.format("ip", "data").replace('name: "ip"', 'name: "data"')
    assert wiring(DATA, ip, LOSS)[0] == "Input data_input:  -> data"


def test_shapes_for_inputs_by_name():
    second = DATA.replace('name: "source"', 'name: "more"').replace('"data" top: "label"', '"extra"')
    layers = (DATA, second, 'layer { name: "both" type: "Concat" bottom: "data" bottom: "extra" top: "both" }',
              IP.format("ip", "both"), LOSS)  # fmt: skip
    message = derive_deploy(parse_net("\n".join(layers)), batch=2, shape={"extra": (1, 6, 5)})
    assert [list(layer.input_param.shape[0].dim) for layer in message.layer[:2]] == [[2, 3, 6, 5], [2, 1, 6, 5]]
    with pytest.raises(UsageError) as error:
        derive(parse_net("\n".join(layers)), shape=(3, 6, 5))
    assert str(error.value) == "one shape is given for 2 inputs: data, extra. Name the input: --shape data=3,6,5."
    with pytest.raises(UsageError) as error:
        derive(parse_net("\n".join(layers)), shape={"extr": (1, 6, 5)})
    assert str(error.value) == (
        'a shape is given for "extr", which is not an input. Did you mean "extra"? Inputs: data, extra.'
    )


def test_a_bottom_that_nothing_makes():
    with pytest.raises(LayerError) as error:
        derive(parse_net("\n".join([DATA, IP.format("ip", "dota"), LOSS]), "net.prototxt"))
    assert error.value.sentence() == (
        'net.prototxt:6:41: layer "ip" (InnerProduct): bottom "dota" is not a top of any earlier layer, in the TEST '
        "view and in the TRAIN view. Add the layer that makes it, or give the stage that it belongs to."
    )


def test_a_net_with_nothing_but_data():
    with pytest.raises(LayerError) as error:
        derive(parse_net(DATA, "net.prototxt"))
    assert error.value.message == (
        "nothing can be deployed: 1 layer, of which none computes a result from data. "
        "Give the definition of a whole net."
    )


RBF = """
layer { name: "rbf" type: "RBF" bottom: "data" top: "rbf" rbf_param { num_output: 4 } }
"""
RBF_LOSS = 'layer { name: "loss" type: "RBFLoss" bottom: "rbf" bottom: "label" top: "loss" }'
NEGATED = 'layer { name: "score" type: "Power" bottom: "rbf" top: "score" power_param { scale: -1 } }'
ACCURACY = 'layer { name: "accuracy" type: "Accuracy" bottom: "score" bottom: "label" top: "accuracy" }'


@pytest.mark.parametrize("middle", ["", NEGATED + ACCURACY])
def test_distances_are_negated_before_the_softmax(middle):
    layers = (DATA, RBF, middle, RBF_LOSS)
    assert wiring(*layers)[1:] == ["RBF rbf: data -> rbf", "Power score: rbf -> score", "Softmax prob: score -> prob"]
    assert deploy(*layers).count("scale: -1") == 1
    assert deploy(deploy(*layers)) == deploy(*layers)


def test_a_negation_under_another_name_and_another_power():
    other = NEGATED.replace('"score"', '"near"')
    assert wiring(DATA, RBF, other, RBF_LOSS)[2:] == ["Power near: rbf -> near", "Softmax prob: near -> prob"]
    half = NEGATED.replace("scale: -1", "scale: -0.5")
    assert wiring(DATA, RBF, half, RBF_LOSS)[2:] == [
        "Power score: rbf -> score", "Power score_prob: rbf -> score_prob", "Softmax prob: score_prob -> prob",
    ]  # fmt: skip
    after = wiring(DATA, RBF, RBF_LOSS, NEGATED)
    assert "Softmax prob: score_prob -> prob" in after


def test_padding_stays_and_distortion_goes():
    data = DATA.replace("mirror: true", "mirror: true pad: 2 affine_param { rotation: 9 }")
    assert "transform_param {\n    scale: 0.5\n    pad: 2\n  }" in deploy(data, IP.format("ip", "data"), LOSS)


def test_the_definition_is_not_changed():
    document = parse_net("\n".join(TWO_HEADS))
    before = document.message.SerializeToString()
    derive(document)
    assert document.message.SerializeToString() == before
