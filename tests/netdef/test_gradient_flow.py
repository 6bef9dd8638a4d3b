"""Which layers run backward: every case against a definition, so that the whole path is checked."""

import pytest

from netdef.net import Net
from prototxt import parse_net, schema

INPUT = (
    'layer { name: "data" type: "Input" top: "data" top: "label" '
    "input_param { shape { dim: 2 dim: 3 } shape { dim: 2 dim: 4 } } }"
)


def ip(name, bottom, extra="", outputs=4, lr=1):
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {extra} '
        f"param {{ lr_mult: {lr} }} param {{ lr_mult: {lr} }} inner_product_param {{ num_output: {outputs} }} }}"
    )


def loss(bottom, name="loss", extra=""):
    return f'layer {{ name: "{name}" type: "EuclideanLoss" bottom: "{bottom}" bottom: "label" top: "{name}" {extra} }}'


def flow(text, labels="dim: 2 dim: 4"):
    net = Net(parse_net(text.replace("dim: 2 dim: 4", labels)), schema.TRAIN)
    return {s.node.name: (s.needs_backward, s.bottom_needs_backward) for s in net.steps}


def test_gradients_stop_at_the_first_learner():
    found = flow(INPUT + ip("a", "data") + ip("b", "a") + loss("b"))
    assert found == {
        "data": (False, []),
        "a": (True, [False]),
        "b": (True, [True]),
        "loss": (True, [True, False]),
    }


def test_frozen_layers_in_front_do_not_run_backward():
    found = flow(INPUT + ip("a", "data", lr=0) + ip("b", "a") + loss("b"))
    assert found["a"] == (False, [False]) and found["b"] == (True, [False])


def test_nothing_runs_backward_without_a_loss():
    found = flow(INPUT + ip("a", "data") + 'layer { name: "s" type: "Silence" bottom: "a" bottom: "label" }')
    assert not any(needs for needs, _ in found.values())


def test_a_loss_of_weight_zero_is_none():
    found = flow(INPUT + ip("a", "data") + loss("a", extra="loss_weight: 0"))
    assert found["a"] == (False, [False])


def test_propagate_down_false_cuts_the_branch():
    found = flow(INPUT + ip("a", "data") + ip("b", "a", "propagate_down: false") + loss("b"))
    assert found["b"] == (True, [False]) and found["a"] == (False, [False])


def test_propagate_down_true_asks_for_the_gradient_of_data():
    found = flow(INPUT + ip("a", "data", "propagate_down: true") + loss("a"))
    assert found["a"] == (True, [True])


def test_force_backward_reaches_the_data_but_not_labels():
    softmax = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "label" top: "loss" }'
    found = flow("force_backward: true " + INPUT + ip("a", "data", lr=0) + softmax, labels="dim: 2")
    assert found["a"] == (True, [True]) and found["loss"] == (True, [True, False])


@pytest.mark.parametrize("given", ["propagate_down: true propagate_down: false"])
def test_propagate_down_must_match_the_bottoms(given):
    from netdef.errors import LayerError

    with pytest.raises(LayerError) as error:
        flow(INPUT + ip("a", "data", given) + loss("a"))
    assert error.value.message == ("has 2 propagate_down for 1 bottom blobs; give one for each bottom or none.")
