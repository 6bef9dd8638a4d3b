"""What a data layer delivers, as far as its definition and its files tell: shapes of one item.

The order of trust: sizes written in the definition, the data source itself, the mean file, crop_size.
Source: Caffe src/caffe/layers/{data,image_data,hdf5_data,memory_data,dummy_data,window_data}_layer.cpp,
data_transformer.cpp:402-486 (InferBlobShape).
"""

from __future__ import annotations

import os
from collections.abc import Callable

from netdef.errors import DataError, NetdefError
from prototxt import schema

Shape = tuple[int, ...]
COLOR_CHANNELS = 3
TRANSFORMING = frozenset({"Data", "ImageData", "MemoryData", "WindowData"})


def source_shape(param: schema.LayerParameter, top: int, notes: list[str]) -> tuple[Shape | None, str]:
    """The shape of one item of a top, without the batch; or None and, in words, what is lacking."""
    finder = FINDERS.get(param.type)
    if finder is None:
        return None, f"a {param.type} layer does not tell it"
    shape, missing = finder(param, top)
    if shape is not None or top > 0 or param.type not in TRANSFORMING:
        return shape, missing
    return _shape_from_transform(param, missing, notes)


def _shape_from_transform(param, missing: str, notes: list[str]) -> tuple[Shape | None, str]:
    """Mean file and crop_size, where the source cannot be read."""
    transform = param.transform_param
    crop = transform.crop_size
    mean = _mean_shape(transform.mean_file)
    if mean is not None:
        return (mean[0], crop, crop) if crop else mean, ""
    if not crop:
        return None, f"{missing}, and transform_param has no crop_size"
    channels = _channels(param)
    if channels is None:
        channels = COLOR_CHANNELS
        notes.append(
            f'"{param.top[0]}" was taken to have 3 channels, crop_size being all that is known: {missing}. '
            f"--shape C,{crop},{crop} says otherwise."
        )
    return (channels, crop, crop), ""


def _channels(param) -> int | None:
    """The channels as far as the definition implies them."""
    transform = param.transform_param
    if transform.force_gray:
        return 1
    if transform.force_color or param.data_param.force_encoded_color or param.type == "WindowData":
        return COLOR_CHANNELS
    if param.type == "ImageData":
        return COLOR_CHANNELS if param.image_data_param.is_color else 1
    return len(transform.mean_value) if len(transform.mean_value) > 1 else None


def _cropped(param, shape: Shape) -> Shape:
    crop = param.transform_param.crop_size
    return (shape[0], crop, crop) if crop else shape


def _transformed(param, shape: Shape) -> Shape:
    """Padded, then cropped."""
    pad = param.transform_param.pad
    return _cropped(param, (shape[0], *(size + 2 * pad for size in shape[1:])))


# -- one finder for each type of data layer --------------------------------------------------------------------


def _input(param, top: int) -> tuple[Shape | None, str]:
    shapes = param.input_param.shape
    if not shapes:
        return None, "input_param has no shape"
    return tuple(shapes[top if len(shapes) > 1 else 0].dim[1:]), ""


def _dummy_data(param, top: int) -> tuple[Shape | None, str]:
    dummy = param.dummy_data_param
    if dummy.shape:
        return tuple(dummy.shape[top if len(dummy.shape) > 1 else 0].dim[1:]), ""
    sizes = [getattr(dummy, name) for name in ("channels", "height", "width")]
    if not all(sizes):
        return None, "dummy_data_param has no shape"
    return tuple(size[top if len(size) > 1 else 0] for size in sizes), ""


def _memory_data(param, top: int) -> tuple[Shape | None, str]:
    if top > 0:
        return (), ""
    memory = param.memory_data_param
    shape = (memory.channels, memory.height, memory.width)
    return (_cropped(param, shape), "") if all(shape) else (None, "memory_data_param lacks sizes")


def _data(param, top: int) -> tuple[Shape | None, str]:
    if top > 0:
        return (), ""
    source = param.data_param.source
    return _read(param, source, lambda: _datum_shape(param, source))


def _image_data(param, top: int) -> tuple[Shape | None, str]:
    if top > 0:
        return (), ""
    image = param.image_data_param
    if image.new_height and image.new_width:
        return _transformed(param, (_channels(param), image.new_height, image.new_width)), ""
    return _read(param, image.source, lambda: _first_image_shape(param))


def _window_data(param, top: int) -> tuple[Shape | None, str]:
    crop = param.transform_param.crop_size
    if top > 0:
        return (), ""
    return ((COLOR_CHANNELS, crop, crop), "") if crop else (None, "the windows have no size of their own")


def _hdf5_data(param, top: int) -> tuple[Shape | None, str]:
    source = param.hdf5_data_param.source
    return _read(param, source, lambda: _dataset_shape(source, param.top[top]))


FINDERS: dict[str, Callable[[schema.LayerParameter, int], tuple[Shape | None, str]]] = {
    "Data": _data,
    "DummyData": _dummy_data,
    "HDF5Data": _hdf5_data,
    "ImageData": _image_data,
    "Input": _input,
    "MemoryData": _memory_data,
    "WindowData": _window_data,
}


# -- reading ---------------------------------------------------------------------------------------------------


def _read(param, source: str, reader: Callable[[], Shape]) -> tuple[Shape | None, str]:
    """What ``reader`` finds in the source, or why it finds nothing."""
    if not source:
        return None, "no source is named"
    if not os.path.exists(source):
        return None, f'source "{source}" does not exist here'
    try:
        return reader(), ""
    except (NetdefError, OSError) as error:
        reason = error.message if isinstance(error, NetdefError) else str(error)
        return None, f'source "{source}" cannot be read ({reason.rstrip(".")})'


def _datum_shape(param, source: str) -> Shape:
    """The size of the first record, cropped."""
    from netdef.data.datum import decode_datum
    from netdef.data.lmdb_source import LmdbSource

    force_color = param.transform_param.force_color or param.data_param.force_encoded_color
    with LmdbSource(source) as records:
        image, _ = decode_datum(records.first(), force_color, param.transform_param.force_gray)
    return _transformed(param, image.shape)


def _first_image_shape(param) -> Shape:
    """The size of the first image of the list, cropped."""
    from netdef.data.image import open_image

    image_data = param.image_data_param
    with open(image_data.source, encoding="utf-8") as lines:
        name = lines.readline().rsplit(maxsplit=1)
    if len(name) != 2:
        raise DataError("its first line is not a file name and a label")
    with open_image(image_data.root_folder + name[0], "the first image") as image:
        width, height = image.size
    return _transformed(param, (_channels(param), height, width))


def _dataset_shape(source: str, name: str) -> Shape:
    """The shape of one row of the dataset in the first file of the list."""
    import h5py

    with open(source, encoding="utf-8") as lines:
        first = lines.readline().strip()
    with h5py.File(first, "r") as content:
        if name not in content:
            raise DataError(f'"{first}" has no dataset "{name}"; it has {", ".join(content)}')
        return tuple(content[name].shape[1:])


def _mean_shape(path: str) -> Shape | None:
    if not path or not os.path.exists(path):
        return None
    from netdef.data.mean import read_mean

    return read_mean(path).shape
