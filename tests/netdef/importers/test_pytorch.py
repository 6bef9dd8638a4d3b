"""PyTorch's files."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers import pytorch
from netdef.importers.weights import compare, import_weights
from netdef.net import Net
from prototxt import parse_net

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 7 dim: 9 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
        convolution_param { num_output: 4 kernel_h: 2 kernel_w: 3 bias_term: false } }
layer { name: "n" type: "BatchNorm" bottom: "c" top: "c" }
layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
layer { name: "r" type: "PReLU" bottom: "c" top: "c" }
layer { name: "u" type: "Deconvolution" bottom: "c" top: "u"
        convolution_param { num_output: 2 kernel_h: 3 kernel_w: 2 stride: 2 } }
layer { name: "f" type: "InnerProduct" bottom: "u" top: "f" inner_product_param { num_output: 5 } }
"""


def test_a_state_dict_is_grouped_by_layer():
    shapes = {"c.0.weight": (2, 1, 3, 3), "c.0.bias": (2,), "n.weight": (2,), "n.bias": (2,), "n.running_mean": (2,),
              "n.running_var": (2,), "n.num_batches_tracked": (), "scale": (1,)}  # fmt: skip
    units = pytorch.units_of({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, "m.pt")
    assert [(unit.name, [(tensor.name, tensor.role) for tensor in unit.tensors]) for unit in units] == [
        ("c.0", [("c.0.weight", "weight"), ("c.0.bias", "bias")]),
        ("n", [("n.weight", "gamma"), ("n.bias", "beta"), ("n.running_mean", "mean"), ("n.running_var", "variance")]),
        ("", [("scale", "")]),
    ]


def test_without_torch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WeightsError) as caught:
        pytorch.read_pytorch("model.pt")
    assert str(caught.value) == (
        "model.pt: is read by PyTorch, which is not installed. Install torch, or save the values as a NumPy file there "
        "and use netdef import npz."
    )


@pytest.fixture
def model():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(4)
    nn = torch.nn
    made = nn.Sequential(
        nn.Conv2d(3, 4, (2, 3), bias=False), nn.BatchNorm2d(4), nn.PReLU(4), nn.ConvTranspose2d(4, 2, (3, 2), stride=2),
        nn.Flatten(), nn.Linear(2 * 13 * 14, 5),
    )  # fmt: skip
    made[1].running_mean.uniform_(-1, 1)
    made[1].running_var.uniform_(0.5, 2)
    for values in made.parameters():
        values.data.uniform_(-0.5, 0.7)
    return made.eval()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["state_dict", "checkpoint", "script"])
def test_a_model_answers_as_it_did(tmp_path, model, kind):
    import torch

    path, script = str(tmp_path / "model.pt"), str(tmp_path / "script.pt")
    torch.jit.script(model).save(script)
    if kind == "script":
        path = script
    else:
        torch.save(model.state_dict() if kind == "state_dict" else {"model": model.state_dict(), "epoch": 3}, path)
    assert pytorch.is_torchscript(path) == (kind == "script")
    with Net(parse_net(NET)) as net:
        import_weights(net, pytorch.read_pytorch(path), path)
        (found,) = compare(net, lambda batches: pytorch.run_module(script, batches), path)
        assert found.difference < 1e-5 * found.greatest
        net.params["r"][0].data[...] += 1
        with pytest.raises(WeightsError, match="answers otherwise than the net"):
            compare(net, lambda batches: pytorch.run_module(script, batches), path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("module", "is no state_dict that can be read without running code from it. Save it with "
                   'torch.save(model.state_dict(), "model.pt"), or the model as TorchScript with torch.jit.'),
        ("text", "is no state_dict that can be read without running code from it. Save it with "
                 'torch.save(model.state_dict(), "model.pt"), or the model as TorchScript with torch.jit.'),
        ("list", "holds a list without tensors; expected a state_dict. Save model.state_dict()."),
        ("missing", "cannot be read: No such file or directory. Correct the path."),
    ],
)  # fmt: skip
def test_files_that_are_no_state_dict(tmp_path, model, kind, message):
    import torch

    path = tmp_path / "model.pt"
    if kind == "text":
        path.write_text("weights")
    elif kind != "missing":
        torch.save(model if kind == "module" else [1], path)
    with pytest.raises(WeightsError) as caught:
        pytorch.read_pytorch(str(path))
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_check_that_cannot_run(tmp_path, model):
    import torch

    path = str(tmp_path / "model.pt")
    torch.save(model.state_dict(), path)
    with pytest.raises(WeightsError) as caught:
        pytorch.run_module(path, [np.zeros((1, 3, 7, 9), np.float32)])
    assert str(caught.value) == (
        f'{path}: is no TorchScript archive. Make it with torch.jit.trace(model, example).save("it.pt").'
    )
    torch.jit.script(model).save(path)
    with pytest.raises(WeightsError, match=r"cannot run on an input of shape \(1, 2, 7, 9\)"):
        pytorch.run_module(path, [np.zeros((1, 2, 7, 9), np.float32)])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_modules_with_several_inputs_and_answers(tmp_path):
    torch = pytest.importorskip("torch")

    class Two(torch.nn.Module):
        def forward(self, first, second):
            return first + second, [first]

    class Sums(torch.nn.Module):
        def forward(self, first, second):
            return first + second, first - second

    batches, path = [np.full((2, 3), 5, np.float32), np.full((2, 3), 2, np.float32)], str(tmp_path / "model.pt")
    torch.jit.script(Sums()).save(path)
    assert [answer.max() for answer in pytorch.run_module(path, batches)] == [7, 3]
    torch.jit.script(Two()).save(path)
    with pytest.raises(WeightsError) as caught:
        pytorch.run_module(path, batches)
    assert str(caught.value) == f"{path}: answers with a list; expected tensors. Save a module that gives them."
