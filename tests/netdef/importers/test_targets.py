"""Where values can go."""

from __future__ import annotations

from netdef.importers.targets import find_targets
from netdef.net import Net
from prototxt import parse_net

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 5 kernel_size: 1 } }
layer { name: "n" type: "BatchNorm" bottom: "c" top: "n" batch_norm_param { eps: 0.25 } }
layer { name: "s" type: "Scale" bottom: "n" top: "s" scale_param { bias_term: true } }
layer { name: "alone" type: "Scale" bottom: "s" top: "alone" }
layer { name: "m" type: "BatchNorm" bottom: "alone" top: "alone" }
layer { name: "between" type: "Convolution" bottom: "alone" top: "b"
        convolution_param { num_output: 3 kernel_size: 1 } }
layer { name: "last" type: "Scale" bottom: "b" top: "last" }
"""


def test_a_scale_behind_a_batch_norm_belongs_to_it():
    with Net(parse_net(NET)) as net:
        targets = find_targets(net)
    assert [(target.name, [(slot.name, slot.role) for slot in target.slots]) for target in targets] == [
        ("c", [("c[0]", "weight"), ("c[1]", "bias")]),
        ("n", [("n[0]", "mean"), ("n[1]", "variance"), ("n[2]", "factor"), ("s[0]", "gamma"), ("s[1]", "beta")]),
        ("alone", [("alone[0]", "gamma")]),
        ("m", [("m[0]", "mean"), ("m[1]", "variance"), ("m[2]", "factor")]),
        ("between", [("between[0]", "weight"), ("between[1]", "bias")]),
        ("last", [("last[0]", "gamma")]),
    ]
    assert [target.epsilon for target in targets if target.is_batch_norm] == [0.25, 9.999999747378752e-06]
    assert targets[0].slots[0].shape == (5, 2, 1, 1)
