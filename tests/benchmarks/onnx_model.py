"""A Caffe net as an ONNX model, for the layer types of `tests.benchmarks.networks`."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.peers import window

OPSET = 17


def to_onnx(layers, weights: dict[str, list[np.ndarray]], shape: list[int]) -> bytes:
    """The serialized model; its input is ``data``."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, current = [], [], {"data": "data"}
    for layer in layers:
        if layer.type in ("Input", "Dropout"):
            continue
        names = [f"{layer.name}_{i}" for i in range(len(weights.get(layer.name, ())))]
        bottoms, top = [current[bottom] for bottom in layer.bottom], f"{layer.name}_out"
        arrays = weights.get(layer.name, [])
        made, arrays = _nodes(helper, layer, bottoms, names, arrays, top)
        nodes += made
        constants += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        current[layer.top[0]] = top
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info(top, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [data], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return model.SerializeToString()


def _nodes(helper, layer, bottoms, names, arrays, top):
    """The nodes of one layer and the constants that they use, by name."""
    constants = dict(zip(names, arrays))
    kind = layer.type
    if kind == "Convolution":
        size, stride, pad, group = window(layer.convolution_param)
        fields = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [pad] * 4, "group": group}
        return [helper.make_node("Conv", [*bottoms, *names], [top], **fields)], constants
    if kind == "InnerProduct":
        flat = helper.make_node("Flatten", bottoms, [f"{top}_flat"], axis=1)
        return [flat, helper.make_node("Gemm", [f"{top}_flat", *names], [top], transB=1)], constants
    if kind == "Pooling":
        fields = layer.pooling_param
        if fields.global_pooling:
            return [helper.make_node("GlobalAveragePool", bottoms, [top])], {}
        size, stride, pad, _ = window(fields)
        name = "MaxPool" if fields.pool == fields.MAX else "AveragePool"
        shape = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return [helper.make_node(name, bottoms, [top], ceil_mode=1, **shape)], {}
    if kind == "LRN":
        fields = layer.lrn_param
        more = {"size": fields.local_size, "alpha": fields.alpha, "beta": fields.beta, "bias": fields.k}
        return [helper.make_node("LRN", bottoms, [top], **more)], {}
    if kind == "BatchNorm":
        inputs = [*bottoms, names[2], names[3], names[0], names[1]]
        return [helper.make_node("BatchNormalization", inputs, [top], epsilon=layer.batch_norm_param.eps)], constants
    fields = {"Concat": {"axis": 1}, "Softmax": {"axis": 1}}.get(kind, {})
    name = {"ReLU": "Relu", "Eltwise": "Add"}.get(kind, kind)
    return [helper.make_node(name, bottoms, [top], **fields)], {}
