"""merge_bn: files in, files out, and the difference said."""

from __future__ import annotations

import re

import numpy as np
import pytest

import netdef

NET = """\
name: "bn"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 7 } } }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 bias_term: false weight_filler { type: "xavier" } }
}
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    net = netdef.Net(tmp_path / "net.prototxt", netdef.TEST, seed=1)
    for blob, value in zip(net.params["bn"], (3.0, 8.0, 2.0)):
        blob.data[...] = value
    net.params["scale"][1].data[...] = [1, 2, 3, 4]
    net.save(tmp_path / "net.caffemodel")
    return net


WORDS = ["merge_bn", "--model", "net.prototxt", "--weights", "net.caffemodel"]


def test_files(run, files, rng):
    result = run(*WORDS, "new.prototxt", "new.caffemodel")
    assert (result.status, result.err) == (0, "")
    folded, difference, names = result.out.splitlines()
    assert folded == 'Folded "bn" and "scale" into "conv".'
    assert re.fullmatch(
        r"Outputs before and after, on random inputs: largest difference [\d.e-]+ \([\d.e-]+ of the largest output\)\.",
        difference,
    )
    assert names == "new.prototxt, new.caffemodel"
    new = netdef.Net("new.prototxt", netdef.TEST, weights="new.caffemodel")
    images = rng.standard_normal((2, 3, 6, 7))
    expected = files.forward(data=images)["conv"]
    np.testing.assert_allclose(new.forward(data=images)["conv"], expected, rtol=1e-4, atol=1e-5)


def test_its_own_inputs(run, files):
    result = run(*WORDS, "net.prototxt", "new.caffemodel")
    assert (result.status, result.err) == (
        2,
        'netdef merge_bn: "net.prototxt" is a file that is read. Give another name.\n',
    )


def test_answers_that_are_no_numbers(run, files, tmp_path):
    files.params["bn"][1].data[...] = -1000
    files.save(tmp_path / "net.caffemodel")
    with np.errstate(invalid="ignore"):
        result = run(*WORDS, "new.prototxt", "new.caffemodel")
    assert result.status == 1
    assert result.err.startswith("the outputs differ by nan")
    assert not (tmp_path / "new.prototxt").exists()
