import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive.multibox import multibox_loss
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

PRIORS, CLASSES = 14, 3
# image, class, instance, xmin, ymin, xmax, ymax, difficult; image 1 has no box
TRUTH = np.array(
    [
        [0, 1, 0, 0.1, 0.1, 0.5, 0.4, 0],
        [0, 2, 0, 0.4, 0.3, 0.9, 0.9, 1],
        [2, 2, 0, 0.2, 0.5, 0.6, 0.8, 0],
        [-1, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 1, 1, 0],
    ]
)


def loss_layer(fields, more=""):
    return (
        'name: "loss" type: "MultiBoxLoss" bottom: "loc" bottom: "conf" bottom: "priors" bottom: "truth" top: "l" '
        f"multibox_loss_param {{ {fields} }} {more}"
    )


def blobs(rng, sets=1):
    corners = rng.uniform(-0.1, 0.5, (PRIORS, 2))
    priors = np.hstack([corners, corners + rng.uniform(0.2, 0.5, (PRIORS, 2))])
    priors[:3] = TRUTH[:3, 3:7] + rng.uniform(-0.05, 0.05, (3, 4))
    variances = np.tile([0.1, 0.2, 0.3, 0.4], (PRIORS, 1))
    codes = rng.normal(size=(3, PRIORS * sets * 4)) * 0.5
    return (
        codes,
        rng.normal(size=(3, PRIORS * CLASSES)),
        np.stack([priors, variances]).reshape(1, 2, -1),
        TRUTH[None, None],
    )


def truth_of(rows=TRUTH[:3]):
    return [[(int(row[1]), list(row[3:7])) for row in rows if row[0] == n] for n in range(3)]


CASES = [
    ("", {}),
    ("match_type: BIPARTITE", {"per_prediction": False}),
    (
        "overlap_threshold: 0.2 neg_overlap: 0.1 neg_pos_ratio: 1.5",
        {"threshold": 0.2, "neg_overlap": 0.1, "ratio": 1.5},
    ),
    ("mining_type: NONE", {"mining": False}),
    ("conf_loss_type: LOGISTIC", {"logistic": True}),
    ("conf_loss_type: LOGISTIC mining_type: NONE do_neg_mining: false", {"logistic": True, "mining": False}),
    ("loc_loss_type: L2 code_type: CENTER_SIZE", {"smooth": False, "code_type": "CENTER_SIZE"}),
    ("code_type: CORNER_SIZE use_prior_for_matching: false", {"code_type": "CORNER_SIZE", "use_prior": False}),
    ("ignore_cross_boundary_bbox: true overlap_threshold: 0.1", {"crossing": True, "threshold": 0.1}),
    ("bp_inside: true overlap_threshold: 0.1", {"inside": True, "threshold": 0.1}),
    ("encode_variance_in_target: true code_type: CENTER_SIZE", {"in_target": True, "code_type": "CENTER_SIZE"}),
    ("mining_type: HARD_EXAMPLE sample_size: 5", {"hard": 5}),
    ("mining_type: HARD_EXAMPLE conf_loss_type: LOGISTIC", {"hard": 64, "logistic": True}),
    (
        "mining_type: HARD_EXAMPLE sample_size: 9 ignore_cross_boundary_bbox: true overlap_threshold: 0.1",
        {"hard": 9, "crossing": True, "threshold": 0.1},
    ),
    (
        "mining_type: HARD_EXAMPLE sample_size: 6 nms_param { nms_threshold: 0.3 top_k: -1 }",
        {"hard": 6, "nms": (0.3, -1)},
    ),
    (
        "use_prior_for_nms: true overlap_threshold: 0.3 nms_param { nms_threshold: 0.2 top_k: 8 }",
        {"nms": (0.2, 8), "nms_of_priors": True, "threshold": 0.3},
    ),
    ("nms_param { nms_threshold: 0 }", {}),
]
BY_CLASS = [
    ("", {}),
    ("conf_loss_type: LOGISTIC overlap_threshold: 0.2", {"logistic": True, "threshold": 0.2}),
    ("use_prior_for_matching: false overlap_threshold: 0.1", {"use_prior": False, "threshold": 0.1}),
    (
        "use_prior_for_matching: false conf_loss_type: LOGISTIC match_type: BIPARTITE code_type: CENTER_SIZE",
        {"use_prior": False, "logistic": True, "per_prediction": False, "code_type": "CENTER_SIZE"},
    ),
    ("bp_inside: true use_prior_for_matching: false", {"inside": True, "use_prior": False}),
]


