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
# LeNet-5 in the habits of other systems: its learnable numbers, what is trained and for how long.
RECIPES = {
    "lenet5_keras": (61706, "SGD", {"images": 55000, "batch": 32, "epochs": 20}),
    "lenet5_pytorch": (61706, "Adam", {"images": 48000, "batch": 64, "epochs": 10}),
    "lenet5_cifar10": (62006, "Adam", {"images": 50000, "batch": 128, "epochs": 2}),
}
RECIPE_FILES = {f"{name}{part}" for name in RECIPES for part in ("", "_train_test", "_solver")}
OUR_OWN = {
    "lenet5_1998",
    "lenet5_1998_distorted_solver",
    "lenet5_1998_distorted_train_test",
    "lenet5_1998_solver",
    "lenet5_1998_train_test",
    "lenet5_classic",
    "lenet5_classic_solver",
    "lenet5_classic_train_test",
    "lenet_nesterov_solver",
}
# What LeCun, Bottou, Bengio and Haffner (1998), table I, let each map of C3 read.
TABLE_I = [
    "012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125", "0134", "1245", "0235",
    "012345",
]  # fmt: skip


def test_every_model_is_held_against_caffes():
    assert {path.stem for path in MODELS.glob("*.prototxt")} == {*NETS, *SOLVERS, *OUR_OWN, *RECIPE_FILES}


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


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_has_the_parameters_of_its_source(name):
    """Both the training net and the one for use, with 6, 16, 120, 84 and 10 outputs and 32x32 pixels to see."""
    count = RECIPES[name][0]
    channels, size = (3, 32) if name == "lenet5_cifar10" else (1, 28 if name == "lenet5_pytorch" else 32)
    deploy = load_net(MODELS / f"{name}.prototxt").message
    assert list(deploy.layer[0].input_param.shape[0].dim) == [1, channels, size, size]
    for definition in (deploy, load_net(MODELS / f"{name}_train_test.prototxt").message):
        convolutions = [layer.convolution_param for layer in definition.layer if layer.type == "Convolution"]
        dense = [layer.inner_product_param for layer in definition.layer if layer.type == "InnerProduct"]
        outputs = [param.num_output for param in [*convolutions, *dense]]
        assert outputs == [6, 16, 120, 84, 10]
        inputs = [channels * 25, 6 * 25, 16 * 25, 120, 84]
        assert sum(n * (m + 1) for n, m in zip(outputs, inputs, strict=True)) == count
        assert not any(param.lr_mult != 1 for layer in definition.layer for param in layer.param)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_trains_for_its_epochs(name):
    """Iterations are epochs times images over batch size, rounded up where the source has a last small batch."""
    _, rule, run = RECIPES[name]
    solver = load_solver(MODELS / f"{name}_solver.prototxt").message
    net = load_net(MODELS / f"{name}_train_test.prototxt").message
    assert (solver.type, solver.net) == (rule, f"{name}_train_test.prototxt")
    assert net.layer[0].data_param.batch_size == run["batch"]
    an_epoch = -(-run["images"] // run["batch"])
    assert solver.test_interval == an_epoch
    assert run["epochs"] * run["images"] / run["batch"] <= solver.max_iter <= run["epochs"] * an_epoch
    assert not solver.weight_decay


def test_training_and_use_of_a_recipe_are_one_net():
    for name in RECIPES:
        learned = [layer for layer in load_net(MODELS / f"{name}_train_test.prototxt").message.layer
                   if layer.type not in ("Data", "Accuracy", "SoftmaxWithLoss")]  # fmt: skip
        used = [layer for layer in load_net(MODELS / f"{name}.prototxt").message.layer
                if layer.type not in ("Input", "Softmax")]  # fmt: skip
        assert learned == used


def lenet5_layers(name):
    layers = load_net(MODELS / f"{name}.prototxt").message.layer
    return {layer.name: layer for layer in layers if layer.type not in ("Data", "Input")}


def test_c3_reads_what_table_i_says():
    table = lenet5_layers("lenet5_1998_train_test")["c3"].convolution_param.connection_table
    read = ["".join(str(row) for row in range(6) if table[row][column] == "X") for column in range(16)]
    assert read == TABLE_I


def test_lenet5_of_1998_has_the_papers_layers():
    layers = lenet5_layers("lenet5_1998_train_test")
    squashed = [name for unit in ("c1", "s2", "c3", "s4", "c5", "f6") for name in (unit, f"{unit}_squash")]
    assert list(layers) == [*squashed, "rbf", "score", "accuracy", "loss"]
    for layer in layers.values():
        if layer.type == "ScaledTanH":
            numbers = (layer.scaled_tanh_param.amplitude, layer.scaled_tanh_param.slope)
            assert numbers == (pytest.approx(1.7159), pytest.approx(2 / 3))
    assert layers["rbf"].param[0].lr_mult == 0
    loss = layers["loss"].rbf_loss_param
    assert (loss.criterion, loss.j) == (schema.RBFLossParameter.MAP, pytest.approx(0.1))


def test_the_distorted_variant_differs_in_its_data_alone():
    assert lenet5_layers("lenet5_1998_distorted_train_test") == lenet5_layers("lenet5_1998_train_test")
    transforms = [
        load_net(MODELS / f"lenet5_1998{kind}_train_test.prototxt").message.layer[0].transform_param
        for kind in ("_distorted", "")
    ]
    assert transforms[0].HasField("affine_param") and not transforms[1].HasField("affine_param")
    transforms[0].ClearField("affine_param")
    assert transforms[0] == transforms[1]
