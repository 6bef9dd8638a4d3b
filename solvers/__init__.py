"""Solvers: update rules, learning rate policies, the training loop, snapshots and the training log.

>>> from solvers import SOLVERS
>>> SOLVERS.names()
['AdaDelta', 'AdaGrad', 'Adam', 'Nesterov', 'RMSProp', 'SGD']
"""

from __future__ import annotations

import os
from typing import Any

from netdef.errors import SolverError
from prototxt import Document, load_solver
from solvers.adadelta import AdaDeltaSolver
from solvers.adagrad import AdaGradSolver
from solvers.adam import AdamSolver
from solvers.log import Log
from solvers.lr_policy import LR_POLICIES
from solvers.nesterov import NesterovSolver
from solvers.resume import newest_complete
from solvers.rmsprop import RMSPropSolver
from solvers.sgd import SGDSolver
from solvers.signals import Action, SignalHandler
from solvers.solver import SOLVERS, Solver

__all__ = [
    "Action",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "LR_POLICIES",
    "Log",
    "NesterovSolver",
    "RMSPropSolver",
    "SGDSolver",
    "SOLVERS",
    "SignalHandler",
    "Solver",
    "get_solver",
    "newest_complete",
]


def get_solver(definition: str | os.PathLike[str] | Document, **options: Any) -> Solver:
    """The solver of the definition's ``type``; see `Solver` for the options."""
    document = load_solver(definition) if isinstance(definition, (str, os.PathLike)) else definition
    kind = document.message.type
    if kind not in SOLVERS:
        raise SolverError(SOLVERS.unknown(kind), location=document.location("type"), field="type")
    return SOLVERS.get(kind)(document, **options)
