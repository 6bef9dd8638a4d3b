"""What [net] says of images."""

from __future__ import annotations

import pytest

from netdef.errors import NetError
from netdef.importers.darknet.cfg import parse_cfg
from netdef.importers.darknet.data import data_layers, read_image
from netdef.importers.darknet.net import Building
from prototxt import schema, to_text

NET = "[net]\nchannels=3\nheight=8\nwidth=6\n"


def layers_of(text, truth, bgr=True, train_data="", test_data=""):
    building = Building((3, 8, 6), 8, 4, truth=truth)
    layers = data_layers(building, parse_cfg(text, "n.cfg")[0], train_data, test_data, bgr)
    return layers, building.notices


def test_classes():
    (train, test), notices = layers_of(NET + "flip=1\nangle=7\nhue=.1\nsaturation=1\nmax_crop=9\n", "class")
    assert to_text(schema.NetParameter(layer=[train])) == (
        'layer {\n  name: "data"\n  type: "Data"\n  top: "data"\n  top: "label"\n  include {\n    phase: TRAIN\n  }\n'
        "  transform_param {\n    scale: 0.003921569\n    mirror: true\n    affine_param {\n      rotation: 7\n    "
        "}\n  }\n"
        '  data_param {\n    source: "train_lmdb"\n    batch_size: 4\n    backend: LMDB\n  }\n}\n'
    )
    assert test.include[0].phase == schema.TEST and to_text(test.transform_param) == "scale: 0.003921569\n"
    assert test.data_param.source == "test_lmdb"
    assert notices == [
        "n.cfg:7:1: [net] hue=0.1 is left out: there is no such change of images here.",
        "n.cfg:9:1: [net] max_crop, which scales images at random before they are cropped, is left out.",
    ]


def test_named_data():
    (train, test), _ = layers_of(NET, "class", train_data="a", test_data="b")
    assert (train.data_param.source, test.data_param.source) == ("a", "b")


def test_vectors():
    (train, test), notices = layers_of(NET + "flip=1", "vector", bgr=False)
    assert (train.type, to_text(train.hdf5_data_param)) == ("HDF5Data", 'source: "train_h5.txt"\nbatch_size: 4\n')
    assert test.hdf5_data_param.source == "test_h5.txt" and not train.HasField("transform_param")
    assert notices == []


@pytest.mark.parametrize("saturation", ["1.6", "0.625"])
def test_boxes(saturation):
    (train, test), notices = layers_of(NET + f"hue=.1\nsaturation={saturation}\nexposure=1.5", "boxes")
    assert train.type == "AnnotatedData"
    assert to_text(train.transform_param) == (
        "scale: 0.003921569\nresize_param {\n  height: 8\n  width: 6\n}\ndistort_param {\n  contrast_prob: 1\n"
        "  contrast_lower: 0.6666667\n  contrast_upper: 1.5\n  hue_prob: 1\n"
        "  hue_delta: 18\n  saturation_prob: 1\n  saturation_lower: 0.625\n  saturation_upper: 1.6\n}\n"
    )
    assert to_text(test.transform_param) == "scale: 0.003921569\nresize_param {\n  height: 8\n  width: 6\n}\n"
    assert notices == []


def test_the_order_of_colours_is_told():
    assert layers_of(NET + "flip=0", "class", bgr=False)[1] == [
        "n.cfg:2:1: [net] Darknet's images are red, green, blue; Caffe's are blue, green, red. Give --bgr to import "
        "for "
        "those."
    ]


def test_sizes():
    assert read_image(parse_cfg(NET)[0]) == (3, 8, 6)
    assert read_image(parse_cfg("[net]\ninputs=7")[0]) == (7, 1, 1)
    with pytest.raises(NetError) as caught:
        read_image(parse_cfg("[net]\nheight=7", "n.cfg")[0])
    assert caught.value.sentence() == (
        "n.cfg:1:1: [net] has height 7, width 0 and channels 0; expected all three above 0, or inputs."
    )
