"""The log of a net's construction is that of Caffe, held against a recorded log."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netdef.net import Net
from prototxt import load_net, parse_net, schema
from solvers.net_log import log_net, shape_string
from tests.conftest import CHECKOUT
from tests.support.databases import write_lmdb
from tests.support.solvers import TINY_NET, RecordedLog

RECORDED = re.compile(r"[IWE]\d+ [\d:.]+ +\d+ ((?:net\.cpp|layer_factory\.hpp):\d+\] .*)")


def test_shape_string():
    assert shape_string((64, 1, 28, 28), 50176) == "64 1 28 28 (50176)"
    assert shape_string((), 1) == "(1)"


def test_tiny_net():
    log = RecordedLog()
    net = Net(parse_net(TINY_NET), schema.TRAIN, seed=1)
    log_net(net, log)
    head, rest = log.text().split("layer_factory.hpp:77] Creating layer data\n")
    assert head.startswith(
        "net.cpp:296] The NetState phase (0) differed from the phase (1) specified by a rule in layer accuracy\n"
        'net.cpp:53] Initializing net from parameters: \nname: "tiny"\n'
    )
    assert 'name: "accuracy"' not in head
    assert rest.splitlines() == [
        "net.cpp:86] Creating Layer data",
        "net.cpp:382] data -> data",
        "net.cpp:382] data -> label",
        "net.cpp:124] Setting up data",
        "net.cpp:131] Top shape: 4 3 (12)",
        "net.cpp:131] Top shape: 4 (4)",
        "net.cpp:139] Memory required for data: 64",
        "layer_factory.hpp:77] Creating layer ip1",
        "net.cpp:86] Creating Layer ip1",
        "net.cpp:408] ip1 <- data",
        "net.cpp:382] ip1 -> ip1",
        "net.cpp:124] Setting up ip1",
        "net.cpp:131] Top shape: 4 5 (20)",
        "net.cpp:139] Memory required for data: 144",
        "layer_factory.hpp:77] Creating layer drop",
        "net.cpp:86] Creating Layer drop",
        "net.cpp:408] drop <- ip1",
        "net.cpp:369] drop -> ip1 (in-place)",
        "net.cpp:124] Setting up drop",
        "net.cpp:131] Top shape: 4 5 (20)",
        "net.cpp:139] Memory required for data: 224",
        "layer_factory.hpp:77] Creating layer ip2",
        "net.cpp:86] Creating Layer ip2",
        "net.cpp:408] ip2 <- ip1",
        "net.cpp:382] ip2 -> ip2",
        "net.cpp:124] Setting up ip2",
        "net.cpp:131] Top shape: 4 2 (8)",
        "net.cpp:139] Memory required for data: 256",
        "layer_factory.hpp:77] Creating layer loss",
        "net.cpp:86] Creating Layer loss",
        "net.cpp:408] loss <- ip2",
        "net.cpp:408] loss <- label",
        "net.cpp:382] loss -> loss",
        "net.cpp:124] Setting up loss",
        "net.cpp:131] Top shape: (1)",
        "net.cpp:134]     with loss weight 1",
        "net.cpp:139] Memory required for data: 260",
        "net.cpp:200] loss needs backward computation.",
        "net.cpp:200] ip2 needs backward computation.",
        "net.cpp:200] drop needs backward computation.",
        "net.cpp:200] ip1 needs backward computation.",
        "net.cpp:202] data does not need backward computation.",
        "net.cpp:244] This network produces output loss",
        "net.cpp:257] Network initialization done.",
    ]


def test_shared_parameters_are_named_with_their_owner():
    net = TINY_NET.replace("num_output: 2", "num_output: 5").replace("num_output: 5", "num_output: 3")
    net = net.replace("param { lr_mult: 1 }", 'param { name: "w" }')
    net = net.replace('top: "ip2"\n', 'top: "ip2" param { } param { name: "b" }\n')
    net = net.replace("param { lr_mult: 2 decay_mult: 0 }", 'param { name: "b" lr_mult: 2 }')
    log = RecordedLog()
    log_net(Net(parse_net(net), schema.TRAIN, seed=1), log)
    assert log.messages("net.cpp:467") == ["Sharing parameters 'b' owned by layer 'ip1', param index 1"]
    lines = log.text().splitlines()
    at = lines.index("net.cpp:467] Sharing parameters 'b' owned by layer 'ip1', param index 1")
    assert lines[at - 1].startswith("net.cpp:139]") and lines[at + 1] == "layer_factory.hpp:77] Creating layer loss"


@pytest.mark.parametrize("phase", [schema.TRAIN, schema.TEST])
def test_lenet_as_caffe_logs_it(recorded_dir, tmp_path, monkeypatch, phase):
    """Line for line, less the second "Creating layer loss": Caffe's loss makes a softmax layer inside."""
    monkeypatch.chdir(tmp_path)
    for name in ("mnist_train_lmdb", "mnist_test_lmdb"):
        write_lmdb(name, np.zeros((3, 1, 28, 28), np.uint8))
    recorded = (recorded_dir / "lenet" / "caffe_train.log").read_text()
    train, test = recorded.split("Creating test net (#0)")
    wanted = [
        match.group(1)
        for match in map(RECORDED.match, (train if phase == schema.TRAIN else test).splitlines())
        if match
    ]
    inner = "layer_factory.hpp:77] Creating layer loss"
    wanted = [line for i, line in enumerate(wanted) if line != inner or line not in wanted[:i]]
    log = RecordedLog()
    with Net(load_net(CHECKOUT / "prototxt/models/lenet_train_test.prototxt"), phase, seed=1) as net:
        log_net(net, log)
    found = [line for line in log.text().splitlines() if re.match(r"(net\.cpp|layer_factory\.hpp):\d+\] ", line)]
    assert found == wanted
