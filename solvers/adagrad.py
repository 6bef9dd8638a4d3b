"""AdaGrad. Source: Caffe src/caffe/solvers/adagrad_solver.cpp."""

from netdef.kernels import update
from solvers.sgd import SGDSolver, refuse_momentum
from solvers.solver import register_solver


@register_solver("AdaGrad")
class AdaGradSolver(SGDSolver):
    """Steps that shrink with the sum of all squared gradients so far.

    Formula: ``h := h + g²``, ``w := w - lr lr_mult g / (√h + delta)``.

    Fields: delta, and those of SGD except momentum, which must be 0. Source: Duchi, Hazan and Singer, "Adaptive
    subgradient methods for online learning and stochastic optimization" (JMLR 2011). Differs from Caffe: as SGD.
    """

    moves_by_rate = False

    def check(self) -> None:
        super().check()
        refuse_momentum(self)

    def rule(self, rate: float) -> tuple:
        return update.adagrad, (rate, self.param.delta)
