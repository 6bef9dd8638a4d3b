"""``netdef deploy`` as users meet it."""

from __future__ import annotations

import pytest

NET = """name: "tiny"
layer { name: "d" type: "Data" top: "data" top: "label" transform_param { scale: 0.5 } data_param { source: "gone" } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
DEPLOY = """name: "tiny"
layer {
  name: "data"
  type: "Input"
  top: "data"
  transform_param {
    scale: 0.5
  }
  input_param {
    shape {
      dim: 2
      dim: 1
      dim: 5
      dim: 6
    }
  }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "data"
  top: "ip"
  inner_product_param {
    num_output: 4
  }
}
layer {
  name: "prob"
  type: "Softmax"
  bottom: "ip"
  top: "prob"
}
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    return "net.prototxt"


def test_prints_the_deploy_net(run, net):
    result = run("deploy", net, "-shape", "1,5,6", "-batch=2")
    assert (result.status, result.out, result.err) == (0, DEPLOY, "")


def test_writes_a_file_and_derives_it_only_once(run, net, tmp_path):
    assert run("deploy", net, "--shape", "data=1x5x6", "--batch", "2", "-o", "deploy.prototxt").status == 0
    assert (tmp_path / "deploy.prototxt").read_text() == DEPLOY
    result = run("deploy", "deploy.prototxt")
    assert (result.status, result.out) == (0, DEPLOY)
    assert result.err == "This is a deploy net already: nothing was changed.\n"


def test_never_writes_over_its_input(run, net, tmp_path):
    result = run("deploy", net, "--shape", "1,5,6", "-o", "./net.prototxt")
    assert result.status == 2
    assert result.err == 'netdef deploy: "./net.prototxt" is the definition that is read. Give another -o FILE.\n'
    assert (tmp_path / "net.prototxt").read_text() == NET


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--shape", "1,a"], 2,
         'netdef deploy: --shape is "1,a"; expected sizes such as 3,224,224 or data=3,224,224, each at least 1. '
         'See "netdef help deploy".\n'),
        (["--shape", "0,5"], 2,
         'netdef deploy: --shape is "0,5"; expected sizes such as 3,224,224 or data=3,224,224, each at least 1. '
         'See "netdef help deploy".\n'),
        (["--shape", "1,5", "--shape", "data=5"], 2,
         "netdef deploy: several --shape need a name each: --shape data=3,224,224.\n"),
        (["--shape", "dta=1,5,6"], 2,
         'a shape is given for "dta", which is not an input. Did you mean "data"? Inputs: data.\n'),
        ([], 1,
         'net.prototxt:2:1: layer "d" (Data): the shape of "data" is not known: source "gone" does not exist here, '
         "and transform_param has no crop_size. Give it without the batch: --shape C,H,W.\n"
         '  layer { name: "d" type: "Data" top: "data" top: "label" transform_param { scale: 0.5 } '
         'data_param { source: "gone" } }\n  ^\n'),
    ],
)  # fmt: skip
def test_errors(run, net, words, status, message):
    result = run("deploy", net, *words)
    assert (result.status, result.out, result.err) == (status, "", message)
