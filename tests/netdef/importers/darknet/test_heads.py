"""Losses with Darknet's gradients, detectors, and what their sections may not say."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import NetError
from netdef.importers.darknet.conversion import import_darknet
from netdef.net import Net
from prototxt import parse_net, schema, to_text
from tests.support.darknet import write

NET = "[net]\nbatch=6\nsubdivisions=2\nheight=1\nwidth=1\nchannels=4\nmax_batches=9\n"
LINEAR = "[activation]\nactivation=linear\n"
TRUTH = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], np.float64)


def imported(folder, text, **options):
    return import_darknet(write(folder, "n.cfg", text), net_file="n", snapshot_prefix="n", **options)


def gradient(result, values, label):
    """The gradient of the training loss with respect to ``data``."""
    layers = [layer for layer in result.train_test.layer if layer.type not in ("Data", "HDF5Data", "AnnotatedData")]
    message = schema.NetParameter(layer=layers, force_backward=True)
    for name, array in (("label", label), ("data", values)):
        inputs = schema.LayerParameter(name=name, type="Input", top=[name])
        inputs.input_param.shape.add().dim.extend(array.shape)
        message.layer.insert(0, inputs)
    net = Net(parse_net(to_text(message)), schema.TRAIN, dtype=np.float64)
    net.blobs["data"].data[...], net.blobs["label"].data[...] = values, label
    net.forward()
    net.backward()
    return net.blobs["data"].diff


def softmax(values, temperature=1.0):
    shares = np.exp(values / temperature)
    return shares / shares.sum(axis=1, keepdims=True)


SOFTMAXES = [
    ("[softmax]\n", 1, 1),
    ("[softmax]\n[cost]\n", 2, 1),
    ("[softmax]\ngroups=1\n[cost]\ntype=sse\nscale=0.5\n", 1.5, 1),
    ("[softmax]\nnoloss=1\n[cost]\n", 1, 1),
    ("[softmax]\ntemperature=3\n[cost]\n", 2, 3),
]


@pytest.mark.parametrize("sections, weight, temperature", SOFTMAXES)
def test_softmax(rng, tmp_path, sections, weight, temperature):
    """Darknet's delta is truth - probability from each of softmax and cost, whatever the temperature."""
    values = rng.normal(size=(3, 4, 1, 1))
    found = gradient(imported(tmp_path, NET + LINEAR + sections), values, TRUTH.argmax(axis=1).astype(float))
    wanted = weight * (softmax(values.reshape(3, 4), temperature) - TRUTH) / 3
    np.testing.assert_allclose(found.reshape(3, 4), wanted, rtol=1e-6)


COSTS = [
    ("[cost]\n", lambda off: off),
    ("[cost]\ntype=sse\nscale=0.25\n", lambda off: off / 4),
    ("[cost]\ntype=L1\n", np.sign),
    ("[cost]\ntype=L1\nscale=2\n", lambda off: 2 * np.sign(off)),
    ("[cost]\ntype=smooth\n", lambda off: np.clip(off, -1, 1)),
]


@pytest.mark.parametrize("sections, slope", COSTS)
def test_costs_of_vectors(rng, tmp_path, sections, slope):
    values = 2 * rng.normal(size=(3, 4, 1, 1))
    result = imported(tmp_path, NET + LINEAR + sections)
    assert [layer.type for layer in result.train_test.layer[:2]] == ["HDF5Data"] * 2
    found = gradient(result, values, TRUTH.reshape(3, 4, 1, 1))
    np.testing.assert_allclose(found.reshape(3, 4), slope(values.reshape(3, 4) - TRUTH) / 3, rtol=1e-6)


def test_logistic(rng, tmp_path):
    values = rng.normal(size=(3, 4, 1, 1))
    found = gradient(imported(tmp_path, NET + LINEAR + "[logistic]\n"), values, TRUTH.reshape(3, 4, 1, 1))
    np.testing.assert_allclose(found.reshape(3, 4), (1 / (1 + np.exp(-values.reshape(3, 4))) - TRUTH) / 3, rtol=1e-6)


