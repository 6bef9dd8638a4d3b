"""What Darknet's layers compute, pixel by pixel, on one image ``(channels, height, width)``.

A net is a list of sections ``(name, options)``; ``values`` has for each section that learns a dict of its arrays.
"""

from math import exp, log, tanh

import numpy as np

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: x if x > 0 else 0,
    "leaky": lambda x: x if x > 0 else 0.1 * x,
    "relie": lambda x: x if x > 0 else 0.01 * x,
    "ramp": lambda x: (x if x > 0 else 0) + 0.1 * x,
    "logistic": lambda x: 1 / (1 + exp(-x)),
    "loggy": lambda x: 2 / (1 + exp(-x)) - 1,
    "tanh": lambda x: (exp(2 * x) - 1) / (exp(2 * x) + 1),
    "elu": lambda x: x if x >= 0 else exp(x) - 1,
    "selu": lambda x: 1.0507 * (x if x >= 0 else 1.6732 * (exp(x) - 1)),
    "hardtan": lambda x: max(-1, min(1, x)),
    "relu6": lambda x: max(0, min(6, x)),
    "swish": lambda x: x / (1 + exp(-x)),
    "mish": lambda x: x * tanh(log(1 + exp(x))),
}


def forward(sections, values, image):
    """The outputs of all sections, one after the other."""
    outputs = []
    for index, (name, options) in enumerate(sections):
        before = outputs[-1] if outputs else image
        outputs.append(LAYERS[name](before, options, values[index], outputs, index))
    return outputs


def activate(array, name):
    return np.vectorize(ACTIVATIONS[name], otypes=[float])(array)


def normalized(array, learned):
    shape = (-1, *[1] * (array.ndim - 1))
    if "scales" in learned:
        mean, variance, scales = (learned[key].reshape(shape) for key in ("mean", "variance", "scales"))
        array = (array - mean) / np.sqrt(variance + 1e-5) * scales
    return array + learned["biases"].reshape(shape)


def convolutional(before, options, learned, outputs, index):
    size, stride = options.get("size", 1), options.get("stride", 1)
    steps = options.get("stride_y", stride), options.get("stride_x", stride)
    pad = size // 2 if options.get("pad") else options.get("padding", 0)
    groups, filters, spread = options.get("groups", 1), options["filters"], options.get("dilation", 1)
    channels, height, width = before.shape
    out_h, out_w = (height + 2 * pad - size) // steps[0] + 1, (width + 2 * pad - size) // steps[1] + 1
    top = np.zeros((filters, out_h, out_w))
    for f, y, x in np.ndindex(*top.shape):
        first = f // (filters // groups) * (channels // groups)
        for c, i, j in np.ndindex(channels // groups, size, size):
            row, column = y * steps[0] + (i - pad) * spread, x * steps[1] + (j - pad) * spread
            if 0 <= row < height and 0 <= column < width:
                top[f, y, x] += learned["weights"][f, c, i, j] * before[first + c, row, column]
    return activate(normalized(top, learned), options.get("activation", "logistic"))


def connected(before, options, learned, outputs, index):
    top = np.array([(row * before.reshape(-1)).sum() for row in learned["weights"]])
    return activate(normalized(top, learned), options.get("activation", "logistic")).reshape(-1, 1, 1)


def batchnorm(before, options, learned, outputs, index):
    return normalized(before, learned)


def maxpool(before, options, learned, outputs, index):
    stride = options.get("stride", 1)
    steps = options.get("stride_y", stride), options.get("stride_x", stride)
    size = options.get("size", stride)
    padding = options.get("padding", size - 1)
    channels, height, width = before.shape
    top = np.zeros((channels, (height + padding - size) // steps[0] + 1, (width + padding - size) // steps[1] + 1))
    for c, y, x in np.ndindex(*top.shape):
        best = -np.inf
        for i, j in np.ndindex(size, size):
            row, column = y * steps[0] + i - padding // 2, x * steps[1] + j - padding // 2
            if 0 <= row < height and 0 <= column < width:
                best = max(best, before[c, row, column])
        top[c, y, x] = best
    return top


def avgpool(before, options, learned, outputs, index):
    return np.array([channel.sum() / channel.size for channel in before]).reshape(-1, 1, 1)


def earlier(number, index):
    return index + number if number < 0 else number


def route(before, options, learned, outputs, index):
    groups, part, parts = options.get("groups", 1), options.get("group_id", 0), []
    for number in options["layers"]:
        source = outputs[earlier(number, index)]
        share = len(source) // groups
        parts.append(source[part * share : (part + 1) * share])
    return np.concatenate(parts)


def shortcut(before, options, learned, outputs, index):
    top = before.copy()
    for position, number in enumerate(options["from"]):
        source = outputs[earlier(number, index)]
        stride = max(source.shape[1] // top.shape[1], 1)
        first = options.get("alpha", 1) if position == 0 else 1
        for c, y, x in np.ndindex(min(len(top), len(source)), *top.shape[1:]):
            top[c, y, x] = first * top[c, y, x] + options.get("beta", 1) * source[c, y * stride, x * stride]
    return activate(top, options.get("activation", "linear"))


def upsample(before, options, learned, outputs, index):
    stride, (channels, height, width) = options.get("stride", 2), before.shape
    top = np.zeros((channels, height * stride, width * stride))
    for c, y, x in np.ndindex(*top.shape):
        top[c, y, x] = options.get("scale", 1) * before[c, y // stride, x // stride]
    return top


def reorg(before, options, learned, outputs, index):
    """The places of reorg_cpu; what is read there and what is written changes with reverse."""
    stride, (channels, height, width) = options.get("stride", 1), before.shape
    flat, top, few = before.reshape(-1), np.zeros(before.size), channels // stride**2
    for c, y, x in np.ndindex(channels, height, width):
        near = x + width * (y + height * c)
        part = c // few
        far = x * stride + part % stride + width * stride * (y * stride + part // stride + height * stride * (c % few))
        if options.get("reverse"):
            top[far] = flat[near]
        else:
            top[near] = flat[far]
    if options.get("reverse"):
        return top.reshape(few, height * stride, width * stride)
    return top.reshape(channels * stride**2, height // stride, width // stride)


def dropout(before, options, learned, outputs, index):
    return before


def activation(before, options, learned, outputs, index):
    return activate(before, options.get("activation", "linear"))


def softmax(before, options, learned, outputs, index):
    values = before.reshape(-1) / options.get("temperature", 1)
    shares = [exp(value - values.max()) for value in values]
    return np.array(shares).reshape(before.shape) / sum(shares)


def logistic(before, options, learned, outputs, index):
    return activate(before, "logistic")


LAYERS = {
    name: globals()[name]
    for name in (
        "convolutional", "connected", "batchnorm", "maxpool", "avgpool", "route", "shortcut", "upsample", "reorg",
        "dropout", "activation", "softmax", "logistic",
    )
}  # fmt: skip
