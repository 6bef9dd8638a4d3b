"""InfogainLoss: a drawn case, the twin over options, the matrix from a file, gradients, recorded values, errors."""

import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from netdef.weights.blobs import encode_blob
from tests.naive.class_loss import infogain_loss
from tests.naive.softmax import softmax
from tests.support.gradients import check_gradients
from tests.support.nets import golden_net, make_layer, run_layer

TEXT = 'name: "loss" type: "InfogainLoss" bottom: "ip" bottom: "label" bottom: "matrix" top: "loss"'
MODES = ["FULL", "VALID", "BATCH_SIZE", "NONE"]


@pytest.fixture
def spatial(rng):
    """Scores (2, 3, 4, 5), classes on axis 1, 2 * 4 * 5 labels and a matrix of 3 * 3."""
    return rng.normal(0, 2, (2, 3, 4, 5)), rng.integers(0, 3, (2, 1, 4, 5)).astype(float), rng.uniform(0, 2, (3, 3))


def from_file(path, matrix):
    path.write_bytes(encode_blob(np.asarray(matrix)))
    text = TEXT.replace(' bottom: "matrix"', "")
    return f'{text} infogain_loss_param {{ source: "{path.as_posix()}" }}'


def test_drawn_case():
    # probabilities  1/4 3/4   label 1
    run = run_layer(TEXT, [np.log([[1, 3]]), [1], [[1, 0], [2, 3]]]).backward()
    assert run.top[0].shape == ()
    assert run.top[0].data == pytest.approx(-(2 * np.log(1 / 4) + 3 * np.log(3 / 4)), rel=1e-6)
    np.testing.assert_allclose(run.bottom[0].diff, [[5 / 4 - 2, 15 / 4 - 3]], 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ignore_label", [None, 0, -1])
@pytest.mark.parametrize("mode", MODES)
def test_naive_twin(spatial, dtype, mode, ignore_label):
    scores, labels, matrix = spatial
    if ignore_label == -1:
        labels[0, 0, 1] = -1
    fields = f"normalization: {mode}" + (f" ignore_label: {ignore_label}" if ignore_label is not None else "")
    run = run_layer(f"{TEXT} loss_param {{ {fields} }} loss_weight: 0.5", spatial, dtype=dtype).backward()
    loss, gradient = infogain_loss(scores, labels, matrix, 1, ignore_label, mode)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    assert run.top[0].data == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(run.bottom[0].diff, gradient / 2, tolerance, tolerance)
    for blob, values in zip(run.bottom, spatial):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))


