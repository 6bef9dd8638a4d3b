"""``netdef summary`` as users meet it."""

from __future__ import annotations

import json

NET = """name: "tiny"
layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "gone" batch_size: 4 } }
layer { name: "s" type: "Scale" bottom: "data" top: "s" }
layer { name: "q" type: "Silence" bottom: "label" }
"""


def test_the_table(run, tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    result = run("summary", "net.prototxt", "--shape", "3,5,6")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[:6] == [
        "tiny, TEST phase",
        "",
        "layer  type     output      parameters  connections  multiply-adds   memory",
        "---------------------------------------------------------------------------",
        "d      Data     4x3x5x6, 4           0            0              0  1.4 KiB",
        "s      Scale    4x3x5x6              3            0            360  1.4 KiB",
    ]


def test_json_and_csv(run, tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    content = json.loads(run("summary", "net.prototxt", "--shape", "3,5,6", "--batch", "2", "--json").out)
    assert content["layers"][0]["output"] == [[2, 3, 5, 6], [2]]
    result = run("summary", "net.prototxt", "--shape", "3,5,6", "--format", "csv", "--phase", "TRAIN")
    assert result.out.splitlines()[2] == "s,Scale,4x3x5x6,3,0,360,1440,12"


def test_errors(run, tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    result = run("summary", "net.prototxt")
    assert result.status == 1
    assert result.err.splitlines()[0] == (
        'net.prototxt:2:1: layer "d" (Data): the shape of "data" is not known: source "gone" does not exist here, and '
        "transform_param has no crop_size. Give it without the batch: --shape C,H,W."
    )
    result = run("summary", "net.prototxt", "--shape", "3", "--shape", "x=4")
    assert (result.status, result.err) == (
        2,
        "netdef summary: several --shape need a name each: --shape data=3,224,224.\n",
    )
