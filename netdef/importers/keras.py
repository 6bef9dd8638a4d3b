"""Keras's files, read without Keras: ``.h5`` of Keras 2 and 3, and ``.keras`` of Keras 3.

A ``.keras`` file is a zip with ``config.json`` and ``model.weights.h5``. Source: Keras 3,
keras/src/saving/saving_lib.py and keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from netdef.errors import Location, WeightsError
from netdef.importers.layouts import DEPTHWISE, from_channels_last
from netdef.importers.recurrent import keras_refusal, keras_unit
from netdef.importers.source import BETA, BIAS, GAMMA, MEAN, VARIANCE, WEIGHT, Unit

_MODELS = ("Sequential", "Functional", "Model")
_PLAIN = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "Dense", "Convolution2D")
_KNOWN = (*_PLAIN, "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization", "PReLU", "Embedding", "LSTM")

_LAYER = re.compile(r".*(?:^|/)layers/[^/]+")  # the group of a layer, without the parts within it

Arrays = dict[str, list[np.ndarray]]  # of each layer, in Keras's order


def read_keras(path: str) -> list[Unit]:
    """The layers of a model that have values, in the model's order. WeightsError for what is none or not supported."""
    arrays, config = _read(path)
    units: list[Unit] = []
    unsupported = []
    for class_name, settings in _layers(config):
        found = arrays.get(settings["name"], [])
        if not found:
            continue
        refusal = keras_refusal(settings) if class_name == "LSTM" else ""
        if class_name in _KNOWN and not refusal:
            units += _units(class_name, settings, found)
        else:
            words = f"{class_name} with {refusal}" if refusal else class_name
            unsupported.append(f'"{settings["name"]}" ({words})')
    if unsupported:
        raise _fail(
            path,
            f"has layers whose values cannot be taken over: {', '.join(unsupported)}; expected {', '.join(_KNOWN)}. "
            "Save what is needed with np.savez and use netdef import npz with --map.",
        )
    if not units:
        raise _fail(path, "holds no trained values. Save the model after it was built.")
    return units


def _units(class_name: str, settings: dict[str, Any], arrays: list[np.ndarray]) -> list[Unit]:
    """The layers of Caffe that stand for one of Keras, with their values."""
    name = settings["name"]
    if class_name == "LSTM":
        return [keras_unit(name, arrays)]
    if class_name == "SeparableConv2D":
        depth, point, *bias = arrays
        return [
            _unit(f"{name}/depthwise", [("kernel", WEIGHT, DEPTHWISE)], [depth]),
            _unit(f"{name}/pointwise", [("kernel", WEIGHT, ""), ("bias", BIAS, "")], [point, *bias]),
        ]
    if class_name == "BatchNormalization":
        roles = [("gamma", GAMMA, "")] if settings.get("scale", True) else []
        roles += [("beta", BETA, "")] if settings.get("center", True) else []
        unit = _unit(name, [*roles, ("moving_mean", MEAN, ""), ("moving_variance", VARIANCE, "")], arrays)
        unit.epsilon = settings.get("epsilon")
        return [unit]
    if class_name == "PReLU":
        return [_unit(name, [("alpha", WEIGHT, "")], [array.reshape(-1) for array in arrays])]
    if class_name == "Embedding":
        unit = _unit(name, [("embeddings", "", "")], arrays)
        unit.tensors[0].role = WEIGHT  # its rows stay: one for each word
        return [unit]
    kind = DEPTHWISE if class_name == "DepthwiseConv2D" else ""
    return [_unit(name, [("kernel", WEIGHT, kind), ("bias", BIAS, "")], arrays)]


def _unit(name: str, parts: list[tuple[str, str, str]], arrays: list[np.ndarray]) -> Unit:
    """A unit of as many of ``parts`` (name, role, kind) as there are arrays."""
    return Unit(name, [from_channels_last(f"{name}/{part}", array, role, kind)
                       for (part, role, kind), array in zip(parts, arrays)])  # fmt: skip