def twin(arrays, truth, **options):
    priors, variances = arrays[2].reshape(2, PRIORS, 4)
    codes, scores = arrays[0].reshape(3, PRIORS, -1, 4), arrays[1].reshape(3, PRIORS, CLASSES)
    return multibox_loss(codes, scores, priors, variances, truth, **options)


@pytest.mark.parametrize("fields, options", CASES)
def test_naive_twin(rng, fields, options):
    arrays = blobs(rng)
    run = run_layer(loss_layer(f"num_classes: 3 loc_weight: 2 {fields}"), arrays, dtype=np.float64)
    location, classes, matches = twin(arrays, truth_of(), **options)
    assert matches >= (1 if "hard" in options else 3)
    np.testing.assert_allclose(run.top[0].data, (2 * location + classes) / matches, rtol=1e-6)


@pytest.mark.parametrize("fields, options", BY_CLASS)
def test_boxes_of_each_class(rng, fields, options):
    arrays = blobs(rng, CLASSES)
    more = f"num_classes: 3 loc_weight: 2 share_location: false mining_type: NONE {fields}"
    run = run_layer(loss_layer(more), arrays, dtype=np.float64)
    location, classes, matches = twin(arrays, truth_of(), mining=False, **options)
    assert matches >= 3
    np.testing.assert_allclose(run.top[0].data, (2 * location + classes) / matches, rtol=1e-6)
    check_gradients(loss_layer(more, "loss_weight: 3"), arrays, step=1e-5)


def test_hard_mining_drops_matches_of_small_loss(rng):
    arrays = blobs(rng)
    matches = [twin(arrays, truth_of(), hard=size)[2] for size in (1, 64)]
    assert 0 <= matches[0] < matches[1]
    run = run_layer(loss_layer("num_classes: 3 mining_type: HARD_EXAMPLE sample_size: 1"), arrays, dtype=np.float64)
    run.backward(propagate_down=[True, True, False, False])
    chosen = (run.bottom[1].diff.reshape(3, PRIORS, CLASSES) != 0).any(axis=2).sum(axis=1)
    assert chosen.tolist() == [1, 0, 1]


@pytest.mark.parametrize("mode, divisor", [("VALID", None), ("FULL", 3 * PRIORS), ("BATCH_SIZE", 3), ("NONE", 1)])
def test_normalization_and_difficult_boxes(rng, mode, divisor):
    arrays = blobs(rng)
    more = f"loss_param {{ normalization: {mode} }}"
    run = run_layer(loss_layer("num_classes: 3 use_difficult_gt: false", more), arrays)
    location, classes, matches = twin(arrays, truth_of(TRUTH[[0, 2]]))
    np.testing.assert_allclose(run.top[0].data, (location + classes) / (divisor or matches), rtol=1e-4)


GRADIENTS = [fields for fields, _ in CASES if "in_target" not in fields and "use_prior" not in fields]


@pytest.mark.parametrize("fields", GRADIENTS)
def test_gradients(rng, fields):
    check_gradients(loss_layer(f"num_classes: 3 loc_weight: 2 {fields}", "loss_weight: 3"), blobs(rng), step=1e-5)


def test_a_batch_without_a_true_box(rng):
    arrays = blobs(rng)[:3]
    run = run_layer(loss_layer("num_classes: 3"), [*arrays, np.full((1, 1, 1, 8), -1.0)])
    assert run.top[0].data == 0
    run.backward(propagate_down=[True, True, False, False])
    assert all((blob.diff == 0).all() for blob in run.bottom[:2])


def test_objects_of_one_class(rng):
    arrays = list(blobs(rng))
    arrays[1] = arrays[1][:, : PRIORS * 2]
    agnostic = run_layer(loss_layer("num_classes: 2 map_object_to_agnostic: true"), arrays)
    arrays[3] = arrays[3].copy()
    arrays[3][..., 1] = 1
    assert agnostic.top[0].data == run_layer(loss_layer("num_classes: 2"), arrays).top[0].data


def test_only_the_parts_that_learn_count(rng):
    arrays = blobs(rng)
    parts = [
        float(run_layer(loss_layer("num_classes: 3", flags), arrays).top[0].data)
        for flags in (
            "",
            *(f"propagate_down: [{a}, {b}, false, false]" for a, b in (("true", "false"), ("false", "true"))),
        )
    ]
    assert parts[0] == pytest.approx(parts[1] + parts[2]) and min(parts[1:]) > 0


