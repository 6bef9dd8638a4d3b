"""The ``netdef`` command: finds the subcommand, runs it, and turns every error into one message.

Exit status: 0 done, 1 something a user can put right (or a defect of netdef), 2 wrong usage, 130 Ctrl-C,
141 the reader of the output went away. ``NETDEF_TRACEBACK=1`` shows where an error came from.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import ModuleType

from netdef import notices
from netdef.errors import NetdefError, UsageError, suggestion
from tools._cli import CommandParser

COMMANDS = {
    "train": "tools.train",
    "test": "tools.test",
    "time": "tools.time",
    "deploy": "tools.deploy",
    "classify": "tools.classify",
    "draw": "tools.draw",
    "plot": "tools.plot",
    "summary": "tools.summary",
    "gallery": "tools.gallery",
    "convert_mnist": "tools.convert_mnist",
    "device_query": "tools.device_query",
    "epochs": "tools.epochs",
    "warmup": "tools.warmup",
    "run": "tools.run",
    "convert_imageset": "tools.convert_imageset",
    "convert_cifar": "tools.convert_cifar",
    "compute_image_mean": "tools.compute_image_mean",
    "mean": "tools.mean",
    "resize": "tools.resize",
    "extract_features": "tools.extract_features",
    "detect": "tools.detect",
    "merge_bn": "tools.merge_bn",
    "import": "tools.import_",
    "draw_net": "tools.draw_net",
    "parse_log": "tools.parse_log",
    "plot_training_log": "tools.plot_training_log",
    "completion": "tools.completion",
    "install_caffe_alias": "tools.install_caffe_alias",
    "upgrade_net_proto_text": "tools.upgrade_net_proto_text",
    "upgrade_net_proto_binary": "tools.upgrade_net_proto_binary",
    "upgrade_solver_proto_text": "tools.upgrade_solver_proto_text",
}

REPORT = (
    "This is a defect of netdef, not of your files. Please report it with the command and its input; "
    "NETDEF_TRACEBACK=1 shows where it happened."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line (without the program's name) and returns its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    notices.on_first_compilation = _tell_of_compiling if sys.stderr.isatty() else None
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            status = _dispatch(words)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _silence_stdout()
        return 141
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C.", file=sys.stderr)
        return 130
    except Exception as error:  # the one place where nothing may escape
        return _report(error)


def load_command(name: str) -> ModuleType:
    """The module of one subcommand. Raises: UsageError for an unknown one, with the nearest name."""
    name = name.replace("-", "_")
    if name not in COMMANDS:
        raise UsageError(
            f'netdef: unknown command "{name}".{suggestion(name, COMMANDS)} The commands are: {", ".join(COMMANDS)}.'
        )
    return importlib.import_module(COMMANDS[name])


def make_parser(command: ModuleType) -> CommandParser:
    """The parser of one subcommand's module."""
    parser = CommandParser(command.NAME, command.HELP, command.EXAMPLES)
    parser.words_follow = getattr(command, "WORDS_FOLLOW", False)
    command.add_arguments(parser)
    return parser


def overview() -> str:
    """What ``netdef --help`` prints: every command with its one line."""
    lines = [f"  {name:<{max(map(len, COMMANDS))}} {load_command(name).HELP}" for name in COMMANDS]
    return "\n".join(
        [
            "netdef: Caffe's nets, solvers and files, without Caffe's build.",
            "",
            "usage: netdef COMMAND [options]",
            "",
            "commands:",
            *lines,
            "",
            "netdef help COMMAND    tells all about one command",
            "netdef --version       the version",
            "",
            "Options are spelled as Caffe's: -solver x, --solver x, -solver=x and --solver=x are the same.",
        ]
    )


def _dispatch(words: list[str]) -> int:
    name, rest = _split_command(words)
    if name in ("version", "-version", "--version"):
        print(f"netdef {_version()}")
        return 0
    if name in ("help", "-h", "-help", "--help"):
        return _show_help(rest)
    if not name:
        print(overview(), file=sys.stderr)
        return UsageError.exit_code
    return run_command(load_command(name), rest)


def run_command(command: ModuleType, words: Sequence[str]) -> int:
    """Parse a command's own words and run it, or show its help; the exit status."""
    parser = make_parser(command)
    args = parser.parse(words)
    if args.help:
        print(parser.format_help(), end="")
        return 0
    return int(command.run(args) or 0)


def _split_command(words: list[str]) -> tuple[str, list[str]]:
    """The command and its own words; as with gflags, options may stand before the command."""
    if not words or not words[0].startswith("-"):
        return (words[0], words[1:]) if words else ("", [])
    for index, word in enumerate(words):
        if word in COMMANDS:
            return word, words[:index] + words[index + 1 :]
    if words[0].lstrip("-") in ("h", "help", "version"):
        return words[0], words[1:]
    raise UsageError(
        f'netdef: no command in "{" ".join(words)}". The commands are: {", ".join(COMMANDS)}. See "netdef help".'
    )


def _show_help(words: list[str]) -> int:
    if not words:
        print(overview())
        return 0
    remaining = list(words)
    while remaining:
        command = load_command(remaining.pop(0))
        if remaining and remaining[0] in getattr(command, "KINDS", ()):
            command = command.load_kind(remaining.pop(0))
        print(make_parser(command).format_help(), end="")
    return 0


def _version() -> str:
    import netdef

    return netdef.__version__


def _report(error: Exception) -> int:
    """One message on stderr for an error of any kind, and its exit status."""
    if os.environ.get("NETDEF_TRACEBACK", "") not in ("", "0"):
        traceback.print_exc()
    if isinstance(error, NetdefError):
        print(error, file=sys.stderr)
        return error.exit_code
    if isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        print(f"{place}{error.strerror}. Check the path, its permissions and the space on the disk.", file=sys.stderr)
        return 1
    if isinstance(error, MemoryError):
        print("There is not enough memory. Lower batch_size, or close other programs.", file=sys.stderr)
        return 1
    detail = " ".join(str(error).split())
    print(f"{type(error).__name__}: {detail or 'no message'}. {REPORT}", file=sys.stderr)
    return 1


def _tell_of_compiling() -> None:
    print("Compiling kernels; this happens once and takes up to half a minute.", file=sys.stderr)


def _print_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"Warning: {message}", file=sys.stderr)


def _silence_stdout() -> None:
    """What is still buffered has no reader; without this the interpreter complains about it at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return  # not a real file: nothing will be flushed into it


if __name__ == "__main__":
    sys.exit(main())
