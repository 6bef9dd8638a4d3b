import io

import numpy as np
import pytest
from PIL import Image

from netdef.data.image import resize_pixels
from netdef.errors import DataError, LayerError
from prototxt import schema
from tests.naive.annotated import project
from tests.support.databases import pictures, write_records
from tests.support.nets import make_layer

# of image 0: class, instance, xmin, ymin, xmax, ymax, difficult; image 1 has no box
BOXES = [(3, 0, 0.1, 0.2, 0.5, 0.6, False), (3, 1, 0.4, 0.1, 0.9, 1.0, True), (5, 0, 0.6, 0.7, 0.8, 0.9, False)]
IMAGES = pictures(2, height=12, width=10)


def annotated(image, boxes=(), typed=True, encoded=False):
    message = schema.AnnotatedDatum()
    if typed:
        message.type = schema.AnnotatedDatum.BBOX
    datum = message.datum
    datum.channels, datum.height, datum.width = image.shape
    datum.label, datum.encoded = 7, encoded
    datum.data = image.tobytes()
    if encoded:
        file = io.BytesIO()
        Image.fromarray(image[::-1].transpose(1, 2, 0)).save(file, "PNG")
        datum.data = file.getvalue()
    for label, instance, xmin, ymin, xmax, ymax, difficult in boxes:
        item = message.annotation_group.add(group_label=label).annotation.add(instance_id=instance)
        item.bbox.xmin, item.bbox.ymin, item.bbox.xmax, item.bbox.ymax = xmin, ymin, xmax, ymax
        item.bbox.difficult = difficult
    return message.SerializeToString()


@pytest.fixture
def source(tmp_path):
    write_records(tmp_path / "db", [annotated(IMAGES[0], BOXES), annotated(IMAGES[1], encoded=True)])
    return tmp_path / "db"


def layer(source, transform="", batch_size=2, more=""):
    return (
        'name: "d" type: "AnnotatedData" top: "data" top: "label" '
        f'data_param {{ source: "{source}" backend: LMDB batch_size: {batch_size} }} '
        f"transform_param {{ {transform} }} annotated_data_param {{ {more} }}"
    )


def batch(text, phase=schema.TEST):
    run = make_layer(text, [], phase)
    run.layer.forward(run.bottom, run.top)
    run.layer.close()
    return [blob.data.copy() for blob in run.top]


def rows(boxes, image=0):
    return [[image, box[0], box[1], *box[2:6], box[6]] for box in boxes]


def test_images_and_boxes_as_they_are(source):
    data, labels = batch(layer(source, "mean_value: 4 scale: 0.5"))
    np.testing.assert_array_equal(data, (IMAGES - np.float32(4)) / 2)
    np.testing.assert_array_equal(labels[0, 0], np.array(rows(BOXES), np.float32))


def test_shapes_before_the_first_batch(source):
    run = make_layer(layer(source, "resize_param { height: 6 width: 8 }"), [], schema.TEST)
    assert [blob.shape for blob in run.top] == [(2, 3, 6, 8), (1, 1, 3, 8)]
    run.layer.close()


def test_resize_warp(source):
    data, labels = batch(layer(source, "resize_param { height: 6 width: 8 }"))
    np.testing.assert_array_equal(data, [resize_pixels(image, 6, 8) for image in IMAGES])
    np.testing.assert_allclose(labels[0, 0], rows(BOXES), rtol=1e-6)


def test_resize_and_pad(source):
    """An image 12 high and 10 wide becomes 12 wide and lies in the middle of 20."""
    resize = "resize_param { height: 12 width: 20 resize_mode: FIT_LARGE_SIZE_AND_PAD pad_value: [1, 2, 3] }"
    data, labels = batch(layer(source, resize))
    np.testing.assert_array_equal(data[0, :, :, 5:15], IMAGES[0])
    assert all((data[0, c, :, [0, 4, 15, 19]] == c + 1).all() for c in range(3))
    expected = [[*row[:3], (5 + 10 * row[3]) / 20, row[4], (5 + 10 * row[5]) / 20, *row[6:]] for row in rows(BOXES)]
    np.testing.assert_allclose(labels[0, 0], expected, rtol=1e-6)


def test_resize_small_side(source):
    data, labels = batch(layer(source, "resize_param { height: 5 width: 5 resize_mode: FIT_SMALL_SIZE }", 1))
    assert data.shape == (1, 3, 6, 5)
    np.testing.assert_allclose(labels[0, 0], rows(BOXES), rtol=1e-6)


def cut(crop, keep=lambda box: True):
    found = [(box, project(box[2:6], crop)) for box in BOXES if keep(box)]
    return [[0, *box[:2], *sides, box[6]] for box, sides in found if sides]


@pytest.mark.parametrize(
    "constraint, keep",
    [
        ("", lambda box: True),
        ("emit_constraint { emit_type: CENTER }", lambda box: box[0] == 3),
        ("emit_constraint { emit_type: MIN_OVERLAP emit_overlap: 0.6 }", lambda box: box[1] == 0 and box[0] == 3),
    ],
)
def test_crop_in_the_middle(source, constraint, keep):
    data, labels = batch(layer(source, f"crop_size: 6 {constraint}"))
    np.testing.assert_array_equal(data, IMAGES[:, :, 3:9, 2:8])
    np.testing.assert_allclose(labels[0, 0], cut([0.2, 0.25, 0.8, 0.75], keep), rtol=1e-5)


