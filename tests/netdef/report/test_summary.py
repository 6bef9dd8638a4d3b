"""The cost of known nets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import prototxt
from netdef.report.shapes import shape_net
from netdef.report.summary import bytes_text, summarize, to_csv, to_json, to_table
from prototxt import load_net, parse_net, schema

MODELS = Path(prototxt.__file__).parent / "models"
LENET5 = """
name: "LeNet-5"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 32 dim: 32 } } }
layer { name: "c1" type: "Convolution" bottom: "data" top: "c1" convolution_param { num_output: 6 kernel_size: 5 } }
layer { name: "t1" type: "TanH" bottom: "c1" top: "c1" }
layer { name: "s2" type: "Pooling" bottom: "c1" top: "s2" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "c3" type: "Convolution" bottom: "s2" top: "c3" convolution_param { num_output: 16 kernel_size: 5 } }
layer { name: "s4" type: "Pooling" bottom: "c3" top: "s4" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "c5" type: "Convolution" bottom: "s4" top: "c5" convolution_param { num_output: 120 kernel_size: 5 } }
layer { name: "f6" type: "InnerProduct" bottom: "c5" top: "f6" inner_product_param { num_output: 84 } }
layer { name: "output" type: "InnerProduct" bottom: "f6" top: "output" inner_product_param { num_output: 10 } }
"""
SMALL = """
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 4 } } }
layer { name: "a" type: "Scale" bottom: "data" top: "a" param { name: "s" } }
layer { name: "b" type: "Scale" bottom: "a" top: "a" param { name: "s" } }
layer { name: "flat" type: "Flatten" bottom: "a" top: "flat" }
"""


def small():
    return summarize(shape_net(parse_net(SMALL), schema.TEST))


def test_the_classic_lenet5():
    summary = summarize(shape_net(parse_net(LENET5), schema.TEST))
    parameters = {row.layer: row.parameters for row in summary.rows if row.parameters}
    assert parameters == {"c1": 156, "c3": 2_416, "c5": 48_120, "f6": 10_164, "output": 850}
    assert summary.total("parameters") == 61_706
    assert {row.layer: row.macs for row in summary.rows if row.macs} == {
        "c1": 28 * 28 * 6 * 25, "c3": 10 * 10 * 16 * 6 * 25, "c5": 120 * 400, "f6": 84 * 120, "output": 840,
    }  # fmt: skip
    assert summary.rows[2].blob_bytes == 0


@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("name", ["lenet5_1998_train_test", "lenet5_1998"])
def test_lenet5_has_the_papers_numbers(name, batch):
    """LeCun, Bottou, Bengio and Haffner (1998), section II.B; 340,908 connections and 60,000 learned numbers in all."""
    document = load_net(MODELS / f"{name}.prototxt")
    summary = summarize(shape_net(document, schema.TEST, batch=batch, shape=(1, 32, 32)))
    rows = {row.layer: (tuple(row.output[0][1:]), row.parameters, row.connections) for row in summary.rows}
    assert {name: row for name, row in rows.items() if row[1]} == {
        "c1": ((6, 28, 28), 156, 122_304),
        "s2": ((6, 14, 14), 12, 5_880),
        "c3": ((16, 10, 10), 1_516, 151_600),
        "s4": ((16, 5, 5), 32, 2_000),
        "c5": ((120, 1, 1), 48_120, 48_120),
        "f6": ((84,), 10_164, 10_164),
        "rbf": ((10,), 840, 840),
    }
    assert (summary.total("parameters"), summary.total("connections")) == (60_000 + 840, 340_068 + 840)


def test_no_blob_takes_memory():
    net = shape_net(parse_net(LENET5.replace("dim: 1 dim: 1 dim: 32", "dim: 100000 dim: 1 dim: 32")), schema.TEST)
    assert summarize(net).total("blob_bytes") > 10**9
    assert not any(blob.has_data for blob in net.blobs.values())


def test_shared_parameters_and_memory_count_once():
    rows = {row.layer: row for row in small().rows}
    assert (rows["a"].parameters, rows["b"].parameters) == (3, 0)
    assert (rows["a"].blob_bytes, rows["b"].blob_bytes, rows["flat"].blob_bytes) == (480, 0, 0)


def test_table():
    assert to_table(small()) == (
        "small, TEST phase\n"
        "\n"
        "layer  type     output   parameters  connections  multiply-adds  memory\n"
        "-----------------------------------------------------------------------\n"
        "data   Input    2x3x5x4           0            0              0   480 B\n"
        "a      Scale    2x3x5x4           3            0            120   492 B\n"
        "b      Scale    2x3x5x4           0            0            120     0 B\n"
        "flat   Flatten  2x60              0            0              0     0 B\n"
        "-----------------------------------------------------------------------\n"
        "total                             3            0            240   972 B\n"
        "\n"
        "Memory: blobs 960 B, parameters 12 B; with the diffs and the momentum of training 1.9 KiB.\n"
    )


def test_json_and_csv():
    content = json.loads(to_json(small()))
    assert content["total"] == {
        "parameters": 3, "connections": 0, "macs": 240, "blob_bytes": 960, "parameter_bytes": 12,
    }  # fmt: skip
    assert content["layers"][1] == {
        "layer": "a", "type": "Scale", "output": [[2, 3, 5, 4]], "parameters": 3, "connections": 0, "macs": 120,
        "blob_bytes": 480, "parameter_bytes": 12,
    }  # fmt: skip
    assert to_csv(small()).splitlines()[:3] == [
        "layer,type,output,parameters,connections,macs,blob_bytes,parameter_bytes",
        "data,Input,2x3x5x4,0,0,0,480,0",
        "a,Scale,2x3x5x4,3,0,120,480,12",
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (102_348, "99.9 KiB"), (102_400, "100 KiB"),
     (1_048_575, "1.0 MiB"), (5 * 2**30, "5.0 GiB"), (2**51, "2048 TiB")],
)  # fmt: skip
def test_bytes(count, text):
    assert bytes_text(count) == text


def test_googlenet(zoo_dir):
    document = load_net(zoo_dir / "bvlc/models/bvlc_googlenet/deploy.prototxt")
    summary = summarize(shape_net(document, schema.TEST, batch=1))
    assert summary.total("parameters") == 6_998_552
    assert 1.5e9 < summary.total("macs") < 1.7e9
