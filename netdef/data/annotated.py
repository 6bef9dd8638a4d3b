"""From annotated records to batches: what the prefetch thread of an AnnotatedData layer does.

Source: SSD's Caffe, src/caffe/layers/annotated_data_layer.cpp, data_transformer.cpp, im_transforms.cpp.
"""

from __future__ import annotations

import numpy as np
from google.protobuf.message import DecodeError, Message
from PIL import Image

from netdef.data import true_boxes
from netdef.data.datum import decode_datum
from netdef.data.distortion import distort
from netdef.data.image import resize_pixels
from netdef.data.loader import Batch, DatumLoader
from netdef.errors import DataError
from netdef.kernels.transform import CROP_COLUMN, CROP_ROW, IMAGE_HEIGHT, MIRROR
from netdef.random import Stream
from prototxt import schema

RESIZE = schema.ResizeParameter
FILTERS = {
    RESIZE.AREA: Image.Resampling.BOX,
    RESIZE.NEAREST: Image.Resampling.NEAREST,
    RESIZE.CUBIC: Image.Resampling.BICUBIC,
    RESIZE.LANCZOS4: Image.Resampling.LANCZOS,
}
PAD_MODES = {RESIZE.CONSTANT: "constant", RESIZE.MIRRORED: "reflect", RESIZE.REPEAT_NEAREST: "edge"}


class Record:
    """An image ``(C, H, W)`` and its objects: ``marks`` float32 ``(G, 3)`` class, instance, difficult; ``boxes``."""

    def __init__(self, image: np.ndarray, label: int, marks: np.ndarray, boxes: np.ndarray) -> None:
        self.image, self.label, self.marks, self.boxes = image, label, marks, boxes

    def keep(self, boxes: np.ndarray, chosen: np.ndarray) -> None:
        """Put ``boxes`` in place of the old ones, the ``chosen`` of them."""
        self.boxes, self.marks = boxes[chosen], self.marks[chosen]

    def cut_boxes(self, crop: np.ndarray, constraint: Message | None = None) -> None:
        """See the boxes from ``crop``; those outside go, and those that ``constraint`` does not let stay."""
        boxes, inside = true_boxes.project(self.boxes, crop)
        if constraint is not None:
            inside &= true_boxes.emitted(self.boxes, crop, constraint)
        self.keep(boxes, inside)


class AnnotatedBatch(Batch):
    """Images, and ``objects``: the true boxes of all in one array ``(1, 1, G, 8)``, or their labels."""

    objects = np.zeros((1, 1, 0, 8))

    @property
    def tops(self) -> list[np.ndarray]:
        return [self.data, self.objects]


