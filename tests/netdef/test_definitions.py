"""Layer types that nobody registered, with fields that nobody knows."""

import pytest

from netdef import Net
from netdef.definitions import load_definition
from netdef.errors import NetError
from prototxt import PrototxtError

FORKS = """layer { name: "cor" type: "Correlation" correlation_param { pad: 20 kernel_size: [1, 2] } top: "c" }
layer { name: "y" type: "Yolov3" bottom: "c" yolov3_param < num_class: 20 > top: "y" }
layer { name: "r" type: "Relu" bottom: "c" top: "r" }
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "net.prototxt").write_text(text)
        return "net.prototxt"

    return write


@pytest.mark.parametrize("load", [load_definition, Net])
def test_types_are_reported_before_fields_of_theirs(write, load):
    with pytest.raises(NetError) as caught:
        load(write(FORKS))
    first, *rest = caught.value.sentence().splitlines()
    assert first.startswith('net.prototxt:1:21: layer "cor" (Correlation): unknown layer type "Correlation". Did you ')
    assert first.endswith(" The type belongs to a fork of Caffe: FlowNet 2 (github.com/lmb-freiburg/flownet2).")
    assert rest == [
        'net.prototxt:2:19: layer "y" (Yolov3): unknown layer type as well. The type belongs to a fork of Caffe: the '
        "YOLO ports (github.com/eric612/MobileNet-YOLO).",
        'net.prototxt:3:19: layer "r" (Relu): unknown layer type as well. Did you mean "ReLU"?',
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (  # a known type
            'layer { name: "r" type: "ReLU" relu_parm { } }',
            'net.prototxt:1:32: layer "r" (ReLU): layer has no field "relu_parm". Did you mean "relu_param"?',
        ),
        (  # a known type of V1
            'layers { name: "r" type: RELU relu_parm { } }',
            'net.prototxt:1:31: layer "r" (RELU): layers has no field "relu_parm". Did you mean "relu_param"?',
        ),
        (  # a text that ends too early
            'layer { name: "x" type: "Yolov3" yolov3_param { a: 1 } ',
            'net.prototxt:1:34: layer "x" (Yolov3): layer has no field "yolov3_param". Did you mean "log_param"?',
        ),
    ],
)
def test_unknown_fields_stay_errors(write, text, sentence):
    with pytest.raises(PrototxtError) as caught:
        load_definition(write(text))
    assert caught.value.sentence() == sentence


def test_a_net_that_is_right_is_read(write):
    document = load_definition(write('layer { name: "d" type: "Input" top: "d" }'))
    assert (document.message.layer[0].type, document.filename) == ("Input", "net.prototxt")
