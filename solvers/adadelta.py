"""AdaDelta. Source: Caffe src/caffe/solvers/adadelta_solver.cpp."""

from netdef.kernels import update
from solvers.sgd import SGDSolver
from solvers.solver import register_solver


@register_solver("AdaDelta")
class AdaDeltaSolver(SGDSolver):
    """Steps in the proportion of earlier steps to earlier gradients.

    Formula: ``h := momentum h + (1 - momentum) g²``, ``u := g √((v + delta) / (h + delta))``,
    ``v := momentum v + (1 - momentum) u²``, ``w := w - lr lr_mult u``.

    Fields: momentum in [0, 1) (the decay of both means), delta, and those of SGD. Source: Zeiler, "ADADELTA: an
    adaptive learning rate method" (2012, arXiv 1212.5701), algorithm 1. Differs from Caffe: as SGD.
    """

    history_slots = 2
    moves_by_rate = False

    def rule(self, rate: float) -> tuple:
        return update.adadelta, (rate, self.param.momentum, self.param.delta)
