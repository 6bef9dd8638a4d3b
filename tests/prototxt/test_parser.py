"""The parser reads what protobuf's own text_format reads, and makes the same message of it."""

import random
import re

import pytest
from google.protobuf import descriptor_pb2, text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from prototxt import PrototxtError, parse, schema, to_text
from tests.prototxt.messages import FreeSpelling, messages

NET = schema.NetParameter
TYPES = [schema.NetParameter, schema.SolverParameter, schema.LayerParameter, schema.V1LayerParameter, schema.BlobProto]
TYPES += [schema.Datum, schema.SolverState, schema.PriorBoxParameter, schema.ClipParameter]


def same_bytes(a, b) -> bool:
    """Equal also where a value is nan."""
    return a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True)


def layer(text: str) -> schema.LayerParameter:
    return parse(text, schema.LayerParameter).message


SPELLINGS = [
    ('name: "a"', 'name:"a"'),
    ('name: "a"', "name: 'a'"),
    ('name: "a"', 'name: "a",'),
    ('name: "a"', "name : 'a' ;"),
    ('name: "ab"', "name: \"a\" 'b'"),
    ('name: "abc"', 'name: "a" # one\n  "b"\n"c"'),
    ('name: "a b"', 'name: "a" " " "b"'),
    ('name: "#{}"', 'name: "#{}"'),
    ('name: "a\\nb\\t\\"\\\\"', "name: 'a\\nb\\t\"\\\\'"),
    ('name: "\\001A"', 'name: "\\1\\x41"'),
    ('name: "é€😀"', 'name: "\\303\\251\\u20ac\\U0001F600"'),
    ('name: "\\007\\010\\014\\013?\'"', 'name: "\\a\\b\\f\\v\\?\\\'"'),
    ("pooling_param { }", "pooling_param {}"),
    ("pooling_param { pad: 1 }", "pooling_param: { pad: 1 }"),
    ("pooling_param { pad: 1 }", "pooling_param < pad: 1 >"),
    ("pooling_param { pad: 1 }", "pooling_param : <pad:1;>"),
    ("pooling_param { pad: 1 }", "pooling_param{pad:1},"),
    ("pooling_param { pad: 10 }", "pooling_param { pad: 0xA }"),
    ("pooling_param { pad: 8 }", "pooling_param { pad: 010 }"),
    ("pooling_param { pool: AVE }", "pooling_param { pool: 1 }"),
    ("pooling_param { pool: AVE }", "pooling_param { pool: 0x1 }"),
    ("softmax_param { axis: -1 }", "softmax_param { axis: - 1 }"),
    ("softmax_param { axis: -255 }", "softmax_param { axis: -0xff }"),
    ("loss_weight: 1 loss_weight: 2", "loss_weight: [1, 2]"),
    ("loss_weight: 1 loss_weight: 2", "loss_weight: 1, loss_weight: [ 2 ];"),
    ("", "loss_weight: []"),
    ("", "  # nothing"),
    ("", "\ufeff"),
    ("loss_weight: 0.5", "loss_weight: .5"),
    ("loss_weight: 5", "loss_weight: 5."),
    ("loss_weight: 1.5", "loss_weight: 1.5f"),
    ("loss_weight: 100", "loss_weight: 1E2F"),
    ("loss_weight: 1e-05", "loss_weight: 1e-5"),
    ("loss_weight: inf", "loss_weight: Infinity"),
    ("loss_weight: -inf", "loss_weight: -INF"),
    ("loss_weight: inf", "loss_weight: inff"),
    ("loss_weight: inf", "loss_weight: 1e50"),
    ("loss_weight: nan", "loss_weight: NaN"),
    ("loss_weight: nan", "loss_weight: nanf"),
    ("loss_weight: -0", "loss_weight: -0.0"),
    ("propagate_down: [true, true, true, true]", "propagate_down: [true, True, t, 1]"),
    ("propagate_down: [false, false, false, false]", "propagate_down: [false, False, f, 0]"),
    ("param { lr_mult: 1 } param { lr_mult: 2 }", "param: [{ lr_mult: 1 }, < lr_mult: 2 >]"),
    ("param { lr_mult: 1 } param { }", "param [ { lr_mult: 1 }, {} ]"),
    ("param { } param { }", "param{}param{}"),
    ("param { lr_mult: 1 decay_mult: 0 }", "param {\r\n  lr_mult: 1\r\n  decay_mult: 0\r\n}\r\n"),
    ('bottom: "a" bottom: "b"', "bottom: [\"a\", 'b']"),
    ('bottom: "ab" bottom: "c"', "bottom: ['a' \"b\", 'c']"),
]


@pytest.mark.parametrize(("canonical", "text"), SPELLINGS)
def test_spelling(canonical, text):
    assert same_bytes(layer(text), text_format.Parse(canonical, schema.LayerParameter()))


def test_range_limits():
    text = "dim: [9223372036854775807, -9223372036854775808]"
    assert list(parse(text, schema.BlobShape).message.dim) == [2**63 - 1, -(2**63)]
    assert layer("pooling_param { pad: 4294967295 }").pooling_param.pad == 2**32 - 1


def test_bytes_take_any_byte():
    assert parse('data: "\\000\\377\\xfe" "é"', schema.Datum).message.data == b"\0\xff\xfe\xc3\xa9"


def test_empty_block_is_present():
    assert layer("relu_param {}").HasField("relu_param")


def test_input_is_read_again_the_same():
    text = 'layer { name: "a" }\n'
    assert parse(text, NET).message == parse(text, NET).message


def zoo(zoo_dir):
    files = sorted([*zoo_dir.rglob("*.prototxt"), *zoo_dir.rglob("*.upgraded")])
    assert len(files) > 50
    return files


