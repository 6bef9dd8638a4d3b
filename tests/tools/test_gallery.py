"""Pictures of a trained net from the command line."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from netdef import TEST, Net
from tests.tools.test_classify import HALVES, PIXELS

WORDS = ["gallery", "--model", "net.prototxt", "--weights", "net.caffemodel", "--source", "list.txt"]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.prototxt").write_text('name: "halves"\n' + HALVES)
    with Net(tmp_path / "net.prototxt", TEST) as net:
        weight = np.zeros((2, 4, 5), np.float32)
        weight[0, :, :2], weight[1, :, 2:] = 1 / 8, 1 / 12
        net.params["ip"][0].data[...] = weight.reshape(2, 20)
        net.save(tmp_path / "net.caffemodel")
    Image.fromarray(PIXELS).save(tmp_path / "left.png")
    Image.fromarray(PIXELS[:, ::-1].copy()).save(tmp_path / "right.png")
    (tmp_path / "list.txt").write_text("left.png 0\nright.png 1\nright.png 0\n")
    return tmp_path


def test_all_pictures(run, project):
    result = run(*WORDS, "--svg", "-o", "out")
    assert (result.status, result.err) == (0, "")
    names = [f"out/{name}.{ending}" for name in ("answers", "confusion", "filters", "features")
             for ending in ("png", "svg")]  # fmt: skip
    assert result.out.splitlines() == ['image list "list.txt": 2 of 3 right, 66.67 %', *names]
    for name in names:
        if name.endswith("svg"):
            ElementTree.parse(name)
        else:
            with Image.open(name) as picture:
                assert min(picture.size) > 100
    texts = {
        name: "".join(ElementTree.parse(f"out/{name}.svg").getroot().itertext()) for name in ("answers", "features")
    }
    assert "halves: answers" in texts["answers"] and "2 of 3 right: 66.67 %" in texts["answers"]
    assert "halves: image 0, label 0" in texts["features"] and "ip (InnerProduct)" in texts["features"]


def test_names_a_file_and_fewer_images(run, project):
    (project / "words.txt").write_text("west\neast\n")
    result = run(*WORDS, "--svg", "--labels", "words.txt", "--image", "right.png", "--limit", 2, "--count", 1)
    assert result.status == 0
    assert result.out.splitlines()[0] == 'image list "list.txt": 2 of 2 right, 100.00 %'
    text = (project / "gallery" / "features.svg").read_text()
    assert "halves: right.png" in text and "west" in text
    assert "Right, 1 of 2" in (project / "gallery" / "answers.svg").read_text()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--image", "3"], 1,
         'image list "list.txt" has 3 images; number 3 is not among them. Give 0 to 2.'),
        (["-o", "net.prototxt"], 1,
         "net.prototxt: File exists. Check the path, its permissions and the space on the disk."),
        (["--count", "0"], 2,
         'netdef gallery: --count is "0"; expected a whole number, 1 or more. See "netdef help gallery".'),
        (["--labels", "list.txt"], 1,
         'there are 3 labels for the 2 classes of blob "prob"; the numbers must agree. Give one label for each class, '
         "one on each line."),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(run, project, words, status, message):
    result = run(*WORDS, *words)
    assert (result.status, result.out, result.err) == (status, "", message + "\n")
