"""Each upgrade by itself: prototxt in, prototxt out."""

import pytest

from prototxt import parse, parse_net, schema
from prototxt.upgrade import v0, v1
from prototxt.upgrade.paths import PathMap

V0_LAYERS = [
    (
        'type: "conv" num_output: 3 biasterm: false weight_filler { type: "a" } bias_filler { type: "b" } pad: 1 '
        "kernelsize: 5 group: 2 stride: 4",
        'type: "Convolution" convolution_param { num_output: 3 bias_term: false pad: 1 kernel_size: 5 group: 2 '
        'stride: 4 weight_filler { type: "a" } bias_filler { type: "b" } }',
    ),
    (
        'type: "innerproduct" num_output: 3 biasterm: true weight_filler { type: "a" } bias_filler { }',
        'type: "InnerProduct" inner_product_param { num_output: 3 bias_term: true weight_filler { type: "a" } '
        "bias_filler { } }",
    ),
    (
        'type: "pool" pool: STOCHASTIC pad: 1 kernelsize: 3 stride: 2',
        'type: "Pooling" pooling_param { pool: STOCHASTIC pad: 1 kernel_size: 3 stride: 2 }',
    ),
    ('type: "dropout" dropout_ratio: 0.25', 'type: "Dropout" dropout_param { dropout_ratio: 0.25 }'),
    (
        'type: "lrn" local_size: 3 alpha: 2 beta: 4 k: 5',
        'type: "LRN" lrn_param { local_size: 3 alpha: 2 beta: 4 k: 5 }',
    ),
    (
        'type: "data" source: "s" batchsize: 7 rand_skip: 9 scale: 2 meanfile: "m" cropsize: 5 mirror: true',
        'type: "Data" data_param { source: "s" batch_size: 7 rand_skip: 9 } '
        'transform_param { scale: 2 mirror: true crop_size: 5 mean_file: "m" }',
    ),
    (
        'type: "images" source: "s" batchsize: 7 rand_skip: 9 shuffle_images: true new_height: 3 new_width: 4',
        'type: "ImageData" image_data_param { source: "s" batch_size: 7 rand_skip: 9 shuffle: true new_height: 3 '
        "new_width: 4 }",
    ),
    (
        'type: "window_data" source: "s" batchsize: 7 det_fg_threshold: 0.1 det_bg_threshold: 0.2 '
        'det_fg_fraction: 0.3 det_context_pad: 4 det_crop_mode: "square"',
        'type: "WindowData" window_data_param { source: "s" batch_size: 7 fg_threshold: 0.1 bg_threshold: 0.2 '
        'fg_fraction: 0.3 context_pad: 4 crop_mode: "square" }',
    ),
    ('type: "hdf5_data" source: "s" batchsize: 7', 'type: "HDF5Data" hdf5_data_param { source: "s" batch_size: 7 }'),
    (
        'type: "hdf5_output" hdf5_output_param { file_name: "f" }',
        'type: "HDF5Output" hdf5_output_param { file_name: "f" }',
    ),
    ('type: "infogain_loss" source: "s"', 'type: "InfogainLoss" infogain_loss_param { source: "s" }'),
    ('type: "concat" concat_dim: 0', 'type: "Concat" concat_param { concat_dim: 0 }'),
    (
        'type: "relu" blobs_lr: [1, 2] weight_decay: 3 blobs { data: 4 }',
        'type: "ReLU" param { lr_mult: 1 decay_mult: 3 } param { lr_mult: 2 } blobs { data: 4 }',
    ),
]


@pytest.mark.parametrize(("old", "new"), V0_LAYERS, ids=lambda text: text.split('"')[1])
def test_v0_layer(old, new):
    document = parse_net(f'layers {{ layer {{ name: "n" {old} }} top: "t" }}')
    expected = parse(f'layer {{ name: "n" top: "t" {new} }}', schema.NetParameter).message
    assert document.message == expected
    assert document.warnings == []


def test_every_v0_type_has_a_v1_type():
    v1_names = {schema.V1LayerParameter.LayerType.Name(number) for number in v0.TYPES.values()}
    assert len(v1_names) == len(v0.TYPES) == 24


def test_every_v1_type_has_a_name():
    assert list(v1.TYPES) == list(schema.V1LayerParameter.LayerType.keys())
    assert len(set(v1.TYPES.values())) == len(v1.TYPES)


