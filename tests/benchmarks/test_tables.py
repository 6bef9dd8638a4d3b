"""What the benchmarks print, out of made-up times."""

import numpy as np
import pytest

from netdef.net import Net
from prototxt import parse_net, schema
from tests.benchmarks import bench_growth, bench_networks, bench_roofline, peers
from tests.benchmarks.networks import definition


def test_missing_peers_have_their_column(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: name == "torch" or None)
    assert peers.present() == {
        "netdef": True, "PyTorch": True, "PyTorch, last": True, "ONNX Runtime": False, "OpenCV": False,
    }  # fmt: skip


def test_row_of_networks():
    is_here = {"netdef": True, "PyTorch": True, "PyTorch, last": True, "ONNX Runtime": True, "OpenCV": False}
    times = {
        "netdef": ([2.0, 4.0, 2.0, 2.0, 3.0], 100.4),
        "PyTorch": ([4.0, 4.0, 4.0, 4.0, 4.0], 200.6),
        "PyTorch, last": ([1.0, 2.0, 1.0, 1.0, 1.0], 210.0),
    }
    row = bench_networks.Row("GoogLeNet", 10, both=True)
    assert bench_networks.table_row(row, times, is_here) == (
        "| GoogLeNet forward + backward, batch 10 | 2 | 4: 0.50 (0.50 to 0.75) | 1: 2.00 (2.00 to 2.00) "
        "| has no backward pass | not installed | netdef 100, PyTorch 201, PyTorch, last 210 |"
    )


def test_rows_exist():
    assert len(set(map(str, bench_networks.ROWS))) == len(bench_networks.ROWS)


def test_netdef_takes_part_and_is_compared(tmp_path):
    peers.write_model(tmp_path, definition("LeNet", 2, loss=True))
    loss, *gradients = peers.contestant("netdef", tmp_path, 1).results()
    assert np.isfinite(loss) and [gradient.shape for gradient in gradients] == [
        (20, 1, 5, 5), (20,), (50, 20, 5, 5), (50,), (500, 800), (500,), (10, 500), (10,),
    ]  # fmt: skip

    class Other:
        name = "other"

        def ask(self, file):
            np.savez(file, loss, *gradients[:-1], gradients[-1] * 1.1)

    class Same(Other):
        name = "netdef"

        def ask(self, file):
            np.savez(file, loss, *gradients)

    bench_networks.compare([Same(), Same()], tmp_path)
    with pytest.raises(SystemExit, match=r"other: result 8 differs by 0\.1 of it from netdef's\."):
        bench_networks.compare([Same(), Other()], tmp_path)


def test_scale_joins_the_normalization(tmp_path):
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }
    layer { name: "bn" type: "BatchNorm" bottom: "data" top: "data" }
    layer { name: "scale" type: "Scale" bottom: "data" top: "data" scale_param { bias_term: true } }
    """
    peers.write_model(tmp_path, text)
    layers, weights = peers.read_model(tmp_path)
    assert [layer.type for layer in layers] == ["Input", "BatchNorm"]
    assert [array.shape for array in weights["bn"]] == [(3,)] * 4


def test_roofline():
    found = [
        bench_roofline.Pass("slow", 2e9, 1e6, 0.04), bench_roofline.Pass("wide", 1e6, 4e8, 0.05),
        *[bench_roofline.Pass("small", 0, 1, 0.001)] * 10,
    ]  # fmt: skip
    lines = bench_roofline.table(found, operations=1e11, copied=1e10)
    assert len(lines) == 2 + bench_roofline.ROWS
    assert lines[2:4] == [
        "| wide | 50 | 50% | 0.001 | 400 | 0.0 | 0 | 8.0 | 80% (memory) |",
        "| slow | 40 | 40% | 2 | 1 | 2000.0 | 50 | 25 | 50% (arithmetic) |".replace("| 25 |", "| 0.0 |"),
    ]


def test_operations_and_bytes_of_a_layer(monkeypatch):
    monkeypatch.setattr(bench_roofline, "fastest", lambda function: 1.0)
    net = Net(parse_net(definition("LeNet", 2, loss=True)), schema.TRAIN, seed=1)
    found = {one.name: one for one in bench_roofline.passes(net)}
    forward = found["Convolution 5x5, 20x12x12 to 50x8x8 forward"]
    assert forward.operations == 2 * 2 * 50 * 8 * 8 * 20 * 25
    assert forward.bytes == 4 * (2 * 20 * 144 + 2 * 50 * 64 + 50 * 500 + 50)
    assert found["Convolution 5x5, 20x12x12 to 50x8x8 backward"].operations == 2 * forward.operations
    first = found["Convolution 5x5, 1x28x28 to 20x24x24 backward"]
    assert first.operations == found["Convolution 5x5, 1x28x28 to 20x24x24 forward"].operations


def test_growth_table_and_plot(tmp_path):
    assert bench_growth.table(("batch", "us"), [(1, 2.34567), (2, 1e6)]) == (
        "| batch | us |\n|---|---|\n| 1 | 2.346 |\n| 2 | 1e+06 |"
    )
    pytest.importorskip("matplotlib")
    rows = {title: [(1, *[2.0] * (len(columns) - 1))] for title, columns in bench_growth.TABLES.items()}
    bench_growth.draw(rows, str(tmp_path / "growth.svg"))
    assert "LMDB by records" in (tmp_path / "growth.svg").read_text()


def test_database_that_grows(tmp_path, capsys, monkeypatch):
    bench_growth.write_database(tmp_path / "lmdb", 100)
    monkeypatch.setattr(bench_growth, "READ", 2)
    bench_growth.read_database(str(tmp_path / "lmdb"))
    microseconds, megabytes = map(float, capsys.readouterr().out.split())
    assert microseconds > 0 and megabytes > 1
