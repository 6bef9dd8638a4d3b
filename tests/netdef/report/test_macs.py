"""Multiply-accumulates, counted by hand."""

from __future__ import annotations

import pytest

from netdef.report.macs import count_macs
from prototxt import parse_net


@pytest.mark.parametrize(
    ("text", "bottoms", "tops", "params", "count"),
    [
        ('type: "Convolution"', [(2, 3, 8, 7)], [(2, 4, 6, 5)], [(4, 3, 3, 3), (4,)], 2 * 4 * 6 * 5 * 27),
        ('type: "Convolution" convolution_param { group: 2 }', [(1, 6, 5, 4)], [(1, 4, 5, 4)], [(4, 3, 1, 1)],
         4 * 20 * 3),
        ('type: "Deconvolution"', [(2, 3, 4, 5)], [(2, 6, 8, 10)], [(3, 6, 2, 2)], 2 * 3 * 20 * 24),
        ('type: "InnerProduct" inner_product_param { num_output: 10 }', [(64, 50, 4, 4)], [(64, 10)],
         [(10, 800), (10,)], 64 * 8000),
        ('type: "InnerProduct" inner_product_param { num_output: 7 axis: 2 }', [(2, 3, 5)], [(2, 3, 7)], [(7, 5)],
         6 * 35),
        ('type: "LRN" lrn_param { local_size: 3 }', [(1, 4, 2, 5)], [(1, 4, 2, 5)], [], 120),
        ('type: "LRN" lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }', [(1, 4, 2, 5)], [(1, 4, 2, 5)], [],
         360),
        ('type: "BatchNorm"', [(2, 3)], [(2, 3)], [(3,), (3,), (1,)], 6),
        ('type: "Scale"', [(2, 3)], [(2, 3)], [(3,)], 6),
        ('type: "Eltwise"', [(2, 3), (2, 3)], [(2, 3)], [], 0),
        ('type: "Eltwise" eltwise_param { coeff: 1 coeff: -1 }', [(2, 3), (2, 3)], [(2, 3)], [], 12),
        ('type: "LSTM"', [(5, 2, 3), (5, 2)], [(5, 2, 4)], [(16, 3), (16,), (16, 4)], 10 * (48 + 64)),
        ('type: "RNN"', [(5, 2, 3), (5, 2)], [(5, 2, 4)], [(4, 3), (4,), (4, 4)], 10 * 28),
        ('type: "SubSampling"', [(2, 3, 4, 6)], [(2, 3, 2, 3)], [(3,), (3,)], 36),
        ('type: "RBF"', [(2, 3, 4)], [(2, 5)], [(5, 12)], 120),
        ('type: "Pooling"', [(1, 2, 4, 4)], [(1, 2, 2, 2)], [], 0),
    ],
)  # fmt: skip
def test_counts(text, bottoms, tops, params, count):
    assert count_macs(parse_net(f"layer {{ {text} }}").message.layer[0], bottoms, tops, params) == count
