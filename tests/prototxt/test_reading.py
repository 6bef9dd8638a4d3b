import os
import subprocess
import sys
from pathlib import Path

import pytest

import prototxt
from prototxt import PrototxtError, load_net, load_solver, parse_net, read, schema


def sentence(run, *arguments):
    with pytest.raises(PrototxtError) as caught:
        run(*arguments)
    return str(caught.value)


def test_load_net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes(b'\xef\xbb\xbfname: "n"\r\n# \xc3\xa9\r\nlayers { type: RELU }\r\n')
    document = load_net(path)
    assert document.message == schema.NetParameter(name="n", layer=[schema.LayerParameter(type="ReLU")])
    assert document.filename == str(path)
    assert document.text == 'name: "n"\r\n# é\r\nlayers { type: RELU }\r\n'
    assert document.warnings == []


def test_read_does_not_upgrade(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text("layers { type: RELU }")
    assert len(read(path, schema.NetParameter).message.layers) == 1


def test_files_that_cannot_be_read(tmp_path):
    missing = tmp_path / "missing.prototxt"
    assert sentence(load_net, missing) == f"{missing}: no such file; expected a prototxt. Check the path."
    assert sentence(load_net, tmp_path) == f"{tmp_path}: this is a folder; expected a prototxt. Name a file in it."
    below = tmp_path / "file" / "net.prototxt"
    (tmp_path / "file").write_text("")
    assert sentence(load_net, below) == (
        f"{below}: the file cannot be read (Not a directory); expected a prototxt. Check the file and its permissions."
    )


def test_not_utf8_names_the_place(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes('name: "é"\n# '.encode() + b"caf\xe9\n")
    assert sentence(load_net, path) == (
        f"{path}:2:6: found the byte 0xe9; expected UTF-8. Save the file as UTF-8; or is it a binary file?\n"
        "  # caf\N{REPLACEMENT CHARACTER}\n"
        "       ^"
    )


def test_lenient_reading_of_a_net():
    document = parse_net('name: "n" layr { }', "n.prototxt", lenient=True)
    assert [str(warning) for warning in document.warnings] == [
        'n.prototxt:1:11: NetParameter has no field "layr". Did you mean "layer"?\n'
        '  name: "n" layr { }\n'
        "            ^"
    ]


def test_snapshot_prefix_follows_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("a.solver.prototxt").write_text("base_lr: 1")
    assert load_solver("a.solver.prototxt").message.snapshot_prefix == "a.solver"
    Path("b.prototxt").write_text('snapshot_prefix: "out"')
    assert load_solver("b.prototxt").message.snapshot_prefix == os.path.join("out", "b")
    Path("c.prototxt").write_text('snapshot_prefix: "out/c"')
    assert load_solver("c.prototxt").message.snapshot_prefix == "out/c"


def test_public_names():
    assert sorted(prototxt.__all__) == [
        "Document", "Location", "NetdefError", "PrototxtError", "load_net", "load_solver", "parse", "parse_net",
        "parse_solver", "read", "schema", "suggestion", "to_text", "upgrade_net", "upgrade_solver",
    ]  # fmt: skip
    assert all(getattr(prototxt, name) is not None for name in prototxt.__all__)


def test_import_is_light():
    heavy = ["numpy", "numba", "scipy", "google.protobuf.json_format", "tempfile"]
    code = f"import sys, prototxt; print([m for m in {heavy} if m in sys.modules])"
    root = Path(prototxt.__file__).parent.parent
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert run.stdout == "[]\n"
