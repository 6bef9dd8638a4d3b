"""Connections, counted by hand: those of one item."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.report.connections import CONNECTIONS, count_connections
from tests.support.nets import make_layer

CONVOLUTION = 'type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 '
TABLE = 'connection_table: "X.XX" connection_table: ".XX." connection_table: "X..."'


@pytest.mark.parametrize(
    ("text", "shape", "count"),
    [
        (CONVOLUTION + "}", (2, 3, 8, 7), 6 * 5 * 4 * (27 + 1)),
        (CONVOLUTION + "bias_term: false }", (2, 3, 8, 7), 6 * 5 * 4 * 27),
        (CONVOLUTION + "group: 2 }", (2, 6, 8, 7), 6 * 5 * 4 * (27 + 1)),
        (CONVOLUTION + TABLE + "}", (2, 3, 8, 7), 6 * 5 * (6 * 9 + 4)),
        ('type: "ConvolutionDepthwise" convolution_param { kernel_size: 3 }', (2, 3, 8, 7), 6 * 5 * 3 * 10),
        ('type: "DepthwiseConvolution" convolution_param { num_output: 6 group: 3 kernel_size: 3 }', (2, 3, 8, 7),
         6 * 5 * 6 * 10),
        ('type: "Deconvolution" convolution_param { num_output: 4 kernel_size: 2 stride: 2 }', (2, 3, 5, 6),
         5 * 6 * 3 * 4 * 4 + 10 * 12 * 4),
        ('type: "InnerProduct" inner_product_param { num_output: 7 }', (2, 3, 5), 7 * (15 + 1)),
        ('type: "InnerProduct" inner_product_param { num_output: 7 axis: 2 }', (2, 3, 5), 3 * 7 * (5 + 1)),
        ('type: "InnerProduct" inner_product_param { num_output: 7 axis: 0 }', (5,), 7 * (5 + 1)),
        ('type: "SubSampling"', (2, 3, 5, 6), 3 * 2 * 3 * 5),
        ('type: "RBF" rbf_param { num_output: 7 }', (2, 3, 5), 7 * 15),
        ('type: "Pooling" pooling_param { kernel_size: 2 }', (2, 3, 5, 6), 0),
    ],
)  # fmt: skip
def test_counts(text, shape, count):
    run = make_layer(f'name: "l" bottom: "a" top: "b" {text}', [np.zeros(shape)])
    assert count_connections(run.layer, [shape], [blob.shape for blob in run.top]) == count


def test_every_rule_is_counted_above():
    assert CONNECTIONS.names() == [
        "Convolution", "ConvolutionDepthwise", "Deconvolution", "DepthwiseConvolution", "InnerProduct", "RBF",
        "SubSampling",
    ]  # fmt: skip
