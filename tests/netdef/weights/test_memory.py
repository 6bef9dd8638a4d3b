"""Weights come into memory once: measured in a process of its own, by the most memory that it ever held."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netdef.net import Net
from netdef.weights import files
from netdef.weights.hdf5 import write_weights
from prototxt import parse_net, schema

ROOT = Path(__file__).resolve().parents[3]
TEXT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3000 } } }' + "".join(
    f'layer {{ name: "ip{i}" type: "InnerProduct" bottom: "x" top: "ip{i}" inner_product_param {{ num_output: {n} }} }}'
    for i, n in enumerate((1000, 6000))
)  # 12 MB of weights and 72
PROGRAM = """
import sys
from netdef.net import Net
import netdef.weights.transfer, netdef.weights.hdf5
from prototxt import parse_net, schema

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

net = Net(parse_net(sys.argv[1]), schema.TEST)
before = peak()
net.copy_from(sys.argv[2])
print(peak() - before, net.params["ip1"][0].data[5999, 2999], net.params["ip0"][1].data[7])
"""


@pytest.fixture(scope="module")
def net():
    net = Net(parse_net(TEXT), schema.TEST)
    for number, blobs in enumerate(net.params.values()):
        blobs[0].data[...] = number
        blobs[1].data[...] = 7
    return net


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak memory")
@pytest.mark.parametrize("kind", ["binary", "HDF5"])
def test_loading_takes_little_more_than_the_weights(net, tmp_path, kind):
    path = tmp_path / "weights"
    if kind == "binary":
        net.save(path)
    else:
        write_weights(path, [(name, blobs, [True, True]) for name, blobs in net.params.items()])
    command = [sys.executable, "-c", PROGRAM, TEXT, path]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    grown, last, bias = map(float, run.stdout.split())
    assert (last, bias) == (1, 7)
    size = 4 * sum(blob.count for blobs in net.params.values() for blob in blobs)
    assert size < grown < 1.2 * size


def test_views_of_a_file_let_go_of_its_pages_and_read_them_anew(tmp_path):
    values = np.arange(10000, dtype=np.float32)
    (tmp_path / "values").write_bytes(b"abc" + values.tobytes())
    content = files.map_file(tmp_path / "values", "a test file")
    array = np.frombuffer(content, np.float32, 10000, 3)
    for _ in range(2):
        np.testing.assert_array_equal(array, values)
        files.let_go(array)
    files.let_go(values)
    np.testing.assert_array_equal(values, np.arange(10000))


def test_what_cannot_be_mapped_is_read(tmp_path):
    (tmp_path / "empty").touch()
    for name, message in (("empty", "is empty; a test file is expected"), ("none", "cannot be read: No such file")):
        with pytest.raises(files.WeightsError, match=message):
            files.map_file(tmp_path / name, "a test file")
