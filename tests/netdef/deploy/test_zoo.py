"""Every training definition that BVLC Caffe ships, derived and built, and held against its published twin."""

from __future__ import annotations

import pytest

from netdef.deploy import derive_deploy
from netdef.net import Net
from prototxt import load_net, parse_net, schema, to_text

CIFAR, DIGIT = (3, 32, 32), (1, 28, 28)
NETS = {
    "examples/cifar10/cifar10_full_sigmoid_train_test.prototxt": CIFAR,
    "examples/cifar10/cifar10_full_sigmoid_train_test_bn.prototxt": CIFAR,
    "examples/cifar10/cifar10_full_train_test.prototxt": CIFAR,
    "examples/cifar10/cifar10_quick_train_test.prototxt": CIFAR,
    "examples/feature_extraction/imagenet_val.prototxt": None,
    "examples/finetune_pascal_detection/pascal_finetune_trainval_test.prototxt": None,
    "examples/hdf5_classification/nonlinear_auto_test.prototxt": (4,),
    "examples/hdf5_classification/nonlinear_auto_train.prototxt": (4,),
    "examples/hdf5_classification/nonlinear_train_val.prototxt": (4,),
    "examples/hdf5_classification/train_val.prototxt": (4,),
    "examples/mnist/lenet_train_test.prototxt": DIGIT,
    "examples/mnist/mnist_autoencoder.prototxt": DIGIT,
    "examples/pycaffe/linreg.prototxt": None,
    "examples/siamese/mnist_siamese_train_test.prototxt": (2, 28, 28),
    "models/bvlc_alexnet/train_val.prototxt": None,
    "models/bvlc_googlenet/train_val.prototxt": None,
    "models/bvlc_reference_caffenet/train_val.prototxt": None,
    "models/finetune_flickr_style/train_val.prototxt": None,
}
PUBLISHED = {
    "examples/cifar10/cifar10_full_train_test.prototxt": "examples/cifar10/cifar10_full.prototxt",
    "examples/cifar10/cifar10_quick_train_test.prototxt": "examples/cifar10/cifar10_quick.prototxt",
    "examples/mnist/lenet_train_test.prototxt": "examples/mnist/lenet.prototxt",
    "models/bvlc_alexnet/train_val.prototxt": "models/bvlc_alexnet/deploy.prototxt",
    "models/bvlc_googlenet/train_val.prototxt": "models/bvlc_googlenet/deploy.prototxt",
    "models/bvlc_reference_caffenet/train_val.prototxt": "models/bvlc_reference_caffenet/deploy.prototxt",
    "models/finetune_flickr_style/train_val.prototxt": "models/finetune_flickr_style/deploy.prototxt",
}
CAFFE_TYPES = set(
    "Input Convolution Pooling ReLU LRN InnerProduct Softmax Concat Sigmoid Dropout Slice BatchNorm".split()
)


@pytest.mark.parametrize("name", NETS)
def test_builds_and_is_derived_only_once(zoo_dir, name):
    derived = derive_deploy(load_net(zoo_dir / "bvlc" / name), shape=NETS[name])
    text = to_text(derived)
    assert {layer.type for layer in derived.layer} <= CAFFE_TYPES
    assert to_text(derive_deploy(parse_net(text))) == text
    net = Net(parse_net(text), schema.TEST)
    assert set(net.inputs) == {top for layer in derived.layer if layer.type == "Input" for top in layer.top}
    assert all(blob.shape[0] == 1 for blob in net.blobs.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_is_the_published_net(zoo_dir, name):
    derived = derive_deploy(load_net(zoo_dir / "bvlc" / name), shape=NETS[name], batch=10, keep_dropout=True)
    published = load_net(zoo_dir / "bvlc" / PUBLISHED[name]).message
    assert _outline(derived) == _outline(published)


def test_shares_the_siamese_towers(zoo_dir):
    name = "examples/siamese/mnist_siamese_train_test.prototxt"
    derived = derive_deploy(load_net(zoo_dir / "bvlc" / name), shape=NETS[name])
    net = Net(parse_net(to_text(derived)), schema.TEST)
    assert net.outputs == ["feat", "feat_p"]
    assert len(net.learnable_params) == len(net.params["conv1"]) * 5


def _outline(message) -> list:
    """Layers, wiring and everything but fillers, learning rates, the batch and the transform."""
    outline = []
    for layer in message.layer:
        fields = schema.LayerParameter()
        fields.CopyFrom(layer)
        for field in ("param", "transform_param"):
            fields.ClearField(field)
        for shape in fields.input_param.shape:
            shape.dim[0] = 10
        for options in (fields.convolution_param, fields.inner_product_param):
            options.ClearField("weight_filler")
            options.ClearField("bias_filler")
        outline.append(to_text(fields))
    return outline