@pytest.mark.parametrize("axis", [2, -1, 0])
def test_axis(rng, axis):
    shape = (2, 3, 4)
    classes = shape[axis]
    scores, matrix = rng.normal(size=shape), rng.normal(size=(1, 1, classes, classes))
    labels = rng.integers(0, classes, (2, 24 // classes // 2))
    text = f"{TEXT} infogain_loss_param {{ axis: {axis} }}"
    run = run_layer(text, [scores, labels, matrix], dtype=np.float64).backward()
    loss, gradient = infogain_loss(scores, labels, matrix[0, 0], axis % 3)
    assert run.top[0].data == pytest.approx(loss)
    np.testing.assert_allclose(run.bottom[0].diff, gradient, atol=1e-14)


def test_matrix_from_a_file(spatial, tmp_path):
    scores, labels, matrix = spatial
    text = from_file(tmp_path / "h.binaryproto", matrix.reshape(1, 1, 3, 3))
    run = run_layer(text, [scores, labels], dtype=np.float64).backward()
    other = run_layer(TEXT, spatial, dtype=np.float64).backward()
    assert run.top[0].data == pytest.approx(float(other.top[0].data), rel=1e-12)
    np.testing.assert_allclose(run.bottom[0].diff, other.bottom[0].diff, atol=1e-12)


def test_second_top_is_the_softmax(spatial):
    run = run_layer(f'{TEXT} top: "prob"', spatial).backward()
    assert run.layer.loss_weights == [1, 0]
    np.testing.assert_allclose(run.top[1].data, softmax(spatial[0], 1), atol=1e-6)
    np.testing.assert_array_equal(run.bottom[0].diff, run_layer(TEXT, spatial).backward().bottom[0].diff)


def test_batch_without_a_single_label():
    run = run_layer(f"{TEXT} loss_param {{ ignore_label: 2 }}", [np.ones((3, 4)), [2, 2, 2], np.eye(4)]).backward()
    assert run.top[0].data == 0 and not run.bottom[0].diff.any()


def test_probability_zero_has_a_finite_loss():
    assert run_layer(TEXT, [[[0, 1000]], [0], np.eye(2)]).top[0].data == pytest.approx(-np.log(1e-20), rel=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_gradients(rng, mode):
    bottoms = [rng.normal(size=(2, 3, 2)), [[0, 1], [2, 1]], rng.normal(size=(3, 3))]
    check_gradients(f"{TEXT} loss_param {{ normalization: {mode} ignore_label: 1 }}", bottoms, check_bottoms=[0])


def test_recorded():
    golden_net("infogain")


def test_label_that_is_no_class():
    run = make_layer(TEXT, [np.zeros((2, 3)), [0, 3], np.eye(3)])
    with pytest.raises(DataError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "loss" (InfogainLoss): bottom "label" has the label 3 at index (1,); there are 3 classes, 0 to 2. '
        "Correct the label, give the scores more classes (num_output), or set ignore_label."
    )


@pytest.mark.parametrize(
    "fields, shapes, message, field",
    [
        (
            "",
            [(2, 3), (2,)],
            "has no infogain matrix; it comes from a third bottom or from a file. Name either.",
            "infogain_loss_param",
        ),
        (
            'infogain_loss_param { source: "no/such.file" }',
            [(2, 3), (2,)],
            'source "no/such.file" cannot be read: No such file or directory; a BlobProto with the infogain matrix is '
            "expected. Check the path.",
            "infogain_loss_param.source",
        ),
        (
            "loss_param { normalize: true }",
            [(2, 3), (2,), (3, 3)],
            "has loss_param.normalize, which this type never had; normalization says what the loss is divided by. "
            "Write normalization: VALID instead of normalize: true, BATCH_SIZE instead of false.",
            "loss_param.normalize",
        ),
        (
            "",
            [(2, 3), (2,), (2, 3)],
            'bottom "matrix" has 6 values but bottom "ip" has shape (2, 3), 3 classes, which take a matrix of 3 * 3. '
            "Change the matrix or the axis.",
            "bottom[2]",
        ),
        (
            "infogain_loss_param { axis: 2 }",
            [(2, 3), (2,), (3, 3)],
            'axis is 2 but bottom "ip" has shape (2, 3); axis must be from -2 to 1. Name an axis that it has.',
            "infogain_loss_param.axis",
        ),
    ],
)
def test_errors(fields, shapes, message, field):
    text = TEXT if len(shapes) > 2 else TEXT.replace(' bottom: "matrix"', "")
    with pytest.raises(LayerError) as caught:
        make_layer(f"{text} {fields}", [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "loss" (InfogainLoss): {message}'
    assert caught.value.field == field


def test_file_that_is_no_blob(tmp_path):
    text = from_file(tmp_path / "h.binaryproto", np.eye(3))
    whole = (tmp_path / "h.binaryproto").read_bytes()
    (tmp_path / "h.binaryproto").write_bytes(whole[:-3])
    with pytest.raises(LayerError) as caught:
        make_layer(text, [np.zeros((2, 3)), [0, 1]])
    assert str(caught.value).startswith(
        f'layer "loss" (InfogainLoss): source "{(tmp_path / "h.binaryproto").as_posix()}" ends at byte {len(whole) - 3}'
    )
    (tmp_path / "h.binaryproto").write_bytes(encode_blob(np.eye(2)))
    with pytest.raises(LayerError) as caught:
        make_layer(text, [np.zeros((2, 3)), [0, 1]])
    assert str(caught.value) == (
        'layer "loss" (InfogainLoss): the file of the matrix has 4 values but bottom "ip" has shape (2, 3), 3 classes, '
        "which take a matrix of 3 * 3. Change the matrix or the axis."
    )


@pytest.mark.parametrize("index, what", [(1, "label"), (2, "matrix")])
def test_no_gradient_for_labels_and_matrix(index, what):
    run = run_layer(TEXT, [np.zeros((2, 3)), [0, 1], np.eye(3)])
    assert [run.layer.allow_force_backward(i) for i in range(3)] == [True, False, False]
    with pytest.raises(LayerError) as caught:
        run.backward(propagate_down=[i == index for i in range(3)])
    assert f'the gradient with respect to bottom "{what}", the' in str(caught.value)
    run.backward(propagate_down=[False] * 3)
    assert not run.bottom[0].diff.any()
