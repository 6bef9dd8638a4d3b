import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from tests.naive import boxes as naive
from tests.support.nets import make_layer, run_layer

PRIORS, CLASSES = 12, 4


def detection_layer(fields):
    return (
        'name: "det" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "priors" top: "out" '
        f"detection_output_param {{ {fields} }}"
    )


def blobs(rng, loc_classes=1, num=2):
    """Locations, confidences and priors of some boxes."""
    corners = rng.uniform(0, 0.6, (PRIORS, 2))
    priors = np.hstack([corners, corners + rng.uniform(0.1, 0.4, (PRIORS, 2))])
    variances = np.tile([0.1, 0.1, 0.2, 0.3], (PRIORS, 1))
    codes = rng.normal(size=(num, PRIORS * loc_classes * 4))
    confidences = rng.dirichlet(np.ones(CLASSES), (num, PRIORS)).reshape(num, -1)
    return codes, confidences, np.stack([priors, variances]).reshape(1, 2, -1)


def expected(arrays, code_type="CORNER", background=0, keep_top_k=-1, encoded=False, **thresholds):
    codes, confidences, priors = (array.astype(np.float32).astype(np.float64) for array in arrays)
    boxes, variances = priors.reshape(2, PRIORS, 4)
    thresholds = {"score_threshold": -1, "threshold": 0.3, **thresholds}
    return naive.detect(
        codes.reshape(len(codes), PRIORS, -1, 4),
        confidences.reshape(len(codes), PRIORS, CLASSES),
        boxes,
        np.ones_like(variances) if encoded else variances,
        code_type,
        background,
        keep_top_k,
        **thresholds,
    )


CASES = [
    ("", {}),
    ("code_type: CENTER_SIZE", {"code_type": "CENTER_SIZE"}),
    ("code_type: CORNER_SIZE", {"code_type": "CORNER_SIZE"}),
    ("code_type: CENTER_SIZE variance_encoded_in_target: true", {"code_type": "CENTER_SIZE", "encoded": True}),
    ("background_label_id: -1", {"background": -1}),
    ("background_label_id: 2 keep_top_k: 5", {"background": 2, "keep_top_k": 5}),
    ("confidence_threshold: 0.25", {"score_threshold": 0.25}),
    (
        "confidence_threshold: 0.1 keep_top_k: 9 nms_param { nms_threshold: 0.6 top_k: 7 eta: 0.9 }",
        {"score_threshold": 0.1, "keep_top_k": 9, "threshold": 0.6, "top_k": 7, "eta": 0.9},
    ),
    ("keep_top_k: 0", {"keep_top_k": 0}),
]


@pytest.mark.parametrize("fields, options", CASES)
@pytest.mark.parametrize("share", [True, False])
def test_naive_twin(rng, fields, options, share):
    arrays = blobs(rng, 1 if share else CLASSES)
    text = detection_layer(f"num_classes: {CLASSES} share_location: {str(share).lower()} {fields}")
    run = run_layer(text, arrays)
    rows = expected(arrays, **options)
    assert run.top[0].shape == (1, 1, len(rows), 7)
    np.testing.assert_allclose(run.top[0].data[0, 0], rows, atol=1e-5)


def test_float64_and_images_without_a_box(rng):
    arrays = blobs(rng, num=3)
    arrays[1][1] = 0
    text = detection_layer("num_classes: 4 confidence_threshold: 0.5")
    run = run_layer(text, arrays, dtype=np.float64)
    rows = run.top[0].data[0, 0]
    np.testing.assert_allclose(rows, expected(arrays, score_threshold=0.5), atol=1e-6)
    assert set(rows[:, 0]) == {0, 2}
    arrays[1][...] = 0
    run = run_layer(text, arrays)
    assert run.top[0].data[0, 0].tolist() == [[n] + [-1] * 6 for n in range(3)]
    assert run.forward().top[0].shape == (1, 1, 3, 7)


def test_what_is_not_done_is_said(rng):
    text = detection_layer(
        'num_classes: 4 visualize: true save_output_param { output_directory: "out" label_map_file: "labels" }'
    )
    with pytest.warns(UserWarning) as caught:
        make_layer(text, blobs(rng))
    assert [str(warning.message) for warning in caught] == [
        'layer "det" (DetectionOutput): save_output_param has no name_size_file, so that nothing is saved.',
        'layer "det" (DetectionOutput): visualize is ignored; netdef returns the boxes and shows no pictures of them.',
    ]


