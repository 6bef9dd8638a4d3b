import math

import pytest

from prototxt import parse, schema, to_text
from prototxt.printer import float_text


def test_canonical_text():
    text = """name: 'n' layer <type: 'Pooling', name: "p"; top: ["a", "b"]
    pooling_param: {pool: 1 global_pooling: t pad: 0x2} blobs {double_data: [0.1, -3, 1e300]} relu_param{} >
    state { level: -2 } layer { transform_param { mean_value: [104, 0.00390625, 1e-5] } }"""
    assert to_text(parse(text, schema.NetParameter).message) == (
        'name: "n"\nstate {\n  level: -2\n}\n'
        'layer {\n  name: "p"\n  type: "Pooling"\n  top: "a"\n  top: "b"\n'
        "  blobs {\n    double_data: 0.1\n    double_data: -3\n    double_data: 1e+300\n  }\n"
        "  pooling_param {\n    pool: AVE\n    pad: 2\n    global_pooling: true\n  }\n  relu_param {\n  }\n}\n"
        "layer {\n  transform_param {\n"
        "    mean_value: 104\n    mean_value: 0.00390625\n    mean_value: 1e-05\n  }\n}\n"
    )


def test_strings_are_escaped_and_stay_readable():
    layer = schema.LayerParameter(name='é"\\\n\r\t\0\x7f')
    assert to_text(layer) == 'name: "é\\"\\\\\\n\\r\\t\\000\\177"\n'
    assert to_text(schema.Datum(data=b'\xff\0a"')) == 'data: "\\377\\000a\\""\n'


def test_empty_message():
    assert to_text(schema.NetParameter()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1 / 3, "0.33333334"),
        (16777217.0, "16777216"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (-0.0, "-0"),
        (1e-45, "1.4013e-45"),
        (3.4028235e38, "3.4028235e+38"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_float_text(value, text):
    assert float_text(schema.ParamSpec(lr_mult=value).lr_mult) == text
