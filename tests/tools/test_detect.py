"""detect and classify with pycaffe's arguments."""

from __future__ import annotations

import csv

import h5py
import numpy as np
import pytest
from PIL import Image

import netdef

NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
"""
MODEL = ["--model_def", "net.prototxt", "--pretrained_model", "net.caffemodel"]


@pytest.fixture
def files(tmp_path):
    """A net whose answer is the mean blue, green and red; an image, red on the left and blue on the right."""
    (tmp_path / "net.prototxt").write_text(NET)
    netdef.Net(tmp_path / "net.prototxt", netdef.TEST).save(tmp_path / "net.caffemodel")
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:, :4, 0] = pixels[:, 4:, 2] = 255
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    (tmp_path / "windows.csv").write_text("filename,ymin,xmin,ymax,xmax\npicture.png,0,0,6,4\npicture.png,1,4,5,8\n")
    return tmp_path


EXPECTED = [[0, 0, 255], [255, 0, 0]]
LIST = ["--crop_mode", "list", "--context_pad", "0"]


def test_a_table_of_windows(run, files):
    result = run("detect", *MODEL, *LIST, "windows.csv", "out.csv")
    assert (result.status, result.err) == (0, "")
    assert result.out == "CPU mode\nLoading input...\nProcessed 2 windows.\nSaved to out.csv.\n"
    with open("out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["filename", "ymin", "xmin", "ymax", "xmax", "class0", "class1", "class2"]
    assert [row["xmin"] for row in rows] == ["0", "4"]
    np.testing.assert_allclose([[float(row[f"class{k}"]) for k in range(3)] for row in rows], EXPECTED, atol=1e-3)


def test_hdf5_and_a_mean(run, files):
    np.save(files / "mean.npy", np.stack([np.full((2, 2), value) for value in (5.0, 6.0, 7.0)]))
    assert run("detect", *MODEL, *LIST, "--mean_file", "mean.npy", "windows.csv", "out.h5", "--gpu").status == 0
    with h5py.File("out.h5") as file:
        np.testing.assert_allclose(file["prediction"], np.array(EXPECTED) - [5, 6, 7], atol=1e-3)
        np.testing.assert_array_equal(file["window"], [[0, 0, 6, 4], [1, 4, 5, 8]])
        assert list(file["filename"].asstr()) == ["picture.png"] * 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("filename,ymin,xmin\n", '"bad.csv" lacks the columns ymax, xmax; its first line must name all five.\n'),
        ("filename,ymin,xmin,ymax,xmax\na.png,1,2,x,4\n", 'line 2 of "bad.csv" is no window; expected four numbers.\n'),
        ("filename,ymin,xmin,ymax,xmax\n", '"bad.csv" lists no window; expected at least one.\n'),
    ],
)
def test_tables_that_are_none(run, files, text, message):
    (files / "bad.csv").write_text(text)
    result = run("detect", *MODEL, *LIST, "bad.csv", "out.csv")
    assert (result.status, result.err) == (1, message)


def test_outputs_of_another_kind(run, files):
    result = run("detect", *MODEL, *LIST, "windows.csv", "out.doc")
    assert (result.status, result.err) == (
        2,
        'netdef detect: "out.doc" ends neither in .csv nor in .h5. Name it so.\n',
    )


# -- classify ----------------------------------------------------------------------------------------------------


def test_classify_an_image(run, files):
    result = run("classify", *MODEL, "--images_dim", "6,8", "--center_only", "--gpu", "picture.png", "out")
    assert (result.status, result.err) == (0, "--gpu: netdef has no GPU code; it computes on the CPU.\n")
    lines = result.out.splitlines()
    assert lines[:3] == ["CPU mode", "Loading file: picture.png", "Classifying 1 inputs."]
    assert lines[3].startswith("Done in ") and lines[4:] == ["Saving results into out"]
    np.testing.assert_allclose(np.load("out.npy").reshape(1, 3), [[127.5, 0, 127.5]], atol=1e-3)


def test_classify_a_folder_and_an_array(run, files):
    result = run("classify", *MODEL, "--ext=png", "--images_dim=6,8", "--channel_swap", "0,1,2", ".", "out.npy")
    assert result.status == 0
    np.testing.assert_allclose(np.load("out.npy"), [[127.5, 0, 127.5]], atol=1e-3)
    np.save("images.npy", np.full((3, 5, 7, 3), 0.5, np.float32))
    assert run("classify", *MODEL, "images.npy", "out.npy", "--raw_scale=2", "--input_scale=3").status == 0
    np.testing.assert_allclose(np.load("out.npy"), np.full((3, 3), 3.0), rtol=1e-5)


@pytest.mark.parametrize(
    "words, status, message",
    [
        ([*MODEL, "picture.png"], 2, "netdef classify: with --model_def, found 1 files; expected two, the input "
         "(an image, a folder or a .npy) and the .npy to write.\n"),
        (MODEL[:2] + ["a", "b"], 2, "netdef classify: --pretrained_model is missing. "
         "Give --pretrained_model FILE: trained weights.\n"),
        ([*MODEL, "--images_dim=6", "picture.png", "out"], 2,
         '--images_dim is "6"; expected height,width such as 256,256.\n'),
        ([*MODEL, "--channel_swap=2,x,0", "picture.png", "out"], 2,
         '--channel_swap is "2,x,0"; expected whole numbers such as 2,1,0.\n'),
        ([*MODEL, "--channel_swap=2,2,0", "picture.png", "out"], 2,
         "--channel_swap is 2,2,0; expected each number from 0 to 2 once.\n"),
        ([*MODEL, ".", "out"], 1, '"." holds no *.jpg. Name another folder, or another --ext.\n'),
    ],
)  # fmt: skip
def test_classify_with_wrong_words(run, files, words, status, message):
    result = run("classify", *words)
    assert (result.status, result.err) == (status, message)
