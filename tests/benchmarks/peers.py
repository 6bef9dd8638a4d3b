"""One net in netdef, PyTorch, ONNX Runtime and OpenCV: with the same weights, outputs and gradients.

A contestant has ``forward()``, ``both()`` (forward and backward, where it can) and ``results()``, a list of arrays
that must agree between all.
"""

from __future__ import annotations

import importlib.util
import resource
from pathlib import Path

import numpy as np

from prototxt import load_net, schema

SEED = 1701
MODULES = {"netdef": "", "PyTorch": "torch", "PyTorch, last": "torch", "ONNX Runtime": "onnxruntime", "OpenCV": "cv2"}
PACKAGES = {"torch": "torch", "onnxruntime": "onnxruntime onnx", "cv2": "opencv-python-headless"}


def present() -> dict[str, bool]:
    """Which contestants can run here."""

    def found(module: str) -> bool:
        return importlib.util.find_spec(module) is not None

    return {
        name: not module or found(module) and (module != "onnxruntime" or found("onnx"))
        for name, module in MODULES.items()
    }


def inputs_of(shape: tuple[int, ...], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels."""
    rng = np.random.default_rng(SEED)
    return rng.standard_normal(shape, np.float32), rng.integers(0, classes, shape[0])


def write_model(folder: Path, text: str) -> None:
    """``net.prototxt``, and random weights and statistics in ``net.caffemodel`` and ``net.npz``."""
    from netdef.net import Net

    (folder / "net.prototxt").write_text(text)
    rng = np.random.default_rng(SEED)
    with Net(folder / "net.prototxt", schema.TEST, seed=SEED) as net:
        for name, blobs in net.params.items():
            kind = net.layers[net.layer_names.index(name)].type
            if kind == "BatchNorm":
                blobs[0].data[...] = rng.normal(0, 0.1, blobs[0].shape)
                blobs[1].data[...] = rng.uniform(0.5, 1.5, blobs[1].shape)
                blobs[2].data[...] = 1
            elif kind == "Scale":
                blobs[0].data[...] = rng.uniform(0.3, 0.6, blobs[0].shape)
        net.save(folder / "net.caffemodel")
        arrays = {f"{name}:{i}": blob.data for name, blobs in net.params.items() for i, blob in enumerate(blobs)}
        np.savez(folder / "net.npz", **arrays)


class NetdefNet:
    """netdef itself."""

    def __init__(self, folder: Path, threads: int) -> None:
        from netdef.kernels._jit import set_threads
        from netdef.net import Net

        set_threads(threads)
        self.net = Net(folder / "net.prototxt", schema.TEST, weights=folder / "net.caffemodel")
        shape = self.net.blobs["data"].shape
        images, labels = inputs_of(shape, 10)
        self.net.blobs["data"].data[...] = images
        if "label" in self.net.blobs:
            self.net.blobs["label"].data[...] = labels
        self.last = self.net.outputs[0]

    def forward(self) -> None:
        self.net.run()

    def both(self) -> None:
        self.net.clear_param_diffs()
        self.net.run()
        self.net.run_backward()

    def results(self) -> list[np.ndarray]:
        if self.last == "loss":
            self.both()
        else:
            self.forward()
        found = [self.net.blobs[self.last].data]
        if self.last == "loss":
            found += [blob.diff for blob in self.net.learnable_params]
        return [array.copy() for array in found]


class TorchNet:
    """PyTorch, told layer by layer what to do; ``last``: with channels side by side in memory."""

    def __init__(self, folder: Path, threads: int, last: bool) -> None:
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        self.layers, weights = read_model(folder)
        self.layout = torch.channels_last if last else torch.contiguous_format
        self.params = {name: [self._tensor(blob) for blob in blobs] for name, blobs in weights.items()}
        self.learned = [
            blob
            for layer in self.layers
            if layer.type in ("Convolution", "InnerProduct")
            for blob in self.params[layer.name]
        ]
        images, labels = inputs_of(tuple(input_shape(self.layers)), 10)
        self.images, self.labels = self._tensor(images), torch.from_numpy(labels)
        self.has_loss = self.layers[-1].type == "SoftmaxWithLoss"

    def _tensor(self, array: np.ndarray):
        tensor = self.torch.from_numpy(np.ascontiguousarray(array))
        return tensor.contiguous(memory_format=self.layout) if tensor.dim() == 4 else tensor

    def _run(self):
        blobs = {"data": self.images, "label": self.labels}
        for layer in self.layers:
            if layer.type != "Input":
                bottoms = [blobs[name] for name in layer.bottom]
                blobs[layer.top[0]] = torch_layer(self.torch, layer, bottoms, self.params.get(layer.name, ()))
        return blobs[self.layers[-1].top[0]]

    def forward(self) -> None:
        with self.torch.inference_mode():
            self.top = self._run()

    def both(self) -> None:
        for blob in self.learned:
            blob.requires_grad_()
            blob.grad = None
        self.top = self._run()
        self.top.backward()

    def results(self) -> list[np.ndarray]:
        if not self.has_loss:
            self.forward()
            return [self.top.numpy()]
        self.both()
        return [self.top.detach().numpy(), *(blob.grad.numpy() for blob in self.learned)]


class OnnxNet:
    """ONNX Runtime."""

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        from tests.benchmarks.onnx_model import to_onnx

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        layers, weights = read_model(folder)
        model = to_onnx(layers, weights, input_shape(layers))
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.images, _ = inputs_of(tuple(input_shape(layers)), 10)

    def forward(self) -> None:
        (self.top,) = self.session.run(None, {"data": self.images})

    def results(self) -> list[np.ndarray]:
        self.forward()
        return [self.top]


class OpenCvNet:
    """OpenCV's own reader of Caffe's files."""

    def __init__(self, folder: Path, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self.net = cv2.dnn.readNetFromCaffe(str(folder / "net.prototxt"), str(folder / "net.caffemodel"))
        self.images, _ = inputs_of(tuple(input_shape(load_net(folder / "net.prototxt").message.layer)), 10)

    def forward(self) -> None:
        self.net.setInput(self.images, "data")
        self.top = self.net.forward()

    def results(self) -> list[np.ndarray]:
        self.forward()
        return [self.top]


def contestant(name: str, folder: Path, threads: int):
    """The contestant of a name out of `MODULES`."""
    if name.startswith("PyTorch"):
        return TorchNet(folder, threads, "last" in name)
    return {"netdef": NetdefNet, "ONNX Runtime": OnnxNet, "OpenCV": OpenCvNet}[name](folder, threads)


def read_model(folder: Path) -> tuple[list, dict[str, list[np.ndarray]]]:
    """The layers of ``net.prototxt`` and the arrays of ``net.npz`` by layer.

    A Scale joins the BatchNorm before it, whose arrays are mean, variance, factor and offset then: other programs have
    one layer for the two.
    """
    weights: dict[str, list[np.ndarray]] = {}
    with np.load(folder / "net.npz") as arrays:
        for key in arrays.files:
            weights.setdefault(key.rpartition(":")[0], []).append(arrays[key])
    layers = []
    for layer in load_net(folder / "net.prototxt").message.layer:
        if layer.type == "Scale":
            mean, variance, count = weights[layers[-1].name]
            weights[layers[-1].name] = [mean / count, variance / count, *weights.pop(layer.name)]
        else:
            layers.append(layer)
    return layers, weights


def input_shape(layers) -> list[int]:
    return list(layers[0].input_param.shape[0].dim)


def torch_layer(torch, layer, bottoms: list, params):
    """What PyTorch computes for one layer."""
    functional = torch.nn.functional
    bottom, kind = bottoms[0], layer.type
    if kind == "Convolution":
        size, stride, pad, group = window(layer.convolution_param)
        return functional.conv2d(bottom, *params, stride=stride, padding=pad, groups=group)
    if kind == "InnerProduct":
        return functional.linear(bottom.flatten(1), *params)
    if kind == "Pooling":
        fields = layer.pooling_param
        size, stride, pad, _ = window(fields)
        if fields.pool == fields.MAX:
            return functional.max_pool2d(bottom, size, stride, pad, ceil_mode=True)
        return functional.avg_pool2d(bottom, tuple(bottom.shape[2:]) if fields.global_pooling else size, stride)
    if kind == "ReLU":
        return functional.relu(bottom, inplace=True)
    if kind == "LRN":
        fields = layer.lrn_param
        return functional.local_response_norm(bottom, fields.local_size, fields.alpha, fields.beta, fields.k)
    if kind == "BatchNorm":
        mean, variance, factor, offset = params
        return functional.batch_norm(bottom, mean, variance, factor, offset, eps=layer.batch_norm_param.eps)
    if kind == "SoftmaxWithLoss":
        return functional.cross_entropy(bottom, bottoms[1])
    simple = {
        "Eltwise": lambda: bottoms[0] + bottoms[1],
        "Concat": lambda: torch.cat(bottoms, 1),
        "Dropout": lambda: bottom,
        "Softmax": lambda: functional.softmax(bottom, 1),
    }
    return simple[kind]()


def window(fields) -> tuple[int, int, int, int]:
    """Size, stride, pad and group of a convolution's or pooling's square window."""

    def first(values, default):
        values = list(values) if hasattr(values, "__len__") else [values]
        return int(values[0]) if values else default

    size = first(fields.kernel_size, 0)
    return size, first(fields.stride, 1) or 1, first(fields.pad, 0), int(getattr(fields, "group", 1))


def peak_memory() -> float:
    """The most megabytes that this process has held. The other count, getrusage's, begins with the parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return (peaks[0] if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
