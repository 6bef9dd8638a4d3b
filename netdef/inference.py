"""A deploy net put to images: from a file to the probability of each class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from netdef.data.image import prepare_image
from netdef.errors import DataError, Location, NetError, suggestion
from netdef.net import Net
from prototxt import schema


class Classifier:
    """Answers on image files with a net that has one image input and one output a class.

    Parameters
    ----------
    net : Net
        A deploy net, its weights loaded.
    output : str, optional
        The blob with the probabilities; by default the net's only output.
    labels : list of str, optional
        The name of each class; by default its number.
    scale : float, optional
        What to multiply the pixels (0 to 255) with; by default what the input's ``transform_param`` says, else 1.

    Raises
    ------
    NetError
        When the net has another number of inputs or outputs, or its input is no image.
    DataError
        When the number of labels is not the number of classes.
    """

    def __init__(
        self,
        net: Net,
        output: str | None = None,
        labels: list[str] | None = None,
        scale: float | None = None,
    ) -> None:
        self.net = net
        self.input = self._only_input()
        self.output = self._chosen_output(output)
        self.shape = net.blobs[self.input].shape[1:]
        self.classes = net.blobs[self.output].count // net.blobs[self.output].shape[0]
        if labels is not None and len(labels) != self.classes:
            raise DataError(
                f'there are {len(labels)} labels for the {self.classes} classes of blob "{self.output}"; '
                "the numbers must agree. Give one label for each class, one on each line."
            )
        self.labels = labels or [str(number) for number in range(self.classes)]
        self.transform_param = self._transform_param(scale)

    def probabilities(self, path: str | os.PathLike[str], invert: str = "auto") -> np.ndarray:
        """The output for one image file: float32 ``(classes,)``. ``invert`` as in `prepare_image`."""
        blob = self.net.blobs[self.input]
        if blob.shape[0] != 1:
            blob.reshape(1, *self.shape)
        image = prepare_image(path, *self.shape, invert=invert, transform_param=self.transform_param)
        blob.data[0] = image
        self.net.run()
        return self.net.blobs[self.output].data.reshape(-1).copy()

    def best(self, probabilities: np.ndarray, count: int = 1) -> list[tuple[str, float]]:
        """The ``count`` likeliest classes with their probabilities; the lower number first among equals."""
        order = np.argsort(-probabilities, kind="stable")[:count]
        return [(self.labels[index], float(probabilities[index])) for index in order]

    def _only_input(self) -> str:
        names = self.net.inputs
        if len(names) != 1:
            found = ", ".join(names) or "none"
            raise NetError(
                f"the net has {len(names)} inputs ({found}); exactly 1 is expected, the image. "
                'Make a deploy net with "netdef deploy", or run the net from Python.',
                location=Location(self.net.document.filename),
            )
        shape = self.net.blobs[names[0]].shape
        if len(shape) != 4:
            raise NetError(
                f'the input "{names[0]}" has shape {shape}; an image takes (num, channels, height, width). '
                "Run this net from Python.",
                location=Location(self.net.document.filename),
            )
        return names[0]

    def _chosen_output(self, name: str | None) -> str:
        if name is not None:
            if name not in self.net.blobs:
                raise NetError(
                    f'the net has no blob "{name}".{suggestion(name, self.net.blobs)} '
                    f"Its outputs are: {', '.join(self.net.outputs)}.",
                    location=Location(self.net.document.filename),
                )
            return name
        if len(self.net.outputs) != 1:
            raise NetError(
                f"the net has {len(self.net.outputs)} outputs ({', '.join(self.net.outputs)}); "
                "exactly 1 is expected. Choose one with --output.",
                location=Location(self.net.document.filename),
            )
        return self.net.outputs[0]

    def _transform_param(self, scale: float | None):
        """The transform that training applied, where the definition of the input carries it."""
        transform = schema.TransformationParameter()
        for node in self.net.graph.nodes:
            if self.input in node.tops:
                transform.CopyFrom(node.param.transform_param)
        if scale is not None:
            transform.scale = scale
        return transform


def read_labels(path: str | os.PathLike[str]) -> list[str]:
    """The lines of a text file, one name for each class, blank lines at the end aside.

    Raises: DataError where the file cannot be read as UTF-8 text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}. Correct the path.", location=Location(str(path))) from error
    except UnicodeDecodeError as error:
        raise DataError(
            "is not UTF-8 text; expected the name of one class on each line. Save it as UTF-8.",
            location=Location(str(path)),
        ) from error
    return text.rstrip().splitlines()