def _layers(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Class and settings of each layer, those of models within the model in their place."""
    settings = config["config"]
    for layer in settings if isinstance(settings, list) else settings["layers"]:  # a list in Keras 2.2 and before
        if layer["class_name"] in _MODELS:
            yield from _layers(layer)
        else:
            yield layer["class_name"], {"name": layer.get("name", ""), **layer["config"]}


# -- files --------------------------------------------------------------------------------------------------------


def _read(path: str) -> tuple[Arrays, dict[str, Any]]:
    try:
        with open(path, "rb"):
            if zipfile.is_zipfile(path):
                return _read_keras_3(path)
        with h5py.File(path, "r") as file:
            return _read_h5(path, file)
    except OSError as error:
        reason = error.strerror or "it is neither HDF5 nor a .keras file, or damaged"
        raise _fail(path, f"cannot be read: {reason}. Name a file that Keras's model.save has written.") from error
    except (KeyError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise _fail(path, "is no model of Keras. Name a file that model.save has written.") from error


def _read_keras_3(path: str) -> tuple[Arrays, dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            return _named_arrays(path, file), config


def _named_arrays(path: str, file: h5py.File) -> Arrays:
    """The arrays of each layer: those of its group ``vars``, which carries its name, and those of its parts."""
    found: Arrays = {}

    def visit(_: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Group) and item.name.endswith("/vars") and len(item):
            layer = file[_LAYER.match(item.name)[0] + "/vars"] if _LAYER.match(item.name) else item
            if "name" not in layer.attrs:
                raise _fail(
                    path,
                    f'does not tell which layer "{item.name}" is. Load it with Keras and save it again as .h5.',
                )
            numbers = sorted((key for key in item if key.isdigit()), key=int)
            arrays = [np.asarray(item[key], np.float32) for key in numbers]
            found.setdefault(_word(layer.attrs["name"]), []).extend(arrays)

    file.visititems(visit)
    return found


def _read_h5(path: str, file: h5py.File) -> tuple[Arrays, dict[str, Any]]:
    if "model_config" not in file.attrs:
        raise _fail(
            path,
            "holds values without their model, so that nothing tells what they are. Save the whole model: "
            'model.save("model.keras").',
        )
    found: Arrays = {}
    for group in file["model_weights"].values():
        for weight in map(_word, group.attrs.get("weight_names", [])):
            place, _, _ = weight.rpartition("/")
            nested = place.rpartition("/")[2]
            array = np.asarray(group[weight], np.float32)
            for name in {group.name.rpartition("/")[2], nested}:  # of the layer; within a nested model, its own
                found.setdefault(name, []).append(array)
    return found, json.loads(_word(file.attrs["model_config"]))


def _word(value: bytes | str) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _fail(path: str, message: str) -> WeightsError:
    return WeightsError(message, location=Location(path))


def run_model(path: str, batches: list[np.ndarray]) -> list[np.ndarray]:
    """What the model in ``path`` answers to ``batches``, float32 ``(N, C, H, W)``; needs Keras.

    Images go in and come out with channels last there; the answers come back with channels first.
    """
    try:
        import keras
    except ImportError as error:
        raise _fail(
            path, "is run by Keras, which is not installed. Install keras and a backend, or leave --check away."
        ) from error
    model = keras.saving.load_model(path, compile=False)
    inputs = [np.moveaxis(batch, 1, -1) for batch in batches]
    try:
        answer = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    except Exception as error:  # each backend of Keras has errors of its own
        reason = str(error).strip().split("\n")[0].rstrip(".")
        shapes = ", ".join(str(each.shape) for each in inputs)
        raise _fail(path, f"cannot run on an input of shape {shapes} ({reason}). Correct the net's input.") from error
    if isinstance(answer, dict):
        answer = list(answer.values())
    answers = [np.asarray(each) for each in (answer if isinstance(answer, (tuple, list)) else [answer])]
    return [np.moveaxis(each, -1, 1) if each.ndim > 2 else each for each in answers]
