import h5py
import numpy as np
import pytest

from netdef.errors import DataError, LayerError
from tests.support.nets import make_layer, run_layer


def output_layer(path):
    return f'name: "out" type: "HDF5Output" bottom: "fc" bottom: "label" hdf5_output_param {{ file_name: "{path}" }}'


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_are_appended(tmp_path, rng, dtype):
    batches = [(rng.normal(size=(n, 3, 2)).astype(dtype), np.arange(n, dtype=dtype)) for n in (4, 4, 2)]
    path = tmp_path / "out.h5"
    run = make_layer(output_layer(path), batches[0], dtype=dtype)
    assert not path.exists()
    for data, label in batches:
        run.bottom[0].reshape(data.shape)
        run.bottom[1].reshape(label.shape)
        run.bottom[0].data[...], run.bottom[1].data[...] = data, label
        run.forward()
    run.layer.close()
    with h5py.File(path) as file:
        assert file["data"].shape == (10, 3, 2, 1) and file["data"].dtype == dtype
        assert np.array_equal(file["data"][..., 0], np.concatenate([data for data, _ in batches]))
        assert np.array_equal(file["label"][:, 0, 0, 0], [0, 1, 2, 3, 0, 1, 2, 3, 0, 1])


def test_a_file_can_be_read_before_the_layer_is_closed_and_is_replaced_by_the_next(tmp_path):
    path = tmp_path / "out.h5"
    for count in (3, 2):
        run = run_layer(output_layer(path), [np.ones((count, 2)), np.ones(count)])
        run.layer.close()
        run.layer.close()
        with h5py.File(path) as file:
            assert file["data"].shape == (count, 2, 1, 1)


def test_no_gradient(tmp_path):
    run = run_layer(output_layer(tmp_path / "out.h5"), [np.ones((3, 2)), np.ones(3)])
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward(propagate_down=[True, False])
    assert (run.bottom[0].diff == 0).all() and (run.bottom[1].diff == 7).all()
    run.layer.close()


ERRORS = [
    ("", [(3, 2), (3,)], "", "file_name is missing; expected the name of a file to write. Add it."),
    (
        "none/out.h5",
        [(3, 2), (3,)],
        ".file_name",
        'file_name is "none/out.h5" but there is no folder "none". Create the folder.',
    ),
    (
        "out.h5",
        [(3, 2), (4,)],
        None,
        'bottom "fc" has shape (3, 2) and bottom "label" has shape (4,); their first axes, the batch, must agree. '
        "Give both the same batch size.",
    ),
    (
        "out.h5",
        [(3, 2, 1, 4, 1), (3,)],
        None,
        'bottom "fc" has shape (3, 2, 1, 4, 1); it must have 1 to 4 axes. Reshape it.',
    ),
]


@pytest.mark.parametrize("path, shapes, field, message", ERRORS)
def test_errors(path, shapes, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(output_layer(path), [np.zeros(shape) for shape in shapes])
    assert caught.value.message == message
    assert caught.value.field == ("bottom" if field is None else f"hdf5_output_param{field}")


def test_a_path_that_cannot_be_written(tmp_path):
    with pytest.raises(DataError) as caught:
        run_layer(output_layer(tmp_path), [np.ones((3, 2)), np.ones(3)])
    assert caught.value.message.startswith(f'HDF5 file "{tmp_path}" cannot be written (')
    assert caught.value.message.endswith(
        "Check the folder, its permissions, the space on the disk, and that all batches have rows of one shape."
    )
