"""Adam. Source: Caffe src/caffe/solvers/adam_solver.cpp."""

from math import sqrt

from netdef.kernels import update
from solvers.sgd import SGDSolver
from solvers.solver import register_solver


@register_solver("Adam")
class AdamSolver(SGDSolver):
    """Running means of gradients and of their squares, both corrected for their start at zero.

    Formula: ``m := β₁ m + (1 - β₁) g``, ``v := β₂ v + (1 - β₂) g²``,
    ``w := w - lr lr_mult √(1 - β₂^t) / (1 - β₁^t) m / (√v + delta)`` with ``t = iter + 1``.

    Fields: momentum (β₁) and momentum2 (β₂) in [0, 1), delta, and those of SGD. Source: Kingma and Ba, "Adam: a
    method for stochastic optimization" (ICLR 2015, arXiv 1412.6980), section 2. Differs from Caffe: as SGD.
    """

    history_slots = 2
    moves_by_rate = False

    def rule(self, rate: float) -> tuple:
        beta1, beta2, time = self.param.momentum, self.param.momentum2, self.iter + 1
        correction = sqrt(1 - beta2**time) / (1 - beta1**time)
        return update.adam, (rate * correction, beta1, beta2, self.param.delta)
