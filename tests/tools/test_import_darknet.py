"""``netdef import darknet`` from a cfg to a net that has learned."""

from __future__ import annotations

import pytest

from netdef.net import Net
from prototxt import schema
from tests.support.darknet import cfg_text, learned_arrays, weights_bytes, write
from tests.support.databases import pictures, write_lmdb

SECTIONS = [
    ("convolutional", {"filters": 4, "size": 3, "activation": "relu"}),
    ("maxpool", {"size": 2, "stride": 2}),
    ("connected", {"output": 5, "activation": "linear"}),
    ("softmax", {}),
    ("cost", {"type": "sse"}),
]
FILES = ["a_train_test.prototxt", "a_solver.prototxt", "a_deploy.prototxt"]


@pytest.fixture
def cfg(tmp_path):
    return write(tmp_path, "a.cfg", cfg_text(SECTIONS, batch=4, max_batches=6, flip=0))


def test_files_and_training(run, cfg, tmp_path):
    write_lmdb(tmp_path / "train", pictures(12, 3, 9, 10), [i % 5 for i in range(12)])
    write_lmdb(tmp_path / "test", pictures(7, 3, 9, 10), [i % 5 for i in range(7)])
    done = run("import", "darknet", cfg, "-o", "out", "--train_data", "train", "--test_data", "test")
    assert (done.status, done.out) == (0, "".join(f"out/{name}\n" for name in FILES))
    assert done.err.splitlines()[0].startswith(f"{cfg}:25:1: [cost] adds 1 times the gradient")
    solver = (tmp_path / "out" / "a_solver.prototxt").read_text()
    assert "test_iter: 4\n" in solver and "iter_size: 2\n" in solver and 'snapshot_prefix: "out/a"' in solver
    assert run("train", "--solver", "out/a_solver.prototxt", "--seed", 1).status == 0
    tested = run("test", "--model", "out/a_train_test.prototxt", "--weights", "out/a_iter_6.caffemodel")
    assert tested.status == 0 and "accuracy = " in tested.err


def test_weights(run, rng, cfg, tmp_path):
    values = [learned_arrays(rng, (4, 3, 3, 3), False), {}, learned_arrays(rng, (5, 4 * 4 * 4), False), {}, {}]
    weights = write(tmp_path, "a.weights", weights_bytes(SECTIONS, values))
    done = run("import", "darknet", cfg, weights, "-o", "out", "--bgr")
    assert done.out.splitlines() == [f"out/{name}" for name in [*FILES, "a.caffemodel"]]
    net = Net("out/a_deploy.prototxt", schema.TEST)
    assert not net.copy_from("out/a.caffemodel").missing
    assert (net.params["conv0"][0].data == values[0]["weights"][:, ::-1]).all()


def test_without_a_loss_there_is_nothing_to_train(run, rng, tmp_path):
    sections = SECTIONS[:2]
    path = write(tmp_path, "a.cfg", cfg_text(sections))
    weights = write(tmp_path, "a.weights", weights_bytes(sections, [learned_arrays(rng, (4, 3, 3, 3), False), {}]))
    done = run("import", "darknet", path, weights, "-o", "out")
    assert (done.status, done.out) == (0, "out/a_deploy.prototxt\nout/a.caffemodel\n")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.caffemodel", "a_deploy.prototxt"]
    assert not Net("out/a_deploy.prototxt", schema.TEST).copy_from("out/a.caffemodel").missing


def test_nothing_is_overwritten_unasked(run, cfg, tmp_path):
    assert run("import", "darknet", cfg, "-o", "out").status == 0
    (tmp_path / "out" / FILES[0]).unlink()
    (tmp_path / "out" / FILES[2]).write_text("mine")
    refused = run("import", "darknet", cfg, "-o", "out")
    assert (refused.status, refused.err) == (
        2,
        "netdef import darknet: out/a_solver.prototxt, out/a_deploy.prototxt are there already. Give another -o "
        "FOLDER, "
        "or --overwrite.\n",
    )
    assert (tmp_path / "out" / FILES[2]).read_text() == "mine" and not (tmp_path / "out" / FILES[0]).exists()
    assert run("import", "darknet", cfg, "-o", "out", "--overwrite").status == 0
    assert (tmp_path / "out" / FILES[2]).read_text().startswith('name: "a"')


def test_an_error_leaves_no_files(run, tmp_path):
    path = write(tmp_path, "a.cfg", cfg_text([("crnn", {})]))
    refused = run("import", "darknet", path, "-o", "out")
    assert (refused.status, refused.err) == (
        1,
        f"{path}: cannot be imported for 1 of its sections:\n  {path}:9:1: [crnn] has no equivalent here.\n",
    )
    assert not (tmp_path / "out").exists()
