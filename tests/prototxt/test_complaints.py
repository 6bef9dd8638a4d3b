"""What malformed definitions are told: the whole sentence each time."""

import pytest

from prototxt import PrototxtError, parse, schema

# A text, and the sentence behind the file's name.
MALFORMED = [
    (
        'layer { name: "c" type: "Convolution" convolution_param { kernal_size: 3 } }',
        '1:59: layer "c" (Convolution): convolution_param has no field "kernal_size". Did you mean '
        '"kernel_size"?',
    ),
    (
        "layer { kernel_size: 3}",
        '1:9: layer has no field "kernel_size". It is a field of convolution_param, pooling_param, sub_sampling_param.',
    ),
    (
        'layer { top: "x" zzz: 1 }',
        '1:18: layer has no field "zzz". Correct its name or remove it.',
    ),
    (
        "layer { input_param { zzz: 1 } }",
        '1:23: input_param has no field "zzz". Its fields: shape.',
    ),
    (
        "frobnicate: 1",
        '1:1: NetParameter has no field "frobnicate". Its fields: name, layers, input, input_dim, '
        "force_backward, state, debug_info, input_shape, layer.",
    ),
    (
        'layer {\n name: "a"',
        '1:1: layer "a": the layer block opened here is not closed before the end of the text; expected '
        '"}". Add it.',
    ),
    (
        'layer { name: "a" type: "B"\n  pooling_param {\n    pool: MAX\n}\nlayer { name: "b" }',
        '1:1: layer "a" (B): the layer block opened here is not closed before layer in line 5; expected '
        '"}". Add it.',
    ),
    (
        "layer { name: conv }",
        '1:15: name is conv; expected a text in quotes. Write name: "conv".',
    ),
    (
        "layer { include { phase: TRAINING } }",
        '1:26: phase is TRAINING; expected one of TRAIN, TEST. Did you mean "TRAIN"?',
    ),
    (
        "layer { include { phase: 7 } }",
        "1:26: phase is 7; expected one of TRAIN, TEST. Write one of them, without quotes.",
    ),
    (
        "layer { convolution_param { pad: -1 } }",
        "1:34: pad is -1; expected a whole number from 0 to 4294967295. Write it without quotes, point or"
        " exponent.",
    ),
    (
        "layer { convolution_param { pad: 1.5 } }",
        "1:34: pad is 1.5; expected a whole number from 0 to 4294967295. Write it without quotes, point "
        "or exponent.",
    ),
    (
        'layer { convolution_param { pad: "1" } }',
        '1:34: pad is "1"; expected a whole number from 0 to 4294967295. Write it without quotes, point '
        "or exponent.",
    ),
    (
        "layer { convolution_param { pad: 4294967296 } }",
        "1:34: pad is 4294967296; expected a whole number from 0 to 4294967295. Write it without quotes, "
        "point or exponent.",
    ),
    (
        "layer { convolution_param { axis: 08 } }",
        "1:35: axis is 08; expected a whole number from -2147483648 to 2147483647. Write it without "
        "quotes, point or exponent.",
    ),
    (
        "layer { convolution_param { pad: { } } }",
        "1:34: pad is a block here; expected a whole number from 0 to 4294967295. Write it without "
        "quotes, point or exponent.",
    ),
    (
        "layer { convolution_param { pad {} } }",
        "1:33: pad is a block here; expected a whole number from 0 to 4294967295. Write it without "
        "quotes, point or exponent.",
    ),
    (
        "layer { convolution_param { pad } }",
        '1:33: found "}"; expected ":". Write pad: and its value.',
    ),
    (
        "layer { convolution_param { pad: } }",
        "1:34: pad has no value; expected a whole number from 0 to 4294967295. Write it without quotes, "
        "point or exponent.",
    ),
    (
        "layer { convolution_param { pad: [1, 2 } }",
        '1:40: found "}" in a list; expected "," or "]". Add what is missing.',
    ),
    (
        "layer { convolution_param { pad: [1 2] } }",
        '1:37: found 2 in a list; expected "," or "]". Add what is missing.',
    ),
    (
        "layer { convolution_param { pad: [1,] } }",
        "1:37: pad has no value; expected a whole number from 0 to 4294967295. Write it without quotes, "
        "point or exponent.",
    ),
    (
        "layer { convolution_param { bias_term: yes } }",
        "1:40: bias_term is yes; expected true or false. Write one of them, without quotes.",
    ),
    (
        "layer { convolution_param { bias_term: [true] } }",
        "1:40: bias_term is a list; expected one value. Remove the brackets.",
    ),
    (
        "layer { convolution_param: 3 }",
        "1:28: convolution_param is 3; expected a block. Write convolution_param { ... }.",
    ),
    (
        'layer { convolution_param: "x" }',
        '1:28: convolution_param is "x"; expected a block. Write convolution_param { ... }.',
    ),
    (
        "layer { loss_weight: 0x10 }",
        "1:22: loss_weight is 0x10; expected a decimal number, inf or nan. Write it without quotes.",
    ),
    (
        "layer { loss_weight: 1.2.3 }",
        "1:22: loss_weight is 1.2.3; expected a decimal number, inf or nan. Write it without quotes.",
    ),
    (
        "layer { loss_weight: one }",
        "1:22: loss_weight is one; expected a decimal number, inf or nan. Write it without quotes.",
    ),
    (
        'layer { name: "a }',
        '1:15: the text opened here is not closed; expected " before the end of the line. Add it.',
    ),
    (
        'layer { name: "\\q" }',
        '1:15: the text has the escape \\q; expected one of \\n \\t \\r \\" \\\' \\\\, \\ooo from \\000 to \\377, '
        "\\xhh, or the \\uhhhh of a character. Write \\\\ for a backslash.",
    ),
    (
        'layer { name: "\\400" }',
        '1:15: the text has the escape \\400; expected one of \\n \\t \\r \\" \\\' \\\\, \\ooo from \\000 to \\377, '
        "\\xhh, or the \\uhhhh of a character. Write \\\\ for a backslash.",
    ),
    (
        'layer { name: "\\ud800" }',
        '1:15: the text has the escape \\ud800; expected one of \\n \\t \\r \\" \\\' \\\\, \\ooo from \\000 to \\377,'
        " \\xhh, or the \\uhhhh of a character. Write \\\\ for a backslash.",
    ),
    (
        'layer { name: "\\xff" }',
        "1:15: name holds the byte 0xff; expected UTF-8. Write the character itself.",
    ),
    (
        'layer { name: "a" "b }',
        '1:19: the text opened here is not closed; expected " before the end of the line. Add it.',
    ),
    (
        'name: "a" name: "b"',
        "1:11: name is given twice, first in line 1; expected it once. Remove one of the two.",
    ),
    (
        "layer { relu_param {} relu_param {} }",
        "1:23: relu_param is given twice, first in line 1; expected it once. Remove one of the two.",
    ),
    (
        "layer { clip_param { min: 1 } }",
        "1:9: clip_param has no max; expected one. Add max: and its value.",
    ),
    (
        "}",
        '1:1: found "}" outside of any block; expected a field name. Remove it.',
    ),
    (
        "layer { > ",
        '1:9: found ">"; expected "}", which closes the block opened in line 1. Use brackets that match.',
    ),
    (
        'layer < name: "x" }',
        '1:19: layer "x": found "}"; expected ">", which closes the block opened in line 1. Use brackets '
        "that match.",
    ),
    (
        'layer { name: "x" }}',
        '1:20: found "}" outside of any block; expected a field name. Remove it.',
    ),
    (
        ": 3",
        '1:1: found ":"; expected a field name. Remove it or name its field.',
    ),
    (
        "layer { , }",
        '1:9: found ","; expected a field name or "}". Remove it or name its field.',
    ),
    (
        'name: "x",, ',
        '1:11: found ","; expected a field name. Remove it or name its field.',
    ),
    (
        "[foo.bar]: 1",
        '1:1: found "["; expected a field name. Extensions are unknown: remove it.',
    ),
    (
        "layer { [type.googleapis.com/x.Y] { } }",
        '1:9: found "["; expected a field name. Extensions are unknown: remove it.',
    ),
    (
        "5: 1",
        "1:1: found 5; expected a field name. Remove it or name its field.",
    ),
    (
        'layer { "name": "x" }',
        '1:9: found "name"; expected a field name or "}". Remove it or name its field.',
    ),
    (
        'name = "x"',
        '1:6: found "="; expected ":". Write name: and its value.',
    ),
    (
        "na\x00me: 1",
        "1:3: found a NUL character; expected plain text. Is this a binary file? Name the prototxt.",
    ),
    (
        "layers { type: CONV }",
        "1:16: type is CONV; expected one of NONE, ABSVAL, ACCURACY, ARGMAX, BNLL, CONCAT, "
        "CONTRASTIVE_LOSS, CONVOLUTION, DATA, DECONVOLUTION, DROPOUT, DUMMY_DATA, EUCLIDEAN_LOSS, "
        "ELTWISE, EXP, FLATTEN, HDF5_DATA, HDF5_OUTPUT, HINGE_LOSS, IM2COL, IMAGE_DATA, INFOGAIN_LOSS, "
        "INNER_PRODUCT, LRN, MEMORY_DATA, MULTINOMIAL_LOGISTIC_LOSS, MVN, POOLING, POWER, RELU, SIGMOID, "
        "SIGMOID_CROSS_ENTROPY_LOSS, SILENCE, SOFTMAX, SOFTMAX_LOSS, SPLIT, SLICE, TANH, WINDOW_DATA, "
        'THRESHOLD. Did you mean "CONCAT"?',
    ),
    (
        'layers { bottom: "data" layer { name: "x" type: "conv" kernelsiz: 5 } }',
        '1:56: layer "x" (conv): layer has no field "kernelsiz". Did you mean "kernelsize"?',
    ),
    (
        'layer { name: "é" type: "T" bad: 1 }',
        '1:29: layer "é" (T): layer has no field "bad". Correct its name or remove it.',
    ),
    (
        'name: "x" layer',
        "1:16: layer has no value; expected a block. Write layer { ... }.",
    ),
    (
        'layer [ { name: "x" } { } ]',
        '1:23: found "{" in a list; expected "," or "]". Add what is missing.',
    ),
    (
        'name: \'x" ',
        "1:7: the text opened here is not closed; expected ' before the end of the line. Add it.",
    ),
    (
        "input_dim: 1e3",
        "1:12: input_dim is 1e3; expected a whole number from -2147483648 to 2147483647. Write it without"
        " quotes, point or exponent.",
    ),
    (
        'layer { name: "x" } stray',
        '1:21: NetParameter has no field "stray". Did you mean "state"?',
    ),
    (
        "name: -",
        '1:7: name is "-"; expected a text in quotes. Write name: "...".',
    ),
    (
        "layer { convolution_param { pad: - } }",
        '1:34: pad is "-"; expected a whole number from 0 to 4294967295. Write it without quotes, point '
        "or exponent.",
    ),
    (
        'layer { convolution_param { pad: -"x" } }',
        '1:34: pad is "-"; expected a whole number from 0 to 4294967295. Write it without quotes, point '
        "or exponent.",
    ),
    (
        'state { phase: "TEST" }',
        '1:16: phase is "TEST"; expected one of TRAIN, TEST. Write one of them, without quotes.',
    ),
    (
        "force_backward: TRUE",
        "1:17: force_backward is TRUE; expected true or false. Write one of them, without quotes.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), MALFORMED)
def test_malformed_text(text, sentence):
    with pytest.raises(PrototxtError) as caught:
        parse(text, schema.NetParameter, "net.prototxt")
    assert caught.value.sentence() == f"net.prototxt:{sentence}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("u {{{", "1:3: the value opened here is not closed; expected its end. Close it."),
        ("u [1}", '1:5: found "}"; expected a value. Use brackets that match.'),
        ("u:", "1:3: the value opened here is not closed; expected its end. Close it."),
        ("u: }", '1:4: found "}"; expected a value. Use brackets that match.'),
    ],
)
def test_malformed_value_of_an_unknown_field(text, sentence):
    with pytest.raises(PrototxtError) as caught:
        parse(text, schema.NetParameter, "net.prototxt", lenient=True)
    assert caught.value.sentence() == f"net.prototxt:{sentence}"


def test_whole_error_with_line_and_caret():
    text = 'layer {\n  name: "conv1"\n  type: "Convolution"\n\tconvolution_param { kernal_size: 5 }\r\n}\n'
    with pytest.raises(PrototxtError) as caught:
        parse(text, schema.NetParameter, "lenet.prototxt")
    assert str(caught.value) == (
        'lenet.prototxt:4:22: layer "conv1" (Convolution): convolution_param has no field "kernal_size". '
        'Did you mean "kernel_size"?\n'
        "  \tconvolution_param { kernal_size: 5 }\n"
        "  \t                    ^"
    )
    assert (caught.value.layer_name, caught.value.layer_type) == ("conv1", "Convolution")
    assert (caught.value.filename, caught.value.line, caught.value.column) == ("lenet.prototxt", 4, 22)


def test_unclosed_block_is_reported_where_it_was_opened():
    text = 'layer {\n  name: "a"\n  pooling_param {\n    pool: MAX\n  }\n\nlayer {\n  name: "b"\n}\n'
    with pytest.raises(PrototxtError) as caught:
        parse(text, schema.NetParameter, "net.prototxt")
    assert str(caught.value) == (
        'net.prototxt:1:1: layer "a": the layer block opened here is not closed before layer in line 7; '
        'expected "}". Add it.\n'
        "  layer {\n"
        "  ^"
    )


def test_long_values_are_cut_short():
    with pytest.raises(PrototxtError) as caught:
        parse(f"input_dim: {'7' * 5000}", schema.NetParameter, "n")
    assert caught.value.sentence() == (
        f"n:1:12: input_dim is {'7' * 40}...; expected a whole number from -2147483648 to 2147483647. "
        "Write it without quotes, point or exponent."
    )
