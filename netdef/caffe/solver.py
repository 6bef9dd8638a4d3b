"""``caffe.SGDSolver`` and its sisters: pycaffe's solvers over those of `solvers`.

Source: Caffe python/caffe/_caffe.cpp:237-290, 457-506.
"""

from __future__ import annotations

import os

import solvers
from netdef.caffe.errors import check_file
from netdef.caffe.net import Net
from netdef.caffe.switches import LOG
from netdef.errors import SolverError
from prototxt import Document, load_solver
from solvers import SOLVERS
from solvers.lr_policy import learning_rate


class _Pycaffe:
    """What pycaffe's solvers have besides: a log on standard error, ``lr``, ``share_weights``."""

    net_class = Net

    def __init__(self, solver_file, **options) -> None:
        check_file(solver_file)
        options.setdefault("log", LOG)
        super().__init__(solver_file, **options)

    @property
    def lr(self) -> float:
        """The learning rate of the present iteration."""
        return learning_rate(self.param, self.iter, self.current_step)[0]

    def share_weights(self, net) -> None:
        """Let ``net`` use the parameters of this solver's net: the same memory."""
        net.share_with(self.net)


class SGDSolver(_Pycaffe, solvers.SGDSolver):
    """``SGDSolver(solver_file)``: momentum SGD, whatever ``type`` the file has, as in pycaffe."""


class NesterovSolver(SGDSolver, solvers.NesterovSolver):
    """``NesterovSolver(solver_file)``"""


class AdaGradSolver(SGDSolver, solvers.AdaGradSolver):
    """``AdaGradSolver(solver_file)``"""


class RMSPropSolver(SGDSolver, solvers.RMSPropSolver):
    """``RMSPropSolver(solver_file)``"""


class AdaDeltaSolver(SGDSolver, solvers.AdaDeltaSolver):
    """``AdaDeltaSolver(solver_file)``"""


class AdamSolver(SGDSolver, solvers.AdamSolver):
    """``AdamSolver(solver_file)``"""


_BY_TYPE = {cls.type: cls for cls in
            (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)}  # fmt: skip


def get_solver(solver_file: str | os.PathLike[str] | Document) -> SGDSolver:
    """The solver of the file's ``type``. Raises: SolverError for a type that is not known."""
    check_file(solver_file)
    document = load_solver(solver_file)
    kind = document.message.type
    if kind not in _BY_TYPE:
        raise SolverError(SOLVERS.unknown(kind), location=document.location("type"), field="type")
    return _BY_TYPE[kind](document)
