"""Options that several subcommands share, and what they mean."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netdef.errors import UsageError
from tools._cli import CommandParser, comma_list, positive_number, whole_number

if TYPE_CHECKING:
    from netdef.net import Net
    from solvers.log import Log


def add_gpu(parser: CommandParser) -> None:
    parser.add_argument("--gpu", metavar="ID", help="accepted for old scripts; netdef computes on the CPU")


def note_gpu(args: Namespace) -> None:
    """Say that a GPU which was asked for is not used."""
    if args.gpu:
        print(f"--gpu {args.gpu}: netdef has no GPU code; it computes on the CPU.", file=sys.stderr)


def add_threads(parser: CommandParser) -> None:
    parser.add_argument("--threads", type=positive_number, metavar="N", help="how many threads compute (all cores)")


def use_threads(args: Namespace) -> None:
    """Let the kernels run on ``--threads`` threads. Raises: UsageError for more than there are."""
    if args.threads is None:
        return
    from netdef.kernels._jit import available_threads, set_threads

    most = available_threads()
    if args.threads > most:
        raise UsageError(f"--threads is {args.threads}; this machine has {most}. Give 1 to {most}.")
    set_threads(args.threads)


def add_state(parser: CommandParser, phase: bool = True) -> None:
    """What chooses the layers of a net: phase, level and stages."""
    if phase:
        parser.add_argument("--phase", choices=("TRAIN", "TEST"), help="which layers: TRAIN or TEST")
    parser.add_argument("--level", type=int, default=0, metavar="N", help="the level of the net's state (0)")
    parser.add_argument("--stage", type=comma_list, default=[], metavar="A,B", help="the stages of the net's state")


def phase_name(args: Namespace, default: str) -> str:
    """``--phase``, or the default where the command has no such option or it is not given."""
    return getattr(args, "phase", None) or default


def phase_number(args: Namespace, default: str) -> int:
    """`phase_name` as ``schema.TRAIN`` or ``schema.TEST``."""
    from prototxt import schema

    return schema.Phase.Value(phase_name(args, default))


def add_iterations(parser: CommandParser, default: int, meaning: str) -> None:
    parser.add_argument(
        "--iterations", type=positive_number, default=default, metavar="N", help=f"{meaning} ({default})"
    )


def add_seed(parser: CommandParser) -> None:
    parser.add_argument("--seed", type=whole_number, metavar="N", help="makes the run repeatable")


def add_log(parser: CommandParser) -> None:
    parser.add_argument("--log", metavar="FILE", help="write the log into this file too")


def open_log(args: Namespace) -> Log:
    """The log of a run: standard error, and the file of ``--log``; a context manager."""
    from solvers.log import to_stderr

    return to_stderr(args.log)


def note_device(args: Namespace, log: Log, source: str, other_wish: str = "") -> None:
    """Log Caffe's word on the device, and that a GPU which was asked for is not used."""
    wish = f"--gpu {args.gpu}" if args.gpu else other_wish
    if wish:
        log.warning(source, f"{wish}: netdef has no GPU code; it computes on the CPU.")
    log.info(source, "Use CPU.")


def open_net(args: Namespace, default_phase: str, share_memory: bool = False) -> Net:
    """The net of ``--model`` in the state that the options choose; a context manager.

    Raises: NetdefError for a definition that cannot be built, and for one without a layer in this state.
    """
    from netdef.errors import Location, NetError
    from tools.warmup import warm_at_first_need

    warm_at_first_need(models=[str(args.model)], phases=[phase_name(args, default_phase)])
    from netdef.net import Net

    seed = getattr(args, "seed", None)
    net = Net(
        args.model, phase_number(args, default_phase), args.level, args.stage, seed=seed, share_memory=share_memory
    )
    if not net.layers:
        net.close()
        raise NetError(
            f"the net has no layer in phase {phase_name(args, default_phase)}; expected at least one. "
            "Correct the path, or the phase, level and stage.",
            location=Location(str(args.model)),
        )
    return net


def load_weights(net: Net, paths: Sequence[str], log: Log | None = None) -> None:
    """Copy the parameters of ``net`` out of weight files; names, in ``log`` or on stderr, the layers that none has."""
    missing: list[str] = []
    for number, path in enumerate(paths):
        found = net.copy_from(path).missing
        missing = [name for name in found if name in missing] if number else found
    if not missing:
        return
    message = (
        f"{', '.join(paths)}: no weights for {', '.join(missing)}; the results are those of their fillers' values. "
        "Take the weights of this net."
    )
    if log is None:
        print(f"Warning: {message}", file=sys.stderr)
    else:
        log.warning("net.cpp:759", message)