DETECTOR = NET.replace("height=1", "height=64").replace("width=1", "width=96")
YOLO = """\
[convolutional]
filters=4
size=3
stride=2
pad=1
activation=leaky
[maxpool]
size=8
stride=8
[convolutional]
filters=16
activation=linear
[yolo]
mask=1,2
anchors=10,14, 23,27, 37,58
classes=3
num=3
jitter=.3
ignore_thresh=.7
truth_thresh=1
random=1
[route]
layers=-2
[upsample]
stride=2
[yolo]
mask=0,1
anchors=10,14, 23,27, 37,58
classes=3
num=3
"""
REGION = """\
[reorg]
stride=1
[maxpool]
size=16
stride=16
[convolutional]
filters=16
activation=linear
[region]
anchors = 1.3,1.7, 3.2,4
bias_match=1
classes=3
coords=4
num=2
softmax=1
jitter=.2
rescore=1
object_scale=5
noobject_scale=1
class_scale=1
coord_scale=1
absolute=1
thresh = .6
random=0
"""


def test_yolo(tmp_path):
    result = imported(tmp_path, DETECTOR + YOLO)
    losses = [layer for layer in result.train_test.layer if layer.type == "YoloLoss"]
    assert [list(layer.bottom) for layer in losses] == [["conv2", "label"], ["upsample5", "label"]]
    assert to_text(losses[0].yolo_loss_param) == (
        "num_classes: 3\nnum_box: 2\nbiases: 10\nbiases: 14\nbiases: 23\nbiases: 27\nbiases: 37\nbiases: 58\nmask: 1\n"
        "mask: 2\nanchors_scale: 16\nignore_thresh: 0.7\ntruth_thresh: 1\n"
    )
    assert list(losses[1].yolo_loss_param.mask) == [0, 1] and losses[1].yolo_loss_param.anchors_scale == 8
    answer = result.deploy.layer[-1]
    assert (answer.type, list(answer.bottom)) == ("Yolov3DetectionOutput", ["conv2", "upsample5"])
    fields = answer.yolov3_detection_output_param
    assert (list(fields.mask), list(fields.anchors_scale), fields.mask_group_num) == ([1, 2, 0, 1], [16, 8], 2)
    net = Net(parse_net(to_text(result.deploy)), schema.TEST)
    assert [net.blobs[name].shape for name in answer.bottom] == [(1, 16, 4, 6), (1, 16, 8, 12)]
    net.forward()


def test_region(tmp_path):
    result = imported(tmp_path, DETECTOR + REGION)
    (loss,) = [layer for layer in result.train_test.layer if layer.type == "RegionLoss"]
    assert to_text(loss.region_loss_param) == (
        "num_classes: 3\nnum_box: 2\nbiases: 1.3\nbiases: 1.7\nbiases: 3.2\nbiases: 4\nsoftmax: true\ncoord_scale: 1\n"
        "object_scale: 5\nnoobject_scale: 1\nclass_scale: 1\nthresh: 0.6\nrescore: true\nbias_match: true\n"
    )
    answer = result.deploy.layer[-1]
    assert (answer.type, list(answer.bottom)) == ("YoloDetectionOutput", ["conv2"])
    Net(parse_net(to_text(result.deploy)), schema.TEST).forward()


@pytest.mark.parametrize("text", [YOLO, REGION])
def test_detectors_learn(rng, tmp_path, text):
    result = imported(tmp_path, DETECTOR + text)
    truth = np.array([[0, 1, 0, 0.1, 0.1, 0.4, 0.5, 0], [2, 3, 0, 0.5, 0.2, 0.9, 0.8, 0]]).reshape(1, 1, 2, 8)
    assert np.abs(gradient(result, rng.normal(size=(3, 4, 64, 96)), truth)).max() > 0


def refusal(folder, text) -> str:
    with pytest.raises(NetError) as caught:
        imported(folder, text)
    return caught.value.sentence().replace(str(folder) + "/", "")


