from prototxt import Location, parse, parse_net, parse_solver, schema

TEXT = """name: "n"
layer {
  name: "conv1"
  type: "Convolution"
  param { lr_mult: 1 }
  param { lr_mult: 2 }
  convolution_param {
    kernel_size: 5
    kernel_size: 3
    stride: [1, 2]
    weight_filler { type: "xavier" }
  }
}
layer: [{ name: "a" }, { name: "b" }]
"""


def place(document, path):
    location = document.location(path)
    return location.line, location.column


def test_every_field_has_its_place():
    document = parse(TEXT, schema.NetParameter, "n.prototxt")
    places = {
        "name": (1, 1),
        "layer[0]": (2, 1),
        "layer[0].name": (3, 3),
        "layer[0].param[1]": (6, 3),
        "layer[0].param[1].lr_mult": (6, 11),
        "layer[0].convolution_param": (7, 3),
        "layer[0].convolution_param.kernel_size[0]": (8, 5),
        "layer[0].convolution_param.kernel_size[1]": (9, 5),
        "layer[0].convolution_param.stride[0]": (10, 14),
        "layer[0].convolution_param.stride[1]": (10, 17),
        "layer[0].convolution_param.weight_filler.type": (11, 21),
        "layer[1]": (14, 9),
        "layer[2].name": (14, 26),
    }
    assert {path: place(document, path) for path in places} == places
    assert document.location("layer[0].param[1].lr_mult") == Location("n.prototxt", 6, 11, "  param { lr_mult: 2 }")


def test_a_missing_field_has_the_place_of_what_is_around_it():
    document = parse(TEXT, schema.NetParameter, "n.prototxt")
    assert place(document, "layer[0].convolution_param.pad") == (7, 3)
    assert place(document, "layer[0].convolution_param.kernel_size[7]") == (7, 3)
    assert place(document, "layer[0].pooling_param.pad") == (2, 1)
    assert document.location("layer[9].name") == Location("n.prototxt")
    assert document.location("") == Location("n.prototxt")
    assert document.location() == Location("n.prototxt")


def test_columns_count_characters_and_lines_end_at_newlines():
    document = parse('\ufeffname: "é😀" layer {}\r\n\tlayer {}', schema.NetParameter)
    assert document.location("layer[0]") == Location("<text>", 1, 12, 'name: "é😀" layer {}')
    assert document.location("layer[1]") == Location("<text>", 2, 2, "\tlayer {}")


def test_positions_survive_the_upgrade_of_v1():
    document = parse_net(
        """input: "data"
input_dim: 1 input_dim: 3
input_dim: 4 input_dim: 5
layers {
  name: "c" type: CONVOLUTION bottom: "data" top: "c"
  param: "shared"
  blobs_lr: 1 blobs_lr: 2
  weight_decay: 1
  convolution_param { num_output: 2 pad: 1 }
}
layers {
  name: "d" type: DATA top: "d" data_param { source: "s" scale: 0.5 }
}
"""
    )
    assert [layer.name for layer in document.message.layer] == ["input", "c", "d"]
    places = {
        "layer[0]": (1, 1),
        "layer[0].type": (1, 1),
        "layer[0].top[0]": (1, 1),
        "layer[0].input_param.shape[0]": (2, 1),
        "layer[0].input_param.shape[0].dim[2]": (3, 1),
        "layer[1]": (4, 1),
        "layer[1].bottom[0]": (5, 31),
        "layer[1].convolution_param.pad[0]": (9, 37),
        "layer[1].param[0]": (7, 3),
        "layer[1].param[0].name": (6, 3),
        "layer[1].param[0].lr_mult": (7, 3),
        "layer[1].param[1].lr_mult": (7, 15),
        "layer[1].param[0].decay_mult": (8, 3),
        "layer[1].relu_param": (4, 1),
        "layer[2].data_param.source": (12, 46),
        "layer[2].transform_param.scale": (12, 58),
    }
    assert {path: place(document, path) for path in places} == places


def test_positions_survive_the_upgrade_of_v0():
    document = parse_net(
        """input: "data" input_dim: [1, 3, 8, 8]
layers { layer { name: "p" type: "padding" pad: 2 } bottom: "data" top: "p" }
layers {
  layer {
    name: "c" type: "conv" kernelsize: 5
    weight_filler { std: 0.01 }
    blobs_lr: 1.
    scale: 2
  }
  bottom: "p" top: "c"
}
"""
    )
    places = {
        "layer[1]": (3, 1),
        "layer[1].name": (5, 5),
        "layer[1].type": (5, 15),
        "layer[1].bottom[0]": (10, 3),
        "layer[1].convolution_param.kernel_size[0]": (5, 28),
        "layer[1].convolution_param.weight_filler.std": (6, 21),
        "layer[1].convolution_param.pad[0]": (2, 44),
        "layer[1].convolution_param.stride[0]": (4, 3),
        "layer[1].param[0].lr_mult": (7, 5),
        "layer[1].transform_param.scale": (8, 5),
    }
    assert {path: place(document, path) for path in places} == places


def test_a_net_within_a_solver_is_a_document():
    solver = parse_solver(
        'solver_type: ADAM\nnet_param { name: "n"\n  layers { type: RELU name: "r" } }\n'
        'test_net_param {}\ntest_net_param { layer { name: "t" } }',
        "s.prototxt",
    )
    assert place(solver, "type") == (1, 1)
    net = solver.inner("net_param")
    assert net.message.layer[0].type == "ReLU"
    assert net.location("layer[0].name") == Location("s.prototxt", 3, 23, '  layers { type: RELU name: "r" } }')
    assert place(net, "") == (2, 1)
    assert solver.inner("test_net_param[1]").message.layer[0].name == "t"
    assert place(solver.inner("test_net_param[1]"), "layer[0].name") == (5, 26)
    assert place(solver, "test_net_param[1].layer[0].name") == (5, 26)
