"""``netdef plot_training_log``: one of Caffe's eight charts. Source: Caffe tools/extra/plot_training_log.py.example.

``netdef plot`` shows all at once.
"""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import UsageError
from tools._cli import CommandParser, whole_number

NAME = "plot_training_log"
HELP = "draw one chart of training logs, with the arguments of Caffe's script"
EXAMPLES = [
    "netdef plot_training_log 6 loss.png lenet.log",
    "netdef plot_training_log 0 accuracy.svg sgd.log adam.log",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "chart_type",
        type=whole_number,
        metavar="CHART_TYPE",
        help="0 test accuracy, 2 test loss, 4 learning rate, 6 train loss by iteration; one more, by seconds",
    )
    parser.add_argument("output", metavar="OUTPUT", help="a .png or .svg file")
    parser.add_argument("log", nargs="+", metavar="LOG", help="training logs")


def run(args: Namespace) -> int:
    from netdef.report.chart import CHARTS, plot_chart
    from netdef.report.log import read_log
    from netdef.report.picture import check_format
    from netdef.report.plot import save_plot

    if args.chart_type >= len(CHARTS):
        kinds = ", ".join(f"{number}: {chart}" for number, chart in enumerate(CHARTS))
        raise UsageError(f"netdef plot_training_log: chart type {args.chart_type} does not exist; they are {kinds}.")
    check_format(args.output)
    if args.output in args.log:
        raise UsageError(f'netdef plot_training_log: "{args.output}" is a log that is read. Give another name.')
    save_plot(plot_chart(CHARTS[args.chart_type], [read_log(path) for path in args.log]), args.output)
    print(args.output)
    return 0
