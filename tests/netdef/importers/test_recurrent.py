"""LSTM layers of PyTorch and Keras: the net computes what they compute; other recurrent layers are refused."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers import pytorch
from netdef.importers.keras import read_keras
from netdef.importers.weights import import_weights
from netdef.net import Net
from prototxt import parse_net
from tests.support import keras_files

STEPS, STREAMS, INPUTS, HIDDEN = 4, 2, 3, 5
NET = f"""
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: {STEPS} dim: {STREAMS} dim: {INPUTS} }} }} }}
layer {{ name: "on" type: "Input" top: "on" input_param {{ shape {{ dim: {STEPS} dim: {STREAMS} }} }} }}
layer {{ name: "one" type: "LSTM" bottom: "x" bottom: "on" top: "one" recurrent_param {{ num_output: {HIDDEN} }} }}
layer {{ name: "two" type: "LSTM" bottom: "one" bottom: "on" top: "two" recurrent_param {{ num_output: {HIDDEN} }} }}
"""


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def lstm(x, rows_in, rows_back, bias):
    """``(T, N, I)`` to ``(T, N, D)``; the rows are those of i, f, g, o, as PyTorch and Keras have them."""
    hidden = cell = np.zeros((x.shape[1], rows_back.shape[1]))
    answers = []
    for step in x:
        i, f, g, o = np.split(step @ rows_in.T + hidden @ rows_back.T + bias, 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        answers.append(hidden)
    return np.stack(answers)


@pytest.fixture
def stages():
    """Rows for the input, rows for the state before, and a bias, of two layers."""
    random = np.random.default_rng(8)
    sizes = [(INPUTS, HIDDEN), (HIDDEN, HIDDEN)]
    return [[random.normal(size=(4 * HIDDEN, size)).astype(np.float32) for size in pair]
            + [random.normal(size=4 * HIDDEN).astype(np.float32)] for pair in sizes]  # fmt: skip


def check(units, stages):
    x = np.random.default_rng(9).normal(size=(STEPS, STREAMS, INPUTS))
    expected = lstm(lstm(x, *stages[0]), *stages[1])
    with Net(parse_net(NET), dtype=np.float64) as net:
        import_weights(net, units, "file")
        net.blobs["x"].data[...] = x
        net.blobs["on"].data[...] = np.arange(STEPS)[:, None] > 0
        net.forward()
        np.testing.assert_allclose(net.blobs["two"].data, expected, rtol=1e-5, atol=1e-7)


def torch_arrays(stages):
    found = {}
    for number, (rows_in, rows_back, bias) in enumerate(stages):
        found |= {f"r.weight_ih_l{number}": rows_in, f"r.weight_hh_l{number}": rows_back}
        found |= {f"r.bias_ih_l{number}": bias - 2, f"r.bias_hh_l{number}": np.full_like(bias, 2)}
    return found


def test_two_layers_of_pytorch(stages):
    units = pytorch.units_of(torch_arrays(stages), "m.pt")
    assert [unit.name for unit in units] == ["r.l0", "r.l1"]
    assert [tensor.name for tensor in units[0].tensors] == [
        "r.weight_ih_l0", "r.bias_ih_l0 + r.bias_hh_l0", "r.weight_hh_l0",
    ]  # fmt: skip
    check(units, stages)


def test_cells_of_pytorch_without_bias(stages):
    arrays = {}
    for name, stage in zip("ab", stages):
        stage[2][:] = 0
        arrays |= {f"{name}.weight_ih": stage[0], f"{name}.weight_hh": stage[1]}
    units = pytorch.units_of(arrays, "m.pt")
    assert [(unit.name, unit.tensors[1].name) for unit in units] == [("a", "a: no bias"), ("b", "b: no bias")]
    check(units, stages)


def test_pytorch_itself(stages):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = torch.nn.ModuleDict({"r": torch.nn.LSTM(INPUTS, HIDDEN, 2)})
    arrays = torch_arrays(stages)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    x = np.random.default_rng(3).normal(size=(STEPS, STREAMS, INPUTS)).astype(np.float32)
    found = module["r"](torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(found, lstm(lstm(x, *stages[0]), *stages[1]), rtol=1e-4, atol=1e-6)


REFUSED = [
    ({"g.weight_ih_l0": (9, 2), "g.weight_hh_l0": (9, 3)}, '"g" (GRU)'),
    ({"g.weight_ih_l0": (3, 2), "g.weight_hh_l0": (3, 3), "h.weight_ih": (6, 1), "h.weight_hh": (6, 2)},
     '"g" (RNN), "h" (GRU)'),
    ({"g.weight_ih_l0": (8, 2), "g.weight_hh_l0": (8, 2), "g.weight_hh_l0_reverse": (8, 2)}, '"g" (of two directions)'),
    ({"g.weight_ih_l0": (8, 2), "g.weight_hh_l0": (8, 1), "g.weight_hr_l0": (1, 2)}, '"g" (LSTM with a projection)'),
]  # fmt: skip


@pytest.mark.parametrize(("shapes", "words"), REFUSED)
def test_what_is_refused_of_pytorch(shapes, words):
    with pytest.raises(WeightsError) as caught:
        pytorch.units_of({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, "m.pt")
    assert str(caught.value) == (
        f"m.pt: has recurrent layers whose values cannot be taken over: {words}; expected LSTM of one direction "
        "without a projection. Train such a layer anew."
    )


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("biased", [True, False])
def test_keras(tmp_path, stages, ending, biased):
    layers = []
    for name, stage in zip("ab", stages):
        stage[2] *= biased
        arrays = [("kernel", stage[0].T), ("recurrent_kernel", stage[1].T), ("bias", stage[2])]
        settings = {"name": name, "activation": "tanh", "recurrent_activation": "sigmoid"}
        layers.append(("LSTM", settings, arrays[: 3 if biased else 2]))
    path = tmp_path / f"m.{ending}"
    (keras_files.write_h5 if ending == "h5" else keras_files.write_keras_3)(path, layers)
    check(read_keras(str(path)), stages)


def test_what_is_refused_of_keras(tmp_path):
    arrays = [("kernel", np.ones((2, 8))), ("recurrent_kernel", np.ones((2, 8)))]
    layers = [("LSTM", {"name": "a", "activation": "relu"}, arrays),
              ("LSTM", {"name": "b", "recurrent_activation": "hard_sigmoid"}, arrays),
              ("LSTM", {"name": "c", "go_backwards": True}, arrays)]  # fmt: skip
    keras_files.write_keras_3(tmp_path / "m.keras", layers)
    with pytest.raises(WeightsError) as caught:
        read_keras(str(tmp_path / "m.keras"))
    assert str(caught.value).partition(";")[0] == (
        f'{tmp_path / "m.keras"}: has layers whose values cannot be taken over: "a" (LSTM with activation "relu"), '
        '"b" (LSTM with recurrent_activation "hard_sigmoid"), "c" (LSTM with go_backwards)'
    )
