"""The definitions that ship are what they are called."""

from pathlib import Path

import pytest

import prototxt
from prototxt import load_net, load_solver, schema

MODELS = Path(prototxt.__file__).parent / "models"


@pytest.mark.parametrize("name", ["lenet_train_test", "lenet"])
def test_lenet_is_caffes(name, zoo_dir):
    ours = load_net(MODELS / f"{name}.prototxt").message
    theirs = load_net(zoo_dir / "bvlc" / "examples" / "mnist" / f"{name}.prototxt").message
    for layer in theirs.layer:
        if layer.type == "Data":
            layer.data_param.source = Path(layer.data_param.source).name
    assert ours == theirs


def test_lenet_solver_is_caffes(zoo_dir):
    ours = load_solver(MODELS / "lenet_solver.prototxt").message
    theirs = load_solver(zoo_dir / "bvlc" / "examples" / "mnist" / "lenet_solver.prototxt").message
    theirs.net = Path(theirs.net).name
    theirs.snapshot_prefix = Path(theirs.snapshot_prefix).name
    theirs.solver_mode = schema.SolverParameter.CPU
    assert ours == theirs


def test_classic_lenet5_has_the_layers_of_the_table():
    layers = load_net(MODELS / "lenet5_classic.prototxt").message.layer
    assert [layer.type for layer in layers] == [
        "Input", "Convolution", "TanH", "Pooling", "Convolution", "TanH", "Pooling", "InnerProduct", "TanH",
        "InnerProduct", "TanH", "InnerProduct", "Softmax",
    ]  # fmt: skip
    assert list(layers[0].input_param.shape[0].dim) == [1, 1, 32, 32]
    assert [layer.convolution_param.num_output for layer in layers if layer.type == "Convolution"] == [6, 16]
    assert [layer.inner_product_param.num_output for layer in layers if layer.type == "InnerProduct"] == [120, 84, 10]
    assert {layer.pooling_param.pool for layer in layers if layer.type == "Pooling"} == {schema.PoolingParameter.AVE}
