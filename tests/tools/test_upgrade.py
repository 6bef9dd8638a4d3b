"""The commands ``netdef upgrade_…`` as users meet them."""

from __future__ import annotations

import pytest

from netdef.net import Net
from prototxt import load_net, parse, read, schema, to_text

V1 = """name: "old"
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 2
         inner_product_param { num_output: 2 bias_term: false } }
input: "data" input_dim: 1 input_dim: 3 input_dim: 1 input_dim: 1
"""
V2 = """name: "old"
layer {
  name: "input"
  type: "Input"
  top: "data"
  input_param {
    shape {
      dim: 1
      dim: 3
      dim: 1
      dim: 1
    }
  }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "data"
  top: "ip"
  param {
    lr_mult: 2
  }
  inner_product_param {
    num_output: 2
    bias_term: false
  }
}
"""


def test_a_net(run, tmp_path):
    (tmp_path / "old.prototxt").write_text(V1)
    result = run("upgrade_net_proto_text", "old.prototxt", "new.prototxt")
    assert (result.status, result.out, result.err) == (0, "new.prototxt: upgraded.\n", "")
    assert (tmp_path / "new.prototxt").read_text() == V2
    result = run("upgrade_net_proto_text", "new.prototxt", "new.prototxt")
    assert (result.status, result.out) == (0, "new.prototxt: written; it had the newest form already.\n")
    assert (tmp_path / "new.prototxt").read_text() == V2


def test_the_nets_that_caffe_upgraded(run, zoo_dir, tmp_path):
    for old in sorted((zoo_dir / "old").glob("v[01]_*.prototxt")):
        assert run("upgrade_net_proto_text", old, "new.prototxt").status == 0
        wanted = read(old.with_suffix(".upgraded"), schema.NetParameter).message
        assert read(tmp_path / "new.prototxt", schema.NetParameter).message == wanted, old.name


def test_what_is_left_out_is_told(run, tmp_path):
    layer = (
        'layers { layer { name: "d" type: "data" source: "s" batchsize: 2 rand_skip: 3 det_context_pad: 1 } top: "d" }'
    )
    (tmp_path / "old.prototxt").write_text(layer)
    result = run("upgrade_net_proto_text", "old.prototxt", "new.prototxt")
    assert result.status == 0 and "old.prototxt:1:" in result.err and "det_context_pad" in result.err


def test_a_caffemodel(run, tmp_path):
    message = parse(V1, schema.NetParameter).message
    blob = message.layers[0].blobs.add(num=1, channels=1, height=2, width=3)
    blob.data.extend([1, 2, 3, 4, 5, 6])
    (tmp_path / "old.caffemodel").write_bytes(message.SerializeToString())
    result = run("upgrade_net_proto_binary", "old.caffemodel", "new.caffemodel")
    assert (result.status, result.out, result.err) == (0, "new.caffemodel: upgraded.\n", "")
    upgraded = schema.NetParameter.FromString((tmp_path / "new.caffemodel").read_bytes())
    assert upgraded.layer[1].blobs[0] == blob
    upgraded.layer[1].ClearField("blobs")
    assert to_text(upgraded) == V2
    result = run("upgrade_net_proto_binary", "new.caffemodel", "again.caffemodel")
    assert (result.status, result.out) == (0, "again.caffemodel: written; it had the newest form already.\n")
    (tmp_path / "net.prototxt").write_text(V2)
    net = Net(load_net(tmp_path / "net.prototxt"))
    net.copy_from(tmp_path / "new.caffemodel")
    assert net.params["ip"][0].data.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_solver(run, tmp_path):
    (tmp_path / "old.prototxt").write_text('net: "n.prototxt" base_lr: 0.5 solver_type: NESTEROV')
    result = run("upgrade_solver_proto_text", "old.prototxt", "new.prototxt")
    assert (result.status, result.out, result.err) == (0, "new.prototxt: upgraded.\n", "")
    lines = (tmp_path / "new.prototxt").read_text().splitlines()
    assert sorted(lines) == ["base_lr: 0.5", 'net: "n.prototxt"', 'type: "Nesterov"']
    result = run("upgrade_solver_proto_text", "new.prototxt", "new.prototxt")
    assert (result.status, result.out) == (0, "new.prototxt: written; it had the newest form already.\n")


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        (
            "upgrade_net_proto_binary",
            V1.encode(),
            "old: seems to be prototxt text; a binary caffemodel is expected. Name the right file.\n",
        ),
        ("upgrade_net_proto_text", None, "old: no such file; expected a prototxt. Check the path.\n"),
        (
            "upgrade_solver_proto_text",
            b"bas_lr: 1",
            'old:1:1: SolverParameter has no field "bas_lr". Did you mean "base_lr"?\n  bas_lr: 1\n  ^\n',
        ),
    ],
)
def test_errors(run, tmp_path, command, content, message):
    if content is not None:
        (tmp_path / "old").write_bytes(content)
    result = run(command, "old", "new")
    assert result.status == 1 and result.err == message and not (tmp_path / "new").exists()


def test_a_binary_of_a_fork(run, tmp_path):
    """Field 104 of a layer is a ConcatParameter for Caffe; here a fork put a text that is no message there."""
    layer = b"\x0a\x01a" + b"\xc2\x06\x02\xff\xff"
    (tmp_path / "old").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    result = run("upgrade_net_proto_binary", "old", "new")
    assert result.status == 1
    assert result.err == (
        "old: holds a definition that Caffe's own programs did not write; a file of Caffe's is expected. "
        "Load it with a prototxt: from it only names and values are needed then.\n"
    )
