"""Small definitions as files, and a quiet process log."""

from __future__ import annotations

import pytest

import netdef.caffe as caffe
from netdef.caffe.switches import LOG
from netdef.random import set_default_seed

# 3 images of 2 channels, 5 x 4 pixels -> convolution of 6 maps -> 7 classes
SMALL = """\
name: "small"
force_backward: true
layer {
  name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param {
    shape { dim: 3 dim: 2 dim: 5 dim: 4 } shape { dim: 3 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 2 }
  }
}
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "conv" top: "score"
  inner_product_param { num_output: 7 weight_filler { type: "xavier" } bias_filler { type: "constant" value: -1 } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""

# gray images of 4 x 5 pixels, 2 at a time -> 3 classes
DEPLOY = """\
name: "deploy"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 1 dim: 4 dim: 5 } } }
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Only errors are logged, and no test's settings reach another one."""
    monkeypatch.setenv("GLOG_minloglevel", "2")
    monkeypatch.setattr(LOG, "min_level", None)
    caffe.set_random_seed(1701)
    yield
    set_default_seed(None)


@pytest.fixture
def small_file(tmp_path):
    path = tmp_path / "small.prototxt"
    path.write_text(SMALL)
    return str(path)


@pytest.fixture
def deploy_file(tmp_path):
    path = tmp_path / "deploy.prototxt"
    path.write_text(DEPLOY)
    return str(path)


@pytest.fixture
def solver_file(tmp_path, small_file):
    path = tmp_path / "solver.prototxt"
    path.write_text(
        f'net: "{small_file}" base_lr: 0.1 lr_policy: "step" gamma: 0.5 stepsize: 2 momentum: 0.9 max_iter: 4\n'
        f'display: 2 test_iter: 1 test_interval: 2 snapshot_after_train: false snapshot_prefix: "{tmp_path}/snap"\n'
    )
    return str(path)