def test_files(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels").write_text("".join(f'item {{ name: "c{c}" label: {c} }} ' for c in range(4)))
    (tmp_path / "sizes").write_text("first 100 200\nsecond 300 400\nthird 500 600\n")
    save = (
        'save_output_param { output_directory: "out" output_format: "ILSVRC" output_name_prefix: "p" '
        'label_map_file: "labels" name_size_file: "sizes" }'
    )
    arrays = blobs(rng, num=3)
    arrays[1][1] = 0
    run = run_layer(detection_layer(f"num_classes: 4 confidence_threshold: 0.5 {save}"), arrays)
    lines = [line.split() for line in (tmp_path / "out/p.txt").read_text().splitlines()]
    rows = run.top[0].data[0, 0]
    assert len(lines) == len(rows) > 3
    assert [line[0] for line in lines] == ["first" if row[0] == 0 else "third" for row in rows]
    assert [int(line[1]) for line in lines] == rows[:, 1].astype(int).tolist()
    assert max(int(line[5]) for line in lines) > 200
    with pytest.raises(LayerError) as caught:
        make_layer(detection_layer(f"num_classes: 4 {save.replace('ILSVRC', 'PASCAL')}"), arrays)
    assert caught.value.message == 'output_format is "PASCAL"; expected one of VOC, COCO, ILSVRC. Correct it.'


def test_no_gradient(rng):
    run = run_layer(detection_layer("num_classes: 4"), blobs(rng))
    assert not any(run.layer.allow_force_backward(i) for i in range(3))
    run.backward(propagate_down=[False] * 3)
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[True, False, False])
    assert caught.value.message == "has no gradient, but one is asked of it. Use MultiBoxLoss for training."


def test_a_public_net_runs(zoo_dir):
    with Net(zoo_dir / "mobilenet_ssd" / "deploy.prototxt", seed=1) as net:
        net.blobs["data"].data[...] = np.random.default_rng(1).normal(size=(1, 3, 300, 300))
        out = net.forward()["detection_out"]
    assert out.shape[:2] == (1, 1) and out.shape[3] == 7
    assert net.blobs["mbox_priorbox"].shape == (1, 2, 1917 * 4)


ERRORS = [
    (
        "",
        {},
        "detection_output_param",
        "num_classes is 0 or missing; expected the number of classes, background included. Set it.",
    ),
    (
        "num_classes: 4 nms_param { nms_threshold: -0.5 }",
        {},
        "detection_output_param.nms_param.nms_threshold",
        "nms_threshold is -0.5; it must be 0 or more. Raise it.",
    ),
    (
        "num_classes: 4 nms_param { eta: 0 }",
        {},
        "detection_output_param.nms_param.eta",
        "eta is 0; it must be above 0 and at most 1. Correct it.",
    ),
    (
        "num_classes: 5",
        {},
        "bottom",
        'bottom "conf" has shape (2, 48); 12 priors with 5 numbers each need (num, 60). Correct num_output before, or '
        "num_classes.",
    ),
    (
        "num_classes: 4",
        {2: np.zeros((1, 3, 48))},
        "bottom",
        'bottom "priors" has shape (1, 3, 48); expected (1, 2, 4 * priors), as PriorBox makes it.',
    ),
    (
        "num_classes: 4",
        {0: np.zeros((3, 48))},
        "bottom",
        'bottom "loc" has shape (3, 48) and bottom "conf" has shape (2, 48); their first axes, the batch, must agree. '
        "Give both the same batch size.",
    ),
]


@pytest.mark.parametrize("fields, replaced, field, message", ERRORS)
def test_errors(rng, fields, replaced, field, message):
    arrays = [replaced.get(index, array) for index, array in enumerate(blobs(rng))]
    with pytest.raises(LayerError) as caught:
        make_layer(detection_layer(fields), arrays)
    assert (str(caught.value), caught.value.field) == (f'layer "det" (DetectionOutput): {message}', field)


def test_a_prior_without_size(rng):
    codes, confidences, priors = blobs(rng)
    priors[0, 0, 4:8] = [0.5, 0, 0.25, 1]
    with pytest.raises(LayerError) as caught:
        run_layer(detection_layer("num_classes: 4 code_type: CENTER_SIZE"), [codes, confidences, priors])
    assert caught.value.message == (
        'prior 1 of bottom "priors" is [0.5, 0.0, 0.25, 1.0]; expected xmin < xmax and ymin < ymax. '
        "Correct the PriorBox layers."
    )
