import sys
import traceback

import numpy as np
import pytest

import netdef.caffe as caffe
from netdef import old_scripts
from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support import python_layers
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

MODULE = "tests.support.python_layers"


def python_layer(cls, param_str="", name="py", blobs='bottom: "in" top: "out"', module=MODULE):
    return (
        f'name: "{name}" type: "Python" {blobs} '
        f'python_param {{ module: "{module}" layer: "{cls}" param_str: "{param_str}" share_in_parallel: true }}'
    )


def net_of(*layers, phase=schema.TEST, more=""):
    return Net(parse_net(more + "".join(f"layer {{ {text} }}\n" for text in layers), "py.prototxt"), phase)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forward_and_backward(rng, dtype):
    values = rng.normal(size=(2, 3, 4)).astype(dtype)
    run = run_layer(python_layer("Multiply", "10"), [values], dtype=dtype)
    np.testing.assert_allclose(run.top[0].data, 10 * values, rtol=1e-6)
    run.backward([np.full((2, 3, 4), 7.0)])
    np.testing.assert_allclose(run.bottom[0].diff, np.full((2, 3, 4), 70.0))
    np.testing.assert_allclose(run.layer.blobs[0].diff, [70 * values.sum()], rtol=1e-5)
    assert run.layer.blobs[0].data.dtype == dtype


def test_gradients(rng):
    check_gradients(python_layer("Multiply", "3"), [rng.normal(size=(2, 3))], step=1e-4)


def test_several_in_a_net_and_new_shapes():
    net = net_of(
        'name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } }',
        python_layer("Multiply", "10", "one", 'bottom: "data" top: "one"'),
        python_layer("Multiply", "5", "two", 'bottom: "one" top: "two"'),
        more="force_backward: true\n",
    )
    for shape in ((2, 3), (4, 4, 4)):
        net.blobs["data"].reshape(*shape)
        net.blobs["data"].data[...] = 8
        assert (net.forward()["two"] == np.full(shape, 400)).all()
    net.blobs["two"].diff[...] = 7
    net.backward()
    assert (net.blobs["data"].diff == 350).all()
    assert list(net.params) == ["one", "two"]


@pytest.mark.parametrize("phase", [caffe.TRAIN, caffe.TEST])
def test_phase(phase):
    net = net_of(python_layer("Phase", blobs='top: "phase"'), phase=phase)
    assert net.forward()["phase"] == phase


def test_reshape_comes_before_every_forward_pass():
    python_layers.calls.clear()
    net = net_of(
        python_layer("Recorder", name="a", blobs='top: "rows"'),
        'name: "f" type: "Flatten" bottom: "rows" top: "flat"',
    )
    shapes = [net.forward()["flat"].shape for _ in range(3)]
    assert shapes == [(1, 2), (2, 2), (3, 2)]
    assert python_layers.calls == ["setup a", "reshape a"] + ["reshape a", "forward a"] * 3


def test_the_loss_weight_survives_new_shapes():
    net = net_of(
        'name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } }',
        python_layer("SquareLoss", blobs='bottom: "data" top: "loss" loss_weight: 3'),
        more="force_backward: true\n",
    )
    net.blobs["data"].data[...] = 2
    for _ in range(3):
        assert net.run() == pytest.approx(3 * 12)
        net.run_backward()
        assert (net.blobs["data"].diff == 6).all()


def test_state():
    run = run_layer(python_layer("Recorder", blobs='top: "rows"'), [])
    state = run.layer.state()
    other = make_layer(python_layer("Recorder", blobs='top: "rows"'), [])
    other.layer.restore(state)
    assert other.forward().top[0].shape == (2, 2)
    assert run_layer(python_layer("Phase", blobs='top: "p"'), []).layer.state() is None


def test_the_older_name_of_param_str():
    assert run_layer(python_layer("OldName", "4", blobs='top: "a"'), []).top[0].shape == (4,)


