"""extract_features: blobs of a net that feeds itself, in every format."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import netdef
from netdef.data.database import open_database
from netdef.data.datum import decode_datum

NET = """\
layer {
  name: "data" type: "DummyData" top: "data"
  dummy_data_param { shape { dim: 3 dim: 2 dim: 2 dim: 4 } data_filler { type: "constant" value: 2 } }
}
layer { name: "double" type: "Power" bottom: "data" top: "double" power_param { scale: 2 } }
layer {
  name: "ip" type: "InnerProduct" bottom: "double" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "constant" value: 1 } }
}
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    netdef.Net(tmp_path / "net.prototxt", netdef.TEST).save(tmp_path / "net.caffemodel")
    return "net.caffemodel", "net.prototxt"


def test_arrays(run, files):
    result = run("extract_features", *files, "double,ip", "d.npy,i.npy", 2, "npy", "CPU")
    assert (result.status, result.out) == (0, "d.npy: double of 6 items.\ni.npy: ip of 6 items.\n")
    np.testing.assert_array_equal(np.load("d.npy"), np.full((6, 2, 2, 4), 4))
    np.testing.assert_array_equal(np.load("i.npy"), np.full((6, 5), 64))


def test_databases_and_hdf5(run, files):
    assert run("extract_features", *files, "double", "db", 1, "lmdb").status == 0
    with open_database("db") as source:
        np.testing.assert_array_equal(decode_datum(source.first())[0], np.full((2, 2, 4), 4))
    assert run("extract_features", *files, "ip", "f.h5", 1, "hdf5", "GPU", "DEVICE_ID=0").status == 0
    with h5py.File("f.h5") as file:
        assert file["ip"].shape == (3, 5)


@pytest.mark.parametrize(
    "words, status, message",
    [
        (["double,ip", "one", 1, "npy"], 2, "netdef extract_features: 2 blobs and 1 datasets; "
         "the number of blob names and dataset names must be equal.\n"),
        (["doble", "one", 1, "npy"], 1, 'net.prototxt: the net has no blob "doble". Did you mean "double"? '
         "Its blobs are: data, double, ip.\n"),
    ],
)  # fmt: skip
def test_wrong_words(run, files, words, status, message):
    result = run("extract_features", *files, *words)
    assert result.status == status
    assert result.err.endswith(message)
