"""``caffe.Detector``: a net that answers on windows of images.

Sources: Caffe python/caffe/detector.py; R. Girshick et al., "Rich feature hierarchies for accurate object detection
and semantic segmentation", CVPR 2014, for the context around windows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np

from netdef.caffe.classifier import image_transformer
from netdef.caffe.io import load_image, resize_image
from netdef.caffe.net import Net
from netdef.errors import DataError, UsageError
from prototxt.schema import TEST

Window = Sequence[int]  # ymin, xmin, ymax, xmax in pixels


class Detector(Net):
    """A deploy net that looks at windows, each warped to the net's input.

    Parameters
    ----------
    model_file, pretrained_file : path
        The definition, a prototxt, and the weights.
    mean, input_scale, raw_scale, channel_swap
        As of `Classifier`.
    context_pad : int, optional
        Pixels of the net's input, on each side, that show what surrounds the window; the mean fills what lies
        outside the image.
    """

    def __init__(
        self,
        model_file: str | os.PathLike[str],
        pretrained_file: str | os.PathLike[str] | None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = image_transformer(self, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def detect_windows(self, images_windows: Iterable[tuple[str, Sequence[Window]]]) -> list[dict]:
        """Run the net on windows of image files.

        Returns one dict a window with ``filename``, ``window`` and ``prediction``, the net's output. Raises: DataError
        for a window that holds no pixel of its image, and where there is no window at all.
        """
        listed = [(name, window) for name, windows in images_windows for window in windows]
        if not listed:
            raise DataError("there is no window to look at; expected at least one (ymin, xmin, ymax, xmax).")
        name = self.inputs[0]
        color = self.blobs[name].shape[1] != 1
        images: dict[str, np.ndarray] = {}
        prepared = []
        for path, window in listed:
            if path not in images:
                images = {path: load_image(path, color)}  # windows come image by image, so one is kept
            prepared.append(self.transformer.preprocess(name, self.crop(images[path], window)))
        predictions = self.forward_all(**{name: np.stack(prepared)})[self.outputs[0]]
        return [
            {"window": window, "prediction": prediction, "filename": path}
            for (path, window), prediction in zip(listed, predictions)
        ]

    def detect_selective_search(self, image_fnames: Iterable[str]) -> list[dict]:
        """`detect_windows` on what selective search proposes.

        Raises: UsageError where the module selective_search_ijcv_with_python is not installed.
        """
        try:
            import selective_search_ijcv_with_python as selective_search
        except ImportError:
            raise UsageError(
                "selective search needs the module selective_search_ijcv_with_python, which is not installed. "
                "Install it, or give the windows yourself (detect_windows, or crop_mode list)."
            ) from None
        names = [os.path.abspath(name) for name in image_fnames]
        windows = selective_search.get_windows(names, cmd="selective_search_rcnn")
        return self.detect_windows(zip(names, windows))

    def crop(self, im: np.ndarray, window: Window) -> np.ndarray:
        """The pixels of ``window``, with context around them where `configure_crop` asked for it."""
        top, left, bottom, right = (int(side) for side in window)
        crop = im[max(top, 0) : bottom, max(left, 0) : right]
        if crop.size == 0:
            raise DataError(
                f"window {(top, left, bottom, right)} holds no pixel of an image of {im.shape[0]} x {im.shape[1]} "
                "pixels; expected ymin < ymax and xmin < xmax within it."
            )
        return self._with_context(im, np.array([top, left, bottom, right])) if self.context_pad else crop

    def _with_context(self, im: np.ndarray, window: np.ndarray) -> np.ndarray:
        """The window, grown by the context and warped to the net's input; the mean where there is no image."""
        size = np.array([self.crop_dims[0], self.crop_dims[1]])
        half = (window[2:] - window[:2] + 1) / 2.0
        centre = window[:2] + half
        grown = half * size / (size - 2.0 * self.context_pad)
        box = np.round(np.concatenate([centre - grown, centre + grown]))
        scale = size / (box[2:] - box[:2] + 1)
        pad = np.round(np.maximum(0, -box[:2]) * scale).astype(int)
        limits = np.array(im.shape[:2])
        box = np.clip(box, 0, np.tile(limits, 2)).astype(int)
        warped = np.round((box[2:] - box[:2] + 1) * scale).astype(int)
        warped = np.minimum(warped, size - pad)
        context = resize_image(im[box[0] : box[2], box[1] : box[3]], warped)
        crop = np.ones(self.crop_dims, np.float32) * self.crop_mean
        crop[pad[0] : pad[0] + warped[0], pad[1] : pad[1] + warped[1]] = context
        return crop

    def configure_crop(self, context_pad: int | None) -> None:
        """Set how much context `crop` takes, and the mean, as raw pixels, that stands for what is outside.

        Raises: UsageError where the context leaves nothing for the window.
        """
        name = self.inputs[0]
        channels, height, width = self.blobs[name].data.shape[1:]
        self.crop_dims = np.array([height, width, channels])
        self.context_pad = context_pad
        if not context_pad:
            return
        if 2 * context_pad >= min(height, width):
            raise UsageError(
                f"context_pad is {context_pad}; twice that must be less than the input's sides, {height} and {width}."
            )
        mean = self.transformer.mean.get(name)
        if mean is None:
            self.crop_mean = np.zeros(self.crop_dims, np.float32)
            return
        raw = np.broadcast_to(mean, (channels, *np.shape(mean)[1:])).transpose(1, 2, 0)
        swap = self.transformer.channel_swap.get(name)
        if swap is not None:
            raw = raw[:, :, np.argsort(swap)]
        self.crop_mean = raw / (self.transformer.raw_scale.get(name) or 1.0)