MINE = """
import caffe

class Mine(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(2)
    def forward(self, bottom, top):
        top[0].data[...] = 5
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, which as in an installed program is not on sys.path; modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", ".")])
    before = set(sys.modules)
    yield tmp_path
    old_scripts.uninstall()
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


def test_a_module_in_the_working_directory_that_imports_caffe(folder):
    (folder / "my_layers.py").write_text(MINE)
    run = run_layer(python_layer("Mine", blobs='top: "a"', module="my_layers"), [])
    assert run.top[0].data.tolist() == [5, 5]
    assert str(folder) not in sys.path


def user_error(act):
    with pytest.raises(LayerError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize("method", ["setup", "reshape", "forward", "backward"])
def test_exceptions_name_the_layer_and_keep_their_traceback(method):
    def act():
        net = net_of(
            'name: "in" type: "Input" top: "in" input_param { shape { dim: 1 } }',
            python_layer("Failing", method),
            more="force_backward: true\n",
        )
        net.run()
        net.run_backward()

    error = user_error(act)
    assert isinstance(error, KeyError) and isinstance(error.__cause__, KeyError)
    sentence, rest = str(error).split("\n", 1)
    assert sentence == (
        f'py.prototxt:3:1: layer "py" (Python): {method} of class "Failing" of module "{MODULE}" raised '
        "KeyError: 'no such key'; its traceback follows."
    )
    lines = rest.splitlines()
    assert "Traceback (most recent call last):" in lines and lines[-1] == "KeyError: 'no such key'"
    assert "user_layer.py" not in rest and "layers/python.py" not in rest
    assert [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)][-2:] == [method, "fail_in"]


def test_errors_of_netdef_in_a_users_code_name_the_layer(folder):
    (folder / "my_bad.py").write_text(MINE.replace("top[0].reshape(2)", "top[0].reshape(-2)"))
    error = user_error(lambda: run_layer(python_layer("Mine", blobs='top: "a"', module="my_bad"), []))
    assert error.message.startswith('reshape of class "Mine" of module "my_bad" raised NetError: a blob of shape (-2,)')


def test_modules_that_cannot_be_imported(folder):
    (folder / "my_syntax.py").write_text("class :")
    (folder / "my_import.py").write_text("import my_other")
    (folder / "my_division.py").write_text("1 / 0")

    def failure(module):
        return user_error(lambda: make_layer(python_layer("Mine", module=module), []))

    assert failure("my_none").message == (
        f'there is no module "my_none" on sys.path or in the working directory "{folder}". '
        "Correct module, or add its folder to PYTHONPATH."
    )
    assert failure("my_import").message == 'module "my_import" imports "my_other", which is not installed. Install it.'
    assert isinstance(failure("my_syntax"), SyntaxError)
    error = failure("my_division")
    assert isinstance(error, ZeroDivisionError) and error.field == "python_param.module"
    assert error.message == (
        'importing module "my_division" raised ZeroDivisionError: division by zero; its traceback follows.'
    )
    assert 'my_division.py", line 1' in str(error)


KNOWN = "Failing, Multiply, NoForward, OldName, Phase, Recorder, SquareLoss"


@pytest.mark.parametrize(
    "cls, message",
    [
        ("Multply", 'module "MODULE" (FILE) has no class "Multply". Did you mean "Multiply"? It has: KNOWN.'),
        (
            "NoLayer",
            '"NoLayer" of module "MODULE" is no layer; expected a class that extends netdef.caffe.Layer. '
            "Write: class NoLayer(netdef.caffe.Layer).",
        ),
        (
            "number",
            '"number" of module "MODULE" is no layer; expected a class that extends netdef.caffe.Layer. '
            "Write: class number(netdef.caffe.Layer).",
        ),
        (
            "NoForward",
            'class "NoForward" of module "MODULE" has no method forward; a layer needs reshape(bottom, top) and '
            "forward(bottom, top). Add it.",
        ),
        ("", "layer is missing; a Python layer needs module and layer. Add it."),
    ],
)
def test_classes_that_are_no_layers(cls, message):
    error = user_error(lambda: make_layer(python_layer(cls), []))
    expected = message.replace("MODULE", MODULE).replace("FILE", python_layers.__file__).replace("KNOWN", KNOWN)
    assert error.message == expected


def test_a_gradient_that_is_not_there():
    run = run_layer(python_layer("Phase"), [np.ones(3)])
    assert user_error(lambda: run.backward([np.ones(())])).message == (
        f'class "Phase" of module "{MODULE}" has no method backward, but a gradient is asked of it. Add '
        'backward(top, propagate_down, bottom), or set "propagate_down: false" for its bottoms.'
    )