class AnnotatedLoader(DatumLoader):
    """Reads AnnotatedDatum records and fills batches.

    ``fields`` is the layer's transform_param, ``samplers`` its batch_sampler.
    """

    fields = schema.TransformationParameter()
    samplers = ()
    with_boxes = True
    any_type = False  # whether records need no type to have boxes

    def shapes(self) -> list[tuple[int, ...]]:
        record = self._read(self.source.first(), 0)
        self.with_boxes = record.label is None
        shape = self._output_shape(record.image.shape)
        labels = (1, 1, max(len(record.boxes), 1), 8) if self.with_boxes else (self.batch_size,)
        return [(self.batch_size, *shape), labels]

    def new_batch(self) -> AnnotatedBatch:
        return AnnotatedBatch(self.batch_size, self.transformer.dtype)

    def _output_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if self.fields.HasField("resize_param"):
            shape = (shape[0], *resized_size(self.fields.resize_param, *shape[1:]))
        return self.transformer.output_shape(shape)

    def fill(self, batch: AnnotatedBatch) -> None:
        """Read as many records as ``batch`` holds; the first decides the shape of the images."""
        start, rows, labels = self.source.index, [], []
        for item, data in enumerate(self.source.read(self.batch_size)):
            record = self._read(data, start + item)
            self._change(record)
            shape = self.transformer.output_shape(record.image.shape)
            if item == 0:
                batch.reshape(shape)
            if shape != batch.data.shape[1:]:
                raise self._about(
                    start + item,
                    DataError(
                        f"becomes {shape} (channels, height, width); {batch.data.shape[1:]} was expected, as for the "
                        "first of its batch. Set resize_param, or use batch_size: 1."
                    ),
                )
            self._place(record, batch.data[item : item + 1])
            marks = record.marks
            rows.append(np.hstack([np.full((len(marks), 1), item), marks[:, :2], record.boxes, marks[:, 2:]]))
            labels.append(record.label)
        if self.with_boxes:
            found = np.concatenate(rows) if any(len(row) for row in rows) else np.full((1, 8), -1)
            batch.objects = found.astype(self.transformer.dtype)[None, None]
        else:
            batch.objects = np.array(labels, self.transformer.dtype)
        batch.state = self.state()
        batch.restarts = self.source.restarts

    def _read(self, data: memoryview, index: int) -> Record:
        try:
            return read_record(data, self.transformer.param, self.any_type)
        except DataError as error:
            raise self._about(index, error) from error

    def _change(self, record: Record) -> None:
        """Distort, expand, crop and resize, as the fields ask for."""
        fields, stream = self.fields, self.transformer.stream
        if fields.HasField("distort_param"):
            record.image = distort(record.image, fields.distort_param, stream)
        if fields.HasField("expand_param"):
            self._expand(record)
        crops = true_boxes.draw_crops(self.samplers, record.boxes, stream)
        if crops:
            crop = crops[stream.integers(len(crops))].clip(0, 1)
            height, width = record.image.shape[1:]
            left, top, right, bottom = crop * np.array([width, height, width, height], np.float32)
            rows, columns = int(top), int(left)
            cut = record.image[
                :, rows : rows + max(int(bottom - top), 1), columns : columns + max(int(right - left), 1)
            ]
            record.image = np.ascontiguousarray(cut)
            record.cut_boxes(crop, self._constraint())
        if fields.HasField("resize_param"):
            height, width = record.image.shape[1:]
            record.boxes = true_boxes.resized(record.boxes, fields.resize_param, height, width)
            record.image = resize_image(record.image, fields.resize_param, stream)

    def _constraint(self):
        return self.fields.emit_constraint if self.fields.HasField("emit_constraint") else None

    def _expand(self, record: Record) -> None:
        """Lay the image into a larger one of the mean's colour (data_transformer.cpp, ExpandImage)."""
        fields, stream = self.fields.expand_param, self.transformer.stream
        if stream.uniform() > fields.prob or abs(fields.max_expand_ratio - 1) < 1e-2:
            return
        ratio = 1 + stream.uniform() * (fields.max_expand_ratio - 1)
        channels, height, width = record.image.shape
        tall, wide = int(height * ratio), int(width * ratio)
        top, left = int(stream.uniform() * (tall - height)), int(stream.uniform() * (wide - width))
        image = np.zeros((channels, tall, wide), np.uint8)
        image[...] = np.rint(list(self.fields.mean_value) or [0]).astype(np.uint8)[:, None, None]
        image[:, top : top + height, left : left + width] = record.image
        record.image = image
        whole = np.array([-left, -top, wide - left, tall - top], np.float32)
        record.cut_boxes(whole / np.array([width, height] * 2, np.float32), self._constraint())

    def _place(self, record: Record, top: np.ndarray) -> None:
        """Crop, mirror and scale the image into ``top``; the boxes follow."""
        height, width = record.image.shape[1:]
        flat = record.image.reshape(-1)
        flat.flags.writeable = False
        placements = self.transformer.placements(1)
        placements[0, IMAGE_HEIGHT:CROP_ROW] = height, width
        self.transformer.transform_flat(flat, placements, top)
        row, column, mirror = (int(placements[0, k]) for k in (CROP_ROW, CROP_COLUMN, MIRROR))
        crop = np.array([column, row, column + top.shape[3], row + top.shape[2]], np.float32)
        record.cut_boxes(crop / np.array([width, height] * 2, np.float32), self._constraint())
        if mirror:
            record.boxes[:, [0, 2]] = np.float32(1) - record.boxes[:, [2, 0]]


