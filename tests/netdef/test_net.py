import numpy as np
import pytest

from netdef.errors import LayerError, NetError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.netdef.test_gradient_flow import INPUT, ip, loss

SHARED = 'param {{ name: "w" {0} }} param {{ name: "b" }}'


def build(text, phase=schema.TRAIN, **options):
    return Net(parse_net(text), phase, seed=1, **options)


def shared_ip(name, bottom, first="", outputs=4):
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {SHARED.format(first)} '
        f"inner_product_param {{ num_output: {outputs} weight_filler {{ type: 'gaussian' std: 1 }} }} }}"
    )


def test_names_and_shapes():
    net = build("name: 'n' " + INPUT + ip("a", "data") + loss("a"))
    assert net.inputs == ["data", "label"] and net.outputs == ["loss"]
    assert list(net.blobs) == ["data", "label", "a", "loss"]
    assert [b.shape for b in net.blobs.values()] == [(2, 3), (2, 4), (2, 4), ()]
    assert [b.shape for b in net.params["a"]] == [(4, 3), (4,)]
    assert net.top_names["data"] == ["data", "label"] and net.bottom_names["loss"] == ["a", "label"]
    assert net.blob_loss_weights == {"data": 0, "label": 0, "a": 0, "loss": 1}
    assert repr(net) == '<Net "n" TRAIN: 3 layers, 4 blobs>'


def test_building_for_shapes_touches_no_memory():
    net = build(INPUT + ip("a", "data") + loss("a", extra="loss_weight: 0"))
    assert not any(b.has_data or b.has_diff for b in net.blobs.values())
    assert not any(b.has_data for b in net.params["a"])


def test_forward_takes_and_returns_arrays_by_name():
    net = build(INPUT + ip("a", "data"))
    weight, bias = net.params["a"]
    weight.data[...] = np.arange(12).reshape(4, 3)
    bias.data[...] = 1
    found = net.forward(blobs=["data"], data=np.ones((2, 3)), label=np.zeros((2, 4)))
    assert list(found) == ["a", "label", "data"]
    np.testing.assert_allclose(found["a"], [[4, 13, 22, 31]] * 2)
    assert net.forward(start="a", end="a")["a"] is net.blobs["a"].data


def test_the_loss_is_weighted_and_summed():
    text = INPUT + ip("a", "data") + loss("a", "x", "loss_weight: 2") + loss("a", "y", "loss_weight: 0.5")
    net = build(text)
    net.forward(data=np.ones((2, 3)), label=np.ones((2, 4)))
    x = float(net.blobs["x"].data)
    assert x > 0 and net.forward_from_to(0, len(net.layers) - 1) == pytest.approx(2.5 * x)


def test_backward_accumulates_parameter_gradients_until_cleared():
    net = build(INPUT + ip("a", "data") + loss("a"))
    net.forward(data=np.ones((2, 3)), label=np.ones((2, 4)))
    net.backward()
    once = net.params["a"][0].diff.copy()
    assert once.any()
    net.backward()
    np.testing.assert_allclose(net.params["a"][0].diff, 2 * once, rtol=1e-6)
    net.clear_param_diffs()
    assert not net.params["a"][0].diff.any()


def test_backward_takes_top_diffs_and_returns_input_diffs():
    net = build("force_backward: true " + INPUT + ip("a", "data"))
    net.params["a"][0].data[...] = 1
    net.forward(data=np.ones((2, 3)), label=np.ones((2, 4)))
    found = net.backward(a=np.full((2, 4), 2), label=np.zeros((2, 4)))
    np.testing.assert_allclose(found["data"], np.full((2, 3), 8))


def test_forward_all_pads_and_discards():
    net = build(INPUT + ip("a", "data") + 'layer { name: "s" type: "Silence" bottom: "label" }')
    data = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    found = net.forward_all(data=data, label=np.zeros((5, 4)))
    weight, bias = (b.data for b in net.params["a"])
    assert found["a"].shape == (5, 4)
    np.testing.assert_allclose(found["a"], data @ weight.T + bias, rtol=1e-5, atol=1e-6)


def test_reshape_carries_new_input_shapes_through():
    net = build(INPUT + ip("a", "data") + loss("a"))
    net.blobs["data"].reshape(7, 3)
    net.blobs["label"].reshape(7, 4)
    net.reshape()
    assert net.blobs["a"].shape == (7, 4)
    net.blobs["data"].reshape(1, 3)
    net.blobs["label"].reshape(1, 4)
    net.forward(data=np.ones((1, 3)), label=np.ones((1, 4)))
    assert net.blobs["a"].shape == (1, 4)


