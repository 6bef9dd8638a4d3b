"""HDF5 weights as Caffe writes them; damaged files are said to be damaged."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from netdef.blob import Blob
from netdef.errors import WeightsError
from netdef.weights import hdf5
from netdef.weights.solverstate import SolverState
from netdef.weights.transfer import read_weights
from prototxt import schema


def blob(*shape: int) -> Blob:
    made = Blob(shape)
    made.data[...] = np.arange(made.count).reshape(shape)
    made.diff[...] = -made.data
    return made


def test_recorded_lenet(recorded_dir):
    layers = {layer.name: layer for layer in read_weights(recorded_dir / "lenet" / "lenet_hdf5_iter_200.caffemodel.h5")}
    assert [array.shape for array in layers["conv2"].blobs] == [(50, 20, 5, 5), (50,)]
    assert layers["pool1"].blobs == []


def test_shared_blobs_are_left_out(tmp_path):
    path = tmp_path / "a.h5"
    hdf5.write_weights(path, [("ip1", [blob(2, 3), blob(2)], [True, True]), ("ip2", [blob(2, 3)], [False])], diffs=True)
    ip1, ip2 = read_weights(path)
    assert np.array_equal(ip1.blobs[0], np.arange(6, dtype="f4").reshape(2, 3))
    assert (ip2.name, ip2.blobs) == ("ip2", [])
    with h5py.File(path) as file:
        assert list(file["diff/ip2"]) == ["0"]
        assert file["diff/ip1/1"][()].tolist() == [0, -1]


def test_first_blob_of_two_left_out(tmp_path):
    path = tmp_path / "a.h5"
    hdf5.write_weights(path, [("ip2", [blob(2, 3), blob(2)], [False, True])])
    (layer,) = read_weights(path)
    assert layer.blobs[0] is None
    assert layer.blobs[1].tolist() == [0, 1]


def test_foreign_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["model_weights"] = np.zeros(3)
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert str(caught.value) == (
        f'{path}: is an HDF5 file with no group "data"; weights as Caffe writes them are expected. Name the right file.'
    )
    with pytest.raises(WeightsError) as caught:
        hdf5.read_solverstate(path)
    assert str(caught.value) == (
        f'{path}: is an HDF5 file with no "iter"; a solverstate as Caffe writes it is expected. Name the right file.'
    )


def test_damage_never_crashes(tmp_path):
    path = tmp_path / "a.h5"
    hdf5.write_weights(path, [("ip1", [blob(2, 3), blob(2)], [True, True])])
    _damage(path, hdf5.read_weights)
    hdf5.write_solverstate(path, SolverState(3, "w.h5", [np.ones((2, 3), "f4")], 1))
    _damage(path, hdf5.read_solverstate)


def test_every_changed_bit_of_a_state_is_noticed(tmp_path):
    """Caffe has no checksum, but ours covers the names and places of what the file holds too."""
    path = tmp_path / "a.solverstate.h5"
    state = SolverState(3, "w.h5", [np.ones((2, 3), "f4")], 1, schema.ResumeState(seed=1), 12, 34)
    hdf5.write_solverstate(path, state)
    whole = path.read_bytes()
    named = [whole.index(name) for name in (b"resume\0", b"learned_net\0", b"file_crc32\0", b"current_step\0")]
    generator = np.random.default_rng(5)
    for place in [*named, *generator.integers(8, len(whole), 100)]:
        content = bytearray(whole)
        content[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(content)
        with pytest.raises(WeightsError):
            hdf5.read_solverstate(path)
    path.write_bytes(whole)
    assert hdf5.read_solverstate(path).learned_net_crc32 == 34


def _damage(path, read) -> None:
    whole = path.read_bytes()
    generator = np.random.default_rng(5)
    for attempt in range(150):
        content = bytearray(whole)
        for place in generator.integers(8, len(content), 3):
            content[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(content[: int(generator.integers(9, len(content)))] if attempt % 3 == 0 else content)
        try:
            read(path)
        except WeightsError:
            pass
