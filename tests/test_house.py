"""The house's own rules, read off the source: which way imports run, where Numba lives, what loads what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import netdef

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {"prototxt": 0, "netdef": 1, "solvers": 2, "tools": 3}
SOURCES = [path for top in FLOORS for path in sorted((ROOT / top).rglob("*.py")) if not path.name.endswith("_pb2.py")]


def floor(module: str) -> int | None:
    return 3 if module.startswith("netdef.caffe") else FLOORS.get(module.split(".")[0])


def imported(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_source_file(path):
    relative = path.relative_to(ROOT)
    here = floor(".".join(relative.with_suffix("").parts))
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for module in imported(tree):
        there = floor(module)
        assert there is None or there <= here, f"{relative} imports {module}, which is above it"
        if module.split(".")[0] in ("numba", "llvmlite"):
            allowed = "kernels" in relative.parts or relative.parts[0] == "tools"
            assert allowed, f"{relative} imports {module}; only netdef/kernels may (and tools, to report on it)"
    if "kernels" in relative.parts and relative.name != "_jit.py":
        assert "njit" not in text, f"{relative} sets Numba's options; only _jit.py does"
    asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not asserts, f"{relative} asserts at lines {asserts}; a user needs a sentence"


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(run.stdout.split())


@pytest.mark.parametrize("statement", ["import prototxt", "import netdef", "import tools.main"])
def test_light_imports_load_no_heavy_library(statement):
    assert not loaded_by(statement) & {"numpy", "numba", "scipy"}


def test_public_names_exist():
    for name in netdef.__all__:
        assert getattr(netdef, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nett'"):
        netdef.Nett  # noqa: B018


def test_every_layer_module_is_imported_by_name():
    import netdef.layers

    modules = {path.stem for path in (ROOT / "netdef" / "layers").glob("[!_]*.py")}
    assert modules <= set(vars(netdef.layers)), modules - set(vars(netdef.layers))
