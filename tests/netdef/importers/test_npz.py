"""NumPy's files."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers.npz import read_npz


def test_names_tell_layers_and_roles(tmp_path):
    names = ["conv1.weight", "conv1.bias", "block/fc/kernel:0", "block/fc/bias:0", "ip_W", "ip_b", "bn.weight",
             "bn.bias", "bn.running_mean", "bn.running_var", "arr_0"]  # fmt: skip
    arrays = {name: np.full(number + 1, number) for number, name in enumerate(names)}
    np.savez(tmp_path / "w.npz", **arrays)
    units = read_npz(str(tmp_path / "w.npz"))
    assert [(unit.name, [tensor.role for tensor in unit.tensors]) for unit in units] == [
        ("conv1", ["weight", "bias"]),
        ("block/fc", ["weight", "bias"]),
        ("ip", ["weight", "bias"]),
        ("bn", ["gamma", "beta", "mean", "variance"]),
        ("arr_0", [""]),
    ]
    for unit in units:
        for tensor in unit.tensors:
            assert np.array_equal(tensor.array, arrays[tensor.name])
            assert tensor.array.dtype == np.float32


def test_layout_of_keras(tmp_path):
    kernel, dense = np.arange(120).reshape(2, 3, 4, 5), np.arange(6).reshape(2, 3)
    np.savez(tmp_path / "w.npz", **{"a/kernel": kernel, "b/kernel": dense})
    convolution, product = (unit.tensors[0] for unit in read_npz(str(tmp_path / "w.npz"), "keras"))
    assert convolution.array.shape == (5, 4, 2, 3)
    assert convolution.array[3, 2, 1, 0] == kernel[1, 0, 2, 3]
    assert (product.array.shape, product.rows_of, product.found_shape) == ((3, 2), "hwc", (2, 3))


def test_layout_of_keras_without_names(tmp_path):
    """As ``np.savez(file, *model.get_weights())`` writes them."""
    kernel, bias, dense = np.arange(120).reshape(2, 3, 4, 5), np.arange(5), np.arange(6).reshape(2, 3)
    np.savez(tmp_path / "w.npz", kernel, bias, dense)
    convolution, shift, product = (unit.tensors[0] for unit in read_npz(str(tmp_path / "w.npz"), "keras"))
    assert (convolution.array.shape, convolution.role, convolution.found_shape) == ((5, 4, 2, 3), "", (2, 3, 4, 5))
    assert (product.array.shape, product.rows_of, product.role) == ((3, 2), "hwc", "")
    assert np.array_equal(shift.array, bias)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "cannot be read: No such file or directory. Correct the path."),
        ("text", "is no .npz file of numbers. Save it with np.savez."),
        ("empty", "holds no array. Save it with np.savez."),
        ("one", "is one array; expected an .npz file. Save it with np.savez."),
        ("words", 'array "a" holds <U1; expected numbers. Leave it out.'),
        ("objects", "is no .npz file of numbers. Save it with np.savez."),
        ("cut", "is no .npz file of numbers. Save it with np.savez."),
    ],
)
def test_files_that_cannot_be_read(tmp_path, kind, message):
    path = tmp_path / "w.npz"
    if kind == "text":
        path.write_text("weights\n")
    elif kind == "one":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    elif kind in ("empty", "words", "objects", "cut"):
        arrays = {"empty": {}, "words": {"a": np.array("w")}, "objects": {"a": np.array([None])}, "cut": {"a": 1.0}}
        np.savez(path, **arrays[kind])
        path.write_bytes(path.read_bytes()[: -9 if kind == "cut" else None])
    with pytest.raises(WeightsError) as caught:
        read_npz(str(path))
    assert str(caught.value) == f"{path}: {message}"
