"""Makes ``import caffe`` mean `netdef.caffe`, its submodules included: the same modules under both names.

This module loads nothing heavy, so that commands can prepare for a script's ``import caffe`` at no cost.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType

ALIAS, REAL = "caffe", "netdef.caffe"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers for ``caffe`` and ``caffe.*`` with the modules of `netdef.caffe`."""

    def find_spec(self, name: str, path=None, target=None) -> importlib.machinery.ModuleSpec | None:
        if name != ALIAS and not name.startswith(f"{ALIAS}."):
            return None
        real = REAL + name[len(ALIAS) :]
        if importlib.util.find_spec(real) is None:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=real)
        spec.submodule_search_locations = None
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(REAL + spec.name[len(ALIAS) :])
        self._own_specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module has run under its own name; give it back the spec that the import put another in place of."""
        module.__spec__ = self._own_specs[module.__spec__.name]

    def __init__(self) -> None:
        self._own_specs: dict[str, importlib.machinery.ModuleSpec | None] = {}


_FINDER = _Finder()


def install() -> None:
    """Have ``import caffe`` give `netdef.caffe`, whatever lies in ``sys.path``; may be called again.

    Raises: ImportError where another package called caffe is loaded already.
    """
    loaded = sys.modules.get(ALIAS)
    if loaded is not None and loaded.__name__ != REAL:
        place = getattr(loaded, "__file__", None) or "an unknown place"
        raise ImportError(f"caffe is loaded already, from {place}. Call netdef.caffe.install() before importing it.")
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Undo `install`: the name caffe means again what it meant before."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for name in [name for name in sys.modules if name == ALIAS or name.startswith(f"{ALIAS}.")]:
        del sys.modules[name]