def test_equal_to_text_format_on_public_nets(zoo_dir):
    for file in zoo(zoo_dir):
        text = file.read_text(encoding="utf-8")
        message_type = schema.SolverParameter if "solver" in file.name else NET
        expected = text_format.Parse(text, message_type())
        assert parse(text, message_type, str(file)).message == expected, file
        assert parse(to_text(expected), message_type).message == expected, file


@given(st.data(), st.sampled_from(TYPES))
@settings(max_examples=150, deadline=None)
def test_equal_to_text_format_on_generated_messages(data, message_type):
    message = data.draw(messages(message_type))
    for style in ({}, {"as_utf8": True}, {"as_one_line": True}, {"use_short_repeated_primitives": True}):
        assert same_bytes(parse(text_format.MessageToString(message, **style), message_type).message, message)
    ours = to_text(message)
    assert same_bytes(text_format.Parse(ours, message_type()), message)
    assert same_bytes(parse(ours, message_type).message, message)


@given(st.data(), st.sampled_from(TYPES), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_equal_to_text_format_on_free_spellings(data, message_type, seed):
    message = data.draw(messages(message_type))
    text = FreeSpelling(seed).text(message)
    assert same_bytes(parse(text, message_type).message, message), text
    assert same_bytes(text_format.Parse(text, message_type()), message), text


SAMPLE = """name: "x" # note
layer { name: 'a' type: "Convolution" bottom: "data" top: "a"
  convolution_param { num_output: 3 kernel_size: [5, 3] weight_filler < type: "x\\n" std: 0.01 > } }
input_dim: [1, 2]; state: { phase: TEST level: -3 }
"""


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=300, deadline=None)
def test_damaged_text_is_an_error_with_a_place_or_reads_as_in_text_format(seed, lenient):
    rng = random.Random(seed)
    text = SAMPLE
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text))
        text = text[:start] + rng.choice(["", "", "{", "}", '"', "[", "]", ":", "<", "-", "\\", "#", "é", "\0", "\n"])
        text += SAMPLE[start + rng.randint(0, 9) :]
    try:
        ours = parse(text, NET, lenient=lenient)
    except PrototxtError as error:
        assert error.line >= 1 and error.column >= 1
        return
    if ours.warnings or re.search(r"-\s+\w", text):
        return  # "- 3" is C++'s spelling, which protobuf's Python parser does not know
    assert same_bytes(ours.message, text_format.Parse(text, NET()))


def test_deep_nesting_is_an_error():
    with pytest.raises(PrototxtError) as caught:
        parse("nested_type {" * 3000, descriptor_pb2.DescriptorProto)
    assert caught.value.sentence() == (
        "<text>:1:1301: blocks are nested more than 100 deep; expected fewer. Remove some."
    )


def test_lenient_skips_unknown_fields_of_every_form():
    text = """name: "n" extra: 1 extra: "a" 'b', extra: [1, {c: 2}] ;
layer { extra { a: <b: "}"> } name: "a" other < x {} > }"""
    document = parse(text, NET, "f", lenient=True)
    assert to_text(document.message) == 'name: "n"\nlayer {\n  name: "a"\n}\n'
    fields = "name, layers, input, input_dim, force_backward, state, debug_info, input_shape, layer"
    assert [warning.sentence() for warning in document.warnings] == [
        f'f:1:11: NetParameter has no field "extra". Its fields: {fields}.',
        f'f:1:20: NetParameter has no field "extra". Its fields: {fields}.',
        f'f:1:36: NetParameter has no field "extra". Its fields: {fields}.',
        'f:2:9: layer has no field "extra". Correct its name or remove it.',
        'f:2:41: layer has no field "other". Correct its name or remove it.',
    ]


def test_lenient_skips_deep_nesting():
    assert parse("u " + "{" * 5000 + "}" * 5000 + ' name: "n"', NET, lenient=True).message.name == "n"


@pytest.mark.parametrize(
    "text",
    [
        "u: [1 " * 30000,
        "layer { " * 20000,
        'name: "' + '\\"' * 50000,
        "#  \n" * 30000 + "{",
        "#netdef " * 9000 + "{",
        "u: " + "-" * 90000,
    ],
    ids=["lists", "blocks", "escapes", "comments", "netdef", "signs"],
)
def test_long_malformed_text_ends_soon(text):
    with pytest.raises(PrototxtError):
        parse(text, NET, lenient=True)


def test_lines_that_only_netdef_reads():
    """What Caffe takes for a comment counts here when it begins with "#netdef "; other comments do not."""
    text = 'name: "n" # see #netdef force_backward: false\n#netdef force_backward: true # yes\n  #netdefs: 1\n#netdef'
    document = parse(text, NET)
    assert document.message == NET(name="n", force_backward=True)
    assert document.location("force_backward").column == 9
    with pytest.raises(PrototxtError) as caught:
        parse("\n#netdef force_backwards: true", NET)
    assert caught.value.sentence().startswith('<text>:2:9: NetParameter has no field "force_backwards".')


@pytest.mark.parametrize("text", ['name: "caffe"\n#netdef name: "ours"', '#netdef name: "ours"\nname: "caffe"'])
def test_our_value_of_a_field_counts_before_that_for_caffe(text):
    document = parse(text, NET)
    assert document.message == NET(name="ours")
    assert document.location("name").column == 9


@pytest.mark.parametrize("text", ['#netdef name: "a"\n#netdef name: "b"', '#netdef name: "a" name: "b"'])
def test_two_values_of_one_kind_are_one_too_many(text):
    with pytest.raises(PrototxtError, match="name is given twice, first in line 1; expected it once. Remove one"):
        parse(text, NET)
