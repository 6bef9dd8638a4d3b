"""What the commands that import weights have in common."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tools._cli import CommandParser

if TYPE_CHECKING:
    from netdef.importers.source import Unit
    from netdef.importers.weights import Answer


def add_arguments(parser: CommandParser, model: str) -> None:
    parser.add_argument("model", metavar="MODEL", help=model)
    parser.add_argument(
        "--net", required=True, metavar="FILE", help="the definition that takes the values, a deploy net"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the caffemodel to write (MODEL with .caffemodel)")
    parser.add_argument(
        "--map", metavar="FILE", help='a text file with lines "source = layer[blob]" (layer by layer, in order)'
    )


def import_into_net(args: Namespace, units: Sequence[Unit], answer: Answer | None = None) -> int:
    """Match, compare where there is an ``answer``, write, and print what went where."""
    from netdef.importers.weights import compare, import_weights
    from netdef.net import Net
    from netdef.weights.atomic import check_writable

    output = args.output or os.path.splitext(args.model)[0] + ".caffemodel"
    check_writable(output)
    with Net(args.net) as net:
        match = import_weights(net, units, args.model, args.map)
        comparisons = compare(net, answer, args.model) if answer else []
        net.save(output)
    used = {id(tensor) for _, _, tensor in match.placed}
    for slot, array, tensor in match.placed:
        source = f"{tensor.name} {tensor.found_shape}" if tensor else f"{array.flat[0]:g}"
        print(f"{source} -> {slot.name} {slot.shape}")
    unused = [tensor.name for unit in units for tensor in unit.tensors if id(tensor) not in used]
    if unused:
        print(f"Not used: {', '.join(unused)}.")
    for comparison in comparisons:
        print(
            f'On random input "{comparison.blob}" differs by at most {comparison.difference:.2g} from what the source '
            f"answers (values up to {comparison.greatest:.3g})."
        )
    print(output)
    return 0