def read_record(data: memoryview, param: schema.LayerParameter, any_type: bool = False) -> Record:
    """The image and the objects of an AnnotatedDatum; its ``label`` is None where it has a type.

    Raises DataError, to be completed with the record's name.
    """
    message = schema.AnnotatedDatum()
    try:
        message.ParseFromString(bytes(data))
    except DecodeError as error:
        raise DataError(
            f"holds {len(data)} bytes that are not an AnnotatedDatum message. Make the database anew from its images."
        ) from error
    image, label = decode_datum(message.datum.SerializeToString(), param.force_color, param.force_gray)
    if image.dtype != np.uint8:
        raise DataError("holds floats; expected bytes or an encoded image. Make the database anew from its images.")
    rows = [
        (group.group_label, item.instance_id, item.bbox.difficult, *_sides(item.bbox))
        for group in message.annotation_group
        for item in group.annotation
    ]
    rows = np.array(rows, np.float32).reshape(-1, 7)
    typed = any_type or message.HasField("type")
    return Record(np.array(image), None if typed else label, rows[:, :3], rows[:, 3:])


def _sides(box) -> tuple[float, ...]:
    return box.xmin, box.ymin, box.xmax, box.ymax


def resized_size(fields: Message, height: int, width: int) -> tuple[int, int]:
    """Height and width of the image after `resize_image` (im_transforms.cpp, InferNewSize)."""
    if fields.resize_mode != RESIZE.FIT_SMALL_SIZE:
        return fields.height, fields.width
    aspect = np.float32(width) / np.float32(height)
    if aspect < np.float32(fields.width) / np.float32(fields.height):
        return int(np.float32(fields.width) / aspect), fields.width
    return fields.height, int(aspect * np.float32(fields.height))


def resize_image(image: np.ndarray, fields: Message, stream: Stream) -> np.ndarray:
    """uint8 ``(C, H, W)`` in the size and by the way that a ResizeParameter asks for (im_transforms.cpp, ApplyResize).

    Of several interp_mode one is drawn.
    """
    modes = list(fields.interp_mode) or [RESIZE.LINEAR]
    mode = modes[stream.integers(len(modes))] if len(modes) > 1 else modes[0]
    height, width = resized_size(fields, *image.shape[1:])
    if fields.resize_mode != RESIZE.FIT_LARGE_SIZE_AND_PAD:
        return _interpolate(image, height, width, mode)
    aspect = np.float32(image.shape[2]) / np.float32(image.shape[1])
    if aspect > np.float32(width) / np.float32(height):
        image = _interpolate(image, max(int(np.float32(width) / aspect), 1), width, mode)
    else:
        image = _interpolate(image, height, max(int(aspect * np.float32(height)), 1), mode)
    missing = height - image.shape[1], width - image.shape[2]
    edges = [(0, 0), *((count // 2, count - count // 2) for count in missing)]
    if fields.pad_mode != RESIZE.CONSTANT:
        return np.ascontiguousarray(np.pad(image, edges, PAD_MODES[fields.pad_mode]))
    values = np.array(list(fields.pad_value) or [0]).astype(np.uint8)
    padded = np.empty((len(image), height, width), np.uint8)
    padded[...] = values[:, None, None]
    (above, _), (left, _) = edges[1:]
    padded[:, above : above + image.shape[1], left : left + image.shape[2]] = image
    return padded


def _interpolate(image: np.ndarray, height: int, width: int, mode: int) -> np.ndarray:
    if mode == RESIZE.LINEAR:
        return resize_pixels(image, height, width)
    planes = [Image.fromarray(plane).resize((width, height), FILTERS[mode]) for plane in image]
    return np.stack([np.asarray(plane) for plane in planes])
