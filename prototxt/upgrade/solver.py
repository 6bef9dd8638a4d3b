"""``solver_type: NESTEROV`` becomes ``type: "Nesterov"`` (upgrade_proto.cpp:1010-1056)."""

from __future__ import annotations

from prototxt import schema
from prototxt.errors import PrototxtError
from prototxt.upgrade.paths import Moved

_SOLVER = schema.SolverParameter
TYPES = {
    _SOLVER.SGD: "SGD",
    _SOLVER.NESTEROV: "Nesterov",
    _SOLVER.ADAGRAD: "AdaGrad",
    _SOLVER.RMSPROP: "RMSProp",
    _SOLVER.ADADELTA: "AdaDelta",
    _SOLVER.ADAM: "Adam",
}


def upgrade(solver: schema.SolverParameter) -> Moved:
    """Name the solver's type. Raises PrototxtError where it is given in both ways."""
    if not solver.HasField("solver_type"):
        return {}
    if solver.HasField("type"):
        raise PrototxtError(
            f'solver_type is {_SOLVER.SolverType.Name(solver.solver_type)} and type is "{solver.type}"; '
            "expected one of the two. Remove solver_type.",
            field="solver_type",
        )
    solver.type = TYPES[solver.solver_type]
    solver.ClearField("solver_type")
    return {"type": "solver_type"}