def test_shared_parameters_are_one_memory_and_add_their_gradients():
    net = build(INPUT + shared_ip("a", "data") + shared_ip("b", "data") + loss("a", "x") + loss("b", "y"))
    assert len(net.learnable_params) == 2 and len(net.parameters.all) == 4
    first, second = net.params["a"][0], net.params["b"][0]
    first.data[0, 0] = 9
    assert second.data[0, 0] == 9
    net.forward(data=np.ones((2, 3)), label=np.zeros((2, 4)))
    net.backward()
    alone = build(INPUT + shared_ip("a", "data") + loss("a", "x"))
    alone.params["a"][0].data[...] = first.data
    alone.params["a"][1].data[...] = net.params["a"][1].data
    alone.forward(data=np.ones((2, 3)), label=np.zeros((2, 4)))
    alone.backward()
    np.testing.assert_allclose(first.diff, 2 * alone.params["a"][0].diff, rtol=1e-5)


def test_shared_shapes_must_agree():
    with pytest.raises(LayerError) as error:
        build(INPUT + shared_ip("a", "data") + "\n" + shared_ip("b", "a"))
    assert str(error.value).splitlines()[0] == (
        '<text>:2:69: layer "b" (InnerProduct): parameter "w" has shape (4, 4) here and (4, 3) in layer "a", which '
        "owns it; shared parameters need the same shape (or share_mode: PERMISSIVE and as many elements). "
        "Change the sizes or give the parameter another name."
    )


def test_permissive_sharing_needs_equal_counts_only():
    def text(outputs):
        return (
            INPUT
            + 'layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" } '
            + "inner_product_param { num_output: 2 bias_term: false } }"
            + 'layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" '
            + f'param {{ name: "w" share_mode: PERMISSIVE }} inner_product_param {{ num_output: {outputs} '
            + "bias_term: false } }"
        )

    net = build(text(3))
    assert net.params["a"][0].shape == (2, 3) and net.params["b"][0].shape == (3, 2)
    assert net.params["b"][0].shares_data_with(net.params["a"][0])
    with pytest.raises(LayerError, match="shared parameters need as many elements"):
        build(text(4))


def test_multipliers_of_shared_parameters_must_agree():
    with pytest.raises(LayerError, match="has lr_mult 3 here and 2 where it was named before"):
        build(INPUT + shared_ip("a", "data", "lr_mult: 2") + shared_ip("b", "data", "lr_mult: 3"))
    net = build(INPUT + shared_ip("a", "data") + shared_ip("b", "data", "lr_mult: 3"))
    assert net.params_lr == [3, 1]


def test_all_unknown_types_are_reported_at_once():
    text = 'layer { name: "a" type: "Convolutoin" }\nlayer { name: "b" type: "Zzz" }'
    with pytest.raises(NetError) as error:
        build(text)
    first, *rest = error.value.message.splitlines()
    assert first.startswith('unknown layer type "Convolutoin". Did you mean "Convolution"? Known: ')
    assert rest == ['<text>:2:19: layer "b" (Zzz): unknown layer type as well.']


def test_a_layers_error_carries_its_place():
    with pytest.raises(LayerError) as error:
        build(INPUT + '\nlayer {\n  name: "a"\n  type: "InnerProduct"\n  bottom: "data"\n}')
    assert error.value.sentence() == (
        '<text>:2:1: layer "a" (InnerProduct): has 0 top blobs; this type takes exactly 1. Add 1.'
    )
    assert error.value.line == 2 and error.value.layer_name == "a" and error.value.field == "top"


def test_too_many_param_blocks():
    with pytest.raises(LayerError, match="has 3 param blocks but only 2 parameter blobs"):
        build(INPUT + ip("a", "data", "param {}"))


def test_wrong_arrays_and_names_are_sentences():
    net = build(INPUT + ip("a", "data"))
    cases = [
        (lambda: net.forward(end="b"), 'the net has no layer "b".'),
        (lambda: net.forward(blobs=["dada"]), 'the net has no blob "dada". Did you mean "data"?'),
        (lambda: net.forward(data=np.ones((2, 3))), r"arguments do not match net: found \['data'\], expected"),
        (lambda: net.forward(data=np.ones((3, 3)), label=np.ones((2, 4))), 'Input blob "data" is not batch sized'),
        (lambda: net.forward(data=np.ones((2, 5)), label=np.ones((2, 4))), r'"data" has shape \(2, 5\); expected'),
        (lambda: net.set_input_arrays(np.ones(2), np.ones(2)), "feeds a MemoryData layer, but the first layer is"),
    ]
    for call, message in cases:
        with pytest.raises(NetError, match=message):
            call()