WRONG = [
    (NET + "[softmax]\ngroups=2\n",
     "n.cfg:9:1: [softmax] groups is 2, which has no equivalent here; expected 1. Take it away and train anew."),
    (NET + "[softmax]\ntree=a.tree\n",
     "n.cfg:9:1: [softmax] tree, a softmax over a tree of classes, has no equivalent here. Take it away."),
    (DETECTOR + "[softmax]\nspatial=1\n", "n.cfg:9:1: [softmax] spatial is 1, which has no equivalent here. Take it "
     "away."),
    (NET + "[softmax]\nnoloss=1\n",
     "n.cfg:9:1: [softmax] noloss is 1 and no [cost] follows; nothing would be learned. Take noloss away."),
    (NET + "[softmax]\n[cost]\ntype=L1\n",
     "n.cfg:10:1: [cost] type is L1 behind a softmax: Darknet passes its gradient on as if the softmax were not there, "
     "which is no loss of Caffe's; expected sse. Correct type."),
    (NET + "[cost]\ntype=masked\n",
     'n.cfg:9:1: [cost] type is "masked", which has no equivalent here; expected sse, L1, smooth.'),
    (DETECTOR + YOLO.replace("filters=16", "filters=18"),
     "n.cfg:23:1: [yolo] has 2 boxes of 3 classes, which need 16 channels before it; found 18. Correct filters "
     "before, or "
     "classes."),
    (DETECTOR + YOLO.replace("mask=1,2", "mask=1,3"),
     "n.cfg:21:1: [yolo] mask has 3; expected numbers of anchors, 0 to 2. Correct it."),
    (DETECTOR + YOLO.replace("anchors=10,14, ", "anchors=", 1),
     "n.cfg:22:1: [yolo] has 4 anchors and num is 3; expected a width and a height for each, 6 numbers. Correct "
     "anchors."),
    (DETECTOR + YOLO.replace("anchors=10", "anchors=0"),
     "n.cfg:22:1: [yolo] has 0 among its anchors; expected sizes above 0. Correct it."),
    (DETECTOR + YOLO.replace("jitter=.3", "scale_x_y=1.2"),
     "n.cfg:25:1: [yolo] scale_x_y is 1.2, which has no equivalent here; expected 1. Take it away and train anew."),
    (DETECTOR.replace("height=64", "height=63") + YOLO,
     "n.cfg:20:1: [yolo] has a grid of 4x6 cells over an image of 63x96; expected the same whole number of pixels a "
     "cell "
     "both ways. Correct width and height of [net]."),
    (DETECTOR + REGION + "[route]\nlayers=-2\n[region]\n" + REGION.partition("[region]\n")[2],
     "n.cfg:34:1: [region] is one of several outputs that cannot be put together; expected one region or several "
     "yolo."),
    (DETECTOR + REGION.replace("softmax=1", "softmax=0"),
     "n.cfg:22:1: [region] softmax is 0, with which YoloDetectionOutput cannot answer; expected 1. Set softmax=1."),
    (DETECTOR + REGION.replace("softmax=1", "tree=a.tree"),
     "n.cfg:22:1: [region] tree, a softmax over a tree of classes, has no equivalent here. Take it away."),
    (DETECTOR + REGION.replace("coords=4", "coords=5"),
     "n.cfg:20:1: [region] coords is 5, which has no equivalent here; expected 4. Take it away and train anew."),
]  # fmt: skip


@pytest.mark.parametrize("text, message", WRONG)
def test_refusals(tmp_path, text, message):
    assert refusal(tmp_path, text) == message


def test_grids_must_agree(tmp_path):
    first, _, second = YOLO.rpartition("37,58")
    assert refusal(tmp_path, f"{DETECTOR}{first}37,59{second}") == (
        "n.cfg:33:1: [yolo] differs from the first [yolo] in classes, anchors or their number; expected the same."
    )


def test_notices(tmp_path):
    result = imported(tmp_path, DETECTOR + YOLO.replace("truth_thresh=1\n", "truth_thresh=1\niou_loss=ciou\n"))
    assert [notice.replace(str(tmp_path) + "/", "") for notice in result.notices] == [
        "n.cfg:28:1: [yolo] iou_loss is left out: the loss is that of Darknet itself.",
        "n.cfg:25:1: [yolo] jitter is left out: images are resized, not moved about.",
        "n.cfg:29:1: [yolo] random is left out: images are resized, not moved about.",
    ]
    result = imported(tmp_path, NET + "[softmax]\n[cost]\n")
    assert [notice.replace(str(tmp_path) + "/", "") for notice in result.notices] == [
        "n.cfg:9:1: [cost] adds 1 times the gradient that the softmax before it gives already, as in Darknet since "
        "2017; "
        "the loss_weight has both. Set it to 1 for what Darknet did before.",
        "n.cfg:1:1: [net] flip is not given: Darknet mirrors training images at random, the nets here do not. Add "
        "mirror: "
        "true to the transform_param to have it.",
    ]
