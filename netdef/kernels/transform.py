"""Kernels of the data layers: find the fields of packed records, place crops, turn pixels into a batch.

All are serial: they run on the prefetch thread, where a parallel region must not be entered.
Source of the formulas: Caffe src/caffe/data_transformer.cpp:38-125.
"""

from __future__ import annotations

import numpy as np

from netdef.kernels._jit import kernel
from netdef.kernels.random import hash_uniform

# Columns of the table that `parse_datums` fills.
CHANNELS, HEIGHT, WIDTH, DATA_START, DATA_LENGTH, LABEL, KIND = range(7)
FIELD_COUNT = 7
# What KIND says: pixels as plain bytes; an encoded image or floats; not a Datum at all.
RAW, OTHER, MALFORMED = range(3)

# Columns of a placement: where an image's numbers start, its size, where the crop lies in it, whether mirrored.
START, IMAGE_HEIGHT, IMAGE_WIDTH, CROP_ROW, CROP_COLUMN, MIRROR = range(6)
PLACEMENT_COUNT = 6


@kernel
def read_varint(buffer, position, end):
    """One base-128 number of protobuf's wire format at ``buffer[position:end]``.

    Returns ``(value, next position)``; the position is -1 where the number is cut off or longer than 10 bytes.
    """
    value = np.int64(0)
    for index in range(10):
        if position + index >= end:
            break
        byte = np.int64(buffer[position + index])
        value |= (byte & np.int64(127)) << np.int64(7 * index)
        if byte < 128:
            return value, position + index + 1
    return value, np.int64(-1)


@kernel
def skip_field(buffer, position, end, wire_type):
    """The position after a field of ``wire_type`` that starts at ``position``; -1 where it does not fit."""
    if wire_type == 0:
        value, position = read_varint(buffer, position, end)
    elif wire_type == 1:
        position += 8
    elif wire_type == 2:
        length, position = read_varint(buffer, position, end)
        if position < 0 or length < 0 or length > end - position:
            return np.int64(-1)
        position += length
    elif wire_type == 5:
        position += 4
    else:
        return np.int64(-1)
    return position if position <= end else np.int64(-1)


@kernel
def parse_datum(buffer, position, end, fields):
    """Fill one row of the table of `parse_datums` from the Datum at ``buffer[position:end]``."""
    fields[:] = 0
    fields[KIND] = MALFORMED
    kind = RAW
    while position < end:
        tag, position = read_varint(buffer, position, end)
        if position < 0:
            return
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            return
        if wire_type == 0 and number in (1, 2, 3, 5, 7):
            value, position = read_varint(buffer, position, end)
            if position < 0:
                return
            # int32 is stored sign-extended to 64 bits; the low 32 are the value
            value = ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
            if number <= 3:
                fields[number - 1] = value
            elif number == 5:
                fields[LABEL] = value
            elif value != 0:
                kind = OTHER
        elif wire_type == 2 and number == 4:
            length, position = read_varint(buffer, position, end)
            if position < 0 or length < 0 or length > end - position:
                return
            fields[DATA_START] = position
            fields[DATA_LENGTH] = length
            position += length
        else:
            if number == 6:
                kind = OTHER
            position = skip_field(buffer, position, end, wire_type)
            if position < 0:
                return
    fields[KIND] = kind


@kernel
def parse_datums(buffer, ends, fields):
    """Find the fields of serialised Datum records that lie end to end.

    ``buffer`` uint8, record ``i`` is ``buffer[ends[i - 1]:ends[i]]``; ``fields`` int64 ``(records, 7)``, with
    columns CHANNELS, HEIGHT, WIDTH, DATA_START (in ``buffer``), DATA_LENGTH (bytes), LABEL, KIND. The last
    of repeated fields counts and unknown ones are skipped, as protobuf does.
    """
    start = np.int64(0)
    for record in range(ends.shape[0]):
        parse_datum(buffer, start, ends[record], fields[record])
        start = ends[record]


@kernel
def draw_placements(key, counter, stride, mirror, crop_height, crop_width, placements):
    """Draw CROP_ROW, CROP_COLUMN and MIRROR of each row of ``placements`` (int64).

    Image ``n`` uses draws ``counter + stride n`` and the two after it of the stream ``key`` (both uint64). The crop
    of ``crop_height`` x ``crop_width`` pixels lies anywhere in the image with equal chance; a size of 0
    leaves row and column as they are.
    """
    for image in range(placements.shape[0]):
        draw = counter + np.uint64(stride * image)
        if mirror:
            placements[image, MIRROR] = np.int64(hash_uniform(key, draw) * 2.0)
        if crop_height > 0:
            rows = placements[image, IMAGE_HEIGHT] - crop_height + 1
            columns = placements[image, IMAGE_WIDTH] - crop_width + 1
            placements[image, CROP_ROW] = np.int64(hash_uniform(key, draw + np.uint64(1)) * rows)
            placements[image, CROP_COLUMN] = np.int64(hash_uniform(key, draw + np.uint64(2)) * columns)


@kernel
def transform_images(source, placements, mean, scale, top):
    """``top[n, c, y, x] = (pixel - mean) * scale``, computed in top's dtype (data_transformer.cpp:100-121).

    ``source`` is flat (uint8 or float); image ``n`` starts at ``placements[n, START]`` in ``(C, H, W)`` order and
    the crop in it at CROP_ROW, CROP_COLUMN. ``mean`` is ``(C, 1, 1)``, one value a channel, or of the
    images' full size, taken where the pixel was before mirroring.
    """
    number = top.dtype.type
    factor = number(scale)
    height, width = top.shape[2], top.shape[3]
    whole_mean = mean.shape[1] * mean.shape[2] > 1
    for image in range(top.shape[0]):
        row, column = placements[image, CROP_ROW], placements[image, CROP_COLUMN]
        image_height, image_width = placements[image, IMAGE_HEIGHT], placements[image, IMAGE_WIDTH]
        for channel in range(top.shape[1]):
            for y in range(height):
                begin = placements[image, START]
                begin += (channel * image_height + row + y) * image_width + column
                pixels = source[begin : begin + width]
                line = top[image, channel, y]
                if whole_mean:
                    mean_line = mean[channel, row + y, column : column + width]
                    for x in range(width):
                        line[x] = (number(pixels[x]) - mean_line[x]) * factor
                else:
                    level = mean[channel, 0, 0]
                    for x in range(width):
                        line[x] = (number(pixels[x]) - level) * factor
                if placements[image, MIRROR]:
                    for x in range(width // 2):
                        line[x], line[width - 1 - x] = line[width - 1 - x], line[x]
