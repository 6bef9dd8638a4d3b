"""`import caffe` as netdef.caffe: submodules, the order of sys.path, and the way back. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import netdef

ROOT = Path(netdef.__file__).parent.parent


def python(code: str, cwd) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_spelling_of_the_import(tmp_path):
    code = """
from netdef.old_scripts import install
install(); install()
import caffe, netdef.caffe, sys
import caffe.draw, caffe.io, caffe.coord_map, caffe.pycaffe, caffe.classifier, caffe.detector, caffe._caffe
import caffe.proto.caffe_pb2 as pb2
from caffe.proto import caffe_pb2
from caffe import layers as L, params as P, to_proto, NetSpec
from caffe.net_spec import Top
assert caffe is netdef.caffe and caffe.io is netdef.caffe.io and pb2 is caffe_pb2 is netdef.caffe.caffe_pb2
assert isinstance(L.Input(), Top)
assert caffe.__spec__.name == "netdef.caffe" and caffe.draw.__spec__.name == "netdef.caffe.draw"
import importlib
try:
    importlib.import_module("caffe.nothing")
except ModuleNotFoundError as error:
    print(error)
"""
    assert python(code, tmp_path) == "No module named 'caffe.nothing'\n"


def test_other_packages_called_caffe_stay_aside(tmp_path):
    (tmp_path / "caffe").mkdir()
    (tmp_path / "caffe" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    code = f"""
import netdef.caffe
netdef.caffe.install()
import sys
sys.path.insert(0, {str(tmp_path)!r})
import caffe
print(caffe.__name__)
"""
    assert python(code, tmp_path) == "netdef.caffe\n"


def test_one_that_is_loaded_already(tmp_path):
    (tmp_path / "caffe.py").write_text("")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import caffe, netdef.old_scripts
try:
    netdef.old_scripts.install()
except ImportError as error:
    print(error)
"""
    place = tmp_path / "caffe.py"
    assert python(code, tmp_path) == (
        f"caffe is loaded already, from {place}. Call netdef.caffe.install() before importing it.\n"
    )


def test_the_way_back(tmp_path):
    code = """
from netdef.old_scripts import install, uninstall
install()
import caffe.io
uninstall()
try:
    import caffe
except ModuleNotFoundError as error:
    print(error)
import netdef.caffe
"""
    assert python(code, tmp_path) == "No module named 'caffe'\n"


def test_preparing_loads_nothing(tmp_path):
    code = """
from netdef.old_scripts import install
install()
import sys
print({"numpy", "numba", "netdef.caffe"} & set(sys.modules))
"""
    assert python(code, tmp_path) == "set()\n"


@pytest.mark.parametrize("words", [["-m", "netdef.caffe"], ["-m", "tools.main", "run"]])
def test_scripts(tmp_path, words):
    script = tmp_path / "script.py"
    script.write_text("import sys, caffe\nprint(caffe.__name__, sys.argv[1:], __name__)\n")
    done = subprocess.run(
        [sys.executable, *words, script, "--flag", "-x", "word"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "netdef.caffe ['--flag', '-x', 'word'] __main__\n"
