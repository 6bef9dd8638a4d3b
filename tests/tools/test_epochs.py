"""``netdef epochs`` as users meet it."""

import pytest

from prototxt import parse, schema
from tests.support.databases import pictures, write_lmdb

NET = """
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST } data_param { batch_size: 9 } }
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN }
        data_param { source: "db" batch_size: 2 backend: LMDB } }
"""


def test_solver_lines(run):
    result = run("epochs", "--images", 60000, "--batch_size", 32, "--iter_size", 2, "--epochs", 20, "--step", 3,
                 "--test_images", 10000, "--snapshot_every", "10")  # fmt: skip
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "# An epoch is 60,000 images, 937.5 iterations of 64.\n"
        "max_iter: 18750     # 20 epochs\n"
        "test_interval: 938  # 1 epoch, 937.5 rounded\n"
        "test_iter: 100      # all 10,000 images, 100 at a time\n"
        "stepsize: 2813      # 3 epochs, 2,812.5 rounded\n"
        "snapshot: 9375      # 10 epochs\n"
    )
    assert parse(result.out, schema.SolverParameter).message.max_iter == 18750


def test_images_are_counted(run, tmp_path):
    write_lmdb(tmp_path / "db", pictures(5))
    (tmp_path / "list.txt").write_text("a.png 0\nb.png 1\n\nc d.png 2\n")
    result = run("epochs", "--source", "db", "--batch_size", 2, "--epochs", "1.5", "--test_source", "list.txt",
                 "--test_batch_size", 2, "--test_every", "0.4")  # fmt: skip
    assert result.out.splitlines() == [
        "# An epoch is 5 images, 2.5 iterations of 2.",
        "max_iter: 4       # 1.5 epochs, 3.75 rounded",
        "test_interval: 1  # 0.4 epochs",
        "test_iter: 2      # all 3 images, 2 at a time; the last batch begins anew, 1 image twice",
    ]


def test_iterations_to_epochs(run):
    result = run("epochs", "--images", 60000, "--batch_size", 64, "--iterations", 10000)
    assert result.out == (
        "# An epoch is 60,000 images, 937.5 iterations of 64.\n10,000 iterations are 10.667 epochs.\n"
    )


def test_one_epoch(run):
    result = run("epochs", "--images", 60000, "--batch_size", 32, "--iterations", 1875)
    assert result.out.splitlines()[1] == "1,875 iterations are 1 epoch."


@pytest.mark.parametrize("how, images", [((), 5), (("--images", 10), 10), (("--source", "db"), 5)])
def test_a_solver(run, tmp_path, how, images):
    write_lmdb(tmp_path / "db", pictures(5))
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(
        'net: "net.prototxt" max_iter: 10 stepvalue: 5 stepvalue: 1 iter_size: 2 test_interval: 100 test_iter: 1'
    )
    result = run("epochs", "--solver", "solver.prototxt", *how)
    share = {5: ("1.25", "8", "80", "4", "0.8"), 10: ("2.5", "4", "40", "2", "0.4")}[images]
    assert (result.err, result.out.splitlines()) == ("", [
        f"# An epoch is {images} images, {share[0]} iterations of 4.",
        f"max_iter: 10  # {share[1]} epochs",
        f"test_interval: 100  # {share[2]} epochs",
        f"stepvalue: 5  # {share[3]} epochs",
        f"stepvalue: 1  # {share[4]} epochs",
    ])  # fmt: skip


@pytest.mark.parametrize(
    "words, message",
    [
        (
            "",
            'found none of --epochs, --iterations and --solver; expected one of the three. See "netdef help epochs".',
        ),
        (
            "--epochs 1 --iterations 2",
            'found --epochs and --iterations; expected one of the three. See "netdef help epochs".',
        ),
        ("--epochs 0", '--epochs is "0"; expected a number above 0. See "netdef help epochs".'),
        ("--epochs 1/0", '--epochs is "1/0"; expected a number above 0. See "netdef help epochs".'),
        (
            "--epochs 1 --images 5 --source db",
            "found --images and --source; expected one of them. Take one away.",
        ),
        ("--epochs 1", "the number of images is missing. Give --images N, or --source PATH."),
        ("--epochs 1 --images 5", "--batch_size is missing. Give --batch_size N: images at a time."),
        (
            "--epochs 1 --images 5 --batch_size 1 --test_batch_size 3",
            "--test_batch_size is given without the number of images. Give --test_images N, or --test_source PATH.",
        ),
        ("--iterations 1 --step 3", "--step has no meaning with --iterations. Take it away."),
        ("--solver x --batch_size 3", "--batch_size has no meaning with --solver. Take it away."),
    ],
)
def test_wrong_usage(run, words, message):
    result = run("epochs", *words.split())
    assert (result.status, result.out, result.err) == (2, "", f"netdef epochs: {message}\n")


def test_a_net_that_reads_nothing(run, tmp_path):
    (tmp_path / "net.prototxt").write_text('layer { name: "d" type: "DummyData" top: "d" }')
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt"')
    result = run("epochs", "--solver", "solver.prototxt")
    assert (result.status, result.err) == (
        2,
        "netdef epochs: the solver's train net has no Data or ImageData layer, whose batch_size would be needed. Give "
        "--iterations, --images and --batch_size instead.\n",
    )


def test_a_source_that_is_not_there(run):
    result = run("epochs", "--source", "gone", "--batch_size", 2, "--epochs", 1)
    assert result.status == 1 and result.err.startswith('LMDB "gone" does not exist')
