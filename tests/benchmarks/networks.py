"""Well-known networks, written with netdef's own NetSpec: what the benchmarks run, here and in their peers.

Each function takes the bottoms ``data`` and returns the scores; `definition` adds inputs and a loss or a softmax.
"""

from __future__ import annotations

from collections.abc import Callable

import netdef.caffe as caffe
from netdef.caffe import layers as L
from netdef.caffe import params as P

MSRA = {"type": "msra"}


def conv(bottom, num_output: int, size: int, **fields):
    return L.Convolution(bottom, num_output=num_output, kernel_size=size, weight_filler=MSRA, **fields)


def relu(bottom):
    return L.ReLU(bottom, in_place=True)


def max_pool(bottom, size: int, stride: int, pad: int = 0):
    return L.Pooling(bottom, pool=P.Pooling.MAX, kernel_size=size, stride=stride, pad=pad)


def dense(bottom, num_output: int):
    return L.InnerProduct(bottom, num_output=num_output, weight_filler=MSRA)


def dropout(bottom, ratio: float):
    return L.Dropout(bottom, dropout_ratio=ratio, in_place=True)


def lrn(bottom):
    return L.LRN(bottom, local_size=5, alpha=1e-4, beta=0.75)


def lenet(data):
    """LeNet as Caffe trains it on MNIST (LeCun et al., Proc. IEEE 1998, with ReLU and max pooling)."""
    top = max_pool(conv(data, 20, 5), 2, 2)
    top = max_pool(conv(top, 50, 5), 2, 2)
    return dense(relu(dense(top, 500)), 10)


def _five_layers(data, pool_first: bool):
    def reduced(top):
        return lrn(max_pool(top, 3, 2)) if pool_first else max_pool(lrn(top), 3, 2)

    top = reduced(relu(conv(data, 96, 11, stride=4)))
    top = reduced(relu(conv(top, 256, 5, pad=2, group=2)))
    top = relu(conv(top, 384, 3, pad=1))
    top = relu(conv(top, 384, 3, pad=1, group=2))
    top = max_pool(relu(conv(top, 256, 3, pad=1, group=2)), 3, 2)
    return _two_wide_layers(top)


def _two_wide_layers(top):
    for _ in range(2):
        top = dropout(relu(dense(top, 4096)), 0.5)
    return dense(top, 1000)


def alexnet(data):
    """AlexNet (Krizhevsky, Sutskever, Hinton, NIPS 2012)."""
    return _five_layers(data, pool_first=False)


def caffenet(data):
    """Caffe's reference net: AlexNet with pooling before normalization."""
    return _five_layers(data, pool_first=True)


def vgg16(data):
    """VGG-16, configuration D (Simonyan, Zisserman, ICLR 2015)."""
    top = data
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            top = relu(conv(top, channels, 3, pad=1))
        top = max_pool(top, 2, 2)
    return _two_wide_layers(top)


# 1x1, 3x3 after its reduction, 5x5 after its reduction, projection after pooling
INCEPTIONS = [
    [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)],
    [(192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
     (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)],
    [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)],
]  # fmt: skip


def inception(bottom, sizes):
    one, reduce3, three, reduce5, five, projection = sizes
    return L.Concat(
        relu(conv(bottom, one, 1)),
        relu(conv(relu(conv(bottom, reduce3, 1)), three, 3, pad=1)),
        relu(conv(relu(conv(bottom, reduce5, 1)), five, 5, pad=2)),
        relu(conv(max_pool(bottom, 3, 1, 1), projection, 1)),
    )


def googlenet(data):
    """GoogLeNet without its auxiliary classifiers (Szegedy et al., CVPR 2015)."""
    top = lrn(max_pool(relu(conv(data, 64, 7, pad=3, stride=2)), 3, 2))
    top = relu(conv(relu(conv(top, 64, 1)), 192, 3, pad=1))
    top = max_pool(lrn(top), 3, 2)
    for number, group in enumerate(INCEPTIONS):
        for sizes in group:
            top = inception(top, sizes)
        if number < 2:
            top = max_pool(top, 3, 2)
    return dense(dropout(average(top, kernel_size=7, stride=1), 0.4), 1000)


def average(bottom, **fields):
    return L.Pooling(bottom, pool=P.Pooling.AVE, **fields)


def normalized(top, eps: float):
    top = L.BatchNorm(top, use_global_stats=True, eps=eps, in_place=True)
    return L.Scale(top, bias_term=True, in_place=True)


def mobilenet(data):
    """MobileNet v1 (Howard et al., 2017)."""

    def block(top, num_output, size, **fields):
        return relu(normalized(conv(top, num_output, size, bias_term=False, **fields), 1e-5))

    top = block(data, 32, 3, pad=1, stride=2)
    channels = 32
    for num_output, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
                               (1024, 2), (1024, 1)]:  # fmt: skip
        top = block(top, channels, 3, pad=1, stride=stride, group=channels)
        top = block(top, num_output, 1)
        channels = num_output
    return conv(average(top, global_pooling=True), 1000, 1)


def resnet50(data):
    """ResNet-50 (He et al., CVPR 2016)."""

    def block(top, num_output, size, **fields):
        return normalized(conv(top, num_output, size, bias_term=False, **fields), 1e-5)

    top = max_pool(relu(normalized(conv(data, 64, 7, pad=3, stride=2), 1e-5)), 3, 2)
    for stage, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for number in range(count):
            stride = 2 if stage and not number else 1
            shortcut = top if number else block(top, 4 * width, 1, stride=stride)
            inner = relu(block(top, width, 1, stride=stride))
            inner = relu(block(inner, width, 3, pad=1))
            top = relu(L.Eltwise(shortcut, block(inner, 4 * width, 1)))
    return dense(average(top, kernel_size=7, stride=1), 1000)


NETWORKS: dict[str, tuple[Callable, tuple[int, int, int]]] = {
    "LeNet": (lenet, (1, 28, 28)),
    "AlexNet": (alexnet, (3, 227, 227)),
    "CaffeNet": (caffenet, (3, 227, 227)),
    "GoogLeNet": (googlenet, (3, 224, 224)),
    "MobileNet v1": (mobilenet, (3, 224, 224)),
    "ResNet-50": (resnet50, (3, 224, 224)),
    "VGG-16": (vgg16, (3, 224, 224)),
}


def definition(name: str, batch: int, loss: bool = False, side: int | None = None) -> str:
    """A net's prototxt: from ``data`` to ``prob``, or with ``label`` to ``loss``; ``side`` is another image size."""
    build, shape = NETWORKS[name]
    if side is not None:
        shape = (shape[0], side, side)
    spec = caffe.NetSpec()
    spec.data = L.Input(shape={"dim": [batch, *shape]})
    scores = build(spec.data)
    if loss:
        spec.label = L.Input(shape={"dim": [batch]})
        spec.loss = L.SoftmaxWithLoss(scores, spec.label)
    else:
        spec.prob = L.Softmax(scores)
    return str(spec.to_proto())
