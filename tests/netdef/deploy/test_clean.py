"""What is taken off a layer, and Dropout taken out of a chain."""

from __future__ import annotations

from netdef.deploy.clean import clean_layer, drop_dropout
from prototxt import parse_net, to_text


def layers(text: str):
    return list(parse_net(text).message.layer)


def test_training_fields_go():
    notes: list[str] = []
    (layer,) = layers(
        """layer { name: "c" type: "Convolution" bottom: "a" top: "c" include { phase: TEST } loss_weight: 1
                   propagate_down: true param { lr_mult: 1 } param { name: "b" lr_mult: 2 share_mode: PERMISSIVE }
                   param { decay_mult: 0 }
                   convolution_param { num_output: 3 weight_filler { type: "xavier" } bias_filler { value: 1 } } }"""
    )
    before = layer.SerializeToString()
    (wanted,) = layers(
        """layer { name: "c" type: "Convolution" bottom: "a" top: "c" param { }
                   param { name: "b" share_mode: PERMISSIVE }
                   convolution_param { num_output: 3 } }"""
    )
    assert to_text(clean_layer(layer, notes)) == to_text(wanted)
    assert layer.SerializeToString() == before
    assert notes == []


def test_parameters_of_nothing_but_fillers_go_whole():
    (layer,) = layers('layer { name: "p" type: "PReLU" bottom: "a" top: "a" prelu_param { filler { value: 1 } } }')
    assert not clean_layer(layer, []).HasField("prelu_param")


def test_stored_statistics_are_used():
    notes: list[str] = []
    (layer,) = layers(
        'layer { name: "bn" type: "BatchNorm" bottom: "a" top: "a" batch_norm_param { use_global_stats: false } }'
    )
    assert not clean_layer(layer, notes).HasField("batch_norm_param")
    assert notes == [
        'Layer "bn" (BatchNorm) took the statistics of the batch (use_global_stats: false); '
        "the deploy net takes the stored ones."
    ]


DROP = 'layer { name: "drop" type: "Dropout" bottom: "a" top: "b" }'
RELU = 'layer { name: "relu" type: "ReLU" bottom: "a" top: "a" }'
READ = 'layer { name: "ip" type: "InnerProduct" bottom: "b" top: "ip" }'


def test_readers_are_led_around_dropout():
    notes: list[str] = []
    again = 'layer { name: "new" type: "Power" bottom: "b" top: "b" }'
    again += 'layer { name: "last" type: "Power" bottom: "b" top: "c" }'
    result = drop_dropout(layers(DROP + READ + again), notes)
    assert [(layer.name, list(layer.bottom)) for layer in result] == [("ip", ["a"]), ("new", ["a"]), ("last", ["b"])]
    assert notes == []


def test_dropout_stays_where_its_bottom_changes_too_early():
    notes: list[str] = []
    result = drop_dropout(layers(DROP + RELU + READ), notes)
    assert [layer.name for layer in result] == ["drop", "relu", "ip"]
    assert notes == ['Layer "drop" (Dropout) was kept: "a" is changed while "b" is in use.']


def test_dropout_goes_where_its_bottom_changes_later():
    result = drop_dropout(layers(DROP + READ + RELU), [])
    assert [(layer.name, list(layer.bottom)) for layer in result] == [("ip", ["a"]), ("relu", ["a"])]
