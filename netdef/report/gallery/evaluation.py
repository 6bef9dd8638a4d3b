"""A net's answers on labelled images, as far as pictures of them need."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from netdef.data.labelled import Labelled, LabelledSource
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError
from netdef.inference import Classifier
from netdef.net import Net
from prototxt import schema

BATCH = 50


@dataclass(frozen=True)
class Answer:
    """One image, uint8 or float32 ``(C, H, W)``, its number in the source, its label, and the output for it."""

    number: int
    image: np.ndarray
    label: int
    output: np.ndarray

    @property
    def answer(self) -> int:
        return int(self.output.argmax())


@dataclass
class Evaluation:
    """``counts[label, answer]``, some right answers of as many classes as there are, and the surest wrong ones."""

    counts: np.ndarray
    right: list[Answer] = field(default_factory=list)
    wrong: list[Answer] = field(default_factory=list)

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def correct(self) -> int:
        return int(np.trace(self.counts))


def evaluate(classifier: Classifier, source: LabelledSource, keep: int, limit: int | None = None) -> Evaluation:
    """The answers on the first ``limit`` images, all by default; up to ``keep`` right and wrong ones are kept.

    Raises DataError for a label that is no class, and for images that do not become the net's input.
    """
    found = Evaluation(np.zeros((classifier.classes, classifier.classes), np.int64))
    surest: list[tuple[float, int, Answer]] = []
    right: list[list[Answer]] = [[] for _ in range(classifier.classes)]
    numbered = enumerate(islice(source.read(), limit))
    while batch := list(islice(numbered, BATCH)):
        outputs = run_batch(classifier, [image for _, (image, _) in batch])
        for (number, (image, label)), output in zip(batch, outputs, strict=True):
            _check_label(label, number, classifier.classes, source)
            answer = Answer(number, image, label, output)
            found.counts[label, answer.answer] += 1
            if answer.answer == label:
                right[label] += [answer] if len(right[label]) < keep else []
            else:
                heapq.heappush(surest, (float(output.max()), -number, answer))
                if len(surest) > keep:
                    heapq.heappop(surest)
    found.wrong = [answer for _, _, answer in sorted(surest, reverse=True)]
    rounds = [answers[place] for place in range(keep) for answers in right if place < len(answers)]
    found.right = sorted(rounds[:keep], key=lambda answer: answer.number)
    return found


def run_batch(classifier: Classifier, images: list[np.ndarray]) -> np.ndarray:
    """The outputs for images before their transform: float32 ``(N, classes)``."""
    fill_input(classifier, images)
    classifier.net.run()
    return classifier.net.blobs[classifier.output].data.reshape(len(images), -1).copy()


def fill_input(classifier: Classifier, images: list[np.ndarray]) -> None:
    """Transform images into the net's input, which takes their number."""
    net: Net = classifier.net
    blob = net.blobs[classifier.input]
    if blob.shape[0] != len(images):
        blob.reshape(len(images), *classifier.shape)
        net.reshape()
    DataTransformer(classifier.transform_param, schema.TEST, None).transform(images, blob.data)


def chosen_image(source: LabelledSource, number: int) -> Labelled:
    """Image ``number`` of a source, counted from 0. Raises DataError where there are not so many."""
    if number >= source.count:
        raise DataError(
            f"{source.name} has {source.count} images; number {number} is not among them. Give 0 to {source.count - 1}."
        )
    return next(islice(source.read(), number, None))


def _check_label(label: int, number: int, classes: int, source: LabelledSource) -> None:
    if not 0 <= label < classes:
        raise DataError(
            f"image {number} of {source.name} has the label {label}; the net has {classes} classes, from 0 to "
            f"{classes - 1}. Take the images that the net was trained for."
        )
