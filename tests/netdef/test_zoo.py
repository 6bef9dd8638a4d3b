"""Graphs, shapes and parameters against those of BVLC Caffe 1.0, recorded for the nets it ships."""

import json
from pathlib import Path

import pytest

from netdef.net import Net

RECORDED = json.loads((Path(__file__).parent.parent / "golden" / "zoo_shapes.json").read_text())


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_layers_blobs_and_parameters(zoo_dir, name):
    net = Net(zoo_dir / "bvlc" / name)
    recorded = RECORDED[name]
    assert [[s.node.name, s.node.type] for s in net.steps] == recorded["layers"]
    assert [[k, list(b.shape)] for k, b in net.blobs.items()] == recorded["blobs"]
    assert [[k, [list(b.shape) for b in blobs]] for k, blobs in net.params.items()] == recorded["params"]
