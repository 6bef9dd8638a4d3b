"""``netdef train``: runs a solver, from nothing, from weights or from a snapshot.

Exit status 0 when ``max_iter`` is reached, 130 when Ctrl-C (or SIGHUP) stopped the run before.
Source: Caffe tools/caffe.cpp:165-253.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netdef.errors import UsageError
from tools import _options
from tools._cli import CommandParser, comma_list, positive_number, whole_number
from tools.warmup import warm_at_first_need

if TYPE_CHECKING:
    from prototxt import Document
    from solvers import Solver
    from solvers.log import Log

NAME = "train"
HELP = "train a net with a solver, or go on from a snapshot"
EXAMPLES = [
    "netdef train --solver lenet_solver.prototxt --log lenet_train.log",
    "netdef train -solver lenet_solver.prototxt -snapshot lenet_iter_5000.solverstate",
    "netdef train --solver lenet_solver.prototxt --snapshot auto",
    "netdef train --solver lenet_solver.prototxt --tensorboard runs/lenet",
    "netdef train --solver finetune_solver.prototxt --weights bvlc_reference_caffenet.caffemodel --skip_mismatch",
]
AUTO = "auto"
EFFECTS = ("snapshot", "stop", "none")
STOPPED = 130


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--solver", required=True, metavar="FILE", help="the solver's definition")
    parser.add_argument(
        "--snapshot",
        metavar="FILE",
        help="a .solverstate to go on from; auto: the newest of this solver's whose two files are whole, if any",
    )
    parser.add_argument(
        "--weights", type=comma_list, default=[], metavar="FILE,FILE", help="trained weights to start from"
    )
    parser.add_argument("--resume", action="store_true", help="the same as --snapshot auto")
    parser.add_argument(
        "--skip_mismatch", action="store_true", help="leave layers alone whose shapes differ from those in --weights"
    )
    parser.add_argument("--sigint_effect", choices=EFFECTS, default="stop", help="what Ctrl-C asks for (stop)")
    parser.add_argument("--sighup_effect", choices=EFFECTS, default="snapshot", help="what SIGHUP asks for (snapshot)")
    parser.add_argument("--iterations", type=positive_number, metavar="N", help="in place of max_iter")
    _options.add_state(parser, phase=False)
    _options.add_seed(parser)
    _options.add_log(parser)
    parser.add_argument("--tensorboard", metavar="DIR", help="write event files for TensorBoard into this folder")
    parser.add_argument(
        "--tensorboard_interval",
        type=whole_number,
        metavar="N",
        help="iterations between the weight histograms and sample images in these files, 0 for none (test_interval, "
        "else ten times display)",
    )
    _options.add_gpu(parser)
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    if args.resume and args.snapshot not in (None, AUTO):
        raise UsageError(
            f"netdef train: --resume is --snapshot auto, and --snapshot {args.snapshot} was given too; give one of "
            'them. See "netdef help train".'
        )
    wanted = AUTO if args.resume else args.snapshot
    if args.weights and wanted not in (None, AUTO):
        raise UsageError(
            'netdef train: --snapshot and --weights are two ways to start; give one of them. See "netdef help train".'
        )
    if args.tensorboard_interval is not None and not args.tensorboard:
        raise UsageError(
            'netdef train: --tensorboard_interval is for --tensorboard DIR, which is missing. See "netdef help train".'
        )
    warm_at_first_need(solver=args.solver)
    from solvers import Action, SignalHandler, get_solver
    from solvers.tensorboard import check_folder

    _options.use_threads(args)
    if args.tensorboard:
        check_folder(args.tensorboard)
    with _options.open_log(args) as log:
        document = definition(args)
        param = document.message  # GPU is the default, which is no wish
        wants_gpu = param.HasField("solver_mode") and param.solver_mode == param.GPU
        _options.note_device(args, log, "caffe.cpp:197", "solver_mode: GPU" if wants_gpu else "")
        snapshot = newest_snapshot(document, log) if wanted == AUTO else wanted
        weights = [] if snapshot else args.weights or None
        with get_solver(document, weights=weights, skip_mismatch=args.skip_mismatch, log=log) as solver:
            if snapshot:
                log.info("caffe.cpp:235", f"Resuming from {snapshot}")
                solver.restore(snapshot)
            handler = SignalHandler(Action(args.sigint_effect), Action(args.sighup_effect))
            solver.action_function = handler.requested
            log.info("caffe.cpp:239", "Starting Optimization")
            with handler, recording(args, solver):
                solver.solve()
            finished = solver.iter >= solver.param.max_iter or solver.stopped_by_monitor
        log.info("caffe.cpp:250", "Optimization Done.")
    return 0 if finished else STOPPED


@contextmanager
def recording(args: Namespace, solver: Solver) -> Iterator[None]:
    """What ``--tensorboard`` asks for, while the solver runs."""
    if not args.tensorboard:
        yield
        return
    from solvers.tensorboard import TensorBoard

    with TensorBoard(solver, args.tensorboard, args.tensorboard_interval) as recorder:
        yield
        recorder.finish()


def definition(args: Namespace) -> Document:
    """The solver's document with what the command line sets on top of it."""
    from prototxt import load_solver

    document = load_solver(args.solver)
    param = document.message
    if args.level or args.stage:
        param.train_state.level = args.level
        param.train_state.stage.extend(args.stage)
    if args.seed is not None:
        param.random_seed = args.seed
    if args.iterations is not None:
        param.max_iter = args.iterations
    return document


def newest_snapshot(document: Document, log: Log) -> str | None:
    """The newest complete snapshot of the solver, or None where it has none yet."""
    from solvers import newest_complete, snapshots

    found = newest_complete(snapshots.prefix(document), log=log)
    if found is None:
        log.info("caffe.cpp:235", "There is no snapshot yet; starting anew")
    return found
