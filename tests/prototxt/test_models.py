"""The definitions that ship are what they are called."""

from pathlib import Path

import pytest

import prototxt
from prototxt import load_net, load_solver, schema

MODELS = Path(prototxt.__file__).parent / "models"


NETS = {
    "lenet_train_test": "mnist/lenet_train_test",
    "lenet": "mnist/lenet",
    "mnist_autoencoder": "mnist/mnist_autoencoder",
    "mnist_siamese_train_test": "siamese/mnist_siamese_train_test",
    "mnist_siamese": "siamese/mnist_siamese",
    "cifar10_quick_train_test": "cifar10/cifar10_quick_train_test",
    "cifar10_quick": "cifar10/cifar10_quick",
    "cifar10_full_train_test": "cifar10/cifar10_full_train_test",
    "cifar10_full": "cifar10/cifar10_full",
}
# a name of ours: the name of Caffe's
SOLVERS = {
    "lenet_solver": "mnist/lenet_solver",
    "lenet_adam_solver": "mnist/lenet_solver_adam",
    "lenet_rmsprop_solver": "mnist/lenet_solver_rmsprop",
    "lenet_adadelta_solver": "mnist/lenet_adadelta_solver",
    "lenet_multistep_solver": "mnist/lenet_multistep_solver",
    "mnist_autoencoder_solver": "mnist/mnist_autoencoder_solver",
    "mnist_autoencoder_nesterov_solver": "mnist/mnist_autoencoder_solver_nesterov",
    "mnist_autoencoder_adagrad_solver": "mnist/mnist_autoencoder_solver_adagrad",
    "mnist_autoencoder_adadelta_solver": "mnist/mnist_autoencoder_solver_adadelta",
    "mnist_siamese_solver": "siamese/mnist_siamese_solver",
    "cifar10_quick_solver": "cifar10/cifar10_quick_solver",
    "cifar10_quick_lr1_solver": "cifar10/cifar10_quick_solver_lr1",
    "cifar10_full_solver": "cifar10/cifar10_full_solver",
    "cifar10_full_lr1_solver": "cifar10/cifar10_full_solver_lr1",
    "cifar10_full_lr2_solver": "cifar10/cifar10_full_solver_lr2",
}
OUR_OWN = {"lenet5_classic", "lenet_nesterov_solver"}


def test_every_model_is_held_against_caffes():
    assert {path.stem for path in MODELS.glob("*.prototxt")} == {*NETS, *SOLVERS, *OUR_OWN}


@pytest.mark.parametrize("name", NETS)
def test_net_is_caffes(name, zoo_dir):
    """But for the paths, and for the pairs of the siamese net, which are an LMDB instead of a LevelDB."""
    ours = load_net(MODELS / f"{name}.prototxt").message
    theirs = load_net(zoo_dir / "bvlc" / "examples" / f"{NETS[name]}.prototxt").message
    for layer in theirs.layer:
        if layer.type == "Data":
            layer.data_param.source = Path(layer.data_param.source).name.replace("_leveldb", "_lmdb")
            layer.data_param.backend = schema.DataParameter.LMDB
            if layer.transform_param.mean_file:
                layer.transform_param.mean_file = Path(layer.transform_param.mean_file).name
    assert ours == theirs


@pytest.mark.parametrize("name", SOLVERS)
def test_solver_is_caffes(name, zoo_dir):
    """But for the paths, and for the CPU."""
    ours = load_solver(MODELS / f"{name}.prototxt").message
    theirs = load_solver(zoo_dir / "bvlc" / "examples" / f"{SOLVERS[name]}.prototxt").message
    theirs.net = Path(theirs.net).name
    theirs.snapshot_prefix = Path(theirs.snapshot_prefix).name
    if name == "lenet_adam_solver":  # Caffe's has the prefix of the stock solver, whose snapshots it would overwrite
        theirs.snapshot_prefix = "lenet_adam"
    theirs.solver_mode = schema.SolverParameter.CPU
    assert ours == theirs


def test_nesterov_is_the_stock_solver_but_for_the_rule():
    nesterov = load_solver(MODELS / "lenet_nesterov_solver.prototxt").message
    stock = load_solver(MODELS / "lenet_solver.prototxt").message
    stock.type, stock.snapshot_prefix = "Nesterov", "lenet_nesterov"
    assert nesterov == stock


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
