"""Keras's files: read without Keras, and computing what Keras computes."""

from __future__ import annotations

import json
import zipfile
from functools import partial

import h5py
import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers.keras import read_keras
from netdef.importers.weights import compare, import_weights
from netdef.net import Net
from prototxt import parse_net
from tests.support import keras_files

EPSILON = 0.01
NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 7 dim: 9 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 4 kernel_h: 2 kernel_w: 3 } }
layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "conv" batch_norm_param { eps: 0.01 } }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "deep" type: "Convolution" bottom: "conv" top: "deep"
        convolution_param { num_output: 8 group: 4 kernel_h: 3 kernel_w: 2 } }
layer { name: "relu" type: "ReLU" bottom: "deep" top: "deep" }
layer { name: "flat" type: "Flatten" bottom: "deep" top: "flat" }
layer { name: "fc" type: "InnerProduct" bottom: "flat" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


@pytest.fixture
def arrays():
    random = np.random.default_rng(3)
    shapes = {
        "conv": [("kernel", (2, 3, 3, 4)), ("bias", (4,))],
        "norm": [("gamma", (4,)), ("beta", (4,)), ("moving_mean", (4,)), ("moving_variance", (4,))],
        "deep": [("kernel", (3, 2, 4, 2)), ("bias", (8,))],
        "fc": [("kernel", (4 * 6 * 8, 5)), ("bias", (5,))],
    }
    return {
        layer: [(name, random.uniform(0.1, 0.5, shape).astype(np.float32)) for name, shape in parts]
        for layer, parts in shapes.items()
    }


def layers_of(arrays) -> tuple:
    outer = [
        ("InputLayer", {"name": "input"}, []),
        ("Conv2D", {"name": "conv"}, arrays["conv"]),
        ("BatchNormalization", {"name": "norm", "epsilon": EPSILON}, arrays["norm"]),
        ("DepthwiseConv2D", {"name": "deep"}, arrays["deep"]),
        ("Flatten", {"name": "flat"}, []),
    ]
    return outer, [("Dense", {"name": "fc"}, arrays["fc"])]


def answer(arrays, batch: np.ndarray) -> np.ndarray:
    values = {layer: [array.astype(np.float64) for _, array in parts] for layer, parts in arrays.items()}
    images = keras_files.conv2d(batch.transpose(0, 2, 3, 1), *values["conv"])
    images = keras_files.batch_norm(images, *values["norm"], EPSILON)
    images = np.maximum(keras_files.depthwise(images, *values["deep"]), 0)
    return keras_files.dense(images, *values["fc"])


WRITERS = {
    "keras": keras_files.write_keras_3,
    "h5 of Keras 2": keras_files.write_h5,
    "h5 of Keras 3": partial(keras_files.write_h5, suffix=""),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("is_nested", [False, True])
def test_a_model_answers_as_it_did(tmp_path, arrays, kind, is_nested):
    path = str(tmp_path / "model")
    outer, inner = layers_of(arrays)
    WRITERS[kind](path, *((outer, inner) if is_nested else (outer + inner,)))
    with Net(parse_net(NET)) as net:
        import_weights(net, read_keras(path), path)
        (found,) = compare(net, lambda batches: [answer(arrays, batches[0])], path)
    assert found.blob == "fc"
    assert found.difference < 1e-5 * found.greatest


def test_names_and_shapes_are_those_of_the_source(tmp_path, arrays):
    keras_files.write_keras_3(tmp_path / "model.keras", sum(layers_of(arrays), []))
    units = read_keras(str(tmp_path / "model.keras"))
    assert [unit.name for unit in units] == ["conv", "norm", "deep", "fc"]
    assert units[1].epsilon == EPSILON
    assert [(tensor.name, tensor.found_shape) for tensor in units[2].tensors] == [
        ("deep/kernel", (3, 2, 4, 2)),
        ("deep/bias", (8,)),
    ]


def test_layers_that_are_two_and_layers_without_parts(tmp_path):
    shapes = {"separable": [(1, 3, 4, 2), (1, 1, 8, 5), (5,)], "plain": [(6,), (6,), (6,)], "slope": [(1, 1, 6)]}
    values = {name: [np.full(shape, 2.0) for shape in found] for name, found in shapes.items()}
    layers = [
        ("SeparableConv2D", {"name": "separable"}, [(str(i), a) for i, a in enumerate(values["separable"])]),
        ("BatchNormalization", {"name": "plain", "scale": False}, [(str(i), a) for i, a in enumerate(values["plain"])]),
        ("PReLU", {"name": "slope"}, [("alpha", values["slope"][0])]),
        ("Embedding", {"name": "words"}, [("embeddings", np.ones((7, 3)))]),
    ]
    keras_files.write_keras_3(tmp_path / "model.keras", layers)
    found = [
        [(tensor.name, tensor.role, tensor.array.shape) for tensor in unit.tensors]
        for unit in read_keras(str(tmp_path / "model.keras"))
    ]
    assert found == [
        [("separable/depthwise/kernel", "weight", (8, 1, 1, 3))],
        [("separable/pointwise/kernel", "weight", (5, 8, 1, 1)), ("separable/pointwise/bias", "bias", (5,))],
        [("plain/beta", "beta", (6,)),
         ("plain/moving_mean", "mean", (6,)), ("plain/moving_variance", "variance", (6,))],
        [("slope/alpha", "weight", (6,))],
        [("words/embeddings", "weight", (7, 3))],
    ]  # fmt: skip


def make(tmp_path, kind: str) -> str:
    path = tmp_path / kind
    if kind == "text":
        path.write_text("a model\n")
    elif kind == "weights":
        h5py.File(path, "w").close()
    elif kind == "zip":
        zipfile.ZipFile(path, "w").close()
    elif kind == "empty":
        keras_files.write_keras_3(path, [("Flatten", {"name": "flat"}, [])])
    elif kind == "unnamed":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps({"config": {"layers": []}}))
            with h5py.File(tmp_path / "inside", "w") as file:
                file["layers/dense/vars/0"] = np.ones(2)
            archive.write(tmp_path / "inside", "model.weights.h5")
    elif kind == "recurrent":
        values = [("0", np.ones((2, 3)))]
        keras_files.write_keras_3(path, [("SimpleRNN", {"name": "one"}, values), ("GRU", {"name": "two"}, values)])
    return str(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "cannot be read: No such file or directory. Name a file that Keras's model.save has written."),
        ("text", "cannot be read: it is neither HDF5 nor a .keras file, or damaged. Name a file that Keras's "
                 "model.save has written."),
        ("weights", "holds values without their model, so that nothing tells what they are. Save the whole model: "
                    'model.save("model.keras").'),
        ("zip", "is no model of Keras. Name a file that model.save has written."),
        ("empty", "holds no trained values. Save the model after it was built."),
        ("unnamed", 'does not tell which layer "/layers/dense/vars" is. Load it with Keras and save it again as .h5.'),
        ("recurrent", 'has layers whose values cannot be taken over: "one" (SimpleRNN), "two" (GRU); expected Conv1D, '
                      "Conv2D, Conv3D, Conv2DTranspose, Conv3DTranspose, Dense, Convolution2D, DepthwiseConv2D, "
                      "SeparableConv2D, BatchNormalization, PReLU, Embedding, LSTM. Save what is needed with np.savez "
                      "and use netdef import npz with --map."),
    ],
)  # fmt: skip
def test_files_that_are_no_model(tmp_path, kind, message):
    path = make(tmp_path, kind)
    with pytest.raises(WeightsError) as caught:
        read_keras(path)
    assert str(caught.value) == f"{path}: {message}"
