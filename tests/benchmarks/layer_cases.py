"""What `bench_layers` times: layers with the sizes that they have in GoogLeNet, MobileNet v1 and ResNet-50.

A case has the definition for netdef and a ``peer``: ``peer(torch, params)`` gives PyTorch's function of the bottoms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BATCH = 8


@dataclass
class Case:
    """A layer, its bottoms and parameters."""

    name: str
    text: str
    shapes: list[tuple[int, ...]]  # of the bottoms
    peer: Callable
    params: tuple[tuple[int, ...], ...] = ()
    by_channel: bool = True  # whether the layout of the channels makes a difference
    test: bool = False  # phase TEST
    statistics: bool = False  # whether the parameters are BatchNorm's
    labels: int = 0  # the last bottom holds labels below this number
    same_params: bool = True  # whether the peer's parameters have netdef's order

    def arrays(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Bottoms and parameters, the same for every contestant."""
        rng = np.random.default_rng(1701)
        bottoms = [rng.standard_normal(shape, np.float32) for shape in self.shapes]
        if self.labels:
            bottoms[-1] = rng.integers(0, self.labels, self.shapes[-1]).astype(np.float32)
        if "LSTM" in self.text:
            bottoms[1][...] = 1
            bottoms[1][0] = 0  # a sequence begins
        params = [
            (rng.random(shape, np.float32) - np.float32(0.5)) * np.float32((12 / np.prod(shape[1:])) ** 0.5)
            for shape in self.params
        ]
        if self.statistics:
            params[1][...] = np.abs(params[1]) + 0.1
            params[2][...] = 1
        return bottoms, params

    @property
    def learned(self) -> int:
        """How many of the parameters get a gradient that can be compared."""
        return 0 if self.statistics or not self.same_params else len(self.params)


