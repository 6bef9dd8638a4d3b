"""What [net] says of images, and the data layers made of it.

Source: Darknet src/parser.c (parse_net_options), src/data.c, src/image.c.
"""

from __future__ import annotations

from typing import Any

from netdef.importers.darknet.cfg import Section
from netdef.importers.darknet.net import Building, Shape, new_layer
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


def data_layers(
    building: Building, section: Section, train_data: str, test_data: str, bgr: bool
) -> list[schema.LayerParameter]:
    """One data layer for each phase, with ``data`` and ``label`` as tops."""
    boxes = building.truth == "boxes"
    changes = _changes(building, section, boxes)
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
            fields["transform_param"] = {"scale": _SCALE, **(changes if phase == schema.TRAIN else {})}
        if boxes:
            _, height, width = building.image
            fields["transform_param"]["resize_param"] = {"height": height, "width": width}
        kind = "AnnotatedData" if boxes else "HDF5Data" if building.truth == "vector" else "Data"
        layer = new_layer(kind, "data", [], ["data", "label"], **fields)
        layer.include.add().phase = phase
        layers.append(layer)
    return layers


def _changes(building: Building, section: Section, boxes: bool) -> dict[str, Any]:
    """Fields of a transform_param for the changes of images that netdef makes too; the others go into notices."""
    fields: dict[str, Any] = {}
    if section.has("flip"):
        if section.flag("flip") and building.truth != "vector":
            fields["mirror"] = True
    elif building.truth == "class":
        building.notice(
            section,
            "flip is not given: Darknet mirrors training images at random, the nets here do not. Add mirror: true to "
            "the transform_param to have it.",
        )
    color = _color_changes(section) if boxes else {}
    if color:
        fields["distort_param"] = color
    kept = {"hue", "saturation"} if boxes else set()
    angle = section.number("angle", 0.0)
    if building.truth == "class" and angle:
        fields["affine_param"] = {"rotation": abs(angle)}
        kept.add("angle")
    for key, neutral in _NEUTRAL.items():
        value = section.number(key, neutral)
        if value != neutral and key not in kept:
            building.notice(section, f"{key}={value:g} is left out: there is no such change of images here.", key)
    for key in ("max_crop", "min_crop"):
        if section.has(key):
            building.notice(section, f"{key}, which scales images at random before they are cropped, is left out.", key)
    return fields


def _color_changes(section: Section) -> dict[str, float]:
    """Hue and saturation as SSD's distortion draws them; Darknet's factors of saturation reach as far down as up."""
    hue, saturation, fields = section.number("hue", 0.0), section.number("saturation", 1.0), {}
    if hue:
        fields.update(hue_prob=1.0, hue_delta=180 * hue)
    if saturation > 0 and saturation != 1:
        least, most = sorted((saturation, 1 / saturation))
        fields.update(saturation_prob=1.0, saturation_lower=least, saturation_upper=most)
    return fields
