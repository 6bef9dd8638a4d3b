"""RMSProp. Source: Caffe src/caffe/solvers/rmsprop_solver.cpp."""

from netdef.kernels import update
from solvers.sgd import SGDSolver, refuse_momentum
from solvers.solver import register_solver


@register_solver("RMSProp")
class RMSPropSolver(SGDSolver):
    """Steps that shrink with a running mean of squared gradients.

    Formula: ``h := rms_decay h + (1 - rms_decay) g²``, ``w := w - lr lr_mult g / (√h + delta)``.

    Fields: rms_decay in [0, 1), delta, and those of SGD except momentum, which must be 0. Source: Tieleman and
    Hinton, "RMSProp" (Coursera lecture 6.5, 2012). Differs from Caffe: as SGD.
    """

    moves_by_rate = False

    def check(self) -> None:
        super().check()
        refuse_momentum(self)

    def rule(self, rate: float) -> tuple:
        return update.rmsprop, (rate, self.param.rms_decay, self.param.delta)