def test_the_same_seed_gives_the_same_parameters_in_any_order_of_reading():
    text = INPUT + shared_ip("a", "data").replace(SHARED.format(""), "") + ip("b", "a")
    first, second = build(text), build(text)
    wanted = [b.data.copy() for blobs in first.params.values() for b in blobs]
    found = [b.data.copy() for blobs in reversed(second.params.values()) for b in reversed(blobs)][::-1]
    assert wanted[0].any()
    for one, other in zip(wanted, found):
        np.testing.assert_array_equal(one, other)


def test_share_with_uses_the_same_memory():
    text = INPUT + ip("a", "data")
    first, second = build(text), build(text)
    second.share_with(first)
    first.params["a"][0].data[...] = 3
    assert (second.params["a"][0].data == 3).all()
    with pytest.raises(NetError, match="cannot share parameters of shapes"):
        build(INPUT + ip("a", "data", outputs=5)).share_with(first)


def test_save_and_copy_from(tmp_path):
    text = INPUT + shared_ip("a", "data")
    net, other = build(text), build(text.replace("std: 1", "std: 2"))
    net.save(tmp_path / "w.caffemodel")
    other.copy_from(tmp_path / "w.caffemodel")
    np.testing.assert_array_equal(other.params["a"][0].data, net.params["a"][0].data)


DROPOUT = 'layer { name: "same" type: "Dropout" bottom: "data" top: "%s" } '


def test_layers_of_one_name_draw_and_resume_apart():
    text = INPUT + DROPOUT % "a" + DROPOUT % "b"
    net, other = build(text), build(text)
    ones = {"data": np.ones((2, 3)), "label": np.ones((2, 4))}
    masks = [array.copy() for _ in range(8) for array in net.forward(**ones, blobs=["a", "b"]).values()]
    assert any(not np.array_equal(a, b) for a, b in zip(masks[0::3], masks[1::3]))
    assert len(net.states()) == 2
    other.restore_states(net.states())
    for name in ("a", "b"):
        assert np.array_equal(net.forward(**ones)[name], other.forward(**ones)[name])


def test_parameters_of_two_layers_of_one_name_are_refused():
    with pytest.raises(LayerError) as caught:
        build(INPUT + ip("a", "data") + ip("b", "a").replace('name: "b"', 'name: "a"'))
    assert caught.value.message == (
        "has the name of an earlier layer with parameters (InnerProduct, <text>:1:126); weight files tell layers apart "
        "by their names. Give one of them another name."
    )


@pytest.mark.parametrize("kind", ["Accuracy", "EuclideanLoss", "SoftmaxWithLoss"])
def test_a_top_of_another_shape_cannot_be_the_bottom(kind):
    with pytest.raises(LayerError) as caught:
        build(
            'layer { name: "d" type: "Input" top: "label" input_param { shape { dim: 2 dim: 4 } } }'
            'layer { name: "e" type: "Input" top: "n" input_param { shape { dim: 2 } } }'
            f'layer {{ name: "l" type: "{kind}" bottom: "label" bottom: "n" top: "label" }}'
        )
    assert caught.value.message == (
        'bottom "label" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )


def test_gradients_are_whole_after_the_first_layer_that_uses_their_parameter():
    net = build(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 } } }'
        + shared_ip("a", "data")
        + shared_ip("b", "a")
        + 'layer { name: "own" type: "InnerProduct" bottom: "b" top: "own" inner_product_param { num_output: 3 } }'
    )
    shared, own = (net.steps[net.layer_names.index(name)] for name in ("a", "own"))
    uses = net.parameters.last_uses(net.layers)
    of = {number: [net.learnable_params[i] for i in found] for number, found in uses.items()}
    assert of[net.steps.index(shared)][0] is net.learnable_params[0]
    assert sorted(i for found in uses.values() for i in found) == list(range(len(net.learnable_params)))
    assert of[net.steps.index(own)] == own.layer.blobs


def test_clearing_later_shows_zeros_and_the_next_backward_pass_starts_anew():
    net = build(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 5 } } }'
        'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }'
    )
    net.blobs["data"].data[...] = np.arange(10).reshape(2, 5)
    net.blobs["ip"].diff[...] = 1
    net.run_backward()
    once = [blob.diff.copy() for blob in net.learnable_params]
    net.clear_param_diffs_later()
    net.run_backward()
    for blob, diff in zip(net.learnable_params, once):
        np.testing.assert_array_equal(blob.diff, diff)
    net.clear_param_diffs_later()
    assert not any(blob.diff.any() for blob in net.learnable_params)
