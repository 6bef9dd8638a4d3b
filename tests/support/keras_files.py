"""Files as Keras writes them, made without Keras, and its layers computed the slow way with channels last."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np

Layers = list[tuple[str, dict, list[tuple[str, np.ndarray]]]]  # class, settings with the name, named arrays
RECURRENT = ("LSTM", "GRU", "SimpleRNN")


def write_keras_3(path: Path, layers: Layers, nested: Layers = ()) -> None:
    """A ``.keras`` file; the layers of ``nested`` are a model within the model, which comes last."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        _write_vars(file, layers)
        if nested:
            _write_vars(file.create_group("layers/sequential"), nested)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(_config(layers, nested)))
        archive.writestr("model.weights.h5", stream.getvalue())


def _write_vars(group: h5py.Group, layers: Layers) -> None:
    for number, (class_name, settings, arrays) in enumerate(layers):
        layer = group.create_group(f"layers/{class_name.lower()}_{number}")
        place = layer.create_group("vars")
        place.attrs["name"] = settings["name"]
        if class_name in RECURRENT:
            place = layer.create_group("cell/vars")
            place.attrs["name"] = f"{class_name.lower()}_cell"
        for index, (_, array) in enumerate(arrays):
            place[str(index)] = array


def write_h5(path: Path, layers: Layers, nested: Layers = (), suffix: str = ":0") -> None:
    """An ``.h5`` file of Keras 2, or of Keras 3 with ``suffix`` empty."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(_config(layers, nested))
        groups = [(settings["name"], settings["name"], arrays) for _, settings, arrays in layers]
        groups += [("inner", f"inner/{settings['name']}", arrays) for _, settings, arrays in nested]
        names: dict[str, list[bytes]] = {}
        for group, scope, arrays in groups:
            for name, array in arrays:
                file[f"model_weights/{group}/{scope}/{name}{suffix}"] = array
                names.setdefault(group, []).append(f"{scope}/{name}{suffix}".encode())
        for group in dict.fromkeys(group for group, _, _ in groups):
            place = file.require_group(f"model_weights/{group}")
            place.attrs["weight_names"] = names.get(group, [])


def _config(layers: Layers, nested: Layers) -> dict:
    listed = [{"class_name": class_name, "config": settings} for class_name, settings, _ in layers]
    if nested:
        inner = {"name": "inner", **_config(nested, ())["config"]}
        listed.append({"class_name": "Sequential", "config": inner})
    return {"class_name": "Functional", "config": {"layers": listed}}


# -- what Keras computes ------------------------------------------------------------------------------------------


def conv2d(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """``(N, H, W, I)`` and ``(h, w, I, O)``, no padding, stride 1."""
    height, width = kernel.shape[:2]
    rows, columns = images.shape[1] - height + 1, images.shape[2] - width + 1
    tops = np.zeros((len(images), rows, columns, kernel.shape[3]))
    for row in range(rows):
        for column in range(columns):
            window = images[:, row : row + height, column : column + width]
            tops[:, row, column] = np.einsum("nhwi,hwio->no", window, kernel) + bias
    return tops


def depthwise(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """``(N, H, W, I)`` and ``(h, w, I, M)``: output ``i M + m`` reads channel ``i``."""
    height, width, inputs, multiplier = kernel.shape
    rows, columns = images.shape[1] - height + 1, images.shape[2] - width + 1
    tops = np.zeros((len(images), rows, columns, inputs * multiplier))
    for channel in range(inputs):
        for number in range(multiplier):
            part = np.zeros((height, width, inputs, 1))
            part[:, :, channel, 0] = kernel[:, :, channel, number]
            output = channel * multiplier + number
            tops[..., output] = conv2d(images, part, bias[output : output + 1])[..., 0]
    return tops


def batch_norm(images, gamma, beta, mean, variance, epsilon) -> np.ndarray:
    return gamma * (images - mean) / np.sqrt(variance + epsilon) + beta


def dense(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """An image is read in a row, channels last."""
    return images.reshape(len(images), -1) @ kernel + bias
