"""``netdef gallery``: pictures of what a trained net sees, knows and answers."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from tools import _options
from tools._cli import CommandParser, comma_list, positive_number

if TYPE_CHECKING:
    import numpy as np

    from netdef.data.labelled import LabelledSource
    from netdef.inference import Classifier
    from netdef.report.scene import Scene

NAME = "gallery"
HELP = "draw answers, a confusion matrix, filters and feature maps of a trained net"
EXAMPLES = [
    "netdef gallery --model lenet_deploy.prototxt --weights lenet_iter_10000.caffemodel --source mnist_test_lmdb",
    "netdef gallery --model net.prototxt --weights net.caffemodel --source test.txt --labels words.txt --image cat.jpg "
    "--svg -o pictures",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--model", required=True, metavar="FILE", help="the deploy net's definition")
    parser.add_argument(
        "--weights", required=True, type=comma_list, metavar="FILE,FILE", help="trained weights, one or more"
    )
    parser.add_argument(
        "--source",
        required=True,
        metavar="PATH",
        help="images with labels: an LMDB or LevelDB, a text file with a name and a label on each line, or a folder "
        "with MNIST's files (its test images)",
    )
    parser.add_argument("--root", default="", metavar="FOLDER/", help="put before each name of a text file as it is")
    parser.add_argument("-o", "--folder", default="gallery", metavar="DIR", help="where the pictures go (gallery)")
    parser.add_argument("--svg", action="store_true", help="write each picture as .svg too")
    parser.add_argument("--labels", metavar="FILE", help="a text file with the name of one class on each line")
    parser.add_argument(
        "--count", type=positive_number, default=16, metavar="N", help="how many right and wrong answers to show (16)"
    )
    parser.add_argument("--limit", type=positive_number, metavar="N", help="look at the first N images only (all)")
    parser.add_argument(
        "--image",
        default="0",
        metavar="N|FILE",
        help="whose feature maps to draw: an image of the source, counted from 0, or a file (0)",
    )
    parser.add_argument("--output", metavar="BLOB", help="the blob that holds the probabilities (the net's output)")
    parser.add_argument(
        "--scale", type=float, metavar="X", help="multiply the pixels, 0 to 255, with this (the definition's, else 1)"
    )
    _options.add_state(parser, phase=False)
    _options.add_threads(parser)


def run(args: Namespace) -> int:
    from netdef.data.labelled import open_labelled
    from netdef.inference import Classifier, read_labels
    from netdef.weights.atomic import check_writable

    _options.use_threads(args)
    os.makedirs(args.folder, exist_ok=True)
    check_writable(os.path.join(args.folder, "answers.png"))
    names = read_labels(args.labels) if args.labels else None
    with _options.open_net(args, "TEST") as net:
        _options.load_weights(net, args.weights)
        classifier = Classifier(net, output=args.output, labels=names, scale=args.scale)
        source = open_labelled(args.source, classifier.shape, args.root)
        image, words = chosen(args, source, classifier)
        draw_answers(args, source, classifier)
        draw_filters(args, classifier)
        draw_features(args, classifier, image, words)
    return 0


def chosen(args: Namespace, source: LabelledSource, classifier: Classifier) -> tuple[np.ndarray, str]:
    """The image for the feature maps, and what to call it."""
    from netdef.data.image import read_pixels
    from netdef.report.gallery.evaluation import chosen_image

    if args.image.isdigit():
        image, label = chosen_image(source, int(args.image))
        named = classifier.labels[label] if 0 <= label < classifier.classes else label
        return image, f"image {args.image}, label {named}"
    channels, height, width = classifier.shape
    return read_pixels(args.image, channels == 3, height, width), os.path.basename(args.image)


def draw_answers(args: Namespace, source: LabelledSource, classifier: Classifier) -> None:
    from netdef.report.gallery.answers import answers_scene, percent
    from netdef.report.gallery.confusion import confusion_scene
    from netdef.report.gallery.evaluation import evaluate

    title = classifier.net.name or os.path.basename(args.model)
    found = evaluate(classifier, source, args.count, args.limit)
    print(f"{source.name}: {found.correct} of {found.total} right, {percent(found.correct, found.total, 2)}")
    save(args, answers_scene(found, classifier.labels, f"{title}: answers"), "answers")
    save(args, confusion_scene(found.counts, classifier.labels, f"{title}: confusion matrix"), "confusion")


def draw_filters(args: Namespace, classifier: Classifier) -> None:
    from netdef.report.gallery.filters import filters_scene, first_filters

    title = classifier.net.name or os.path.basename(args.model)
    filters = first_filters(classifier.net)
    if filters is None:
        print("No layer has weights over an image; no picture of filters.")
        return
    save(args, filters_scene(*filters, f"{title}: filters"), "filters")


def draw_features(args: Namespace, classifier: Classifier, image: np.ndarray, words: str) -> None:
    from netdef.report.gallery.feature_maps import feature_scene, stages_of

    title = f"{classifier.net.name or os.path.basename(args.model)}: {words}"
    save(args, feature_scene(image, stages_of(classifier, image), classifier.labels, title), "features")


def save(args: Namespace, scene: Scene, name: str) -> None:
    """Write a picture as .png, with ``--svg`` as .svg too, and print its name."""
    from netdef.report.picture import save_scene

    for ending in (".png", ".svg") if args.svg else (".png",):
        path = os.path.join(args.folder, name + ending)
        save_scene(scene, path)
        print(path)