def test_in_a_net_the_priors_need_no_gradient():
    text = """
        layer { name: "in" type: "Input" top: "data" top: "truth"
                input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 1 dim: 1 dim: 1 dim: 8 } } }
        layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
                convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
        layer { name: "prior" type: "PriorBox" bottom: "conv" bottom: "data" top: "priors"
                prior_box_param { min_size: 3 } }
        layer { name: "loc" type: "Flatten" bottom: "conv" top: "loc" }
        layer { name: "score" type: "InnerProduct" bottom: "conv" top: "conf"
                inner_product_param { num_output: 72 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "MultiBoxLoss" bottom: "loc" bottom: "conf" bottom: "priors" bottom: "truth"
                top: "loss" multibox_loss_param { num_classes: 2 } }"""
    net = Net(parse_net(text), schema.TRAIN, seed=3)
    net.blobs["data"].data[...] = np.random.default_rng(3).normal(size=(2, 3, 8, 8))
    net.blobs["truth"].data[...] = [1, 1, 0, 0.2, 0.2, 0.6, 0.6, 0]
    assert net.run() > 0
    net.run_backward()
    assert (net.params["conv"][0].diff != 0).any()


ERRORS = [
    ("", "", "num_classes is 0 or missing; expected the number of classes, background included. Set it."),
    (
        "num_classes: 3 background_label_id: 3",
        ".background_label_id",
        "background_label_id is 3; there are 3 classes, counted from 0. Correct one of them.",
    ),
    (
        "num_classes: 3 share_location: false",
        ".share_location",
        "share_location is false, and boxes of each class cannot be mined. Set mining_type to NONE, or share_location "
        "to true.",
    ),
    (
        "num_classes: 3 mining_type: HARD_EXAMPLE sample_size: 0",
        ".sample_size",
        "sample_size is 0; expected the number of boxes to mine in each image. Raise it.",
    ),
    (
        "num_classes: 3 nms_param { nms_threshold: 0.5 }",
        ".nms_param.top_k",
        "top_k is 0 or missing, so that nothing would be mined; expected how many boxes to look at, -1 for all. "
        "Set it.",
    ),
    (
        "num_classes: 3 nms_param { nms_threshold: -0.5 top_k: 1 }",
        ".nms_param.nms_threshold",
        "nms_threshold is -0.5; it must be 0 or more. Raise it.",
    ),
    (
        "num_classes: 3 do_neg_mining: false",
        ".do_neg_mining",
        "do_neg_mining, which is old, contradicts mining_type. Take do_neg_mining away.",
    ),
    (
        "num_classes: 3 map_object_to_agnostic: true",
        ".num_classes",
        "map_object_to_agnostic is set and num_classes is 3; expected 2, background and object. Correct num_classes.",
    ),
]


@pytest.mark.parametrize("fields, field, message", ERRORS)
def test_fields(rng, fields, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(loss_layer(fields), blobs(rng))
    assert (caught.value.message, caught.value.field) == (message, f"multibox_loss_param{field}")


SHAPES = [
    (1, (3, 40), 'bottom "conf" has shape (3, 40); 14 priors with 3 numbers each need (num, 42). Correct num_output '
     "before, or num_classes."),
    (2, (1, 3, 56), 'bottom "priors" has shape (1, 3, 56); expected (1, 2, 4 * priors), as PriorBox makes it.'),
    (3, (1, 1, 2, 7), 'bottom "truth" has shape (1, 1, 2, 7); expected true boxes (1, 1, boxes, 8).'),
]  # fmt: skip


@pytest.mark.parametrize("index, shape, message", SHAPES)
def test_shapes(rng, index, shape, message):
    arrays = list(blobs(rng))
    arrays[index] = np.zeros(shape)
    with pytest.raises(LayerError) as caught:
        make_layer(loss_layer("num_classes: 3"), arrays)
    assert caught.value.message == message


CLASS = "expected one of 0 to 2 but the background, 0. Correct the label or num_classes."
TRUE_BOXES = [
    (1, 0, f'row 2 of bottom "truth" has the class 0; {CLASS}'),
    (1, 3, f'row 2 of bottom "truth" has the class 3; {CLASS}'),
    (5, 0, 'box 2 of bottom "truth" is [0.25, 0.5, 0.0, 0.75]; expected xmin < xmax and ymin < ymax. Correct it.'),
]


@pytest.mark.parametrize("column, value, message", TRUE_BOXES)
def test_true_boxes_that_cannot_be(rng, column, value, message):
    arrays = list(blobs(rng))
    arrays[3] = arrays[3].copy()
    arrays[3][0, 0, 2, 3:7] = [0.25, 0.5, 0.5, 0.75]
    arrays[3][0, 0, 2, column] = value
    with pytest.raises(DataError) as caught:
        run_layer(loss_layer("num_classes: 3 code_type: CENTER_SIZE"), arrays)
    assert caught.value.message == message
