"""Public signatures are annotated, parameters and results: what an editor shows and a type checker reads."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPECIAL = ("__init__", "__call__", "__enter__", "__exit__", "__iter__", "__len__", "__getitem__")


def is_exempt(path: Path) -> bool:
    """Generated code, and kernels, whose types Numba finds itself."""
    return path.name.endswith("_pb2.py") or "kernels" in path.parts


SOURCES = [
    path.relative_to(ROOT)
    for top in ("prototxt", "netdef", "solvers", "tools")
    for path in sorted((ROOT / top).rglob("*.py"))
    if not is_exempt(path.relative_to(ROOT))
]


def public_functions(body: list[ast.stmt], owner: str = ""):
    """(name, node, whether its first parameter is the object or the class) of all that is public."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name in SPECIAL or not node.name.startswith("_"):
                static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
                yield f"{owner}{node.name}", node, bool(owner) and not static
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from public_functions(node.body, owner)


def bare_parts(node: ast.FunctionDef, skips_first: bool) -> list[str]:
    """The parameters without annotation, and ``return`` where the result has none."""
    takes = node.args
    named = [*takes.posonlyargs, *takes.args][skips_first:] + takes.kwonlyargs
    bare = [arg.arg for arg in [*named, takes.vararg, takes.kwarg] if arg is not None and arg.annotation is None]
    return bare + (["return"] if node.returns is None and node.name != "__init__" else [])


def complaints(path: Path, text: str) -> list[str]:
    found = []
    for name, node, skips_first in public_functions(ast.parse(text).body):
        if skips_first and path.parts[:2] == ("netdef", "layers"):
            continue  # what a layer overrides is annotated in netdef/layer.py
        bare = bare_parts(node, skips_first)
        if bare:
            found.append(f"{path}:{node.lineno}: {name}: {', '.join(bare)}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_public_signatures_are_annotated(path):
    assert not complaints(path, (ROOT / path).read_text(encoding="utf-8"))


def test_what_counts_as_bare():
    text = """
class Net:
    def __init__(self, path, *args: int): ...
    @staticmethod
    def make(kind) -> None: ...
    def _inner(self, x): ...
    def forward(self, x: int, **inputs): ...
"""
    assert complaints(Path("netdef/net.py"), text) == [
        "netdef/net.py:3: Net.__init__: path",
        "netdef/net.py:5: Net.make: kind",
        "netdef/net.py:7: Net.forward: inputs, return",
    ]


def test_types_travel_with_the_package():
    for top in ("prototxt", "netdef", "solvers"):
        assert (ROOT / top / "py.typed").is_file()