def test_a_mirrored_image_has_mirrored_boxes(source):
    text = layer(source, "mirror: true", 1)
    run = make_layer(text, [], schema.TEST)
    seen = set()
    for _ in range(12):
        run.layer.forward(run.bottom, run.top)
        if not np.isin(run.top[1].data, -1).any():
            mirrored = (run.top[0].data[0, :, :, ::-1] == IMAGES[0]).all()
            sides = run.top[1].data[0, 0, 0, [3, 5]]
            np.testing.assert_allclose(sides, [0.5, 0.9] if mirrored else [0.1, 0.5], rtol=1e-6)
            seen.add(bool(mirrored))
    run.layer.close()
    assert seen == {True, False}


def test_no_box_at_all_and_records_without_a_type(tmp_path):
    write_records(tmp_path / "none", [annotated(IMAGES[1])])
    assert batch(layer(tmp_path / "none", batch_size=1))[1].tolist() == [[[[-1] * 8]]]
    write_records(tmp_path / "plain", [annotated(IMAGES[0], BOXES, typed=False)])
    assert batch(layer(tmp_path / "plain"))[1].tolist() == [7, 7]
    assert batch(layer(tmp_path / "plain", more="anno_type: BBOX"))[1].shape == (1, 1, 6, 8)


TRAIN = """
    mirror: true mean_value: [9, 8, 7] emit_constraint { emit_type: CENTER }
    distort_param { brightness_prob: 0.5 brightness_delta: 32 contrast_prob: 0.5 contrast_lower: 0.5 contrast_upper: 1.5
        hue_prob: 0.5 hue_delta: 18 saturation_prob: 0.5 saturation_lower: 0.5 saturation_upper: 1.5
        random_order_prob: 0.5 }
    expand_param { prob: 0.5 max_expand_ratio: 4 }
    resize_param { height: 9 width: 8 interp_mode: [LINEAR, AREA, NEAREST, CUBIC, LANCZOS4] }"""
SAMPLERS = """
    batch_sampler { max_sample: 1 max_trials: 1 }
    batch_sampler { sampler { min_scale: 0.3 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }
        sample_constraint { min_jaccard_overlap: 0.3 max_sample_coverage: 1 min_object_coverage: 0.1 }
        max_sample: 1 }"""


def test_training_is_random_and_a_resume_is_exact(source):
    text = layer(source, TRAIN, more=SAMPLERS)
    run = make_layer(text, [], schema.TRAIN)
    batches = []
    for _ in range(8):
        run.layer.forward(run.bottom, run.top)
        batches.append((run.top[0].data.copy(), run.top[1].data.copy(), run.layer.state()))
    run.layer.close()
    for data, labels, _ in batches:
        assert data.shape == (2, 3, 9, 8)
        real = labels[0, 0][labels[0, 0, :, 0] >= 0]
        assert (real[:, 3:7] >= 0).all() and (real[:, 3:7] <= 1).all() and (real[:, 5:7] > real[:, 3:5]).all()
    assert len({data.tobytes() for data, _, _ in batches}) == 8
    resumed = make_layer(text, [], schema.TRAIN)
    resumed.layer.restore(batches[4][2])
    resumed.layer.forward(resumed.bottom, resumed.top)
    np.testing.assert_array_equal(resumed.top[0].data, batches[5][0])
    np.testing.assert_array_equal(resumed.top[1].data, batches[5][1])
    resumed.layer.close()


ERRORS = [
    (
        "crop_h: 4",
        "",
        "transform_param.crop_h",
        "crop_h is not known here; use crop_size, or resize_param.",
    ),
    (
        "resize_param { height: 4 }",
        "",
        "transform_param.resize_param",
        "resize_param has height 4 and width 0; both must be at least 1 pixel. Set them.",
    ),
    (
        "resize_param { height: 4 width: 4 height_scale: 4 }",
        "",
        "transform_param.resize_param",
        "height_scale and width_scale are not known here. Take them away.",
    ),
    (
        "resize_param { height: 4 width: 4 resize_mode: FIT_SMALL_SIZE }",
        "",
        "transform_param.resize_param.resize_mode",
        "resize_mode is FIT_SMALL_SIZE and batch_size is 2; images of several sizes need batches of 1. "
        "Set batch_size: 1.",
    ),
    (
        "",
        "batch_sampler { sampler { min_scale: 0 } }",
        "annotated_data_param.batch_sampler[0].sampler",
        "has a sampler of scale 0 to 1 and aspect_ratio 1 to 1; expected scales above 0, at most 1, ratios above 0, "
        "and no least above the most. Correct it.",
    ),
]


@pytest.mark.parametrize("transform, more, field, message", ERRORS)
def test_fields(source, transform, more, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(layer(source, transform, more=more), [])
    assert (caught.value.message, caught.value.field) == (message, field)


def test_other_data_layers_refuse_the_fields(source):
    with pytest.raises(LayerError) as caught:
        make_layer(layer(source, "resize_param { height: 4 width: 4 }").replace("AnnotatedData", "Data"), [])
    assert caught.value.message == "has resize_param, which only AnnotatedData knows. Take it away."


def test_a_record_that_is_none(tmp_path):
    write_records(tmp_path / "bad", [b"\xff\xff"])
    with pytest.raises(DataError) as caught:
        make_layer(layer(tmp_path / "bad"), [])
    assert caught.value.message == (
        f'record 0 (key "00000000") of LMDB "{tmp_path / "bad"}" holds 2 bytes that are not an AnnotatedDatum message. '
        "Make the database anew from its images."
    )
