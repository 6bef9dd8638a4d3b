"""What [net] and [crop] say of images, and the data layers made of it.

Source: Darknet src/parser.c (parse_net_options, parse_crop), src/data.c, src/image.c, src/crop_layer.c.
"""

from __future__ import annotations

from typing import Any

from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.net import Building, Output, Shape, new_layer, require_image
from prototxt import schema

TRAIN_LMDB, TEST_LMDB = "train_lmdb", "test_lmdb"
TRAIN_LIST, TEST_LIST = "train_h5.txt", "test_h5.txt"
_SCALE = 1 / 255  # Darknet's values lie between 0 and 1
# Changes of training images, and the value of each at which there is none.
_NEUTRAL = {
    "angle": 0, "aspect": 1, "exposure": 1, "hue": 0, "saturation": 1, "mixup": 0, "cutmix": 0, "mosaic": 0, "blur": 0,
    "gaussian_noise": 0, "letter_box": 0, "mosaic_bound": 0, "center": 0, "clip": 0, "label_smooth_eps": 0,
    "adversarial_lr": 0,
}  # fmt: skip


def read_image(section: Section) -> Shape:
    """Channels, height and width of the input."""
    sizes = [section.integer(key, 0, least=0) for key in ("channels", "height", "width")]
    inputs = section.integer("inputs", 0, least=0)
    if all(sizes):
        return sizes[0], sizes[1], sizes[2]
    if not inputs or any(sizes):
        section.fail(
            f"has height {sizes[1]}, width {sizes[2]} and channels {sizes[0]}; expected all three above 0, or inputs."
        )
    return inputs, 1, 1


def crop(building: Building, section: Section) -> Output:
    """Nothing but other data layers: they cut images out, mirror them and bring their values to -1 to 1."""
    if building.outputs:
        section.fail("stands behind other layers; expected it first, for data layers do its work. Move it.")
    channels, height, width = require_image(section, building.last)
    sizes = [section.integer(key, least=1) for key in ("crop_height", "crop_width")]
    if sizes[0] != sizes[1] or sizes[0] > min(height, width):
        section.fail(
            f"cuts {sizes[0]}x{sizes[1]} pixels out of {height}x{width}; expected a square that lies inside. Correct "
            "crop_height and crop_width.",
            "crop_height",
        )
    building.crop, building.image = section, (channels, sizes[0], sizes[0])
    _note_changes(building, section, {"angle": 0, "saturation": 1, "exposure": 1})
    return Output("data", building.image, owned=False)


def input_layer(building: Building, train_data: schema.LayerParameter) -> schema.LayerParameter:
    """The deploy net's input, one image, with what the training data do to values."""
    shape = schema.BlobShape(dim=[1, *building.image])
    layer = new_layer("Input", "data", [], ["data"], input_param={"shape": [shape]})
    if train_data.HasField("transform_param"):
        layer.transform_param.scale = train_data.transform_param.scale
        layer.transform_param.mean_value.extend(train_data.transform_param.mean_value)
    return layer


def data_layers(
    building: Building, section: Section, train_data: str, test_data: str, bgr: bool
) -> list[schema.LayerParameter]:
    """One data layer for each phase, with ``data`` and ``label`` as tops."""
    boxes = building.truth == "boxes"
    if building.crop is not None and building.truth not in ("class", ""):
        building.crop.fail("stands before a loss that is not of classes, whose data cannot be cropped. Take it away.")
    changes = _changes(building, section, boxes) if building.truth else {}
    if building.image[0] == 3 and not bgr and building.truth != "vector":
        building.notice(
            section,
            "Darknet's images are red, green, blue; Caffe's are blue, green, red. Give --bgr to import for those.",
            "channels",
        )
    layers = []
    for phase, given in ((schema.TRAIN, train_data), (schema.TEST, test_data)):
        if building.truth == "vector":
            source = given or (TRAIN_LIST if phase == schema.TRAIN else TEST_LIST)
            fields: dict[str, Any] = {"hdf5_data_param": {"source": source, "batch_size": building.mini_batch}}
        else:
            source = given or (TRAIN_LMDB if phase == schema.TRAIN else TEST_LMDB)
            fields = {"data_param": {"source": source, "batch_size": building.mini_batch, "backend": "LMDB"}}
            fields["transform_param"] = {**_values(building), **(changes if phase == schema.TRAIN else {})}
        if boxes:
            _, height, width = building.image
            fields["transform_param"]["resize_param"] = {"height": height, "width": width}
        kind = "AnnotatedData" if boxes else "HDF5Data" if building.truth == "vector" else "Data"
        layer = new_layer(kind, "data", [], ["data", "label"], **fields)
        layer.include.add().phase = phase
        layers.append(layer)
    return layers


def _values(building: Building) -> dict[str, Any]:
    """Fields of a transform_param for the size of images and for what becomes of their values."""
    section = building.crop
    if section is None:
        return {"scale": _SCALE}
    fields: dict[str, Any] = {"crop_size": building.image[1], "scale": _SCALE}
    if not section.flag("noadjust"):  # from -1 to 1
        fields.update(scale=2 * _SCALE, mean_value=[127.5])
    return fields


def _changes(building: Building, section: Section, boxes: bool) -> dict[str, Any]:
    """Fields of a transform_param for the changes of images that netdef makes too; the others go into notices."""
    fields: dict[str, Any] = {}
    flips = building.crop is not None and building.crop.flag("flip")
    if section.has("flip") or flips:
        if (section.flag("flip") or flips) and building.truth != "vector":
            fields["mirror"] = True
    elif building.truth == "class":
        building.notice(
            section,
            "flip is not given: Darknet mirrors training images at random, the nets here do not. Add mirror: true to "
            "the transform_param to have it.",
        )
    kept = {"hue", "saturation", "exposure"} if boxes else set()
    color = _color_changes(section) if boxes else {}
    if color:
        fields["distort_param"] = color
    angle = section.number("angle", 0.0)
    if building.truth == "class" and angle:
        fields["affine_param"] = {"rotation": abs(angle)}
        kept.add("angle")
    _note_changes(building, section, {key: value for key, value in _NEUTRAL.items() if key not in kept})
    for key in ("max_crop", "min_crop"):
        if section.has(key):
            building.notice(section, f"{key}, which scales images at random before they are cropped, is left out.", key)
    return fields


def _note_changes(building: Building, section: Section, neutral: dict[str, float]) -> None:
    for key, nothing in neutral.items():
        value = section.number(key, nothing)
        if value != nothing:
            building.notice(section, f"{key}={value:g} is left out: there is no such change of images here.", key)


def _color_changes(section: Section) -> dict[str, float]:
    """Hue, saturation and exposure as SSD's distortion draws them; exposure multiplies as its contrast does.

    Darknet's factors of saturation and exposure reach as far down as up.
    """
    hue, fields = section.number("hue", 0.0), {}
    if hue:
        fields.update(hue_prob=1.0, hue_delta=180 * hue)
    for key, name in (("saturation", "saturation"), ("exposure", "contrast")):
        factor = section.number(key, 1.0)
        if factor > 0 and factor != 1:
            least, most = sorted((factor, 1 / factor))
            fields.update({f"{name}_prob": 1.0, f"{name}_lower": least, f"{name}_upper": most})
    return fields
