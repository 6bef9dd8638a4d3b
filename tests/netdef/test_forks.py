import pytest

from netdef.errors import NetError
from netdef.forks import fork_of
from netdef.net import Net
from prototxt import parse_net


def test_a_type_of_one_fork():
    assert fork_of("MarginInnerProduct") == (
        " The type belongs to a fork of Caffe: SphereFace (github.com/wy1iu/sphereface)."
    )


def test_a_type_of_several():
    assert fork_of("L1Loss") == (
        " The type belongs to a fork of Caffe: NVIDIA's (github.com/NVIDIA/caffe) or FlowNet 2 "
        "(github.com/lmb-freiburg/flownet2)."
    )


def test_a_type_of_none():
    assert fork_of("Convolutoin") == ""


def test_the_net_says_it_of_every_unknown_type():
    text = 'layer { name: "a" type: "FlowWarp" }\nlayer { name: "b" type: "Nms" }\nlayer { name: "c" type: "Sotfmax" }'
    with pytest.raises(NetError) as caught:
        Net(parse_net(text))
    first, *rest = caught.value.message.splitlines()
    assert first.endswith("The type belongs to a fork of Caffe: FlowNet 2 (github.com/lmb-freiburg/flownet2).")
    assert rest == [
        '<text>:2:19: layer "b" (Nms): unknown layer type as well. The type belongs to a fork of Caffe: OpenPose '
        "(github.com/CMU-Perceptual-Computing-Lab/caffe_train).",
        '<text>:3:19: layer "c" (Sotfmax): unknown layer type as well. Did you mean "Softmax"?',
    ]
