"""Key fields in a few words."""

from __future__ import annotations

import pytest

from netdef.report.family import OTHER, colors_of, key_fields
from prototxt import parse_net


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('type: "Convolution" convolution_param { num_output: 20 kernel_size: 5 }', ["5x5", "20 maps"]),
        ('type: "Convolution" convolution_param { num_output: 8 kernel_h: 1 kernel_w: 7 pad_w: 3 stride: 2 group: 4 '
         "dilation: 2 }", ["1x7", "8 maps", "stride 2", "pad 0x3", "dilation 2", "group 4"]),
        ('type: "Convolution" convolution_param { num_output: 8 kernel_size: 3 kernel_size: 5 }', ["3x5", "8 maps"]),
        ('type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 connection_table: "X." '
         'connection_table: "XX" }', ["3x3", "2 maps", "3 of 4 pairs"]),
        ('type: "SubSampling"', ["sum 2x2"]),
        ('type: "SubSampling" sub_sampling_param { kernel_size: 3 stride: 2 }', ["sum 3x3", "stride 2"]),
        ('type: "RBF" rbf_param { num_output: 10 }', ["10 targets"]),
        ('type: "RBFLoss" loss_weight: 0.5', ["mean square", "weight 0.5"]),
        ('type: "RBFLoss" rbf_loss_param { criterion: MAP }', ["MAP"]),
        ('type: "Data" transform_param { pad: 2 affine_param { shift: 1 } }', ["pad 2", "distorted"]),
        ('type: "Pooling" pooling_param { kernel_size: 3 stride: 2 pad: 1 }', ["max 3x3", "stride 2", "pad 1"]),
        ('type: "Pooling" pooling_param { pool: AVE global_pooling: true }', ["average", "global"]),
        ('type: "InnerProduct" inner_product_param { num_output: 500 }', ["500 outputs"]),
        ('type: "LRN" lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }', ["3x3 within a channel"]),
        ('type: "LRN"', ["5 channels"]),
        ('type: "Dropout" dropout_param { dropout_ratio: 0.7 }', ["ratio 0.7"]),
        ('type: "Accuracy" accuracy_param { top_k: 5 }', ["top 5"]),
        ('type: "SoftmaxWithLoss" loss_weight: 0.3', ["weight 0.3"]),
        ('type: "Data" data_param { batch_size: 64 } transform_param { scale: 0.5 crop_size: 9 mirror: true }',
         ["batch 64", "scale 0.5", "crop 9", "mirror"]),
        ('type: "Eltwise" eltwise_param { operation: PROD }', ["product"]),
        ('type: "Slice" slice_param { axis: 2 slice_point: 1 slice_point: 4 }', ["axis 2", "at 1, 4"]),
        ('type: "Reshape" reshape_param { shape { dim: 0 dim: -1 dim: 3 } }', ["to same x rest x 3"]),
        ('type: "ReLU" relu_param { negative_slope: 0.1 }', ["slope 0.1"]),
        ('type: "ReLU"', []),
        ('type: "Power" power_param { power: 2 scale: 3 shift: 1 }', ["(3x + 1)^2"]),
        ('type: "Scale" scale_param { bias_term: true }', ["with bias"]),
        ('type: "Unheard"', []),
    ],
)  # fmt: skip
def test_key_fields(text, words):
    assert key_fields(parse_net(f"layer {{ {text} }}", lenient=True).message.layer[0]) == words


def test_colours():
    assert colors_of("Convolution") == colors_of("Deconvolution") != colors_of("Pooling")
    assert colors_of("HingeLoss") == colors_of("Accuracy")
    assert colors_of("Concat") == colors_of("Unheard") == OTHER
