"""The files in which a detector's finds go to the tools of PASCAL VOC, MS COCO and ILSVRC.

Source: SSD's Caffe src/caffe/layers/detection_output_layer.cpp:40-100, :300-460, src/caffe/util/bbox_util.cpp:155-214.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import numpy as np

from netdef.data.image_list import read_lines
from netdef.errors import DataError, Location
from netdef.weights.atomic import write_atomically
from prototxt import schema
from prototxt.reading import read

FORMATS = ("VOC", "COCO", "ILSVRC")
RESIZE = schema.ResizeParameter
_PARAM = "detection_output_param.save_output_param"


def read_class_names(path: str) -> dict[int, str]:
    """The names of the classes in a label map; PrototxtError or DataError where it is unfit."""
    names: dict[int, str] = {}
    for item in read(path, schema.LabelMap).message.item:
        if item.label in names:
            raise DataError(
                f'names the class {item.label} twice, "{names[item.label]}" and "{item.name}"; expected one name for '
                "each. Take one away.",
                location=Location(path),
            )
        names[item.label] = item.name
    return names


def read_names_and_sizes(path: str) -> list[tuple[str, int, int]]:
    """``(name, height, width)`` of each image, pixels; DataError where a line is unfit."""
    images = []
    for number, line in enumerate(read_lines(path, "list of names and sizes"), 1):
        words = line.split()
        if not words:
            continue
        sizes = [word for word in words[1:] if word.isdecimal() and int(word) > 0]
        if len(words) != 3 or len(sizes) != 2:
            raise DataError(
                f'found "{line.strip()}"; expected a name, the height and the width in pixels. Correct the line.',
                location=Location(path, number, 1),
            )
        images.append((words[0], int(words[1]), int(words[2])))
    if not images:
        raise DataError(
            "is empty; expected a name, a height and a width on each line. Fill it.", location=Location(path)
        )
    return images


def pixels(boxes: np.ndarray, height: int, width: int, resize: schema.ResizeParameter | None) -> np.ndarray:
    """Boxes in pixels of an image of ``height`` and ``width`` out of ``(R, 4)`` shares of what the net saw of it.

    ``resize`` is how the image had been resized for the net, or None where it fills what the net saw.
    """
    size = np.array([width, height] * 2, np.float32)
    if resize is not None and resize.resize_mode == RESIZE.FIT_LARGE_SIZE_AND_PAD:
        pad = np.zeros(2, np.float32)  # shares of what the net saw, on either side
        aspect = width / height
        if aspect > resize.width / resize.height:
            pad[1] = (resize.height - resize.width / aspect) / 2 / resize.height
        else:
            pad[0] = (resize.width - resize.height * aspect) / 2 / resize.width
        # a box in the padding alone stays as it is (bbox_util.cpp:227-231)
        within = (boxes[:, :2] < 1 - pad).all(axis=1) & (boxes[:, 2:] > pad).all(axis=1)
        pads = np.tile(pad, 2)
        boxes = np.where(within[:, None], (boxes - pads) / (1 - 2 * pads), boxes)
    elif resize is not None and resize.resize_mode == RESIZE.FIT_SMALL_SIZE:
        if resize.height_scale and resize.width_scale:
            seen = np.array([resize.width_scale, resize.height_scale] * 2, np.float32)
            return np.clip(boxes * seen, 0, size)
    return np.clip(boxes, 0, 1) * size


class DetectionFiles:
    """Collects what is found on one image after another; writes the files when all images are through.

    Parameters
    ----------
    fields : SaveOutputParameter
        Where the files go, and what is known of images and classes.
    classes : sequence of int
        The classes that can be found, without the background.
    """

    def __init__(self, fields: schema.SaveOutputParameter, classes: Sequence[int]) -> None:
        self.fields, self.classes = fields, classes
        resize = fields.resize_param
        if resize.resize_mode == RESIZE.FIT_LARGE_SIZE_AND_PAD and not (resize.height and resize.width):
            raise DataError(
                f"resize_param has height {resize.height} and width {resize.width}; expected the size that images were "
                "resized to, in pixels. Set both.",
                field=f"{_PARAM}.resize_param",
            )
        self.names = read_class_names(fields.label_map_file)
        self.images = read_names_and_sizes(fields.name_size_file)
        self.count = fields.num_test_image or len(self.images)
        if self.count > len(self.images):
            raise DataError(
                f"num_test_image is {self.count}, but {fields.name_size_file} has {len(self.images)} images. "
                "Correct one of them.",
                field=f"{_PARAM}.num_test_image",
            )
        unnamed = [str(label) for label in classes if label not in self.names]
        if unnamed:
            raise DataError(
                f"has no name for class {', '.join(unnamed)}; expected one for each class but the background. "
                "Add an item for each.",
                location=Location(fields.label_map_file),
            )
        try:
            os.makedirs(fields.output_directory, exist_ok=True)
        except OSError as error:
            raise DataError(
                f'output_directory "{fields.output_directory}" cannot be made: {error.strerror}. Name another one.',
                field=f"{_PARAM}.output_directory",
            ) from error
        self.found: list[tuple[str, int, float, np.ndarray]] = []  # image, class, score, box in pixels
        self.done = 0

    def add(self, rows: np.ndarray) -> None:
        """Take in one image's rows ``(R, 7)`` of a DetectionOutput's top, and write after the last image."""
        name, height, width = self.images[self.done]
        resize = self.fields.resize_param if self.fields.HasField("resize_param") else None
        boxes = pixels(rows[:, 3:].astype(np.float32), height, width, resize)
        corners = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        rounded = np.float32(np.floor((corners * np.float32(100)).astype(np.float64) + 0.5) / 100)
        self.found += [(name, int(row[1]), np.float32(row[2]), box) for row, box in zip(rows, rounded)]
        self.done += 1
        if self.done == self.count:
            self.write()
            self.found, self.done = [], 0

    def write(self) -> None:
        """Write what was found so far; WeightsError where a file cannot be written."""
        for path, text in self.texts().items():
            write_atomically(os.path.join(self.fields.output_directory, path), text.encode())

    def texts(self) -> dict[str, str]:
        """The content of each file by its name."""
        prefix, kind = self.fields.output_name_prefix, self.fields.output_format
        if kind == "COCO":
            return {f"{prefix}.json": self._json()}
        if kind == "ILSVRC":
            lines = [f"{name} {label} {_score_and_box(score, box)}\n" for name, label, score, box in self.found]
            return {f"{prefix}.txt": "".join(lines)}
        texts = {label: "" for label in self.classes}
        for name, label, score, box in self.found:
            texts[label] += f"{name} {_score_and_box(score, box)}\n"
        return {f"{prefix}{self.names[label]}.txt": text for label, text in texts.items()}

    def _json(self) -> str:
        records = [
            {
                "image_id": _number_or_text(name),
                "category_id": _number_or_text(self.names[label]),
                "bbox": [float(f"{side:.9g}") for side in box],
                "score": float(f"{score:.9g}"),
            }
            for name, label, score, box in self.found
        ]
        return json.dumps(records, indent=1) + "\n"


def _score_and_box(score: np.float32, box: np.ndarray) -> str:
    """``0.9 12 30 55 61``: the score and whole pixels, left, top, right, bottom (of truncated sizes, as the fork's)."""
    left, top, width, height = (int(side) for side in box)
    return f"{score:g} {left} {top} {left + width} {top + height}"


def _number_or_text(word: str) -> int | str:
    """COCO counts its images and classes; a name that is a number goes out as one."""
    return int(word) if word.isdecimal() and str(int(word)) == word else word
