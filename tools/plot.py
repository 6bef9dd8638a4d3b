"""``netdef plot``: training logs as a picture."""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import UsageError
from tools._cli import CommandParser

NAME = "plot"
HELP = "plot loss, accuracy and learning rate from training logs"
EXAMPLES = [
    "netdef plot lenet.log",
    "netdef plot sgd.log adam.log -o both.svg --title 'SGD and Adam' --log_scale",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "log", nargs="+", metavar="LOG", help="a training log, Caffe's or netdef's; several are overlaid"
    )
    parser.add_argument("-o", "--output", action="append", default=[], metavar="FILE",
                        help="a .png or .svg file, may be given twice (the first LOG's name with .png)")  # fmt: skip
    parser.add_argument("--title", default="", help="what stands above (the logs' names)")
    parser.add_argument("--log_scale", action="store_true", help="a logarithmic axis for the loss")
    parser.add_argument(
        "--x", choices=("iteration", "seconds"), default="iteration", help="what runs to the right (iteration)"
    )


def run(args: Namespace) -> int:
    import os

    from netdef.report.log import read_log
    from netdef.report.picture import check_format
    from netdef.report.plot import plot_logs, save_plot

    outputs = args.output or [os.path.splitext(os.path.basename(args.log[0]))[0] + ".png"]
    for path in outputs:
        check_format(path)
        if path in args.log:
            raise UsageError(f'netdef plot: "{path}" is a log that is read. Give another -o FILE.')
    logs = [read_log(path) for path in args.log]
    figure = plot_logs(logs, args.title, args.log_scale, args.x)
    for path in outputs:
        save_plot(figure, path)
        print(path)
    return 0
