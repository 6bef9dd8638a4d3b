"""Layers that users write in Python: the class they extend, and how the class of a definition is found.

Source: Caffe python/caffe/_caffe.cpp (Layer, BlobVec), src/caffe/layer_factory.cpp (GetPythonLayer).
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, TracebackType

from numpy.typing import DTypeLike

from netdef import old_scripts
from netdef.blob import Blob
from netdef.errors import LayerError, suggestion
from prototxt import schema

METHODS = ("reshape", "forward")  # what a class must have; backward only where a gradient is asked for


class BlobList(list):
    """The learnable blobs of a layer; `add_blob` appends one."""

    def __init__(self, dtype: DTypeLike) -> None:
        super().__init__()
        self.dtype = dtype

    def add_blob(self, *shape: int) -> Blob:
        """A new blob of zeros of ``shape``, which `Blob.reshape` would take too."""
        blob = Blob((), self.dtype)
        blob.reshape(*shape)
        self.append(blob)
        return blob


class UserLayer:
    """The base of layers written in Python, ``netdef.caffe.Layer``.

    A subclass has ``setup(bottom, top)``, called once; ``reshape(bottom, top)``, called before every forward pass,
    which gives the tops their shapes; ``forward(bottom, top)``; and, where it has a gradient,
    ``backward(top, propagate_down, bottom)``, which writes ``bottom[i].diff`` where ``propagate_down[i]`` and adds to
    the ``diff`` of its own blobs. Arrays are ``bottom[i].data`` and ``.diff``; they are written in place:
    ``top[0].data[...] = …``.

    Attributes
    ----------
    param_str : str
        The options in the definition, in whatever form the class wants them. ``param_str_`` is an older name for it.
    phase : int
        ``netdef.caffe.TRAIN`` or ``TEST``.
    blobs : BlobList
        The learnable blobs; make them in ``setup`` with ``self.blobs.add_blob(20, 50)``.
    name : str
        The layer's name.
    """

    param_str = ""
    phase = 0
    name = ""
    blobs: BlobList

    def __init__(self, param: schema.LayerParameter | None = None) -> None:
        """``param`` is the LayerParameter, as pycaffe hands it over."""

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Read ``param_str`` and make the blobs."""

    @property
    def param_str_(self) -> str:
        return self.param_str

    def state(self) -> bytes | None:
        """What an exact resume needs besides the blobs, if a subclass has anything of the kind."""
        return None

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned."""


class UserLayerError(LayerError):
    """An exception in a user's code: the sentence names the layer, and the exception's own traceback follows it.

    What is raised is also of the exception's own type, so that code that expects that type still catches it.
    """

    def __str__(self) -> str:
        cause = self.__cause__
        if cause is None:
            return super().__str__()
        text = "".join(traceback.format_exception(type(cause), cause, _users_frames(cause.__traceback__)))
        return f"{super().__str__()}\n{text.rstrip()}"


def _users_frames(frames: TracebackType | None) -> TracebackType | None:
    """A traceback from the first frame on that is neither in this file, in the layer, nor in Python's imports."""
    frame = frames
    while frame is not None:
        module = frame.tb_frame.f_globals.get("__name__", "")
        if module not in (__name__, "netdef.layers.python") and not module.startswith("importlib"):
            return frame
        frame = frame.tb_next
    return frames


@contextmanager
def users_code(what: str) -> Iterator[None]:
    """Turns whatever a user's code raises into a `UserLayerError`; ``what`` says what was done: ``forward of …``."""
    try:
        yield
    except Exception as error:  # whatever it is, it must name its layer
        raise _user_error(what, error) from error


def _user_error(what: str, error: Exception, field: str = "") -> UserLayerError:
    detail = " ".join(str(error).split())
    message = f"{what} raised {type(error).__name__}{': ' + detail if detail else ''}; its traceback follows."
    return _error_class(type(error))(message, field)


def _error_class(kind: type[Exception]) -> type[UserLayerError]:
    """`UserLayerError`, of type ``kind`` as well where Python can make such a class."""
    if issubclass(UserLayerError, kind):
        return UserLayerError
    try:
        return type("UserLayerError", (UserLayerError, kind), {"__module__": __name__, "__init__": LayerError.__init__})
    except TypeError:
        return UserLayerError


def find_class(module_name: str, class_name: str) -> type[UserLayer]:
    """The class of a ``python_param``; LayerError where it cannot be imported or is none of `UserLayer`'s.

    The module is looked for on ``sys.path`` and in the working directory.
    """
    for name, value in (("module", module_name), ("layer", class_name)):
        if not value:
            raise LayerError(f"{name} is missing; a Python layer needs module and layer. Add it.", "python_param")
    module = _import(module_name)
    found = getattr(module, class_name, None)
    if found is None:
        classes = [name for name, item in vars(module).items() if inspect.isclass(item) and issubclass(item, UserLayer)]
        known = sorted(name for name in classes if getattr(module, name) is not UserLayer)
        raise LayerError(
            f'module "{module_name}" ({_place(module)}) has no class "{class_name}".{suggestion(class_name, known)} '
            f"It has: {', '.join(known) or 'no layer'}.",
            "python_param.layer",
        )
    if not (inspect.isclass(found) and issubclass(found, UserLayer)):
        raise LayerError(
            f'"{class_name}" of module "{module_name}" is no layer; expected a class that extends netdef.caffe.Layer. '
            f"Write: class {class_name}(netdef.caffe.Layer).",
            "python_param.layer",
        )
    return found


def check_methods(user: UserLayer, label: str) -> None:
    """LayerError where ``user``, the class called ``label``, lacks what every layer needs.

    Asked after its setup, whose own exceptions come first, as in Caffe.
    """
    missing = [method for method in METHODS if not callable(getattr(user, method, None))]
    if missing:
        raise LayerError(
            f"{label} has no method {' and no method '.join(missing)}; a layer "
            "needs reshape(bottom, top) and forward(bottom, top). Add it.",
            "python_param.layer",
        )


def _import(name: str) -> ModuleType:
    if name not in sys.modules:
        importlib.invalidate_caches()  # the file may be newer than Python's list of its folder
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
    if missing == "caffe":  # an old layer's "import caffe" means netdef.caffe where there is no other
        old_scripts.install()
        return _load(name)
    if name == missing or name.startswith(f"{missing}."):
        raise LayerError(
            f'there is no module "{name}" on sys.path or in the working directory "{os.getcwd()}". '
            "Correct module, or add its folder to PYTHONPATH.",
            "python_param.module",
        )
    raise LayerError(f'module "{name}" imports "{missing}", which is not installed. Install it.', "python_param.module")


def _load(name: str) -> ModuleType:
    """The module, imported; ModuleNotFoundError where it or what it imports is not there."""
    try:
        with _working_directory_on_path():
            return importlib.import_module(name)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # whatever it is, it must name its layer
        raise _user_error(f'importing module "{name}"', error, "python_param.module") from error


@contextmanager
def _working_directory_on_path() -> Iterator[None]:
    """Programs that are installed do not have the working directory on ``sys.path``; python itself has."""
    folder = os.getcwd()
    if folder in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _place(module) -> str:
    return getattr(module, "__file__", None) or "built in"
