"""Nesterov's accelerated gradient. Source: Caffe src/caffe/solvers/nesterov_solver.cpp."""

from netdef.kernels import update
from solvers.sgd import SGDSolver
from solvers.solver import register_solver


@register_solver("Nesterov")
class NesterovSolver(SGDSolver):
    """Momentum whose gradient counts as if taken after the momentum step.

    Formula: ``h' := momentum h + lr lr_mult g``, ``w := w - ((1 + momentum) h' - momentum h)``.

    Fields: as SGD. Source: Nesterov (1983); Sutskever et al., "On the importance of initialization and momentum in
    deep learning" (ICML 2013), section 2. Differs from Caffe: as SGD.
    """

    def rule(self, rate: float) -> tuple:
        return update.nesterov, (rate, self.param.momentum)
