"""Files are written whole or not at all, also when the process dies or the disk is full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netdef.errors import WeightsError
from netdef.weights.atomic import check_writable, write_atomically

CHECKOUT = Path(__file__).resolve().parents[3]


def test_bytes_chunks_and_writers(tmp_path):
    target = tmp_path / "a.caffemodel"
    write_atomically(target, b"abc")
    assert target.read_bytes() == b"abc"
    write_atomically(target, iter([b"de", memoryview(b"f")]))
    assert target.read_bytes() == b"def"
    write_atomically(str(target), lambda file: file.write(b"ghi"))
    assert target.read_bytes() == b"ghi"
    assert os.listdir(tmp_path) == ["a.caffemodel"]


def test_replaced_file_keeps_its_mode(tmp_path):
    target = tmp_path / "a.caffemodel"
    target.write_bytes(b"old")
    target.chmod(0o640)
    write_atomically(target, b"new")
    assert target.stat().st_mode & 0o777 == 0o640


def test_symbolic_link_is_followed(tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "latest.caffemodel"
    link.symlink_to(tmp_path / "store" / "real.caffemodel")
    write_atomically(link, b"abc")
    assert link.is_symlink()
    assert (tmp_path / "store" / "real.caffemodel").read_bytes() == b"abc"


def test_failing_writer_leaves_the_old_file_alone(tmp_path):
    target = tmp_path / "a.caffemodel"
    target.write_bytes(b"old")

    def writer(file):
        file.write(b"half")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_atomically(target, writer)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.caffemodel"]


def test_missing_folder(tmp_path):
    target = tmp_path / "nowhere" / "a.caffemodel"
    with pytest.raises(WeightsError) as caught:
        write_atomically(target, b"abc")
    assert str(caught.value) == (
        f'{target}: cannot be written in folder "{target.parent}": No such file or directory. '
        "Create the folder first, or name another one."
    )


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    target = tmp_path / "file" / "a.caffemodel"
    with pytest.raises(WeightsError) as caught:
        write_atomically(target, b"abc")
    assert str(caught.value) == (
        f'{target}: cannot be written in folder "{target.parent}": Not a directory. '
        "Name a path whose parent is a folder."
    )


def test_target_that_is_a_folder(tmp_path):
    with pytest.raises(WeightsError) as caught:
        write_atomically(tmp_path, b"abc")
    assert str(caught.value) == (
        f"{tmp_path}: cannot be written: it is a folder; a file name is expected. Name a file in it."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    target = tmp_path / "a.caffemodel"
    with pytest.raises(WeightsError) as caught:
        write_atomically(target, b"abc")
    tmp_path.chmod(0o700)
    assert str(caught.value) == (
        f'{target}: cannot be written in folder "{tmp_path}": Permission denied. '
        "Make the folder writable or write to another one."
    )


def test_full_disk(tmp_path):
    """A limit on file sizes stands in for a disk that fills up half way."""
    target = tmp_path / "a.caffemodel"
    target.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WeightsError) as caught:
            write_atomically(target, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        f'{target}: cannot be written in folder "{tmp_path}": File too large. '
        "The file is larger than the system permits here; raise the limit or write to another folder."
    )
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.caffemodel"]


def test_check_writable(tmp_path):
    check_writable(tmp_path / "a.caffemodel")
    assert os.listdir(tmp_path) == []
    with pytest.raises(WeightsError, match="No such file or directory"):
        check_writable(tmp_path / "nowhere" / "a.caffemodel")


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    stale = tmp_path / f".a.caffemodel.{process.pid}-00000000.tmp"
    stale.write_bytes(b"half")
    running = tmp_path / f".a.caffemodel.{os.getpid()}-00000000.tmp"
    running.write_bytes(b"half")
    write_atomically(tmp_path / "a.caffemodel", b"abc")
    assert sorted(os.listdir(tmp_path)) == [running.name, "a.caffemodel"]


def test_killed_at_any_moment_the_file_is_whole(tmp_path):
    """A writer that never stops is killed again and again; what it leaves is always one of its versions."""
    target = tmp_path / "a.caffemodel"
    program = (
        "import sys; from netdef.weights.atomic import write_atomically\n"
        "version = 0\n"
        "while True:\n"
        "    version = (version + 1) % 256\n"
        "    write_atomically(sys.argv[1], [bytes([version]) * 1000] * 300)\n"
    )
    for attempt in range(6):
        process = subprocess.Popen([sys.executable, "-c", program, str(target)], cwd=CHECKOUT)
        deadline = time.monotonic() + 20
        while not target.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.013 * (attempt + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = target.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1
        target.unlink()
    write_atomically(target, b"")
    assert os.listdir(tmp_path) == ["a.caffemodel"]