def convolution(name, shape, num_output, kernel, stride=1, pad=0, group=1, bias=False) -> Case:
    text = (
        f'type: "Convolution" convolution_param {{ num_output: {num_output} kernel_size: {kernel} stride: {stride} '
        f"pad: {pad} group: {group} bias_term: {str(bias).lower()} }}"
    )
    weight = (num_output, shape[0] // group, kernel, kernel)

    def peer(torch, params):
        bias_or_none = params[1] if bias else None
        return lambda data: torch.nn.functional.conv2d(data, params[0], bias_or_none, stride, pad, 1, group)

    return Case(name, text, [(BATCH, *shape)], peer, (weight, (num_output,)) if bias else (weight,))


def deconvolution(name, shape, num_output, kernel, stride, pad, group=1) -> Case:
    text = (
        f'type: "Deconvolution" convolution_param {{ num_output: {num_output} kernel_size: {kernel} stride: {stride} '
        f"pad: {pad} group: {group} bias_term: false }}"
    )

    def peer(torch, params):
        return lambda data: torch.nn.functional.conv_transpose2d(data, params[0], None, stride, pad, 0, group)

    return Case(name, text, [(BATCH, *shape)], peer, ((shape[0], num_output // group, kernel, kernel),))


def pooling(name, shape, fields, peer) -> Case:
    return Case(name, f'type: "Pooling" pooling_param {{ {fields} }}', [(BATCH, *shape)], lambda torch, _: peer(torch))


def inner_product(name, inputs, num_output) -> Case:
    text = f'type: "InnerProduct" inner_product_param {{ num_output: {num_output} }}'

    def peer(torch, params):
        return lambda data: torch.nn.functional.linear(data, *params)

    params = ((num_output, inputs), (num_output,))
    return Case(name, text, [(4 * BATCH, inputs)], peer, params, by_channel=False)


def elementwise(text, shape, peer, bottoms=1) -> Case:
    name = text.split('"')[1] + (f" {text.split()[-2]}" if "operation" in text else "")
    return Case(name, text, [(BATCH, *shape)] * bottoms, lambda torch, _: peer(torch), by_channel=False)


def copied_gradients(torch, forward):
    """PyTorch's ``forward`` with gradients written into tensors of their own, as Caffe's blobs are, not views."""

    class Copied(torch.autograd.Function):
        @staticmethod
        def forward(context, *bottoms):
            context.channels = [bottom.shape[1] for bottom in bottoms]
            context.whole = forward is torch.add
            return forward(*bottoms) if context.whole else forward(bottoms, 1)

        @staticmethod
        def backward(context, top_diff):
            parts = [top_diff] * len(context.channels) if context.whole else top_diff.split(context.channels, 1)
            return tuple(part.clone(memory_format=torch.contiguous_format) for part in parts)

    return Copied.apply


def lstm_peer(torch, params):
    """Caffe's gates lie in the order i, f, o, g, PyTorch's in i, f, g, o."""
    (weight, bias, recurrent), size = params, params[2].shape[1]
    order = torch.cat([torch.arange(2 * size), torch.arange(3 * size, 4 * size), torch.arange(2 * size, 3 * size)])
    module = torch.nn.LSTM(weight.shape[1], size)
    with torch.no_grad():
        module.weight_ih_l0.copy_(weight[order])
        module.bias_ih_l0.copy_(bias[order])
        module.weight_hh_l0.copy_(recurrent[order])
        module.bias_hh_l0.zero_()
    return lambda data, _: module(data)[0]


def normalized(name, shape, test) -> Case:
    def peer(torch, params):
        mean, variance = params[0].detach(), params[1].detach()
        return lambda data: torch.nn.functional.batch_norm(data, mean, variance, None, None, not test, 1e-3, 1e-5)

    params = (shape[:1], shape[:1], (1,))
    return Case(name, 'type: "BatchNorm"', [(BATCH, *shape)], peer, params, test=test, statistics=True)


def per_channel(text, shape, params, peer) -> Case:
    return Case(text.split('"')[1], text, [(BATCH, *shape)], peer, params)


def scale_peer(torch, params):
    factor, term = (param.view(1, -1, 1, 1) for param in params)
    return lambda data: torch.addcmul(term, data, factor)


CONV1, WIDE, SMALL = (64, 112, 112), (256, 56, 56), (512, 14, 14)
CASES = [
    convolution("Convolution 7x7/2, 3→64, 224x224", (3, 224, 224), 64, 7, 2, 3, bias=True),
    convolution("Convolution 3x3, 64→64, 56x56", (64, 56, 56), 64, 3, 1, 1),
    convolution("Convolution 3x3, 256→256, 14x14", (256, 14, 14), 256, 3, 1, 1),
    convolution("Convolution 3x3/2, 128→128, 56x56", (128, 56, 56), 128, 3, 2, 1),
    convolution("Convolution 1x1, 64→256, 56x56", (64, 56, 56), 256, 1),
    convolution("Convolution 1x1, 512→512, 14x14", SMALL, 512, 1),
    convolution("Convolution 1x1/2, 256→512, 56x56", WIDE, 512, 1, 2),
    convolution("Convolution 5x5, 16→32, 28x28", (16, 28, 28), 32, 5, 1, 2, bias=True),
    convolution("depthwise 3x3, 64, 112x112", CONV1, 64, 3, 1, 1, 64),
    convolution("depthwise 3x3/2, 64, 112x112", CONV1, 64, 3, 2, 1, 64),
    convolution("depthwise 3x3, 512, 14x14", SMALL, 512, 3, 1, 1, 512),
    convolution("depthwise 3x3/2, 512, 14x14", SMALL, 512, 3, 2, 1, 512),
    deconvolution("Deconvolution 4x4/2, 64→64, 28x28", (64, 28, 28), 64, 4, 2, 1),
    deconvolution("Deconvolution 4x4/2, 21 groups, 56x56", (21, 56, 56), 21, 4, 2, 1, 21),
    pooling("Pooling MAX 3x3/2, 64, 112x112", CONV1, "kernel_size: 3 stride: 2",
            lambda torch: lambda data: torch.nn.functional.max_pool2d(data, 3, 2, 0, ceil_mode=True)),
    pooling("Pooling MAX 3x3, 192, 28x28", (192, 28, 28), "kernel_size: 3 pad: 1",
            lambda torch: lambda data: torch.nn.functional.max_pool2d(data, 3, 1, 1)),
    pooling("Pooling MAX 2x2/2, 64, 112x112", CONV1, "kernel_size: 2 stride: 2",
            lambda torch: lambda data: torch.nn.functional.max_pool2d(data, 2, 2)),
    pooling("Pooling AVE 5x5/3, 512, 14x14", SMALL, "pool: AVE kernel_size: 5 stride: 3",
            lambda torch: lambda data: torch.nn.functional.avg_pool2d(data, 5, 3)),
    pooling("Pooling AVE 3x3, 192, 28x28", (192, 28, 28), "pool: AVE kernel_size: 3 pad: 1",
            lambda torch: lambda data: torch.nn.functional.avg_pool2d(data, 3, 1, 1)),
    pooling("Pooling AVE global, 2048, 7x7", (2048, 7, 7), "pool: AVE global_pooling: true",
            lambda torch: lambda data: torch.nn.functional.adaptive_avg_pool2d(data, 1)),
    inner_product("InnerProduct 1024→1000", 1024, 1000),
    inner_product("InnerProduct 2048→1000", 2048, 1000),
    per_channel('type: "LRN" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }', (192, 56, 56), (),
                lambda torch, _: lambda data: torch.nn.functional.local_response_norm(data, 5, 1e-4, 0.75, 1)),
    normalized("BatchNorm, train, 64, 112x112", CONV1, False),
    normalized("BatchNorm, train, 512, 14x14", SMALL, False),
    normalized("BatchNorm, test, 64, 112x112", CONV1, True),
    per_channel('type: "Scale" scale_param { bias_term: true }', CONV1, ((64,), (64,)), scale_peer),
    per_channel('type: "PReLU"', CONV1, ((64,),),
                lambda torch, params: lambda data: torch.nn.functional.prelu(data, params[0])),
    elementwise('type: "ReLU"', CONV1, lambda torch: torch.relu),
    elementwise('type: "ELU"', CONV1, lambda torch: torch.nn.functional.elu),
    elementwise('type: "Sigmoid"', CONV1, lambda torch: torch.sigmoid),
    elementwise('type: "TanH"', CONV1, lambda torch: torch.tanh),
    elementwise('type: "Eltwise" eltwise_param { operation: SUM }', WIDE,
                lambda torch: copied_gradients(torch, torch.add), 2),
    elementwise('type: "Eltwise" eltwise_param { operation: PROD }', WIDE, lambda torch: torch.mul, 2),
    Case("Concat 64+128+32+32, 28x28", 'type: "Concat"', [(BATCH, count, 28, 28) for count in (64, 128, 32, 32)],
         lambda torch, _: copied_gradients(torch, torch.cat), by_channel=False),
    Case("Softmax 1000", 'type: "Softmax"', [(16 * BATCH, 1000)],
         lambda torch, _: lambda data: torch.softmax(data, 1), by_channel=False),
    Case("Softmax 21, 128x128", 'type: "Softmax"', [(BATCH, 21, 128, 128)],
         lambda torch, _: lambda data: torch.softmax(data, 1)),
    Case("SoftmaxWithLoss 1000", 'type: "SoftmaxWithLoss"', [(16 * BATCH, 1000), (16 * BATCH,)],
         lambda torch, _: torch.nn.functional.cross_entropy, by_channel=False, labels=1000),
    Case("SoftmaxWithLoss 21, 128x128", 'type: "SoftmaxWithLoss"', [(BATCH, 21, 128, 128), (BATCH, 128, 128)],
         lambda torch, _: torch.nn.functional.cross_entropy, labels=21),
    Case("LSTM 20 steps, 256→256", 'type: "LSTM" recurrent_param { num_output: 256 }',
         [(20, 2 * BATCH, 256), (20, 2 * BATCH)], lstm_peer, ((1024, 256), (1024,), (1024, 256)), by_channel=False,
         same_params=False),
]  # fmt: skip
