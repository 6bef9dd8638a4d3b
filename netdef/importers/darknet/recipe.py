"""The solver of a cfg: what [net] says of training.

Darknet sums gradients over the images of a batch, subdivisions and all, and changes a weight by
``learning_rate / batch`` times that sum, less ``learning_rate * decay`` times the weight, plus momentum. Caffe's losses
are means over batch_size images and iter_size passes, so learning_rate, decay and momentum stay as they are, with
``batch_size = batch / subdivisions`` and ``iter_size = subdivisions``. Source: Darknet src/network.c
(get_current_rate), src/convolutional_layer.c (update_convolutional_layer), src/parser.c (parse_net_options).
"""

from __future__ import annotations

from netdef.errors import suggestion
from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.net import Building
from prototxt import schema, to_text

POLICIES = ("constant", "step", "steps", "exp", "poly", "sig", "sigmoid", "sgdr")
OUR_FIELDS = 50000  # numbers of fields that Caffe does not have, from here on
TEST_BATCHES = 100  # where the number of test images is not known
ENDLESS = 2**31 - 1  # iterations, of the training that only its user ends
_TESTS, _SNAPSHOTS, _DISPLAYS = 10, 5, 100  # in a whole run, about
_OFTEN = 10000  # iterations that are taken for a whole run where it has no end


def read_batches(section: Section) -> tuple[int, int]:
    """``batch`` and ``subdivisions``, of which the first must be a multiple."""
    batch, parts = section.integer("batch", 1, least=1), section.integer("subdivisions", 1, least=1)
    if section.integer("time_steps", 1) != 1:
        section.fail("time_steps is for recurrent layers, which are not read here; expected 1.", "time_steps")
    if batch % parts:
        section.fail(
            f"subdivisions is {parts} and batch is {batch}; expected a divisor of it. Correct one of them.",
            "subdivisions",
        )
    return batch, parts


def make_solver(
    building: Building, section: Section, net: str, prefix: str, test_batches: int | None
) -> schema.SolverParameter:
    """The solver for the net in the file ``net``. Raises: NetError for what has no equivalent."""
    solver = schema.SolverParameter(net=net, snapshot_prefix=prefix, solver_mode="CPU")
    iterations = section.integer("max_batches", 0, least=0)
    solver.max_iter = iterations or ENDLESS
    if not iterations:
        _note_endless(building, section)
        iterations = _OFTEN
    solver.test_iter.append(test_batches or TEST_BATCHES)
    solver.test_interval = max(iterations // _TESTS, 1)
    solver.display = max(iterations // _DISPLAYS, 1)
    solver.snapshot = max(iterations // _SNAPSHOTS, 1)
    solver.base_lr = section.number("learning_rate", 0.001, least=0)
    solver.weight_decay = section.number("decay", 0.0001, least=0)
    if section.integer("subdivisions", 1, least=1) > 1:
        solver.iter_size = section.integer("subdivisions", 1, least=1)
    _policy(section, solver)
    _warm_up(section, solver)
    momentum = section.number("momentum", 0.9, least=0)
    if section.flag("adam"):
        solver.type = "Adam"
        solver.momentum, solver.momentum2 = section.number("B1", 0.9, least=0), section.number("B2", 0.999, least=0)
        solver.delta = section.number("eps", 1e-7, least=0)
    else:
        solver.momentum = momentum
    if solver.momentum >= 1:
        section.fail(f"momentum is {solver.momentum:g}; expected less than 1. Lower it.", "momentum")
    return solver


def _note_endless(building: Building, section: Section) -> None:
    """Darknet trains on without max_batches; policies that count from the end cannot."""
    policy = section.text("policy", "constant")
    if policy in ("poly", "sgdr"):
        section.fail(
            f"policy {policy} needs max_batches; expected a whole number, 1 or more. Add max_batches=….", "policy"
        )
    building.notice(
        section,
        f"max_batches is 0 or not given: training goes on until it is stopped, as Darknet's (max_iter {ENDLESS}).",
        "max_batches",
    )


def _policy(section: Section, solver: schema.SolverParameter) -> None:
    policy = section.text("policy", "constant")
    power = section.number("power", 4.0, least=0)
    if policy == "constant":
        solver.lr_policy = "fixed"
    elif policy == "step":
        solver.lr_policy, solver.gamma = "step", section.number("scale", 1.0, least=0)
        solver.stepsize = section.integer("step", 1, least=1)
    elif policy == "steps":
        _steps(section, solver)
    elif policy == "exp":
        solver.lr_policy, solver.gamma = "exp", section.number("gamma", 1.0, least=0)
    elif policy == "poly":
        solver.lr_policy, solver.power = "poly", power
    elif policy in ("sig", "sigmoid"):  # Darknet's falls where Caffe's rises
        solver.lr_policy, solver.gamma = "sigmoid", -section.number("gamma", 1.0)
        solver.stepsize = section.integer("step", 1, least=1)
    elif policy == "sgdr":
        _cosine(section, solver)
    else:
        section.fail(
            f'policy is "{policy}", which has no equivalent here; expected one of {", ".join(POLICIES)}.'
            f"{suggestion(policy, POLICIES)}",
            "policy",
        )


def _steps(section: Section, solver: schema.SolverParameter) -> None:
    steps, scales = section.integers("steps"), section.numbers("scales")
    if not steps or len(scales) < len(steps):
        section.fail(
            f"policy is steps, and there are {len(steps)} steps and {len(scales)} scales; expected one scale for each "
            "step. Complete them.",
            "scales" if "scales" in section.options else "policy",
        )
    scales = scales[: len(steps)]
    while steps and steps[0] < 1:  # Darknet counts batches from 1
        solver.base_lr *= scales.pop(0)
        steps.pop(0)
    if not steps:
        solver.lr_policy = "fixed"
        return
    if min(scales) < 0 or any(after <= before for before, after in zip(steps, steps[1:])):
        section.fail("steps must increase, and no scale may be negative. Correct them.", "steps")
    solver.lr_policy, solver.gamma = "multistep", scales[0]
    solver.stepvalue.extend(steps)
    if len(set(scales)) > 1:
        solver.step_gamma.extend(scales)


def _cosine(section: Section, solver: schema.SolverParameter) -> None:
    cycle = section.integer("sgdr_cycle", solver.max_iter)
    if cycle != solver.max_iter:
        section.fail("sgdr_cycle, warm restarts, has no equivalent here; expected max_batches.", "sgdr_cycle")
    section.integer("sgdr_mult", 2)
    solver.lr_policy, solver.min_lr = "cosine", section.number("learning_rate_min", 0.00001, least=0)


def _warm_up(section: Section, solver: schema.SolverParameter) -> None:
    """While Darknet's count of batches, from 1 on, is below burn_in, the rate has a factor (count / burn_in)^power."""
    burn_in = section.integer("burn_in", 0, least=0)
    if burn_in > 1:
        solver.warmup_iter, solver.warmup_power = burn_in - 1, section.number("power", 4.0, least=0)


def solver_text(solver: schema.SolverParameter) -> str:
    """The solver as prototxt; what Caffe does not know stands behind ``#netdef``, which Caffe takes for a comment."""
    known, ours = schema.SolverParameter(), schema.SolverParameter()
    known.CopyFrom(solver)
    ours.CopyFrom(solver)
    for field, _ in solver.ListFields():
        (known if field.number >= OUR_FIELDS else ours).ClearField(field.name)
    return to_text(known) + "".join(f"#netdef {line}\n" for line in to_text(ours).splitlines())
