"""``caffe.Classifier``: a net that answers on images.

Source: Caffe python/caffe/classifier.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from netdef.caffe.io import Transformer, oversample, resize_image
from netdef.caffe.net import Net
from prototxt.schema import TEST


def image_transformer(
    net: Net,
    mean: np.ndarray | None,
    input_scale: float | None,
    raw_scale: float | None,
    channel_swap: Sequence[int] | None,
) -> Transformer:
    """The Transformer for a net's first input, from the options that `Classifier` and `Detector` share."""
    name = net.inputs[0]
    transformer = Transformer({name: net.blobs[name].data.shape})
    transformer.set_transpose(name, (2, 0, 1))
    if mean is not None:
        transformer.set_mean(name, mean)
    if input_scale is not None:
        transformer.set_input_scale(name, input_scale)
    if raw_scale is not None:
        transformer.set_raw_scale(name, raw_scale)
    if channel_swap is not None:
        transformer.set_channel_swap(name, channel_swap)
    return transformer


class Classifier(Net):
    """A deploy net with the preparation of its images.

    Parameters
    ----------
    model_file, pretrained_file : path
        The definition, a prototxt, and the weights.
    image_dims : (height, width), optional
        Images are resized to this before they are cropped; by default to the net's input.
    mean : ndarray, optional
        ``(K,)`` or ``(K, H, W)``, subtracted after the raw scale and the channel swap.
    input_scale, raw_scale : float, optional
        See `netdef.caffe.io.Transformer`.
    channel_swap : sequence of int, optional
        ``(2, 1, 0)`` for nets that take blue first.
    """

    def __init__(
        self,
        model_file: str | os.PathLike[str],
        pretrained_file: str | os.PathLike[str] | None,
        image_dims: Sequence[int] | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = image_transformer(self, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].data.shape[2:])
        self.image_dims = image_dims if image_dims is not None and len(image_dims) else self.crop_dims

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """The probabilities of each class, float32 ``(N, classes)``, for N images ``(H, W, K)``.

        With ``oversample`` they are the mean over the four corners, the centre and their mirror images; without,
        those of the centre alone.
        """
        size = tuple(int(side) for side in self.image_dims)
        images = np.stack([resize_image(image, size) for image in inputs])
        crops = self._ten_crops(images) if oversample else self._centres(images)
        name = self.inputs[0]
        prepared = np.stack([self.transformer.preprocess(name, crop) for crop in crops])
        predictions = self.forward_all(**{name: prepared})[self.outputs[0]]
        if oversample:
            predictions = predictions.reshape(len(predictions) // 10, 10, -1).mean(axis=1)
        return predictions

    def _ten_crops(self, images: np.ndarray) -> np.ndarray:
        return oversample(images, self.crop_dims)

    def _centres(self, images: np.ndarray) -> np.ndarray:
        middle = np.array(self.image_dims) / 2.0
        top, left = (middle - self.crop_dims / 2.0).astype(int)
        bottom, right = (middle + self.crop_dims / 2.0).astype(int)
        return images[:, top:bottom, left:right, :]
