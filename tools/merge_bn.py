"""``netdef merge_bn``: a net without BatchNorm and Scale layers that computes the same."""

from __future__ import annotations

from argparse import Namespace

from netdef.errors import NetError, UsageError
from tools import _options
from tools._cli import CommandParser, comma_list
from tools.deploy import is_same_file

NAME = "merge_bn"
HELP = "fold BatchNorm and Scale layers into the convolutions before them"
EXAMPLES = [
    "netdef merge_bn --model deploy.prototxt --weights net.caffemodel merged.prototxt merged.caffemodel",
]
TOLERANCE = 1e-3  # of the largest output; rounding alone stays far below


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--model", required=True, metavar="FILE", help="the deploy net's definition")
    parser.add_argument(
        "--weights", required=True, type=comma_list, metavar="FILE,FILE", help="trained weights, one or more"
    )
    parser.add_argument("output_model", metavar="OUTPUT_MODEL", help="the new definition, a prototxt")
    parser.add_argument("output_weights", metavar="OUTPUT_WEIGHTS", help="the new weights, a caffemodel")
    _options.add_seed(parser)
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    from netdef.deploy.merge_bn import compare, merge
    from netdef.net import Net
    from netdef.weights.atomic import check_writable, write_atomically
    from prototxt import parse_net, schema, to_text

    for path in (args.output_model, args.output_weights):
        if any(is_same_file(source, path) for source in (args.model, *args.weights)):
            raise UsageError(f'netdef merge_bn: "{path}" is a file that is read. Give another name.')
        check_writable(path)
    _options.use_threads(args)
    with Net(args.model, schema.TEST, seed=args.seed) as net:
        _options.load_weights(net, args.weights)
        merged = merge(net)
        text = to_text(merged.message)
        with Net(parse_net(text, args.output_model), schema.TEST, seed=args.seed) as new:
            merged.fill(net, new)
            difference = compare(net, new, args.seed or 0)
            _print_notes(merged, difference)
            if not difference.relative <= TOLERANCE:
                raise NetError(
                    f"the outputs differ by {difference.absolute:g}, {difference.relative:g} of the largest; expected "
                    f"at most {TOLERANCE:g} of it. Nothing was written."
                )
            write_atomically(args.output_model, text.encode())
            new.save(args.output_weights)
    print(f"{args.output_model}, {args.output_weights}")
    return 0


def _print_notes(merged, difference) -> None:
    for note in merged.notes:
        print(note)
    print(
        f"Outputs before and after, on {difference.source}: largest difference {difference.absolute:.3g} "
        f"({difference.relative:.3g} of the largest output)."
    )
