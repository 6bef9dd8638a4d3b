"""Trained values from the command line."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from netdef.net import Net
from tests.support import keras_files

NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
"""
KERNEL, BIAS = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(3, dtype=np.float32)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    np.savez(tmp_path / "model.npz", **{"dense/kernel": KERNEL, "dense/bias": BIAS, "more": BIAS})
    keras_files.write_h5(tmp_path / "model.h5", [("Dense", {"name": "dense"}, [("kernel", KERNEL), ("bias", BIAS)])])
    (tmp_path / "map.txt").write_text("dense = ip\n")
    return tmp_path


def values(path) -> list[np.ndarray]:
    with Net("net.prototxt", weights=path) as net:
        return [blob.data.copy() for blob in net.params["ip"]]


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (("keras", "model.h5", "--net", "net.prototxt"), ""),
        (("npz", "model.npz", "--net", "net.prototxt", "--layout", "keras", "--map", "map.txt"), "Not used: more.\n"),
    ],
)
def test_a_file_becomes_a_caffemodel(run, project, words, note):
    result = run("import", *words, "-o", "out.caffemodel")
    assert (result.status, result.err) == (0, "")
    assert result.out == (f"dense/kernel (2, 3) -> ip[0] (3, 2)\ndense/bias (3,) -> ip[1] (3,)\n{note}out.caffemodel\n")
    weight, bias = values("out.caffemodel")
    assert np.array_equal(weight, KERNEL.T) and np.array_equal(bias, BIAS)


def test_the_name_of_the_source_is_the_default(run, project):
    assert run("import", "keras", "model.h5", "--net", "net.prototxt").out.endswith("\nmodel.caffemodel\n")
    assert (project / "model.caffemodel").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("npz", "model.npz", "--net", "net.prototxt"),
         "model.npz: does not fit the net; 2 mismatches:\n"
         "  dense/kernel has shape (2, 3); ip[0] (InnerProduct) has (3, 2)\n"
         "  more of the source has no parameter left in the net\n"
         "Correct the net, or say with --map which values go where."),
        (("keras", "model.h5", "--net", "net.prototxt", "-o", "no/out.caffemodel"),
         'no/out.caffemodel: cannot be written in folder "no": No such file or directory. Create the folder first, or '
         "name another one."),
        (("keras", "model.h5", "--net", "net.prototxt", "--check"),
         "model.h5: is run by Keras, which is not installed. Install keras and a backend, or leave --check away."),
        (("pytorch", "model.pt", "--net", "net.prototxt"),
         "model.pt: is read by PyTorch, which is not installed. Install torch, or save the values as a NumPy file "
         "there and use netdef import npz."),
    ],
)  # fmt: skip
def test_what_goes_wrong_writes_nothing(run, project, monkeypatch, words, message):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run("import", *words)
    assert (result.status, result.out, result.err) == (1, "", message + "\n")
    assert not list(project.glob("**/*.caffemodel"))