def test_v1_layer_without_type_stays_without():
    assert not parse_net('layers { name: "a" }').message.layer[0].HasField("type")


def test_every_v1_field_has_a_counterpart():
    gone = {"type", "layer", "param", "blob_share_mode", "blobs_lr", "weight_decay"}
    present = schema.LayerParameter.DESCRIPTOR.fields_by_name
    for field in schema.V1LayerParameter.DESCRIPTOR.fields:
        if field.name not in gone:
            assert present[field.name].message_type is field.message_type


def test_v1_params():
    text = """layers { type: CONCAT param: ["w", "b"] blob_share_mode: PERMISSIVE blobs_lr: [1, 2, 3] weight_decay: 4
    include { phase: TEST } loss_weight: 5 concat_param { axis: 2 } }"""
    assert parse_net(text).message == parse(
        """layer { type: "Concat" include { phase: TEST } loss_weight: 5 concat_param { axis: 2 }
        param { name: "w" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 4 }
        param { name: "b" lr_mult: 2 } param { lr_mult: 3 } }""",
        schema.NetParameter,
    ).message


@pytest.mark.parametrize(
    ("kind", "options"),
    [("DATA", "data_param"), ("IMAGE_DATA", "image_data_param"), ("WINDOW_DATA", "window_data_param")],
)
def test_old_transform_fields(kind, options):
    text = f'layers {{ type: {kind} {options} {{ source: "s" scale: 2 mean_file: "m" crop_size: 3 mirror: true }} }}'
    layer = parse_net(text).message.layer[0]
    assert str(getattr(layer, options)).split() == ["source:", '"s"']
    expected = schema.TransformationParameter(scale=2, mean_file="m", crop_size=3, mirror=True)
    assert layer.transform_param == expected


def test_transform_fields_of_other_layers_stay():
    text = "layers { type: RELU data_param { scale: 2 } }"
    assert parse_net(text).message.layer[0].data_param.scale == 2


def test_inputs_become_one_layer_in_front():
    text = 'input: ["a", "b"] input_dim: [1, 2, 3, 4, 5, 6, 7, 8] layer { name: "r" bottom: "a" }'
    assert parse_net(text).message == parse(
        """layer { name: "input" type: "Input" top: ["a", "b"]
          input_param { shape { dim: [1, 2, 3, 4] } shape { dim: [5, 6, 7, 8] } } }
        layer { name: "r" bottom: "a" }""",
        schema.NetParameter,
    ).message


def test_input_shapes_go_before_input_dims():
    message = parse_net('input: "a" input_shape { dim: [9, 8] } input_dim: 1').message
    assert list(message.layer[0].input_param.shape[0].dim) == [9, 8]
    assert not message.input_shape and not message.input_dim


def test_inputs_without_shape_just_go():
    assert parse_net('name: "n" input: "a"').message == schema.NetParameter(name="n")


def test_old_batch_norm_is_frozen():
    text = 'layer {{ type: "{0}" param {{ lr_mult: 1 name: "m" }} param {{ }} param {{ decay_mult: 2 }} }}'
    frozen = parse_net(text.format("BatchNorm")).message.layer[0].param
    assert [(p.name, p.lr_mult, p.decay_mult) for p in frozen] == [("m", 0, 0), ("", 0, 0), ("", 0, 0)]
    other = parse_net(text.format("Scale")).message.layer[0].param
    assert [(p.lr_mult, p.decay_mult) for p in other] == [(1, 1), (1, 1), (1, 2)]


def test_batch_norm_with_other_params_stays():
    text = 'layer { type: "BatchNorm" param { lr_mult: 1 } }'
    assert parse_net(text).message.layer[0].param[0].lr_mult == 1


def test_path_map_goes_back_through_all_stages():
    path_map = PathMap()
    path_map.add_stage({"b[0]": "a[1]", "b[0].x": "a[1].y"})
    path_map.add_stage({})
    path_map.add_stage({"c[2]": "b[0]"})
    assert path_map.source("c[2].x.deep[3]") == "a[1].y.deep[3]"
    assert path_map.source("c[2].z") == "a[1].z"
    assert path_map.source("c[1].z") == "c[1].z"
    assert path_map.source("") == ""
