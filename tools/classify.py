"""``netdef classify``: a deploy net answers on image files, in its own way or in that of pycaffe's classify.py."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable

from tools import _options, _pycaffe
from tools._cli import CommandParser, comma_list, positive_number

NAME = "classify"
HELP = "answer on images with a deploy net"
EXAMPLES = [
    "netdef classify --model lenet_deploy.prototxt --weights lenet_iter_10000.caffemodel digit.png",
    "netdef classify -model deploy.prototxt -weights net.caffemodel --labels words.txt --top 3 --json cat.png dog.png",
    "netdef classify --model_def deploy.prototxt --pretrained_model net.caffemodel --center_only cat.jpg out.npy",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "--model", required=True, unless="--model_def", metavar="FILE", help="the deploy net's definition"
    )
    parser.add_argument(
        "--weights",
        required=True,
        unless="--model_def",
        type=comma_list,
        metavar="FILE,FILE",
        help="trained weights, one or more",
    )
    parser.add_argument("image", nargs="+", metavar="IMAGE", help="an image file, gray or colour, of any size")
    parser.add_argument(
        "--invert",
        choices=("auto", "yes", "no"),
        default="auto",
        help="make light dark and dark light first; auto does so for gray nets when the border is light (auto)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        metavar="X",
        help="multiply the pixels, 0 to 255, with this (the definition's scale, else 1)",
    )
    parser.add_argument("--labels", metavar="FILE", help="a text file with the name of one class on each line")
    parser.add_argument("--top", type=positive_number, default=1, metavar="N", help="how many classes to print (1)")
    parser.add_argument("--output", metavar="BLOB", help="the blob that holds the probabilities (the net's output)")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object for each image, all probabilities in it"
    )
    _options.add_state(parser, phase=False)
    parser.add_argument("--gpu", action="store_true", help="accepted for old scripts; netdef computes on the CPU")
    _options.add_threads(parser)
    _pycaffe.add_classify(parser)


def run(args: Namespace) -> int:
    from netdef.inference import Classifier, read_labels

    _options.use_threads(args)
    if args.model_def:
        return _pycaffe.classify(args)
    _pycaffe.note_gpu(args)
    names = read_labels(args.labels) if args.labels else None
    with _options.open_net(args, "TEST", share_memory=args.output is None) as net:
        _options.load_weights(net, args.weights)
        classifier = Classifier(net, output=args.output, labels=names, scale=args.scale)
        for path in args.image:
            probabilities = classifier.probabilities(path, args.invert)
            best = classifier.best(probabilities, args.top)
            print(as_json(path, best, probabilities) if args.json else as_text(path, best))
    return 0


def as_text(path: str, best: list[tuple[str, float]]) -> str:
    """``digit.png: 7 (0.9998)``, with further classes behind it."""
    return f"{path}: " + ", ".join(f"{name} ({probability:.4f})" for name, probability in best)


def as_json(path: str, best: list[tuple[str, float]], probabilities: Iterable[float]) -> str:
    """One line: the file, the answer, the best classes and every probability in the order of classes."""
    classes = [{"label": name, "probability": probability} for name, probability in best]
    record = {"file": path, "answer": best[0][0], "top": classes, "probabilities": [float(p) for p in probabilities]}
    return json.dumps(record, ensure_ascii=False)
